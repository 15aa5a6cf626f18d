"""Make a report's model from the records. The only file of this room that reads the database."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from fitsom_runner import __version__, clock
from fitsom_runner.ansible.ledger import Status
from fitsom_runner.audit import checkpoint
from fitsom_runner.changes import models as records
from fitsom_runner.changes import prediction, states
from fitsom_runner.changes.seal import sandbox_words
from fitsom_runner.changes.signatures import decided, window_of
from fitsom_runner.changes.states import Action, BackOutClass, State
from fitsom_runner.config import Config
from fitsom_runner.execution import models as runs
from fitsom_runner.execution.states import Outcome, RunKind, RunStatus
from fitsom_runner.facts import Facts, HostChanges
from fitsom_runner.facts_reader import changes_from_json, hosts_from_json
from fitsom_runner.people import settings_log
from fitsom_runner.people.powers import POSITION
from fitsom_runner.processes.models import Incident as IncidentRecord
from fitsom_runner.reports import kinds
from fitsom_runner.reports.model import (
    Difference,
    Failure,
    Host,
    Incident,
    PredictedSetting,
    Report,
    Run,
    Task,
    UnpredictableStep,
)
from fitsom_runner.reports.rfc import (
    Approval,
    AuditHead,
    Change,
    Item,
    Link,
    Person,
    Review,
    Seal,
    SealComponent,
    Step,
    Window,
)

RINGS = ("pilot", "servers", "estate")
_KINDS = {
    Action.APPROVE_PROCEED: kinds.ApprovalKind.PROCEED,
    Action.PEER_REVIEW: kinds.ApprovalKind.PEER_REVIEW,
    Action.APPROVE_IMPLEMENT: kinds.ApprovalKind.IMPLEMENT,
    Action.PRE_APPROVE: kinds.ApprovalKind.IMPLEMENT,
    Action.REJECT: kinds.ApprovalKind.IMPLEMENT,
}
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


def report(config: Config, change: records.Change, run: runs.Run | None) -> Report:
    """The report of one run, or, with None, of what will happen if the current plan is approved."""
    plan = run.plan if run else change.plan
    approvals = tuple(_approval(config, a) for a in change.approvals.all())
    return Report(
        school=config.school.name,
        change=_change(config, change),
        generated=clock.now(),
        approvals=approvals,
        awaiting=_awaiting(change),
        planned=plan.created_at if plan else None,
        run=_run(config, run) if run else None,
        hosts=_run_hosts(run) if run else _plan_hosts(plan),
        incidents=_incidents(run) if run else (),
        seal=_seal(change, plan) if plan and plan.seal else None,
        audit=_audit(config),
        review=_review(config, change),
        settings_changes=settings_log.changes_during(change.number, is_closed=change.stage is State.CLOSED),
        review_due=change.stage in (State.SUCCEEDED, State.FAILED, State.BACKED_OUT, State.INTERRUPTED),
        zone=config.school.timezone,
        fitsom_version=__version__,
    )


def _person(config: Config, identifier: str) -> Person:
    for person in config.people:
        if person.id == identifier:
            return Person(name=person.name, role=POSITION[person.role])
    return Person(name=identifier or "nobody named")


def _change(config: Config, change: records.Change) -> Change:
    window = window_of(change)
    risk = ". ".join(
        text.rstrip(".") for text in (change.failure_risk.capitalize(), change.failure_impact) if text
    )
    classes = {c.value: c for c in BackOutClass}
    fallback = BackOutClass.REVERSIBLE if change.backout_playbook else BackOutClass.FORWARD_ONLY
    return Change(
        number=change.number,
        version=change.version,
        title=change.title,
        type=change.kind,
        state=change.stage,
        item=Item(name=change.item_name, location=change.item_location, asset_tag=change.asset_tag),
        change=change.change_text,
        reason=change.reason,
        effect_of_not_changing=change.effect_of_not_changing,
        steps=tuple(_steps(change.implementation_steps)),
        impact=change.impact,
        risk=risk,
        risk_evidence=change.risk_evidence,
        backout=change.backout,
        backout_class=classes.get(change.backout_class, fallback),
        window=Window(start=window.start, end=window.end, zone=window.zone) if window else None,
        requester=_person(config, change.requester),
        implementer=_person(config, change.implementer or change.requester),
        links=(
            *(Link(kind=kinds.LinkKind.INCIDENT, ref=ref) for ref in change.incidents),
            *(Link(kind=kinds.LinkKind.PROBLEM, ref=ref) for ref in change.problems),
            *(Link(kind=kinds.LinkKind.CI, ref=ref) for ref in change.configuration_items),
        ),
        playbook=change.playbook,
        limit=change.limit,
    )


def _steps(text: str) -> Iterable[Step]:
    """One step a line; what follows "test:" on it is its test."""
    for line in text.splitlines():
        words = re.sub(r"^\s*(?:\d+[.)]|[-*])\s*", "", line).strip()
        if words:
            step, _, test = re.split(r"(\btest:\s*)", words, maxsplit=1, flags=re.I) if "test:" in words.lower() else (
                words, "", "",
            )  # fmt: skip
            yield Step(text=step.strip(" ;,") or words, test=test.strip())


def _approval(config: Config, record: records.Approval) -> Approval:
    return Approval(
        kind=_KINDS[Action(record.kind)],
        person=Person(name=record.person_name, role=record.position),
        decision=kinds.Decision.APPROVED if record.approved else kinds.Decision.REJECTED,
        when=record.at,
        recorded_by=record.os_user,
        comment=record.comment,
        on_behalf_of=_person(config, record.on_behalf_of) if record.on_behalf_of else None,
        seal=record.seal or None,
        version=record.version,
        key=decided(record).key,
    )


def _awaiting(change: records.Change) -> tuple[kinds.ApprovalKind, ...]:
    approval = states.required_approval(change.stage, change.kind)
    if approval is Action.PEER_REVIEW:
        return (kinds.ApprovalKind.PEER_REVIEW, kinds.ApprovalKind.IMPLEMENT)
    return (_KINDS[approval],) if approval else ()


def _run(config: Config, run: runs.Run) -> Run:
    start = run.apply_started_at or run.claimed_at
    wall_seconds = (run.ended_at - start).total_seconds() if run.ended_at else None
    crashed = run.status == RunStatus.INTERRUPTED
    previous = runs.Run.objects.filter(change=run.change, claimed_at__lt=run.claimed_at).last()
    return Run(
        id=run.id,
        kind=RunKind(run.kind),
        outcome=RunStatus(run.status),
        started=start,
        ended=None if crashed else run.ended_at,
        by=_person(config, run.started_by),
        recorded_by=run.os_user,
        ansible_core=run.versions.get("ansible-core", ""),
        engine=run.plan.components.get("engine", ""),
        sandbox=sandbox_words(run.plan.components),
        wall_seconds=None if crashed else wall_seconds,
        follows=previous.id if previous else "",
        refusal=tuple(run.refusal),
    )


def _plan_hosts(plan: records.Plan | None) -> tuple[Host, ...]:
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


def _run_hosts(run: runs.Run) -> tuple[Host, ...]:
    outcomes = list(run.outcomes.order_by("host"))
    actual = {o.host: changes_from_json({"items": o.items, "facts": o.facts}, o.host) for o in outcomes}
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
            reason=o.reason,
            **_inventory_facts(approved.get(o.host, HostChanges())),
            blind=_blind(predicted.get(o.host, HostChanges())),
            differences=tuple(differences.get(o.host, ())),
            tasks=tuple(tasks.get(o.pk, ())),
            failures=tuple(_failure(o, f) for f in o.failures) or _interruption(o),
            **_module_facts(actual[o.host].facts),
        )
        for o in outcomes
    )


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


def _incidents(run: runs.Run) -> tuple[Incident, ...]:
    return tuple(
        Incident(
            number=i.number, title=i.task, host="" if i.host.startswith("(") else i.host, noted=i.opened_at
        )
        for i in IncidentRecord.objects.filter(run=run)
    )


def _seal(change: records.Change, plan: records.Plan) -> Seal:
    parts = plan.components
    rows = [SealComponent(name="commit (not itself sealed)", value=plan.commit)]
    for name, value in parts.items():
        if isinstance(value, dict):
            rows += [
                SealComponent(name=f"{name}: {key}", value=_plain_text(inner)) for key, inner in value.items()
            ]
        else:
            rows.append(SealComponent(name=name, value=_plain_text(value)))
    verify = (
        f"git rev-parse {plan.commit[:12]}:playbooks   # must be the tree named above; likewise for the others",
        f"fitsom change show {change.number} --json | jq -Sjc .plan.components | sha256sum",
    )
    return Seal(sha256=plan.seal, components=tuple(rows), verify=verify)


def _plain_text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, dict):
        return ", ".join(f"{k} {v}" for k, v in value.items()) or "nothing"
    if isinstance(value, list):
        return ", ".join(str(v) for v in value) or "none"
    return "none" if value is None else str(value)


def _audit(config: Config) -> AuditHead:
    note = checkpoint.issue(config.school.name)
    point = checkpoint.read(note)
    verify = (
        f"fitsom audit verify --head {point.seq}:{point.head[:16]}",
        "fitsom audit verify --since report.html    # a copy that was kept elsewhere",
    )
    return AuditHead(seq=point.seq, hash=point.head, verify=verify, checkpoint=note)


def _review(config: Config, change: records.Change) -> Review | None:
    record = change.review
    if not record:
        return None
    return Review(
        by=_person(config, record["by"]),
        when=datetime.fromisoformat(record["at"]),
        objective_met=bool(record.get("objective_met")),
        plan_accurate=bool(record.get("plan_accurate")),
        side_effects=record.get("side_effects", ""),
        evidence=record.get("test_evidence", ""),
        comment=record.get("notes", ""),
        closure_code=change.closure_code,
    )
