"""Plans, runs, kills and resumes a playbook as fitsom does, without its room and its database, which have their tests.

Ansible is the real one, with fitsom's callback, its supervisor and its ledger. Nothing but the marks is written.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from shutil import copytree
from typing import Any

from fitsom_runner.ansible import ledger, play, recorder
from fitsom_runner.ansible.content import Extract
from fitsom_runner.ansible.environment import environment
from fitsom_runner.ansible.ledger import LedgerState
from fitsom_runner.ansible.play import CALLBACKS, Job, PlaybookResult
from fitsom_runner.changes import prediction
from fitsom_runner.execution import outcome, preparation
from fitsom_runner.execution.states import Outcome
from fitsom_runner.facts import HostChanges
from tests.progress import Patience
from tests.truth.playbooks import END, HOSTS, Drawing, Kill, lines, playbook

Mark = tuple[str, str, int]  # host, step, turn
INVENTORY = "all:\n  hosts:\n" + "".join(f"    {host}: {{ansible_connection: local}}\n" for host in HOSTS)
PLAYBOOK = "playbook.yml"
PATIENCE = 180.0


class Ansible:
    """A process that has Ansible in memory and forks it for each playbook."""

    def __init__(self, folder: Path) -> None:
        extra = {
            "ANSIBLE_CALLBACK_PLUGINS": str(CALLBACKS),
            "ANSIBLE_STDOUT_CALLBACK": "fitsom_ledger",
            "ANSIBLE_RETRY_FILES_ENABLED": "0",
            "HOME": str(folder),
        }
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.truth.ansible_server"],
            cwd=Path(__file__).parents[2],
            env=environment(folder, extra),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,  # what has come can be seen without reading it
        )
        self._playbook = 0

    def begin(self, job: dict[str, Any]) -> int:
        """Start one; its process id."""
        assert self._process.stdin
        self._process.stdin.write(json.dumps(job).encode() + b"\n")
        self._playbook = self._answer()
        return self._playbook

    def wait(self) -> int:
        """Its exit code, once nothing of it is left."""
        return self._answer()

    def _answer(self) -> int:
        assert self._process.stdout
        limit = Patience(PATIENCE, "a made-up playbook")
        while not select.select([self._process.stdout], [], [], 1)[0]:
            try:
                limit.check()
            except AssertionError:
                for pid in filter(None, (self._playbook, self._process.pid)):
                    os.kill(pid, signal.SIGKILL)
                raise
        line = self._process.stdout.readline()
        assert line, "the server has ended"
        return int(line)

    def close(self) -> None:
        """End it."""
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait()


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """One ansible-playbook: what was recorded, what was really done, what it printed."""

    state: LedgerState
    result: PlaybookResult
    marks: Counter[Mark]
    printed: str


@dataclass(kw_only=True)
class Machine:
    """One playbook and its hosts, in a folder of their own."""

    ansible: Ansible
    folder: Path
    drawing: Drawing
    number: int = field(default=0, init=False)
    planned: tuple[str, ...] = field(default=(), init=False)  # the hosts of the approved plan

    def __post_init__(self) -> None:
        copytree(Path(__file__).parent / "content", self.content)
        for name in ("done", "tried"):
            (self.marks / name).mkdir(parents=True)
        (self.content / PLAYBOOK).write_text(playbook(self.drawing.plays))
        (self.content / "hosts.yml").write_text(INVENTORY)
        for name, tasks in self.drawing.files.items():
            (self.content / name).write_text(lines(tasks, 0))

    @property
    def content(self) -> Path:
        """Playbook, inventory, plugin."""
        return self.folder / "content"

    @property
    def marks(self) -> Path:
        """What the hosts look like."""
        return self.folder / "marks"

    def left(self) -> Counter[Mark]:
        """Every mark since the beginning."""
        log = self.marks / "log"
        rows = map(json.loads, log.read_text().splitlines()) if log.exists() else ()
        return Counter((row["host"], row["step"], int(row["turn"])) for row in rows)

    def got_to_the_end(self, host: str) -> bool:
        """Whether the last step of all was ever done for a host."""
        return (self.marks / "done" / f"{host}.{END}.0").exists()

    def plan(self, hosts: tuple[str, ...]) -> tuple[Attempt, dict[str, HostChanges], dict[str, str]]:
        """Check mode; what is predicted for each host that can be planned, and why others can not."""
        left_out: dict[str, str] = {}
        while True:
            attempt = self._play(hosts, self.planned, None, None)
            failing = preparation.problems(attempt.state, hosts, attempt.result)
            others = preparation.planned_anew(attempt.state, hosts)
            if not others or self.planned:  # a plan that is taken again leaves nobody out
                break
            left_out |= {host: failing[host] for host in hosts if host not in others}
            hosts = others
        predicted = ledger.predicted_changes(attempt.state)
        failing = left_out | failing
        return attempt, {host: predicted[host] for host in predicted if host not in failing}, failing

    def run(self, approved: dict[str, HostChanges], hosts: tuple[str, ...], kill: Kill | None) -> Attempt:
        """The run of a plan on some of its hosts."""
        self.planned = tuple(approved)
        return self._play(hosts, self.planned, approved, kill)

    def _play(
        self,
        hosts: tuple[str, ...],
        reachable: tuple[str, ...],
        approved: dict[str, HostChanges] | None,
        kill: Kill | None,
    ) -> Attempt:
        self.number += 1
        work = self.folder / f"{self.number}"
        work.mkdir()
        (work / "hosts").write_text("\n".join(hosts) + "\n")
        (work / "extra_vars.yml").write_text("{}\n")
        job = Job(
            extract=Extract(
                folder=self.content,
                commit="",
                trees={},
                inventories={},
                inventory_paths=(self.content / "hosts.yml",),
                inputs={},
                input_paths={},
                dirty=(),
            ),
            playbook=PLAYBOOK,
            hosts=hosts,
            reachable=reachable,
            check=approved is None,
            ledger=work / "ledger.jsonl",
            approved=approved,
        )
        before, printed = self.left(), work / "printed"
        variables = {
            "FITSOM_RECORD": str(work / recorder.SOCKET),
            "MARKS": str(self.marks),
            "KILL_AT_MARK": "0",
        }
        if kill and kill.mark:
            variables |= {
                "KILL_AT_MARK": str(before.total() + kill.mark),
                "KILL_BEFORE": str(int(kill.before)),
            }
        with recorder.recording(job.ledger, work, play.greeting(job, closed=False)) as recording:
            killer = Killer(recording, kill.line if kill else 0)
            killer.pid = self.ansible.begin(
                {
                    "arguments": play.arguments(job, work),
                    "folder": str(self.content),
                    "variables": variables,
                    "output": str(printed),
                }
            )
            killer.look()
            code = self.ansible.wait()
            killer.over = True
        return Attempt(
            state=ledger.read(job.ledger),
            result=PlaybookResult(rc=code, cancelled=False, lines=()),
            marks=self.left() - before,
            printed=printed.read_text() if printed.exists() else "",
        )


class Killer:
    """Kills Ansible once its supervisor has received so many lines; 0: never."""

    def __init__(self, recording: recorder.Recorder, limit: int) -> None:
        self.pid, self.over = 0, False
        self._left, self._write = limit or -1, recording._write
        if limit:
            recording._write = self._count  # type: ignore[method-assign]

    def _count(self, data: bytes, *, sync: bool) -> None:
        self._left -= 1
        self._write(data, sync=sync)
        self.look()

    def look(self) -> None:
        """Kill it where it is time."""
        if self._left == 0 and self.pid and not self.over:
            os.kill(self.pid, signal.SIGKILL)
            self._left = -1


def judged(
    attempt: Attempt, hosts: tuple[str, ...], planned: dict[str, HostChanges]
) -> dict[str, tuple[Outcome, str]]:
    """{host: fitsom's word on it, and why}."""
    return {host: outcome.judge(attempt.state, host, planned.get(host, HostChanges())) for host in hosts}


def news(
    approved: dict[str, HostChanges], hosts: tuple[str, ...], again: dict[str, HostChanges]
) -> list[str]:
    """Why a run would be refused, by the plan taken again."""
    return prediction.unapproved_changes({host: approved[host] for host in hosts}, again)
