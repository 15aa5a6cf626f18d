#!/usr/bin/python
# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Have the kernel's audit follow a file of rules, or bring the old file back."""

from __future__ import annotations

DOCUMENTATION = r"""
module: audit_rules
short_description: Have the kernel's audit follow a file of rules
description:
  - Looks whether the rules are sound before anything is written, writes the file only if it
    differs, and has C(augenrules) load it. Where the kernel does not accept the rules the old file
    is put back.
  - Has it loaded as well where the file is right and what was loaded last is something else, such
    as after a run that was killed in between.
options:
  path:
    description: The file, below C(/etc/audit/rules.d).
    type: path
    required: true
  content:
    description: The rules, for O(state=present).
    type: str
    default: ""
  state:
    description: Whether there is such a file.
    type: str
    choices: [present, absent]
    default: present
author: The fitsom authors (@fitsom)
attributes:
  check_mode:
    description: Reports what would be written; loads nothing.
    support: full
  diff_mode:
    description: Shows the rules.
    support: full
"""

EXAMPLES = r"""
- name: Record changes of accounts
  fitsom.school.audit_rules:
    path: /etc/audit/rules.d/50-fitsom.rules
    content: |
      -w /etc/passwd -p wa -k fitsom-accounts
"""

RETURN = r"""
event_keys:
  description: By which keys the events are looked up with C(ausearch -k).
  type: list
  elements: str
  returned: success
"""

import os
from typing import Any, Dict, Optional

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.linux import read_exactly
from ..module_utils.security.audit_rules import faults, keys

OWED = {
    "before": "Files in /etc/audit/rules.d are newer than the rules that were loaded.\n",
    "after": "The kernel has the rules of the files in /etc/audit/rules.d.\n",
}
SPEC = {
    "path": {"type": "path", "required": True},
    "content": {"type": "str", "default": ""},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
}


def before(path: str) -> Optional[str]:
    """The rules as they are; None where there is no file."""
    return read_exactly(path) if os.path.exists(path) else None


def desired(params: Dict[str, Any]) -> Optional[str]:
    """The rules as they should be, by the module's options."""
    return str(params["content"]) if params["state"] == "present" else None


def write(path: str, content: Optional[str]) -> None:
    """Whole or not at all; None removes the file."""
    if content is None:
        if os.path.exists(path):
            os.unlink(path)
        return
    part = path + ".part"  # augenrules reads names that end in .rules only
    with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o640), "w", encoding="utf-8") as handle:
        handle.write(content)
    os.replace(part, path)


def augenrules(module: AnsibleModule) -> str:
    """Where it is, or nothing: it comes with auditd."""
    return module.get_bin_path("augenrules", opt_dirs=["/usr/sbin", "/sbin"]) or ""


def is_owed(module: AnsibleModule) -> bool:
    """Whether some file of rules has changed since all were put together and loaded."""
    program = augenrules(module)
    return bool(program) and "should be updated" in module.run_command([program, "--check"])[1]


def load(module: AnsibleModule) -> str:
    """Have the kernel take all files; what is wrong, or nothing.

    Where auditd is gone, so are its rules.
    """
    program = augenrules(module)
    if not program:
        removing = module.params["state"] == "absent"
        return "" if removing else "augenrules is not installed; it comes with the package auditd"
    code, out, error = module.run_command([program, "--load"])
    return "" if code == 0 else (error or out).strip() or "augenrules --load ended with %d" % code


def main() -> None:
    """Entry point."""
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    path, content = module.params["path"], desired(module.params)
    problems = faults(content or "")
    if problems:
        module.fail_json(
            msg="These audit rules are not sound; nothing was written:\n- %s" % "\n- ".join(problems)
        )
    old = before(path)
    result: Dict[str, Any] = {"changed": old != content, "event_keys": list(keys(content or ""))}
    result["diff"] = {
        "before_header": path,
        "before": old or "",
        "after_header": path,
        "after": content or "",
    }
    if content is not None and old == content and is_owed(module):
        result.update(changed=True, diff=OWED)
    if not result["changed"] or module.check_mode:
        module.exit_json(**result)
    write(path, content)
    refused = load(module)
    if refused:
        write(path, old)
        load(module)
        module.fail_json(
            msg="The kernel did not accept the audit rules, so the old ones are back in %s: %s"
            % (path, refused)
        )
    module.exit_json(**result)


if __name__ == "__main__":
    main()
