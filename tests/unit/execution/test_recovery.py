"""Runs whose child is dead are ended, each for itself: one that raises keeps no other open."""

import json
from typing import Any

import pytest
from django.db import OperationalError

from fitsom_runner.ansible.ledger import Status
from fitsom_runner.changes import service
from fitsom_runner.changes.states import Action, State
from fitsom_runner.execution import outcome, recovery, runs
from fitsom_runner.execution.models import HostOutcome, Run
from fitsom_runner.execution.states import RunStatus
from fitsom_runner.processes.models import Incident
from tests.unit.ansible.events import done, result, start, task, touch
from tests.unit.people.cast import NOW, TECHNICIAN, Story

WELL = [start(), task(1, "Install"), touch("srv1"), result("srv1", 1, Status.CHANGED), done("srv1")]


def dead(story: Story, ledger: list[dict[str, Any]]) -> Run:
    """A run that nobody supervises any more, with what it left in its ledger."""
    change = service.move(story.scheduled("minor"), Action.START, TECHNICIAN.actor)
    assert change.plan is not None
    run = Run.objects.create(
        id=f"{change.number}-run1",
        change=change,
        plan=change.plan,
        status=RunStatus.APPLYING,
        hosts=["srv1", "srv2"],
        started_by="higgins",
        os_user="higgins",
        claimed_at=NOW,
    )
    folder = story.config.run_dir(run.id)
    folder.mkdir(parents=True)
    (folder / "ledger.jsonl").write_text("".join(json.dumps(event) + "\n" for event in ledger))
    return run


def outcomes_of(run: Run) -> dict[str, str]:
    return dict(HostOutcome.objects.filter(run=run).values_list("host", "outcome"))


def test_a_run_whose_ledger_cannot_be_taken_in_leaves_its_hosts_unknown_and_the_others_go_on(
    story: Story, caplog: pytest.LogCaptureFixture
) -> None:
    broken = dead(story, [*WELL, {"e": "res", "h": "srv2"}])
    well = dead(story, WELL)
    recovered = recovery.recover(story.config)
    assert [(run.id, run.status) for run in recovered] == [
        (broken.id, "interrupted"),
        (well.id, "interrupted"),
    ]
    assert outcomes_of(broken) == {"srv1": "unknown", "srv2": "unknown"}
    assert outcomes_of(well) == {"srv1": "done", "srv2": "untouched"}
    assert service.get(broken.change.number).stage is State.INTERRUPTED
    assert "KeyError" in HostOutcome.objects.filter(run=broken).values_list("reason", flat=True)[0]
    assert Incident.objects.filter(run=broken, host="srv2").exists()
    assert broken.id in caplog.text
    assert recovery.recover(story.config) == [], "once is enough"


@pytest.mark.parametrize(
    "fault", [OSError("no space"), OperationalError("disk is full"), RuntimeError("odd")]
)
def test_a_run_whose_end_cannot_be_written_stays_open_and_the_others_go_on(
    story: Story, monkeypatch: pytest.MonkeyPatch, fault: Exception
) -> None:
    stuck, well = dead(story, WELL), dead(story, WELL)
    finish = outcome.finish

    def fail(config: Any, run: Run, *arguments: Any) -> None:
        if run.pk == stuck.pk:
            raise fault
        finish(config, run, *arguments)

    monkeypatch.setattr(outcome, "finish", fail)
    monkeypatch.setattr(outcome, "end_as_unknown", fail)
    assert [run.id for run in recovery.recover(story.config)] == [well.id]
    assert Run.objects.get(pk=stuck.pk).status == RunStatus.APPLYING
    monkeypatch.undo()
    assert [run.id for run in recovery.recover(story.config)] == [stuck.id]


def test_a_change_that_was_moved_meanwhile_does_not_keep_its_run_open(story: Story) -> None:
    run = dead(story, [{"e": "res"}])
    service.move(run.change, Action.INTERRUPT, service.SYSTEM)
    assert [recovered.status for recovered in recovery.recover(story.config)] == ["interrupted"]
    assert outcomes_of(run) == {"srv1": "unknown", "srv2": "unknown"}


def test_a_living_run_is_left_alone(story: Story) -> None:
    run = dead(story, WELL)
    with runs.adopt(story.config, run.id):
        assert recovery.recover(story.config) == []
    assert Run.objects.get(pk=run.pk).status == RunStatus.APPLYING
