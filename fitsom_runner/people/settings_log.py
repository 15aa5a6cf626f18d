"""fitsom.yml in the audit log: whoever may do what, and how runs are made, is on record whenever it differs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from django.db import transaction

from fitsom_runner import caller
from fitsom_runner.audit import log
from fitsom_runner.audit.log import Actor
from fitsom_runner.canonical import canonical
from fitsom_runner.config import Config, Person
from fitsom_runner.roles import POWERS_OF_ROLE, Power, Role

ACTION = "settings.changed"
SUBJECT = "fitsom.yml"
_LONGEST = 80

Values = Mapping[str, Any]


def note(config: Config) -> None:
    """Append what fitsom.yml says, if the log's last word on it is another. A log that is not intact is left alone."""
    values = _values(config)
    if _last_values() == values:
        return
    with transaction.atomic():  # another command may just have noted it
        before = _last_values()
        if before != values and not log.verify().faults:
            changes = list(_changes(before, values)) if before else []
            log.append(
                Actor(person="", os_user=caller.current().login()),
                ACTION,
                SUBJECT,
                settings=values,
                changes=changes,
            )


def changes_during(subject: str, *, is_closed: bool) -> tuple[str, ...]:
    """What became another in fitsom.yml since the first entry about a change, to the last one if it is closed."""
    seqs = [entry.seq for entry in log.entries(subject=subject)]
    if not seqs:
        return ()
    until = {"seq__lt": seqs[-1]} if is_closed else {}
    entries = log.entries(action=ACTION, seq__gt=seqs[0], **until)
    return tuple(
        f"{words} (entry {entry.seq})" for entry in entries for words in entry.detail.get("changes", [])
    )


def _last_values() -> Values | None:
    entry = log.latest(ACTION)
    return entry.detail.get("settings", {}) if entry else None


def _values(config: Config) -> dict[str, Any]:
    """The settings as JSON values; of each person, with their powers named."""
    values = config.model_dump(mode="json", exclude={"people"})
    people = {
        person.id: {**person.model_dump(mode="json"), "powers": _powers(person)} for person in config.people
    }
    return {**values, "people": people}


def _powers(person: Person) -> list[str]:
    return sorted(person.powers if person.powers is not None else POWERS_OF_ROLE[Role(person.role)])


def _changes(before: Values, after: Values) -> Iterator[str]:
    old, new = before.get("people", {}), after["people"]
    for person_id in sorted({*old, *new}):
        yield from _changes_of_person(old.get(person_id), new.get(person_id))
    for name in sorted({*before, *after} - {"people"}):
        if canonical(before.get(name)) != canonical(after.get(name)):
            yield f"{name.replace('_', ' ')}: {_short(before.get(name))} became {_short(after.get(name))}"


def _changes_of_person(before: Values | None, after: Values | None) -> Iterator[str]:
    if after is None:
        yield f"{(before or {}).get('name')} was taken out"
        return
    name = after["name"]
    if before is None:
        yield f"{name} was added: {_words(after['powers']) or 'no powers'}"
        return
    gained, lost = (set(a) - set(b) for a, b in _both_ways(before["powers"], after["powers"]))
    if gained:
        yield f"{name} may now also: {_words(gained)}"
    if lost:
        yield f"{name} may no longer: {_words(lost)}"
    for key in ("name", "role", "os_user", "valid_from", "valid_until"):
        if before.get(key) != after.get(key):
            yield f"{name}: {key.replace('_', ' ')} {_short(before.get(key))} became {_short(after.get(key))}"


def _both_ways(before: list[str], after: list[str]) -> tuple[tuple[list[str], list[str]], ...]:
    return (after, before), (before, after)


def _words(powers: set[str] | list[str]) -> str:
    return ", ".join(Power(power).replace("_", " ") for power in sorted(powers))


def _short(value: Any) -> str:
    text = "nothing" if value in (None, "", [], {}) else value if isinstance(value, str) else canonical(value)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "..."
