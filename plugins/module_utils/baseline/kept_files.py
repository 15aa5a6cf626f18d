# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The folder that keeps a host's way back: manifest.json, and the content of each file by its hash
beside it.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import stat
from typing import Any, Dict, Iterator, List, Mapping

from ansible.module_utils.basic import AnsibleModule

from ..linux import load_manifest, unit_properties, write_file
from .kept_rules import Entry, empty_manifest, line_of, live_value, with_line

LOCK = "/etc/.pwd.lock"  # that of lckpwdf(3), which every tool for accounts takes


def read_kept(folder: str) -> Dict[str, Any]:
    """The manifest; an empty one where nothing was kept yet."""
    return load_manifest(folder, empty_manifest())


def content(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()


def file_entry(path: str) -> Entry:
    """What a path is now.

    ValueError where it is reached by a link, or is nothing that can be kept.
    """
    parent = os.path.dirname(path)
    if os.path.realpath(parent) != parent:
        raise ValueError("%s is reached by a link of its folders, and is not touched" % path)
    try:
        status = os.lstat(path)
    except FileNotFoundError:
        return {"kind": "absent"}
    if stat.S_ISLNK(status.st_mode):
        return {"kind": "link", "to": os.readlink(path)}
    if live_value(path):
        return {"kind": "value", "text": content(path).decode()}
    rights = {"mode": "%04o" % stat.S_IMODE(status.st_mode), "uid": status.st_uid, "gid": status.st_gid}
    if stat.S_ISDIR(status.st_mode):
        return {"kind": "folder", "names": sorted(os.listdir(path)), **rights}
    if not stat.S_ISREG(status.st_mode):
        raise ValueError("%s is neither a file, a link nor a folder, and cannot be kept" % path)
    return {"kind": "file", "sha256": hashlib.sha256(content(path)).hexdigest(), **rights}


def missing_parents(path: str) -> List[str]:
    """The folders that would have to be made for it."""
    missing = []
    parent = os.path.dirname(path)
    while not os.path.lexists(parent):
        missing.append(parent)
        parent = os.path.dirname(parent)
    return missing


def line_entry(name: str) -> Entry:
    """The line of an account database, named such as `/etc/group:sudo`."""
    path, _colon, key = name.partition(":")
    text = content(path).decode("utf-8", "surrogateescape") if os.path.exists(path) else ""
    return {"line": line_of(text, key)}


def unit_entry(module: AnsibleModule, name: str) -> Entry:
    properties = unit_properties(module, name, "LoadState,UnitFileState,ActiveState")
    load = properties.get("LoadState", "not-found")
    active = properties.get("ActiveState") in ("active", "activating", "reloading")
    return {"load": load, "enabled": properties.get("UnitFileState", ""), "active": active}


def current_state(module: AnsibleModule, manifest: Mapping[str, Any]) -> Dict[str, Any]:
    """The present state of everything that a manifest names."""
    return {
        "files": {path: file_entry(path) for path in manifest["files"]},
        "lines": {name: line_entry(name) for name in manifest["lines"]},
        "units": {name: unit_entry(module, name) for name in manifest["units"]},
    }


def write_value(path: str, text: str) -> None:
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def write_line(name: str, line: Any) -> None:
    path, _colon, key = name.partition(":")
    status = os.stat(path)
    text = with_line(content(path).decode("utf-8", "surrogateescape"), key, line)
    body = text.encode("utf-8", "surrogateescape")
    write_file(path, body, stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid)


@contextlib.contextmanager
def accounts_locked() -> Iterator[None]:
    """No other tool writes accounts meanwhile."""
    with open(LOCK, "w", encoding="utf-8") as file:
        fcntl.lockf(file, fcntl.LOCK_EX)
        yield
