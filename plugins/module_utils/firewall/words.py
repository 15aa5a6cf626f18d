# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a rule means in plain English, for those who approve it: who reaches what, and until when.

Pure.
"""

from __future__ import annotations

import datetime
import re
from typing import Any, Iterable, Mapping, Optional, Sequence

from .model import FORWARD, IN, OUT

START = {
    (IN, True): "Let in: %(sources)s, for %(services)s",
    (IN, False): "Keep out: %(sources)s, for %(services)s",
    (OUT, True): "Let go out: to %(targets)s, for %(services)s",
    (OUT, False): "Keep from going out: to %(targets)s, for %(services)s",
    (FORWARD, True): "Let through: %(sources)s to %(targets)s, for %(services)s",
    (FORWARD, False): "Keep apart: %(sources)s from %(targets)s, for %(services)s",
}
DENIED = {
    "chain input": "keep out: whatever no rule lets in (answers, and what a network needs to work, always come in)",
    "chain output": "keep from going out: whatever no rule lets out",
    "chain forward": "keep apart: whatever no rule lets through",
}
# In a comment of a file and in a remark on a device nothing else is safe.
UNSAFE = re.compile(r"[^\w ,.:;()/+-]", re.ASCII)


def rule_words(rule: Mapping[str, Any], until: Optional[datetime.date]) -> str:
    """Such as "Let in: pupils and staff, for https, until 18 December 2026"."""
    direction, action = rule.get("direction", IN), rule.get("action", "accept")
    text = START[direction, action == "accept"] % {
        "sources": _join(rule.get("from") or ["any"], "anybody"),
        "targets": _join(rule.get("to") or ["any"], "anywhere"),
        "services": _join(rule["services"], "everything"),
    }
    if direction == IN and rule.get("to") and "any" not in rule["to"]:
        text += ", at %s" % _join(rule["to"], "anywhere")
    if until:
        text += ", until %s" % english(until)
    return UNSAFE.sub("", " ".join(text.split()))


def english(day: datetime.date) -> str:
    return "%d %s" % (day.day, day.strftime("%B %Y"))


def base_words(lines: Iterable[str]) -> str:
    """What the rules that each host has mean. `lines` are theirs, each with its chain."""
    denied = [line.partition(": ")[0] for line in lines if "base-denied" in line]
    return "; ".join(DENIED[chain] for chain in DENIED if chain in denied).capitalize()


def header(words_by_rule: Mapping[str, str]) -> str:
    """The words of rules as comments, for the file that has the rules."""
    return "".join("# %s: %s\n" % (name, text) for name, text in words_by_rule.items())


def parse_header(text: str) -> dict[str, str]:
    """The way back from `header`."""
    lines = (re.match(r"# ([a-z0-9-]+): (.+)", line) for line in text.splitlines())
    return {match[1]: match[2] for match in lines if match}


def _join(names: Sequence[str], everything: str) -> str:
    if "any" in names:
        return everything
    unique = list(dict.fromkeys(names))
    return " and ".join([", ".join(unique[:-1]), unique[-1]] if len(unique) > 1 else unique)
