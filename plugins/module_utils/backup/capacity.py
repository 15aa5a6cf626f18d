# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How full a backup server is, and when it will be: pure functions."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from ..findings import Finding, finding
from .rules import in_days, size

DAY = 86400
#: Less history than this says nothing about growth.
SHORTEST_DAYS = 3
WARN_DAYS = 60
LEAST_FREE_PERCENT = 5
#: Two of the weekly times, and a day for a machine that was off.
VERIFIED_WITHIN_DAYS = 15

#: When, in seconds since 1970, and bytes used on the file system then.
Used = Tuple[float, float]


def growth(history: Sequence[Used]) -> Optional[float]:
    """Bytes a day, by least squares over the history; None where it is too short."""
    if len(history) < 2 or history[-1][0] - history[0][0] < SHORTEST_DAYS * DAY:
        return None
    middle = sum(when for when, _used in history) / len(history)
    mean = sum(used for _when, used in history) / len(history)
    above = sum((when - middle) * (used - mean) for when, used in history)
    below = sum((when - middle) ** 2 for when, _used in history)
    return above / below * DAY


def days_until_full(free: float, daily: Optional[float]) -> Optional[int]:
    """Whole days; None where it does not grow, or it is not known yet."""
    return int(free / daily) if daily and daily > 0 else None


def findings(ci: str, facts: Mapping[str, Any]) -> List[Finding]:
    """Of {free, total, days (int or None), clients: {name: {verified: days since or None, failed:
    bool, bytes}}}.
    """
    rows = []
    percent = 100 * facts["free"] / facts["total"]
    evidence = "%s free of %s" % (size(facts["free"]), size(facts["total"]))
    if percent < LEAST_FREE_PERCENT:
        what = "The backup server has %d %% of its space left; backups are about to fail." % percent
        rows.append(finding("backup-space", "exception", ci, what, evidence, "Add space, or keep less."))
    elif facts["days"] is not None and facts["days"] < WARN_DAYS:
        what = "At the present growth the backup server is full in %s." % in_days(facts["days"] * 24)
        rows.append(finding("backup-space", "warning", ci, what, evidence, "Add space, or keep less."))
    for name, client in sorted(facts["clients"].items()):
        rows += verified(ci, name, client)
    return rows


def verified(ci: str, name: str, client: Mapping[str, Any]) -> List[Finding]:
    """Whether every byte of a client's backups was read lately, and was right."""
    about = "%s: backups of %s" % (ci, name)
    if client["failed"]:
        what = "The backups of %s are damaged, or could not be read through." % name
        do = "journalctl -u fitsom-backup-verify@%s; restore drills from the second copy; then repair." % name
        return [finding("backup-damaged", "exception", about, what, "restic check --read-data failed", do)]
    if not client["bytes"]:
        return []
    days: Optional[float] = client["verified"]
    if days is None or days > VERIFIED_WITHIN_DAYS:
        since = "never" if days is None else "last %s ago" % in_days(days * 24)
        what = "The backups of %s were not read through as decided (%s)." % (name, since)
        do = "systemctl start fitsom-backup-verify@%s" % name
        return [finding("backup-unverified", "warning", about, what, "", do)]
    return []


def note(facts: Mapping[str, Any]) -> str:
    """One sentence about space."""
    clients: Dict[str, Any] = facts["clients"]
    usage = ", ".join("%s %s" % (name, size(client["bytes"])) for name, client in sorted(clients.items()))
    full = "in %s" % in_days(facts["days"] * 24) if facts["days"] is not None else "not predictable yet"
    return "%s free of %s; full: %s. Taken by %s." % (
        size(facts["free"]), size(facts["total"]), full, usage or "nobody",
    )  # fmt: skip
