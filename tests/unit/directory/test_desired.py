"""The desired state for single people: joiners, movers, leavers, guests."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from plugins.module_utils.directory.desired import desired_state
from plugins.module_utils.directory.model import Person, Role, Roster, State, User
from plugins.module_utils.directory.policy import Policy, from_mapping
from tests.rosters import roster_of

TODAY = date(2026, 9, 1)
EMPTY = State(units=frozenset(), users={}, groups={})
POLICY = from_mapping({"mail_domain": "x.uk"})


def pupil(key: str = "p1", year: str = "7", **extra: Any) -> Person:
    texts = {"given_name": "Anna", "family_name": "Smith", "role": Role.PUPIL, "year": year}
    return Person(source_id=key, **(texts | extra))


def complete_roster(*people: Person, **extra: Any) -> Roster:
    return replace(roster_of(people), covers=frozenset(Role), **extra)


def after(
    *rosters: Roster, policy: Policy = POLICY, days: Iterable[date] = (), current: State = EMPTY
) -> State:
    """The state after some rosters, one on each day."""
    for roster, today in zip(rosters, [*days, *[TODAY] * len(rosters)], strict=False):
        current = desired_state(roster, policy, today, current)
    return current


def account(state: State, key: str = "p1") -> User:
    return state.users[key]


def groups(state: State, key: str = "p1") -> set[str]:
    return {group.name for group in state.groups.values() if key in group.members}


def test_a_joiner_has_an_account_a_unit_with_its_parents_and_groups() -> None:
    state = after(complete_roster(pupil()))
    user = account(state)
    assert (user.username, user.cn, user.display_name) == ("26smitha", "Anna Smith", "Anna Smith")
    assert (user.unit, user.enabled, user.left_on, user.role) == (("Pupils", "Year 7"), True, None, "pupil")
    assert user.attributes == {"year": "7", "mail": "26smitha@x.uk"}
    assert {("Pupils",), ("Pupils", "Year 7"), ("Groups",), ("Groups", "Years")} <= state.units
    assert groups(state) == {"All Pupils", "Year 7"}
    assert "26smitha" in state.taken_usernames


def test_long_names_are_shortened_to_the_limits_of_a_directory() -> None:
    user = account(after(complete_roster(pupil(given_name="G" * 99, family_name="F" * 99))))
    assert [len(text) for text in (user.given_name, user.family_name, user.cn, user.username)] == [
        64,
        64,
        64,
        20,
    ]
    assert user.display_name == f"{'G' * 99} {'F' * 99}"


def test_a_mover_changes_unit_groups_and_year_and_keeps_the_username() -> None:
    state = after(complete_roster(pupil()), complete_roster(pupil(year="8", family_name="Jones")))
    user = account(state)
    assert (user.username, user.unit, user.attributes["year"]) == ("26smitha", ("Pupils", "Year 8"), "8")
    assert (user.display_name, user.cn) == ("Anna Jones", "Anna Jones")
    assert groups(state) == {"All Pupils", "Year 8"}


def test_somebody_who_starts_later_is_created_disabled_and_enabled_on_the_day() -> None:
    roster = complete_roster(pupil(starts=date(2026, 9, 3)))
    assert not account(after(roster)).enabled
    assert groups(after(roster)) == {"All Pupils", "Year 7"}
    assert account(after(roster, roster, days=[TODAY, date(2026, 9, 3)])).enabled


def test_somebody_who_has_access_keeps_it_though_a_new_contract_starts_later() -> None:
    assert account(after(complete_roster(pupil()), complete_roster(pupil(starts=date(2026, 10, 1))))).enabled


def test_a_leaver_is_disabled_in_no_group_and_keeps_the_first_day_as_a_leaver() -> None:
    days = [TODAY, TODAY, TODAY + timedelta(days=9)]
    state = after(
        complete_roster(pupil(), pupil("p2")),
        complete_roster(pupil("p2")),
        complete_roster(pupil("p2")),
        days=days,
    )
    user = account(state)
    assert (user.enabled, user.unit, user.left_on) == (False, ("Leavers",), TODAY)
    assert user.attributes == {"year": "7", "mail": "26smitha@x.uk"}
    assert groups(state) == set()
    assert groups(state, "p2") == {"All Pupils", "Year 7"}


def test_somebody_who_comes_back_has_the_old_account() -> None:
    roster = complete_roster(pupil("p2"))
    user = account(
        after(complete_roster(pupil(), pupil("p2")), roster, complete_roster(pupil(year="8"), pupil("p2")))
    )
    assert (user.enabled, user.left_on, user.unit, user.username) == (
        True,
        None,
        ("Pupils", "Year 8"),
        "26smitha",
    )


def test_somebody_who_comes_back_later_is_not_a_leaver_and_not_enabled_yet() -> None:
    back = complete_roster(pupil(starts=date(2026, 12, 1)), pupil("p2"))
    user = account(after(complete_roster(pupil(), pupil("p2")), complete_roster(pupil("p2")), back))
    assert (user.enabled, user.left_on, user.unit) == (False, None, ("Pupils", "Year 7"))


@pytest.mark.parametrize("role", [Role.GUEST, Role.SUPPLIER])
def test_guests_and_suppliers_have_an_account_that_ends_by_itself(role: Role) -> None:
    guest = pupil(role=role, year="", ends=date(2026, 9, 5))
    assert account(after(complete_roster(guest))).expires == date(2026, 9, 5)
    on_the_day = after(complete_roster(guest), complete_roster(guest), days=[TODAY, date(2026, 9, 5)])
    later = after(complete_roster(guest), complete_roster(guest), days=[TODAY, date(2026, 9, 6)])
    assert (account(on_the_day).enabled, account(later).enabled, account(later).left_on) == (
        True,
        False,
        date(2026, 9, 6),
    )


def test_a_guest_who_is_employed_loses_the_end_date() -> None:
    guest = pupil(role=Role.GUEST, year="", ends=date(2026, 9, 5))
    assert (
        account(after(complete_roster(guest), complete_roster(pupil(role=Role.STAFF, year="")))).expires
        is None
    )


def test_a_pupils_end_date_set_by_hand_stays() -> None:
    state = after(complete_roster(pupil()))
    state = replace(state, users={"p1": replace(account(state), expires=date(2026, 12, 24))})
    assert account(after(complete_roster(pupil()), current=state)).expires == date(2026, 12, 24)


def test_somebody_whose_time_was_over_before_gets_no_account() -> None:
    assert after(complete_roster(pupil("p2"), pupil(ends=date(2026, 8, 31)))).users.keys() == {"p2"}


def test_a_pupil_who_becomes_a_teacher_loses_the_year() -> None:
    state = after(
        complete_roster(pupil()), complete_roster(pupil(role=Role.TEACHER, year="", departments=("Art",)))
    )
    assert (account(state).attributes["year"], account(state).unit) == ("", ("Staff", "Art"))
    assert groups(state) == {"All Teachers", "All Staff", "Department Art"}


def test_attributes_that_policy_does_not_set_stay() -> None:
    state = after(complete_roster(pupil()))
    state = replace(
        state, users={"p1": replace(account(state), attributes={"shell": "/bin/zsh", "mail": "old@x"})}
    )
    assert account(after(complete_roster(pupil()), current=state)).attributes == {
        "shell": "/bin/zsh",
        "year": "7",
        "mail": "26smitha@x.uk",
    }


def test_accounts_in_roles_that_the_roster_does_not_cover_stay() -> None:
    guest = pupil("g1", role=Role.GUEST, year="")
    state = after(
        complete_roster(pupil(), guest), replace(complete_roster(pupil()), covers=frozenset({Role.PUPIL}))
    )
    assert (account(state, "g1").enabled, groups(state, "g1")) == (True, {"All Guests"})


def test_the_rosters_username_is_used_where_policy_wants_it() -> None:
    policy = from_mapping({"roster_usernames": True})
    people = pupil(username="Anna.S@x.uk"), pupil("p2", username="anna.s"), pupil("p3")
    users = after(complete_roster(*people), policy=policy).users
    assert [users[key].username for key in ("p1", "p2", "p3")] == ["anna.s", "anna.s2", "26smitha"]


def test_usernames_that_are_reserved_or_exist_elsewhere_are_avoided() -> None:
    policy = from_mapping({"usernames": "{family}"})
    current = replace(EMPTY, taken_usernames=frozenset({"smith", "smith2"}))
    users = after(
        complete_roster(pupil(), pupil("p2", family_name="Root")), policy=policy, current=current
    ).users
    assert [users[key].username for key in ("p1", "p2")] == ["smith3", "root2"]


def test_the_username_of_a_held_leaver_is_not_reused() -> None:
    state = after(
        complete_roster(pupil(), pupil("p2", family_name="B")),
        complete_roster(pupil("p2", family_name="B")),
        complete_roster(pupil("p3")),
    )
    assert account(state, "p3").username == "26smitha2"


def test_leavers_are_dropped_after_the_hold_only_if_policy_deletes_and_the_roster_is_complete() -> None:
    first, remaining = complete_roster(pupil(), pupil("p2")), complete_roster(pupil("p2"))
    deleting = from_mapping({"delete_after_hold": True, "hold_days": 30})
    state = after(first, remaining, policy=deleting)

    def on(day: int, roster: Roster = remaining, policy: Policy = deleting) -> bool:
        return "p1" in desired_state(roster, policy, TODAY + timedelta(days=day), state).users

    assert on(29)
    assert not on(30)
    assert on(30, policy=from_mapping({"hold_days": 30}))
    assert on(30, roster=replace(remaining, complete=False))
    assert on(30, roster=first)


def test_an_account_disabled_by_hand_is_enabled_again() -> None:
    state = after(complete_roster(pupil()))
    state = replace(state, users={"p1": replace(account(state), enabled=False)})
    assert account(after(complete_roster(pupil()), current=state)).enabled
