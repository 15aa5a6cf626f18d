"""Take a plan: a check-mode run whose predictions people approve."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from django.db import transaction

from fitsom_runner import clock
from fitsom_runner.ansible import ledger
from fitsom_runner.ansible.play import Job
from fitsom_runner.audit import log
from fitsom_runner.changes import prediction, service, standard, states
from fitsom_runner.changes.models import Change, Plan
from fitsom_runner.changes.seal import seal_of
from fitsom_runner.changes.states import Action, ChangeType, State
from fitsom_runner.config import Config
from fitsom_runner.errors import FitsomError
from fitsom_runner.execution import runs
from fitsom_runner.execution.models import Run
from fitsom_runner.execution.preparation import Preparation, job, planned_anew, predict, prepare
from fitsom_runner.execution.signals import plan_taken
from fitsom_runner.execution.states import RunKind
from fitsom_runner.facts import HostChanges
from fitsom_runner.facts_reader import hosts_from_json
from fitsom_runner.people import powers
from fitsom_runner.people.powers import Identity
from fitsom_runner.roles import Power


def plan(config: Config, identity: Identity, change: Change, *, leave_out_failing: bool = False) -> Plan:
    """Predict what the change would do now, and seal it.

    A draft, or content that is not committed, gives a rehearsal: kept, shown, never sealed. Raises FitsomError
    that names each host that could not be planned, unless `leave_out_failing`.
    """
    powers.authorise(config, identity, Power.PLAN)
    draft = change.stage is State.DRAFT
    if not draft:
        action = Action.PLAN if states.can(change.stage, Action.PLAN, change.kind) else Action.REPLAN
        states.target(change.stage, action, change.kind)
    identifier = f"{change.number}-v{change.version}-plan{change.plans.count() + 1}"
    folder = config.run_dir(identifier)
    folder.mkdir(parents=True, mode=0o700, exist_ok=True)
    began = time.monotonic()
    with prepare(config, change, identifier, asking=(identity.person.id,), rehearsal=True) as ready:
        hosts = tuple(ready.resolved.hosts)
        _note(identity, "plan.started", identifier, ready, hosts)
        play_job = job(change, ready, folder / "plan.jsonl", hosts=hosts, pins={}, check=True)
        predicted, failing = predict_hosts(
            config, play_job, ready, leave_out=leave_out_failing, only_reached=not change.limit
        )
        planned_hosts = tuple(host for host in hosts if host in predicted)
        if failing and (not leave_out_failing or not planned_hosts):
            raise FitsomError(
                f"the plan could not be taken on {len(failing)} of {len(planned_hosts) + len(failing)} hosts",
                details=tuple(f"{host}: {why}" for host, why in failing.items()),
                hint="Repair them and plan again, or plan the others with --leave-out-failing.",
            )
        notes = [f"not committed: {path}" for path in ready.extract.dirty]
        if draft:
            notes.insert(0, "a rehearsal of a draft")
        predictions = prediction.to_json(predicted)
        components = ready.components(change, planned_hosts, prediction.pins(predicted), predictions)
        new_plan = Plan(
            id=identifier,
            change=change,
            version=change.version,
            created_at=clock.now(),
            created_by=identity.person.id,
            commit=ready.extract.commit,
            seal="" if notes else seal_of(components),
            components=components,
            hosts=predictions,
            left_out=failing,
            notes=notes,
            seconds=round(time.monotonic() - began, 1),
        )
    ledger.compress(folder / "plan.jsonl")
    updated_change = service.record_plan(identity, change, new_plan)
    if new_plan.seal and updated_change.template_id and updated_change.kind is ChangeType.STANDARD:
        standard.pre_approve(config, updated_change, new_plan)
    plan_taken.send(sender=Plan, plan=new_plan, config=config)
    return new_plan


def rehearse_backout(
    config: Config, identity: Identity, change: Change
) -> tuple[dict[str, HostChanges], dict[str, str]]:
    """What backing out would do now, host by host, and why hosts could not be planned; nothing is recorded."""
    powers.authorise(config, identity, Power.PLAN)
    plan, hosts = runs.way_back(config, change)
    identifier = f"{change.number}-backout-rehearsal"
    folder = config.run_dir(identifier)
    folder.mkdir(parents=True, mode=0o700, exist_ok=True)
    with prepare(config, change, identifier, asking=(identity.person.id,), commit=plan.commit) as ready:
        _note(identity, "backout.rehearsed", change.number, ready, hosts)
        play_job = job(
            change,
            ready,
            folder / "plan.jsonl",
            hosts=hosts,
            pins=packages_before(change),
            check=True,
            playbook=change.backout_playbook,
        )
        return predict_hosts(config, play_job, ready, leave_out=True)


def packages_before(change: Change) -> dict[str, dict[str, str]]:
    """{host: {package: its version before the change, "" where it was not there}}, by the plans that were run."""
    runs = Run.objects.filter(change=change, kind__in=[RunKind.APPLY, RunKind.RESUME]).order_by("claimed_at")
    return prediction.pins_back(hosts_from_json(run.plan.hosts) for run in runs)


def _note(identity: Identity, action: str, subject: str, ready: Preparation, hosts: tuple[str, ...]) -> None:
    """In the log before anything is asked of a host: a plan that fails has asked them too."""
    with transaction.atomic():
        log.append(identity.actor, action, subject, commit=ready.extract.commit, hosts=list(hosts))


def predict_hosts(
    config: Config,
    play_job: Job,
    ready: Preparation,
    cancelled: Callable[[], bool] = lambda: False,
    *,
    leave_out: bool,
    only_reached: bool = False,
) -> tuple[dict[str, HostChanges], dict[str, str]]:
    """A check-mode run as ({host: what is predicted}, {host that could not be planned: why}).

    leave_out: hosts that fail are left out, and the others are planned again without them. only_reached: hosts that no
    play is for do not fail, unless there is no other.
    """
    left_out: dict[str, str] = {}
    while True:
        ledger_state, _result, failing = predict(config, play_job, cancelled)
        reached = tuple(host for host in play_job.hosts if ledger_state.reached(host))
        if only_reached and ledger_state.complete and reached:
            play_job = replace(play_job, hosts=reached)
            failing = {host: why for host, why in failing.items() if host in reached}
        others = planned_anew(ledger_state, play_job.hosts) if leave_out else ()
        if not others:
            break
        left_out |= {host: failing[host] for host in play_job.hosts if host not in others}
        play_job = replace(play_job, hosts=others)
    failing = left_out | failing
    predicted = {
        host: changes
        for host, changes in ledger.predicted_changes(ledger_state).items()
        if host not in failing
    }
    return ready.with_inventory_facts(predicted), failing
