"""Limits of the machine that many containers with systemd run into."""

from __future__ import annotations

import os
from collections.abc import Mapping
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


def rootless_needs(root: Path = Path("/"), environment: Mapping[str, str] = os.environ) -> list[str]:
    """What this machine lacks for a plain user's podman to run systemd in containers."""
    lacks = []
    if not (root / "sys/fs/cgroup/cgroup.controllers").exists():
        lacks.append("cgroups of version 2 alone (boot with systemd.unified_cgroup_hierarchy=1)")
    if not Path(environment.get("XDG_RUNTIME_DIR") or "/nonexistent").is_dir():
        lacks.append("XDG_RUNTIME_DIR: log in through ssh or a console, not su (or: loginctl enable-linger)")
    if not os.access(root / "dev/net/tun", os.R_OK | os.W_OK):
        lacks.append("a readable and writable /dev/net/tun (modprobe tun; mode 0666)")
    return lacks


def ensure_rootless() -> None:
    lacks = rootless_needs()
    if lacks:
        raise LabError(
            "a plain user's containers need, and this machine lacks:\n"
            + "\n".join(f"  - {lack}" for lack in lacks),
            "see Rootless in molecule/shared/README.md, or run the lab as root",
        )
