"""The results of runs held against the audit log: what a report tells of a run is what was recorded at its end."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from fitsom_runner.audit import log
from fitsom_runner.audit.log import Entry
from fitsom_runner.changes.statement import digest_of
from fitsom_runner.execution.models import Run
from fitsom_runner.execution.states import ACTIVE, RunStatus


def values(run: Run) -> dict[str, Any]:
    """What the entry that ends a run holds of it; its end and its hosts are recorded already."""
    return {"run": run.id, "results": digest_of(_content(Run.objects.get(pk=run.pk)))}


def faults() -> Iterator[str]:
    """Each difference between the runs and the log, in a sentence. Older entries hold outcomes, no digest."""
    ends: dict[str, Entry] = {}
    started: dict[str, Entry] = {}
    for entry in log.entries(action__startswith="change.", detail__contains='"run": "'):
        (started if entry.action == "change.start" else ends)[str(entry.detail.get("run"))] = entry
    for run in Run.objects.prefetch_related("outcomes"):
        end = ends.get(run.id)
        if started.pop(run.id, None) is None:
            yield f"the run {run.id} is in the records and was never started according to the log"
        elif end is None:
            # One that cannot be evaluated ends as interrupted, with or without its change.
            if run.status not in (*ACTIVE, RunStatus.INTERRUPTED):
                yield f"the run {run.id} is {run.status}, and did not end according to the log"
        elif _differs(run, end.detail):
            yield f"the results of the run {run.id} are not those that were recorded at its end (entry {end.seq})"
    yield from (f"the run {name} is in the log and no longer in the records" for name in started)


def _differs(run: Run, end: dict[str, Any]) -> bool:
    if "results" in end:
        return bool(end["results"] != digest_of(_content(run)))
    outcomes = {outcome.host: outcome.outcome for outcome in run.outcomes.all()}
    return bool(
        end.get("status", run.status) != run.status
        or end.get("ledger", run.ledger_sha256) != run.ledger_sha256
        or end.get("outcomes", outcomes) != outcomes
        or end.get("refused", run.refusal) != run.refusal
    )


def _content(run: Run) -> dict[str, Any]:
    """Everything that a report tells of a run and its hosts, but for the times of single tasks."""
    return {
        "plan": run.plan_id,
        "kind": run.kind,
        "status": run.status,
        "started_by": run.started_by,
        "os_user": run.os_user,
        "times": [_iso(run.claimed_at), _iso(run.apply_started_at), _iso(run.ended_at)],
        "hosts": run.hosts,
        "refusal": run.refusal,
        "messages": run.messages,
        "ledger": run.ledger_sha256,
        "versions": run.versions,
        "predicted": run.predicted,
        "left_out": run.left_out,
        "outcomes": {o.host: [o.outcome, o.reason, o.items, o.facts, o.failures] for o in run.outcomes.all()},
    }


def _iso(moment: datetime | None) -> str:
    return moment.astimezone(UTC).isoformat() if moment else ""
