"""Notes an incident for every host that a run left failed, unreachable or unknown, and for every exception it found."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models import F, Max

from fitsom_runner import clock
from fitsom_runner.audit import log
from fitsom_runner.changes.service import SYSTEM
from fitsom_runner.execution.models import HostOutcome, Run
from fitsom_runner.execution.states import Outcome, RunStatus
from fitsom_runner.facts import Severity
from fitsom_runner.facts_reader import facts_from_json
from fitsom_runner.processes.models import Incident

_INCIDENT_OUTCOMES = (Outcome.FAILED, Outcome.UNREACHABLE, Outcome.UNKNOWN)


def note(run: Run, **_signal: Any) -> None:
    """Listener of execution.signals.run_recorded."""
    with transaction.atomic():
        for outcome in HostOutcome.objects.filter(run=run, outcome__in=_INCIDENT_OUTCOMES):
            task = outcome.failures[-1]["task"] if outcome.failures else f"host left {outcome.outcome}"
            _note_incident(run, outcome.host, task, outcome.reason)
        for outcome in HostOutcome.objects.filter(run=run):
            for finding in facts_from_json(outcome.facts, outcome.host).findings:
                if finding.severity is Severity.EXCEPTION:
                    task = f"{finding.kind}: {finding.ci}"
                    _note_incident(run, outcome.host, task, f"{finding.what} {finding.evidence}".strip())
        if run.status == RunStatus.INTERRUPTED:
            _note_incident(
                run, "(the run itself)", "the run was interrupted", "its process ended before the run"
            )


def _note_incident(run: Run, host: str, task: str, error: str) -> None:
    number = run.change.number
    existing = Incident.objects.filter(change=number, host=host, task=task[:500])
    if existing.update(seen=F("seen") + 1, run=run, error=error):
        return
    incident = Incident.objects.create(
        number=_next_number(),
        change=number,
        run=run,
        host=host,
        task=task[:500],
        error=error,
        opened_at=clock.now(),
    )
    log.append(SYSTEM, "incident.noted", incident.number, change=number, run=run.id, host=host, task=task)


def _next_number() -> str:
    year = clock.now().year
    newest = Incident.objects.filter(number__startswith=f"INC-{year}-").aggregate(last=Max("number"))["last"]
    return f"INC-{year}-{int(newest.rsplit('-', 1)[1]) + 1 if newest else 1:04d}"
