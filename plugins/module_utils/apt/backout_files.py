# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The folder that keeps the way back: manifest.json and the old .debs beside it."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from typing import Any, Dict, Iterable, List

from .backout_rules import FORMAT, empty_manifest

MANIFEST = "manifest.json"


def read_manifest(folder: str) -> Dict[str, Any]:
    path = os.path.join(folder, MANIFEST)
    if not os.path.exists(path):
        return empty_manifest()
    with open(path, encoding="utf-8") as handle:
        manifest = json.load(handle)
    if manifest.get("format") != FORMAT:
        raise ValueError("%s has format %s; this version reads %d" % (path, manifest.get("format"), FORMAT))
    return dict(manifest)


def write_manifest(folder: str, manifest: Dict[str, Any]) -> None:
    """All of it or nothing, and on disk before any package is touched."""
    handle, path = tempfile.mkstemp(dir=folder)
    with os.fdopen(handle, "w", encoding="utf-8") as out:
        json.dump(manifest, out, indent=1, sort_keys=True)
        out.write("\n")
        out.flush()
        os.fsync(out.fileno())
    os.replace(path, os.path.join(folder, MANIFEST))
    sync_folder(folder)


def sync_folder(folder: str) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def keep_file(source: str, folder: str) -> str:
    """A second name for a file where the file system allows it, else a copy."""
    target = os.path.join(folder, os.path.basename(source))
    if os.path.exists(target):
        return target
    part = target + ".part"
    if os.path.exists(part):
        os.unlink(part)
    try:
        os.link(source, part)
    except OSError:
        shutil.copyfile(source, part)
    os.replace(part, target)
    return target


def make_folder(path: str) -> None:
    os.makedirs(path, mode=0o700, exist_ok=True)


def saved_files(folder: str, manifest: Dict[str, Any]) -> Dict[str, str]:
    """Package name to the .deb that is really there."""
    paths = {}
    for name, row in manifest["packages"].items():
        path = os.path.join(folder, row.get("deb") or "")
        if row.get("deb") and os.path.isfile(path):
            paths[name] = path
    return paths


def remove_outdated(folder: str, keep_names: Iterable[str]) -> List[str]:
    """Remove the .debs of the pool that are of no installed version any more."""
    keep = set(keep_names)
    removed = [name for name in sorted(os.listdir(folder)) if name.endswith(".deb") and name not in keep]
    for name in removed:
        os.unlink(os.path.join(folder, name))
    return removed
