#!/usr/bin/python
# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Limit what each folder of a folder may hold, on btrfs."""

from __future__ import annotations

DOCUMENTATION = r"""
module: btrfs_quota
short_description: Limit what each folder of a folder may hold, on btrfs
description:
  - Gives every subvolume directly in a folder, as homes are, the same limit. Quotas of the file
    system are switched on if they are not.
  - Plain folders, which btrfs cannot limit, and those that are nearly full are findings, counted
    and never named.
options:
  path:
    description: The folder that the homes are in.
    type: path
    required: true
  gb:
    description: What each may hold, in GB of 1,000,000,000 bytes.
    type: float
    required: true
  ci:
    description: What findings are about, the host's name.
    type: str
    required: true
attributes:
  check_mode:
    description: Counts what would be limited, and changes nothing.
    support: full
  diff_mode:
    description: The number of folders with and without the limit.
    support: full
author: The fitsom authors (@fitsom)
"""

EXAMPLES = r"""
- name: Limit homes
  fitsom.school.btrfs_quota:
    ci: files1
    path: /srv/homes
    gb: 5
"""

RETURN = r"""
limited:
  description: How many folders were given the limit, or would be.
  type: int
  returned: success
fitsom:
  description: What is set, and findings.
  type: dict
  returned: success
"""

import os
from typing import Dict, List, Tuple

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.backup.quota import GB, Usage, findings, plan_entry, qgroups, to_set

SUBVOLUME = 256  # the inode number of every subvolume's top folder


def folders(path: str) -> Tuple[List[str], int]:
    """Subvolumes directly in the folder, and how many plain folders."""
    with os.scandir(path) as entries:
        directories = [entry for entry in entries if entry.is_dir(follow_symlinks=False)]
    inner = sorted(entry.path for entry in directories if os.stat(entry.path).st_ino == SUBVOLUME)
    return inner, len(directories) - len(inner)


def file_system(module: AnsibleModule, path: str) -> str:
    """`btrfs`; ends with an error for a folder that is not there."""
    if not os.path.isdir(path):
        module.fail_json(msg="%s is not a folder: make it, or take it out of the list" % path)
    return str(
        module.run_command(["findmnt", "-n", "-o", "FSTYPE", "--target", path], check_rc=True)[1].strip()
    )


def btrfs(module: AnsibleModule, path: str, *words: str) -> str:
    """Its answer.

    An error names the folder of the homes only: a home is called after a person.
    """
    code, out, _err = module.run_command(["btrfs", *words])
    if code:
        module.fail_json(msg="btrfs %s %s failed for a folder under %s" % (words[0], words[1], path))
    return str(out)


def read_usage(
    module: AnsibleModule, path: str, inner: List[str]
) -> Tuple[bool, List[int], Dict[int, Usage]]:
    """Whether quotas are on, the subvolumes' ids, and what each holds."""
    ids = [int(btrfs(module, path, "inspect-internal", "rootid", folder)) for folder in inner]
    code, out, _err = module.run_command(["btrfs", "qgroup", "show", "--raw", "-r", "--sync", path])
    return code == 0, ids, qgroups(out) if code == 0 else {}


def main() -> None:
    """Entry point."""
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "path", "required": True},
            "gb": {"type": "float", "required": True},
            "ci": {"type": "str", "required": True},
        },
        supports_check_mode=True,
    )
    path, limit = module.params["path"], int(module.params["gb"] * GB)
    if limit <= 0:
        module.fail_json(msg="gb is %s: a limit is more than 0" % module.params["gb"])
    kind = file_system(module, path)
    if kind != "btrfs":
        module.fail_json(
            msg="%s is on %s: fitsom limits homes on btrfs only. Take it out of the list" % (path, kind)
        )
    inner, plain = folders(path)
    on, ids = False, [0] * len(inner)
    usages: Dict[int, Usage] = {}
    if module.get_bin_path("btrfs"):
        on, ids, usages = read_usage(module, path, inner)
    elif not module.check_mode:
        module.fail_json(msg="btrfs is missing: install btrfs-progs")
    to_limit = to_set(ids, usages, limit)
    if not module.check_mode:
        if not on:
            btrfs(module, path, "quota", "enable", path)
        for subvolume in to_limit:
            btrfs(module, path, "qgroup", "limit", str(limit), "0/%d" % subvolume, path)
    changed = bool(to_limit) or not on
    name, what = plan_entry(path, limit, len(to_limit))
    rows = [{"kind": "quota", "id": name, "action": "set", "group": "", "what": what}] if changed else []
    limited_usages = [usages[subvolume] for subvolume in ids if subvolume in usages]
    template = "limited to %d bytes: %d of %d\n"
    module.exit_json(
        changed=changed,
        limited=len(to_limit),
        diff={
            "before": template % (limit, len(inner) - len(to_limit), len(inner)),
            "after": template % (limit, len(inner), len(inner)),
        },
        fitsom={
            "objects": rows,
            "findings": findings(module.params["ci"], path, limit, plain, limited_usages),
        },
    )


if __name__ == "__main__":
    main()
