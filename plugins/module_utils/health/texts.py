# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Facts of a Linux host, from the texts of its files and programs.

Pure; what is not said is None.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import shlex
import zlib
from typing import Any, Callable, Dict, Iterable, List, Mapping, NamedTuple, Optional, Tuple

NO_SOURCE, OWN_CLOCK = "00000000", "7F7F0101"  # as chrony writes them
PACKED_LIMIT = 64 * 1024
#: Other machines' file systems, which can hang, and those that are always full or have no size.
NOT_LOOKED_AT = re.compile(
    r"^(nfs4?|cifs|smb3|9p|ceph|glusterfs|fuse\..*|autofs|squashfs|iso9660|erofs|udf|ramfs|proc|sysfs|devpts|devtmpfs"
    r"|cgroup2?|mqueue|hugetlbfs|debugfs|tracefs|securityfs|pstore|bpf|configfs|fusectl|binfmt_misc|efivarfs|nsfs)$"
)
#: The system's own, and those of containers, which lie on a file system that is looked at anyway.
OWN_PLACES = re.compile(
    r"^/((proc|sys|dev|run/(lock|user|credentials|containers|docker|netns))(/|$)|var/lib/(docker|containers|kubelet)/)"
)
#: Where mount points and units carry the names of people.
PLACES_OF_PEOPLE = re.compile(r"^(/home/|/media/|/run/media/)[^/]+.*")
UNITS_OF_PEOPLE = re.compile(
    r"^(home-|media-|run-media-|session-|user@|user-runtime-dir@)[^.]+.*?(\.[a-z]+)$"
)
CHANGE = re.compile(r"^CHG-(\d{4})-(\d+)$")


class Mount(NamedTuple):
    """A mounted file system of this machine."""

    device: str
    point: str
    kind: str


def os_release(text: str) -> Dict[str, str]:
    """/etc/os-release."""
    fields = {}
    for line in text.splitlines():
        name, equals, value = line.partition("=")
        if equals and re.fullmatch(r"[A-Z0-9_]+", name):
            fields[name] = " ".join(shlex.split(value))
    return fields


def memory_mb(meminfo: str) -> Optional[int]:
    """MemTotal of /proc/meminfo."""
    match = re.search(r"^MemTotal:\s+(\d+) kB", meminfo, re.M)
    return int(match.group(1)) // 1024 if match else None


def processors(cpuinfo: str) -> Dict[str, Any]:
    """/proc/cpuinfo: how many, and which (Arm machines do not say)."""
    model = re.search(r"^(?:model name|Model)\s*:\s*(.+)$", cpuinfo, re.M)
    count = len(re.findall(r"^processor\s*:", cpuinfo, re.M))
    return {"count": count or None, "model": model.group(1).strip() if model else None}


def dmi_value(text: Optional[str]) -> Optional[str]:
    """A field of DMI, or None where the maker left a placeholder in it."""
    text = (text or "").strip()
    empty = r"(|none|n/a|0+|not (specified|applicable|available)|to be filled by o\.?e\.?m\.?|default string|system .*)"
    return None if re.fullmatch(empty, text, re.I) else text


def mounts(mountinfo: str) -> List[Mount]:
    """/proc/self/mountinfo: this machine's own file systems that can fill up, each once, at its
    shortest path.
    """
    by_device: Dict[str, Mount] = {}
    for line in mountinfo.splitlines():
        mount_part, _dash, type_part = line.partition(" - ")
        fields, kinds = mount_part.split(), type_part.split()
        if len(fields) < 6 or not kinds:
            continue
        point = re.sub(r"\\(\d{3})", lambda m: chr(int(m.group(1), 8)), fields[4])
        if NOT_LOOKED_AT.match(kinds[0]) or OWN_PLACES.match(point):
            continue
        mount, existing = Mount(fields[2], point, kinds[0]), by_device.get(fields[2])
        if existing is None or len(point) < len(existing.point):
            by_device[mount.device] = mount
    return sorted(by_device.values(), key=lambda mount: mount.point)


def units(text: str) -> List[str]:
    """First column of `systemctl list-units` or `list-unit-files` without legend."""
    return [line.split()[0] for line in text.splitlines() if line.strip()]


def interfaces(text: str) -> List[Dict[str, Any]]:
    """`ip -j address`, without the loopback and link-local addresses."""
    rows = []
    for link in json.loads(text or "[]"):
        if link.get("ifname") in (None, "lo"):
            continue
        addresses = [
            "%s/%s" % (a["local"], a["prefixlen"])
            for a in link.get("addr_info", [])
            if a.get("scope") == "global" and a.get("local")
        ]
        rows.append({"name": link["ifname"], "mac": link.get("address"), "addresses": addresses})
    return rows


def boot_time(proc_stat: str, first_process: str, ticks: int) -> Optional[int]:
    """When process 1 began, in seconds since 1970: in a container that is its own start, not its
    machine's.
    """
    machine = re.search(r"^btime (\d+)$", proc_stat, re.M)
    fields = first_process.rpartition(")")[2].split()
    if machine is None or len(fields) < 20:
        return None
    return int(machine.group(1)) + int(fields[19]) // ticks


def packages(text: str) -> Dict[str, Any]:
    """`dpkg-query -W`, lines of name, tab, version: how many, a digest to compare by, and all of
    them packed.

    versions: zlib in base64 of the sorted lines (about 10 kB for 500 packages); None where that is
    too much.
    """
    lines = sorted(line for line in text.splitlines() if line.strip())
    plain = "\n".join(lines).encode()
    packed = base64.b64encode(zlib.compress(plain, 9)).decode()
    return {
        "count": len(lines),
        "digest": hashlib.sha256(plain).hexdigest(),
        "versions": packed if len(packed) <= PACKED_LIMIT else None,
    }


def unpacked(packed: str) -> Dict[str, str]:
    """{package: version} of what packages() packed."""
    lines = zlib.decompress(base64.b64decode(packed)).decode().splitlines()
    return {name: version for name, _tab, version in (line.partition("\t") for line in lines)}


def last_change(names: Iterable[str]) -> Optional[str]:
    """The newest number among the names of folders that roles leave for each change."""
    numbers = [(int(m.group(1)), int(m.group(2)), m.group()) for m in map(CHANGE.match, names) if m]
    return max(numbers)[2] if numbers else None


def offset_of(text: str) -> Optional[float]:
    """Seconds in a line `Offset: +1.234ms` of `timedatectl timesync-status`."""
    match = re.search(r"^\s*Offset:\s*([+-]?[\d.]+)(us|ms|min|s)\b", text, re.M)
    scale = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "min": 60.0}
    return float(match.group(1)) * scale[match.group(2)] if match else None


def chrony(text: str) -> Tuple[bool, Optional[float]]:
    """`chronyc -c tracking`: whether it follows a source, and by how many seconds the clock is
    wrong.
    """
    fields = text.strip().split(",")
    if len(fields) < 14:
        return False, None
    return fields[13] != "Not synchronised" and fields[0] not in (NO_SOURCE, OWN_CLOCK), float(fields[4])


def security_updates(simulation: str) -> Dict[str, str]:
    """{package: version} that `apt-get -s dist-upgrade` would take from a security archive."""
    updates = {}
    for line in simulation.splitlines():
        match = re.match(r"^Inst (\S+) \[[^\]]+\] \((\S+) ([^)]*)\)", line)
        if match and re.search(r"Debian-Security|-security\b", match.group(3)):
            updates[match.group(1)] = match.group(2)
    return updates


def unit_without_people(unit: str, is_person: Callable[[str], bool]) -> str:
    """The unit's name with `*` where it names a person or a session."""
    match = UNITS_OF_PEOPLE.match(unit)
    if match:
        return "%s*%s" % match.groups()
    return re.sub(r"[A-Za-z_][\w-]*", lambda m: "*" if is_person(m.group()) else m.group(), unit)


def place_without_people(point: str, is_person: Callable[[str], bool]) -> str:
    """The mount point with `*` where it names a person."""
    match = PLACES_OF_PEOPLE.match(point)
    return match.group(1) + "*" if match else "/".join("*" if is_person(p) else p for p in point.split("/"))


def entries(text: str) -> List[Mapping[str, Any]]:
    """`journalctl -o json`; lines that are not JSON objects are left out."""
    parsed: List[Mapping[str, Any]] = []
    for line in text.splitlines():
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        if isinstance(entry, dict):
            parsed.append(entry)
    return parsed
