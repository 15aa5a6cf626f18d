"""What starts by itself, when, and how often."""

from datetime import timedelta

import pytest

from fitsom_runner.changes import service
from fitsom_runner.changes.draft import WindowText
from fitsom_runner.changes.states import State
from fitsom_runner.execution import runs
from fitsom_runner.execution.models import Run
from fitsom_runner.execution.states import RunStatus
from fitsom_runner.people.powers import Identity
from fitsom_runner.schedule import due
from fitsom_runner.schedule.due import TickResult
from tests.unit.conftest import SetClock
from tests.unit.people.cast import HEAD, IN_WINDOW, TECHNICIAN, Story

AFTER = IN_WINDOW + timedelta(minutes=30)
BEFORE = IN_WINDOW - timedelta(minutes=31)


@pytest.fixture
def spawned(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The runs whose child would have been started."""
    result: list[str] = []
    monkeypatch.setattr(runs, "_spawn", lambda _config, run, _lock: result.append(run.id))
    return result


def tick(story: Story, identity: Identity = TECHNICIAN) -> list[TickResult]:
    return due.tick(story.config, identity)


def test_nothing_starts_before_its_window(story: Story, set_clock: SetClock, spawned: list[str]) -> None:
    story.scheduled("minor")
    set_clock(BEFORE)
    assert tick(story) == []
    assert due.runnable_now() == []
    assert spawned == []


def test_an_approved_change_starts_in_its_window_once(
    story: Story, set_clock: SetClock, spawned: list[str]
) -> None:
    change = story.scheduled("minor")
    set_clock(IN_WINDOW)
    assert [c.number for c in due.runnable_now()] == [change.number]
    assert tick(story) == [TickResult(change=change.number, run=f"{change.number}-run1")]
    assert tick(story) == []
    assert len(spawned) == 1


def test_a_run_that_died_is_not_started_again_by_the_next_tick(
    story: Story, set_clock: SetClock, spawned: list[str]
) -> None:
    change = story.scheduled("minor")
    set_clock(IN_WINDOW)
    tick(story)
    Run.objects.update(status=RunStatus.INTERRUPTED)
    run = f"{change.number}-run1"
    assert tick(story) == [TickResult(change=change.number, run=run, ended="interrupted")]
    assert tick(story) == [], "it is said once"
    assert service.get(change.number).stage is State.RUNNING
    assert len(spawned) == 1


@pytest.mark.parametrize("made", ["submitted", "planned", "scheduled"])
def test_what_missed_its_window_expires(
    story: Story, set_clock: SetClock, spawned: list[str], made: str
) -> None:
    change = getattr(story, made)("minor")
    set_clock(AFTER)
    assert tick(story) == [TickResult(change=change.number, why="its window passed without a start: expired")]
    assert service.get(change.number).stage is State.EXPIRED
    assert spawned == []


def test_a_draft_does_not_expire(story: Story, set_clock: SetClock) -> None:
    change = story.drafted("minor")
    set_clock(AFTER)
    assert tick(story) == []
    assert service.get(change.number).stage is State.DRAFT


def test_what_is_not_approved_does_not_start(story: Story, set_clock: SetClock, spawned: list[str]) -> None:
    story.planned("minor")
    set_clock(IN_WINDOW)
    assert tick(story) == []
    assert due.runnable_now() == []
    assert spawned == []


def test_an_approved_emergency_without_a_window_starts_at_once(story: Story, spawned: list[str]) -> None:
    change = story.scheduled("emergency", window=None)
    assert tick(story) == [TickResult(change=change.number, run=f"{change.number}-run1")]


def test_one_change_that_cannot_start_does_not_hold_up_the_others(
    story: Story, set_clock: SetClock, spawned: list[str]
) -> None:
    first_change, second_change = story.scheduled("minor"), story.scheduled("minor")
    late = story.scheduled("minor", window=WindowText(start="2026-11-27 17:00", end="18:00"))
    set_clock(IN_WINDOW)
    results = {t.change: t for t in tick(story)}
    assert results[late.number].why.endswith("expired")
    assert results[first_change.number].run == f"{first_change.number}-run1"
    assert results[second_change.number].why == f"{first_change.number}-run1 is running on srv1, srv2"


def test_who_may_not_run_starts_nothing_and_is_told_why(
    story: Story, set_clock: SetClock, spawned: list[str]
) -> None:
    change = story.scheduled("minor")
    set_clock(IN_WINDOW)
    (results,) = tick(story, HEAD)
    assert (results.run, results.why) == ("", "Margaret Hale (head teacher) may not run changes")
    assert service.get(change.number).stage is State.SCHEDULED


@pytest.mark.parametrize(("status", "is_trouble"), [(RunStatus.SUCCEEDED, False), (RunStatus.FAILED, True)])
def test_how_a_run_has_ended_that_a_tick_started_is_said_by_the_next(
    story: Story, set_clock: SetClock, spawned: list[str], status: RunStatus, is_trouble: bool
) -> None:
    change = story.scheduled("minor")
    set_clock(IN_WINDOW)
    (started,) = tick(story)
    assert not started.is_trouble
    assert tick(story) == [], "it is under way"
    Run.objects.update(status=status)
    (result,) = tick(story)
    assert (result.run, result.ended, result.is_trouble) == (f"{change.number}-run1", status, is_trouble)


def test_what_somebody_started_by_hand_is_not_the_timers_to_tell(
    story: Story, set_clock: SetClock, spawned: list[str]
) -> None:
    set_clock(IN_WINDOW)
    runs.start(story.config, TECHNICIAN, story.scheduled("minor"))
    Run.objects.update(status=RunStatus.FAILED)
    assert tick(story) == []


def test_what_waits_for_another_run_is_no_trouble_and_what_is_refused_is(
    story: Story, set_clock: SetClock, spawned: list[str]
) -> None:
    first_change, second_change = story.scheduled("minor"), story.scheduled("minor")
    set_clock(IN_WINDOW)
    trouble = {t.change: t.is_trouble for t in tick(story)}
    assert trouble == {first_change.number: False, second_change.number: False}
    (refused,) = tick(story, HEAD)
    assert refused.is_trouble
