"""A change's window: when it may run. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

from fitsom_runner.errors import IncompleteError

#: A window that goes on into the next day, and is longer than this, is written with the date of its end.
NIGHT = timedelta(hours=12)
_FORMATS = ("%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S")


@dataclass(frozen=True, kw_only=True)
class Window:
    """From `start` until `end` (both UTC), as people of `zone` (IANA) read them."""

    start: datetime
    end: datetime
    zone: str

    def contains(self, moment: datetime) -> bool:
        """Whether a run may start at `moment`."""
        return self.start <= moment < self.end

    def parts(self) -> tuple[str, str, str]:
        """As the seal holds it."""
        return (self.start.isoformat(), self.end.isoformat(), self.zone)


def parse(start: str, end: str, zone: str) -> Window:
    """Read local times such as "2026-11-27 18:00"; `end` may be just "19:00", or "+90m" after the start.

    Raises IncompleteError for times that do not exist (clocks going forward), exist twice (going back), or
    run backwards.
    """
    try:
        return _parse(start, end, zone)
    except OverflowError as fault:
        raise IncompleteError(f"no calendar goes from {start} to {end}") from fault


def _parse(start: str, end: str, zone: str) -> Window:
    if zone not in available_timezones():
        raise IncompleteError(f"{zone!r} is not an IANA time zone", hint="Such as Europe/London.")
    start_time = local(start, zone)
    if end.startswith("+") and end.endswith("m") and end[1:-1].isdigit():
        end_time = start_time + timedelta(minutes=int(end[1:-1]))
    elif len(end) <= 5:
        day = start_time.astimezone(ZoneInfo(zone)).date()
        end_time = local(f"{day} {end}", zone)
        if end_time <= start_time:
            tomorrow = day + timedelta(days=1)
            end_time = local(f"{tomorrow} {end}", zone)
            if end_time - start_time > NIGHT:
                raise IncompleteError(
                    f"the window ends ({end}) before it starts ({start})",
                    hint=f'If it is to end on the next day, write the end with its date: "{tomorrow} {end}".',
                )
    else:
        end_time = local(end, zone)
    if end_time <= start_time:
        raise IncompleteError(f"the window ends ({end}) before it starts ({start})")
    return Window(start=start_time, end=end_time, zone=zone)


def local(text: str, zone: str) -> datetime:
    """A school's local time such as "2026-11-27 18:00", in UTC. Raises IncompleteError as `parse` does."""
    for pattern in _FORMATS:
        try:
            naive = datetime.strptime(text.strip(), pattern)  # noqa: DTZ007 - the zone comes next
        except ValueError:
            continue
        local = naive.replace(tzinfo=ZoneInfo(zone))
        moment = local.astimezone(UTC)
        if moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None) != naive:
            raise IncompleteError(
                f"{text} does not exist in {zone}: the clocks go forward", hint="Choose another."
            )
        if local.replace(fold=1).astimezone(UTC) != moment:
            raise IncompleteError(
                f"{text} occurs twice in {zone}: the clocks go back", hint="Choose another."
            )
        return moment
    raise IncompleteError(f"{text!r} is not a time such as 2026-11-27 18:00")
