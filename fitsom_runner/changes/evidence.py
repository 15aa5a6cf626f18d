"""The records of changes held against the audit log and the signatures: what was written past fitsom shows here.

An entry of the log is the measure, a row of the database is what is held against it. Entries that an older fitsom
wrote have no values to hold a row against; such rows are counted, and are no faults.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC
from typing import Any

from django.db import transaction

from fitsom_runner.audit import log
from fitsom_runner.audit.log import Entry
from fitsom_runner.audit.models import AuditEntry
from fitsom_runner.changes.models import Approval, Change, Plan, Signed, StandardTemplate
from fitsom_runner.changes.seal import seal_of
from fitsom_runner.changes.statement import Statement, differing, digest_of
from fitsom_runner.changes.states import Action, State
from fitsom_runner.errors import IntegrityError
from fitsom_runner.people import keys

_REQUESTS = ("change.new", "change.edit")
_PLANS = ("change.plan", "change.replan", "change.return_to_approver")
_DECISIONS = {
    f"change.{action}"
    for action in (
        Action.APPROVE_PROCEED,
        Action.PEER_REVIEW,
        Action.APPROVE_IMPLEMENT,
        Action.PRE_APPROVE,
        Action.REJECT,
    )
}
_WITH_VALUES = {*_REQUESTS, *_PLANS, "change.rehearsed", *_DECISIONS}
#: What only entries hold that this fitsom, or a later one, wrote.
_VALUES = ("request", "predictions", "statement")


@dataclass
class Findings:
    """What was found: a sentence for each fault; how many rows are from before the log held values."""

    faults: list[str] = field(default_factory=list)
    older: int = 0


def request_values(change: Change) -> dict[str, Any]:
    """What an entry that makes a version of a change holds."""
    return {"version": change.version, "request": change.request()}


def plan_values(plan: Plan) -> dict[str, Any]:
    """What an entry that records a plan holds."""
    return {"plan_id": plan.id, "seal": plan.seal, "predictions": digest_of(plan.content())}


def decision_values(record: Signed, statement: Statement) -> dict[str, Any]:
    """What an entry that records a decision holds; `record` is saved already."""
    values = {"statement": asdict(statement), "sha256": statement.sha256(), "key": record.key}
    return {**values, "approval": record.pk} if isinstance(record, Approval) else values


def statement_of(approval: Approval) -> Statement:
    """What an approval of the change's present version says, from the rows as they are now."""
    plan = approval.plan
    return approval.statement(
        rfc=digest_of(approval.change.request()), predictions=digest_of(plan.content()) if plan else ""
    )


def statement_of_template(template: StandardTemplate, decided: Statement) -> Statement:
    """The statement by which a standard change was approved, with what the row says now."""
    return replace(
        decided,
        number=template.name,
        seal=seal_of(template.bounds),
        rfc=digest_of(template.content()),
        person=template.approved_by,
        at=template.approved_at.astimezone(UTC).isoformat() if template.approved_at else "",
    )


def require(change: Change) -> None:
    """Raise IntegrityError where the log is broken, or this change's records or signatures are not what it says."""
    with transaction.atomic():  # nobody writes while the tables are held against each other
        log.require_intact()
        change = Change.objects.get(pk=change.pk)
        findings = Findings()
        _hold(change, log.entries(subject=change.number), findings)
        if change.template:
            _hold_template(change.template, log.entries(subject=change.template.name), findings)
    _refuse(change.number, findings)


def require_template(template: StandardTemplate) -> None:
    """The same for a standard change."""
    with transaction.atomic():
        log.require_intact()
        findings = Findings()
        template = StandardTemplate.objects.get(pk=template.pk)
        _hold_template(template, log.entries(subject=template.name), findings)
    _refuse(template.name, findings)


def _refuse(what: str, findings: Findings) -> None:
    if findings.faults:
        raise IntegrityError(
            f"the records of {what} are not what was approved and logged",
            details=tuple(findings.faults),
            hint="Nothing was approved or run. Keep the database as it is, and compare it with a backup "
            "(fitsom audit verify names what else differs).",
        )


@transaction.atomic
def hold_all() -> Findings:
    """Every change, plan, approval, standard change and key against the log."""
    findings = Findings()
    by_subject: dict[str, list[Entry]] = {}
    for entry in log.entries():
        by_subject.setdefault(entry.subject, []).append(entry)
    changes = list(Change.objects.select_related("template", "plan"))
    for change in changes:
        _hold(change, by_subject.get(change.number, []), findings)
    templates = list(StandardTemplate.objects.all())
    for template in templates:
        _hold_template(template, by_subject.get(template.name, []), findings)
    known = {c.number for c in changes} | {t.name for t in templates}
    findings.faults += [
        f"{subject} is in the log and no longer in the records"
        for subject, entries in by_subject.items()
        if subject not in known and any(e.action in ("change.new", "standard.proposed") for e in entries)
    ]
    findings.faults += keys.faults()
    return findings


def _hold(change: Change, entries: list[Entry], findings: Findings) -> None:
    entries = [entry for entry in entries if entry.action.startswith("change.")]
    requests = [entry for entry in entries if entry.action in _REQUESTS]
    if not requests:
        findings.faults.append(f"{change.number} is in the records and was never raised according to the log")
        return
    _hold_request(change, requests[-1], findings)
    _hold_state(change, entries, requests[-1], findings)
    _hold_plans(change, entries, findings)
    _hold_approvals(change, entries, {_version(entry): entry for entry in requests}, findings)


def _hold_request(change: Change, entry: Entry, findings: Findings) -> None:
    if change.version != _version(entry):
        findings.faults.append(
            f"{change.number} is version {change.version}, version {_version(entry)} in the log (entry {entry.seq})"
        )
        return
    logged = entry.detail.get("request")
    if logged is None:
        _note_older(entry, findings)
        return
    request = change.request()
    names = [n for n in sorted({*request, *logged}) if digest_of(request.get(n)) != digest_of(logged.get(n))]
    if names:
        findings.faults.append(
            f"{change.number}: {', '.join(names).replace('_', ' ')} is not as it was requested (entry {entry.seq})"
        )


def _hold_state(change: Change, entries: list[Entry], request: Entry, findings: Findings) -> None:
    moves = [entry for entry in entries if "to" in entry.detail or entry.action in _REQUESTS]
    state = moves[-1].detail.get("to", State.DRAFT)
    if change.state != state:
        findings.faults.append(
            f"{change.number} is {change.state.replace('_', ' ')}, according to the log "
            f"{str(state).replace('_', ' ')} (entry {moves[-1].seq})"
        )
    plans = [entry for entry in entries if entry.action in _PLANS and entry.seq > request.seq]
    current = _plan_id(plans[-1]) if plans else None
    if change.plan_id != current:
        findings.faults.append(
            f"the plan of {change.number} is {change.plan_id or 'none'}, according to the log {current or 'none'}"
        )


def _hold_plans(change: Change, entries: list[Entry], findings: Findings) -> None:
    logged = {_plan_id(e): e for e in entries if e.action in (*_PLANS, "change.rehearsed")}
    for plan in change.plans.all():
        entry = logged.pop(plan.id, None)
        if entry is None:
            findings.faults.append(
                f"the plan {plan.id} is in the records and was never taken according to the log"
            )
        elif "predictions" not in entry.detail:
            _note_older(entry, findings)
        elif entry.detail["predictions"] != digest_of(plan.content()):
            findings.faults.append(f"the plan {plan.id} is not the one that was taken (entry {entry.seq})")
    findings.faults += [f"the plan {name} is in the log and no longer in the records" for name in logged]


def _hold_approvals(
    change: Change, entries: list[Entry], requests: dict[int, Entry], findings: Findings
) -> None:
    decisions = [entry for entry in entries if entry.action in _DECISIONS]
    by_row = {entry.detail.get("approval"): entry for entry in decisions if "statement" in entry.detail}
    older = [entry for entry in decisions if "statement" not in entry.detail]
    for approval in change.approvals.select_related("plan", "change__template"):
        entry = by_row.pop(approval.pk, None)
        if entry is not None:
            _hold_approval(approval, entry, requests, findings)
            continue
        entry = next((entry for entry in older if _is_of(approval, entry)), None)
        if entry is None:
            findings.faults.append(
                f"{_name(approval)} is in the records and was never given according to the log"
            )
        else:
            older.remove(entry)  # one entry stands for one approval
            _note_older(entry, findings)
    findings.faults += [
        f"{change.number}: the {entry.action.removeprefix('change.').replace('_', ' ')} by {entry.actor} is in the "
        f"log (entry {entry.seq}) and no longer in the records"
        for entry in (*by_row.values(), *older)
    ]


def _hold_approval(approval: Approval, entry: Entry, requests: dict[int, Entry], findings: Findings) -> None:
    decided = _statement(entry)
    if decided is None:
        findings.faults.append(f"entry {entry.seq} does not hold a statement")
        return
    statement = statement_of(approval)
    if approval.version != approval.change.version:  # the row of the change has a later request by now
        request = requests.get(approval.version)
        logged = request and request.detail.get("request")
        statement = replace(statement, rfc=digest_of(logged) if logged else decided.rfc)
    _compare(approval, _name(approval), statement, decided, entry, findings)


def _hold_template(template: StandardTemplate, entries: Iterable[Entry], findings: Findings) -> None:
    logged = {entry.action: entry for entry in entries if entry.action.startswith("standard.")}
    what = f"the standard change '{template.name}'"
    proposed = logged.get("standard.proposed")
    if proposed is None:
        findings.faults.append(f"{what} is in the records and was never proposed according to the log")
    elif proposed.detail.get("template", digest_of(template.content())) != digest_of(template.content()):
        findings.faults.append(f"{what} is not what was proposed (entry {proposed.seq})")
    withdrawn, approved = "standard.withdrawn" in logged, logged.get("standard.approved")
    if bool(template.withdrawn_at) != withdrawn:
        findings.faults.append(f"{what} is {'' if withdrawn else 'not '}withdrawn according to the log")
    if bool(template.approved_at) != bool(approved):
        findings.faults.append(f"{what} is {'' if approved else 'not '}approved according to the log")
    if approved is None:
        return
    decided = _statement(approved)
    if decided is not None:
        _compare(template, what, statement_of_template(template, decided), decided, approved, findings)
    elif approved.detail.get("bounds") != seal_of(template.bounds):
        findings.faults.append(f"{what} is not what was approved (entry {approved.seq}): bounds")
    else:
        _note_older(approved, findings)


def _compare(
    record: Signed, what: str, statement: Statement, decided: Statement, entry: Entry, findings: Findings
) -> None:
    """Hold what the rows say now against what was decided, and verify the signature over what they say now."""
    names = differing(statement, decided)
    if record.key != entry.detail.get("key"):
        names.append("key")
    if names:
        findings.faults.append(f"{what} is not what was given (entry {entry.seq}): other {', '.join(names)}")
    if not (record.method or record.signature or record.key):
        return
    fault = keys.fault_of_signature(
        method=record.method,
        fingerprint=record.key,
        signature=record.signature,
        person=statement.person,
        text=statement.text(),
        seq=entry.seq,
    )
    if fault:
        findings.faults.append(f"the signature of {what} does not hold: {fault}")


def _name(approval: Approval) -> str:
    kind = approval.kind.replace("_", " ")
    return f"{approval.change.number}: the {kind} by {approval.person_name} ({approval.person})"


def _is_of(approval: Approval, entry: Entry) -> bool:
    """Whether an entry of an older fitsom, without a statement, is the one of this approval."""
    detail = entry.detail
    person = "fitsom" if approval.kind == Action.PRE_APPROVE else approval.person
    return (
        entry.action == f"change.{approval.kind}"
        and entry.actor == person
        and detail.get("version") == approval.version
        and approval.approved == (approval.kind != Action.REJECT)
        # A rejection's entry named neither.
        and detail.get("seal", approval.seal) == approval.seal
        and detail.get("on_behalf_of", approval.on_behalf_of) == approval.on_behalf_of
    )


def _note_older(entry: Entry, findings: Findings) -> None:
    """Count a row whose entry has no values. Once fitsom has written values, it never leaves them out again."""
    findings.older += 1
    earlier = AuditEntry.objects.filter(seq__lt=entry.seq, action__in=_WITH_VALUES)
    for name in _VALUES:
        if earlier.filter(detail__contains=f'"{name}": ').exists():
            findings.faults.append(
                f"entry {entry.seq} ({entry.action} {entry.subject}) lacks the values that every entry of its time has"
            )
            return


def _statement(entry: Entry) -> Statement | None:
    values = entry.detail.get("statement")
    try:
        return Statement(**values) if isinstance(values, dict) else None
    except TypeError:
        return None


def _version(entry: Entry) -> int:
    return int(entry.detail.get("version", 1))


def _plan_id(entry: Entry) -> str:
    """The plan that an entry records. Older ones of a plan that was taken again at a run name only the run."""
    detail = entry.detail
    return str(detail.get("plan_id") or detail.get("plan") or f"{detail.get('run')}-replan")
