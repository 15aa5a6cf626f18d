#!/usr/bin/python
# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Update the accounts and groups of a directory from a school's roster."""

from __future__ import annotations

DOCUMENTATION = r"""
module: directory_sync
short_description: Update accounts and groups from a roster
description:
  - Reads a roster, derives the desired units, accounts and groups from it by a policy, and applies
    the differences to the directory over LDAPS.
  - Runs on the controller. Check mode predicts exactly the steps of a run.
  - Changes only entries below O(base), and only accounts with a source id (C(employeeNumber)).
  - The output has counts and pseudonyms, never the name, username or DN of a person.
  - Passwords of new accounts, and the data of deleted accounts, are written to an encrypted file
    first.
  - Stops at the first error and reports the completed steps; another run does the remaining ones.
options:
  roster:
    description: The roster; a zip or a folder for C(oneroster), a file for C(csv).
    type: path
    required: true
  roster_format:
    description: The format of the roster.
    type: str
    choices: [oneroster, csv]
    default: oneroster
  roster_mapping:
    description: For C(csv), the column of each field.
    type: dict
    default: {}
  roster_complete:
    description: For C(csv), whether people who are not in the file have left.
    type: bool
    default: true
  policy:
    description: The school's settings for usernames, units, groups and leavers.
    type: dict
    default: {}
  today:
    description: The day to plan for, such as C(2026-09-01); the controller's date if empty.
    type: str
    default: ""
  handover_dir:
    description: Folder for the encrypted hand-over; required if accounts are created or deleted.
    type: path
    default: ""
  handover_passphrase:
    description: Passphrase of the hand-over; C(ansible-vault view) shows the file.
    type: str
    default: ""
  pseudonym_key:
    description: Secret key of the school's pseudonyms; they stay the same as long as the key does.
    type: str
    required: true
  connections:
    description: Number of parallel connections.
    type: int
    default: 2
extends_documentation_fragment:
  - fitsom.school.directory
attributes:
  check_mode:
    description: Predicts exactly the steps of a run.
    support: full
  diff_mode:
    description: Counts by kind and group.
    support: full
author: The fitsom authors (@fitsom)
"""

EXAMPLES = r"""
- name: Update accounts and groups from the roster
  fitsom.school.directory_sync:
    servers: [dc1.school.test]
    kind: samba
    base: OU=School,DC=school,DC=test
    bind_dn: CN=fitsom,CN=Users,DC=school,DC=test
    bind_password: "{{ directory_users_bind_password }}"
    ca_file: /etc/fitsom/directory-ca.pem
    roster: "{{ fitsom_inputs.roster }}"
    handover_dir: /srv/fitsom/handover
    handover_passphrase: "{{ directory_users_handover_passphrase }}"
    pseudonym_key: "{{ directory_users_pseudonym_key }}"
  delegate_to: localhost
"""

RETURN = r"""
fitsom:
  description: Changed objects, or in check mode the predicted ones; checks and notes.
  type: dict
  returned: always
counts:
  description: Number of steps by action, C({create_user:\ 120, move_user:\ 800}).
  type: dict
  returned: success
handover:
  description: Path of the encrypted hand-over of this run; empty if none was needed.
  type: str
  returned: success
"""

from collections import Counter
from datetime import date, datetime
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.directory import desired, handover, oneroster, passwords, plaincsv, policy
from ..module_utils.directory import steps as planning
from ..module_utils.directory.arguments import ARGUMENTS, fail_without_names, login_from, require_ldap3
from ..module_utils.directory.model import Action, FaultyInputError, Roster, Step, User

SPEC = dict(
    ARGUMENTS,
    roster={"type": "path", "required": True},
    roster_format={"type": "str", "choices": ["oneroster", "csv"], "default": "oneroster"},
    roster_mapping={"type": "dict", "default": {}},
    roster_complete={"type": "bool", "default": True},
    policy={"type": "dict", "default": {}},
    today={"type": "str", "default": ""},
    handover_dir={"type": "path", "default": ""},
    handover_passphrase={"type": "str", "default": "", "no_log": True},
    pseudonym_key={"type": "str", "required": True, "no_log": True},
    connections={"type": "int", "default": 2},
)
MOST_FAULTS = 200
SECRET_ACTIONS = (Action.CREATE_USER, Action.EXPORT_USER)


class Sync:
    """One run: reads roster and directory, plans the steps, and reports or applies them."""

    def __init__(self, module: AnsibleModule) -> None:
        self.module = module
        self.params = module.params
        self.key = self.params["pseudonym_key"].encode()
        self.checks: List[Dict[str, Any]] = []
        self.notes: List[str] = []

    def run(self) -> None:
        from ..module_utils.directory import connection, maps, reader

        if not self.key:
            self.module.fail_json(
                msg="pseudonym_key is empty: without it names could be guessed from pseudonyms"
            )
        today, rules = self._today(), self._policy()
        roster = self._roster(today)
        links = [connection.connect(login_from(self.params))]
        self.mapping = reader.map_for(
            links[0], self.params["kind"], self.params["base"], upn_domain=rules.upn_domain
        )
        self.current = reader.read(links[0], self.mapping)
        self.desired = maps.without_unsupported(
            self.mapping, desired.desired_state(roster, rules, today, self.current)
        )
        self.steps = planning.plan_steps(self.current, self.desired, rules, today)
        self.notes += planning.notes(self.current, rules, today)
        self._require_safety(roster, rules)
        self._require_handover()
        if self.module.check_mode or not self.steps:
            self.module.exit_json(**self._result(self.steps, ""))
        self._apply_steps(links)

    def _apply_steps(self, links: List[Any]) -> None:
        from ..module_utils.directory import connection, engine

        secrets = {
            step.key: passwords.generate(step.after)
            for step in self.steps
            if step.action is Action.CREATE_USER and isinstance(step.after, User)
        }
        path = self._write_handover(secrets)
        links += [
            connection.connect(login_from(self.params)) for _number in range(self.params["connections"] - 1)
        ]
        report = engine.Engine(links, self.mapping, self.current, secrets).apply(self.steps)
        for link in links:
            link.close()
        result = self._result(report.completed, path)
        if report.error:
            self.module.fail_json(msg=self._failure(report.failed, report.error, report), **result)
        self.module.exit_json(**result)

    # options

    def _today(self) -> date:
        if not self.params["today"]:
            return datetime.now().astimezone().date()
        try:
            return date.fromisoformat(self.params["today"])
        except ValueError:
            self.module.fail_json(msg="today is %r, not a day such as 2026-09-01" % self.params["today"])
            raise

    def _policy(self) -> policy.Policy:
        try:
            return policy.from_mapping(self.params["policy"])
        except policy.PolicyError as error:
            self.module.fail_json(msg="the policy has mistakes:\n%s" % error)
            raise

    def _roster(self, today: date) -> Roster:
        path = Path(self.params["roster"])
        try:
            if self.params["roster_format"] == "oneroster":
                roster = oneroster.read(path, today=today)
            else:
                mapping = self.params["roster_mapping"]
                roster = plaincsv.read(path, mapping, complete=self.params["roster_complete"])
        except FaultyInputError as error:
            self._fail_with_faults(error)
            raise
        except ValueError as error:
            self.module.fail_json(msg="roster_mapping: %s" % error)
            raise
        detail = "%d people, %d classes" % (len(roster.people), len(roster.classes))
        self.checks.append({"name": "the roster can be read", "ok": True, "detail": detail})
        return roster

    def _fail_with_faults(self, error: FaultyInputError) -> None:
        faults = [str(fault) for fault in error.faults]
        omitted = len(faults) - MOST_FAULTS
        lines = faults[:MOST_FAULTS] + (["and %d more" % omitted] if omitted > 0 else [])
        check = {"name": "the roster can be read", "ok": False, "detail": "%d faults" % len(faults)}
        self.module.fail_json(
            msg="the roster has faults and was not used:\n%s" % "\n".join(lines),
            fitsom={"checks": [check]},
        )

    # before the run

    def _require_safety(self, roster: Roster, rules: policy.Policy) -> None:
        reasons = planning.refusal_reasons(self.current, self.steps, roster, rules)
        self.checks += [
            {"name": "the roster is safe to follow", "ok": False, "detail": reason} for reason in reasons
        ]
        if reasons:
            self.module.fail_json(
                msg="nothing was changed: %s" % "; ".join(reasons),
                fitsom={"checks": self.checks, "notes": self.notes},
            )
        self.checks.append({"name": "the roster is safe to follow", "ok": True, "detail": ""})

    def _require_handover(self) -> None:
        writes_handover = any(step.action in SECRET_ACTIONS for step in self.steps)
        if writes_handover and not (self.params["handover_dir"] and self.params["handover_passphrase"]):
            self.module.fail_json(
                msg="accounts would be created or deleted: handover_dir and handover_passphrase are needed"
            )

    def _write_handover(self, secrets: Dict[str, str]) -> str:
        rows = handover.content(self.steps, secrets, self.current, self.desired)
        if not rows:
            return ""
        head = (
            "# Written before the accounts were created. If the run stopped early, the file of the next run\n"
            "# has new passwords for the accounts that were not created.\n"
        )
        try:
            folder = Path(self.params["handover_dir"])
            written_at = datetime.now().astimezone()
            return str(
                handover.write(folder, self.params["handover_passphrase"], rows, written_at, head=head)
            )
        except handover.HandoverError as error:
            self.module.fail_json(msg="nothing was changed: %s" % error)
            raise

    # results

    def _result(self, steps: Sequence[Step], path: str) -> Dict[str, Any]:
        rows = planning.object_rows(steps, self.current, self.key)
        counts = Counter(step.action.value for step in steps)
        facts = {"objects": rows, "checks": self.checks, "notes": self.notes}
        return {
            "changed": bool(steps),
            "counts": dict(counts),
            "handover": path,
            "fitsom": facts,
            "diff": diff(rows),
        }

    def _failure(self, failed: Optional[Step], error: str, report: Any) -> str:
        label = "one step"
        if failed:
            row = planning.object_rows([failed], self.current, self.key)[0]
            label = "%s %s %s" % (row["action"], row["kind"], row["id"])
        return "stopped at %s: %s. Completed steps: %d. Remaining steps: %d; another run does them." % (
            label,
            error,
            len(report.completed),
            len(report.remaining),
        )


def diff(rows: Sequence[Dict[str, str]]) -> Dict[str, str]:
    """Counts by action and group, as a diff with an empty "before"."""
    counts = Counter((row["kind"], row["action"], row["group"]) for row in rows)
    lines = [
        "%s %s, %s: %d\n" % (action, kind, group, count)
        for (kind, action, group), count in sorted(counts.items())
    ]
    return {"before": "", "after": "".join(lines)}


def main() -> None:
    """Entry point."""
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    require_ldap3(module)
    with fail_without_names(module):
        Sync(module).run()


if __name__ == "__main__":
    main()
