"""The RfC that brings data back from a backup: a minor change over playbooks/restore.yml. Pure."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from fitsom_runner.changes import window
from fitsom_runner.changes.draft import RfcDraft, WindowText
from fitsom_runner.changes.states import ChangeType
from fitsom_runner.errors import IncompleteError

PLAYBOOK = "playbooks/restore.yml"
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def as_of(text: str, zone: str, now: datetime) -> datetime:
    """The moment that "tuesday", "yesterday", "2026-11-17" or "2026-11-17 12:00" means, in the school's zone.

    A day means its end, so that "tuesday" takes in what was backed up on Tuesday; a day of the week is the last
    one that is over. Raises IncompleteError for anything else, and for a moment in the future.
    """
    timezone = ZoneInfo(zone)
    today = now.astimezone(timezone).date()
    word = text.strip().lower()
    day: date | None = None
    if word in _DAYS:
        day = today - timedelta(days=(today.weekday() - _DAYS.index(word)) % 7 or 7)
    elif word == "yesterday":
        day = today - timedelta(days=1)
    else:
        try:
            day = date.fromisoformat(word)
        except ValueError:
            day = None
    moment = datetime.combine(day, time(23, 59, 59), timezone) if day else window.local(text, zone)
    if moment > now:
        raise IncompleteError(
            f"{text} is not over yet, so there is no backup of it",
            hint='A day such as tuesday, yesterday or 2026-11-17, or a time such as "2026-11-17 12:00".',
        )
    return moment.astimezone(timezone)


def draft(
    host: str, path: str, moment: datetime, *, to: str, data_set: str, reason: str, now: datetime
) -> RfcDraft:
    """The complete RfC, open for eight hours from `now`. `to` and `data_set` may be empty.

    Raises IncompleteError for a path that does not begin at the root.
    """
    for name, value in (("the path", path), ("--to", to)):
        if value and (not value.startswith("/") or ".." in value.split("/")):
            raise IncompleteError(f"{name}: {value!r} is not a full path (it begins with / and has no ..)")
    day = f"{moment:%A %d %B %Y, %H:%M}"
    place = to or path
    return RfcDraft(
        type=ChangeType.MINOR,
        title=f"Bring back {path} on {host} as of {day}"[:200],
        item_name=host,
        change_text=f"Restore {path} from the last backup before {day} to {place}.",
        reason=reason,
        impact=f"Anybody working with {place} during the restore may see old and new files side by side.",
        backout="What would be overwritten is kept beside it and can be put back; the plan counts it.",
        backout_class="reversible",
        playbook=PLAYBOOK,
        limit=host,
        extra_vars={
            "restore_path": path,
            "restore_as_of": moment.isoformat(),
            **({"restore_to": to} if to else {}),
            **({"restore_set": data_set} if data_set else {}),
        },
        window=WindowText(
            start=f"{now.astimezone(moment.tzinfo):%Y-%m-%d %H:%M}", end="+480m", zone=str(moment.tzinfo)
        ),
    )
