# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Limits on homes: usage as btrfs reports it, what is to be set, and what is nearly full.

Pure; no folder is named.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, Iterable, List, Optional, Tuple

from ..findings import Finding, finding

GB = 10**9
NEARLY = 0.9


@dataclass(frozen=True)
class Usage:
    """What a subvolume holds, and may hold, in bytes; no limit is None."""

    used: int
    limit: Optional[int]


def qgroups(text: str) -> Dict[int, Usage]:
    """Subvolume id to what it holds, from `btrfs qgroup show --raw -r`: `0/257 16384 16384
    none`.
    """
    usages = {}
    for line in text.splitlines():
        words = line.split()
        if len(words) < 4 or not words[0].startswith("0/") or not words[1].isdigit():
            continue
        usages[int(words[0][2:])] = Usage(int(words[1]), int(words[3]) if words[3].isdigit() else None)
    return usages


def to_set(ids: Iterable[int], usages: Dict[int, Usage], limit: int) -> List[int]:
    """Subvolumes whose limit is another one."""
    return [subvolume for subvolume in ids if subvolume not in usages or usages[subvolume].limit != limit]


def size(limit: int) -> str:
    """`5 GB`, `0.5 GB`."""
    return "%g GB" % (limit / GB)


def findings(ci: str, path: str, limit: int, plain: int, usages: Iterable[Usage]) -> List[Finding]:
    """plain: how many folders are not subvolumes; btrfs cannot limit those.

    usages: of the subvolumes.
    """
    rows = []
    if plain:
        rows.append(
            finding(
                "quota-impossible",
                "warning",
                "%s: %s" % (ci, path),
                "%s under %s can hold as much as there is room." % (_folders(plain), path),
                "They are plain folders, no subvolumes, and btrfs limits only those.",
                "Make homes with useradd --btrfs-subvolume-home; move what is there into a subvolume.",
            )
        )
    full = sum(usage.used >= NEARLY * limit for usage in usages)
    if full:
        rows.append(
            finding(
                "quota-nearly-full",
                "warning",
                "%s: %s" % (ci, path),
                "%s under %s %s nine tenths of the %s that each may hold, or more."
                % (_folders(full), path, "holds" if full == 1 else "hold", size(limit)),
                "btrfs qgroup show -r",
                "Ask whose they are to tidy up, or give them more.",
            )
        )
    return rows


def _folders(number: int) -> str:
    return "1 folder" if number == 1 else "%d folders" % number


def plan_entry(path: str, limit: int, number: int) -> Tuple[str, str]:
    """The id of the object in the plan, and what is said of it."""
    return path, "%s each for %s" % (size(limit), _folders(number))
