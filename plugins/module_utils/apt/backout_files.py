# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The folder that keeps the way back: manifest.json and the old .debs beside it."""

from __future__ import annotations

import os
import shutil
from typing import Any, Dict, Iterable, List

from ..linux import load_manifest
from .backout_rules import empty_manifest


def read_manifest(folder: str) -> Dict[str, Any]:
    """The versions before a change; none where nothing was recorded yet."""
    return load_manifest(folder, empty_manifest())


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
