# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Configurations that are lines under lines, as Cisco's: what is there, what is missing, what comes of it. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Iterable, Sequence

#: A line with the lines that it stands under, itself last.
Path = tuple[str, ...]

NOISE = re.compile(
    r"^(!.*|exit|exit-address-family|end|Building configuration.*|Current configuration.*|ntp clock-period .*)?$"
)
NUMBERED = re.compile(r"^\d+ (?=permit|deny|remark)")
SECRET = re.compile(
    r"\b(password|secret|community|key-string|key|md5|pre-shared-key|passphrase|auth|priv)"
    r"((?:\s+(?:\d|sha\d*|aes|des|3des|md5|auth|priv|encrypted)(?=\s+\S))*\s+)(\S+)",
    re.IGNORECASE,
)
WORDS = ("chain", "generate", "zeroize")
HIDDEN = "(hidden)"


@dataclass(frozen=True)
class Wanted:
    """Lines that must be there under some parents. `block` means: these and no others, in this order."""

    parents: Path
    lines: tuple[str, ...]
    block: bool = False


def parse(text: str) -> list[Path]:
    """Every line with its parents, in order; comments and what only frames the text left out."""
    paths: list[Path] = []
    above: list[tuple[int, str]] = []
    for raw in text.splitlines():
        line = tidy(raw)
        if NOISE.match(line):
            continue
        indent = len(raw) - len(raw.lstrip())
        above = [(depth, parent) for depth, parent in above if depth < indent]
        paths.append((*(parent for _depth, parent in above), line))
        above.append((indent, line))
    return paths


def tidy(line: str) -> str:
    """A line as it is compared: single spaces, and without the number that newer systems show in access lists."""
    return NUMBERED.sub("", " ".join(line.split()))


def text_of(paths: Iterable[Path]) -> str:
    """Indented text for people; what is secret is hidden."""
    return "".join("%s%s\n" % (" " * (len(path) - 1), hide(path[-1])) for path in paths)


def sections(text: str) -> list[Wanted]:
    """What a whole text of lines under lines wants, section by section in its order."""
    paths = parse(text)
    above = {path[:depth] for path in paths for depth in range(1, len(path))}
    found: list[Wanted] = []
    for path in paths:
        if path in above:
            continue
        if found and found[-1].parents == path[:-1]:
            found[-1] = Wanted(path[:-1], (*found[-1].lines, path[-1]))
        else:
            found.append(Wanted(path[:-1], (path[-1],)))
    return found


def commands(running: Sequence[Path], wanted: Sequence[Wanted]) -> list[str]:
    """What to type so that all that is wanted is there; nothing if it is. Each section is left before the next."""
    typed: list[str] = []
    now, depth = list(running), 0
    for one in wanted:
        more = _commands(now, one)
        if more:
            typed += [*["exit"] * depth, *more]
            now, depth = foreseen(now, [one]), len(one.parents)
    return typed


def _commands(running: Sequence[Path], wanted: Wanted) -> list[str]:
    parents = tuple(tidy(line) for line in wanted.parents)
    lines = [tidy(line) for line in wanted.lines]
    if wanted.block:
        if _children(running, parents) == lines:
            return []
        away = [*parents[:-1], "no %s" % parents[-1]] if parents in running else []
        return [*away, *parents, *lines]
    missing = [line for line in lines if not holds(running, (*parents, line))]
    return [*parents, *missing] if missing else []


def holds(running: Sequence[Path], path: Path) -> bool:
    """Whether a line is so: it is there, or it says `no` and its opposite is not there."""
    if path in running:
        return True
    line = path[-1]
    return line.startswith("no ") and (*path[:-1], line[3:]) not in running


def unmet(running: Sequence[Path], wanted: Iterable[Wanted]) -> list[str]:
    """Lines that the device did not take as they were written."""
    return [line for one in wanted for line in _unmet(running, one)]


def _unmet(running: Sequence[Path], wanted: Wanted) -> list[str]:
    parents = tuple(tidy(line) for line in wanted.parents)
    lines = [tidy(line) for line in wanted.lines]
    if wanted.block and _children(running, parents) != lines:
        there = _children(running, parents)
        return [line for line in lines if line not in there] or ["the order of the lines"]
    return [line for line in lines if not holds(running, (*parents, line))]


def foreseen(running: Sequence[Path], wanted: Iterable[Wanted]) -> list[Path]:
    """The configuration as it will be."""
    after = list(running)
    for one in wanted:
        after = _foreseen(after, one)
    return after


def _foreseen(running: Sequence[Path], wanted: Wanted) -> list[Path]:
    parents = tuple(tidy(line) for line in wanted.parents)
    lines = [tidy(line) for line in wanted.lines]
    after = list(running)
    if wanted.block:
        after = [path for path in after if path[: len(parents)] != parents or not parents]
    for line in lines:
        path = (*parents, line)
        if holds(after, path):
            continue
        if line.startswith("no "):
            gone = (*parents, line[3:])
            after = [p for p in after if p[: len(gone)] != gone]
        else:
            after = _insert(after, path)
    return after


def _insert(paths: Sequence[Path], path: Path) -> list[Path]:
    """Behind the last line of the same section; the section itself at the end if it is new."""
    parents = path[:-1]
    after = list(paths)
    for depth in range(1, len(parents) + 1):
        if parents[:depth] not in after:
            after.append(parents[:depth])
    inside = [number for number, other in enumerate(after) if other[: len(parents)] == parents]
    at = inside[-1] + 1 if parents and inside else len(after)
    return [*after[:at], path, *after[at:]]


def _children(running: Iterable[Path], parents: Path) -> list[str]:
    return [path[-1] for path in running if path[:-1] == parents]


def undo(before: Sequence[Path], now: Sequence[Path]) -> list[str]:
    """What to type to come from `now` back to `before`: first what is extra goes, the last and innermost first."""
    extra = [path for path in now if path not in before]
    missing = [path for path in before if path not in now]
    typed: list[str] = []
    for path in reversed(extra):
        typed += [*path[:-1], _negated(path[-1])]
    for path in missing:
        if not any(other[: len(path)] == path and other != path for other in missing):
            typed += list(path)
    return typed


def _negated(line: str) -> str:
    return line[3:] if line.startswith("no ") else "no %s" % line


def steps(before: Sequence[Path], after: Sequence[Path]) -> list[tuple[str, str]]:
    """(action, line with its parents) for each difference, for the plan."""
    away = [("remove", path) for path in before if path not in after]
    new = [("add", path) for path in after if path not in before]
    return [(action, " > ".join(hide(part) for part in path)) for action, path in (*away, *new)]


def hide(line: str) -> str:
    """A line without what is secret in it. A remark is made of names that are no secrets."""
    if line.startswith("remark "):
        return line
    return SECRET.sub(lambda found: found[0] if _harmless(found[3]) else found[1] + found[2] + HIDDEN, line)


def secrets(lines: Iterable[str]) -> set[str]:
    """What `hide` hides in these lines."""
    kept = [line for line in lines if not line.startswith("remark ")]
    return {found[3] for line in kept for found in SECRET.finditer(line) if not _harmless(found[3])}


def _harmless(word: str) -> bool:
    return word.lower() in WORDS or word == HIDDEN
