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

from ..linux import FIRST_USER_UID, read_text
from ..security.certificates_host import file_certificates
from .support import Support, support_of
from .texts import Mount, mounts, os_release

UNSYNCHRONISED = 16000000  # microseconds: what the kernel says of a clock that has not been set for long
NOBODY = 65534
DISTRO_INFO = "/usr/share/distro-info/%s.csv"


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
    """Whether the word is the login of a person, not of a service."""
    try:
        return FIRST_USER_UID <= pwd.getpwnam(word).pw_uid != NOBODY
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
    """Whether the clock is synchronised, asked of the kernel as timedated does, which `timedatectl`
    would start.
    """
    timex = Timex()
    state: int = ctypes.CDLL(None).adjtimex(ctypes.byref(timex))
    return bool(state >= 0 and timex.maxerror < UNSYNCHRONISED)


class Programs:
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
    return os_release(read_text("/etc/os-release"))


def support() -> Optional[Support]:
    """Until when this system is supported."""
    release = system()
    return support_of(release, read_text(DISTRO_INFO % release.get("ID", "debian")))


def filesystems() -> List[Dict[str, Any]]:
    """This machine's own file systems, with what is used of them."""
    return [row for row in map(_measured, mounts(read_text("/proc/self/mountinfo"))) if row]


def _measured(mount: Mount) -> Optional[Dict[str, Any]]:
    """None for a bound file and for one without blocks."""
    try:
        if not stat.S_ISDIR(os.stat(mount.point).st_mode):
            return None
        status = os.statvfs(mount.point)
    except OSError:
        return None
    used = status.f_blocks - status.f_bfree
    room = used + status.f_bavail  # as df does: what is reserved for root is not counted
    if not room:
        return None
    return {
        "mount": mount.point,
        "type": mount.kind,
        "size_mb": status.f_blocks * status.f_frsize // 2**20,
        "free_mb": status.f_bavail * status.f_frsize // 2**20,
        "used_percent": round(100.0 * used / room, 1),
        "inodes_free": status.f_favail if status.f_files else None,
        "inodes_percent": round(100.0 * (status.f_files - status.f_ffree) / status.f_files, 1)
        if status.f_files
        else None,
    }


def certificates(module: AnsibleModule) -> Optional[List[Dict[str, Any]]]:
    """Certificates in files, those of the system's authorities left out; None where nothing here
    can read them.
    """
    if not module.get_bin_path("openssl"):
        return None
    now = datetime.now(timezone.utc)
    return [certificate.row(now) for certificate in file_certificates(module)]
