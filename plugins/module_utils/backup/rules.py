# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What backups there are, set against what was promised: pure functions over restic's own words."""

from __future__ import annotations

import re
from datetime import datetime, timezone
from typing import Any, Dict, Iterable, List, Mapping, Optional

from ..findings import Finding, finding

Snapshot = Mapping[str, Any]


def moment(text: str) -> datetime:
    """restic writes nanoseconds, and Z for UTC; Python 3.9 and later read at most microseconds."""
    shortened = re.sub(r"(\.\d{6})\d*", r"\1", text.replace("Z", "+00:00"))
    return datetime.fromisoformat(shortened).astimezone(timezone.utc)


def snapshots_of(snapshots: Iterable[Snapshot], name: str) -> List[Snapshot]:
    """The snapshots of one data set, the oldest first."""
    matching = [snap for snap in snapshots if "set:" + name in (snap.get("tags") or [])]
    return sorted(matching, key=lambda snap: moment(snap["time"]))


def as_of(snapshots: Iterable[Snapshot], name: str, when: datetime) -> Optional[Snapshot]:
    """The last snapshot of the data set that was taken at `when` or before."""
    before = [snap for snap in snapshots_of(snapshots, name) if moment(snap["time"]) <= when]
    return before[-1] if before else None


def age_hours(snapshot: Snapshot, now: datetime) -> float:
    return (now - moment(snapshot["time"])).total_seconds() / 3600


def in_days(hours: float) -> str:
    """Such as "5 hours" or "3 days"."""
    number, unit = (round(hours / 24), "day") if hours >= 48 else (max(round(hours), 1), "hour")
    return "%d %s%s" % (number, unit, "" if number == 1 else "s")


def state_of(
    host: str, data_set: Mapping[str, Any], snapshots: Optional[Iterable[Snapshot]], place: str, now: datetime
) -> Dict[str, Any]:
    """One data set in one repository: {set, repository, hours, snapshot, finding or None}.

    `snapshots` is None where the repository could not be asked. `data_set` has name and rpo_hours,
    the hours of work that the owner is ready to lose.
    """
    name, promised, ci = data_set["name"], data_set["rpo_hours"], "%s: %s" % (host, data_set["name"])
    row: Dict[str, Any] = {"set": name, "repository": place, "hours": None, "snapshot": None, "finding": None}
    if snapshots is None:
        row["finding"] = finding(
            "backup-unknown",
            "exception",
            ci,
            "It is not known whether %s is backed up: %s does not answer." % (name, place),
        )
        return row
    own = snapshots_of(snapshots, name)
    if not own:
        row["finding"] = finding(
            "backup-missing", "exception", ci, "There is no backup of %s in %s." % (name, place),
            do="systemctl start fitsom-backup-%s on %s" % (name, host),
        )  # fmt: skip
        return row
    hours = age_hours(own[-1], now)
    row.update(hours=round(hours, 1), snapshot=own[-1]["id"][:8])
    if hours > promised:
        row["finding"] = finding(
            "backup-stale", "exception", ci,
            "The last backup of %s in %s is %s old; %s were promised."
            % (name, place, in_days(hours), in_days(promised)),
            "snapshot %s of %s" % (own[-1]["id"][:8], moment(own[-1]["time"]).strftime("%d %b %Y %H:%M UTC")),
            "journalctl -u fitsom-backup-%s on %s" % (name, host),
        )  # fmt: skip
    return row


def failed(host: str, name: str) -> Finding:
    """The last backup of a data set broke off."""
    return finding(
        "backup-failed", "exception", "%s: %s" % (host, name),
        "The last backup of %s did not come to its end; those before it are there." % name,
        "fitsom-backup-%s.service failed" % name,
        "journalctl -u fitsom-backup-%s on %s" % (name, host),
    )  # fmt: skip


def copies(host: str, repositories: Iterable[Mapping[str, Any]]) -> List[Finding]:
    """3 copies (the original counts), on 2 devices, 1 off-site, 1 offline: what is missing of
    it.
    """
    known_repositories = list(repositories)
    devices = {host} | {str(repository["device"]) for repository in known_repositories}
    missing = []
    if len(known_repositories) < 2:
        missing.append("%d of 3 copies" % (len(known_repositories) + 1))
    if len(devices) < 2:
        missing.append("a second device")
    if not any(repository.get("off_site") for repository in known_repositories):
        missing.append("a copy off-site")
    if not any(repository.get("offline") for repository in known_repositories):
        missing.append("a copy offline")
    if not missing:
        return []
    return [
        finding(
            "backup-copies",
            "warning",
            host,
            "The rule of 3 copies, 2 devices, 1 off-site and 1 offline is not kept: %s." % "; ".join(missing),
            "copies on: %s" % ", ".join(sorted(devices)),
            "Add a repository to backups_repositories.",
        )
    ]


def sets_holding(sets: Iterable[Mapping[str, Any]], path: str) -> List[str]:
    """Names of the data sets that the path is part of."""
    return [
        data_set["name"]
        for data_set in sets
        if any(path == top.rstrip("/") or path.startswith(top.rstrip("/") + "/") for top in data_set["paths"])
    ]


def size(number: float) -> str:
    """Such as "1.2 GB"."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if number < 1000:
            return "%d %s" % (number, unit) if unit == "bytes" else "%.1f %s" % (number, unit)
        number /= 1000
    return "%.1f TB" % number


def in_minutes(seconds: float) -> str:
    """Such as "1 second", "40 seconds", "12 minutes" or "4 hours"."""
    for length, unit in ((3600, "hour"), (60, "minute")):
        if seconds >= 2 * length or seconds == length:
            number = round(seconds / length)
            return "%d %s%s" % (number, unit, "" if number == 1 else "s")
    number = round(seconds)
    return "%d second%s" % (number, "" if number == 1 else "s")
