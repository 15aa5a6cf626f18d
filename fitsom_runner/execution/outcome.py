"""The end of a run: what is known of each host, made from the ledger and from nothing else."""

from __future__ import annotations

import logging
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.db import transaction

from fitsom_runner import clock
from fitsom_runner.ansible import ledger
from fitsom_runner.ansible.ledger import HostState, LedgerState
from fitsom_runner.ansible.play import PlaybookResult
from fitsom_runner.changes import evidence, prediction, seal, service
from fitsom_runner.changes.models import Change, Plan
from fitsom_runner.changes.states import Action
from fitsom_runner.config import Config
from fitsom_runner.errors import FitsomError
from fitsom_runner.execution import results
from fitsom_runner.execution.models import HostOutcome, Run, RunTask, TaskResult
from fitsom_runner.execution.signals import run_finished, run_recorded
from fitsom_runner.execution.states import ACTIVE, Outcome, RunKind, RunStatus
from fitsom_runner.facts import HostChanges
from fitsom_runner.facts_reader import hosts_from_json

if TYPE_CHECKING:
    from fitsom_runner.execution.preparation import Preparation

_LOG = logging.getLogger(__name__)


class RunRecorder:
    """Records a growing ledger in the database."""

    def __init__(self, run: Run, path: Path) -> None:
        self.ledger_state = LedgerState()
        self._run = run
        self._reader = ledger.Reader(path)
        self._stored = 0
        self._tasks: dict[int, RunTask] = {}
        self._hosts: dict[str, HostOutcome] = {}

    def store_new(self) -> None:
        """Store the new events of the ledger."""
        for event in self._reader.new_events():
            self.ledger_state.add(event)
        if self._stored == len(self.ledger_state.results) and not self.ledger_state.complete:
            return
        with transaction.atomic():
            self._store()

    def _store(self) -> None:
        tasks = [t for number, t in self.ledger_state.tasks.items() if number not in self._tasks]
        for row in RunTask.objects.bulk_create(
            RunTask(run=self._run, number=t["i"], name=t["n"][:500], action=t["a"][:200], role=t["r"][:200])
            for t in tasks
        ):
            self._tasks[row.number] = row
        hosts = [h for h in self.ledger_state.hosts if h not in self._hosts]
        for outcome in HostOutcome.objects.bulk_create(HostOutcome(run=self._run, host=h) for h in hosts):
            self._hosts[outcome.host] = outcome
        fresh = self.ledger_state.results[self._stored :]
        TaskResult.objects.bulk_create(
            (
                TaskResult(
                    task=self._tasks[r["i"]],
                    host=self._hosts[r["h"]],
                    status=r["s"],
                    start_ms=max(0, r["b"]),
                    duration_ms=max(0, r["d"]),
                )
                for r in fresh
            ),
            batch_size=2000,
        )
        self._stored += len(fresh)


def finish(
    config: Config, run: Run, result: PlaybookResult | None, recorder: RunRecorder | None = None
) -> None:
    """Write the end of a run. `result` is None after a crash. Does nothing where the end was written already.

    Only for the holder of the run's lock: two at once would write over each other.
    """
    if not Run.objects.filter(pk=run.pk, status__in=ACTIVE).exists():
        return
    path = config.run_dir(run.id) / "ledger.jsonl"
    if recorder is None:
        HostOutcome.objects.filter(run=run).delete()
        RunTask.objects.filter(run=run).delete()
        recorder = RunRecorder(run, path)
    recorder.store_new()
    ledger_state = recorder.ledger_state
    digest = ledger.digest(path) if path.exists() else ""
    planned = hosts_from_json(run.expected())
    outcomes = {host: judge(ledger_state, host, planned.get(host, HostChanges())) for host in run.hosts}
    for host, why in run.left_out.items():
        outcomes[host] = (
            Outcome.UNTOUCHED,
            f"left out, since what would happen could not be predicted: {why}",
        )
    status = status_of(ledger_state, result, [o for o, _reason in outcomes.values()])
    messages = list(result.lines) if result and status is not RunStatus.SUCCEEDED else []
    with transaction.atomic():
        updated = Run.objects.filter(pk=run.pk, status__in=ACTIVE).update(
            status=status, ended_at=clock.now(), ledger_sha256=digest, messages=messages
        )
        if updated != 1:
            return
        _write_outcomes(run, ledger_state, outcomes)
        _move_change(run, status, digest, {h: o for h, (o, _r) in outcomes.items()})
        run_recorded.send(sender=Run, run=Run.objects.get(pk=run.pk))
    _compress_ledgers(path)
    # A report that cannot be written now is made when it is requested; the record is complete.
    run_finished.send_robust(sender=Run, run=Run.objects.get(pk=run.pk), config=config)


def end_as_unknown(config: Config, run: Run, reason: str) -> None:
    """End a run whose ledger cannot be evaluated, all its hosts unknown. Only for the holder of the run's lock."""
    with transaction.atomic():
        updated = Run.objects.filter(pk=run.pk, status__in=ACTIVE).update(
            status=RunStatus.INTERRUPTED, ended_at=clock.now(), messages=[reason]
        )
        if updated != 1:
            return
        outcomes = dict.fromkeys(run.hosts, (Outcome.UNKNOWN, reason))
        _write_outcomes(run, LedgerState(), outcomes)
        with suppress(FitsomError):  # a change that is not running any more keeps its state
            _move_change(run, RunStatus.INTERRUPTED, "", dict.fromkeys(run.hosts, Outcome.UNKNOWN))
        run_recorded.send_robust(sender=Run, run=Run.objects.get(pk=run.pk))
    run_finished.send_robust(sender=Run, run=Run.objects.get(pk=run.pk), config=config)


def _compress_ledgers(path: Path) -> None:
    """Pack the ledgers: after the record, since a crash between the two must leave something to read."""
    for finished in (path, path.with_name("replan.jsonl")):
        try:
            if finished.exists():
                ledger.compress(finished)
        except OSError as fault:
            _LOG.warning("%s stays as it is: %s", finished, fault)


def judge(ledger_state: LedgerState, host: str, planned: HostChanges) -> tuple[Outcome, str]:
    """What is known of a host, and why.

    It is done after as many done marks as its plan has, where nothing but them ends the plan and nothing is owed; or
    where Ansible itself came to the end with it, through as many plays as in the plan (handlers come after a play's
    last mark).
    """
    host_state = ledger_state.hosts.get(host)
    if host_state is None:
        return Outcome.UNTOUCHED, "no task was started on it"
    stats = host_state.stats if ledger_state.complete else None
    if host_state.unapproved:
        return Outcome.FAILED, (
            f"'{host_state.unapproved}' was neither predicted nor listed as a step that nobody can "
            "predict; it was stopped there"
        )
    if (stats is not None and stats["unreachable"]) or (stats is None and host_state.unreachable):
        return Outcome.UNREACHABLE, _last_error(host_state)
    has_marks = host_state.marks >= planned.marks
    is_marked = planned.ends_marked and has_marks and host_state.done and not host_state.owed
    # Where the run broke off after something else had followed the failure, nobody knows whether that was a rescue.
    has_failed = host_state.failed and not is_marked and not host_state.went_on
    if stats["failures"] if stats is not None else has_failed:
        return Outcome.FAILED, _last_error(host_state)
    came_through = (
        stats is not None
        and not host_state.taken_out
        and host_state.plays >= max(planned.plays, 1 if planned.marks else 0)
    )
    if is_marked or (came_through and has_marks):
        return Outcome.DONE, ""
    if not host_state.touched:
        return Outcome.UNTOUCHED, "no task that may change it was started"
    if came_through:
        return Outcome.FAILED, (
            "a play ended before its done mark, which it did not when this was planned. It may have waited for another "
            "computer, or for something that has come about since"
        )
    if stats is not None:
        return Outcome.FAILED, (
            f"Ansible did not take it to the end of the playbook: what should have followed '{host_state.last_task}' "
            "did not. That happens where another computer fails"
        )
    return (
        Outcome.UNKNOWN,
        f"it stopped after '{host_state.last_task or 'its first step'}'; the task that had begun may have continued"
        + (f". Before: {_last_error(host_state)}" if host_state.failed else ""),
    )


def status_of(ledger_state: LedgerState, result: PlaybookResult | None, outcomes: list[Outcome]) -> RunStatus:
    """The run's end: succeeded only where Ansible closed the ledger and every host is done.

    A ledger that Ansible closed is the end even if our own process died just after; one it did not close is none.
    """
    if result is not None and result.cancelled:
        return RunStatus.CANCELLED
    if ledger_state.complete:
        return RunStatus.SUCCEEDED if all(o is Outcome.DONE for o in outcomes) else RunStatus.FAILED
    any_touched = any(o is not Outcome.UNTOUCHED for o in outcomes)
    killed = result is None or result.was_killed
    return RunStatus.INTERRUPTED if killed or any_touched else RunStatus.FAILED


def refuse(
    config: Config,
    run: Run,
    reasons: list[str],
    *,
    needs_planning: bool,
    predicted: dict[str, HostChanges] | None = None,
    ready: Preparation | None = None,
) -> None:
    """End a run before it touched anything. A changed plan goes back to the approver as the new plan."""
    with transaction.atomic():
        Run.objects.filter(pk=run.pk).update(status=RunStatus.REFUSED, ended_at=clock.now(), refusal=reasons)
        HostOutcome.objects.bulk_create(
            HostOutcome(
                run=run, host=host, outcome=Outcome.UNTOUCHED, reason="the run was refused before it began"
            )
            for host in run.hosts
        )
        change = Change.objects.get(pk=run.change_id)
        detail = {"refused": reasons, **results.values(run)}
        if run.kind != RunKind.APPLY:
            service.move(change, Action.INTERRUPT, service.SYSTEM, **detail)
        elif needs_planning or predicted is None or ready is None:
            service.move(change, Action.RETURN_FOR_PLANNING, service.SYSTEM, **detail)
        else:
            plan = _as_plan(run, predicted, ready)
            service.move(
                change,
                Action.RETURN_TO_APPROVER,
                service.SYSTEM,
                fields={"plan": plan},
                **detail,
                **evidence.plan_values(plan),
            )
        run_recorded.send(sender=Run, run=Run.objects.get(pk=run.pk))
    run_finished.send_robust(sender=Run, run=Run.objects.get(pk=run.pk), config=config)


def _as_plan(run: Run, predicted: dict[str, HostChanges], ready: Preparation) -> Plan:
    predictions = prediction.to_json(ready.with_inventory_facts(predicted))
    components = ready.components(run.change, tuple(predicted), prediction.pins(predicted), predictions)
    plan = Plan.objects.create(
        id=f"{run.id}-replan",
        change=run.change,
        version=run.change.version,
        created_at=clock.now(),
        created_by="fitsom",
        commit=ready.extract.commit,
        seal=seal.seal_of(components),
        components=components,
        hosts=predictions,
        left_out=run.plan.left_out,
        notes=["taken at the start of the window"],
    )
    return Plan.objects.get(pk=plan.pk)  # as the record holds it


def _last_error(host_state: HostState) -> str:
    return (
        f"{host_state.failures[-1]['task']}: {host_state.failures[-1]['error']}"
        if host_state.failures
        else ""
    )


def _write_outcomes(run: Run, ledger_state: LedgerState, outcomes: dict[str, tuple[Outcome, str]]) -> None:
    for host, (outcome, reason) in outcomes.items():
        host_state = ledger_state.hosts.get(host, HostState())
        HostOutcome.objects.update_or_create(
            run=run,
            host=host,
            defaults={
                "outcome": outcome,
                "reason": reason,
                "items": [asdict(item) for item in host_state.items],
                "facts": host_state.facts.plus(host_state.open_work(host)).to_json(),
                "failures": host_state.failures,
            },
        )


def _move_change(run: Run, status: RunStatus, digest: str, outcomes: dict[str, Outcome]) -> None:
    action = {
        RunStatus.SUCCEEDED: Action.BACK_OUT if run.kind == RunKind.BACKOUT else Action.SUCCEED,
        RunStatus.FAILED: Action.FAIL,
    }.get(status, Action.INTERRUPT)
    fields: dict[str, Any] = {"actual_end": clock.now()}
    if run.kind == RunKind.BACKOUT:
        fields["backout_used"] = True
    change = Change.objects.get(pk=run.change_id)
    service.move(
        change,
        action,
        service.SYSTEM,
        fields=fields,
        **results.values(run),
        status=status,
        outcomes=outcomes,
        ledger=digest,
    )
