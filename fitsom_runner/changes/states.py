"""The life of a change: one table. Pure; knows no database."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from fitsom_runner.errors import RefusedError


class ChangeType(StrEnum):
    """FITS and ITIL types of change; the type decides which signatures it needs."""

    STANDARD = "standard"
    MINOR = "minor"
    MAJOR = "major"
    EMERGENCY = "emergency"


class State(StrEnum):
    """The state of a change."""

    DRAFT = "draft"
    SUBMITTED = "submitted"
    PROCEED_APPROVED = "proceed_approved"
    PLANNED = "planned"
    PEER_REVIEWED = "peer_reviewed"
    IMPLEMENT_APPROVED = "implement_approved"
    SCHEDULED = "scheduled"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    BACKED_OUT = "backed_out"
    INTERRUPTED = "interrupted"
    REVIEWED = "reviewed"
    CLOSED = "closed"
    REJECTED = "rejected"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


class Action(StrEnum):
    """What moves a change from one state to the next."""

    SUBMIT = "submit"
    APPROVE_PROCEED = "approve_proceed"
    PLAN = "plan"
    PEER_REVIEW = "peer_review"
    APPROVE_IMPLEMENT = "approve_implement"
    PRE_APPROVE = "pre_approve"
    SCHEDULE = "schedule"
    START = "start"
    SUCCEED = "succeed"
    FAIL = "fail"
    INTERRUPT = "interrupt"
    BACK_OUT = "back_out"
    REPLAN = "replan"
    RETURN_TO_APPROVER = "return_to_approver"
    RETURN_FOR_PLANNING = "return_for_planning"
    REVIEW = "review"
    CLOSE = "close"
    EDIT = "edit"
    REJECT = "reject"
    CANCEL = "cancel"
    EXPIRE = "expire"


class BackOutClass(StrEnum):
    """What kind of way back there is."""

    REVERSIBLE = "reversible"
    RESTORE = "restore_from_backup"
    FORWARD_ONLY = "forward_only"


_EVERY = frozenset(ChangeType)
_MAJOR = frozenset({ChangeType.MAJOR})
_NOT_MAJOR = _EVERY - _MAJOR
_STANDARD = frozenset({ChangeType.STANDARD})
_ONE_APPROVAL = frozenset({ChangeType.MINOR, ChangeType.EMERGENCY})
_BEFORE_RUN = (
    State.SUBMITTED,
    State.PROCEED_APPROVED,
    State.PLANNED,
    State.PEER_REVIEWED,
    State.IMPLEMENT_APPROVED,
    State.SCHEDULED,
)
_AFTER_RUN = (State.SUCCEEDED, State.FAILED, State.BACKED_OUT, State.INTERRUPTED)
ENDED = frozenset({State.CLOSED, State.REJECTED, State.CANCELLED, State.EXPIRED})


@dataclass(frozen=True, kw_only=True)
class Transition:
    """One row: from `source`, by `action`, for these types, to `target`."""

    source: State
    action: Action
    target: State
    types: frozenset[ChangeType] = _EVERY


def _rows() -> tuple[Transition, ...]:
    def row(
        source: State, action: Action, target: State, types: frozenset[ChangeType] = _EVERY
    ) -> Transition:
        return Transition(source=source, action=action, target=target, types=types)

    rows = [
        row(State.DRAFT, Action.SUBMIT, State.SUBMITTED),
        row(State.DRAFT, Action.CANCEL, State.CANCELLED),
        row(State.DRAFT, Action.EDIT, State.DRAFT),
        row(State.SUBMITTED, Action.APPROVE_PROCEED, State.PROCEED_APPROVED, _MAJOR),
        row(State.SUBMITTED, Action.PLAN, State.PLANNED, _NOT_MAJOR),
        row(State.PROCEED_APPROVED, Action.PLAN, State.PLANNED, _MAJOR),
        row(State.PLANNED, Action.PEER_REVIEW, State.PEER_REVIEWED, _MAJOR),
        row(State.PLANNED, Action.APPROVE_IMPLEMENT, State.IMPLEMENT_APPROVED, _ONE_APPROVAL),
        row(State.PLANNED, Action.PRE_APPROVE, State.IMPLEMENT_APPROVED, _STANDARD),
        row(State.PEER_REVIEWED, Action.APPROVE_IMPLEMENT, State.IMPLEMENT_APPROVED, _MAJOR),
        row(State.IMPLEMENT_APPROVED, Action.SCHEDULE, State.SCHEDULED),
        row(State.SCHEDULED, Action.START, State.RUNNING),
        row(State.RUNNING, Action.SUCCEED, State.SUCCEEDED),
        row(State.RUNNING, Action.FAIL, State.FAILED),
        row(State.RUNNING, Action.INTERRUPT, State.INTERRUPTED),
        row(State.RUNNING, Action.BACK_OUT, State.BACKED_OUT),
        row(State.RUNNING, Action.RETURN_TO_APPROVER, State.PLANNED),
        row(State.RUNNING, Action.RETURN_FOR_PLANNING, State.SUBMITTED, _NOT_MAJOR),
        row(State.RUNNING, Action.RETURN_FOR_PLANNING, State.PROCEED_APPROVED, _MAJOR),
        row(State.REVIEWED, Action.CLOSE, State.CLOSED),
    ]
    replanned = (State.PLANNED, State.PEER_REVIEWED, State.SCHEDULED)
    rows += [row(state, Action.REPLAN, State.PLANNED) for state in replanned]
    for state in _BEFORE_RUN:
        rows.append(row(state, Action.EDIT, State.DRAFT))
        rows.append(row(state, Action.REJECT, State.REJECTED))
        rows.append(row(state, Action.CANCEL, State.CANCELLED))
        rows.append(row(state, Action.EXPIRE, State.EXPIRED))
    for state in _AFTER_RUN:
        rows.append(row(state, Action.REVIEW, State.REVIEWED))
        # A back-out or a resumed run is a run again, of the same approved change.
        if state is not State.BACKED_OUT:
            rows.append(row(state, Action.START, State.RUNNING))
    return tuple(rows)


TRANSITIONS = _rows()
_TABLE = {(t.source, t.action, kind): t.target for t in TRANSITIONS for kind in t.types}


def target(state: State, action: Action, kind: ChangeType) -> State:
    """The state after `action`. Raises RefusedError where the table has no such row."""
    try:
        return _TABLE[state, action, kind]
    except KeyError:
        possible = ", ".join(sorted(a for (s, a, k) in _TABLE if s == state and k == kind)) or "nothing"
        raise RefusedError(
            f"a {kind} change that is {in_words(state)} cannot {action.replace('_', ' ')}",
            hint=f"From here it can: {possible.replace('_', ' ')}.",
        ) from None


def can(state: State, action: Action, kind: ChangeType) -> bool:
    """Whether the table has that row."""
    return (state, action, kind) in _TABLE


def in_words(state: State) -> str:
    """The state in words."""
    return state.replace("_", " ")


def required_approval(state: State, kind: ChangeType) -> Action | None:
    """The signature that a change in this state waits for, if it waits for one."""
    for action in (Action.APPROVE_PROCEED, Action.PEER_REVIEW, Action.APPROVE_IMPLEMENT):
        if can(state, action, kind):
            return action
    return None
