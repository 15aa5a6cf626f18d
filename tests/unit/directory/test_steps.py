"""Steps from current to desired state: only real differences, in a safe order, without names."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from plugins.module_utils.directory.desired import desired_state
from plugins.module_utils.directory.model import Action, Role, Roster, State, Step
from plugins.module_utils.directory.objects import object_rows, pseudonym
from plugins.module_utils.directory.policy import Policy, from_mapping
from plugins.module_utils.directory.steps import apply_to, notes, plan_steps, refusal_reasons
from tests.rosters import make_school
from tests.unit.directory.test_desired import EMPTY, POLICY, TODAY, complete_roster, pupil
from tests.unit.directory.test_memberships import TEACHER, delta, school, teaching_class

KEY = b"a key of the school"


def plan(current: State, roster: Roster, policy: Policy = POLICY, today: date = TODAY) -> list[Step]:
    steps: list[Step] = plan_steps(current, desired_state(roster, policy, today, current), policy, today)
    return steps


def run(*rosters: Roster, policy: Policy = POLICY, current: State = EMPTY) -> State:
    for roster in rosters:
        current = apply_to(current, plan(current, roster, policy))
    return current


def summary_of(steps: list[Step]) -> list[tuple[str, str, tuple[str, ...]]]:
    return [(step.action.value, step.key, step.changed) for step in steps]


CURRENT = run(school(teaching_class()))
DRIFT: list[tuple[dict[str, Any], list[tuple[str, str, tuple[str, ...]]]]] = [
    ({"enabled": False}, [("enable_user", "p1", ("enabled",))]),
    ({"unit": ("Pupils",)}, [("move_user", "p1", ("unit",))]),
    ({"cn": "Somebody"}, [("move_user", "p1", ("cn",))]),
    ({"given_name": "A"}, [("update_user", "p1", ("given_name",))]),
    ({"display_name": "A"}, [("update_user", "p1", ("display_name",))]),
    ({"role": "guest", "expires": TODAY}, [("update_user", "p1", ("role", "expires"))]),
    ({"attributes": {}}, [("update_user", "p1", ("mail", "year"))]),
    ({"attributes": {"mail": "x", "year": "7", "shell": "/bin/sh"}}, [("update_user", "p1", ("mail",))]),
    ({"left_on": TODAY, "enabled": False}, [("enable_user", "p1", ("enabled", "left_on"))]),
    ({"dn": "CN=x"}, []),
    ({"cn": ""}, []),
]


@pytest.mark.parametrize(("drift", "expected"), DRIFT, ids=[", ".join(row[0]) for row in DRIFT])
def test_each_drift_of_a_user_is_corrected_by_the_fewest_steps(
    drift: dict[str, Any], expected: list[tuple[str, str, tuple[str, ...]]]
) -> None:
    current = replace(CURRENT, users={**CURRENT.users, "p1": replace(CURRENT.users["p1"], **drift)})
    steps = plan(current, school(teaching_class()))
    assert summary_of(steps) == expected
    assert plan(apply_to(current, steps), school(teaching_class())) == []


def test_drift_of_groups_and_units_is_corrected() -> None:
    year = replace(CURRENT.groups["year 7"], members=frozenset({"p1", "t1"}), unmanaged_members=3)
    club = replace(CURRENT.groups["class 7a-ma"], description="mine")
    current = replace(
        CURRENT,
        units=CURRENT.units - {("Pupils", "Year 7")},
        groups={k: g for k, g in CURRENT.groups.items() if k != "all pupils"}
        | {"year 7": year, "class 7a-ma": club},
    )
    steps = plan(current, school(teaching_class()))
    assert summary_of(steps) == [
        ("create_unit", "Pupils/Year 7", ()),
        ("create_group", "All Pupils", ()),
        ("update_group", "Class 7A-Ma", ("description",)),
        ("update_group", "Year 7", ()),
    ]
    assert (steps[3].add, steps[3].remove) == (frozenset({"p2"}), frozenset({"t1"}))
    assert plan(apply_to(current, steps), school(teaching_class())) == []


def test_nothing_to_do_is_no_step() -> None:
    assert plan(CURRENT, school(teaching_class())) == []


def test_units_come_parents_first_then_accounts_then_groups() -> None:
    steps = plan(EMPTY, school(teaching_class()))
    order = list(Action)
    assert [order.index(step.action) for step in steps] == sorted(order.index(step.action) for step in steps)
    units = [step.key for step in steps if step.action is Action.CREATE_UNIT]
    assert [key for key in units if key.startswith("Pupils")] == ["Pupils", "Pupils/Year 7"]
    assert units.index("Groups") < units.index("Groups/Classes")


def test_a_leaver_is_moved_removed_from_groups_and_disabled_and_no_more() -> None:
    steps = plan(CURRENT, school(teaching_class(pupils=[]), people=[pupil("p2"), TEACHER]))
    assert [(s.action.value, s.key) for s in steps] == [
        ("create_unit", "Leavers"),
        ("move_user", "p1"),
        *[("update_group", name) for name in ("All Pupils", "Class 7A-Ma", "Subject Maths", "Year 7")],
        ("disable_user", "p1"),
    ]
    assert steps[-1].changed == ("enabled", "left_on")
    assert {step.reason for step in steps if step.key == "p1"} == {"has left"}


def test_after_the_hold_a_leaver_is_exported_then_deleted_only_where_policy_says_so() -> None:
    remaining = school(teaching_class(pupils=[]), people=[pupil("p2"), TEACHER])
    state = run(remaining, current=CURRENT)
    deleting = from_mapping({"delete_after_hold": True, "mail_domain": "x.uk"})
    on = TODAY + timedelta(days=90)
    steps = plan(state, remaining, deleting, on)
    assert summary_of(steps) == [("export_user", "p1", ()), ("delete_user", "p1", ())]
    assert "p1" not in apply_to(state, steps).users
    assert plan(state, remaining, POLICY, on) == []
    assert plan(state, remaining, deleting, on - timedelta(days=1)) == []
    assert plan(state, delta(pupil("p2")), deleting, on) == []
    # A desired state with fewer users does not delete anybody by itself.
    assert plan_steps(state, replace(state, users={}), POLICY, on) == []
    assert plan_steps(CURRENT, replace(CURRENT, users={}), deleting, on) == []


def test_a_note_counts_the_leavers_whose_hold_is_over() -> None:
    state = run(school(people=[pupil("p2"), TEACHER]), current=CURRENT)
    on = TODAY + timedelta(days=90)
    assert notes(state, POLICY, on) == [
        "leavers held for more than 90 days, which the policy does not delete: 1"
    ]
    assert notes(state, POLICY, on - timedelta(days=1)) == []
    assert notes(state, from_mapping({"delete_after_hold": True}), on) == []


def test_a_group_that_policy_removes_is_deleted_in_one_step_and_last() -> None:
    policy = from_mapping({"remove_empty_groups": True, "mail_domain": "x.uk"})
    steps = plan(CURRENT, school(teaching_class("c2", "7B")), policy)
    assert [s.key for s in steps if s.action is Action.DELETE_GROUP] == [
        "Class 7A-Ma",
        "Class 7A-Ma Teachers",
    ]
    assert steps[-1].action is Action.DELETE_GROUP
    assert plan(apply_to(CURRENT, steps), school(teaching_class("c2", "7B")), policy) == []


def test_somebody_expected_back_later_is_no_longer_a_leaver() -> None:
    state = run(school(people=[pupil("p2"), TEACHER]), current=CURRENT)
    back = school(people=[pupil(starts=date(2027, 1, 1)), pupil("p2"), TEACHER])
    steps = [step for step in plan(state, back) if step.key == "p1"]
    assert summary_of(steps) == [("move_user", "p1", ("unit",)), ("update_user", "p1", ("left_on",))]
    assert plan(apply_to(state, plan(state, back)), back) == []


# ---- reasons to refuse


def losing(people: int, leave: int, role: str = "pu") -> tuple[State, Roster]:
    before = make_school(people, seed=4)
    leavers = sorted(key for key in before.people if key.startswith(role))[:leave]
    after = replace(before, people={key: p for key, p in before.people.items() if key not in leavers})
    return run(before), after


def refused(current: State, roster: Roster, policy: Policy = POLICY) -> list[str]:
    reasons: list[str] = refusal_reasons(current, plan(current, roster, policy), roster, policy)
    return reasons


@pytest.mark.parametrize(
    ("people", "leave", "role", "reasons"),
    [
        (200, 8, "pu", []),  # 8 of 175 pupils are 4.6 %
        (200, 9, "pu", ["9 of 175 pupils would lose their access (5.1 %); the limit is 5 %"]),
        (200, 2, "st", []),  # 2 of 25 staff are 8 %, but only two people
        (200, 3, "st", ["3 of 25 staff would lose their access (12.0 %); the limit is 5 %"]),
    ],
)
def test_too_many_who_disappear_are_refused(people: int, leave: int, role: str, reasons: list[str]) -> None:
    assert refused(*losing(people, leave, role)) == reasons


def test_the_share_is_policy_and_all_of_the_people_count_too() -> None:
    current, roster = losing(200, 100)
    assert [reason.split(" (")[0] for reason in refused(current, roster)] == [
        "100 of 200 people would lose their access",
        "100 of 175 pupils would lose their access",
    ]
    assert (
        refused(current, roster, from_mapping({"max_disappearing_percent": 60, "mail_domain": "x.uk"})) == []
    )


def test_leavers_who_are_held_do_not_count_again() -> None:
    current, roster = losing(200, 100)
    assert refused(run(roster, current=current), roster) == []


def test_an_empty_roster_is_refused() -> None:
    assert "the roster is empty" in refused(EMPTY, complete_roster())


def test_a_roster_without_enrolments_is_refused_if_classes_have_members() -> None:
    assert refused(CURRENT, school()) == [
        "the roster has no enrolments; class memberships that would be removed: 2"
    ]
    assert refused(EMPTY, school()) == []
    assert refused(CURRENT, replace(school(), with_classes=False)) == []


def test_a_delta_must_not_delete() -> None:
    step = Step(action=Action.DELETE_USER, key="p1", before=CURRENT.users["p1"])
    part = delta(pupil("p2"))
    assert refusal_reasons(CURRENT, [step], part, POLICY) == [
        "the roster is not complete, so it must not delete anything"
    ]


def test_a_delta_with_enrolments_in_unknown_classes_is_refused() -> None:
    assert refused(CURRENT, delta(classes=[teaching_class(title="")])) == []
    assert refused(CURRENT, delta(classes=[teaching_class("c9", title="")])) == [
        "the roster has enrolments in classes that neither it nor the directory has: 1"
    ]


# ---- object rows


def test_object_rows_have_pseudonyms_and_readable_details() -> None:
    moved = school(teaching_class(pupils=["p2"]), people=[pupil(year="8"), pupil("p2"), TEACHER])
    rows = object_rows(plan(CURRENT, moved), CURRENT, KEY)
    p1 = pseudonym(KEY, "p1")
    assert rows == [
        {"kind": "unit", "action": "create", "id": "Pupils/Year 8", "group": "Units", "what": ""},
        {
            "kind": "user",
            "action": "move",
            "id": p1,
            "group": "Year 8",
            "what": "Pupils/Year 7 -> Pupils/Year 8",
        },
        {"kind": "user", "action": "update", "id": p1, "group": "Year 8", "what": "year"},
        {"kind": "group", "action": "create", "id": "Year 8", "group": "Years", "what": "1 member"},
        {
            "kind": "group",
            "action": "update",
            "id": "Class 7A-Ma",
            "group": "Classes",
            "what": "1 member to join",
        },
        {
            "kind": "group",
            "action": "update",
            "id": "Class 7A-Ma",
            "group": "Classes",
            "what": "1 member to leave",
        },
        {
            "kind": "group",
            "action": "update",
            "id": "Subject Maths",
            "group": "Subjects",
            "what": "1 member to join",
        },
        {
            "kind": "group",
            "action": "update",
            "id": "Subject Maths",
            "group": "Subjects",
            "what": "1 member to leave",
        },
        {"kind": "group", "action": "update", "id": "Year 7", "group": "Years", "what": "1 member to leave"},
    ]


def test_a_leaver_is_counted_under_the_year_that_they_leave() -> None:
    rows = object_rows(plan(CURRENT, school(people=[pupil("p2"), TEACHER])), CURRENT, KEY)
    mine = [(row["action"], row["group"], row["what"]) for row in rows if row["id"] == pseudonym(KEY, "p1")]
    assert mine == [("move", "Year 7", "Pupils/Year 7 -> Leavers"), ("disable", "Year 7", "leaver")]


def test_a_pseudonym_is_ten_digits_of_a_keyed_hash() -> None:
    assert pseudonym(b"key", "The quick brown fox jumps over the lazy dog") == "p-f7bc83f430"
    assert pseudonym(b"other", "p1") != pseudonym(KEY, "p1")


def test_every_role_has_a_group_in_reports() -> None:
    people = [pupil(role.value, role=role, year="") for role in Role]
    rows = object_rows(plan(EMPTY, complete_roster(*people)), EMPTY, KEY)
    assert [row["group"] for row in rows if row["kind"] == "user"] == [
        "Guests",
        "Pupils",
        "Staff",
        "Suppliers",
        "Teachers",
    ]


def test_no_reason_or_object_row_has_a_name_or_depends_on_the_day() -> None:
    before = make_school(120, seed=9)
    texts = []
    for today in (TODAY, TODAY + timedelta(days=1)):
        current = run(before)
        roster = replace(before, people=dict(list(before.people.items())[10:]))
        steps = plan(current, roster, today=today)
        texts.append(
            [*(str(row) for row in object_rows(steps, current, KEY)), *(step.reason for step in steps)]
        )
        texts[-1] += refusal_reasons(current, steps, roster, POLICY)
    assert texts[0] == texts[1]
    names = {p.family_name for p in before.people.values() if len(p.family_name) > 3}
    assert not [name for name in names for text in texts[0] if name in text]
    assert not [key for key in before.people for text in texts[0] if key in text]
