# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Usernames, display names and common names of accounts."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from datetime import date
from itertools import count

from . import templates
from .model import Person, Unit, User

USERNAME_FIELDS = ("given", "family", "year2", "id", "number")
NAME_FIELDS = frozenset({"given", "family", "id"})
LONGEST_USERNAME = 64
LONGEST_SAM = 20  # sAMAccountName of a user
LONGEST_CN = 64
_SYSTEM = """administrator admin root guest krbtgt system daemon bin sys nobody nogroup operator support service
postmaster hostmaster webmaster abuse backup sync proxy mail news www ftp sshd none self all users everyone
anonymous localhost domain con prn aux nul"""
RESERVED = frozenset(_SYSTEM.split())
# Letters whose usual ASCII spelling is not the letter without its accent.
_SPELLINGS = str.maketrans(
    dict.fromkeys("äæ", "ae")
    | dict.fromkeys("öœ", "oe")
    | {"ü": "ue", "ß": "ss", "þ": "th"}
    | dict(zip("øłðđħŋŧ\u0131", "olddhnti", strict=True))
)
# Format characters that a name or an emoji needs: the two joiners and the tags of flags. Others,
# above all those that change the writing direction, only help to make one name look like another.
_ALLOWED_FORMAT_CHARACTERS = frozenset({"\u200c", "\u200d"} | {chr(c) for c in range(0xE0020, 0xE0080)})

_INVISIBLE_CATEGORIES = frozenset({"Cc", "Cf", "Co", "Cs"})


def fold(text: str) -> str:
    """Lower-case ASCII letters and digits: "O'Brien-Núñez" is "obriennunez", "Größe" "groesse"."""
    text_in_ascii = unicodedata.normalize("NFC", text).lower().translate(_SPELLINGS)
    return re.sub("[^a-z0-9]", "", unicodedata.normalize("NFKD", text_in_ascii).lower())


def clean(text: str) -> str:
    """A name for display: composed, one space between words, no invisible characters."""
    visible = (
        c
        for c in text
        if unicodedata.category(c) not in _INVISIBLE_CATEGORIES
        or c in _ALLOWED_FORMAT_CHARACTERS
        or c.isspace()
    )
    return " ".join(unicodedata.normalize("NFC", "".join(visible)).split())


def utf16_length(text: str) -> int:
    """The length as Active Directory counts it: most emoji are two UTF-16 code units."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def _is_combining(character: str) -> bool:
    """Whether a character modifies the one before it: accents, joiners, skin tones, tags."""
    return (
        unicodedata.category(character)[0] == "M"
        or character in _ALLOWED_FORMAT_CHARACTERS
        or 0x1F3FB <= ord(character) <= 0x1F3FF
    )


def clip(text: str, limit: int) -> str:
    """At most `limit` UTF-16 code units, never ending in part of a letter or an emoji."""
    if utf16_length(text) <= limit:
        return text
    end = len(text)
    while end and (utf16_length(text[:end]) > limit or _is_combining(text[end]) or text[end - 1] == "\u200d"):
        end -= 1
    return text[:end].rstrip()


def display_name(given_name: str, family_name: str) -> str:
    """The name as people write it: umlauts, apostrophes and emoji stay."""
    return clip(f"{clean(given_name)} {clean(family_name)}".strip(), 256)


def check_username_template(template: str) -> None:
    """Raise ValueError for a template that could not give every person a username."""
    templates.check(template, USERNAME_FIELDS)
    template_fields = templates.fields(template)
    if not NAME_FIELDS & set(template_fields):
        raise ValueError(f"the template {template!r} needs {{given}}, {{family}} or {{id}}")
    literal = "".join(part.text for part in templates.split(template))
    if not re.fullmatch("[a-z0-9._-]*", literal):
        raise ValueError(
            f"the template {template!r} may have only a-z, 0-9, dot, dash and underscore around its fields"
        )
    if "number" in template_fields[:-1] or ("number" in template_fields and not template.endswith("}")):
        raise ValueError(f"in the template {template!r} {{number}} must come last")


def _stem(person: Person, template: str, today: date) -> str:
    values = {
        "given": fold(person.given_name),
        "family": fold(person.family_name),
        "id": fold(person.source_id),
        "year2": f"{(person.starts or today).year % 100:02d}",
    }
    if not any(values[name] for name in NAME_FIELDS & set(templates.fields(template))):
        return fallback_username(person.source_id)
    return templates.fill(template, values).strip("._-")


def fallback_username(source_id: str) -> str:
    """A username for a name without ASCII letters; the u prevents a username of digits only."""
    suffix = fold(source_id) or hashlib.sha256(source_id.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"u{suffix}"


def candidates(person: Person, template: str, *, today: date, limit: int = LONGEST_SAM) -> Iterator[str]:
    """Usernames for a person in order of preference, without end: smith, smith2, smith3 ..."""
    parts = templates.split(template)
    stem, numbered = _stem(person, template, today), parts[-1].field == "number"
    width = parts[-1].length if numbered else 0
    if not numbered:
        yield stem[:limit].rstrip("._-")
    for number in count(1 if numbered else 2):
        tail = str(number).zfill(width)
        yield stem[: limit - len(tail)].rstrip("._-") + tail


def roster_candidates(person: Person, *, limit: int = LONGEST_SAM) -> Iterator[str]:
    """The same from the roster's own username; of a mail address, the part before the @."""
    words = re.split("([._-])", person.username.partition("@")[0])
    stem = "".join(word if word in ("", ".", "_", "-") else fold(word) for word in words).strip("._-")
    stem = stem or fallback_username(person.source_id)
    yield stem[:limit].rstrip("._-")
    for number in count(2):
        yield stem[: limit - len(str(number))].rstrip("._-") + str(number)


def first_free(candidates: Iterator[str], unavailable: AbstractSet[str]) -> str:
    """The first candidate that is free; `unavailable` has lower-case names."""
    return next(name for name in candidates if name and name.casefold() not in unavailable)


def _numbered_names(display: str) -> Iterator[str]:
    """ "Anna Smith", "Anna Smith (2)" ..., each at most 64 long."""
    yield clip(display, LONGEST_CN)
    for number in count(2):
        tail = f" ({number})"
        yield clip(display, LONGEST_CN - len(tail)) + tail


def is_numbered_name(cn: str, display: str) -> bool:
    """Whether a common name is the display name, with or without a number."""
    match = re.fullmatch(r".*( \([1-9][0-9]*\))", cn, re.S)
    tail = match[1] if match else ""
    return cn == clip(display, LONGEST_CN) or (
        bool(tail) and cn == clip(display, LONGEST_CN - len(tail)) + tail
    )


def common_names(placements: Mapping[str, tuple[Unit, str]], current: Mapping[str, User]) -> dict[str, str]:
    """{source id: common name}, unique in its unit without regard to case.

    `placements` is {source id: (unit, display name)}. An account that stays in its unit keeps its
    name. One that moves in avoids all *current* names there, even of accounts that move out: moves
    then need no order, and two accounts may swap units.
    """
    used_names: dict[Unit, set[str]] = {}
    for user in current.values():
        used_names.setdefault(user.unit, set()).add(user.cn.casefold())
    cn_by_id: dict[str, str] = {}
    for key, (unit, display) in sorted(placements.items()):
        existing = current.get(key)
        if existing is not None and existing.unit == unit and is_numbered_name(existing.cn, display):
            cn_by_id[key] = existing.cn
            continue
        cn_by_id[key] = first_free(_numbered_names(display), used_names.setdefault(unit, set()))
        used_names[unit].add(cn_by_id[key].casefold())
    return cn_by_id
