#!/usr/bin/python
# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Keep what a change may write, before it does."""

from __future__ import annotations

DOCUMENTATION = r"""
module: baseline_save
short_description: Keep files, lines of account databases and states of services before a change
description:
  - Keeps them in a folder, once for each change; what was kept first stays. What is not there is
    noted as absent. M(fitsom.school.baseline_restore) brings them back.
  - Reports no change, since it changes nothing of how the host works. The check of the result says
    how much is kept.
options:
  dest:
    description: The folder of this change's way back.
    type: path
    required: true
  files:
    description: >-
      Paths; or each with C(path), and optionally C(reload) and C(restart) (units that read it) and
      C(secret) (its text is in no difference; of what is in a home that is so by itself). Folders
      that would have to be made for them are noted by themselves. Paths below /proc/sys are values
      of the running kernel; C(~NAME/) is the home of an account, or the one that it will have.
    type: list
    elements: raw
    default: []
  lines:
    description: Lines of account databases, such as C(/etc/group:sudo).
    type: list
    elements: str
    default: []
  units:
    description: Units of systemd, whether they run and are switched on.
    type: list
    elements: str
    default: []
author: The fitsom authors (@fitsom)
attributes:
  check_mode:
    description: Says what would be kept.
    support: full
"""

EXAMPLES = r"""
- name: Keep what is about to be written
  fitsom.school.baseline_save:
    dest: /var/lib/fitsom/baseline/CHG-2026-0001
    files:
      - {path: /etc/issue.net, reload: [ssh.service]}
    units: [ssh.service]
"""

RETURN = r"""
fitsom:
  description: How much is kept.
  type: dict
  returned: success
"""

import os
from typing import Any, Dict

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.baseline.kept_files import (
    content,
    file_entry,
    line_entry,
    missing_parents,
    read_kept,
    unit_entry,
)
from ..module_utils.baseline.kept_rules import merged
from ..module_utils.linux import store_manifest, write_file


def expand_home(path: str) -> str:
    """`~lee/.ssh` with the home of the account, or the one that a new account will have."""
    if not path.startswith("~"):
        return path
    home, slash, remainder = path.partition("/")
    real = os.path.expanduser(home)
    return os.path.realpath("/home/" + home[1:] if real == home else real) + slash + remainder


def current_entries(module: AnsibleModule) -> Dict[str, Any]:
    """What is to be kept, as it is at this moment."""
    files = {}
    for item in module.params["files"]:
        options = {"path": item} if isinstance(item, str) else dict(item)
        name = options.pop("path")
        path, marks = expand_home(name), {"secret": True} if name.startswith("~") else {}
        files[path] = {**file_entry(path), **marks, **options}
        files.update({parent: {"kind": "absent"} for parent in missing_parents(path)})
    return {
        "files": files,
        "lines": {name: {**line_entry(name), "secret": True} for name in module.params["lines"]},
        "units": {name: unit_entry(module, name) for name in module.params["units"]},
    }


def keep(folder: str, before: Dict[str, Any], manifest: Dict[str, Any]) -> None:
    """The contents first, and the manifest that speaks of them last."""
    os.makedirs(folder, mode=0o700, exist_ok=True)
    for path, entry in manifest["files"].items():
        if entry["kind"] == "file" and path not in before["files"]:
            target = os.path.join(folder, entry["sha256"])
            if not os.path.exists(target):
                write_file(target, content(path), 0o600, 0, 0)
    store_manifest(folder, manifest)


def main() -> None:
    spec = {
        "dest": {"type": "path", "required": True},
        "files": {"type": "list", "elements": "raw", "default": []},
        "lines": {"type": "list", "elements": "str", "default": []},
        "units": {"type": "list", "elements": "str", "default": []},
    }
    module = AnsibleModule(argument_spec=spec, supports_check_mode=True)
    folder = module.params["dest"]
    try:
        before = read_kept(folder)
        manifest = merged(before, current_entries(module))
        if manifest != before and not module.check_mode:
            keep(folder, before, manifest)
    except (OSError, ValueError) as error:
        module.fail_json(msg="Nothing was touched, since the way back cannot be kept: %s" % error)
    detail = "%d files, %d lines of accounts and %d services, in %s" % (
        len(manifest["files"]),
        len(manifest["lines"]),
        len(manifest["units"]),
        folder,
    )
    module.exit_json(
        changed=False, fitsom={"checks": [{"name": "the way back is kept", "ok": True, "detail": detail}]}
    )


if __name__ == "__main__":
    main()
