"""Times and durations in words, in the zone of the window."""

from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from fitsom_runner.reports.rfc import Window
from fitsom_runner.reports.text import DASH, count


def zone(name: str) -> tzinfo:
    """The zone of that IANA name; UTC when this machine knows no such zone (the shown zone then says UTC)."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return UTC


def local(moment: datetime, name: str) -> datetime:
    """The moment in that zone. A time without a zone is a mistake of the caller."""
    if moment.tzinfo is None:
        raise ValueError(f"a report needs times with a zone, got {moment.isoformat()}")
    return moment.astimezone(zone(name))


def day(moment: datetime, name: str) -> str:
    """Friday 6 November 2026."""
    local_time = local(moment, name)
    return f"{local_time:%A} {local_time.day} {local_time:%B %Y}"


def clock(moment: datetime, name: str, *, seconds: bool = False) -> str:
    """18:00, or 18:00:05."""
    return local(moment, name).strftime("%H:%M:%S" if seconds else "%H:%M")


def when(moment: datetime, name: str) -> str:
    """Friday 6 November 2026, 18:00 GMT."""
    return f"{day(moment, name)}, {clock(moment, name)} {local(moment, name):%Z}"


def stamp(moment: datetime, name: str) -> str:
    """2026-11-06 18:00:05 GMT: for tables."""
    return local(moment, name).strftime("%Y-%m-%d %H:%M:%S %Z")


def span(start: datetime, end: datetime, name: str, *, year: bool = True) -> str:
    """Friday 6 November 2026, 18:00-19:00 GMT; both days and both clock names where they differ."""
    local_start, local_end = local(start, name), local(end, name)
    start_text = day(start, name) if year else f"{local_start:%A} {local_start.day} {local_start:%B}"
    if local_start.date() == local_end.date() and local_start.utcoffset() == local_end.utcoffset():
        return f"{start_text}, {local_start:%H:%M}{DASH}{local_end:%H:%M} {local_end:%Z}"
    end_text = f"{local_end:%H:%M %Z}" if local_start.date() == local_end.date() else when(end, name)
    return f"{start_text}, {local_start:%H:%M %Z} {DASH} {end_text}"


def short_window(window: Window) -> str:
    """Friday 6 November, 18:00-19:00: without clock name unless the clocks change inside."""
    local_start, local_end = local(window.start, window.zone), local(window.end, window.zone)
    text = span(window.start, window.end, window.zone, year=local_start.year != local_end.year)
    if local_start.utcoffset() == local_end.utcoffset():
        return text.replace(f" {local_end:%Z}", "")
    return text


def duration(seconds: float | None) -> str:
    """0.4 s, 12 s, 3 min 20 s, 1 h 5 min; "not known" for None."""
    if seconds is None:
        return "not known"
    if seconds < 10:
        return f"{max(seconds, 0):.1f} s"
    total = round(seconds)
    if total < 60:
        return f"{total} s"
    minutes, remainder = divmod(total, 60)
    if minutes < 60:
        return f"{minutes} min {remainder} s" if remainder else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"


def about(seconds: float) -> str:
    """About how long, for people: less than a minute, about 5 minutes, about 2 hours."""
    if seconds < 60:
        return "less than a minute"
    minutes = round(seconds / 60)
    if minutes < 100:
        return f"about {count(minutes, 'minute')}"
    return f"about {count(round(minutes / 60), 'hour')}"
