"""Rules about signatures and windows: which signatures count, and what lets an approved plan be carried out."""

from __future__ import annotations

from datetime import datetime

from fitsom_runner.changes.models import Approval, Change, Plan
from fitsom_runner.changes.states import Action, ChangeType
from fitsom_runner.changes.window import Window
from fitsom_runner.config import Config
from fitsom_runner.errors import RefusedError


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


def require_signatures(change: Change) -> Plan:
    """The approved plan. Checks the signatures themselves, not only the state. Raises RefusedError."""
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
