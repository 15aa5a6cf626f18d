"""What can be done to a change. Every function is one transaction: checks, one conditional update, one audit entry."""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path
from typing import Any

from django.db import transaction
from django.db.models.functions import Length

from fitsom_runner import clock
from fitsom_runner.audit import log
from fitsom_runner.audit.log import Actor
from fitsom_runner.audit.models import AuditEntry
from fitsom_runner.canonical import canonical
from fitsom_runner.changes import draft as drafts
from fitsom_runner.changes import evidence, states, window
from fitsom_runner.changes.draft import RfcDraft
from fitsom_runner.changes.models import Approval, Change, Plan, StandardTemplate
from fitsom_runner.changes.signatures import sign, signatures, window_of
from fitsom_runner.changes.statement import Statement
from fitsom_runner.changes.states import Action, ChangeType, State
from fitsom_runner.config import Config
from fitsom_runner.errors import IncompleteError, NotAllowedError, NotFoundError, RefusedError
from fitsom_runner.people import powers
from fitsom_runner.people.powers import Identity
from fitsom_runner.roles import Power

SYSTEM = Actor(person="fitsom", os_user="")
_POWER = {
    Action.APPROVE_PROCEED: Power.APPROVE_PROCEED,
    Action.PEER_REVIEW: Power.PEER_REVIEW,
    Action.APPROVE_IMPLEMENT: Power.APPROVE_IMPLEMENT,
}


def get(number: str) -> Change:
    """The change with this number; "7" and "2026-7" mean CHG-<this year>-0007. Raises NotFoundError."""
    change = Change.objects.filter(number=whole_number("CHG", number)).first()
    if change is None:
        raise NotFoundError(f"no change {number!r}", hint="fitsom change list")
    return change


def whole_number(prefix: str, number: str) -> str:
    """What people shorten, in full: "7" and "2026-7" are CHG-<this year>-0007; "" where it is no number."""
    parts = number.upper().removeprefix(f"{prefix}-").split("-")
    if len(parts) > 2 or not all(part.isdecimal() for part in parts):
        return ""
    year = parts[0] if len(parts) == 2 else str(clock.now().year)
    return f"{prefix}-{year}-{int(parts[-1]):04d}"


def new(
    config: Config, identity: Identity, draft: RfcDraft, template: StandardTemplate | None = None
) -> Change:
    """Raise an RfC as a draft, from a standard change if one is given. Raises IncompleteError, NotAllowedError."""
    powers.authorise(config, identity, Power.REQUEST)
    values = draft.field_values()
    for name in ("title", "playbook"):
        if not values.get(name):
            raise IncompleteError(f"a change needs a {name}", hint=f"--{name} ...")
    values.setdefault("type", ChangeType.MINOR)
    with transaction.atomic():
        change = Change(
            number=_next_number(),
            requester=identity.person.id,
            created_at=clock.now(),
            template=template,
            **values,
        )
        _set_window(config, change, draft)
        change.save(force_insert=True)
        change.refresh_from_db()  # the log holds what the record holds: 1 as a name is "1" there
        log.append(identity.actor, "change.new", change.number, **evidence.request_values(change))
    return change


def edit(config: Config, identity: Identity, change: Change, draft: RfcDraft) -> Change:
    """Write new content: makes a new version, a draft again, without signatures."""
    powers.authorise(config, identity, Power.REQUEST)
    target = states.target(change.stage, Action.EDIT, change.kind)
    values = draft.field_values()
    edited = Change.objects.get(pk=change.pk)
    before = {name: getattr(edited, name) for name in values}
    for name, value in values.items():
        setattr(edited, name, value)
    _set_window(config, edited, draft)
    # Compared as they are sealed: to Python 1 == True, to Ansible they differ.
    changed = sorted(
        name for name, value in before.items() if canonical(getattr(edited, name)) != canonical(value)
    )
    if draft.window and window_of(edited) != window_of(change):
        changed.append("window")
    if not changed:
        return change
    fields = {*values, "window_start", "window_end", "window_zone"}
    with transaction.atomic():
        updated = Change.objects.filter(pk=change.pk, state=change.state, version=change.version).update(
            state=target,
            version=change.version + 1,
            plan=None,
            **{name: getattr(edited, name) for name in fields},
        )
        _require_one_row(updated, change)
        edited = get(change.number)
        values = evidence.request_values(edited)
        log.append(identity.actor, "change.edit", change.number, fields=changed, **values)
    return edited


def submit(config: Config, identity: Identity, change: Change) -> Change:
    """Submit the RfC for a decision. Raises IncompleteError, RefusedError (an unreviewed emergency)."""
    powers.authorise(config, identity, Power.REQUEST)
    states.target(change.stage, Action.SUBMIT, change.kind)
    drafts.require(change.kind, {**change.rfc(), "number": change.number}, window_of(change) is not None)
    if change.window_end and change.window_end <= clock.now():
        raise IncompleteError(
            "the window has already passed", hint=f"fitsom change edit {change.number} --start ..."
        )
    owed = Change.objects.filter(
        requester=change.requester,
        type=ChangeType.EMERGENCY,
        state__in=[State.SUCCEEDED, State.FAILED, State.BACKED_OUT, State.INTERRUPTED],
    ).first()
    if owed:
        raise RefusedError(
            f"{owed.number} was an emergency and has not been reviewed yet",
            hint=f"Write it up first: fitsom change edit/review {owed.number}",
        )
    return move(change, Action.SUBMIT, identity.actor)


def approve(
    config: Config,
    identity: Identity,
    change: Change,
    *,
    comment: str = "",
    seal: str = "",
    key: Path | None = None,
) -> Approval:
    """Give the approval that the change waits for, signed if there is a key.

    `seal`: the first digits of the seal the approver saw. Raises RefusedError, NotAllowedError, IntegrityError.
    """
    action = states.required_approval(change.stage, change.kind)
    if action is None:
        raise RefusedError(
            f"{change.number} is {states.in_words(change.stage)} and waits for no signature",
            hint=next_step(change),
        )
    plan = change.plan if action is not Action.APPROVE_PROCEED else None
    if plan is not None and seal and not plan.seal.startswith(seal.lower()):
        raise RefusedError(
            f"the seal is now {plan.seal[:12]}, not {seal}: the plan was taken again after you last saw it",
            hint=f"See the change again: fitsom change show {change.number}",
        )
    behalf = powers.authorise(config, identity, _POWER[action], excluded=change.requester)
    powers.require_scope(config, identity, behalf, _decided_hosts(change, plan))
    _require_another_person(identity, change, action)
    approval, statement = _decide(
        config, identity, change, action, comment=comment, plan=plan, behalf=behalf, key=key
    )
    with transaction.atomic():
        approval.save(force_insert=True)
        values = evidence.decision_values(approval, statement)
        change = move(change, action, identity.actor, on_behalf_of=behalf, seal=approval.seal, **values)
        if change.stage is State.IMPLEMENT_APPROVED:
            move(change, Action.SCHEDULE, SYSTEM, window=[str(change.window_start), str(change.window_end)])
    return approval


def reject(
    config: Config, identity: Identity, change: Change, *, comment: str, key: Path | None = None
) -> Change:
    """Reject the change, with a reason. Anybody who could approve next may do so, with or without a key.

    Raises RefusedError, NotAllowedError, IntegrityError.
    """
    states.target(change.stage, Action.REJECT, change.kind)
    approval = states.required_approval(change.stage, change.kind) or Action.APPROVE_IMPLEMENT
    behalf = powers.authorise(config, identity, _POWER[approval], excluded=change.requester)
    powers.require_scope(config, identity, behalf, _decided_hosts(change, change.plan))
    rejection, statement = _decide(
        config, identity, change, Action.REJECT, comment=comment, plan=change.plan, behalf=behalf, key=key
    )
    with transaction.atomic():
        rejection.save(force_insert=True)
        values = evidence.decision_values(rejection, statement)
        return move(change, Action.REJECT, identity.actor, comment=comment, **values)


def cancel(config: Config, identity: Identity, change: Change, *, reason: str) -> Change:
    """Withdraw a change that has not run. Raises RefusedError."""
    powers.authorise(config, identity, Power.REQUEST)
    return move(change, Action.CANCEL, identity.actor, reason=reason)


def record_plan(identity: Identity, change: Change, plan: Plan) -> Change:
    """Attach a plan. A rehearsal (no seal, or a draft) is kept and does not change the state."""
    action = Action.PLAN if states.can(change.stage, Action.PLAN, change.kind) else Action.REPLAN
    with transaction.atomic():
        plan.save(force_insert=True)
        values = evidence.plan_values(Plan.objects.get(pk=plan.pk))
        if not plan.seal:
            log.append(identity.actor, "change.rehearsed", change.number, notes=plan.notes, **values)
            return change
        return move(change, action, identity.actor, fields={"plan": plan}, **values)


#: What nobody may leave out of a review, and how to say it.
_REVIEW = {
    "objective_met": "--objective-met or --no-objective-met",
    "plan_accurate": "--plan-accurate or --no-plan-accurate",
    "side_effects": "--side-effects none, or what they were",
}


def review(config: Config, identity: Identity, change: Change, answers: dict[str, Any]) -> Change:
    """The post-implementation review: objective met, plan accurate, side effects, test evidence, notes.

    Raises IncompleteError where one of the first three was left out (None): nothing counts as well by itself.
    """
    powers.authorise(config, identity, Power.REVIEW)
    missing = {name: option for name, option in _REVIEW.items() if answers.get(name) is None}
    if missing:
        raise IncompleteError(
            f"left out of the review: {', '.join(name.replace('_', ' ') for name in missing)}",
            hint="; ".join(missing.values()),
        )
    answers = {**answers, "test_evidence": answers.get("test_evidence") or ""}
    fields: dict[str, Any] = {"review": {**answers, "by": identity.person.id, "at": clock.now().isoformat()}}
    if answers.get("test_evidence"):
        fields["test_evidence"] = answers["test_evidence"]
    return move(change, Action.REVIEW, identity.actor, fields=fields, **answers)


def close(config: Config, identity: Identity, change: Change, *, code: str) -> Change:
    """End the change with a closure code. Raises RefusedError where it was not reviewed."""
    powers.authorise(config, identity, Power.REVIEW)
    return move(change, Action.CLOSE, identity.actor, fields={"closure_code": code}, code=code)


def move(
    change: Change, action: Action, actor: Actor, *, fields: dict[str, Any] | None = None, **detail: Any
) -> Change:
    """One transition: a conditional update that must change exactly one row, and one audit entry.

    Raises RefusedError where the table forbids it, or the change was modified in the meantime.
    """
    target = states.target(change.stage, action, change.kind)
    with transaction.atomic():
        updated = Change.objects.filter(
            pk=change.pk, state=change.state, version=change.version, plan=change.plan_id
        ).update(state=target, **(fields or {}))
        _require_one_row(updated, change)
        log.append(
            actor,
            f"change.{action}",
            change.number,
            version=change.version,
            frm=change.state,
            to=target,
            **detail,
        )
    return Change.objects.get(pk=change.pk)


def next_step(change: Change) -> str:
    """What comes next, and who does it; shown after every command."""
    number = change.number
    approval = states.required_approval(change.stage, change.kind)
    if approval is not None and not (change.stage is State.SUBMITTED and change.kind is not ChangeType.MAJOR):
        words = {
            Action.APPROVE_PROCEED: "approval to proceed",
            Action.PEER_REVIEW: "a peer review",
            Action.APPROVE_IMPLEMENT: "approval to implement",
        }[approval]
        return f"It waits for {words} by somebody other than the requester: fitsom change approve {number}"
    return {
        State.DRAFT: f"Rehearse it with: fitsom change plan {number}; hand it in with: fitsom change submit {number}",
        State.SUBMITTED: f"Plan it: fitsom change plan {number}",
        State.PROCEED_APPROVED: f"Plan it: fitsom change plan {number}",
        # A standard change that its template does not cover: no signature of its own would do.
        State.PLANNED: "It is outside of what its standard change pre-approves. Raise a minor change in its place; or "
        f"have the standard change approved as it is now, and plan again: fitsom change plan {number}",
        State.SCHEDULED: f"It starts in its window by 'fitsom tick', or by hand: fitsom run start {number}",
        State.RUNNING: f"Watch it: fitsom run watch {number}",
        State.INTERRUPTED: f"Check each host: fitsom change show {number}; then: fitsom run resume {number}",
        State.FAILED: f"Read the report: fitsom report show {number}; undo: fitsom run backout {number}; "
        f"write it up: fitsom change review {number}",
        State.SUCCEEDED: f"Write it up: fitsom change review {number}",
        State.BACKED_OUT: f"Write it up: fitsom change review {number}",
        State.REVIEWED: f"Close it: fitsom change close {number}",
    }.get(change.stage, "Nothing is left to do.")


def _next_number() -> str:
    year = clock.now().year
    # By length first: as text, CHG-2026-9999 sorts after CHG-2026-10000.
    numbers = Change.objects.filter(number__startswith=f"CHG-{year}-").values_list("number", flat=True)
    newest = numbers.order_by(Length("number").desc(), "-number").first()
    return f"CHG-{year}-{int(newest.rsplit('-', 1)[1]) + 1 if newest else 1:04d}"


def _set_window(config: Config, change: Change, draft: RfcDraft) -> None:
    if draft.window is None:
        return
    zone = draft.window.zone or change.window_zone or config.school.timezone
    new_window = window.parse(draft.window.start, draft.window.end, zone)
    change.window_start, change.window_end, change.window_zone = (
        new_window.start,
        new_window.end,
        new_window.zone,
    )


def _decided_hosts(change: Change, plan: Plan | None) -> dict[str, Collection[str]]:
    """{host: its groups} of a plan; before there is one, the names that the limit is made of."""
    if plan is not None:
        return {host: body.get("groups", ()) for host, body in plan.hosts.items()}
    names = filter(None, (name.strip() for name in re.split("[:,]", change.limit or "all")))
    return {name: () for name in names if name[0] not in "!&"}  # these only make it fewer


def _decide(
    config: Config,
    identity: Identity,
    change: Change,
    action: Action,
    *,
    comment: str,
    plan: Plan | None,
    behalf: str,
    key: Path | None,
) -> tuple[Approval, Statement]:
    """A decision, signed if there is a key, and not saved yet: nobody waits while a pass phrase is typed."""
    evidence.require(get(change.number))
    decision = Approval(
        change=change,
        version=change.version,
        plan=plan,
        kind=action,
        approved=action is not Action.REJECT,
        person=identity.person.id,
        person_name=identity.person.name,
        position=powers.POSITION[identity.person.role],
        on_behalf_of=behalf,
        os_user=identity.os_user,
        comment=comment,
        seal=plan.seal if plan else "",
        school=config.school.name,
        at=clock.now(),
    )
    statement = evidence.statement_of(decision)
    sign(config, identity, decision, statement, key, change_type=change.type)
    return decision, statement


def _require_another_person(identity: Identity, change: Change, action: Action) -> None:
    """An editor wrote part of the request, and so may not approve it, as its requester may not.

    The peer review is a second pair of eyes: never the approver's own, whatever power was lent.
    """
    reviewed = [a for a in signatures(change) if a.approved and a.kind == Action.PEER_REVIEW]
    if action is Action.APPROVE_IMPLEMENT and any(a.person == identity.person.id for a in reviewed):
        raise NotAllowedError(
            f"{identity.person.name} gave the peer review of {change.number} and so may not approve it as well",
            hint="Two people must check a plan: ask another approver.",
        )
    edits = AuditEntry.objects.filter(subject=change.number, action="change.edit", actor=identity.person.id)
    if edits.exists():
        raise NotAllowedError(
            f"{identity.person.name} edited {change.number} and so may not approve it",
            hint="Nobody approves what they wrote themselves: ask somebody who did not.",
        )


def _require_one_row(updated: int, change: Change) -> None:
    if updated != 1:
        raise RefusedError(
            f"{change.number} was modified by somebody else at the same time",
            hint=f"See the change again: fitsom change show {change.number}",
        )
