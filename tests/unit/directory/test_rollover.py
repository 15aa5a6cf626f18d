"""Two years of a school of 2,000 people, from bundles to the directory."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from itertools import pairwise

import pytest

from plugins.module_utils.directory import oneroster
from plugins.module_utils.directory.desired import desired_state
from plugins.module_utils.directory.model import Action, Roster, State, Step
from plugins.module_utils.directory.objects import object_rows
from plugins.module_utils.directory.policy import from_mapping
from plugins.module_utils.directory.steps import apply_to, plan_steps, refusal_reasons
from tests.rosters import bundle, make_school, rollover, write

POLICY = from_mapping(
    {"mail_domain": "school.example", "delete_after_hold": True, "max_disappearing_percent": 25}
)
CAREFUL = from_mapping({"mail_domain": "school.example"})
AUTUMN = date(2026, 9, 1)
YEAR = timedelta(days=365)


def by_year(state: State) -> dict[str, int]:
    pupils = (u.attributes["year"] for u in state.users.values() if u.role == "pupil" and u.enabled)
    return dict(Counter(pupils))


def count(steps: list[Step]) -> dict[str, int]:
    return {action.value: number for action, number in Counter(step.action for step in steps).items()}


@pytest.fixture(scope="module")
def years(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Roster, State, list[Step]]]:
    """(roster, current state, steps) of three autumns; each roster is written to a zip and read."""
    folder, school, history = tmp_path_factory.mktemp("rollover"), make_school(), []
    current = State(units=frozenset(), users={}, groups={})
    for number in range(3):
        path = write(bundle(school, "1.2" if number else "1.1"), folder / f"{number}.zip")
        roster, today = oneroster.read(path), AUTUMN + number * YEAR
        steps = plan_steps(current, desired_state(roster, POLICY, today, current), POLICY, today)
        history.append((roster, current, steps))
        current = apply_to(current, steps)
        assert plan_steps(current, desired_state(roster, POLICY, today, current), POLICY, today) == []
        school = rollover(school, seed=number, autumn=2027 + number)
    return [*history, (roster, current, [])]


def test_the_first_autumn_makes_2000_accounts(years: list[tuple[Roster, State, list[Step]]]) -> None:
    _, _, steps = years[0]
    assert count(steps)["create_user"] == 2000
    assert by_year(years[1][1]) == {"7": 350, "8": 350, "9": 350, "10": 350, "11": 350}


@pytest.mark.parametrize("autumn", [1, 2])
def test_pupils_move_up_the_oldest_leave_and_a_new_year_comes(
    years: list[tuple[Roster, State, list[Step]]], autumn: int
) -> None:
    roster, current, steps = years[autumn]
    staff = len(roster.people.keys() - current.users.keys()) - 350
    assert 2 < staff < 30
    counted = count(steps)
    assert (counted["create_user"], counted["disable_user"]) == (350 + staff, 350 + staff)
    rows = object_rows(steps, current, b"key")
    moved = Counter(
        row["what"] for row in rows if row["action"] == "move" and row["what"].startswith("Pupils")
    )
    assert moved == {
        "Pupils/Year 7 -> Pupils/Year 8": 350,
        "Pupils/Year 8 -> Pupils/Year 9": 350,
        "Pupils/Year 9 -> Pupils/Year 10": 350,
        "Pupils/Year 10 -> Pupils/Year 11": 350,
        "Pupils/Year 11 -> Leavers": 350,
    }
    disabled = Counter(row["group"] for row in rows if row["action"] == "disable")
    assert (disabled["Year 11"], sum(disabled.values())) == (350, 350 + staff)
    created = Counter(row["group"] for row in rows if row["action"] == "create" and row["kind"] == "user")
    assert (created["Year 7"], sum(created.values())) == (350, 350 + staff)
    assert set(by_year(years[autumn + 1][1]).values()) == {350}


def test_the_leavers_of_the_first_rollover_are_exported_and_deleted_at_the_second(
    years: list[tuple[Roster, State, list[Step]]],
) -> None:
    leavers = {step.key for step in years[1][2] if step.action is Action.DISABLE_USER}
    for action in (Action.EXPORT_USER, Action.DELETE_USER):
        assert {step.key for step in years[2][2] if step.action is action} == leavers
    assert not leavers & years[3][1].users.keys()


def test_usernames_never_change_and_are_unique(years: list[tuple[Roster, State, list[Step]]]) -> None:
    states = [state for _, state, _ in years]
    for before, after in pairwise(states):
        for key in before.users.keys() & after.users.keys():
            assert before.users[key].username == after.users[key].username
        assert len({user.username for user in after.users.values()}) == len(after.users)
        assert len({(user.unit, user.cn.casefold()) for user in after.users.values()}) == len(after.users)


def test_everybody_is_in_the_groups_of_the_year_and_of_no_other(
    years: list[tuple[Roster, State, list[Step]]],
) -> None:
    roster, state, _ = years[3]
    for year in range(7, 12):
        expected = {key for key, person in roster.people.items() if person.year == str(year)}
        assert state.groups[f"year {year}"].members == expected
    form = next(iter(roster.classes.values()))
    assert state.groups[f"class {form.code.replace('/', '-').casefold()}"].members == form.pupils


def test_a_rollover_needs_a_higher_limit_in_the_policy(years: list[tuple[Roster, State, list[Step]]]) -> None:
    roster, current, steps = years[1]
    assert refusal_reasons(current, steps, roster, POLICY) == []
    assert "350 of 1750 pupils would lose their access (20.0 %); the limit is 5 %" in refusal_reasons(
        current, steps, roster, CAREFUL
    )
