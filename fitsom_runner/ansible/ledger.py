"""Read a ledger back: follow it while it grows, fold it into the state of each host."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path
from typing import Any

from fitsom_runner.ansible.bounds import READ_ONLY_MODULES
from fitsom_runner.facts import (
    CUT_OFF,
    HANDLER_OWED,
    ONLY_STARTED,
    REACHES_NOBODY,
    RESULTS_LOST,
    BlindKind,
    BlindStep,
    Facts,
    Finding,
    HostChanges,
    Item,
    Severity,
)
from fitsom_runner.facts_reader import facts_from_json

Event = dict[str, Any]
#: What is told of work that a run has left behind, and what to do; {} is the step.
_OWED = (
    "'{}' was to follow a change, and did not run.",
    "Do by hand what it does: resuming the change does it only if something changes again.",
)
_STARTED = ("'{}' was started, and nobody saw its end.", "Look on the computer whether it has ended well.")
_CUT_OFF = (
    "The computer was out of reach while '{}' was at work: nobody knows whether it was done.",
    "Look on the computer whether it was done.",
)
#: Where a terminal was asked for, ssh says good-bye on stderr, and what the program itself said there is on stdout.
_FAREWELL = re.compile(r"(?m)^(?:Shared c|C)onnection to \S+ closed\.\r?$\n?")


class Status(IntEnum):
    """A task's result on one host."""

    OK = 0
    CHANGED = 1
    SKIPPED = 2
    FAILED = 3
    UNREACHABLE = 4
    IGNORED = 5


@dataclass(kw_only=True)
class HostState:
    """The state of one host, from the ledger.

    `done`: its done mark was set, and nothing has touched it since; `marks`: how often it was set; `plays`: how many
    plays (batches of them) it came through. `unapproved`: the task that changed what nobody had predicted, after which
    it was stopped. `last_task` is the task that last reported back from it. `owed`: {place: name} of handlers that were
    notified and have not run; `started`: the same of jobs whose end nobody has waited for; `cut_off`: of tasks during
    which it was out of reach. `went_on`: something else came after its last failure, for a rescue or in spite of it.
    `refused`: the words of the first task that may not do what it was about to do; `taken_out`: Ansible ended a play
    without it, for its own failure or another's.
    """

    touched: bool = False
    done: bool = False
    marks: int = 0
    plays: int = 0
    unapproved: str = ""
    refused: str = ""
    taken_out: bool = False
    failed: bool = False
    went_on: bool = False
    unreachable: bool = False
    last_task: str = ""
    counts: dict[int, int] = field(default_factory=dict)
    items: list[Item] = field(default_factory=list)
    blind: list[BlindStep] = field(default_factory=list)
    owed: dict[str, str] = field(default_factory=dict)
    started: dict[str, str] = field(default_factory=dict)
    cut_off: dict[str, str] = field(default_factory=dict)
    facts: Facts = field(default_factory=Facts)
    failures: list[dict[str, Any]] = field(default_factory=list)
    stats: dict[str, int] | None = None

    def open_work(self, name: str) -> Facts:
        """What a run has left behind on a host, as findings."""
        owed = (_finding(HANDLER_OWED, name, each, _OWED) for each in self.owed.values())
        started = (_finding(ONLY_STARTED, name, each, _STARTED) for each in self.started.values())
        # Where it stayed out of reach, its outcome says so.
        cut_off = () if self.unreachable else self.cut_off.values()
        return Facts(
            findings=(*owed, *started, *(_finding(CUT_OFF, name, each, _CUT_OFF) for each in cut_off))
        )

    def close(self, name: str, stats: dict[str, int]) -> None:
        """Take in Ansible's own count, and compare it with what was recorded."""
        self.stats = stats
        recorded = self.counts.get(Status.CHANGED, 0) + self.counts.get(Status.IGNORED, 0)
        missing = stats.get("changed", 0) - recorded
        if missing > 0:
            self.facts = self.facts.plus(Facts(findings=(_lost_finding(name, missing),)))


@dataclass(kw_only=True)
class LedgerState:
    """The state of a run: its ledger, folded. `complete`: Ansible itself closed it with its statistics.

    `nobody`: plays that reach none of the hosts; `patterns`: whom each play is for. `cut_short`: plays or batches have
    not begun, since others failed.
    """

    started: float = 0.0
    complete: bool = False
    cut_short: bool = False
    task: str = ""
    tasks: dict[int, Event] = field(default_factory=dict)
    play: str = ""
    nobody: list[str] = field(default_factory=list)
    patterns: list[str] = field(default_factory=list)
    hosts: dict[str, HostState] = field(default_factory=dict)
    results: list[Event] = field(default_factory=list)

    def host(self, name: str) -> HostState:
        """The state of one host, added if it is new."""
        return self.hosts.setdefault(name, HostState())

    def reached(self, name: str) -> bool:
        """Whether a play came to a host, by Ansible's own count."""
        return name in self.hosts and self.hosts[name].stats is not None

    def add(self, event: Event) -> None:
        """Take in one event."""
        match event["e"]:
            case "start":
                self.started = event["at"]
            case "play":
                self.play = event["n"]
                self.patterns.append(event.get("hosts", ""))
            case "nobody":
                self.nobody.append(self.play)
            case "blind":
                self.host(event["h"]).blind.append(_blind_step(event))
            case "notify":
                self.host(event["h"]).owed[event["p"]] = event["n"]
            case "end":
                for name in event["hosts"]:
                    self.host(name).plays += 1
                for name in event.get("out", ()):
                    self.host(name).taken_out = True
            case "task":
                self.tasks[event["i"]] = event
                self.task = event["n"]
            case "touch":
                self.host(event["h"]).touched = True
                self.host(event["h"]).done = False
            case "res":
                self._result(event)
            case "done":
                self.host(event["h"]).done = True
                self.host(event["h"]).marks += 1
            case "stats":
                self.complete = True
                self.cut_short = bool(event.get("cut"))
                for name, counts in event["hosts"].items():
                    self.host(name).close(name, counts)
                    self.host(name).facts = self.host(name).facts.plus(_nobody_findings(self.nobody))

    def _result(self, event: Event) -> None:
        host_state = self.host(event["h"])
        task = self.tasks.setdefault(event["i"], {"i": event["i"], "n": "(unnamed)", "a": "", "r": ""})
        status, detail = Status(event["s"]), event.get("x", {})
        self.results.append({k: event[k] for k in ("h", "i", "s", "b", "d")})
        host_state.last_task = task["n"]
        host_state.counts[status] = host_state.counts.get(status, 0) + 1
        # A failure may yet be rescued; Ansible's statistics, if there are any, decide.
        host_state.went_on = host_state.failed and status is not Status.FAILED
        host_state.failed = host_state.failed or status is Status.FAILED
        host_state.unreachable = status is Status.UNREACHABLE
        if host_state.unreachable and task["a"] not in READ_ONLY_MODULES:
            host_state.cut_off[task.get("p", "")] = task["n"]
        if status is not Status.SKIPPED:
            host_state.owed.pop(task.get("p", ""), None)
        if detail.get("started"):
            host_state.started[task.get("p", "")] = task["n"]
        if detail.get("ended"):
            host_state.started.clear()
        if detail.get("refused"):
            host_state.refused = host_state.refused or f"{task['n']}: {error_text(detail)}"
        if detail.get("unapproved"):
            host_state.unapproved = host_state.unapproved or task["n"]
        if "fitsom" in detail:
            facts = facts_from_json(detail["fitsom"], event["h"])
            # A task that changes nothing reports what is outstanding, not what this run changes. One that fails may
            # have changed something before: what it then reports is what it did.
            has_changed = (status is Status.CHANGED or detail.get("changed")) and not detail.get("checked")
            host_state.facts = host_state.facts.plus(facts if has_changed else facts.without_changes())
        host_state.items += [
            _item(task, change, listed=bool(detail.get("listed"))) for change in detail.get("changes", [])
        ]
        if status in (Status.FAILED, Status.UNREACHABLE):
            host_state.failures.append({"task": task["n"], "role": task["r"], "error": error_text(detail)})


def _item(task: Event, change: dict[str, Any], *, listed: bool) -> Item:
    return Item(
        task=task["n"],
        role=task["r"],
        item=change.get("item", ""),
        digest=change["k"],
        diff=change.get("diff", ""),
        packages=bool(change.get("p")),
        path=task.get("p", ""),
        position=change.get("n", 0),
        content=change.get("c", ""),
        listed=listed,
    )


def _blind_step(event: Event) -> BlindStep:
    return BlindStep(
        kind=BlindKind(event["k"]),
        task=event["n"],
        role=event["r"],
        words=event.get("w", ""),
        path=event["p"],
        position=event.get("m", 0),
        content=event.get("c", ""),
    )


def error_text(detail: dict[str, Any]) -> str:
    """The words of a failure that help a person most."""
    parts = [str(detail[k]) for k in ("msg", "message", "censored") if detail.get(k)]
    parts += [f"{i['item']}: {i['msg']} {i['stderr']}".strip() for i in detail.get("items", [])]
    for key in ("stderr", "module_stderr"):
        words = _FAREWELL.sub("", str(detail.get(key) or "")).strip()
        if words and words not in parts:
            parts.append(words)
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
        complete_lines = data[: data.rfind(b"\n") + 1]
        self._offset += len(complete_lines)
        for line in complete_lines.splitlines():
            event = _event(line)
            if event is not None:
                yield event


def _event(line: bytes) -> Event | None:
    """One line; None for one that a full disk cut short, which only loses information."""
    try:
        event = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return event if isinstance(event, dict) and "e" in event else None


def read(path: Path) -> LedgerState:
    """Fold a ledger that nobody writes any more, compressed or not."""
    ledger_state = LedgerState()
    if path.exists():
        for event in Reader(path).new_events():
            ledger_state.add(event)
    elif path.with_suffix(".jsonl.gz").exists():
        with gzip.open(path.with_suffix(".jsonl.gz"), "rb") as handle:
            for event in filter(None, map(_event, handle)):
                ledger_state.add(event)
    return ledger_state


def _finding(kind: str, host: str, step: str, words: tuple[str, str]) -> Finding:
    what, do = words
    return Finding(
        kind=kind, severity=Severity.WARNING, ci=host, what=what.format(step), evidence=step, do=do
    )


def _nobody_findings(plays: list[str]) -> Facts:
    """Of interest rather than a worry: a change for some hosts often uses a playbook for all."""
    return Facts(
        findings=tuple(
            Finding(
                kind=REACHES_NOBODY,
                severity=Severity.INFORMATIONAL,
                ci=play,
                what="This part of the playbook reaches none of the computers of this change, so it is left out.",
                evidence=play,
                do="If it should not be left out, name its computers in the change's limit.",
            )
            for play in dict.fromkeys(plays)
        )
    )


def _lost_finding(host: str, number: int) -> Finding:
    return Finding(
        kind=RESULTS_LOST,
        severity=Severity.EXCEPTION,
        ci=host,
        what="Ansible changed more on this computer than was recorded: its record is incomplete.",
        evidence=f"missing results: {number}",
        do="Check on the computer what the run was to change, against the plan.",
    )


def predicted_changes(ledger_state: LedgerState) -> dict[str, HostChanges]:
    """{host: what a check-mode run predicts for it}."""
    return {
        name: HostChanges(
            items=tuple(host.items),
            facts=host.facts,
            blind=tuple(dict.fromkeys(host.blind)),
            marks=host.marks,
            ends_marked=host.done,
            plays=host.plays,
        )
        for name, host in sorted(ledger_state.hosts.items())
    }


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
