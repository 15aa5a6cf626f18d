# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is kept of a host before a change, and which steps lead back to it: pure functions."""

from __future__ import annotations

from typing import Any, Dict, Iterable, List, Mapping, NamedTuple, Optional

FORMAT = 1
Entry = Dict[str, Any]
PARTS = ("files", "lines", "units")


class Step(NamedTuple):
    """One thing to bring back. `part` is one of PARTS; `secret` keeps its text out of every difference."""

    part: str
    name: str
    action: str
    now: Entry
    then: Entry
    secret: bool


def empty() -> Dict[str, Any]:
    return {"format": FORMAT, "files": {}, "lines": {}, "units": {}}


def live_value(path: str) -> bool:
    """Whether a path is a value of the running kernel, written in place."""
    return path.startswith(("/proc/", "/sys/"))


def merged(kept: Mapping[str, Any], found: Mapping[str, Any]) -> Dict[str, Any]:
    """What was kept first stays: that is the state before the change."""
    manifest: Dict[str, Any] = {"format": FORMAT}
    for part in PARTS:
        both = {**found[part], **kept.get(part, {})}
        manifest[part] = {name: both[name] for name in sorted(both)}
    return manifest


def steps(kept: Mapping[str, Any], now: Mapping[str, Any]) -> List[Step]:
    """What differs from what was kept, the innermost first. A new folder with something of others in it stays."""
    found: List[Step] = []
    for part in PARTS:
        for name in sorted(kept[part], key=lambda name: (-name.count("/"), name)):
            then, entry = kept[part][name], now[part][name]
            if _same(then, entry) or _in_use(name, entry, found):
                continue
            action = "remove" if _was_absent(then) else "restore"
            found.append(Step(part, name, action, entry, then, bool(then.get("secret"))))
    return found


def _same(then: Entry, now: Entry) -> bool:
    """A unit that a package brought is as good as not there while it is off."""
    off = now.get("enabled") not in ("enabled", "enabled-runtime") and not now.get("active")
    return state_of(then) == state_of(now) or (
        then.get("load") == "not-found" and now["load"] != "masked" and off
    )


def _in_use(folder: str, entry: Entry, found: List[Step]) -> bool:
    going = {step.name for step in found if step.action == "remove"}
    return any("%s/%s" % (folder, name) not in going for name in entry.get("names", []))


def _was_absent(then: Entry) -> bool:
    return then.get("kind") == "absent" or then.get("line", "") is None or then.get("load") == "not-found"


def state_of(entry: Mapping[str, Any]) -> Entry:
    """What makes two entries equal: not who reads the file, how it is shown, and what is in a folder."""
    return {key: value for key, value in entry.items() if key not in ("reload", "restart", "secret", "names")}


def to_follow(done: Iterable[Step], key: str) -> List[str]:
    """Units that read what was brought back, for `reload` or `restart`."""
    return sorted({unit for step in done for unit in step.then.get(key, [])})


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
    """What brings a unit back to how it was; of one that was not there, what is to be done before its file goes."""
    now, then, name = step.now, step.then, step.name
    if then["load"] == "not-found":
        return [["unmask", name]] if now["load"] == "masked" else [["disable", "--now", name]]
    commands = []
    if now["active"] and not then["active"]:
        commands.append(["stop", name])  # first: a timer that is masked while it runs ends as failed
    if now["enabled"] != then["enabled"]:
        if now["enabled"] == "masked":
            commands.append(["unmask", name])
        verb = {"enabled": "enable", "disabled": "disable", "masked": "mask"}.get(then["enabled"])
        if verb:
            commands.append([verb, name])
    if then["active"] and not now["active"]:
        commands.append(["start", name])
    return commands


def words(entry: Mapping[str, Any]) -> str:
    """A kept state in a line, for what is no text."""
    if "load" in entry:
        if entry["load"] == "not-found":
            return "not there\n"
        return "%s, %s\n" % (entry["enabled"] or "no switch", "running" if entry["active"] else "not running")
    if entry.get("kind") == "link":
        return "a link to %s\n" % entry["to"]
    if entry.get("kind") == "folder":
        return "a folder, %s\n" % entry["mode"]
    return ""
