#!/usr/bin/python
# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Compare the rules that a Windows host has with those that it should have; on the controller,
changing nothing.
"""

from __future__ import annotations

DOCUMENTATION = r"""
module: firewall_windows
short_description: Compare the firewall rules of a Windows host with the register
description:
  - Takes the register's rules and what was read on the host, and returns which rules are to be set
    and which of our group are to go. Runs on the controller and sends nothing; C(changed) says that
    something is to be done.
options:
  rules:
    description: Rules with their zones resolved, as M(fitsom.school.firewall_register) returns
      them.
    type: list
    elements: dict
    required: true
  live:
    description: What C(windows_rules.ps1) of the role found, C(rules) and C(profiles).
    type: dict
    required: true
  was:
    description:
      - What a look before the change found. With it nothing is compared with the register; it is an
        error if the rules of our group are not as they were, else what was reported before is
        reported as undone.
    type: dict
  outbound_denied:
    description: Whether connections that the host begins need a rule.
    type: bool
    default: false
  by_hand:
    description:
      - C(refuse) goes on only where nobody else's rules let somebody in. Windows' own do not count.
      - C(remove) is refused, since nobody can know which of them Windows or a program needs.
    type: str
    choices: [keep, refuse, remove]
    default: keep
  ci:
    description: What findings are about, the host's name.
    type: str
    required: true
author: The fitsom authors (@fitsom)
attributes:
  check_mode:
    description: The same in both modes.
    support: full
  diff_mode:
    description: Each rule that is to be set or removed is reported instead.
    support: none
"""

EXAMPLES = r"""
- name: Compare the rules with the register
  fitsom.school.firewall_windows:
    rules: "{{ register.rules }}"
    live: "{{ look.result }}"
    ci: "{{ inventory_hostname }}"
  delegate_to: localhost
"""

RETURN = r"""
waiting:
  description: Whether anything is to be done on the host.
  type: bool
  returned: success
wanted:
  description: The names of all rules that the register has for this host.
  type: list
  elements: str
  returned: success
set:
  description: Arguments of C(community.windows.win_firewall_rule) for each rule that is not there
    as it should be.
  type: list
  elements: dict
  returned: success
away:
  description: Names of rules of our group that the register does not have.
  type: list
  elements: str
  returned: success
fitsom:
  description: Each rule that is added, changed or removed; rules of others that let somebody in.
  type: dict
  returned: success
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.firewall.model import load
from ..module_utils.firewall.windows import (
    differing,
    findings,
    firewall_rules,
    objects,
    own_rules,
    profiles_differ,
    surplus,
)

SPEC = {
    "rules": {"type": "list", "elements": "dict", "required": True},
    "live": {"type": "dict", "required": True},
    "was": {"type": "dict"},
    "outbound_denied": {"type": "bool", "default": False},
    "by_hand": {"type": "str", "choices": ["keep", "refuse", "remove"], "default": "keep"},
    "ci": {"type": "str", "required": True},
}


def verify_restored(module: AnsibleModule) -> None:
    """End the module: the rules are as they were, or they are not."""
    before, now = (own_rules(module.params[part]["rules"]) for part in ("was", "live"))
    if before != now:
        module.fail_json(msg="The old rules are NOT back. Look at this host on its own screen.")
    note = "The old firewall rules are back, all of them."
    module.exit_json(changed=False, waiting=False, fitsom={"undone": ["firewall rule"], "notes": [note]})


def main() -> None:
    """Entry point."""
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    params = module.params
    if params["was"] is not None:
        verify_restored(module)
    if params["by_hand"] == "remove":
        module.fail_json(
            msg="On Windows rules of others are never removed: set firewall_rules_by_hand to keep or refuse."
        )
    live, profiles = params["live"]["rules"], params["live"]["profiles"]
    desired = firewall_rules([load(rule) for rule in params["rules"]])
    rows = findings(live, params["ci"])
    strange = [row["ci"] for row in rows if row["severity"] == "warning"]
    if strange and params["by_hand"] == "refuse":
        module.fail_json(
            msg="Rules of others let somebody in; nothing was touched. Put them into the register, or switch them off"
            " in Windows: %s" % "; ".join(strange),
            fitsom={"findings": rows},
        )
    changes = objects(desired, live)
    waiting = bool(changes) or profiles_differ(profiles, params["outbound_denied"])
    module.exit_json(
        changed=waiting,
        waiting=waiting,
        wanted=[rule["name"] for rule in desired],
        set=differing(desired, live),
        away=surplus(desired, live),
        fitsom={"objects": changes, "findings": rows},
    )


if __name__ == "__main__":
    main()
