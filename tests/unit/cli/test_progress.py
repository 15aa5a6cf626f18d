"""Whoever waits for a run comes back when its report is there, not when its end is."""

import threading

import pytest

from fitsom_runner.cli import progress
from fitsom_runner.execution import runs
from fitsom_runner.execution.models import Run
from fitsom_runner.execution.states import RunStatus
from tests.unit.conftest import SetClock
from tests.unit.people.cast import IN_WINDOW, TECHNICIAN, Story


@pytest.fixture
def finished_run(story: Story, set_clock: SetClock, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A run whose end is written down."""
    monkeypatch.setattr(runs, "_spawn", lambda _config, _run, _lock: None)
    change = story.scheduled("minor")
    set_clock(IN_WINDOW)
    run = runs.start(story.config, TECHNICIAN, change)
    Run.objects.filter(pk=run.pk).update(status=RunStatus.SUCCEEDED)
    return run


def test_the_child_is_let_finish_its_report(
    story: Story, finished_run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "POLL_SECONDS", 0.01)
    report = story.config.run_dir(finished_run.id) / "report.json"
    lock, writing = threading.Event(), threading.Event()

    def child() -> None:
        with runs.adopt(story.config, finished_run.id):
            lock.set()
            writing.wait(0.5)
            report.write_text("{}")

    threading.Thread(target=child).start()
    lock.wait()
    assert progress.wait(story.config, finished_run).status == RunStatus.SUCCEEDED
    assert report.exists()


def test_a_child_that_never_goes_is_not_waited_for_for_ever(
    story: Story, finished_run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "POLL_SECONDS", 0.01)
    monkeypatch.setattr(progress, "PATIENCE_SECONDS", 0.05)
    with runs.adopt(story.config, finished_run.id):
        assert progress.wait(story.config, finished_run).status == RunStatus.SUCCEEDED
