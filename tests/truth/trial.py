"""One made-up playbook's life: planned, run, killed perhaps, resumed; and whatever fitsom says that is not so."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from fitsom_runner.ansible.ledger import HostState
from fitsom_runner.execution.states import Outcome
from fitsom_runner.facts import BlindKind, HostChanges
from tests.truth.machine import Attempt, Machine, judged, news
from tests.truth.playbooks import END, HOSTS, Drawing, Task, flat, is_silent, task_step


@dataclass(kw_only=True)
class Tally:
    """What was tried."""

    playbooks: int = 0
    runs: int = 0
    refused: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    words: Counter[str] = field(default_factory=Counter)
    predicted: int = 0
    came: int = 0
    blind: int = 0


@dataclass(kw_only=True)
class Planned:
    """A plan, and the hosts that it was taken for."""

    hosts: tuple[str, ...]
    changes: dict[str, HostChanges]


class Trial:
    """One playbook's life: planned, run, killed perhaps, resumed."""

    def __init__(self, machine: Machine, tally: Tally) -> None:
        self.machine, self.tally = machine, tally
        self.words: dict[str, tuple[Outcome, str]] = {}  # on each host, after the first run
        self.steps = machine.drawing.steps
        self.texts = texts(machine.content)
        self.places = {place: task_step(json.loads(text)) or place for place, text in self.texts.items()}

    def lies(self) -> Iterator[str]:
        """Whatever fitsom says that is not so, in a sentence each."""
        self.tally.playbooks += 1
        attempt, changes, failing = self.machine.plan(HOSTS)
        yield from self.of_any(attempt, "plan")
        yield from (f"the plan has done {mark}" for mark in attempt.marks)
        hosts = tuple(host for host in HOSTS if host not in failing)
        if not hosts:
            return
        plan = Planned(hosts=hosts, changes=changes)
        if self.tally.playbooks % 4 == 0:
            self.machine.planned = hosts
            _again, current, failing = self.machine.plan(hosts)
            yield from (f"refused, and nothing has changed: {each}" for each in news(changes, hosts, current))
            yield from (f"planned once, and not again: {host}: {why}" for host, why in failing.items())
        kill = self.machine.drawing.kill
        run = self.machine.run(changes, hosts, kill)
        self.words = words = judged(run, hosts, changes)
        yield from self.of_run(run, plan, words, "run")
        unfinished = tuple(host for host in hosts if words[host][0] is not Outcome.DONE)
        if not unfinished:
            return
        again, current, failing = self.machine.plan(unfinished)
        yield from self.of_any(again, "plan again")
        yield from (f"the plan taken again has done {mark}" for mark in again.marks)
        refusal = [f"{host}: {why}" for host, why in failing.items()] or news(changes, unfinished, current)
        if refusal:
            self.tally.refused += 1
            self.tally.reasons.update(reason.partition(": ")[2][:60] for reason in refusal[:1])
            return
        resumed = self.machine.run(changes, unfinished, None)
        yield from self.of_run(
            resumed,
            Planned(hosts=unfinished, changes=changes),
            judged(resumed, unfinished, changes),
            "resumed",
        )

    def of_any(self, attempt: Attempt, what: str) -> Iterator[str]:
        if "Callback dispatch" in attempt.printed:
            yield f"{what}: Ansible has swallowed something: {attempt.printed[-600:]}"

    def of_run(
        self, run: Attempt, plan: Planned, words: dict[str, tuple[Outcome, str]], what: str
    ) -> Iterator[str]:
        self.tally.runs += 1
        self.tally.words.update(word for word, _why in words.values())
        yield from self.of_any(run, what)
        for host in plan.hosts:
            word, why = words[host]
            left = Counter({(step, turn): n for (h, step, turn), n in run.marks.items() if h == host})
            yield from (
                f"{what}, {host} ({word}: {why}): {each}"
                for each in self.of_host(run, plan, host, word, left)
            )
        yield from (
            f"{what}: {mark} on no host of the run" for mark in run.marks if mark[0] not in plan.hosts
        )

    def of_host(
        self, run: Attempt, plan: Planned, host: str, word: Outcome, left: Counter[tuple[str, int]]
    ) -> Iterator[str]:
        state = run.state.hosts.get(host)
        planned = plan.changes.get(host, HostChanges())
        predicted = Counter((self.places[item.path], item.position) for item in planned.items)
        listed = {(self.places[step.path], step.position) for step in planned.blind}
        # Of these nobody knows the turns.
        contingent = {
            self.places[step.path]
            for step in planned.blind
            if step.kind in (BlindKind.NOTIFIED, BlindKind.AFTER_FAILURE)
        }
        anywhere = {
            (self.places[path], position)
            for changes in plan.changes.values()
            for path, position in (
                *((item.path, item.position) for item in changes.items),
                *((step.path, step.position) for step in changes.blind),
            )
        }
        recorded = Counter((self.places[item.path], item.position) for item in (state.items if state else ()))
        self.tally.predicted += predicted.total()
        self.tally.blind += len(listed)
        self.tally.came += left.total()
        stopped = bool(state and state.unapproved)
        lost = {**state.cut_off, **self.given_up(state)} if state else {}
        if word is Outcome.UNTOUCHED and left:
            yield f"it is untouched, and {dict(left)} was done"
        if word is Outcome.DONE and self.has_end and not self.machine.got_to_the_end(host):
            yield "it is done, and the end was never reached"
        has_marks = state is not None and state.marks >= planned.marks
        if word in (Outcome.FAILED, Outcome.UNREACHABLE) and has_marks and self.has_end and (END, 0) in left:
            yield "it is not done, and it has got to the end"
        if word is Outcome.UNKNOWN and run.state.complete:
            yield "Ansible came to an end, and nobody knows of this host"
        for mark in left:
            step = self.steps[mark[0]]
            marks = around(self.machine.drawing, step)
            came = predicted[mark] or mark in listed or ("once" in marks and mark in anywhere)
            came = came or "failure" in marks or mark[0] in contingent or self.is_included(step, listed)
            # Of a module that predicts wrongly and is cut off, nobody ever hears.
            never_told = "lies" in step.get("mark", ()) and (
                word is Outcome.UNKNOWN or self.is_within(lost, mark[0])
            )
            if not (came or stopped or never_told):
                yield f"{mark} was neither predicted nor listed, and nothing has stopped"
        told = Counter({mark: n for mark, n in left.items() if not is_silent(self.steps[mark[0]])})
        for mark, number in (recorded - told).items():
            step = self.steps[mark[0]]
            # A job in the background may have been ended with its playbook; its end is told as open.
            if step.get("changed_when") not in (True, "true") and step.get("poll") != 0:
                yield f"{mark} is in the record {number} times more than it was done"
        missing = Counter(
            {mark: n for mark, n in (told - recorded).items() if not self.is_within(lost, mark[0])}
        )
        if missing and (word is Outcome.DONE or (run.state.complete and word is not Outcome.UNREACHABLE)):
            yield f"{dict(missing)} was done and is not in the record"

    def given_up(self, state: HostState) -> dict[str, str]:
        """The jobs that were waited for, and not to their end: what they did is not told."""
        return {
            place: name
            for place, name in state.started.items()
            if self.steps[self.places[place]].get("poll") != 0
        }

    @property
    def has_end(self) -> bool:
        return END in self.steps

    def is_included(self, step: Task, listed: set[tuple[str, int]]) -> bool:
        """Whether the plan lists the task that brings it in."""
        files = self.machine.drawing.files
        (file,) = [name for name, tasks in files.items() if any(each is step for each in flat(tasks))] or [""]
        includes = [task for task in self.machine.drawing.tasks() if file and file in task.values()]
        written = {json.dumps(task) for task in includes}
        around = [place for place, text in self.texts.items() if text in written]
        return any((place, 0) in listed for place in around) or any(
            self.is_included(each, listed) for each in includes
        )

    def is_within(self, places: Collection[str], step: str) -> bool:
        """Whether a step is one of the tasks at these places."""
        return any(self.places[place] == step for place in places)


def around(drawing: Drawing, step: Task) -> frozenset[str]:
    """What the blocks around a step, and itself, make of it: "once" for all hosts; after a "failure"."""

    def walk(tasks: list[Task], marks: frozenset[str]) -> Iterator[tuple[Task, frozenset[str]]]:
        for task in tasks:
            here = marks | {"once"} if task.get("run_once") else marks
            if "block" not in task:
                yield task, here
            for section in ("block", "rescue", "always"):
                within = here | {"failure"} if section == "rescue" else here
                yield from walk(task.get(section, []), within)

    everything = [play.get(part, []) for play in drawing.plays for part in ("tasks", "handlers")]
    found = (each for tasks in (*everything, *drawing.files.values()) for each in walk(tasks, frozenset()))
    return next(marks for task, marks in found if task is step)


def texts(folder: Path) -> dict[str, str]:
    """{where a task stands: what is written there}."""
    return {
        f"{path.name}:{number}": found[1]
        for path in folder.glob("*.yml")
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if (found := re.search(r"- (\{.*\})$", line))
    }
