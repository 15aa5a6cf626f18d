#!/usr/bin/python
# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Checks after a patch run; changes nothing."""

from __future__ import annotations

DOCUMENTATION = r"""
module: apt_verify
short_description: Check that a patched host is as it was planned
description:
  - Checks the installed versions, that services run and that nothing is half-installed, and fails
    naming what is wrong.
  - Reads the error messages of the host's log since O(since); those not seen before are noted.
options:
  changes:
    description: The changes that were made, or in check mode would be.
    type: list
    elements: dict
    default: []
  services:
    description: Services that must be running.
    type: list
    elements: str
    default: []
  settle:
    description: Seconds that a service is given to come up.
    type: int
    default: 20
  since:
    description: Where to begin reading the log, in seconds since 1970.
    type: int
    default: 0
  log_lines:
    description: How many new error messages are noted. 0 does not read the log.
    type: int
    default: 10
author: The fitsom authors (@fitsom)
"""

EXAMPLES = r"""
- name: Check that the host is as it was planned
  fitsom.school.apt_verify:
    changes: "{{ found.changes }}"
    services: [nginx]
    since: "{{ ready.started }}"
  changed_when: false
"""

RETURN = r"""
errors:
  description: New error messages in the log.
  type: list
  elements: str
  returned: success
fitsom:
  description: The checks, how each came out, and new error messages as notes. In check mode only
    services are checked.
  type: dict
  returned: always
"""

import json
import re
import time
from typing import Any, Dict, Iterable, List, Mapping, Set, Tuple

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.apt.host import Apt
from ..module_utils.apt.services import show

DAY = 86400


def version_check(
    changes: Iterable[Mapping[str, Any]], installed: Mapping[str, Mapping[str, str]]
) -> Dict[str, Any]:
    rows = list(changes)
    differences = []
    for row in rows:
        current = installed.get(row["name"], {}).get("version")
        if current != (row["to"] or None):
            differences.append(
                "%s is %s, planned was %s" % (row["name"], current or "not there", row["to"] or "none")
            )
    detail = "; ".join(differences) if differences else "%d of %d" % (len(rows), len(rows))
    return {"name": "versions are as planned", "ok": not differences, "detail": detail}


def state_check(
    changes: Iterable[Mapping[str, Any]], installed: Mapping[str, Mapping[str, str]]
) -> Dict[str, Any]:
    names = {row["name"] for row in changes}
    incomplete = sorted(n for n, row in installed.items() if n in names and row["state"] not in ("ii", "hi"))
    detail = (
        "not completely installed: %s" % ", ".join(incomplete) if incomplete else "nothing is half-installed"
    )
    return {"name": "packages are in order", "ok": not incomplete, "detail": detail}


def kind_of(message: Mapping[str, Any]) -> Tuple[str, str]:
    """The same message with other numbers in it is not a new one."""
    text = message.get("MESSAGE") or ""
    text = text if isinstance(text, str) else "(not text)"
    return str(message.get("SYSLOG_IDENTIFIER") or "kernel"), re.sub(r"\d+", "#", text)


def new_errors(lines: Iterable[str], since: int) -> List[str]:
    """Messages since then of a kind that was not in the log before."""
    known_kinds: Set[Tuple[str, str]] = set()
    errors = []
    for line in lines:
        message = json.loads(line)
        kind = kind_of(message)
        if kind in known_kinds:
            continue
        known_kinds.add(kind)
        if int(message["__REALTIME_TIMESTAMP"]) >= since * 1000000:
            text = message.get("MESSAGE") if isinstance(message.get("MESSAGE"), str) else kind[1]
            errors.append("%s: %s" % (kind[0], text.splitlines()[0] if text else ""))
    return errors


def read_errors(module: AnsibleModule) -> List[str]:
    since, limit = module.params["since"], module.params["log_lines"]
    if not limit or not since:
        return []
    fields = "--output-fields=MESSAGE,SYSLOG_IDENTIFIER"
    begin = "--since=@%d" % (since - DAY)
    _code, out, _err = module.run_command(["journalctl", "-q", "-p", "err", "-o", "json", fields, begin])
    return new_errors([line for line in out.splitlines() if line.startswith("{")], since)


def settled(module: AnsibleModule) -> Dict[str, Dict[str, str]]:
    """The services' states, once they are up or the time given to them is over."""
    until = time.monotonic() + module.params["settle"]
    while True:
        states = show(module, module.params["services"])
        if all(state.get("ActiveState") == "active" for state in states.values()) or time.monotonic() > until:
            return states
        time.sleep(1)


def main() -> None:
    spec = {
        "changes": {"type": "list", "elements": "dict", "default": []},
        "services": {"type": "list", "elements": "str", "default": []},
        "settle": {"type": "int", "default": 20},
        "since": {"type": "int", "default": 0},
        "log_lines": {"type": "int", "default": 10},
    }
    module = AnsibleModule(argument_spec=spec, supports_check_mode=True)
    checks, errors = [], []
    if not module.check_mode:
        installed = Apt(module).installed()
        checks = [
            version_check(module.params["changes"], installed),
            state_check(module.params["changes"], installed),
        ]
        for name, state in sorted(settled(module).items()):
            active = state.get("ActiveState", "unknown")
            checks.append({"name": "%s is running" % name, "ok": active == "active", "detail": active})
        errors = read_errors(module)
    limit = module.params["log_lines"]
    notes = ["new error in the log: " + text for text in errors[:limit]]
    if len(errors) > limit:
        notes.append("and %d more new errors in the log" % (len(errors) - limit))
    facts = {"checks": checks, "notes": notes}
    failures = [row for row in checks if not row["ok"]]
    if failures:
        reasons = "".join("\n%s: no, %s" % (row["name"], row["detail"]) for row in failures)
        module.fail_json(msg="this host is not as it was planned:" + reasons, fitsom=facts, errors=errors)
    module.exit_json(changed=False, errors=errors, fitsom=facts)


if __name__ == "__main__":
    main()
