# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What several modules do alike on a Linux host: files, manifests, users, units, the ssh session.

Decisions are elsewhere; nothing here knows what it is used for.
"""

from __future__ import annotations

import json
import os
import pwd
import tempfile
import time
from typing import Any, Dict, List, Optional, Tuple

from ansible.module_utils.basic import AnsibleModule

#: People's accounts begin here (Debian, RHEL); those below are the system's own.
FIRST_USER_UID = 1000
#: The file that lists what a way back keeps.
MANIFEST = "manifest.json"


# --- files ----------------------------------------------------------------------------------------


def text_or_none(path: str) -> Optional[str]:
    """A file's text, to be looked at; None where it cannot be read."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return None


def read_text(path: str) -> str:
    """The same, with nothing where it cannot be read."""
    return text_or_none(path) or ""


def read_exactly(path: str) -> str:
    """A file's text, to be compared or written back; empty if there is no file.

    Raises OSError where it is there and cannot be read, ValueError where it is not UTF-8.
    """
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except FileNotFoundError:
        return ""


def sync_folder(folder: str) -> None:
    """Wait until the names in a folder are on disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_file(path: str, body: bytes, mode: int, uid: int = -1, gid: int = -1) -> None:
    """All of it or nothing, and on disk; with its owner before its content can be seen.

    In place where the path is a mount. -1 leaves the owner as it comes.
    """
    if os.path.ismount(path):
        with open(path, "wb") as file:
            file.write(body)
        return
    handle, scratch = tempfile.mkstemp(dir=os.path.dirname(path), prefix=".fitsom-")
    try:
        with os.fdopen(handle, "wb") as file:
            os.fchown(file.fileno(), uid, gid)
            os.fchmod(file.fileno(), mode)
            file.write(body)
            file.flush()
            os.fsync(file.fileno())
        os.replace(scratch, path)
    except BaseException:
        os.unlink(scratch)
        raise
    sync_folder(os.path.dirname(path))


# --- manifests of a way back ----------------------------------------------------------------------


def load_manifest(folder: str, empty: Dict[str, Any]) -> Dict[str, Any]:
    """The manifest in a folder; `empty` where nothing was kept yet.

    Raises ValueError for one of another format than `empty` has.
    """
    path = os.path.join(folder, MANIFEST)
    if not os.path.exists(path):
        return empty
    with open(path, encoding="utf-8") as file:
        manifest: Dict[str, Any] = json.load(file)
    if manifest.get("format") != empty["format"]:
        raise ValueError(
            "%s has format %s; this version reads %d" % (path, manifest.get("format"), empty["format"])
        )
    return manifest


def store_manifest(folder: str, manifest: Dict[str, Any]) -> None:
    """For root alone, and on disk before anything is touched."""
    text = json.dumps(manifest, indent=1, sort_keys=True) + "\n"
    write_file(os.path.join(folder, MANIFEST), text.encode(), 0o600)


# --- users and units ------------------------------------------------------------------------------


def uid_of(name: str) -> Optional[int]:
    """An account's number, a domain's account included; None where there is no such account."""
    try:
        return pwd.getpwnam(name).pw_uid
    except (KeyError, ValueError):
        return None


def assignments(text: str) -> Dict[str, str]:
    """Lines of `name=value`, as systemctl show and others write them."""
    return dict(line.split("=", 1) for line in text.splitlines() if "=" in line)


def unit_properties(module: AnsibleModule, unit: str, properties: str) -> Dict[str, str]:
    """Properties of a unit, named with commas between; systemd has an answer for unknown ones
    too.
    """
    _code, out, _err = module.run_command(["systemctl", "show", "--property", properties, "--", unit])
    return assignments(out)


# --- processes, and the ssh session of this run ---------------------------------------------------


def stat_fields(stat: str) -> List[str]:
    """The fields of /proc/PID/stat from its third on; the name, in brackets, may hold blanks."""
    return stat.rpartition(")")[2].split()


def _stat_of(pid: int) -> str:
    return read_exactly("/proc/%d/stat" % pid)


def start_of(pid: int) -> int:
    """When a process started, in ticks since boot."""
    return int(stat_fields(_stat_of(pid))[19])


def ticks_now() -> int:
    """The present moment on the clock of `start_of`."""
    return int(time.clock_gettime(time.CLOCK_BOOTTIME) * os.sysconf("SC_CLK_TCK")) + 1


def parent_of(pid: int) -> int:
    """The process that started this one."""
    return int(stat_fields(_stat_of(pid))[1])


def name_of_process(pid: int) -> str:
    """Its program's name, of at most 15 characters."""
    return _stat_of(pid).partition("(")[2].rpartition(")")[0]


def ssh_process() -> int:
    """The sshd process that serves the connection of this run; 0 if it did not come by ssh."""
    pid = os.getpid()
    while pid > 1:
        if name_of_process(pid).startswith("sshd"):
            return pid
        pid = parent_of(pid)
    return 0


def ssh_user() -> Optional[pwd.struct_passwd]:
    """The account that this run logged in by; None if it did not come by ssh."""
    process = ssh_process()
    return pwd.getpwuid(os.stat("/proc/%d" % process).st_uid) if process else None


def ssh_connection() -> Optional[Tuple[str, str, int]]:
    """(client, server, port of the server) of that connection, as the host sees it."""
    ends = ssh_ends()
    return (ends[0].partition("%")[0], ends[2].partition("%")[0], int(ends[3])) if ends else None


def ssh_ends() -> List[str]:
    """[client, its port, server, its port] of that connection, as sshd writes them.

    Empty if this run did not come by ssh.
    """
    pid = os.getpid()
    while pid > 1:
        for entry in _environment(pid):
            if entry.startswith("SSH_CONNECTION="):
                return entry.partition("=")[2].split()
        pid = parent_of(pid)
    return []


def _environment(pid: int) -> List[str]:
    try:
        return read_exactly("/proc/%d/environ" % pid).split("\0")
    except OSError:
        return []
