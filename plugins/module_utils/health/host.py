# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Reading a Linux host without touching it. What its texts mean is in fitsom_host_texts."""

from __future__ import annotations

import ctypes
import os
import pwd
import stat
from datetime import datetime, timezone
from functools import lru_cache
from typing import Any, Dict, List, Optional

from ansible.module_utils.basic import AnsibleModule

from ..security.certificates_host import in_files
from .support import Support, support_of
from .texts import Mount, mounts, os_release

FIRST_PERSON = 1000
UNSYNCHRONISED = 16000000  # microseconds: the kernel's word for a clock that nobody has set for long
NOBODY = 65534
DISTRO_INFO = "/usr/share/distro-info/%s.csv"


def read(path: str) -> str:
    """A file's text; nothing where it cannot be read."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""


def names(folder: str) -> List[str]:
    """What a folder holds; nothing where there is none."""
    try:
        return sorted(os.listdir(folder))
    except OSError:
        return []


def mtime(path: str) -> Optional[float]:
    """When a file was last written."""
    try:
        return os.stat(path).st_mtime
    except OSError:
        return None


@lru_cache(maxsize=None)
def is_person(word: str) -> bool:
    """Whether the word is the login of somebody who is no service."""
    try:
        return FIRST_PERSON <= pwd.getpwnam(word).pw_uid != NOBODY
    except (KeyError, ValueError):
        return False


class Timex(ctypes.Structure):
    """The beginning of adjtimex(2)'s structure."""

    _fields_ = [
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("rest", ctypes.c_char * 512),
    ]


def synchronised() -> bool:
    """Whether somebody keeps the clock, asked of the kernel as timedated does, which `timedatectl` would start."""
    told = Timex()
    state: int = ctypes.CDLL(None).adjtimex(ctypes.byref(told))
    return bool(state >= 0 and told.maxerror < UNSYNCHRONISED)


class Asked:
    """The host's programs."""

    def __init__(self, module: AnsibleModule) -> None:
        self.module = module

    def has(self, program: str) -> bool:
        """Whether it is installed."""
        return bool(self.module.get_bin_path(program))

    def out(self, *words: str) -> str:
        """What the program prints, whatever its code; nothing where it is not installed."""
        if not self.has(words[0]):
            return ""
        answer = self.module.run_command(
            list(words), environ_update={"LC_ALL": "C.UTF-8", "SYSTEMD_PAGER": ""}, errors="replace"
        )
        return str(answer[1])


def system() -> Dict[str, str]:
    """/etc/os-release."""
    return os_release(read("/etc/os-release"))


def support() -> Optional[Support]:
    """Until when this system is looked after."""
    found = system()
    return support_of(found, read(DISTRO_INFO % found.get("ID", "debian")))


def filesystems() -> List[Dict[str, Any]]:
    """This machine's own file systems, with what is used of them."""
    return [row for row in map(_measured, mounts(read("/proc/self/mountinfo"))) if row]


def _measured(mount: Mount) -> Optional[Dict[str, Any]]:
    """None for a bound file and for one without blocks."""
    try:
        if not stat.S_ISDIR(os.stat(mount.point).st_mode):
            return None
        found = os.statvfs(mount.point)
    except OSError:
        return None
    used = found.f_blocks - found.f_bfree
    room = used + found.f_bavail  # as df does: what root alone may fill is no room
    if not room:
        return None
    return {
        "mount": mount.point,
        "type": mount.kind,
        "size_mb": found.f_blocks * found.f_frsize // 2**20,
        "free_mb": found.f_bavail * found.f_frsize // 2**20,
        "used_percent": round(100.0 * used / room, 1),
        "inodes_free": found.f_favail if found.f_files else None,
        "inodes_percent": round(100.0 * (found.f_files - found.f_ffree) / found.f_files, 1)
        if found.f_files
        else None,
    }


def certificates(module: AnsibleModule) -> Optional[List[Dict[str, Any]]]:
    """Certificates in files, those of the system's authorities left out; None where nothing here can read them."""
    if not module.get_bin_path("openssl"):
        return None
    now = datetime.now(timezone.utc)
    return [one.row(now) for one in in_files(module)]
