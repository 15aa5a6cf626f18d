"""The life of a change, proved over the whole table and over random walks."""

from collections import deque

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fitsom_runner.changes import states
from fitsom_runner.changes.states import ENDED, TRANSITIONS, Action, ChangeType, State
from fitsom_runner.errors import RefusedError

NEEDED = {
    ChangeType.STANDARD: (Action.PRE_APPROVE,),
    ChangeType.MINOR: (Action.APPROVE_IMPLEMENT,),
    ChangeType.MAJOR: (Action.APPROVE_PROCEED, Action.PEER_REVIEW, Action.APPROVE_IMPLEMENT),
    ChangeType.EMERGENCY: (Action.APPROVE_IMPLEMENT,),
}
SIGNING = frozenset(action for actions in NEEDED.values() for action in actions)
VOIDS_ALL = {Action.EDIT}
VOIDS_THE_PLAN = {Action.PLAN, Action.REPLAN, Action.RETURN_TO_APPROVER, Action.RETURN_FOR_PLANNING}


def signed(given_so_far: tuple[Action, ...], action: Action) -> tuple[Action, ...]:
    """The signatures that still count after an action."""
    if action in VOIDS_ALL:
        return ()
    if action in VOIDS_THE_PLAN:
        return tuple(a for a in given_so_far if a is Action.APPROVE_PROCEED)
    return (*given_so_far, action) if action in SIGNING else given_so_far


def moves(state: State, kind: ChangeType) -> list[Action]:
    return [action for action in Action if states.can(state, action, kind)]


@given(st.sampled_from(State), st.sampled_from(Action), st.sampled_from(ChangeType))
def test_every_step_is_in_the_table_or_refused(state: State, action: Action, kind: ChangeType) -> None:
    rows = [t for t in TRANSITIONS if (t.source, t.action) == (state, action) and kind in t.types]
    if rows:
        assert [states.target(state, action, kind)] == [t.target for t in rows]
    else:
        with pytest.raises(RefusedError, match="cannot"):
            states.target(state, action, kind)


def test_a_refused_step_says_what_can_be_done_instead() -> None:
    with pytest.raises(RefusedError) as error:
        states.target(State.REVIEWED, Action.START, ChangeType.MINOR)
    assert error.value.message == "a minor change that is reviewed cannot start"
    assert error.value.hint == "From here it can: close."


@pytest.mark.parametrize("state", sorted(ENDED))
@pytest.mark.parametrize("kind", ChangeType)
def test_nothing_leads_out_of_an_ended_state(state: State, kind: ChangeType) -> None:
    assert moves(state, kind) == []


@pytest.mark.parametrize("kind", ChangeType)
def test_every_state_that_is_not_ended_leads_on(kind: ChangeType) -> None:
    reached = {t.target for t in TRANSITIONS if kind in t.types}
    assert all(moves(state, kind) for state in reached - ENDED)


@pytest.mark.parametrize("kind", ChangeType)
def test_nothing_runs_without_exactly_the_signatures_that_its_type_asks_for(kind: ChangeType) -> None:
    start: tuple[State, tuple[Action, ...]] = (State.DRAFT, ())
    visited, waiting, runs = {start}, deque([start]), 0
    while waiting:
        state, signatures = waiting.popleft()
        for action in moves(state, kind):
            target = states.target(state, action, kind)
            after = (target, signed(signatures, action))
            assert len(after[1]) <= len(NEEDED[kind]), "a signature was asked for twice"
            if target is State.RUNNING:
                runs += 1
                assert after[1] == NEEDED[kind]
            if after not in visited:
                visited.add(after)
                waiting.append(after)
    assert runs


@given(st.sampled_from(ChangeType), st.lists(st.integers(0, 99), max_size=60))
def test_a_random_walk_never_runs_what_was_not_signed_after_the_last_plan_or_edit(
    kind: ChangeType, choices: list[int]
) -> None:
    state, path = State.DRAFT, list[Action]()
    for choice in choices:
        can = [a for a in moves(state, kind) if a not in (Action.CANCEL, Action.REJECT, Action.EXPIRE)]
        if not can:
            break
        action = can[choice % len(can)]
        state = states.target(state, action, kind)
        path.append(action)
        if state is State.RUNNING:
            unsafe = [i for i, a in enumerate(path) if a in VOIDS_ALL | VOIDS_THE_PLAN]
            since = path[max(unsafe, default=-1) + 1 :]
            assert Action.APPROVE_IMPLEMENT in since or Action.PRE_APPROVE in since


@pytest.mark.parametrize("kind", ChangeType)
def test_a_running_change_cannot_be_edited_cancelled_or_rejected(kind: ChangeType) -> None:
    assert not {Action.EDIT, Action.CANCEL, Action.REJECT} & set(moves(State.RUNNING, kind))


def test_a_closed_change_was_reviewed() -> None:
    assert {t.source for t in TRANSITIONS if t.target is State.CLOSED} == {State.REVIEWED}


@pytest.mark.parametrize("kind", ChangeType)
def test_a_change_waits_for_one_signature_at_a_time(kind: ChangeType) -> None:
    for state in State:
        by_hand = [a for a in moves(state, kind) if a in SIGNING - {Action.PRE_APPROVE}]
        assert ([states.required_approval(state, kind)] if by_hand else []) == by_hand
