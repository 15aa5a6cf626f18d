"""One attempt at an approved change: verifies the seal, takes the plan again, runs it, records what happened.

If the process is killed at any moment, nothing is assumed about its end: recovery.py reads the ledger.
"""

from __future__ import annotations

import threading
import time
import traceback
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from fitsom_runner import clock
from fitsom_runner.ansible import collections, content, ledger, play
from fitsom_runner.ansible.applied import Applied, line_of, mark_of
from fitsom_runner.ansible.play import Job, PlaybookResult
from fitsom_runner.changes import prediction, seal
from fitsom_runner.changes.models import Change
from fitsom_runner.changes.signatures import require_signatures
from fitsom_runner.config import Config
from fitsom_runner.errors import FitsomError
from fitsom_runner.execution import outcome, planner
from fitsom_runner.execution.models import Run
from fitsom_runner.execution.preparation import Preparation, job, predict, prepare
from fitsom_runner.execution.states import RunKind, RunStatus
from fitsom_runner.facts_reader import hosts_from_json

POLL_SECONDS = 0.5


def carry_out(settings: Config, run_id: str) -> None:
    """Verify, plan again, apply; ends the run whatever happens."""
    run = Run.objects.get(pk=run_id)
    folder = settings.run_dir(run.id)
    _set_status(run, RunStatus.VERIFYING)
    applying = False
    try:
        # Once more, on the very records that this process reads: they could be written since the run was started.
        run.plan = require_signatures(settings, run.change)
        with prepare(
            settings,
            run.change,
            run.id,
            asking=(run.plan.created_by, run.started_by),
            commit=run.plan.commit,
        ) as ready:
            if not _verify(settings, run, ready):
                return
            applying = True
            _apply(settings, run, ready, folder)
    except FitsomError as fault:
        if applying:
            raise
        outcome.refuse(settings, run, [fault.message, *fault.details], needs_planning=True)
    except Exception:
        # The reason goes to child.log; the record is then made from the ledger, like after any crash.
        traceback.print_exc()
        outcome.finish(settings, Run.objects.get(pk=run.pk), None)
        raise


def _verify(settings: Config, run: Run, ready: Preparation) -> bool:
    """Whether seal and plan still hold; if not, the run is refused with the differences."""
    plan = run.plan
    # Where a limit names them, one that has come since is a difference. Where it does not, it is left alone.
    hosts = tuple(
        host
        for host in ready.resolved.hosts
        if host in plan.hosts or (run.change.limit and host not in plan.left_out)
    )
    components = ready.components(run.change, hosts, plan.components["packages"], plan.hosts)
    if seal.seal_of(plan.components) != plan.seal:
        outcome.refuse(
            settings, run, ["the stored parts of the seal do not give the sealed value"], needs_planning=True
        )
        return False
    if seal.seal_of(components) != plan.seal:
        outcome.refuse(settings, run, seal.differences(plan.components, components), needs_planning=True)
        return False
    _set_status(run, RunStatus.REPLANNING)
    plan_again = _predict_backout if run.kind == RunKind.BACKOUT else _replan
    return plan_again(settings, run, ready) and _is_unaltered(settings, run, ready)


def _is_unaltered(settings: Config, run: Run, ready: Preparation) -> bool:
    """Whether what runs now is still what was verified: planning again has run its tasks beside it."""
    altered = content.alterations(ready.extract)
    current = collections.find(ready.extract.folder)
    altered += seal.differences({"collections": ready.collections}, {"collections": current.hashes})
    if altered:
        outcome.refuse(settings, run, altered, needs_planning=True)
    return not altered


def _predict_backout(settings: Config, run: Run, ready: Preparation) -> bool:
    """Predict the back-out and record it. It was approved with the change: it is compared with what was shown to
    whoever started it, if anything was.

    A host where it cannot be predicted is left out, so that the others do not stay in a broken state.
    """
    play_job = _job(settings, run, ready, "replan.jsonl", check=True)
    predicted, failing = planner.predict_hosts(settings, play_job, ready, _Cancelled(run), leave_out=True)
    if len(failing) == len(run.hosts):
        reasons = [f"{host}: {why}" for host, why in failing.items()]
        outcome.refuse(settings, run, reasons, needs_planning=True)
        return False
    shown = hosts_from_json(run.predicted)
    if shown and (news := prediction.unapproved_changes(shown, predicted)):
        outcome.refuse(
            settings, run, [f"not as it was shown: {words}" for words in news], needs_planning=False
        )
        return False
    run.predicted, run.left_out = prediction.to_json(predicted), failing
    Run.objects.filter(pk=run.pk).update(predicted=run.predicted, left_out=failing)
    return True


def _replan(settings: Config, run: Run, ready: Preparation) -> bool:
    """Whether the plan taken again predicts nothing that was not approved; if not, the run is refused."""
    ledger_state, _result, failing = predict(
        settings, _job(settings, run, ready, "replan.jsonl", check=True), _Cancelled(run)
    )
    if failing:
        reasons = [f"{host}: {why}" for host, why in failing.items()]
        outcome.refuse(settings, run, reasons, needs_planning=True)
        return False
    predicted = ledger.predicted_changes(ledger_state)
    approved = hosts_from_json(run.plan.hosts)
    unapproved = prediction.unapproved_changes({host: approved[host] for host in run.hosts}, predicted)
    if unapproved:
        outcome.refuse(
            settings,
            run,
            unapproved,
            needs_planning=run.kind != RunKind.APPLY,
            predicted=predicted,
            ready=ready,
        )
        return False
    return True


def _apply(settings: Config, run: Run, ready: Preparation, folder: Path) -> None:
    moment = clock.now()
    Run.objects.filter(pk=run.pk).update(
        status=RunStatus.APPLYING, apply_started_at=moment, versions=dict(ready.versions)
    )
    Change.objects.filter(pk=run.change_id, actual_start=None).update(actual_start=moment)
    results: list[PlaybookResult] = []
    stop = threading.Event()
    play_job = replace(
        _job(settings, run, ready, "ledger.jsonl", check=False), approved=hosts_from_json(run.expected())
    )
    worker = threading.Thread(target=lambda: results.append(play.run(settings, play_job, stop.is_set)))
    worker.start()
    cancelled = _Cancelled(run)
    recorder = outcome.RunRecorder(run, folder / "ledger.jsonl")
    try:
        while worker.is_alive():
            worker.join(POLL_SECONDS)
            recorder.store_new()
            if cancelled():
                stop.set()
    finally:
        stop.set()  # what cannot be recorded must not be done
        worker.join()
    outcome.finish(settings, Run.objects.get(pk=run.pk), results[0] if results else None, recorder)


def _job(settings: Config, run: Run, ready: Preparation, name: str, *, check: bool) -> Job:
    is_backout = run.kind == RunKind.BACKOUT
    return job(
        run.change,
        ready,
        settings.run_dir(run.id) / name,
        hosts=tuple(host for host in run.hosts if host not in run.left_out),
        reachable=tuple(run.plan.hosts),  # a resumed run may have work to do on a host that is done
        pins=planner.packages_before(run.change) if is_backout else run.plan.components["packages"],
        check=check,
        playbook=run.change.backout_playbook if is_backout else "",
        # The run follows at once and uses the facts that the plan gathered again; they are removed with the extract.
        facts=ready.extract.folder / ".facts",
        applied=_applied(run),
    )


def _applied(run: Run) -> Applied:
    """What hosts note of the run, and what they may remember of the same plan."""
    mark = mark_of(run.plan.seal, _iso(run.plan.created_at))
    entry, *known = (
        line_of(mark, each.id, _iso(each.claimed_at))
        for each in (run, *Run.objects.filter(plan=run.plan_id).exclude(pk=run.pk))
    )
    return Applied(plan=mark, entry=entry, known=tuple(known))


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat()


def _set_status(run: Run, status: str) -> None:
    Run.objects.filter(pk=run.pk).update(status=status)


class _Cancelled:
    """Checks the record once a second for a request to stop the run."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._asked = 0.0
        self._answer = False

    def __call__(self) -> bool:
        if not self._answer and time.monotonic() - self._asked > 1:
            self._asked = time.monotonic()
            self._answer = Run.objects.filter(pk=self._run.pk, cancel_requested=True).exists()
        return self._answer
