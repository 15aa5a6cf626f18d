#!/usr/bin/python
# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Have a unit of systemd run with what its files say now, whoever wrote them and whenever."""

from __future__ import annotations

DOCUMENTATION = r"""
module: unit_current
short_description: Have units of systemd run with what their files say now
description:
  - Enables and starts units, and restarts each where one of its files was changed after its start. Has
    systemd read its own files again where they are newer than what it has read.
  - A run that is killed between writing a file and restarting what reads it leaves a restart that
    is owed. "Restarted if the file changed" never makes up for it, since the file changes no more.
  - A timer is not restarted. It has its new times once systemd has read its file.
  - Or stops and disables them, and clears that they had failed, which would be shown until the
    next boot.
options:
  name:
    description: The unit, such as C(chrony.service), or several that have everything else in common.
    type: list
    elements: str
    required: true
  files:
    description:
      - What it reads when it starts. One that is not there counts for nothing.
      - Its unit file belongs here too where a role writes it. A folder counts as changed when a file in
        it came, went or was replaced.
    type: list
    elements: path
    default: []
  written:
    description:
      - Whether this run writes one of its files, or installs it. In check mode that is all there
        is to go by.
      - With O(state=stopped), whether this run installs a package that starts it.
    type: bool
    default: false
  reload:
    description: Whether it reads its files at a reload too, and is reloaded instead of restarted.
    type: bool
    default: false
  state:
    description:
      - Whether it is enabled and started, or stopped and disabled. With V(as_it_is), one that is
        stopped or not there stays so.
    type: str
    choices: [started, as_it_is, stopped]
    default: started
requirements:
  - systemd 248 or later on the host (Debian 12), which tells moments to the microsecond
author: The fitsom authors (@fitsom)
attributes:
  check_mode:
    description: Predicts the restart; for a unit that is not there yet, where I(written) is set.
    support: full
  diff_mode:
    description: Its state before and after, and why it is restarted.
    support: full
"""

EXAMPLES = r"""
- name: Run chrony with these settings
  fitsom.school.unit_current:
    name: chrony.service
    files: [/etc/chrony/chrony.conf]
    written: "{{ chrony_settings is changed }}"
"""

RETURN = r"""
why:
  description: For each unit why it was restarted or reloaded, or in check mode would be.
  type: dict
  returned: success
"""

import os
import time
from typing import Dict, List

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.linux import assignments
from ..module_utils.units import STATES, Steps, Unit, as_installed, newer, steps, unit_of, words

PROPERTIES = (
    "LoadState",
    "ActiveState",
    "UnitFileState",
    "NeedDaemonReload",
    "Triggers",
    "InactiveExitTimestamp",
    "ActiveEnterTimestamp",
    "StateChangeTimestamp",
)


def systemctl(module: AnsibleModule, *words_: str) -> str:
    """What it prints. Fails the module with what it says where it cannot do it."""
    code, out, err = module.run_command(["systemctl", *words_])
    if code:
        module.fail_json(msg="systemctl %s: %s" % (" ".join(words_), (err or out).strip()))
    return str(out)


def show(module: AnsibleModule, name: str) -> Dict[str, str]:
    """Its properties; moments to the microsecond, which are whole seconds otherwise."""
    asked = ["--timestamp=us+utc", "--property=" + ",".join(PROPERTIES), "--", name]
    return assignments(systemctl(module, "show", *asked))


def look(module: AnsibleModule, name: str) -> Unit:
    """The unit as systemd has it."""
    shown = show(module, name)
    triggered = [show(module, each) for each in shown.get("Triggers", "").split()]
    return unit_of(shown, triggered, reloads=module.params["reload"])


def changes(paths: List[str]) -> Dict[str, float]:
    """{file: when its inode changed}: a file that was moved there may have an old time of its content."""
    found = {}
    for path in paths:
        try:
            found[path] = os.stat(path).st_ctime
        except OSError:
            continue
    return found


def carry_out(module: AnsibleModule, todo: Dict[str, Steps]) -> None:
    """In this order: what is enabled or started is what systemd has read."""
    if any(each.read for each in todo.values()):
        systemctl(module, "daemon-reload")
    for name, each in todo.items():
        if each.enable:
            systemctl(module, "enable", "--", name)
        if each.start:
            systemctl(module, "start", "--", name)
        if each.again:
            systemctl(module, "reload" if module.params["reload"] else "restart", "--", name)
        if each.disable:
            systemctl(module, "disable", "--", name)
        if each.stop:
            systemctl(module, "stop", "--", name)
        if each.clear or (each.stop and look(module, name).failed):
            triggered = show(module, name).get("Triggers", "").split()
            systemctl(module, "reset-failed", "--", name, *triggered)


def predicted(before: Unit, todo: Steps) -> Unit:
    """The unit as it will be."""
    enabled = "enabled" if todo.enable else "disabled" if todo.disable else before.enabled
    return before._replace(
        active=(before.active or todo.start) and not todo.stop,
        failed=before.failed and not (todo.start or todo.clear),
        enabled=enabled,
    )


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "list", "elements": "str", "required": True},
            "files": {"type": "list", "elements": "path", "default": []},
            "written": {"type": "bool", "default": False},
            "reload": {"type": "bool", "default": False},
            "state": {"type": "str", "choices": list(STATES), "default": "started"},
        },
        supports_check_mode=True,
    )
    params = module.params
    changed = changes(params["files"])
    before, todo = {}, {}
    for name in params["name"]:
        unit = look(module, name)
        may_come = unit.unread or (module.check_mode and params["written"])
        if params["state"] == "started" and not unit.exists and not may_come:
            module.fail_json(msg="There is no unit %s, or it is masked. Is its package installed?" % name)
        if params["state"] == "stopped" and not unit.exists and may_come:
            unit = as_installed(unit)
        before[name] = unit
        todo[name] = steps(
            unit,
            params["state"],
            is_timer=name.endswith(".timer"),
            is_written=params["written"],
            newer_files=newer(changed, unit.since, time.time()),
        )
    if module.check_mode:
        after = {name: predicted(unit, todo[name]) for name, unit in before.items()}
    else:
        carry_out(module, todo)
        after = {name: look(module, name) for name in before}
    done = "reloaded" if params["reload"] else "restarted"
    news = ["%s is %s: %s\n" % (name, done, why) for name, each in todo.items() for why in each.why]
    if any(each.read for each in todo.values()):
        news.append("systemd reads its files again\n")
    module.exit_json(
        changed=any(each != Steps() for each in todo.values()),
        why={name: list(each.why) for name, each in todo.items()},
        diff={
            "before": "".join(words(name, unit) for name, unit in before.items()),
            "after": "".join(words(name, unit) for name, unit in after.items()) + "".join(news),
        },
    )


if __name__ == "__main__":
    main()
