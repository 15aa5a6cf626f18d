"""Limits of the machine that many containers with systemd run into."""

from __future__ import annotations

import os
from pathlib import Path

from .errors import LabError

INOTIFY = Path("/proc/sys/fs/inotify/max_user_instances")
EACH_HOST = 8  # systemd, dbus and logind hold 7 of them; past the limit systemd dies at start without a word
SPARE = 64


def instances_needed(hosts: int) -> int:
    return hosts * EACH_HOST + SPARE


def ensure_inotify(hosts: int, path: Path = INOTIFY) -> str:
    """Make room for this many hosts: as root raise the limit until the next boot, else say who must."""
    needed = instances_needed(hosts)
    if not path.exists() or int(path.read_text()) >= needed:
        return ""
    if os.access(path, os.W_OK):
        path.write_text(f"{needed}\n")
        return f"raised fs.inotify.max_user_instances to {needed} for {hosts} hosts, until the next boot"
    raise LabError(
        f"{hosts} hosts need fs.inotify.max_user_instances={needed}; this machine allows {path.read_text().strip()}",
        f"once, as root: sysctl -w fs.inotify.max_user_instances={needed}",
    )
