# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which questions of packages have been answered: only names are read of debconf's database, never an answer."""

from __future__ import annotations

import re
from typing import Dict, FrozenSet, Iterator, List

#: Questions that a person would have been asked count as seen, though nobody is asked (debconf(7)).
SEEN = {"DEBCONF_NONINTERACTIVE_SEEN": "true"}
TEMPLATES = "/var/cache/debconf/templates.dat"
QUESTIONS = ("/var/cache/debconf/config.dat", "/var/cache/debconf/passwords.dat")
TYPES = ("boolean", "multiselect", "password", "select", "string")  # the others ask nothing
FIELD = re.compile(r"(Name|Template|Flags|Type): (.*)")


def read(path: str) -> str:
    """Its text, or none where there is no such file."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except FileNotFoundError:
        return ""


def answered() -> FrozenSet[str]:
    """The questions of this host that somebody has answered, or that took their defaults."""
    return seen(read(TEMPLATES), [read(path) for path in QUESTIONS])


def seen(templates: str, questions: List[str]) -> FrozenSet[str]:
    """The same of the texts of the files."""
    types = {row["Name"]: row.get("Type", "") for row in _paragraphs(templates)}
    rows = [row for text in questions for row in _paragraphs(text)]
    return frozenset(
        row["Name"]
        for row in rows
        if "seen" in re.split(r"[,\s]+", row.get("Flags", ""))
        and types.get(row.get("Template", row["Name"])) in TYPES
    )


def _paragraphs(text: str) -> Iterator[Dict[str, str]]:
    for paragraph in text.split("\n\n"):
        found = (FIELD.fullmatch(line) for line in paragraph.splitlines())
        row = {each.group(1): each.group(2) for each in found if each}
        if "Name" in row:
            yield row
