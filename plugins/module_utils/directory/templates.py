# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Templates such as "{given:1}{family}"; they are checked when the policy is read."""

from __future__ import annotations

import string
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import lru_cache


@dataclass(frozen=True, kw_only=True)
class Part:
    """Literal `text`, then the first `length` characters (0: all) of `field`, if it has one."""

    text: str
    field: str = ""
    length: int = 0


@lru_cache(maxsize=256)
def split(template: str) -> tuple[Part, ...]:
    """The parts of a template. ValueError unless every field is "{field}" or "{field:3}"."""
    try:
        raw = list(string.Formatter().parse(template))
    except ValueError as error:
        raise ValueError(f"the template {template!r} has unbalanced braces") from error
    parts = []
    for text, field, spec, conversion in raw:
        if conversion or (spec and (not spec.isascii() or not spec.isdigit() or int(spec) == 0)):
            raise ValueError(f"in the template {template!r} write {{{field}}} or {{{field}:3}}")
        if field is not None and not field.isidentifier():
            raise ValueError(f"in the template {template!r} a pair of braces has no valid field name")
        parts.append(Part(text=text, field=field or "", length=int(spec or 0)))
    return tuple(parts)


def fields(template: str) -> list[str]:
    """The fields that a template uses, in their order."""
    return [part.field for part in split(template) if part.field]


def check(template: str, allowed: Collection[str]) -> None:
    """Raise ValueError for the first field that is not allowed, with the allowed ones."""
    for name in fields(template):
        if name not in allowed:
            raise ValueError(
                f"the template {template!r} uses {{{name}}}; allowed are {', '.join(sorted(allowed))}"
            )


def fill(template: str, values: Mapping[str, str]) -> str:
    """The template with its fields filled in; a field without a value is empty."""
    return "".join(
        part.text + (values.get(part.field, "")[: part.length or None] if part.field else "")
        for part in split(template)
    )


def is_filled(template: str, values: Mapping[str, str]) -> bool:
    """Whether every field of the template has a value."""
    return all(values.get(name) for name in fields(template))
