#!/usr/bin/python
# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Keep the way back before packages are changed."""

from __future__ import annotations

DOCUMENTATION = r"""
module: apt_save_debs
short_description: Save the packages that are about to be replaced
description:
  - Writes a manifest of the versions before a change and keeps the .deb of each beside it.
  - A .deb is taken from O(pool), from apt's cache, from the archive while that still has the
    version, or is rebuilt by dpkg-repack where O(rebuild) allows it and the program is installed.
  - What is not available is named in the result, in check mode too, so that whoever approves the
    change knows.
options:
  changes:
    description: The changes to come, as M(fitsom.school.apt_updates) returns them.
    type: list
    elements: dict
    required: true
  dest:
    description: The folder of this change's way back.
    type: path
    required: true
  pool:
    description: Where M(fitsom.school.apt_patch) keeps the .debs that it installed.
    type: path
  rebuild:
    description: Whether dpkg-repack may rebuild a package from its installed files. Changed
      configuration goes along.
    type: bool
    default: true
  require_complete:
    description: Fail if the old package of any change is not available.
    type: bool
    default: false
author: The fitsom authors (@fitsom)
"""

EXAMPLES = r"""
- name: Save the old packages
  fitsom.school.apt_save_debs:
    changes: "{{ found.changes }}"
    dest: /var/lib/fitsom/backout/CHG-2026-0001
"""

RETURN = r"""
sources:
  description: For each package where its old .deb comes from (kept, cache, archive, rebuilt or
    none).
  type: dict
  returned: success
fitsom:
  description: Whether the way back is complete.
  type: dict
  returned: always
"""

import os
import shutil
import tempfile
from typing import Any, Dict, List, Mapping, Optional, Tuple

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.apt.backout_files import keep_file, make_folder, read_manifest
from ..module_utils.apt.backout_rules import completeness, diff_lines, merged, to_save
from ..module_utils.apt.host import APT_CACHE, Apt, deb_path, need_python_apt, version_of
from ..module_utils.apt.rules import apt_errors, deb_name
from ..module_utils.linux import store_manifest

Source = Tuple[str, Optional[str]]


def locate(row: Mapping[str, Any], packages: Mapping[str, Any], folders: List[str], rebuild: bool) -> Source:
    """Where the old .deb of a change is available: the kind of place, and its path if it is on this
    host already.
    """
    version = version_of(packages, row["name"], row["from"])
    path = deb_path(
        row["name"], dict(version, version=row["from"], arch=version.get("arch") or row["arch"]), folders
    )
    if path is None and row["arch"] != "all":
        path = deb_path(row["name"], {"version": row["from"], "arch": "all"}, folders)
    if path:
        return "kept" if os.path.dirname(path) in folders[:2] else "cache", path
    if version.get("uri"):
        return "archive", None
    return ("rebuilt" if rebuild else "none"), None


def fetch(host: Apt, rows: List[Mapping[str, Any]], folder: str) -> str:
    versions = ["%s=%s" % (row["name"], row["from"]) for row in rows]
    sandbox = ["-o", "APT::Sandbox::User=root"]
    code, out, err = (
        host.run(["apt-get", "-q", *sandbox, "download", *versions], cwd=folder) if versions else (0, "", "")
    )
    return apt_errors(out + "\n" + err) if code else ""


def rebuild_deb(host: Apt, name: str, folder: str) -> bool:
    return host.run(["dpkg-repack", name], cwd=folder)[0] == 0


def gather(host: Apt, rows: List[Mapping[str, Any]], sources: Dict[str, Source], dest: str) -> Dict[str, str]:
    """Bring every available .deb into the folder. Returns package name to file name."""
    work = tempfile.mkdtemp(prefix=".work-", dir=dest)
    try:
        error = fetch(host, [row for row in rows if sources[row["name"]][0] == "archive"], work)
        if error:
            host.module.fail_json(msg="nothing was touched: the old packages could not be fetched:\n" + error)
        for row in rows:
            if sources[row["name"]][0] == "rebuilt" and not rebuild_deb(host, row["name"], work):
                sources[row["name"]] = ("none", None)
        for path in [sources[row["name"]][1] for row in rows] + [
            os.path.join(work, n) for n in os.listdir(work)
        ]:
            if path:
                keep_file(path, dest)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    file_names = {}
    for row in rows:
        names = [deb_name(row["name"], row["from"], arch) for arch in (row["arch"], "all")]
        present = [name for name in names if os.path.isfile(os.path.join(dest, name))]
        if present:
            file_names[row["name"]] = present[0]
    return file_names


def main() -> None:
    spec = {
        "changes": {"type": "list", "elements": "dict", "required": True},
        "dest": {"type": "path", "required": True},
        "pool": {"type": "path"},
        "rebuild": {"type": "bool", "default": True},
        "require_complete": {"type": "bool", "default": False},
    }
    module = AnsibleModule(argument_spec=spec, supports_check_mode=True)
    need_python_apt(module)
    host, changes, dest = Apt(module), module.params["changes"], module.params["dest"]
    before = read_manifest(dest)
    unrecorded = to_save(before, changes)
    rows = [row for row in unrecorded if row["from"]]
    rebuild = module.params["rebuild"] and module.get_bin_path("dpkg-repack") is not None
    folders = [dest, module.params["pool"] or dest, APT_CACHE]
    packages = host.packages([]) if rows else {}
    sources = {row["name"]: locate(row, packages, folders, rebuild) for row in rows}
    file_names = {name: "" if kind == "none" else name for name, (kind, _path) in sources.items()}
    if not module.check_mode and unrecorded:
        make_folder(dest)
        file_names = dict.fromkeys(sources, "")
        file_names.update(gather(host, rows, sources, dest))
    manifest = merged(before, changes, {name: deb or None for name, deb in file_names.items()})
    unsaved = [n for n, row in manifest["packages"].items() if row["from"] and not row.get("deb")]
    unsaved = [n for n in unsaved if n in {row["name"] for row in changes}]
    facts: Dict[str, Any] = {"checks": [completeness(changes, unsaved)] if changes else []}
    if unsaved and module.params["require_complete"]:
        module.fail_json(
            msg="nothing was touched: no way back for %s" % ", ".join(sorted(unsaved)), fitsom=facts
        )
    if unsaved:
        facts["notes"] = [
            "there is no way back for %s: the old package is not available" % n for n in sorted(unsaved)
        ]
    changed = manifest != before
    if changed and not module.check_mode:
        store_manifest(dest, manifest)
    module.exit_json(
        changed=changed,
        sources={name: kind for name, (kind, _path) in sources.items()},
        diff={"before": diff_lines(before), "after": diff_lines(manifest)},
        fitsom=facts,
    )


if __name__ == "__main__":
    main()
