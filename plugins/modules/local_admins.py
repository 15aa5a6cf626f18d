#!/usr/bin/python
# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The local administrators of a host: who is listed may log in and become root, who is absent may not."""

from __future__ import annotations

DOCUMENTATION = r"""
module: local_admins
short_description: Keep the local administrators of a host
description:
  - Makes each listed account, with exactly its keys, a member of the group that may become root.
  - Takes every access from the accounts that are absent; their homes stay.
  - Other members of that group are a finding, with their number and without names.
  - Nothing is touched where a list can not be right, or where it would take the access of the account that this run
    came by.
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
    description: What becomes of its other members. They are reported in any case.
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
    description: Tells each account that would be changed.
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
    Found,
    Step,
    Wanted,
    at_home,
    faults,
    load,
    members,
    needs_no_password,
    refusals,
    rows,
    steps,
    strangers,
    to_be,
    told,
    uid_zero,
    without_access,
    words,
)
from ..module_utils.baseline.kept_files import file_entry, write
from ..module_utils.findings import finding
from ..module_utils.firewall.host import read, ssh_process

RULES = "/etc/sudoers.d"
OURS = "00-fitsom"
KEY_FILES = (".ssh/authorized_keys", ".ssh/authorized_keys2")


def keys_of(home: str) -> Tuple[str, ...]:
    lines: List[str] = []
    for name in KEY_FILES:
        lines += [line.strip() for line in read(os.path.join(home, name)).splitlines()]
    return tuple(line for line in lines if line and not line.startswith("#"))


def found_of(name: str, admins: List[str]) -> Optional[Found]:
    """The local account of that name; None if there is none."""
    account, shadow = rows(read("/etc/passwd")).get(name), rows(read("/etc/shadow")).get(name)
    if account is None or shadow is None:
        return None
    return Found(
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
    """The account that this run came by, where it came by ssh."""
    process = ssh_process()
    return pwd.getpwuid(os.stat("/proc/%d" % process).st_uid).pw_name if process else ""


def of_a_directory(name: str, found: Optional[Found]) -> bool:
    try:
        return found is None and bool(pwd.getpwnam(name))
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
        write(paths[0], "".join(key + "\n" for key in keys).encode(), 0o600, account.pw_uid, account.pw_gid)


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


def findings(ci: str, others: List[str], roots: List[str]) -> List[Dict[str, str]]:
    told_of = []
    if others:
        told_of.append(
            finding(
                "administrator-unknown",
                "warning",
                ci,
                "%d accounts that nobody listed may become root." % len(others)
                if len(others) > 1
                else "An account that nobody listed may become root.",
                evidence="members of sudo beyond the list: %d" % len(others),
                do="getent group sudo; list them in baseline_accounts_administrators, or take the right away",
            )
        )
    if roots:
        told_of.append(
            finding(
                "root-by-another-name",
                "exception",
                ci,
                "%d accounts besides root have all its rights." % len(roots)
                if len(roots) > 1
                else "An account besides root has all its rights.",
                evidence="accounts with the user id 0 besides root: %d" % len(roots),
                do="awk -F: '$3 == 0' /etc/passwd; find out who made them, and remove them",
            )
        )
    return told_of


def asked_from_now_on(module: AnsibleModule, user: str) -> bool:
    """Whether sudo lets the account of this run become root unasked now, and our rule for the group would end that."""
    if module.run_command(["runuser", "-u", user, "--", "sudo", "-n", "-k", "true"])[0]:
        return False
    account = pwd.getpwnam(user)
    groups = [grp.getgrgid(gid).gr_name for gid in os.getgrouplist(user, account.pw_gid)]
    later = [name for name in os.listdir(RULES) if name > OURS and "." not in name and not name.endswith("~")]
    unasked = [name for name in later if needs_no_password(read(os.path.join(RULES, name)), user, groups)]
    return module.params["group"] in groups and not unasked


def plan(
    module: AnsibleModule, wanted: List[Wanted], admins: List[str]
) -> Dict[str, Tuple[Optional[Found], Found]]:
    """Each account as it is and as it shall be; refuses what can not be right before anything is touched."""
    given, mine = module.params, run_user()
    names = [one.name for one in wanted] + given["absent"]
    found = {name: found_of(name, admins) for name in names}
    wrong = faults(wanted, given["absent"]) or refusals(
        wanted, given["absent"], found, given["password_needed"]
    )
    wrong += [
        "%s comes from the directory, and is none of this host" % n
        for n in names
        if of_a_directory(n, found[n])
    ]
    if mine in given["absent"]:
        wrong.append("%s is the account that this run came by" % mine)
    listed = [one for one in wanted if one.name == mine and one.keys is not None]
    if listed and not set(listed[0].keys or ()) & set((found[mine] or to_be(listed[0], None)).keys):
        wrong.append("none of the keys listed for %s, which this run came by, is one that it has now" % mine)
    if mine and mine != "root" and given["password_needed"] and asked_from_now_on(module, mine):
        wrong.append(
            "sudo would ask %s, which this run came by, for a password from now on: give it a rule of its own"
            " (%s ALL=(ALL:ALL) NOPASSWD: ALL) in %s, in a file after %s" % (mine, mine, RULES, OURS)
        )
    if wrong:
        module.fail_json(msg="Nothing was touched. The administrators are not right: %s." % "; ".join(wrong))
    pairs: Dict[str, Tuple[Optional[Found], Found]] = {
        one.name: (found[one.name], to_be(one, found[one.name])) for one in wanted
    }
    for name in given["absent"]:
        now = found[name]
        if now:
            pairs[name] = (now, without_access(now))
    return {name: (now, then) for name, (now, then) in pairs.items() if now != then}


def main() -> None:
    account: Dict[str, Any] = {
        "name": {"type": "str", "required": True},
        "keys": {"type": "list", "elements": "str", "no_log": False},
        "password": {"type": "str", "no_log": True},
        "comment": {"type": "str", "no_log": True},
        "shell": {"type": "str", "default": "/bin/bash"},
    }
    spec = {
        "accounts": {"type": "list", "elements": "dict", "default": [], "options": account},
        "absent": {"type": "list", "elements": "str", "default": []},
        "group": {"type": "str", "default": "sudo"},
        "others": {"type": "str", "choices": ["report", "remove"], "default": "report"},
        "password_needed": {"type": "bool", "default": True, "no_log": False},
        "ci": {"type": "str", "required": True},
    }
    module = AnsibleModule(argument_spec=spec, supports_check_mode=True)
    given, passwd, group = module.params, read("/etc/passwd"), read("/etc/group")
    wanted = [load(one) for one in given["accounts"]]
    admins = members(group, given["group"])
    pairs = plan(module, wanted, admins)
    known = [*(one.name for one in wanted), *given["absent"], run_user()]
    others = strangers([*admins, *at_home(group, given["group"], passwd)], known)
    going = [name for name in others if name in admins] if given["others"] == "remove" else []
    objects = [told(name, now, then) for name, (now, then) in pairs.items()]
    for name in going:
        uid = (
            "account with the id %s" % rows(passwd)[name][2]
            if name in rows(passwd)
            else "account of the directory"
        )
        what = "may not become root any more; nobody listed it"
        objects.append(
            {"kind": "administrator", "id": uid, "action": "remove", "group": "administrators", "what": what}
        )
    diff = [
        {"before_header": name, "after_header": name, "before": words(now, then), "after": words(then, now)}
        for name, (now, then) in pairs.items()
    ]
    if not module.check_mode:
        for name, (now, then) in pairs.items():
            carry_out(module, name, steps(name, now, then, given["group"]))
        for name in going:
            carry_out(module, name, [Step(["gpasswd", "-d", name, given["group"]])])
    module.exit_json(
        changed=bool(objects),
        diff=diff,
        fitsom={"objects": objects, "findings": findings(given["ci"], others, uid_zero(passwd))},
    )


if __name__ == "__main__":
    main()
