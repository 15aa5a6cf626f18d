# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is kept of a host before a change, and which steps lead back to it: pure functions."""

from __future__ import annotations

from typing import Any, Dict, Iterable, List, Mapping, NamedTuple, Optional

FORMAT = 1
Entry = Dict[str, Any]
PARTS = ("files", "lines", "units")


class Step(NamedTuple):
    """One object to bring back.

    `part` is one of PARTS; `secret` keeps its text out of every difference.
    """

    part: str
    name: str
    action: str
    current: Entry
    saved: Entry
    secret: bool


def empty_manifest() -> Dict[str, Any]:
    return {"format": FORMAT, "files": {}, "lines": {}, "units": {}}


def live_value(path: str) -> bool:
    """Whether a path is a value of the running kernel, written in place."""
    return path.startswith(("/proc/", "/sys/"))


def merged(manifest: Mapping[str, Any], current: Mapping[str, Any]) -> Dict[str, Any]:
    """What was kept first stays: that is the state before the change."""
    merged_manifest: Dict[str, Any] = {"format": FORMAT}
    for part in PARTS:
        entries = {**current[part], **manifest.get(part, {})}
        merged_manifest[part] = {name: entries[name] for name in sorted(entries)}
    return merged_manifest


def steps(manifest: Mapping[str, Any], current: Mapping[str, Any]) -> List[Step]:
    """What differs from what was kept, the innermost first.

    A new folder with something of others in it stays.
    """
    needed: List[Step] = []
    for part in PARTS:
        for name in sorted(manifest[part], key=lambda name: (-name.count("/"), name)):
            saved, present = manifest[part][name], current[part][name]
            if _is_same(saved, present) or _in_use(name, present, needed):
                continue
            action = "remove" if _was_absent(saved) else "restore"
            needed.append(Step(part, name, action, present, saved, bool(saved.get("secret"))))
    return needed


def _is_same(saved: Entry, current: Entry) -> bool:
    """A unit that a package brought is as good as not there while it is off."""
    off = current.get("enabled") not in ("enabled", "enabled-runtime") and not current.get("active")
    return state_of(saved) == state_of(current) or (
        saved.get("load") == "not-found" and current["load"] != "masked" and off
    )


def _in_use(folder: str, entry: Entry, planned: List[Step]) -> bool:
    going = {step.name for step in planned if step.action == "remove"}
    return any("%s/%s" % (folder, name) not in going for name in entry.get("names", []))


def _was_absent(saved: Entry) -> bool:
    return saved.get("kind") == "absent" or saved.get("line", "") is None or saved.get("load") == "not-found"


def state_of(entry: Mapping[str, Any]) -> Entry:
    """What makes two entries equal: not who reads the file, how it is shown, and what is in a
    folder.
    """
    return {key: value for key, value in entry.items() if key not in ("reload", "restart", "secret", "names")}


def units_to_notify(steps_taken: Iterable[Step], key: str) -> List[str]:
    """Units that read what was brought back, for `reload` or `restart`."""
    return sorted({unit for step in steps_taken for unit in step.saved.get(key, [])})


def line_of(text: str, key: str) -> Optional[str]:
    """The line of an account database (passwd, shadow, group) that begins with `key:`."""
    for line in text.splitlines():
        if line.startswith(key + ":"):
            return line
    return None


def with_line(text: str, key: str, line: Optional[str]) -> str:
    """The same database with that line replaced, added at the end, or left out (None)."""
    lines: List[Optional[str]] = [*text.splitlines()]
    if line is not None and line_of(text, key) is None:
        lines.append(line)
    else:
        lines = [line if old.startswith(key + ":") else old for old in text.splitlines()]
    return "".join(old + "\n" for old in lines if old is not None)


def unit_commands(step: Step) -> List[List[str]]:
    """What brings a unit back to how it was; of one that was not there, what is to be done before
    its file goes.
    """
    current, saved, name = step.current, step.saved, step.name
    if saved["load"] == "not-found":
        return [["unmask", name]] if current["load"] == "masked" else [["disable", "--now", name]]
    commands = []
    if current["active"] and not saved["active"]:
        commands.append(["stop", name])  # first: a timer that is masked while it runs ends as failed
    if current["enabled"] != saved["enabled"]:
        if current["enabled"] == "masked":
            commands.append(["unmask", name])
        verb = {"enabled": "enable", "disabled": "disable", "masked": "mask"}.get(saved["enabled"])
        if verb:
            commands.append([verb, name])
    if saved["active"] and not current["active"]:
        commands.append(["start", name])
    return commands


def describe(entry: Mapping[str, Any]) -> str:
    """A kept state in one line, for what is not text."""
    if "load" in entry:
        if entry["load"] == "not-found":
            return "not there\n"
        return "%s, %s\n" % (entry["enabled"] or "no switch", "running" if entry["active"] else "not running")
    if entry.get("kind") == "link":
        return "a link to %s\n" % entry["to"]
    if entry.get("kind") == "folder":
        return "a folder, %s\n" % entry["mode"]
    return ""
