#!/usr/bin/python
# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Bring back what was kept before a change."""

from __future__ import annotations

DOCUMENTATION = r"""
module: baseline_restore
short_description: Bring back files, lines of account databases and services as they were before a
  change
description:
  - Brings back what M(fitsom.school.baseline_save) kept, byte for byte, with owner and mode;
    removes what was not there; has units that read those files reload or restart; switches services
    back.
  - Where it was cut off before those units had reloaded or restarted, they do so the next time.
  - A folder that was not there and is not empty is left. The home of an account that was not there
    is left as well.
options:
  src:
    description: The folder of the change's way back.
    type: path
    required: true
author: The fitsom authors (@fitsom)
attributes:
  check_mode:
    description: Reports what would be brought back.
    support: full
  diff_mode:
    description: Files before and after; of those that were kept as secret, only that they differ.
    support: full
"""

EXAMPLES = r"""
- name: Go back
  fitsom.school.baseline_restore:
    src: /var/lib/fitsom/baseline/CHG-2026-0001
"""

RETURN = r"""
fitsom:
  description: Each object that is brought back.
  type: dict
  returned: success
"""

import json
import os
from typing import Any, Dict, List

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.baseline.kept_files import (
    accounts_locked,
    content,
    current_state,
    read_kept,
    unit_entry,
    write_line,
    write_value,
)
from ..module_utils.baseline.kept_rules import (
    Entry,
    Step,
    describe,
    live_value,
    steps,
    unit_commands,
    units_to_notify,
)
from ..module_utils.linux import write_file

OWED = "owed.json"
VERBS = {"reload": "try-reload-or-restart", "restart": "try-restart"}
Owed = Dict[str, List[str]]  # for each of VERBS the units that have yet to read what was brought back
KINDS = {"files": "file", "lines": "account entry", "units": "service"}


def systemctl(module: AnsibleModule, *arguments: str) -> None:
    code, _out, err = module.run_command(["systemctl", *arguments])
    if code:
        module.fail_json(msg="systemctl %s failed: %s" % (" ".join(arguments), err.strip()))


def of_package(module: AnsibleModule, step: Step) -> bool:
    """Whether a folder that would go came with a package: the package stays, and so does its
    folder.
    """
    goes = step.part == "files" and step.current["kind"] == "folder" and step.saved["kind"] == "absent"
    return goes and module.run_command(["dpkg-query", "--search", step.name])[0] == 0


def restore_path(folder: str, step: Step) -> None:
    """One file, link, folder or value of the kernel as it was."""
    path, saved = step.name, step.saved
    if step.current["kind"] == "folder" and saved["kind"] == "absent":
        os.rmdir(path)
        return
    if saved["kind"] == "value":
        write_value(path, saved["text"])
    elif saved["kind"] == "file":
        os.makedirs(os.path.dirname(path), exist_ok=True)
        body = content(os.path.join(folder, saved["sha256"]))
        write_file(path, body, int(saved["mode"], 8), saved["uid"], saved["gid"])
    elif saved["kind"] == "folder":
        os.makedirs(path, exist_ok=True)
        os.chown(path, saved["uid"], saved["gid"])
        os.chmod(path, int(saved["mode"], 8))
    elif step.current["kind"] != "absent" and not live_value(path):
        os.unlink(path)
    if saved["kind"] == "link":
        os.symlink(saved["to"], path)


def text_of(folder: str, step: Step, entry: Entry) -> str:
    """What a difference shows of an entry."""
    if step.secret:
        return "(not shown)\n" if entry is step.saved else "(not shown, and another)\n"
    if entry.get("kind") == "value":
        return str(entry["text"])
    if entry.get("kind") != "file":
        return describe(entry)
    path = os.path.join(folder, entry["sha256"]) if entry is step.saved else step.name
    return content(path).decode("utf-8", "replace")


def difference(folder: str, step: Step) -> Dict[str, str]:
    rights = [
        " %s %s:%s" % (e["mode"], e["uid"], e["gid"]) if "mode" in e else ""
        for e in (step.current, step.saved)
    ]
    heads = rights if rights[0] != rights[1] else ["", ""]
    modes = [e["mode"] for e in (step.current, step.saved) if "mode" in e]
    return {
        "mode": min(modes, default=""),  # the record shows no content that others may not read
        "before_header": step.name + heads[0],
        "after_header": step.name + heads[1],
        "before": text_of(folder, step, step.current),
        "after": text_of(folder, step, step.saved),
    }


def left(folder: str) -> Owed:
    """What a way back owes that was cut off."""
    try:
        found = json.loads(content(os.path.join(folder, OWED)))
    except FileNotFoundError:
        found = {}
    return {key: found.get(key, []) for key in VERBS}


def news(owed: Owed) -> Dict[str, str]:
    """What a difference shows of them."""
    units = sorted(unit for names in owed.values() for unit in names)
    return {
        "before": "".join("%s has not read what was brought back\n" % unit for unit in units),
        "after": "",
    }


def go_back(
    module: AnsibleModule, folder: str, manifest: Dict[str, Any], todo: List[Step], owed: Owed
) -> None:
    """Units that were not there stop first; files follow, then accounts, and what reads them
    last.
    """
    is_left = any(owed.values())
    owed = {key: sorted({*units_to_notify(todo, key), *owed[key]}) for key in VERBS}
    write_file(os.path.join(folder, OWED), json.dumps(owed).encode(), 0o600)
    units = [step for step in todo if step.part == "units"]
    for step in units:
        if step.action == "remove":
            for command in unit_commands(step):
                systemctl(module, *command)
    for step in todo:
        if step.part == "files":
            restore_path(folder, step)
    for step in steps(manifest, current_state(module, manifest)):
        if live_value(step.name):  # to switch forwarding puts other values back to the kernel's own
            restore_path(folder, step)
    with accounts_locked():
        for step in todo:
            if step.part == "lines":
                write_line(step.name, step.saved["line"])
    if is_left or any(step.part == "files" and "/systemd/" in step.name for step in todo):
        systemctl(module, "daemon-reload")
    for step in units:
        if step.action == "restore":
            for command in unit_commands(step):
                systemctl(module, *command)
    for key, verb in VERBS.items():
        for unit in owed[key]:
            if unit_entry(module, unit)["active"]:
                systemctl(module, verb, unit)
    os.unlink(os.path.join(folder, OWED))


def main() -> None:
    module = AnsibleModule(
        argument_spec={"src": {"type": "path", "required": True}}, supports_check_mode=True
    )
    folder = module.params["src"]
    if not os.path.isdir(folder):
        module.fail_json(msg="%s is not there: this change was never made here. Nothing was touched" % folder)
    try:
        manifest = read_kept(folder)
        todo = [
            step for step in steps(manifest, current_state(module, manifest)) if not of_package(module, step)
        ]
        owed = left(folder)
        is_owed = any(owed.values())
        rows = [(KINDS[step.part], step.name, step.action) for step in todo]
        rows += [("service", unit, key) for key in VERBS for unit in owed[key]]
        result: Dict[str, Any] = {
            "changed": bool(rows),
            "diff": [difference(folder, step) for step in todo] + [news(owed)] * is_owed,
            "fitsom": {
                "objects": [{"kind": kind, "id": id_, "action": action} for kind, id_, action in rows]
            },
        }
    except (OSError, ValueError) as error:
        module.fail_json(msg="Nothing was touched: %s" % error)
    if result["changed"] and not module.check_mode:
        try:
            go_back(module, folder, manifest, todo, owed)
        except OSError as error:
            module.fail_json(msg="The way back stopped half-way, and can be taken again: %s" % error)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
