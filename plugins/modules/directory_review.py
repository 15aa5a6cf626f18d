#!/usr/bin/python
# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Report stale accounts and members of privileged groups; changes nothing."""

from __future__ import annotations

DOCUMENTATION = r"""
module: directory_review
short_description: Report unused accounts and members of privileged groups
description:
  - Changes nothing. Accounts from a roster appear as pseudonyms and counts; only other members of
    privileged groups, which are administrators, appear by the names of their accounts.
options:
  stale_days:
    description:
      - Days without a login after which an enabled account is stale. AD's own record is up to 14
        days late.
    type: int
    default: 90
  privileged_groups:
    description: Names of privileged groups. A group that does not exist is skipped.
    type: list
    elements: str
    default: [Domain Admins, Enterprise Admins, Schema Admins, Administrators]
  pseudonym_key:
    description: The same key as in M(fitsom.school.directory_sync), for the same pseudonyms.
    type: str
    required: true
  now:
    description: The reference time, such as C(2026-09-01T08:00:00); the current time if empty.
    type: str
    default: ""
extends_documentation_fragment:
  - fitsom.school.directory
attributes:
  check_mode:
    description: Changes nothing in any mode.
    support: full
author: The fitsom authors (@fitsom)
"""

EXAMPLES = r"""
- name: Report unused accounts and members of privileged groups
  fitsom.school.directory_review:
    servers: [dc1.school.test]
    base: OU=School,DC=school,DC=test
    bind_dn: CN=fitsom,CN=Users,DC=school,DC=test
    bind_password: "{{ directory_users_bind_password }}"
    ca_file: /etc/fitsom/directory-ca.pem
    pseudonym_key: "{{ directory_users_pseudonym_key }}"
  delegate_to: localhost
"""

RETURN = r"""
stale:
  description: Unused accounts, C({id, group, last}).
  type: list
  returned: success
privileged:
  description: Members of privileged groups, C({group, account, since, exact, direct}).
  type: list
  returned: success
fitsom:
  description: The same as checks and notes for the report.
  type: dict
  returned: success
"""

from collections import Counter
from datetime import datetime, timezone
from typing import Any, Dict, List

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.directory.arguments import ARGUMENTS, fail_without_names, login_from, require_ldap3
from ..module_utils.directory.model import Action, Step
from ..module_utils.directory.objects import pseudonym, report_group

SPEC = dict(
    ARGUMENTS,
    stale_days={"type": "int", "default": 90},
    privileged_groups={
        "type": "list",
        "elements": "str",
        "default": ["Domain Admins", "Enterprise Admins", "Schema Admins", "Administrators"],
    },
    pseudonym_key={"type": "str", "required": True, "no_log": True},
    now={"type": "str", "default": ""},
)


def reference_time(module: AnsibleModule) -> datetime:
    """The time up to which days without a login are counted."""
    text = module.params["now"]
    try:
        parsed = datetime.fromisoformat(text) if text else datetime.now().astimezone()
    except ValueError:
        module.fail_json(msg="now is %r, not a time such as 2026-09-01T08:00:00" % text)
        raise
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=timezone.utc)


def review(module: AnsibleModule) -> Dict[str, Any]:
    """The module's result: both lists, and the facts for the report."""
    from ..module_utils.directory import connection, reader
    from ..module_utils.directory import review as directory_reader

    params, key = module.params, module.params["pseudonym_key"].encode()
    if not key:
        module.fail_json(msg="pseudonym_key is empty: without it names could be guessed from pseudonyms")
    link = connection.connect(login_from(params))
    mapping = reader.map_for(link, params["kind"], params["base"])
    current = reader.read(link, mapping)
    stale = [
        {
            "id": pseudonym(key, account.source_id),
            "group": _report_group(current, account.source_id),
            "last": account.last,
        }
        for account in directory_reader.find_stale_accounts(
            link, mapping, reference_time(module), params["stale_days"]
        )
    ]
    privileged: List[Dict[str, Any]] = []
    for group in params["privileged_groups"]:
        for member in directory_reader.find_privileged_members(link, mapping, group) or []:
            account = pseudonym(key, member.source_id) if member.source_id else member.account
            details = {
                "since": member.since,
                "exact": member.exact,
                "direct": member.direct,
                "ours": bool(member.source_id),
            }
            privileged.append({"group": group, "account": account, **details})
    link.close()
    return {
        "stale": stale,
        "privileged": privileged,
        "fitsom": facts(stale, privileged, params["stale_days"]),
    }


def _report_group(current: Any, source_id: str) -> str:
    return report_group(Step(action=Action.UPDATE_USER, key=source_id), current)


def facts(stale: List[Dict[str, Any]], privileged: List[Dict[str, Any]], days: int) -> Dict[str, Any]:
    """Checks and notes for the report."""
    counts = Counter(row["group"] for row in stale)
    summary = ", ".join("%s %d" % pair for pair in sorted(counts.items()))
    roster_accounts = sum(row["ours"] for row in privileged)
    checks = [
        {"name": "accounts unused for %d days" % days, "ok": not stale, "detail": summary or "none"},
        {
            "name": "no roster account is in a privileged group",
            "ok": not roster_accounts,
            "detail": "%d accounts" % roster_accounts if roster_accounts else "",
        },
    ]
    return {"checks": checks, "notes": [_sentence(row) for row in privileged]}


def _sentence(row: Dict[str, Any]) -> str:
    limit = "" if row["exact"] else " at the latest"
    day = ", since %s%s" % (row["since"], limit) if row["since"] else ""
    way = "" if row["direct"] else ", through another group"
    return "%s: %s%s%s" % (row["group"], row["account"], day, way)


def main() -> None:
    """Entry point."""
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    require_ldap3(module)
    with fail_without_names(module):
        module.exit_json(changed=False, **review(module))


if __name__ == "__main__":
    main()
