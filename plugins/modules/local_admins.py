#!/usr/bin/python
# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The local administrators of a host: who is listed may log in and become root, who is absent may
not.
"""

from __future__ import annotations

DOCUMENTATION = r"""
module: local_admins
short_description: Keep the local administrators of a host
description:
  - Makes each listed account, with exactly its keys, a member of the group that may become root.
  - Takes every access from the accounts that are absent; their homes stay.
  - Other members of that group are a finding, with their number and without names.
  - Nothing is touched where a list cannot be right, or where it would take the access of the
    account that this run logs in with.
options:
  accounts:
    description: The administrators.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: The account, one for each person.
        type: str
        required: true
      keys:
        description: Its public keys, all of them. Left out, they stay as they are.
        type: list
        elements: str
      password:
        description: The hash of its password. Left out, it stays as it is.
        type: str
      comment:
        description: The full name. It is in no result.
        type: str
      shell:
        description: Its shell.
        type: str
        default: /bin/bash
  absent:
    description: Accounts that lose their access.
    type: list
    elements: str
    default: []
  group:
    description: The group whose members may become root.
    type: str
    default: sudo
  others:
    description: What is done with its other members. They are reported in any case.
    type: str
    choices: [report, remove]
    default: report
  password_needed:
    description: Whether sudo asks for a password; then each administrator must have one.
    type: bool
    default: true
  ci:
    description: What findings call this host.
    type: str
    required: true
author: The fitsom authors (@fitsom)
attributes:
  check_mode:
    description: Reports each account that would be changed.
    support: full
  diff_mode:
    description: Rights and fingerprints before and after; never a hash or a full name.
    support: full
"""

EXAMPLES = r"""
- name: Keep the administrators
  fitsom.school.local_admins:
    accounts:
      - name: adm-lee
        keys: ["ssh-ed25519 AAAA... lee"]
        password: "{{ vault_adm_lee_hash }}"
    absent: [adm-may]
    ci: srv1
"""

RETURN = r"""
fitsom:
  description: Each account that changes, and what was found.
  type: dict
  returned: success
"""

import grp
import os
import pwd
from typing import Any, Dict, List, Optional, Tuple

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.baseline.administrators import (
    DesiredAccount,
    ExistingAccount,
    Step,
    describe,
    desired_account,
    faults,
    members,
    needs_no_password,
    plan_entry,
    primary_members,
    refusals,
    rows,
    steps,
    target_account,
    uid_zero,
    unlisted,
    without_access,
)
from ..module_utils.baseline.kept_files import file_entry
from ..module_utils.findings import finding
from ..module_utils.linux import read_exactly, ssh_user, write_file

RULES = "/etc/sudoers.d"
OUR_RULE = "00-fitsom"
KEY_FILES = (".ssh/authorized_keys", ".ssh/authorized_keys2")


def keys_of(home: str) -> Tuple[str, ...]:
    lines: List[str] = []
    for name in KEY_FILES:
        lines += [line.strip() for line in read_exactly(os.path.join(home, name)).splitlines()]
    return tuple(line for line in lines if line and not line.startswith("#"))


def existing_account(name: str, admins: List[str]) -> Optional[ExistingAccount]:
    """The local account of that name; None if there is none."""
    account, shadow = rows(read_exactly("/etc/passwd")).get(name), rows(read_exactly("/etc/shadow")).get(name)
    if account is None or shadow is None:
        return None
    return ExistingAccount(
        uid=int(account[2]),
        comment=account[4],
        home=account[5],
        shell=account[6],
        password=shadow[1],
        expires=shadow[7],
        member=name in admins,
        keys=keys_of(account[5]),
    )


def run_user() -> str:
    """The account that this run logs in with, where it uses ssh."""
    account = ssh_user()
    return account.pw_name if account else ""


def is_in_directory(name: str, existing: Optional[ExistingAccount]) -> bool:
    try:
        return existing is None and bool(pwd.getpwnam(name))
    except KeyError:
        return False


def put_keys(name: str, keys: Tuple[str, ...]) -> None:
    """Exactly these keys, readable by their owner alone."""
    account = pwd.getpwnam(name)
    paths = [os.path.join(os.path.realpath(account.pw_dir), key_file) for key_file in KEY_FILES]
    for path in paths if not keys else paths[1:]:
        if file_entry(path)["kind"] != "absent":
            os.unlink(path)
    if keys:
        folder = os.path.dirname(paths[0])
        if not os.path.isdir(folder):
            os.mkdir(folder, 0o700)
            os.chown(folder, account.pw_uid, account.pw_gid)
        file_entry(paths[0])
        write_file(
            paths[0], "".join(key + "\n" for key in keys).encode(), 0o600, account.pw_uid, account.pw_gid
        )


def carry_out(module: AnsibleModule, name: str, todo: List[Step]) -> None:
    for step in todo:
        if step.keys is not None:
            try:
                put_keys(name, step.keys)
            except (OSError, ValueError) as error:
                module.fail_json(msg="The keys of %s could not be written: %s" % (name, error))
            continue
        code, _out, err = module.run_command(step.command, data=step.stdin)
        if code:
            module.fail_json(msg="%s of %s failed: %s" % (step.command[0], name, err.strip()))


def findings(ci: str, unlisted_members: List[str], roots: List[str]) -> List[Dict[str, str]]:
    result = []
    if unlisted_members:
        result.append(
            finding(
                "administrator-unknown",
                "warning",
                ci,
                "%d accounts that nobody listed may become root." % len(unlisted_members)
                if len(unlisted_members) > 1
                else "An account that nobody listed may become root.",
                evidence="members of sudo beyond the list: %d" % len(unlisted_members),
                do="getent group sudo; list them in baseline_accounts_administrators, or take the right away",
            )
        )
    if roots:
        result.append(
            finding(
                "root-by-another-name",
                "exception",
                ci,
                "%d accounts other than root have all its rights." % len(roots)
                if len(roots) > 1
                else "An account other than root has all its rights.",
                evidence="accounts with the user id 0 other than root: %d" % len(roots),
                do="awk -F: '$3 == 0' /etc/passwd; find out who made them, and remove them",
            )
        )
    return result


def would_lose_passwordless_sudo(module: AnsibleModule, user: str) -> bool:
    """Whether sudo lets the account of this run become root unasked now, and our rule for the group
    would end that.
    """
    if module.run_command(["runuser", "-u", user, "--", "sudo", "-n", "-k", "true"])[0]:
        return False
    account = pwd.getpwnam(user)
    groups = [grp.getgrgid(gid).gr_name for gid in os.getgrouplist(user, account.pw_gid)]
    later = [
        name for name in os.listdir(RULES) if name > OUR_RULE and "." not in name and not name.endswith("~")
    ]
    unasked = [
        name for name in later if needs_no_password(read_exactly(os.path.join(RULES, name)), user, groups)
    ]
    return module.params["group"] in groups and not unasked


def run_user_problems(
    module: AnsibleModule,
    desired: List[DesiredAccount],
    existing: Dict[str, Optional[ExistingAccount]],
) -> List[str]:
    """What would take the access of the account that this run logs in with."""
    own_account, problems = run_user(), []
    if own_account in module.params["absent"]:
        problems.append("%s is the account that this run logs in with" % own_account)
    own_entry = [account for account in desired if account.name == own_account and account.keys is not None]
    if own_entry and not set(own_entry[0].keys or ()) & set(
        (existing[own_account] or target_account(own_entry[0], None)).keys
    ):
        problems.append(
            "none of the keys listed for %s, which this run logs in with, is one that it has now"
            % own_account
        )
    if own_account in ("", "root") or not module.params["password_needed"]:
        return problems
    if would_lose_passwordless_sudo(module, own_account):
        problems.append(
            "sudo would ask %s, which this run logs in with, for a password from now on: give it a rule of its own"
            " (%s ALL=(ALL:ALL) NOPASSWD: ALL) in %s, in a file after %s"
            % (own_account, own_account, RULES, OUR_RULE)
        )
    return problems


def plan(
    module: AnsibleModule, desired: List[DesiredAccount], admins: List[str]
) -> Dict[str, Tuple[Optional[ExistingAccount], ExistingAccount]]:
    """Each account as it is and as it shall be; refuses what cannot be right before anything is
    touched.
    """
    params = module.params
    names = [account.name for account in desired] + params["absent"]
    existing = {name: existing_account(name, admins) for name in names}
    problems = faults(desired, params["absent"]) or refusals(
        desired, params["absent"], existing, params["password_needed"]
    )
    problems += [
        "%s comes from the directory, and is not an account of this host" % n
        for n in names
        if is_in_directory(n, existing[n])
    ]
    problems += run_user_problems(module, desired, existing)
    if problems:
        module.fail_json(
            msg="Nothing was touched. The administrators are not right: %s." % "; ".join(problems)
        )
    pairs: Dict[str, Tuple[Optional[ExistingAccount], ExistingAccount]] = {
        account.name: (existing[account.name], target_account(account, existing[account.name]))
        for account in desired
    }
    for name in params["absent"]:
        account = existing[name]
        if account:
            pairs[name] = (account, without_access(account))
    return {name: (account, target) for name, (account, target) in pairs.items() if account != target}


def removal_entry(name: str, passwd: str) -> Dict[str, str]:
    """A member that nobody listed, in the plan; its name stays on the host."""
    is_local = name in rows(passwd)
    uid = "account with the id %s" % rows(passwd)[name][2] if is_local else "account of the directory"
    what = "may not become root any more; nobody listed it"
    return {"kind": "administrator", "id": uid, "action": "remove", "group": "administrators", "what": what}


def main() -> None:
    account_spec: Dict[str, Any] = {
        "name": {"type": "str", "required": True},
        "keys": {"type": "list", "elements": "str", "no_log": False},
        "password": {"type": "str", "no_log": True},
        "comment": {"type": "str", "no_log": True},
        "shell": {"type": "str", "default": "/bin/bash"},
    }
    spec = {
        "accounts": {"type": "list", "elements": "dict", "default": [], "options": account_spec},
        "absent": {"type": "list", "elements": "str", "default": []},
        "group": {"type": "str", "default": "sudo"},
        "others": {"type": "str", "choices": ["report", "remove"], "default": "report"},
        "password_needed": {"type": "bool", "default": True, "no_log": False},
        "ci": {"type": "str", "required": True},
    }
    module = AnsibleModule(argument_spec=spec, supports_check_mode=True)
    params, passwd, group = module.params, read_exactly("/etc/passwd"), read_exactly("/etc/group")
    desired = [desired_account(account) for account in params["accounts"]]
    admins = members(group, params["group"])
    pairs = plan(module, desired, admins)
    listed = [*(account.name for account in desired), *params["absent"], run_user()]
    unlisted_members = unlisted([*admins, *primary_members(group, params["group"], passwd)], listed)
    to_remove = [name for name in unlisted_members if name in admins] if params["others"] == "remove" else []
    objects = [plan_entry(name, existing, target) for name, (existing, target) in pairs.items()]
    objects += [removal_entry(name, passwd) for name in to_remove]
    diff = [
        {
            "before_header": name,
            "after_header": name,
            "before": describe(existing, target),
            "after": describe(target, existing),
        }
        for name, (existing, target) in pairs.items()
    ]
    if not module.check_mode:
        for name, (existing, target) in pairs.items():
            carry_out(module, name, steps(name, existing, target, params["group"]))
        for name in to_remove:
            carry_out(module, name, [Step(["gpasswd", "-d", name, params["group"]])])
    module.exit_json(
        changed=bool(objects),
        diff=diff,
        fitsom={"objects": objects, "findings": findings(params["ci"], unlisted_members, uid_zero(passwd))},
    )


if __name__ == "__main__":
    main()
