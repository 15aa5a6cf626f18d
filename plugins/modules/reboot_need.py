#!/usr/bin/python
# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Decide whether a host is to be started again; changes nothing."""

from __future__ import annotations

DOCUMENTATION = r"""
module: reboot_need
short_description: Decide whether a host is to be started again, and after how long
description:
  - A host needs it if C(/run/reboot-required) is there or a package among O(reasons) is about to be
    installed.
options:
  policy:
    description: Whether to start the host again never, if it is required, or also after any other
      change.
    type: str
    choices: [never, if_required, always]
    default: if_required
  reasons:
    description: Packages among the changes that ask for a reboot.
    type: list
    elements: str
    default: []
  changes:
    description: Whether anything is changed by this run.
    type: bool
    default: false
  at:
    description: Time of day, by the host's clock, to wait for. One that passed within twelve hours
      means at once.
    type: str
    default: ""
  done:
    description: Whether the host was started again in this run.
    type: bool
    default: false
author: The fitsom authors (@fitsom)
"""

EXAMPLES = r"""
- name: Decide whether a reboot is needed
  fitsom.school.reboot_need:
    reasons: "{{ found.reboot_reasons }}"
    changes: "{{ found.changes | length > 0 }}"
  register: need
  changed_when: false
  check_mode: false
"""

RETURN = r"""
planned:
  description: Whether the host is to be started again.
  type: bool
  returned: success
delay:
  description: Seconds to wait before that.
  type: int
  returned: success
fitsom:
  description: The same for the report.
  type: dict
  returned: success
"""

import os
import time
from typing import Any, Dict, List

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.apt.rules import reboot_decision, seconds_until
from ..module_utils.linux import read_text

REBOOT_REQUIRED = "/run/reboot-required"


def noted_packages(path: str = REBOOT_REQUIRED) -> List[str]:
    """Packages that asked for a reboot since the last start."""
    if not os.path.exists(path):
        return []
    return sorted(set(read_text(path + ".pkgs").split())) or ["an earlier change"]


def main() -> None:
    spec = {
        "policy": {"type": "str", "choices": ["never", "if_required", "always"], "default": "if_required"},
        "reasons": {"type": "list", "elements": "str", "default": []},
        "changes": {"type": "bool", "default": False},
        "at": {"type": "str", "default": ""},
        "done": {"type": "bool", "default": False},
    }
    module = AnsibleModule(argument_spec=spec, supports_check_mode=True)
    params = module.params
    reasons = sorted(set(params["reasons"]) | set(noted_packages()))
    required, planned = reboot_decision(params["policy"], reasons, params["changes"])
    try:
        now = time.localtime()
        delay = seconds_until(params["at"], (now.tm_hour, now.tm_min)) if params["at"] else 0
    except ValueError as error:
        module.fail_json(msg=str(error))
    reboot = {"required": required, "planned": planned, "done": params["done"], "reasons": reasons}
    facts: Dict[str, Any] = {"reboot": reboot}
    if required and not planned and not params["done"]:
        facts["notes"] = ["a reboot is needed and is not part of this run: %s" % ", ".join(reasons)]
    module.exit_json(changed=False, planned=planned, required=required, delay=delay, fitsom=facts)


if __name__ == "__main__":
    main()
