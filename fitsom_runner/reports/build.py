"""Make a report's model from the records. Only this file and hosts.py read the database."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from fitsom_runner import __version__, clock
from fitsom_runner.audit import checkpoint
from fitsom_runner.changes import models as records
from fitsom_runner.changes import states
from fitsom_runner.changes.seal import sandbox_words
from fitsom_runner.changes.signatures import decided, window_of
from fitsom_runner.changes.states import Action, BackOutClass, State
from fitsom_runner.config import Config
from fitsom_runner.execution import models as runs
from fitsom_runner.execution.states import Outcome, RunKind, RunStatus
from fitsom_runner.people import settings_log
from fitsom_runner.people.powers import POSITION
from fitsom_runner.processes.models import Incident as IncidentRecord
from fitsom_runner.reports import hosts, kinds
from fitsom_runner.reports.model import (
    EarlierRun,
    Incident,
    Report,
    Run,
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

_KINDS = {
    Action.APPROVE_PROCEED: kinds.ApprovalKind.PROCEED,
    Action.PEER_REVIEW: kinds.ApprovalKind.PEER_REVIEW,
    Action.APPROVE_IMPLEMENT: kinds.ApprovalKind.IMPLEMENT,
    Action.PRE_APPROVE: kinds.ApprovalKind.IMPLEMENT,
    Action.REJECT: kinds.ApprovalKind.IMPLEMENT,
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
        earlier=tuple(_earlier(config, each) for each in hosts.before(run)) if run else (),
        hosts=hosts.of_run(run) if run else hosts.of_plan(plan),
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
    previous = hosts.before(run).last()
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
        reason=run.reason,
    )


def _earlier(config: Config, run: runs.Run) -> EarlierRun:
    return EarlierRun(
        id=run.id,
        kind=RunKind(run.kind),
        outcome=RunStatus(run.status),
        started=run.apply_started_at or run.claimed_at,
        by=_person(config, run.started_by),
        results=tuple((o.host, Outcome(o.outcome)) for o in run.outcomes.order_by("host")),
        refusal=tuple(run.refusal),
        reason=run.reason,
    )


def _incidents(run: runs.Run) -> tuple[Incident, ...]:
    return tuple(
        Incident(
            number=i.number,
            title=i.task,
            host="" if i.host.startswith("(") else i.host,
            noted=i.opened_at,
            open=i.closed_at is None,
        )
        for i in IncidentRecord.objects.filter(change=run.change.number)
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
