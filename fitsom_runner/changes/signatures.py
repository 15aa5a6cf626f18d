"""Rules about signatures and windows: which signatures count, and what lets an approved plan be carried out."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from django.db import transaction

from fitsom_runner.changes import evidence
from fitsom_runner.changes.models import Approval, Change, Plan, Signed
from fitsom_runner.changes.statement import Statement
from fitsom_runner.changes.states import Action, ChangeType
from fitsom_runner.changes.window import Window
from fitsom_runner.config import Config
from fitsom_runner.errors import RefusedError
from fitsom_runner.people import keys, ssh
from fitsom_runner.people.powers import Identity


def window_of(change: Change) -> Window | None:
    """The change's window; None for an emergency that runs at once."""
    if change.window_start is None or change.window_end is None:
        return None
    return Window(start=change.window_start, end=change.window_end, zone=change.window_zone)


def signatures(change: Change) -> list[Approval]:
    """The signatures that count: of this version, and, after planning, of this plan."""
    approvals = change.approvals.filter(version=change.version)
    return [a for a in approvals if a.plan_id is None or a.plan_id == change.plan_id]


def require_window(change: Change, moment: datetime, config: Config) -> None:
    """Raises RefusedError outside the change's window; an emergency without one runs at once."""
    window = window_of(change)
    if window is None and change.kind is ChangeType.EMERGENCY:
        return
    if window is None or not window.contains(moment):
        start = "" if window is None else f"{window.start.astimezone(config.zone):%a %d %b %Y %H:%M}"
        end = "" if window is None else f"{window.end.astimezone(config.zone):%H:%M}"
        raise RefusedError(
            f"{change.number} may run only in its window: {start} to {end}",
            hint=f"Wait, or move the window (needs new approval): fitsom change edit {change.number} --start ...",
        )


def require_recent(config: Config, change: Change, moment: datetime) -> None:
    """Raises RefusedError where an approval was given too long ago: much may have changed since."""
    for approval in signatures(change):
        days = (moment - approval.at).days
        if approval.approved and days >= config.approvals_valid_days:
            raise RefusedError(
                f"{change.number}: the {approval.kind.replace('_', ' ')} by {approval.person_name} is {days} days old, "
                f"and approvals hold for {config.approvals_valid_days} days",
                hint=f"Have it approved again: fitsom change edit {change.number} (a new window, say), then plan it.",
            )


def require_signatures(config: Config, change: Change) -> Plan:
    """The approved plan. Checks the approvals themselves, not only the state; reads `change` anew.

    Raises RefusedError where an approval or a required signature is missing, IntegrityError where the records are not
    what the audit log and the signatures say.
    """
    with transaction.atomic():  # nobody writes while several tables are held against each other
        change.refresh_from_db()
        plan = _approved_plan(change)
        evidence.require(change)
    for approval in signatures(change):
        if approval.approved:
            _require_rules(config, change, approval)
    return plan


def sign(
    config: Config,
    identity: Identity,
    record: Signed,
    statement: Statement,
    key: Path | None,
    *,
    change_type: str,
) -> None:
    """Sign a statement with a key file, as the record of it; without a key the record stays "not signed".

    Raises RefusedError where such an approval must be signed, or this person may not sign with this key.
    """
    if key is None:
        if config.must_sign(change_type) and statement.decision == "approved":
            raise RefusedError(
                f"an approval of a {change_type} change must be signed with your key",
                hint=how_to_sign(identity),
            )
        return
    enrolled = keys.require_usable(identity, key)
    signature = ssh.sign(key, statement.text())
    if fault := ssh.fault_of(signature, enrolled.public_key, statement.text()):
        raise RefusedError(f"the signature by {key} does not hold: {fault}", hint=how_to_sign(identity))
    record.method, record.key, record.signature = keys.METHOD, enrolled.fingerprint, signature


def how_to_sign(identity: Identity) -> str:
    """Which key this person can sign with, and how; how to enrol one where there is none."""
    usable = keys.usable(identity.person.id)
    if not usable:
        return (
            "Enrol your key (fitsom key enrol --key FILE.pub); somebody else confirms it; then add --key FILE"
        )
    return f"Add --key FILE, the file of your key {' or '.join(key.fingerprint for key in usable)}"


def signed_words(record: Signed) -> str:
    """Whether and with which key a decision is signed, in plain words."""
    return f"signed with the key {record.key}" if record.key else "not signed"


def decided(approval: Approval) -> Signed:
    """What a person signed: the approval, or the standard change by which fitsom gave it."""
    template = approval.change.template if approval.kind == Action.PRE_APPROVE else None
    return template or approval


def _require_rules(config: Config, change: Change, approval: Approval) -> None:
    """The school's rules today, which the log does not know."""
    kind = approval.kind.replace("_", " ")
    if approval.school and approval.school != config.school.name:
        raise RefusedError(
            f"{change.number}: the {kind} was given at {approval.school!r}, not at {config.school.name!r}",
            hint=f"Plan and approve it again: fitsom change plan {change.number}",
        )
    if config.must_sign(change.type) and not decided(approval).signature:
        raise RefusedError(
            f"{change.number}: the {kind} by {approval.person_name} is not signed, and for a {change.type} change "
            "it must be",
            hint="Have a new version of it approved with a key (fitsom change edit); for a standard change, propose "
            "it again under another name.",
        )


def _approved_plan(change: Change) -> Plan:
    plan = change.plan
    approvals = {a.kind: a for a in signatures(change) if a.approved}
    required_kinds = {
        ChangeType.MAJOR: (Action.APPROVE_PROCEED, Action.PEER_REVIEW, Action.APPROVE_IMPLEMENT),
        ChangeType.STANDARD: (Action.PRE_APPROVE,),
    }.get(change.kind, (Action.APPROVE_IMPLEMENT,))
    for kind in required_kinds:
        signature = approvals.get(kind)
        if signature is None or signature.person == change.requester:
            raise RefusedError(
                f"{change.number} lacks the signature '{kind.replace('_', ' ')}' for this plan"
            )
        if kind is not Action.APPROVE_PROCEED and (plan is None or signature.seal != plan.seal):
            raise RefusedError(f"{change.number}: what was signed is not this plan (the seals differ)")
    reviewer = approvals.get(Action.PEER_REVIEW)
    if reviewer and reviewer.person == approvals[Action.APPROVE_IMPLEMENT].person:
        raise RefusedError(f"{change.number}: one person gave the peer review and the approval to implement")
    if plan is None:
        raise RefusedError(f"{change.number} has no plan", hint=f"fitsom change plan {change.number}")
    return plan
