"""What a plan predicts for each host, and how the runs of a change have left it. Reads the database."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from django.db.models import QuerySet

from fitsom_runner.ansible.ledger import Status
from fitsom_runner.changes import models as records
from fitsom_runner.changes import prediction
from fitsom_runner.execution import models as runs
from fitsom_runner.execution.states import Outcome, RunKind, RunStatus
from fitsom_runner.facts import Facts, HostChanges, Package
from fitsom_runner.facts_reader import changes_from_json, hosts_from_json
from fitsom_runner.reports import kinds
from fitsom_runner.reports.model import Difference, Failure, Host, PredictedSetting, Task, UnpredictableStep

RINGS = ("pilot", "servers", "estate")
_FAILURES = (
    (kinds.FailureKind.SUPERSEDED, r"supersed|no longer offer"),
    (kinds.FailureKind.LOCK_HELD, r"\block\b|lock-frontend"),
    (kinds.FailureKind.NO_SPACE, r"no space|free space|MB free|disk full"),
    (kinds.FailureKind.SERVICE_DOWN, r"service.*(not|down|failed|inactive)"),
    (kinds.FailureKind.PACKAGE_FAILED, r"dpkg|apt|package"),
)
_TASK_STATUS = {
    Status.OK: kinds.TaskStatus.OK,
    Status.CHANGED: kinds.TaskStatus.CHANGED,
    Status.SKIPPED: kinds.TaskStatus.SKIPPED,
    Status.FAILED: kinds.TaskStatus.FAILED,
    Status.UNREACHABLE: kinds.TaskStatus.UNREACHABLE,
    Status.IGNORED: kinds.TaskStatus.IGNORED,
}


def before(run: runs.Run) -> QuerySet[runs.Run]:
    """The runs of the change before this one, in their order."""
    return runs.Run.objects.filter(change=run.change, claimed_at__lt=run.claimed_at).order_by("claimed_at")


def of_plan(plan: records.Plan | None) -> tuple[Host, ...]:
    """What will happen on each host."""
    if plan is None:
        return ()
    return tuple(
        Host(
            name=name,
            foreseen=_predicted_settings(changes),
            blind=_blind(changes),
            **_inventory_facts(changes),
            **_module_facts(changes.facts),
        )
        for name, changes in hosts_from_json(plan.hosts).items()
    )


@dataclass(frozen=True, kw_only=True)
class _Left:
    """How runs have left a host: the outcome that counts, and all that they changed there."""

    outcome: runs.HostOutcome
    actual: HostChanges


def _left(series: Iterable[runs.Run]) -> dict[str, _Left]:
    """{host: how these runs have left it}, one after the other. One that did not touch it leaves it as it was."""
    left: dict[str, _Left] = {}
    for run in series:
        for outcome in run.outcomes.all():
            actual = changes_from_json({"items": outcome.items, "facts": outcome.facts}, outcome.host)
            before = left.get(outcome.host)
            if before is None:
                left[outcome.host] = _Left(outcome=outcome, actual=actual)
            elif outcome.outcome != Outcome.UNTOUCHED:
                together = replace(
                    actual,
                    items=(*before.actual.items, *actual.items),
                    facts=before.actual.facts.plus(actual.facts),
                )
                left[outcome.host] = _Left(outcome=outcome, actual=together)
    return dict(sorted(left.items()))


def of_run(run: runs.Run) -> tuple[Host, ...]:
    """How all runs of the plan up to this one have left each host; of a back-out, only itself."""
    applying = before(run).filter(plan=run.plan_id, kind__in=[RunKind.APPLY, RunKind.RESUME])
    is_backout = run.kind == RunKind.BACKOUT
    left = _left([run] if is_backout else [*applying, run])
    outcomes = [each.outcome for each in left.values()]
    actual = {host: each.actual for host, each in left.items()}
    undone = _security_updates(_left(applying)) if is_backout else {}
    approved = hosts_from_json(run.plan.hosts)
    predicted = hosts_from_json(run.expected())
    predicted_here = {host: changes for host, changes in predicted.items() if host in actual}
    comparable = run.status != RunStatus.REFUSED
    differences = _differences(prediction.compare(predicted_here, actual)) if comparable else {}
    tasks = _tasks(run)
    return tuple(
        Host(
            name=o.host,
            result=Outcome(o.outcome),
            reason=o.reason or (f"by {o.run_id}" if o.run_id != run.id else ""),
            reopened=tuple(
                package
                for package in undone.get(o.host, ())
                if package.name in {gone.name for gone in actual[o.host].facts.packages}
            ),
            **_inventory_facts(approved.get(o.host, HostChanges())),
            blind=_blind(predicted.get(o.host, HostChanges())),
            differences=tuple(differences.get(o.host, ())),
            tasks=tuple(tasks.get(o.pk, ())),
            failures=tuple(_failure(o, f) for f in o.failures) or _interruption(o),
            **_module_facts(actual[o.host].facts),
        )
        for o in outcomes
    )


def _security_updates(left: dict[str, _Left]) -> dict[str, tuple[Package, ...]]:
    return {host: tuple(p for p in each.actual.facts.packages if p.security) for host, each in left.items()}


def _differences(compared: Iterable[prediction.Difference]) -> dict[str, list[Difference]]:
    """{host: differences}; a thousand objects of one kind are one line with their number."""
    by_host: dict[str, list[Difference]] = {}
    batches: Counter[tuple[str, str, str, prediction.DifferenceKind]] = Counter()
    alike: Counter[tuple[str, str, str, prediction.DifferenceKind]] = Counter()
    for d in compared:
        if d.batch:
            batches[d.host, d.task, d.batch, d.kind] += 1
        else:
            alike[d.host, d.task, d.what, d.kind] += 1
    for (host, task, what, kind), number in alike.items():
        words = f"{what}, {number:,} times" if number > 1 else what
        by_host.setdefault(host, []).append(Difference(task=task, what=words, kind=kind, number=number))
    for (host, task, batch, kind), number in batches.items():
        by_host.setdefault(host, []).append(
            Difference(task=task, what=f"{batch}: {number:,}", kind=kind, number=number)
        )
    return by_host


def _inventory_facts(changes: HostChanges) -> dict[str, Any]:
    """The inventory's facts on a host."""
    ring = next((ring for ring in RINGS if ring in changes.groups), "")
    return {"groups": changes.groups, "ring": ring, **changes.about}


def _module_facts(facts: Facts) -> dict[str, Any]:
    """The facts that modules reported of a host."""
    return {
        "packages": facts.packages,
        "objects": facts.objects,
        "services": facts.services,
        "reboot": facts.reboot,
        "checks": facts.checks,
        "findings": facts.findings,
        "notes": facts.notes,
        "observed": dict(facts.observed),
    }


def _predicted_settings(changes: HostChanges) -> tuple[PredictedSetting, ...]:
    """Without packages and objects, which are listed by themselves."""
    return tuple(
        PredictedSetting(task=item.task, what=item.item, diff=item.diff) for item in changes.settings
    )


def _blind(changes: HostChanges) -> tuple[UnpredictableStep, ...]:
    return tuple(
        UnpredictableStep(task=step.task, kind=step.kind, command=step.words) for step in changes.blind
    )


def _tasks(run: runs.Run) -> dict[int, list[Task]]:
    tasks: dict[int, list[Task]] = {}
    rows = runs.TaskResult.objects.filter(host__run=run).values_list(
        "host_id", "task__name", "task__action", "status", "start_ms", "duration_ms"
    )
    for host, name, action, status, start, duration in rows.order_by("start_ms").iterator(chunk_size=5000):
        kind = _TASK_STATUS[Status(status)]
        if kind is kinds.TaskStatus.CHANGED and action.endswith(".reboot"):
            kind = kinds.TaskStatus.REBOOTED
        tasks.setdefault(host, []).append(
            Task(name=name, start=start / 1000, seconds=duration / 1000, status=kind)
        )
    return tasks


def _failure(outcome: runs.HostOutcome, record: dict[str, Any]) -> Failure:
    kind = kinds.FailureKind.OTHER
    if outcome.outcome == Outcome.UNREACHABLE:
        kind = kinds.FailureKind.UNREACHABLE
    else:
        text = f"{record['task']} {record['error']}"
        kind = next((k for k, pattern in _FAILURES if re.search(pattern, text, re.I)), kind)
    return Failure(kind=kind, task=record["task"], error=record["error"])


def _interruption(outcome: runs.HostOutcome) -> tuple[Failure, ...]:
    if outcome.outcome != Outcome.UNKNOWN:
        return ()
    return (Failure(kind=kinds.FailureKind.INTERRUPTED, task="", error=outcome.reason),)
