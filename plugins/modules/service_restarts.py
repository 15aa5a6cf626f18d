#!/usr/bin/python
# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Restart services that still execute files which an update replaced."""

from __future__ import annotations

DOCUMENTATION = r"""
module: service_restarts
short_description: Restart the services that still run the old files after an update
description:
  - Finds services that execute files which are no longer on disk, by /proc and, if it is there, by
    needrestart.
  - In check mode reports which of O(expected) would be restarted; M(fitsom.school.apt_updates)
    finds these out beforehand.
options:
  expected:
    description: Services predicted to be restarted by their package or by this run, with their
      state before.
    type: list
    elements: dict
    default: []
  restart:
    description: Whether to restart what needs it, or only to report it.
    type: bool
    default: true
  never:
    description: Name patterns of services that are never restarted; that they need it is reported.
    type: list
    elements: str
    default: []
author: The fitsom authors (@fitsom)
"""

EXAMPLES = r"""
- name: Restart services that still run the old files
  fitsom.school.service_restarts:
    expected: "{{ found.services }}"
    never: [dbus.service, systemd-logind.service]
"""

RETURN = r"""
restarted:
  description: Services that this module restarted, or in check mode would.
  type: list
  elements: str
  returned: success
fitsom:
  description: Every service that was restarted, by its package or by this module.
  type: dict
  returned: always
"""

from typing import Any, Dict, Iterable, List, Mapping

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.apt.rules import matches, parse_needrestart
from ..module_utils.apt.services import left_over, show, stale_since

STALE = "%s runs files that were replaced\n"
FRESH = "%s restarted\n"


def stale_services(module: AnsibleModule) -> List[str]:
    since = stale_since()
    services = set(since)
    program = module.get_bin_path("needrestart")
    if program:
        _code, out, _err = module.run_command([program, "-b", "-r", "l"])
        services |= set(parse_needrestart(out)[0])
    states = show(module, sorted(services & set(since)))
    return sorted(name for name in services if name not in since or not left_over(since[name], states[name]))


def row(name: str, before: str, after: str) -> Dict[str, str]:
    return {"name": name, "action": "restart", "before": before, "after": after}


def diff(names: Iterable[str]) -> Dict[str, str]:
    ordered = sorted(names)
    header = {"before_header": "services", "after_header": "services"}
    return dict(header, before="".join(STALE % n for n in ordered), after="".join(FRESH % n for n in ordered))


def predicted_restarts(expected: Iterable[Mapping[str, Any]], restart: bool) -> Dict[str, Any]:
    """The result of check mode."""
    rows = [entry for entry in expected if entry["by"] == "package" or restart]
    names = sorted(entry["name"] for entry in rows if entry["by"] == "run")
    services = [
        row(entry["name"], entry["before"], "active") for entry in sorted(rows, key=lambda e: e["name"])
    ]
    return {"changed": bool(names), "restarted": names, "diff": diff(names), "fitsom": {"services": services}}


def restarted_by_package(
    expected: Iterable[Mapping[str, Any]], states: Mapping[str, Mapping[str, str]]
) -> List[str]:
    """Those of the expected services that were started again since, not by this module."""
    return sorted(
        entry["name"]
        for entry in expected
        if states.get(entry["name"], {}).get("ExecMainStartTimestampMonotonic", "0") != entry["started"]
    )


def apply(module: AnsibleModule) -> Dict[str, Any]:
    expected, never = module.params["expected"], module.params["never"]
    before = {entry["name"]: entry["before"] for entry in expected}
    stale = stale_services(module)
    not_restarted = [name for name in stale if matches(name, never) or not module.params["restart"]]
    not_restarted += [
        name for name in stale if not name.endswith(".service") and name not in not_restarted
    ]  # systemd's own process
    todo = [name for name in stale if name not in not_restarted]
    alone = restarted_by_package(expected, show(module, before))
    before.update(dict.fromkeys(todo, "active"))
    for name in todo:
        module.run_command(["systemctl", "restart", "--", name])
    states = show(module, sorted(set(todo) | set(alone)))
    rows = [row(name, before[name], states[name].get("ActiveState", "unknown")) for name in sorted(states)]
    facts = {
        "services": rows,
        "notes": ["%s still runs files that were replaced" % name for name in not_restarted],
    }
    down = [
        name for name in todo if states[name].get("ActiveState") not in ("active", "activating", "reloading")
    ]
    down = [name for name in down if states[name].get("Type") != "oneshot"]
    result = {"changed": bool(todo), "restarted": todo, "diff": diff(todo), "fitsom": facts}
    if down:
        module.fail_json(msg="did not come up after its restart: %s" % ", ".join(down), **result)
    return result


def main() -> None:
    spec = {
        "expected": {"type": "list", "elements": "dict", "default": []},
        "restart": {"type": "bool", "default": True},
        "never": {"type": "list", "elements": "str", "default": []},
    }
    module = AnsibleModule(argument_spec=spec, supports_check_mode=True)
    if module.check_mode:
        module.exit_json(**predicted_restarts(module.params["expected"], module.params["restart"]))
    module.exit_json(**apply(module))


if __name__ == "__main__":
    main()
