"""Incidents: noted for every host that a run left failed, unreachable or unknown, and for every exception it found;
listed, assigned and closed by people.
"""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models import F, Max

from fitsom_runner import clock
from fitsom_runner.audit import log
from fitsom_runner.changes.service import SYSTEM, whole_number
from fitsom_runner.config import Config
from fitsom_runner.errors import IncompleteError, NotFoundError, RefusedError
from fitsom_runner.execution.models import HostOutcome, Run
from fitsom_runner.execution.states import Outcome, RunStatus
from fitsom_runner.facts import Severity
from fitsom_runner.facts_reader import facts_from_json
from fitsom_runner.people import powers
from fitsom_runner.people.powers import Identity
from fitsom_runner.processes.models import Incident
from fitsom_runner.roles import Power

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


def get(number: str) -> Incident:
    """The incident with this number; "7" and "2026-7" mean INC-<this year>-0007. Raises NotFoundError."""
    incident = Incident.objects.filter(number=whole_number("INC", number)).first()
    if incident is None:
        raise NotFoundError(f"no incident {number!r}", hint="fitsom incident list --all")
    return incident


def assign(config: Config, identity: Identity, number: str, person_id: str) -> Incident:
    """Give an open incident to somebody of the configuration. Raises RefusedError where it is closed."""
    powers.authorise(config, identity, Power.RUN)
    incident, person = get(number), powers.by_id(config, person_id)
    _require_open(incident)
    with transaction.atomic():
        Incident.objects.filter(pk=incident.pk).update(assigned_to=person.id)
        log.append(identity.actor, "incident.assigned", incident.number, to=person.id)
    return get(incident.number)


def close(config: Config, identity: Identity, number: str, resolution: str) -> Incident:
    """Close an incident with what mended it. Raises IncompleteError, RefusedError where it is closed already."""
    powers.authorise(config, identity, Power.RUN)
    incident = get(number)
    _require_open(incident)
    if not resolution.strip():
        raise IncompleteError(
            f"what mended {incident.number} has to be told",
            hint=f'fitsom incident close {incident.number} --resolution "..."',
        )
    with transaction.atomic():
        Incident.objects.filter(pk=incident.pk).update(
            closed_at=clock.now(), closed_by=identity.person.id, resolution=resolution.strip()
        )
        log.append(identity.actor, "incident.closed", incident.number, resolution=resolution.strip())
    return get(incident.number)


def _require_open(incident: Incident) -> None:
    if incident.closed_at:
        raise RefusedError(f"{incident.number} is closed: {incident.resolution}", hint="fitsom incident list")


def _note_incident(run: Run, host: str, task: str, error: str) -> None:
    number = run.change.number
    existing = Incident.objects.filter(change=number, host=host, task=task[:500])
    closed = existing.exclude(closed_at=None).first()
    if existing.update(seen=F("seen") + 1, run=run, error=error, closed_at=None, closed_by="", resolution=""):
        if closed:
            log.append(SYSTEM, "incident.reopened", closed.number, run=run.id, was=closed.resolution)
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
