"""Properties that hold for any school, any history of rosters, and any interrupted run."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from plugins.module_utils.directory.desired import desired_state
from plugins.module_utils.directory.model import (
    Action,
    Person,
    Role,
    Roster,
    State,
    Step,
    TeachingClass,
)
from plugins.module_utils.directory.policy import Policy, from_mapping
from plugins.module_utils.directory.steps import apply_to, plan_steps, refusal_reasons

TODAY = date(2026, 9, 1)
EMPTY = State(units=frozenset(), users={}, groups={}, taken_usernames=frozenset({"annasmith", "root"}))
POLICIES = [
    from_mapping({}),
    from_mapping({"usernames": "{given}{family}", "username_max": 6, "mail_domain": "x.uk"}),
    from_mapping(
        {"hold_days": 1, "delete_after_hold": True, "remove_empty_groups": True, "roster_usernames": True}
    ),
    from_mapping({"usernames": "{family:4}{number:2}", "groups": {"class": "{code}"}, "units": "All"}),
]
quick = settings(max_examples=120, deadline=None, derandomize=True)
KEYS = [f"k{number}" for number in range(8)]
day = st.none() | st.integers(-4, 8).map(lambda days: TODAY + timedelta(days=days))


@st.composite
def people(draw: st.DrawFn) -> dict[str, Person]:
    keys = draw(st.lists(st.sampled_from(KEYS), unique=True))
    return {
        key: Person(
            source_id=key,
            given_name=draw(st.sampled_from(["Anna", "ANNA", "Zoë", "🦊"])),
            family_name=draw(st.sampled_from(["Smith", "O'Brien-Nunez", "李", "Groß" * 20])),
            role=draw(st.sampled_from(Role)),
            year=draw(st.sampled_from(["", "7", "8"])),
            departments=tuple(
                draw(st.lists(st.sampled_from(["Art", "art", "Maths"]), max_size=2, unique=True))
            ),
            starts=draw(day),
            ends=draw(day),
            username=draw(st.sampled_from(["", "x", "anna@x.uk"])),
        )
        for key in keys
    }


@st.composite
def rosters(draw: st.DrawFn, complete: bool | None = None) -> Roster:
    persons, complete = draw(people()), draw(st.booleans()) if complete is None else complete
    ids = st.frozensets(st.sampled_from(KEYS), max_size=4)
    classes = {
        key: TeachingClass(
            source_id=key,
            title=draw(st.sampled_from(["Maths"] if complete else ["Maths", ""])),
            code=draw(st.sampled_from(["7A/1", "7A-1", "7a-1", "All Staff", ""])),
            subjects=draw(st.sampled_from([(), ("Maths",), ("maths", "Art")])),
            pupils=draw(ids),
            teachers=draw(ids),
            former_members=frozenset() if complete else draw(ids),
        )
        for key in draw(st.lists(st.sampled_from(["c1", "c2", "c3"]), unique=True))
    }
    leavers = draw(ids) - persons.keys()
    with_classes = draw(st.booleans()) if complete else False
    covers = draw(st.sampled_from([frozenset(Role), frozenset({Role.PUPIL})]))
    return Roster(
        people=persons,
        classes=classes,
        complete=complete,
        leavers=leavers,
        covers=covers,
        with_classes=with_classes,
    )


histories = st.lists(rosters(), min_size=1, max_size=4)
policies = st.sampled_from(POLICIES)


def plan(current: State, roster: Roster, policy: Policy, today: date) -> list[Step]:
    steps: list[Step] = plan_steps(current, desired_state(roster, policy, today, current), policy, today)
    return steps


def run_history(history: list[Roster], policy: Policy) -> tuple[State, date]:
    """The state after one roster on each day, and the last day."""
    current, today = EMPTY, TODAY
    for number, roster in enumerate(history):
        today = TODAY + timedelta(days=number)
        current = apply_to(current, plan(current, roster, policy, today))
    return current, today


@quick
@given(histories, policies)
def test_a_second_run_has_no_steps(history: list[Roster], policy: Policy) -> None:
    current, today = run_history(history[:-1], policy)
    today += timedelta(days=1)
    desired = desired_state(history[-1], policy, today, current)
    after = apply_to(current, plan_steps(current, desired, policy, today))
    assert plan_steps(after, desired, policy, today) == []
    assert plan(after, history[-1], policy, today) == []


@quick
@given(histories, policies, st.data())
def test_an_interrupted_run_ends_in_the_same_state_when_it_is_repeated(
    history: list[Roster], policy: Policy, data: st.DataObject
) -> None:
    current, today = run_history(history[:-1], policy)
    today += timedelta(days=1)
    steps = plan(current, history[-1], policy, today)
    complete = apply_to(current, steps)
    # With parallel connections any steps of one action may be missing, and all later ones.
    end = data.draw(st.integers(0, len(steps)))
    candidates = [number for number in range(end) if steps[number].action is steps[max(end - 1, 0)].action]
    missing = data.draw(st.sets(st.sampled_from(candidates))) if candidates else set()
    half = apply_to(current, [step for number, step in enumerate(steps[:end]) if number not in missing])
    resumed = apply_to(half, plan(half, history[-1], policy, today))
    assert names_of(resumed) == names_of(complete)
    assert plan(resumed, history[-1], policy, today) == []


def names_of(state: State) -> tuple[object, object, object]:
    users = {key: (u.username, u.unit, u.enabled, u.left_on, u.attributes) for key, u in state.users.items()}
    return users, {key: group.members for key, group in state.groups.items()}, state.units


@quick
@given(rosters(), policies, st.randoms(use_true_random=False))
def test_the_order_of_the_roster_makes_no_difference(roster: Roster, policy: Policy, rng: Random) -> None:
    keys, class_keys = list(roster.people), list(roster.classes)
    rng.shuffle(keys)
    rng.shuffle(class_keys)
    shuffled = replace(
        roster,
        people={key: roster.people[key] for key in keys},
        classes={key: roster.classes[key] for key in class_keys},
    )
    assert plan(EMPTY, shuffled, policy, TODAY) == plan(EMPTY, roster, policy, TODAY)


@quick
@given(histories, policies)
def test_names_are_unique_short_enough_and_permanent(history: list[Roster], policy: Policy) -> None:
    current = EMPTY
    usernames: dict[str, str] = {}
    for roster in history:
        current = apply_to(current, plan(current, roster, policy, TODAY))
        account_names = [user.username.casefold() for user in current.users.values()]
        assert len(set(account_names)) == len(account_names)
        assert all(1 <= len(name) <= policy.username_max for name in account_names)
        assert not set(account_names) & (policy.reserved | EMPTY.taken_usernames)
        entries = [(user.unit, user.cn.casefold()) for user in current.users.values()]
        assert len(set(entries)) == len(entries)
        assert all(0 < len(group.name) <= 64 for group in current.groups.values())
        for key, user in current.users.items():
            assert usernames.setdefault(key, user.username) == user.username


@quick
@given(histories, rosters(complete=False), policies)
def test_a_delta_deletes_nobody_and_changes_only_people_that_it_mentions(
    history: list[Roster], part: Roster, policy: Policy
) -> None:
    current, today = run_history(history, policy)
    steps = plan(current, part, policy, today + timedelta(days=400))
    assert not {step.action for step in steps} & {Action.DELETE_USER, Action.EXPORT_USER, Action.DELETE_GROUP}
    mentioned = part.people.keys() | part.leavers
    assert {step.key for step in steps if step.action.value.endswith("_user")} <= mentioned
    class_members = set().union(*(c.pupils | c.teachers | c.former_members for c in part.classes.values()))
    for step in steps:
        assert step.remove <= mentioned | class_members
    assert not [reason for reason in refusal_reasons(current, steps, part, policy) if "delete" in reason]


@quick
@given(histories, policies)
def test_only_disabled_leavers_whose_hold_is_over_are_deleted(history: list[Roster], policy: Policy) -> None:
    current, today = run_history(history, policy)
    for step in plan(current, history[-1], policy, today + timedelta(days=30)):
        if step.action is Action.DELETE_USER:
            user = current.users[step.key]
            assert policy.delete_after_hold
            assert not user.enabled
            assert user.left_on is not None
            assert step.key not in history[-1].people or history[-1].people[step.key].ends is not None


@quick
@given(histories, policies)
def test_a_leaver_is_in_no_group_and_is_not_enabled(history: list[Roster], policy: Policy) -> None:
    current, _ = run_history(history, policy)
    members = set().union(*(group.members for group in current.groups.values()))
    for key, user in current.users.items():
        assert not (user.enabled and user.left_on)
        assert user.left_on is None or key not in members
    assert members <= current.users.keys()
    assert all(unit[:-1] in current.units or len(unit) == 1 for unit in current.units)
    assert {user.unit for user in current.users.values()} <= current.units
