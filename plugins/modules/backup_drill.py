#!/usr/bin/python
# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Prove that a data set comes back: restore it to a scratch place, compare, measure."""

from __future__ import annotations

DOCUMENTATION = r"""
module: backup_drill
short_description: Prove that a data set comes back
description:
  - Restores files of the last snapshot to a scratch folder, compares each with the live file where
    that has not been touched since, measures the time against the RTO, and removes the scratch
    folder. restic itself checks every piece by its hash.
options:
  ci:
    description: What findings are about, the host's name.
    type: str
    required: true
  set:
    description: The data set.
    type: str
    required: true
  repository:
    description: The repository; by default the first.
    type: str
  files:
    description: How many files are drawn. 0 takes the whole set.
    type: int
    default: 50
  scratch:
    description: The folder below which the scratch folder is made; it needs room for what is
      restored.
    type: path
    required: true
author: The fitsom authors (@fitsom)
attributes:
  check_mode:
    description: Says what would be restored, and restores nothing.
    support: full
  diff_mode:
    description: Nothing lasting is changed, so there is no difference.
    support: none
"""

EXAMPLES = r"""
- name: Draw 50 files
  fitsom.school.backup_drill:
    ci: srv1
    set: homes
    scratch: /var/tmp
"""

RETURN = r"""
drill:
  description: "C({snapshot, files, bytes, missing, wrong, same, seconds, whole}); seconds is 0 in
    check mode."
  type: dict
  returned: success
fitsom:
  description: The evidence in a sentence, a check and findings.
  type: dict
  returned: success
"""

import json
import os
import shutil
import tempfile
import time
from typing import Any, Dict, Sequence

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.backup.drill import Node, digest, is_unchanged, pattern, sample, sentence, verdict
from ..module_utils.backup.restic import Restic, configured, last_error
from ..module_utils.backup.rules import moment, snapshots_of

SPEC = {
    "ci": {"type": "str", "required": True},
    "set": {"type": "str", "required": True},
    "repository": {"type": "str"},
    "files": {"type": "int", "default": 50},
    "scratch": {"type": "path", "required": True},
}


def restore_and_compare(
    module: AnsibleModule, restic: Restic, snapshot: str, nodes: Sequence[Node], complete: bool
) -> Dict[str, Any]:
    """Which of the nodes did not come back, or came back otherwise; how many could be compared; how
    long it took.
    """
    stage = tempfile.mkdtemp(prefix="fitsom-drill-", dir=module.params["scratch"])
    try:
        words = [] if complete else [word for node in nodes for word in ("--include", pattern(node["path"]))]
        began = time.monotonic()
        code, _out, err = restic.run("restore", "--no-lock", snapshot, "--target", stage, *words)
        seconds = time.monotonic() - began
        missing, different, identical = [], [], 0
        for node in nodes:
            copy = stage + node["path"]
            if not os.path.isfile(copy) or os.path.getsize(copy) != node.get("size", 0):
                missing.append(node["path"])
            elif is_unchanged(node, node["path"], moment(node["mtime"]).timestamp()):
                if digest(copy) == digest(node["path"]):
                    identical += 1
                else:
                    different.append(node["path"])
        if code and not missing:
            module.fail_json(msg="restic restored with errors: %s" % last_error(err))
        return {"missing": missing, "wrong": different, "same": identical, "seconds": round(seconds, 1)}
    finally:
        shutil.rmtree(stage, ignore_errors=True)


def main() -> None:
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    params, policy = module.params, configured() or {"sets": [], "repositories": []}
    drilled = next((data_set for data_set in policy["sets"] if data_set["name"] == params["set"]), None)
    if drilled is None:
        set_names = ", ".join(data_set["name"] for data_set in policy["sets"]) or "none"
        module.fail_json(msg="this host has no data set %s; there are: %s" % (params["set"], set_names))
        return
    restic = Restic(module, params["repository"] or policy["repositories"][0]["name"])
    snapshots, why = restic.snapshots()
    own = snapshots_of(snapshots or [], params["set"])
    if not own:
        module.fail_json(msg="nothing to restore: %s" % (why or "there is no backup of %s" % params["set"]))
    snapshot = own[-1]["id"][:8]
    code, out, err = restic.run("ls", "--json", "--no-lock", snapshot)
    if code:
        module.fail_json(msg="the snapshot %s cannot be read: %s" % (snapshot, last_error(err)))
    lines = [json.loads(line) for line in out.splitlines()]
    files = [node for node in lines if node.get("struct_type") == "node" and node["type"] == "file"]
    nodes = sample(files, params["files"], snapshot)
    drill: Dict[str, Any] = {"snapshot": snapshot, "files": len(nodes), "whole": len(nodes) == len(files)}
    drill["bytes"] = sum(node.get("size", 0) for node in nodes)
    drill.update(missing=[], wrong=[], same=0, seconds=0.0)
    if module.check_mode:
        # No number: a backup of the night between plan and run changes it, and nothing that was
        # approved.
        what = "a sample" if params["files"] else "the whole"
        words = "%s of %s would come back to a scratch folder, be compared and measured" % (
            what,
            params["set"],
        )
        module.exit_json(changed=False, drill=drill, fitsom={"notes": [words]})
    drill.update(restore_and_compare(module, restic, snapshot, nodes, drill["whole"]))
    findings = verdict("%s: %s" % (params["ci"], params["set"]), drilled, drill)
    check = {"name": "%s comes back from %s" % (params["set"], restic.name), "ok": not findings}
    module.exit_json(
        changed=False,
        drill=drill,
        fitsom={"notes": [sentence(drilled, drill)], "checks": [check], "findings": findings},
    )


if __name__ == "__main__":
    main()
