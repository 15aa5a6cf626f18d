#!/usr/bin/python
# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Model, version, serial number and interfaces of a network device; changes nothing."""

from __future__ import annotations

DOCUMENTATION = r"""
module: netmiko_facts
short_description: What a network device is, for the inventory
description:
  - Asks C(show version), or what its kind has instead, and for its interfaces. The answers are read
    by the templates of ntc-templates, or by ourselves for FRRouting. Kinds with words of their own
    are Cisco NX-OS, HP and Aruba ProCurve, Aruba AOS-CX, and Huawei VRP; all others are asked as
    Cisco IOS.
  - Only FRRouting was seen. The answers of the others are tested as their makers' manuals show
    them.
  - What the device's answer does not hold is left empty. Runs on the controller.
extends_documentation_fragment:
  - fitsom.school.netmiko
author: The fitsom authors (@fitsom)
attributes:
  check_mode:
    description: Changes nothing in either mode.
    support: full
  diff_mode:
    description: There is no difference to show.
    support: none
"""

EXAMPLES = r"""
- name: Ask the switch what it is
  fitsom.school.netmiko_facts:
    host: "{{ ansible_host }}"
    device_type: cisco_ios
    username: fitsom
    password: "{{ vault_switch_password }}"
  delegate_to: localhost
"""

RETURN = r"""
device:
  description: vendor, model, version, serial, hostname, and interfaces with name, state and
    addresses.
  type: dict
  returned: success
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.devices.device import SPEC, Device, DeviceError, connection_opener
from ..module_utils.devices.facts import dialect_of, from_answers, from_frr, is_frr


def main() -> None:
    """Entry point."""
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    dialect = dialect_of(module.params["device_type"])
    try:
        device = Device(connection_opener(module.params))
        try:
            about = device.ask(dialect.about)
            if is_frr(about):
                facts = from_frr(about, device.ask("show interface brief"))
            else:
                facts = from_answers(dialect, about, device.ask(dialect.interfaces))
        finally:
            device.close()
    except DeviceError as error:
        module.fail_json(msg="%s: %s." % (module.params["host"], error))
    module.exit_json(changed=False, device=facts)


if __name__ == "__main__":
    main()
