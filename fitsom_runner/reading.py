"""Reads JSON that may be anything: returns what fits, notes what does not, never raises."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import date
from enum import StrEnum
from typing import Any

TEXT_LIMIT = 10_000
LIST_LIMIT = 100_000
DEPTH_LIMIT = 30
NUMBER_LIMIT = 10**15
FAULTS_NAMED = 5
#: Whole sequences that a terminal obeys.
ESCAPES = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]"  # colours and cursor moves
    r"|\x1b[\]PX^_].*?(?:\x07|\x1b\\|$)"  # titles, links and other strings
    r"|\x1b[ -/]*[0-~]?"
    r"|\x9b[0-?]*[ -/]*[@-~]",
    re.DOTALL,
)
#: Control characters, lone surrogates, marks that turn the direction of text, and invisible joiners.
UNSEEN = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff]"
)
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")


def visible(text: str) -> str:
    """The text without colours, and with other control characters and marks of direction written out, as \\x1b."""
    return UNSEEN.sub(lambda found: found[0].encode("unicode_escape").decode(), _COLOURS.sub("", text))


class Faults:
    """What does not fit in one answer: the first faults by name, the others by their number."""

    def __init__(self) -> None:
        self.number = 0
        self.messages: list[str] = []

    def add(self, place: str, fault: str) -> None:
        """One more; never with the value itself, which may be anything."""
        self.number += 1
        if len(self.messages) < FAULTS_NAMED:
            self.messages.append(f"{visible(place)}: {fault}")


class UnreadableError(Exception):
    """A row lacks what it must have; `rows` leaves it out."""


class Row:
    """One dictionary of an answer; each method returns what fits, or nothing and a fault."""

    def __init__(self, value: Any, place: str, faults: Faults) -> None:
        self._value: dict[str, Any] = value if isinstance(value, dict) else {}
        self._where, self._faults = place, faults
        if value is not None and not isinstance(value, dict):
            faults.add(place, f"{_type_words(value)} where a dictionary belongs")

    def fault(self, key: str, text: str) -> None:
        """Note that this key does not fit."""
        self._faults.add(f"{self._where}.{key[:50]}", text)

    def text(self, key: str, limit: int = TEXT_LIMIT) -> str:
        """A text, or a number as text; empty where there is none."""
        return self.optional(key, limit) or ""

    def optional(self, key: str, limit: int = TEXT_LIMIT) -> str | None:
        """The same, and None where there is none."""
        value = self._value.get(key)
        return None if value is None else self._text(key, value, limit)

    def required(self, key: str) -> str:
        """A text which the row must have."""
        text = self.text(key)
        if not text:
            self.fault(key, "is missing")
            raise UnreadableError
        return text

    def matching(self, key: str, form: re.Pattern[str], words: str) -> str | None:
        """A text of a closed form, None where there is none; a row with any other is unreadable."""
        text = self.optional(key)
        if text is None or form.fullmatch(text):
            return text
        self.fault(key, f"is not {words}")
        raise UnreadableError

    def flag(self, key: str) -> bool:
        """True or false; false where there is neither."""
        value = self._value.get(key)
        if value is not None and value not in (True, False):
            self.fault(key, f"{_type_words(value)} where true or false belongs")
            return False
        return bool(value)

    def number(self, key: str) -> float | None:
        """A number within bounds."""
        value = self._value.get(key)
        if value is None or _is_number(value):
            return value
        self.fault(key, f"{_type_words(value)} where a number belongs")
        return None

    def required_number(self, key: str) -> float:
        """A number which the row must have."""
        number = self.number(key)
        if number is None:
            self.fault(key, "is missing")
            raise UnreadableError
        return number

    def day(self, key: str) -> date | None:
        """The day of a text such as 2026-11-02."""
        text = self.text(key)
        try:
            return date.fromisoformat(text[:10]) if text else None
        except ValueError:
            self.fault(key, "is not a day such as 2026-11-02")
            return None

    def enum_value[Word: StrEnum](self, key: str, default: Word) -> Word:
        """One of a closed set of words; the default for any other, and where there is none."""
        text = self.text(key)
        try:
            return type(default)(text)
        except ValueError:
            self.fault(key, f"is not one of {', '.join(type(default))}")
            return default

    def has(self, key: str) -> bool:
        """Whether there is a value."""
        return self._value.get(key) is not None

    def inner(self, key: str) -> Row:
        """The dictionary under this key."""
        return Row(self._value.get(key), f"{self._where}.{key}", self._faults)

    def with_values(self, value: dict[str, Any]) -> Row:
        """A row for a dictionary that was made from this one."""
        return Row(value, f"{self._where}.facts", self._faults)

    def values(self, key: str) -> list[Any]:
        """A list; a single value counts as a list of one."""
        value = self._value.get(key)
        items = value if isinstance(value, list) else [] if value is None else [value]
        if len(items) > LIST_LIMIT:
            self.fault(key, f"{len(items) - LIST_LIMIT:,} too many")
        return items[:LIST_LIMIT]

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of texts, without empty ones."""
        values = (self._text(f"{key}[{n}]", value) for n, value in enumerate(self.values(key)))
        return tuple(text for text in values if text)

    def rows[Thing](self, key: str, parse: Callable[[Row], Thing]) -> tuple[Thing, ...]:
        """The rows of a list; those that lack what they must have are left out."""
        parsed_rows = []
        for number, value in enumerate(self.values(key)):
            row = Row(value, f"{self._where}.{key}[{number}]", self._faults)
            if not isinstance(value, dict):
                if value is None:
                    row.fault("", "nothing where a dictionary belongs")
                continue
            try:
                parsed_rows.append(parse(row))
            except UnreadableError:
                continue
        return tuple(parsed_rows)

    def report_unknown_keys(self, known_keys: frozenset[str]) -> None:
        """A fault for each key that is not one of these."""
        for key in self._value:
            if key not in known_keys:
                self.fault(key, "unknown part")

    def observed(self, key: str) -> dict[str, Any]:
        """Any JSON by name, from one dictionary or several; a later value counts."""
        values: dict[str, Any] = {}
        for number, value in enumerate(self.values(key)):
            if isinstance(value, dict):
                values |= self._json(f"{key}[{number}]", value, 0)
            else:
                self.fault(f"{key}[{number}]", f"{_type_words(value)} where a dictionary belongs")
        return values

    def _text(self, key: str, value: Any, limit: int = TEXT_LIMIT) -> str:
        if not isinstance(value, str):
            if _is_number(value):
                return str(value)
            self.fault(key, f"{_type_words(value)} where a text belongs")
            return ""
        if len(value) > limit:
            self.fault(key, f"a text of {len(value):,} characters, cut at {limit:,}")
        # Half a character cannot be stored.
        return visible(value[:limit].encode("utf-8", "replace").decode())

    def _json(self, key: str, value: Any, depth: int) -> Any:
        if isinstance(value, str):
            return self._text(key, value)
        if value is None or isinstance(value, bool) or _is_number(value):
            return value
        if depth > DEPTH_LIMIT or not isinstance(value, dict | list):
            self.fault(key, f"{_type_words(value)} {'too deep' if depth > DEPTH_LIMIT else 'out of bounds'}")
            return None
        if len(value) > LIST_LIMIT:
            self.fault(key, f"{len(value) - LIST_LIMIT:,} too many")
        if isinstance(value, list):
            return [self._json(f"{key}[{n}]", inner, depth + 1) for n, inner in enumerate(value[:LIST_LIMIT])]
        names = list(value)[:LIST_LIMIT]
        return {
            self._text(key, name): self._json(f"{key}.{name[:50]}", value[name], depth + 1) for name in names
        }


def _is_number(value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return abs(value) <= NUMBER_LIMIT and not (isinstance(value, float) and math.isnan(value))


def _type_words(value: Any) -> str:
    """What it is, in words; never the value itself, which may be anything."""
    number = "a number" if _is_number(value) else "a number out of all bounds"
    words = {bool: "true or false", int: number, float: number, str: "a text", list: "a list"}
    return words.get(type(value), "a dictionary" if isinstance(value, dict) else "nothing")
