#!/usr/bin/python
# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Bring a file or folder back from a backup, and keep what is in its place."""

from __future__ import annotations

DOCUMENTATION = r"""
module: backup_restore
short_description: Bring a file or folder back from a backup, and keep what is in its place
description:
  - Takes the last snapshot of the data set at or before O(as_of), restores O(path) beside its
    place, and only when all of it is there puts it in place. What was there before is kept under
    O(kept_as), so that there is a way back.
options:
  path:
    description: The file or folder, as it was called when it was backed up.
    type: path
    required: true
  as_of:
    description: A moment with its zone, as C(2026-11-17T23:59:59+00:00).
    type: str
    required: true
  set:
    description: The data set, where more than one holds the path.
    type: str
    default: ""
  to:
    description: The folder that it is put in; by default where it was.
    type: path
  kept_as:
    description: What is added to the name of what is there now.
    type: str
    required: true
author: The fitsom authors (@fitsom)
attributes:
  check_mode:
    description: Names the snapshot and counts what would come back.
    support: full
  diff_mode:
    description: Shows what takes whose place.
    support: full
"""

EXAMPLES = r"""
- name: Bring a folder back
  fitsom.school.backup_restore:
    path: /srv/homes/8a
    as_of: "2026-11-17T23:59:59+00:00"
    kept_as: .before-CHG-2026-0007
"""

RETURN = r"""
snapshot:
  description: The snapshot, C({id, time, set, repository}).
  type: dict
  returned: success
files:
  description: How many files come back.
  type: int
  returned: success
bytes:
  description: How large they are together.
  type: int
  returned: success
seconds:
  description: How long it took; 0 in check mode.
  type: float
  returned: success
fitsom:
  description: The same in a sentence, for the report.
  type: dict
  returned: success
"""

import json
import os
import shutil
import tempfile
import time
from datetime import datetime
from typing import Any, List, Mapping, Tuple

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.backup.restic import Restic, configured, last_error
from ..module_utils.backup.rules import Snapshot, as_of, moment, sets_holding, size

SPEC = {
    "path": {"type": "path", "required": True},
    "as_of": {"type": "str", "required": True},
    "set": {"type": "str", "default": ""},
    "to": {"type": "path"},
    "kept_as": {"type": "str", "required": True},
}


def choose(module: AnsibleModule, policy: Mapping[str, Any]) -> Tuple[Restic, Snapshot, str]:
    """The repository, the snapshot and the data set; fails the module with all that was tried."""
    params, when = module.params, datetime.fromisoformat(module.params["as_of"])
    sets = [data_set["name"] for data_set in policy["sets"] if params["set"] in ("", data_set["name"])]
    names = sets_holding(
        [data_set for data_set in policy["sets"] if data_set["name"] in sets], params["path"]
    )
    if len(names) != 1:
        set_names = ", ".join(
            "%s (%s)" % (data_set["name"], " ".join(data_set["paths"])) for data_set in policy["sets"]
        )
        module.fail_json(
            msg="%s is in %s data set of this host; there are: %s"
            % (params["path"], "no" if not names else "more than one", set_names)
        )
    attempts: List[str] = []
    for place in policy["repositories"]:
        restic = Restic(module, place["name"])
        snapshots, why = restic.snapshots()
        snapshot = as_of(snapshots, names[0], when) if snapshots is not None else None
        if snapshot:
            return restic, snapshot, names[0]
        attempts.append("%s: %s" % (place["name"], why or "no backup of %s from then or before" % names[0]))
    module.fail_json(msg="nothing to bring back:\n" + "\n".join(attempts))
    raise AssertionError


def contents(module: AnsibleModule, restic: Restic, snapshot: Snapshot, path: str) -> Tuple[int, int]:
    """How many files lie below the path in the snapshot, and how many bytes."""
    code, out, err = restic.run("ls", "--json", "--no-lock", snapshot["id"], path)
    if code:
        module.fail_json(msg="the snapshot cannot be read: %s" % last_error(err))
    nodes = [json.loads(line) for line in out.splitlines()]
    nodes = [
        n
        for n in nodes
        if n.get("struct_type") == "node" and (n["path"] == path or n["path"].startswith(path + "/"))
    ]
    if not nodes:
        module.fail_json(
            msg="%s is not in the backup of %s" % (path, snapshot["time"][:16].replace("T", " "))
        )
    files = [n for n in nodes if n["type"] == "file"]
    return len(files), sum(n.get("size", 0) for n in files)


def put_in_place(
    module: AnsibleModule, restic: Restic, snapshot: Snapshot, path: str, target: str, kept_path: str
) -> None:
    """Restore beside the target, then change places."""
    parent = os.path.dirname(target)
    os.makedirs(parent, exist_ok=True)
    stage = tempfile.mkdtemp(prefix=".fitsom-restore-", dir=parent)
    try:
        code, _out, err = restic.run(
            "restore", "--no-lock", snapshot["id"], "--target", stage, "--include", path
        )
        if code:
            module.fail_json(
                msg="nothing was put in place: restic could not restore all of it: %s" % last_error(err)
            )
        if os.path.lexists(target):
            os.rename(target, kept_path)
        os.rename(stage + path, target)
    finally:
        shutil.rmtree(stage, ignore_errors=True)


def main() -> None:
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    path = os.path.normpath(module.params["path"])
    policy = configured()
    if policy is None:
        module.fail_json(msg="this host has no data sets: the role backups never came here")
        return
    restic, snapshot, name = choose(module, policy)
    files, length = contents(module, restic, snapshot, path)
    to = module.params["to"]
    target = os.path.join(to, os.path.basename(path)) if to else path
    kept_path = target + module.params["kept_as"]
    occupied = os.path.lexists(target)
    if os.path.lexists(kept_path):
        module.fail_json(
            msg="%s is there already: this change has put it aside before; nothing was touched" % kept_path
        )
    began = time.monotonic()
    if not module.check_mode:
        put_in_place(module, restic, snapshot, path, target, kept_path)
    taken_at = moment(snapshot["time"]).strftime("%d %b %Y %H:%M UTC")
    words = "%d files (%s) of %s come back from the backup of %s" % (files, size(length), path, taken_at)
    notes = [words] + (["what is at %s now is kept as %s" % (target, kept_path)] if occupied else [])
    module.exit_json(
        changed=True,
        snapshot={"id": snapshot["id"][:8], "time": snapshot["time"], "set": name, "repository": restic.name},
        files=files,
        bytes=length,
        seconds=round(0.0 if module.check_mode else time.monotonic() - began, 1),
        diff={
            "before": "%s: %s\n" % (target, "as it is now" if occupied else "not there"),
            "after": "%s: as of %s, %d files\n%s"
            % (target, taken_at, files, "%s: as it was\n" % kept_path if occupied else ""),
        },
        fitsom={"notes": notes},
    )


if __name__ == "__main__":
    main()
