# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Configurations that are lines under lines, as Cisco's: what is there, what is missing, what comes
of it. Pure.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Iterable, Sequence

#: A line with its parent lines, itself last.
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
class Section:
    """Lines that must be there under some parents.

    `block` means: these and no others, in this order.
    """

    parents: Path
    lines: tuple[str, ...]
    block: bool = False


def parse(text: str) -> list[Path]:
    """Every line with its parents, in order; comments and what only frames the text left out."""
    paths: list[Path] = []
    above: list[tuple[int, str]] = []
    for raw in text.splitlines():
        line = normalise(raw)
        if NOISE.match(line):
            continue
        indent = len(raw) - len(raw.lstrip())
        above = [(depth, parent) for depth, parent in above if depth < indent]
        paths.append((*(parent for _depth, parent in above), line))
        above.append((indent, line))
    return paths


def normalise(line: str) -> str:
    """A line as it is compared: single spaces, and without the number that newer systems show in
    access lists.
    """
    return NUMBERED.sub("", " ".join(line.split()))


def text_of(paths: Iterable[Path]) -> str:
    """Indented text for people; what is secret is hidden."""
    return "".join("%s%s\n" % (" " * (len(path) - 1), hide(path[-1])) for path in paths)


def sections(text: str) -> list[Section]:
    """What a whole text of lines under lines wants, section by section in its order."""
    paths = parse(text)
    above = {path[:depth] for path in paths for depth in range(1, len(path))}
    parsed: list[Section] = []
    for path in paths:
        if path in above:
            continue
        if parsed and parsed[-1].parents == path[:-1]:
            parsed[-1] = Section(path[:-1], (*parsed[-1].lines, path[-1]))
        else:
            parsed.append(Section(path[:-1], (path[-1],)))
    return parsed


def commands(running: Sequence[Path], desired: Sequence[Section]) -> list[str]:
    """What to type so that all desired sections are there; nothing if they are.

    Each section is left before the next.
    """
    lines: list[str] = []
    current, depth = list(running), 0
    for section in desired:
        needed = _commands(current, section)
        if needed:
            lines += [*["exit"] * depth, *needed]
            current, depth = predicted(current, [section]), len(section.parents)
    return lines


def _commands(running: Sequence[Path], section: Section) -> list[str]:
    parents = tuple(normalise(line) for line in section.parents)
    lines = [normalise(line) for line in section.lines]
    if section.block:
        if _children(running, parents) == lines:
            return []
        removal = [*parents[:-1], "no %s" % parents[-1]] if parents in running else []
        return [*removal, *parents, *lines]
    missing = [line for line in lines if not holds(running, (*parents, line))]
    return [*parents, *missing] if missing else []


def holds(running: Sequence[Path], path: Path) -> bool:
    """Whether a line holds: it is there, or it begins with `no` and its opposite is not there."""
    if path in running:
        return True
    line = path[-1]
    return line.startswith("no ") and (*path[:-1], line[3:]) not in running


def not_applied(running: Sequence[Path], desired: Iterable[Section]) -> list[str]:
    """Lines that the device did not accept as they were written."""
    return [line for section in desired for line in _not_applied(running, section)]


def _not_applied(running: Sequence[Path], section: Section) -> list[str]:
    parents = tuple(normalise(line) for line in section.parents)
    lines = [normalise(line) for line in section.lines]
    if section.block and _children(running, parents) != lines:
        present = _children(running, parents)
        return [line for line in lines if line not in present] or ["the order of the lines"]
    return [line for line in lines if not holds(running, (*parents, line))]


def predicted(running: Sequence[Path], desired: Iterable[Section]) -> list[Path]:
    """The configuration as it will be."""
    after = list(running)
    for section in desired:
        after = _predicted(after, section)
    return after


def _predicted(running: Sequence[Path], section: Section) -> list[Path]:
    parents = tuple(normalise(line) for line in section.parents)
    lines = [normalise(line) for line in section.lines]
    after = list(running)
    if section.block:
        after = [path for path in after if path[: len(parents)] != parents or not parents]
    for line in lines:
        path = (*parents, line)
        if holds(after, path):
            continue
        if line.startswith("no "):
            removed_path = (*parents, line[3:])
            after = [p for p in after if p[: len(removed_path)] != removed_path]
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
    inside = [number for number, candidate in enumerate(after) if candidate[: len(parents)] == parents]
    at = inside[-1] + 1 if parents and inside else len(after)
    return [*after[:at], path, *after[at:]]


def _children(running: Iterable[Path], parents: Path) -> list[str]:
    return [path[-1] for path in running if path[:-1] == parents]


def undo(before: Sequence[Path], current: Sequence[Path]) -> list[str]:
    """What to type to come from `current` back to `before`: first what is extra goes, the last and
    innermost first.
    """
    extra = [path for path in current if path not in before]
    missing = [path for path in before if path not in current]
    lines: list[str] = []
    for path in reversed(extra):
        lines += [*path[:-1], _negated(path[-1])]
    for path in missing:
        if not any(longer[: len(path)] == path and longer != path for longer in missing):
            lines += list(path)
    return lines


def _negated(line: str) -> str:
    return line[3:] if line.startswith("no ") else "no %s" % line


def steps(before: Sequence[Path], after: Sequence[Path]) -> list[tuple[str, str]]:
    """(action, line with its parents) for each difference, for the plan."""
    removed = [("remove", path) for path in before if path not in after]
    added = [("add", path) for path in after if path not in before]
    return [(action, " > ".join(hide(part) for part in path)) for action, path in (*removed, *added)]


def hide(line: str) -> str:
    """A line without what is secret in it. A remark is made of names, which are not secret."""
    if line.startswith("remark "):
        return line
    return SECRET.sub(lambda match: match[0] if _harmless(match[3]) else match[1] + match[2] + HIDDEN, line)


def secrets(lines: Iterable[str]) -> set[str]:
    """What `hide` hides in these lines."""
    checked = [line for line in lines if not line.startswith("remark ")]
    return {match[3] for line in checked for match in SECRET.finditer(line) if not _harmless(match[3])}


def _harmless(word: str) -> bool:
    return word.lower() in WORDS or word == HIDDEN
