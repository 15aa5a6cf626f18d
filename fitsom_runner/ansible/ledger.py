"""Read a ledger back: follow it while it grows, fold it into what is known of each host."""

from __future__ import annotations

import fcntl
import gzip
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path
from typing import Any

from fitsom_runner.facts import LOST, Facts, Finding, HostChanges, Item, Severity
from fitsom_runner.facts_reader import facts_from_json

Event = dict[str, Any]


class Status(IntEnum):
    """A task's result on one host."""

    OK = 0
    CHANGED = 1
    SKIPPED = 2
    FAILED = 3
    UNREACHABLE = 4
    IGNORED = 5


@dataclass(kw_only=True)
class HostTale:
    """What a ledger tells of one host. `last` is the task that last reported back from it."""

    touched: bool = False
    done: bool = False
    failed: bool = False
    unreachable: bool = False
    last: str = ""
    counts: dict[int, int] = field(default_factory=dict)
    items: list[Item] = field(default_factory=list)
    facts: Facts = field(default_factory=Facts)
    failures: list[dict[str, Any]] = field(default_factory=list)
    stats: dict[str, int] | None = None

    def close(self, name: str, stats: dict[str, int]) -> None:
        """Take in Ansible's own count, and hold it against what was written down."""
        self.stats = stats
        written = self.counts.get(Status.CHANGED, 0) + self.counts.get(Status.IGNORED, 0)
        lost = stats.get("changed", 0) - written
        if lost > 0:
            self.facts = self.facts.plus(Facts(findings=(_lost(name, lost),)))


@dataclass(kw_only=True)
class Tale:
    """A whole ledger, folded. `complete` means that Ansible itself closed it with its statistics."""

    started: float = 0.0
    pid: int = 0
    complete: bool = False
    task: str = ""
    tasks: dict[int, Event] = field(default_factory=dict)
    hosts: dict[str, HostTale] = field(default_factory=dict)
    results: list[Event] = field(default_factory=list)

    def host(self, name: str) -> HostTale:
        """The tale of one host, begun if need be."""
        return self.hosts.setdefault(name, HostTale())

    def add(self, event: Event) -> None:
        """Take in one event."""
        match event["e"]:
            case "start":
                self.started, self.pid = event["at"], event["pid"]
            case "task":
                self.tasks[event["i"]] = event
                self.task = event["n"]
            case "touch":
                self.host(event["h"]).touched = True
            case "res":
                self._result(event)
            case "done":
                self.host(event["h"]).done = True
            case "stats":
                self.complete = True
                for name, counts in event["hosts"].items():
                    self.host(name).close(name, counts)

    def _result(self, event: Event) -> None:
        tale = self.host(event["h"])
        task = self.tasks.setdefault(event["i"], {"i": event["i"], "n": "(unnamed)", "a": "", "r": ""})
        status, detail = Status(event["s"]), event.get("x", {})
        self.results.append({k: event[k] for k in ("h", "i", "s", "b", "d")})
        tale.last = task["n"]
        tale.counts[status] = tale.counts.get(status, 0) + 1
        # A failure may yet be rescued; Ansible's statistics, if they come, have the last word.
        tale.failed = tale.failed or status is Status.FAILED
        tale.unreachable = tale.unreachable or status is Status.UNREACHABLE
        if "fitsom" in detail:
            facts = facts_from_json(detail["fitsom"], event["h"])
            # A task that changes nothing tells what is outstanding, not what this run changes.
            tale.facts = tale.facts.plus(facts if status is Status.CHANGED else facts.without_changes())
        tale.items += [_item(task, change) for change in detail.get("changes", [])]
        if status in (Status.FAILED, Status.UNREACHABLE):
            tale.failures.append({"task": task["n"], "role": task["r"], "error": error_text(detail)})


def _item(task: Event, change: dict[str, Any]) -> Item:
    return Item(
        task=task["n"],
        role=task["r"],
        item=change.get("item", ""),
        digest=change["k"],
        diff=change.get("diff", ""),
        packages=bool(change.get("p")),
    )


def error_text(detail: dict[str, Any]) -> str:
    """The words of a failure that help a person most."""
    parts = [str(detail[k]) for k in ("msg", "censored") if detail.get(k)]
    parts += [f"{i['item']}: {i['msg']} {i['stderr']}".strip() for i in detail.get("items", [])]
    for key in ("stderr", "module_stderr"):
        if detail.get(key) and str(detail[key]) not in parts:
            parts.append(str(detail[key]))
    if len(parts) < 2 and detail.get("stdout"):
        parts.append(str(detail["stdout"]))
    return "\n".join(parts).strip() or "no reason was given"


class Reader:
    """Follows a ledger that another process writes; half a line at the end waits for its other half."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0

    def new_events(self) -> Iterator[Event]:
        """The events since the last call."""
        try:
            with self._path.open("rb") as handle:
                handle.seek(self._offset)
                data = handle.read()
        except FileNotFoundError:
            return
        whole = data[: data.rfind(b"\n") + 1]
        self._offset += len(whole)
        for line in whole.splitlines():
            event = _event(line)
            if event is not None:
                yield event


def _event(line: bytes) -> Event | None:
    """One line; None for one that a full disk cut short, which only makes us know less."""
    try:
        event = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return event if isinstance(event, dict) and "e" in event else None


def read(path: Path) -> Tale:
    """Fold a ledger that nobody writes any more, compressed or not."""
    tale = Tale()
    if path.exists():
        for event in Reader(path).new_events():
            tale.add(event)
    elif path.with_suffix(".jsonl.gz").exists():
        with gzip.open(path.with_suffix(".jsonl.gz"), "rb") as handle:
            for told in map(_event, handle):
                if told is not None:
                    tale.add(told)
    return tale


def _lost(host: str, number: int) -> Finding:
    return Finding(
        kind=LOST,
        severity=Severity.EXCEPTION,
        ci=host,
        what="Ansible changed more on this computer than was written down: its record is not whole.",
        evidence=f"results that are missing: {number}",
        do="Look at what the run was to change there, and see whether it is as it should be.",
    )


def from_tale(tale: Tale) -> dict[str, HostChanges]:
    """{host: what a check-mode run predicts for it}."""
    return {
        name: HostChanges(items=tuple(host.items), facts=host.facts, done=host.done)
        for name, host in sorted(tale.hosts.items())
    }


def is_being_written(path: Path) -> bool:
    """Whether an Ansible process, or a fork of one, still holds the ledger."""
    try:
        with path.open("rb") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return False
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True


def digest(path: Path) -> str:
    """The SHA-256 (hex) of a ledger that nobody writes any more."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def compress(path: Path) -> str:
    """Replace a finished ledger by its gzip; return the SHA-256 (hex) of the uncompressed bytes."""
    data = path.read_bytes()
    packed = path.with_suffix(".jsonl.gz")
    partial = packed.with_suffix(".part")
    partial.write_bytes(gzip.compress(data, 6, mtime=0))
    partial.rename(packed)
    path.unlink()
    return hashlib.sha256(data).hexdigest()
