#!/usr/bin/python
# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Lines in the configuration of a network device, predicted, checked afterwards, undone if they cut
us off.
"""

from __future__ import annotations

DOCUMENTATION = r"""
module: netmiko_config
short_description: Lines in the configuration of a network device
description:
  - For switches and routers whose configuration is lines under lines, as Cisco's. Runs on the
    controller.
  - Reads the running configuration, types only what is missing, and reads it again. A line that the
    device rejects, or that is not there afterwards, is an error, and what was typed before it is
    taken back.
  - Where Ansible has modules for the very platform that know single resources
    (C(cisco.ios.ios_vlans), C(ios_acls)), prefer those. This one is for everything else that
    netmiko supports, and for lines that must be proven to have been accepted.
options:
  parents:
    description: The parent lines of O(lines), the outermost first.
    type: list
    elements: str
    default: []
  lines:
    description: Lines as the device itself shows them. A line that begins with C(no) must not be
      there.
    type: list
    elements: str
  src:
    description:
      - Instead of O(lines), a Jinja2 template of lines under lines, as the device itself shows
        them; indentation says which line is under which. It is looked for as
        M(ansible.builtin.template) does and rendered on the controller.
      - All its sections are one change - predicted, checked and, if it fails, undone as one.
    type: str
  block:
    description: Whether these lines and no others must be under the parents, in this order.
    type: bool
    default: false
  guard:
    description:
      - What brings the old configuration back if a new connection fails afterwards.
      - C(session) takes the lines back over the connection from before, which answers as long as
        only new ones are cut.
      - C(reload) has the device start again with its saved configuration by C(reload in), whatever
        is cut.
    type: str
    choices: [session, reload, none]
    default: session
  reload_minutes:
    description: After how many minutes it starts again.
    type: int
    default: 5
  save:
    description: Whether the configuration is saved, once a new connection has succeeded.
    type: bool
    default: true
  backup_dir:
    description:
      - Folder on the controller for the configuration from before, secrets included; for the owner
        alone.
    type: path
extends_documentation_fragment:
  - fitsom.school.netmiko
author: The fitsom authors (@fitsom)
attributes:
  check_mode:
    description: Reports which lines would be typed.
    support: full
  diff_mode:
    description: The configuration before and after; passwords, keys and communities are hidden.
    support: full
"""

EXAMPLES = r"""
- name: Send the switch's log to the server
  fitsom.school.netmiko_config:
    host: "{{ ansible_host }}"
    device_type: cisco_ios
    username: fitsom
    password: "{{ vault_switch_password }}"
    lines: [logging host 10.0.9.5]
  delegate_to: localhost

- name: Bring the switch in line with its template, templates/switch.j2
  fitsom.school.netmiko_config:
    host: "{{ ansible_host }}"
    device_type: cisco_ios
    username: fitsom
    password: "{{ vault_switch_password }}"
    src: switch.j2
  delegate_to: localhost
"""

RETURN = r"""
commands:
  description: What was or would be typed; secrets are hidden.
  type: list
  elements: str
  returned: success
backup_path:
  description: The file that holds the configuration from before.
  type: str
  returned: when O(backup_dir) is given and something changed
fitsom:
  description: Each line that comes or goes.
  type: dict
  returned: success
"""

import os
import time
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.devices.device import SPEC as LOGIN
from ..module_utils.devices.device import Device, DeviceError, connection_opener
from ..module_utils.devices.lines import (
    Path,
    Section,
    commands,
    hide,
    not_applied,
    parse,
    predicted,
    secrets,
    sections,
    steps,
    text_of,
)

SPEC = {
    **LOGIN,
    "parents": {"type": "list", "elements": "str", "default": []},
    "lines": {"type": "list", "elements": "str"},
    "src": {"type": "str"},
    "block": {"type": "bool", "default": False},
    "guard": {"type": "str", "choices": ["session", "reload", "none"], "default": "session"},
    "reload_minutes": {"type": "int", "default": 5},
    "save": {"type": "bool", "default": True},
    "backup_dir": {"type": "path"},
}


def result_of(
    before: list[Path], planned: list[Path], after: list[Path], typed_lines: list[str]
) -> dict[str, Any]:
    """The module's result. What else the device did (one password replaces another) is noted."""
    predicted_steps = steps(before, planned)
    further_steps = [step for step in steps(before, after) if step not in predicted_steps]
    return {
        "changed": True,
        "commands": [hide(line) for line in typed_lines],
        "diff": {"before": text_of(before), "after": text_of(after)},
        "fitsom": {
            "objects": [
                {"kind": "device line", "id": line, "action": action, "group": "configuration"}
                for action, line in predicted_steps
            ],
            "notes": ["the device itself chose to %s: %s" % step for step in further_steps],
        },
    }


def backup(params: dict[str, Any], text: str) -> str:
    """Write the configuration from before; its secrets are in it, so it is for the owner alone."""
    os.makedirs(params["backup_dir"], mode=0o700, exist_ok=True)
    path = os.path.join(params["backup_dir"], "%s-%s.cfg" % (params["host"], time.strftime("%Y%m%dT%H%M%S")))
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    return path


def change(
    device: Device, params: dict[str, Any], desired: list[Section], before: list[Path], lines: list[str]
) -> list[Path]:
    """Type the lines, check that they are there and that a new connection succeeds, and only then
    save.
    """
    if params["guard"] == "reload":
        device.reload_in(params["reload_minutes"])
    fault, after = attempt(device, desired, lines)
    fault = fault or (device.connection_fault() if params["guard"] != "none" else "")
    if fault:
        restored = device.restore(before)
        if restored and params["guard"] == "reload":
            device.cancel_reload()
        raise DeviceError(outcome(fault, restored, params))
    if params["guard"] == "reload":
        device.cancel_reload()
    if params["save"]:
        device.save()
    return after


def attempt(device: Device, desired: list[Section], lines: list[str]) -> tuple[str, list[Path]]:
    """Why the lines are not all there now, empty if they are; and the configuration as it is
    now.
    """
    try:
        device.type(lines)
        current = device.running()
    except DeviceError as error:
        return hide(str(error)), []
    missing = "; ".join(hide(line) for line in not_applied(current, desired))
    return "the device did not accept, or writes otherwise: %s" % missing if missing else "", current


def outcome(fault: str, restored: bool, params: dict[str, Any]) -> str:
    if restored:
        return "%s. The configuration is as it was before, and nothing was saved" % fault
    if params["guard"] == "reload":
        return "%s. The device starts again with its saved configuration within %d minutes" % (
            fault,
            params["reload_minutes"],
        )
    return (
        "%s. The old configuration could NOT be brought back. Nothing was saved: starting the device again does it"
        % fault
    )


def desired_sections(params: dict[str, Any]) -> list[Section]:
    """What must be there, section by section."""
    if params["src"] is not None:
        return sections(params["src"])
    return [Section(tuple(params["parents"]), tuple(params["lines"]), params["block"])]


def run(module: AnsibleModule) -> dict[str, Any]:
    params = module.params
    desired = desired_sections(params)
    module.no_log_values.update(
        secrets(line for section in desired for line in (*section.parents, *section.lines))
    )
    device = Device(connection_opener(params))
    try:
        text = device.running_text()
        before = parse(text)
        lines = commands(before, desired)
        if not lines:
            return {"changed": False, "commands": [], "fitsom": {"objects": []}}
        planned = predicted(before, desired)
        if module.check_mode:
            return result_of(before, planned, planned, lines)
        path = backup(params, text) if params["backup_dir"] else ""
        result = result_of(before, planned, change(device, params, desired, before, lines), lines)
        return {**result, "backup_path": path} if path else result
    finally:
        device.close()


def main() -> None:
    """Entry point."""
    module = AnsibleModule(
        argument_spec=SPEC,
        supports_check_mode=True,
        required_one_of=[("lines", "src")],
        mutually_exclusive=[("lines", "src")],
    )
    if module.params["src"] is not None and (module.params["parents"] or module.params["block"]):
        module.fail_json(msg="parents and block go with lines; src has the parents in it already.")
    try:
        module.exit_json(**run(module))
    except DeviceError as error:
        module.fail_json(msg="%s: %s." % (module.params["host"], error))


if __name__ == "__main__":
    main()
