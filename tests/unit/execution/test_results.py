"""What a report tells of a run is what was recorded at its end: rows that were rewritten afterwards are found."""

from typing import Any

import pytest

from fitsom_runner.ansible.ledger import Status
from fitsom_runner.execution import outcome, results, runs
from fitsom_runner.execution.models import HostOutcome, Run
from fitsom_runner.execution.states import RunStatus
from tests.unit.ansible.events import stats
from tests.unit.conftest import SetClock
from tests.unit.execution.test_outcome import CLEAN, SUM, events_of, finish
from tests.unit.people.cast import IN_WINDOW, NOW, TECHNICIAN, Story, later


def faults() -> str:
    return "\n".join(results.faults())


@pytest.fixture
def started(story: Story, set_clock: SetClock, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A run that was started by the command, whose child is ours."""
    monkeypatch.setattr(runs, "_spawn", lambda *_: None)
    change = story.scheduled("minor")
    set_clock(IN_WINDOW)
    return runs.start(story.config, TECHNICIAN, change)


def ended(story: Story, run: Run) -> Run:
    finish(story, run, [*events_of(Status.CHANGED, Status.OK), stats(**SUM)], CLEAN)
    return Run.objects.get(pk=run.pk)


@pytest.mark.parametrize("end", ["success", "refusal", "crash", "under way"])
def test_what_was_recorded_is_what_the_log_says(story: Story, started: Run, end: str) -> None:
    if end == "success":
        assert ended(story, started).status == RunStatus.SUCCEEDED
    elif end == "refusal":
        outcome.refuse(story.config, started, ["playbook moved"], needs_planning=True)
    elif end == "crash":
        finish(story, started, [], None)
    assert faults() == ""


@pytest.mark.parametrize(
    ("model", "values"),
    [
        (Run, {"status": RunStatus.FAILED}),
        (Run, {"started_by": "dixon"}),
        (Run, {"ended_at": later(days=9)}),
        (Run, {"hosts": ["srv1"]}),
        (Run, {"messages": ["all is well"]}),
        (Run, {"versions": {"ansible-core": "1"}}),
        (HostOutcome, {"outcome": "failed"}),
        (HostOutcome, {"reason": "nothing"}),
        (HostOutcome, {"items": [{"task": "Nothing"}]}),
        (HostOutcome, {"facts": {"notes": ["x"]}}),
        (HostOutcome, {"host": "srv9"}),
    ],
)
def test_a_result_that_was_rewritten_is_named(
    story: Story, started: Run, model: Any, values: dict[str, Any]
) -> None:
    ended(story, started)
    rows = model.objects.all() if model is Run else model.objects.filter(host="srv1")
    rows.update(**values)
    assert "the results of the run CHG-2026-0001-run1 are not those that were recorded" in faults()


def test_a_run_that_nobody_started_and_one_that_is_gone_are_named(story: Story, started: Run) -> None:
    Run.objects.filter(pk=started.pk).update(status=RunStatus.SUCCEEDED)
    assert faults() == "the run CHG-2026-0001-run1 is succeeded, and did not end according to the log"
    Run.objects.all().delete()
    assert faults() == "the run CHG-2026-0001-run1 is in the log and no longer in the records"
    Run.objects.create(id="made-up", change=started.change, plan=started.plan, claimed_at=NOW)
    assert "the run made-up is in the records and was never started according to the log" in faults()


def test_an_older_run_is_held_by_its_outcomes(
    story: Story, started: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(results, "values", lambda run: {"run": run.id})
    ended(story, started)
    assert faults() == ""
    HostOutcome.objects.filter(host="srv2").update(outcome="failed")
    assert "are not those that were recorded" in faults()
