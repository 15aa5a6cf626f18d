"""Members of groups, from complete rosters and from deltas."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest

from plugins.module_utils.directory.desired import desired_state
from plugins.module_utils.directory.memberships import group_name
from plugins.module_utils.directory.model import Group, Person, Role, Roster, State, TeachingClass
from plugins.module_utils.directory.policy import Policy, from_mapping
from tests.rosters import roster_of
from tests.unit.directory.test_desired import EMPTY, TODAY, complete_roster, groups, pupil

TEACHER = pupil("t1", role=Role.TEACHER, year="", departments=("Maths",))


def teaching_class(
    key: str = "c1", code: str = "7A/Ma", pupils: Iterable[str] = ("p1",), **extra: Any
) -> TeachingClass:
    sets: dict[str, Any] = {
        "pupils": frozenset(pupils),
        "teachers": frozenset({"t1"}),
        "subjects": ("Maths",),
    }
    return TeachingClass(source_id=key, code=code, **({"title": f"Maths {code}"} | sets | extra))


def school(*classes: TeachingClass, people: Iterable[Person] = (pupil(), pupil("p2"), TEACHER)) -> Roster:
    return complete_roster(*people, classes={item.source_id: item for item in classes})


def delta(*people: Person, classes: Iterable[TeachingClass] = (), leavers: Iterable[str] = ()) -> Roster:
    part = roster_of(people, classes, complete=False)
    return replace(part, leavers=frozenset(leavers), with_classes=False)


def members(state: State) -> dict[str, set[str]]:
    return {group.name: set(group.members) for group in state.groups.values() if group.members}


def after(*rosters: Roster, policy: Policy | None = None, current: State = EMPTY) -> State:
    for roster in rosters:
        current = desired_state(roster, policy or Policy(), TODAY, current)
    return current


def test_each_kind_of_group_has_its_members_and_its_unit() -> None:
    state = after(school(teaching_class()))
    assert members(state) == {
        "All Pupils": {"p1", "p2"},
        "All Teachers": {"t1"},
        "All Staff": {"t1"},
        "Year 7": {"p1", "p2"},
        "Department Maths": {"t1"},
        "Class 7A-Ma": {"p1"},
        "Class 7A-Ma Teachers": {"t1"},
        "Subject Maths": {"p1", "t1"},
    }
    folders = {group.name: (group.kind, group.unit) for group in state.groups.values()}
    assert folders["Class 7A-Ma Teachers"] == ("class", ("Groups", "Classes"))
    assert folders["All Staff"] == ("role", ("Groups", "Roles"))


def test_kinds_can_be_switched_off_and_names_have_a_prefix() -> None:
    off = {"year": "", "class": "{code}", "class_teachers": "", "subject": "", "department": ""}
    policy = from_mapping({"groups": off, "group_prefix": "X-", "role_groups": {"pupil": [], "teacher": "T"}})
    assert members(after(school(teaching_class()), policy=policy)) == {"X-T": {"t1"}, "X-7A-Ma": {"p1"}}


@pytest.mark.parametrize("number", [2, 3])
def test_classes_of_one_code_share_a_group_and_other_codes_never_do(number: int) -> None:
    shared = after(school(*(teaching_class(f"c{n}", pupils=[f"p{n}"]) for n in range(1, number))))
    assert members(shared)["Class 7A-Ma"] == {f"p{n}" for n in range(1, number)}
    apart = after(
        school(
            teaching_class("c1", "7A-Ma", ["p1"]),
            teaching_class("c2", "7A/Ma", ["p2"]),
            teaching_class("c3", "7a-ma", []),
        )
    )
    classes = {
        name: keys for name, keys in members(apart).items() if name.casefold().startswith("class 7a-ma")
    }
    assert classes["Class 7A-Ma"] == {"p1"}
    assert [keys for name, keys in classes.items() if "~" in name and "Teachers" not in name] == [{"p2"}]


def test_a_class_with_the_name_of_a_role_group_gets_a_group_of_its_own() -> None:
    policy = from_mapping({"groups": {"class": "{code}"}})
    state = after(school(teaching_class(code="all staff")), policy=policy)
    assert members(state)["All Staff"] == {"t1"}


def test_subjects_that_differ_in_case_are_one() -> None:
    state = after(school(teaching_class(), teaching_class("c2", "7B", ["p2"], subjects=("maths",))))
    assert members(state)["Subject Maths"] == {"p1", "p2", "t1"}


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Class 7A/Ma*1", "Class 7A-Ma-1"),
        (" Year 7. ", "Year 7"),
        ("Größe 🦊", "Größe 🦊"),
        ('a"b@c', "a-b-c"),
    ],
)
def test_a_group_has_a_name_that_is_valid_in_a_directory(text: str, name: str) -> None:
    assert group_name(text) == name


def test_long_names_are_shortened_and_stay_unique() -> None:
    group_names = {group_name("x" * 70 + tail) for tail in "ab"}
    assert len(group_names) == 2
    assert {len(name) for name in group_names} <= set(range(60, 65))


def test_a_complete_roster_removes_people_from_former_classes_and_years() -> None:
    state = after(
        school(teaching_class()),
        school(teaching_class(pupils=["p2"]), people=[pupil(year="8"), pupil("p2"), TEACHER]),
    )
    assert groups(state) == {"All Pupils", "Year 8"}
    assert "Class 7A-Ma" in groups(state, "p2")


def test_the_group_of_a_former_class_is_emptied_and_kept_unless_policy_removes_it() -> None:
    rosters = school(teaching_class()), school(teaching_class("c2", "7B"))
    assert after(*rosters).groups["class 7a-ma"].members == frozenset()
    assert "class 7a-ma" not in after(*rosters, policy=from_mapping({"remove_empty_groups": True})).groups


def test_a_group_without_a_kind_or_with_unmanaged_members_is_never_removed() -> None:
    policy = from_mapping({"remove_empty_groups": True})
    state = after(school(teaching_class()), policy=policy)
    mine = replace(state.groups["class 7a-ma"], unmanaged_members=1)
    club = Group(name="Chess", unit=("Groups",), kind="", members=frozenset({"p1", "p2"}))
    current = replace(state, groups={**state.groups, "class 7a-ma": mine, "chess": club})
    desired = after(
        school(teaching_class("c2", "7B"), people=[pupil(), TEACHER]), policy=policy, current=current
    )
    assert desired.groups["class 7a-ma"].unmanaged_members == 1
    assert desired.groups["chess"].members == {"p1"}


def test_a_roster_without_classes_leaves_classes_as_they_are_but_for_leavers() -> None:
    people = replace(school(people=[pupil(year="8"), TEACHER]), with_classes=False)
    state = after(school(teaching_class(pupils=["p1", "p2"])), people)
    assert groups(state) == {"All Pupils", "Year 8", "Class 7A-Ma", "Subject Maths"}
    assert groups(state, "p2") == set()


# ---- deltas


def test_a_delta_leaves_everybody_else_in_their_groups() -> None:
    before = after(school(teaching_class(pupils=["p1", "p2"])))
    state = after(delta(pupil("p3"), pupil(year="8"), leavers=["p9"]), current=before)
    assert state.users["p2"] == before.users["p2"]
    assert groups(state, "p2") == groups(before, "p2")
    assert groups(state, "p3") == {"All Pupils", "Year 7"}
    assert groups(state) == {"All Pupils", "Year 8", "Class 7A-Ma", "Subject Maths"}


def test_who_is_deleted_in_a_delta_is_a_leaver() -> None:
    state = after(school(teaching_class()), delta(leavers=["p1"]))
    assert (state.users["p1"].enabled, state.users["p1"].left_on, groups(state)) == (False, TODAY, set())
    assert state.users["p2"].enabled


@pytest.mark.parametrize("title", ["", "Maths 7A"])
def test_a_delta_changes_one_class_with_or_without_a_row_for_it(title: str) -> None:
    change = teaching_class(
        title=title,
        code="7A/Ma" if title else "",
        pupils=["p2"],
        teachers=frozenset(),
        former_members=frozenset({"p1"}),
    )
    state = after(school(teaching_class(pupils=["p1"])), delta(classes=[change]))
    assert members(state)["Class 7A-Ma"] == {"p2"}
    assert members(state)["Class 7A-Ma Teachers"] == {"t1"}


def test_a_delta_puts_no_leaver_and_no_unknown_person_into_a_class() -> None:
    change = teaching_class(title="", pupils=["p1", "p2", "nobody"], teachers=frozenset())
    state = after(school(teaching_class(pupils=[])), delta(leavers=["p2"]), delta(classes=[change]))
    assert members(state)["Class 7A-Ma"] == {"p1"}


def test_a_delta_with_one_of_two_classes_of_a_group_keeps_the_other() -> None:
    first = after(school(teaching_class("c1", pupils=["p1"]), teaching_class("c2", pupils=["p2"])))
    state = after(delta(classes=[teaching_class("c3", pupils=["p2"])]), current=first)
    assert members(state)["Class 7A-Ma"] == {"p1", "p2"}
    assert first.groups["class 7a-ma"].description == "Maths 7A/Ma [class c1; c2]"
    assert state.groups["class 7a-ma"].description == "Maths 7A/Ma [class c1; c2; c3]"
