# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whether a unit of systemd runs with what its files say now. Pure."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Dict, Iterable, List, NamedTuple, Tuple

STATES = ("started", "as_it_is", "stopped")


class Unit(NamedTuple):
    """What systemd says of a unit.

    failed: it, or what it triggers, and so it is shown until somebody clears it. unread: its unit file, or that of what
    it triggers, is newer than what systemd has read. since: when it has last read its files, in seconds since 1970,
    0.0 for never.
    """

    exists: bool
    active: bool
    failed: bool
    enabled: str
    unread: bool
    since: float


class Steps(NamedTuple):
    """What has to be done, in this order; why: a reason for the restart or reload, each in a few words."""

    read: bool = False
    enable: bool = False
    start: bool = False
    again: bool = False
    disable: bool = False
    stop: bool = False
    clear: bool = False
    why: Tuple[str, ...] = ()


def unit_of(shown: Dict[str, str], triggered: Iterable[Dict[str, str]], *, reloads: bool) -> Unit:
    """From the lines of `systemctl show`, and those of what it triggers.

    It is the end of its start that counts: sssd gives its files another owner each time before it reads them.
    reloads: it reads its files at a reload too, of which systemd keeps only when its state last changed.
    """
    moments = ["InactiveExitTimestamp", "ActiveEnterTimestamp"] + ["StateChangeTimestamp"] * reloads
    return Unit(
        exists=shown.get("LoadState") == "loaded",
        active=shown.get("ActiveState") in ("active", "activating", "reloading"),
        failed=any(each.get("ActiveState") == "failed" for each in (shown, *triggered)),
        enabled=shown.get("UnitFileState", ""),
        unread=any(each.get("NeedDaemonReload") == "yes" for each in (shown, *triggered)),
        since=max(seconds(shown.get(name, "")) for name in moments),
    )


def as_installed(unit: Unit) -> Unit:
    """A unit that is not there yet, as its package brings it."""
    return unit._replace(active=True, enabled="enabled")


def seconds(moment: str) -> float:
    """Of "Sat 2026-11-28 03:38:01.439145 UTC"; 0.0 for none. The weekday is in no language of Python's."""
    try:
        read = datetime.strptime(moment.partition(" ")[2], "%Y-%m-%d %H:%M:%S.%f UTC").replace(
            tzinfo=timezone.utc
        )
    except ValueError:
        return 0.0
    return read.timestamp()


def newer(changes: Dict[str, float], since: float, now: float) -> List[str]:
    """The files that were changed after they were read. changes: {file: when its inode changed}, in seconds.

    A moment that has not come yet is one of a clock that was wrong: it tells nothing.
    """
    return sorted(path for path, moment in changes.items() if 0 < since < moment <= now)


def steps(unit: Unit, state: str, *, is_timer: bool, is_written: bool, newer_files: Iterable[str]) -> Steps:
    """What is owed. state: one of STATES. is_written: this run changes one of its files, or what is in them."""
    if state == "stopped":
        return Steps(disable=unit.enabled == "enabled", stop=unit.active, clear=unit.failed)
    may_start = state == "started"
    # One that this run writes is newer too: check mode, which writes nothing, gives the same reason.
    why = ["%s is newer than what it has read" % path for path in newer_files]
    why = ["its settings are written now"] if is_written else why
    owed = unit.active and bool(why)
    return Steps(
        # A timer has its new times as soon as systemd has read them.
        read=unit.unread or (is_timer and owed),
        # A static or generated unit has nothing to be enabled.
        enable=may_start and unit.enabled in ("disabled", ""),
        start=may_start and not unit.active,
        again=owed and not is_timer,
        why=tuple(why) if owed and not is_timer else (),
    )


def words(name: str, unit: Unit) -> str:
    """Its state, as a difference shows it."""
    return "%s: %s, %s\n" % (
        name,
        "running" if unit.active else "failed" if unit.failed else "stopped",
        unit.enabled or "not there yet",
    )
