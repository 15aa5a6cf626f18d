# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which services of this host run which files."""

from __future__ import annotations

import os
import re
from typing import Dict, Iterable, Iterator, List, Mapping, Optional, Set, Tuple

from ansible.module_utils.basic import AnsibleModule

from ..linux import read_text, stat_fields, unit_properties
from .rules import matches

INFO = "/var/lib/dpkg/info"
PROPERTIES = (
    "Id,LoadState,ActiveState,ActiveEnterTimestampMonotonic,ExecMainStartTimestampMonotonic,Type,Result"
)


def unit_of(cgroup: str) -> Optional[str]:
    """The system service in /proc/PID/cgroup, if the process belongs to one."""
    for line in cgroup.splitlines():
        parts = line.split(":", 2)
        if len(parts) == 3 and "/system.slice/" in parts[2] and parts[1] in ("", "name=systemd"):
            inside = parts[2].rsplit("/system.slice/", 1)[1]
            names = [part for part in inside.split("/") if part.endswith(".service")]
            if names:
                return names[0].replace("\\x2d", "-") if "@" in names[0] else names[0]
    return None


def mapped_files(maps: str, deleted: bool) -> Set[str]:
    """Paths in /proc/PID/maps; with `deleted` only those whose file was replaced meanwhile."""
    paths = set()
    for line in maps.splitlines():
        fields = line.split(None, 5)
        if len(fields) < 6 or not fields[5].startswith("/") or "x" not in fields[1]:
            continue
        path = fields[5]
        if path.endswith(" (deleted)"):
            paths.add(path[: -len(" (deleted)")])
        elif not deleted:
            paths.add(path)
    return {path for path in paths if path.startswith(("/usr/", "/lib", "/bin/", "/sbin/", "/opt/"))}


def _processes(deleted: bool) -> Iterator[Tuple[str, str, Set[str]]]:
    """Process number, service and files of each process of a service."""
    for process in os.listdir("/proc"):
        if not process.isdigit():
            continue
        unit = unit_of(read_text("/proc/%s/cgroup" % process))
        files = mapped_files(read_text("/proc/%s/maps" % process), deleted) if unit else set()
        if unit and files:
            yield process, unit, files


def running(deleted: bool) -> Dict[str, Set[str]]:
    """Service to the files that its processes execute from."""
    files_by_unit: Dict[str, Set[str]] = {}
    for _process, unit, files in _processes(deleted):
        files_by_unit.setdefault(unit, set()).update(files)
    return files_by_unit


def stale_since() -> Dict[str, float]:
    """Service to the start of the youngest of its processes that run replaced files, in seconds
    since the boot.
    """
    starts: Dict[str, float] = {}
    for process, unit, _files in _processes(deleted=True):
        started = start_of(read_text("/proc/%s/stat" % process))
        starts[unit] = max(started, starts.get(unit, 0.0))
    return starts


def start_of(stat: str) -> float:
    """Seconds from the boot to the start of the process whose /proc/PID/stat this is; 0 if it has
    ended since.
    """
    fields = stat_fields(stat)
    return int(fields[19]) / os.sysconf("SC_CLK_TCK") if len(fields) > 19 else 0.0


def left_over(youngest: float, state: Mapping[str, str]) -> bool:
    """Whether all stale processes are older than the service's own: sessions that outlived a
    restart, as sshd's do.

    To restart the service again would not end them. A second's grace, since the two clocks are read
    apart.
    """
    unit_start = int(state.get("ExecMainStartTimestampMonotonic") or 0) / 1000000
    return youngest < unit_start - 1


def files_of(package: str, arch: str) -> Set[str]:
    """A package's files by their real path (older packages still say /lib for /usr/lib)."""
    listing = read_text("%s/%s.list" % (INFO, package)) or read_text("%s/%s:%s.list" % (INFO, package, arch))
    folders: Dict[str, str] = {}
    paths = set()
    for path in listing.splitlines():
        folder, base = os.path.split(path)
        if folder not in folders:
            folders[folder] = os.path.realpath(folder)
        paths.add(os.path.join(folders[folder], base))
    return paths


def show(module: AnsibleModule, names: Iterable[str]) -> Dict[str, Dict[str, str]]:
    """systemd's view of some services, by the name that was asked for."""
    states = {}
    for name in names:
        unit = name if re.search(r"\.(service|socket|timer|target|path|mount)$", name) else name + ".service"
        states[name] = unit_properties(module, unit, PROPERTIES)
    return states


def restartable(units: Iterable[str], never: Iterable[str]) -> List[str]:
    patterns = list(never)
    return sorted(unit for unit in set(units) if not matches(unit, patterns))
