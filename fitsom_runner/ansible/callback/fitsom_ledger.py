# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Tell the supervisor of a run what happens, as it happens: one JSON line an event, through a socket.

The supervisor alone writes the ledger (fitsom_runner/ansible/recorder.py). The first task that may change a host
waits until its "touch" line is on the disk, so that even after a power cut a touched host is never taken for an
untouched one. Where the supervisor is gone, nothing more is done.
"""

from __future__ import annotations

import atexit
import ctypes
import json
import multiprocessing
import os
import socket
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ansible import context
from ansible.plugins.callback import CallbackBase

from fitsom_runner.ansible.applied import Applied
from fitsom_runner.ansible.approved_changes import ApprovedChanges, Sort, place_of
from fitsom_runner.ansible.batches import Batches
from fitsom_runner.ansible.blind_steps import (
    BlindSteps,
    command_of,
    handlers_for,
    is_lost,
    is_only_started,
)
from fitsom_runner.ansible.bounds import Bounds, enforce, is_check_only, is_read_only
from fitsom_runner.ansible.masking import Masker
from fitsom_runner.ansible.result_detail import (
    CHANGED,
    FAILED,
    IGNORED,
    OK,
    SKIPPED,
    UNREACHABLE,
    Arguments,
    Detail,
    Details,
)
from fitsom_runner.ansible.whole_result import (
    is_failure_let_pass,
    is_refusal,
    skipped_by_itself,
    turns_left_out,
)
from fitsom_runner.facts import BlindKind

if TYPE_CHECKING:
    from ansible.executor.stats import AggregateStats
    from ansible.executor.task_result import CallbackTaskResult
    from ansible.inventory.host import Host
    from ansible.playbook import Playbook
    from ansible.playbook.play import Play
    from ansible.playbook.task import Task

DOCUMENTATION = r"""
name: fitsom_ledger
type: stdout
short_description: the append-only ledger of a fitsom run
description:
  - Used by fitsom only, which sets FITSOM_RECORD. It prints nothing.
"""

DONE_TAG = "fitsom_host_done"
COMMAND_LIMIT = 300
PR_SET_DUMPABLE = 4

Event = dict[str, Any]  # a line of the ledger


class CallbackModule(CallbackBase):  # type: ignore[misc]  # Ansible has no types
    """Ansible's events, one line each: start, play, nobody, task, blind, touch, res, notify, done, end, stats."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "fitsom_ledger"

    def __init__(self) -> None:
        super().__init__()
        self._supervisor = connected(Path(os.environ.pop("FITSOM_RECORD")))
        with self._supervisor.makefile("rb") as stream:
            greeting: dict[str, Any] = json.loads(stream.readline())
        if greeting["closed"]:
            hide_from_others()
        atexit.register(end_workers)
        bounds = Bounds.from_json(greeting["bounds"])
        applied = Applied.from_json(greeting["applied"]) if greeting["applied"] else None
        self._folder = str(Path.cwd())
        self._asking: set[tuple[str, str]] = set()  # whose workers ask the host what it remembers
        self._remembered: set[str] = set()
        self._stopped: dict[str, str] = {}
        enforce(bounds, applied, self._asking, self._stopped)
        self._batches = Batches(self._came_through)
        self._check = bool(context.CLIARGS.get("check"))
        self._blind_steps = BlindSteps(bounds)
        approved = greeting["approved"]
        self._approved = (
            ApprovedChanges(approved["changes"], approved["blind"], self._folder) if approved else None
        )
        self._masker = Masker(greeting["secrets"])
        self._details = Details(
            self._masker, self._folder, self._get_diff, self._blind_steps.differs_from_plan
        )
        self._play: Play | None = None
        self._numbers: dict[str, int] = {}
        self._started: dict[tuple[str, str], float] = {}
        self._touched: set[str] = set()
        self._turns: dict[tuple[str, str], list[Task]] = {}
        # What failed attempts of a task have changed, by the turn of its loop.
        self._attempts: dict[tuple[str, str], dict[int, Detail]] = {}
        self._checking: set[str] = set()  # tasks that only ever check, by what was written of them
        self._zero = time.time()
        self._write({"e": "start", "at": self._zero, "v": 2}, sync=True)

    # -- writing ------------------------------------------------------------------------------------------

    def _write(self, event: Event, sync: bool = False) -> None:
        event.setdefault("t", round((time.time() - self._zero) * 1000))
        line = json.dumps(event, ensure_ascii=False, separators=(",", ":"), default=str) + "\n"
        try:
            self._supervisor.sendall((b"!" if sync else b"") + line.encode("utf-8", "replace"))
            if sync and self._supervisor.recv(1) != b".":
                raise OSError("its supervisor is gone")
        except OSError as fault:
            # What cannot be written down must not be done. Ansible swallows exceptions of callbacks, not this one.
            raise KeyboardInterrupt(f"the ledger cannot be written: {fault}") from fault

    # -- plays and tasks ----------------------------------------------------------------------------------

    def v2_playbook_on_start(self, playbook: Playbook) -> None:
        self._batches.expect(len(playbook.get_plays()))

    def v2_playbook_on_play_start(self, play: Play) -> None:
        self._play = play
        pattern = play.hosts if isinstance(play.hosts, str) else ", ".join(map(str, play.hosts))
        self._write(
            {
                "e": "play",
                "n": self._masker.text(play.get_name().strip()),
                "hosts": self._masker.text(pattern),
            }
        )
        self._blind_steps.begin_play(play)

    def v2_playbook_on_no_hosts_matched(self) -> None:
        self._write({"e": "nobody"})

    def _came_through(self, hosts: list[str], out: list[str]) -> None:
        """A batch of a play has ended, and these hosts with it; others are out of it."""
        self._write({"e": "end", "hosts": hosts, "out": out}, sync=True)

    def v2_playbook_on_task_start(self, task: Task, is_conditional: bool) -> None:  # noqa: ARG002 - Ansible passes it
        self._number(task)

    def v2_playbook_on_handler_task_start(self, task: Task) -> None:
        self._number(task)

    def _number(self, task: Task) -> int:
        if task._uuid not in self._numbers:
            number = len(self._numbers)
            self._write({"e": "task", "i": number, **self._about(task)})
            self._numbers[task._uuid] = number
        return self._numbers[task._uuid]

    def _about(self, task: Task) -> Event:
        return {
            "n": self._masker.text(str(task.name or task.get_name()).strip()),
            "a": task.resolved_action or task.action,
            "r": task._role.get_name(include_role_fqcn=False) if task._role else "",
            "p": place_of(task, self._folder),
        }

    def v2_runner_on_start(self, host: Host, task: Task) -> None:
        self._started[host.name, task._uuid] = time.time()
        if _is_known(is_check_only, task):
            self._checking.add(task._uuid)
        only_reads = _is_known(is_read_only, task)
        if host.name not in self._remembered and (self._check or not only_reads):
            self._asking.add((host.name, task._uuid))
        if not only_reads and host.name not in self._touched:
            # In a plan it tells whether anything comes after the last done mark.
            self._touched.add(host.name)
            self._write({"e": "touch", "h": host.name, "i": self._number(task)}, sync=not self._check)
        if self._check:
            for contingent in self._blind_steps.after_failure(host.name, task):
                self._blind(host.name, contingent, BlindKind.AFTER_FAILURE)

    # -- results ------------------------------------------------------------------------------------------

    def v2_runner_on_ok(self, result: CallbackTaskResult) -> None:
        self._result(result, CHANGED if result.is_changed() else OK)

    def v2_runner_on_skipped(self, result: CallbackTaskResult) -> None:
        self._result(result, SKIPPED)

    def v2_runner_on_unreachable(self, result: CallbackTaskResult) -> None:
        self._result(result, UNREACHABLE)

    def v2_runner_on_failed(self, result: CallbackTaskResult, ignore_errors: bool = False) -> None:
        self._result(result, IGNORED if ignore_errors else FAILED)

    def v2_runner_item_on_ok(self, result: CallbackTaskResult) -> None:
        self._turn(result)

    def v2_runner_item_on_failed(self, result: CallbackTaskResult) -> None:
        self._turn(result)

    def v2_runner_item_on_skipped(self, result: CallbackTaskResult) -> None:
        self._turn(result)

    def v2_runner_retry(self, result: CallbackTaskResult) -> None:
        """An attempt has failed and another follows, of which alone the result tells."""
        key = (result.host.name, result.task._uuid)
        turn = len(self._turns.get(key, ()))
        for change in self._details.of(result, FAILED, [result.task.args]).get("changes", ()):
            self._attempts.setdefault(key, {})[turn] = {**change, "n": turn} if turn else change

    def _turn(self, turn: CallbackTaskResult) -> None:
        """Of a loop, only here is the task of each turn as it was carried out: which file, with which mode."""
        self._turns.setdefault((turn.host.name, turn.task._uuid), []).append(turn.task)

    def _result(self, outcome: CallbackTaskResult, status: int) -> None:
        host, task = outcome.host.name, outcome.task
        end = time.time()
        start = self._started.pop((host, task._uuid), end)
        event = {
            "e": "res",
            "h": host,
            "i": self._number(task),
            "s": status,
            "b": round((start - self._zero) * 1000),
            "d": round((end - start) * 1000),
        }
        ready = self._turns.pop((host, task._uuid), [])
        turns = [each.args for each in ready]
        checks = not self._check and all(each.check_mode is True for each in ready or [task])
        try:
            detail = with_attempts(
                self._details.of(outcome, status, turns), self._attempts.pop((host, task._uuid), {})
            )
            if checks or task._uuid in self._checking:
                # It says what it would change, in a run too; nothing is done.
                detail = {**detail, "checked": True}
                detail.pop("changes", None)
            if self._check and is_refusal(outcome):
                detail = {**detail, "refused": True}
            ran = status not in (SKIPPED, UNREACHABLE) and not detail.get("checked")
            self._write_with(
                event, detail | self._sorted(host, task, detail, ran) | self._started_only(outcome, status)
            )
        except Exception as fault:  # Ansible would swallow it, and the ledger would lack the result
            self._write_with(event, self._details.unread(fault, status))
        try:
            self._look_ahead(outcome, status, turns)
        except Exception:  # Ansible would swallow it; what cannot be told is not predicted
            self._blind(host, task, BlindKind.SKIPPED)
        if (host, task._uuid) in self._asking and status not in (SKIPPED, UNREACHABLE):
            self._remembered.add(host)
        if DONE_TAG in task.tags and status in (OK, CHANGED, SKIPPED):
            self._touched.discard(host)  # what touches it from here on is written down again
            self._write({"e": "done", "h": host}, sync=True)

    def _write_with(self, event: Event, detail: Detail) -> None:
        self._write({**event, "x": self._masker.value(detail)} if detail else dict(event))

    def _sorted(self, host: str, task: Task, detail: Detail, ran: bool) -> Detail:
        """Which sort of change this is. After one that was neither predicted nor listed the host goes no further.

        A task that always says that it has changed nothing counts as one that has.
        """
        number = len(detail.get("changes", ()))
        if self._approved and ran and not number:
            number = int(self._blind_steps.may_hide_a_change(task))
        sort = self._approved.sort(host, task, number) if self._approved and number else Sort.PREDICTED
        if sort is Sort.LISTED:
            return {"listed": True}
        if sort is Sort.PREDICTED:
            return {}
        self._stopped[host] = self._masker.text(str(task.get_name()).strip())
        return {"unapproved": True}

    def _started_only(self, outcome: CallbackTaskResult, status: int) -> Detail:
        """Whether a job was started whose end nobody has seen, or the end of one was seen."""
        task = outcome.task
        if self._check:
            return {}
        if status in (FAILED, IGNORED):
            return {"started": True} if is_lost(task, outcome.result) else {}
        if status not in (OK, CHANGED):
            return {}
        if (task.resolved_action or task.action) == "ansible.builtin.async_status":
            return {"ended": True} if outcome.result.get("finished") else {}
        return {"started": True} if is_only_started(task) else {}

    # -- what a plan cannot predict -----------------------------------------------------------------------

    def _look_ahead(self, outcome: CallbackTaskResult, status: int, turns: Sequence[Arguments]) -> None:
        """In a plan, whether the step is blind; in a run, which handlers are owed from now on.

        Ansible tells of those only when it is about to run them, and a host that fails does not get there.
        """
        if self._check:
            self._note_blind(outcome, status, turns)
        elif status == CHANGED:
            for handler in handlers_for(outcome.task, self._play):
                self._write({"e": "notify", "h": outcome.host.name, **self._about(handler)})

    def _note_blind(self, outcome: CallbackTaskResult, status: int, turns: Sequence[Arguments]) -> None:
        host, task = outcome.host.name, outcome.task
        kind = self._blind_steps.blindness(
            host,
            task,
            outcome.result,
            skipped=status == SKIPPED,
            by_itself=skipped_by_itself(outcome),
            failed=status in (FAILED, UNREACHABLE, IGNORED),
            let_pass=is_failure_let_pass(outcome),
        )
        if kind is None and is_only_started(task):
            kind = BlindKind.STARTED
        if kind is None:
            return
        left_out = () if self._blind_steps.depends(host, task) else turns_left_out(outcome)
        for position, arguments in enumerate(turns or [task.args]):
            if position not in left_out:
                self._blind(host, task, kind, position, arguments)
        for handler in handlers_for(task, self._play):
            self._blind(host, handler, BlindKind.NOTIFIED)

    def _blind(
        self, host: str, task: Task, kind: BlindKind, position: int = 0, arguments: Arguments | None = None
    ) -> None:
        """One line for a step that nobody can predict; with arguments, for a turn of its loop."""
        event: Event = {"e": "blind", "h": host, "k": kind.value, **self._about(task)}
        if arguments is not None:
            event |= {"c": self._details.content(task, arguments), "m": position}
            words = "" if task.no_log else command_of(task.resolved_action or task.action, arguments)
            shown = self._masker.text(words).replace(self._folder, ".")[:COMMAND_LIMIT]
            event |= {"w": shown} if shown else {}
        self._write(event)

    def v2_playbook_on_stats(self, stats: AggregateStats) -> None:
        """Ansible's own count of what each host did: the ledger's lines are compared with it."""
        summary = {host: stats.summarize(host) for host in sorted(stats.processed)}
        self._write({"e": "stats", "hosts": summary, "cut": self._batches.is_cut_short}, sync=True)


def connected(path: Path) -> socket.socket:
    """The connection to the supervisor. A socket's path may have 107 bytes at most, so it is reached by its folder."""
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
    supervisor = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    supervisor.connect(f"/proc/self/fd/{folder}/{path.name}")
    os.close(folder)
    return supervisor


def end_workers() -> None:
    """End what is left of Ansible's workers before Python waits for them, which it would do for ever.

    Where Ansible breaks off (a handler that there is not), it tells them to end. One can be ended while it holds the
    lock of the results, and another miss the signal, since it has just been forked: that one waits for the lock.
    """
    for worker in multiprocessing.active_children():
        worker.kill()


def hide_from_others() -> None:
    """No other process may look into this one: what a task runs could take the connection out of it."""
    ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0)


def with_attempts(detail: Detail, attempts: dict[int, Detail]) -> Detail:
    """A result with what earlier attempts changed, where the last one had nothing left to do."""
    changes = detail.get("changes", [])
    told = {change.get("n", 0) for change in changes}
    more = [change for turn, change in attempts.items() if turn not in told]
    return {**detail, "changes": [*changes, *more]} if more else detail


def _is_known(question: Callable[[Task], bool], task: Task) -> bool:
    """Ansible would swallow a fault, and the line "touch" would be missing: what cannot be told may change a host."""
    try:
        return question(task)
    except Exception:
        return False
