"""A run starts only with its signatures, in its window, once."""

import json
import re
from datetime import timedelta

import pytest

from fitsom_runner.audit.models import AuditEntry
from fitsom_runner.changes import evidence, service
from fitsom_runner.changes.models import Change, Plan
from fitsom_runner.changes.states import Action, State
from fitsom_runner.errors import IncompleteError, IntegrityError, NotAllowedError, NotFoundError, RefusedError
from fitsom_runner.execution import attempt, planner, runs
from fitsom_runner.execution.models import HostOutcome, Run
from fitsom_runner.execution.states import Outcome, RunKind, RunStatus
from tests.unit.conftest import SetClock
from tests.unit.people.cast import HEAD, IN_WINDOW, NOW, TECHNICIAN, Story


@pytest.fixture
def spawned(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The runs whose child would have been started."""
    result: list[str] = []
    monkeypatch.setattr(runs, "_spawn", lambda _config, run, _lock: result.append(run.id))
    return result


def test_a_state_set_behind_our_back_runs_nothing(
    story: Story, set_clock: SetClock, spawned: list[str]
) -> None:
    change = story.planned("minor")
    Change.objects.filter(pk=change.pk).update(state=State.SCHEDULED)
    set_clock(IN_WINDOW)
    with pytest.raises(RefusedError, match="lacks the signature 'approve implement'"):
        runs.start(story.config, TECHNICIAN, service.get(change.number))
    assert spawned == []


def test_a_run_is_refused_outside_its_window(story: Story, set_clock: SetClock, spawned: list[str]) -> None:
    change = story.scheduled("minor")
    for moment in (IN_WINDOW - timedelta(minutes=31), IN_WINDOW + timedelta(minutes=30)):
        set_clock(moment)
        with pytest.raises(RefusedError, match="may run only in its window: Fri 27 Nov 2026 18:00 to 19:00"):
            runs.start(story.config, TECHNICIAN, change)
    assert spawned == []


def test_an_emergency_without_a_window_runs_at_once(story: Story, spawned: list[str]) -> None:
    runs.start(story.config, TECHNICIAN, story.scheduled("emergency", window=None))
    assert spawned == ["CHG-2026-0001-run1"]


def test_only_who_may_run_starts_a_run(story: Story, set_clock: SetClock, spawned: list[str]) -> None:
    change = story.scheduled("minor")
    set_clock(IN_WINDOW)
    with pytest.raises(NotAllowedError):
        runs.start(story.config, HEAD, change)
    assert spawned == []


def test_a_planned_change_that_nobody_approved_does_not_start(
    story: Story, set_clock: SetClock, spawned: list[str]
) -> None:
    change = story.planned("minor")
    set_clock(IN_WINDOW)
    with pytest.raises(RefusedError, match="is planned"):
        runs.start(story.config, TECHNICIAN, change)


def test_of_two_who_start_the_same_change_one_wins(
    story: Story, set_clock: SetClock, spawned: list[str]
) -> None:
    change = story.scheduled("minor")
    set_clock(IN_WINDOW)
    first_run = runs.start(story.config, TECHNICIAN, change)
    with pytest.raises(RefusedError):
        runs.start(story.config, TECHNICIAN, change)
    assert spawned == [first_run.id]
    assert service.get(change.number).stage is State.RUNNING
    assert (first_run.kind, first_run.hosts) == (RunKind.APPLY, ["srv1", "srv2"])


def test_an_approved_plan_is_applied_once(
    story: Story, set_clock: SetClock, spawned: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    change = story.scheduled("minor")
    set_clock(IN_WINDOW)
    run = runs.start(story.config, TECHNICIAN, change)
    Run.objects.filter(pk=run.pk).update(status=RunStatus.INTERRUPTED)
    Change.objects.filter(pk=change.pk).update(state=State.SCHEDULED)
    with pytest.raises(IntegrityError):
        runs.start(story.config, TECHNICIAN, service.get(change.number))
    monkeypatch.setattr(evidence, "require", lambda _change: None)  # whatever the log says
    with pytest.raises(RefusedError, match="an approved plan is applied once"):
        runs.start(story.config, TECHNICIAN, service.get(change.number))
    assert spawned == [run.id]
    assert service.get(change.number).stage is State.SCHEDULED, "the refused start leaves no trace"


def test_what_was_rewritten_after_the_start_does_not_run(
    story: Story, set_clock: SetClock, spawned: list[str]
) -> None:
    change = story.scheduled("minor")
    set_clock(IN_WINDOW)
    run = runs.start(story.config, TECHNICIAN, change)
    Plan.objects.update(hosts={"srv1": {"items": [], "facts": {}}})
    attempt.carry_out(story.config, run.id)
    run.refresh_from_db()
    assert run.status == RunStatus.REFUSED
    assert any("is not the one that was taken" in reason for reason in run.refusal)


def test_two_changes_do_not_run_on_one_host_at_a_time(
    story: Story, set_clock: SetClock, spawned: list[str]
) -> None:
    first_change, second_change = story.scheduled("minor"), story.scheduled("minor")
    set_clock(IN_WINDOW)
    runs.start(story.config, TECHNICIAN, first_change)
    with pytest.raises(RefusedError, match="CHG-2026-0001-run1 is running on srv1, srv2"):
        runs.start(story.config, TECHNICIAN, second_change)
    assert spawned == ["CHG-2026-0001-run1"]


def interrupted(story: Story, **outcomes: Outcome) -> Change:
    change = story.scheduled("minor")
    for action in (Action.START, Action.INTERRUPT):
        change = service.move(change, action, service.SYSTEM)
    plan_of = change.plan
    assert plan_of is not None
    run = Run.objects.create(
        id=f"{change.number}-run1",
        change=change,
        plan=plan_of,
        status=RunStatus.INTERRUPTED,
        hosts=list(outcomes),
        started_by="higgins",
        os_user="higgins",
        claimed_at=NOW,
    )
    for host, expected in outcomes.items():
        HostOutcome.objects.create(run=run, host=host, outcome=expected)
    return change


def test_a_resumed_run_leaves_out_what_is_done(story: Story, set_clock: SetClock, spawned: list[str]) -> None:
    change = interrupted(story, srv1=Outcome.DONE, srv2=Outcome.UNKNOWN)
    set_clock(IN_WINDOW)
    run = runs.resume(story.config, TECHNICIAN, change)
    assert (run.kind, run.hosts) == (RunKind.RESUME, ["srv2"])


def test_where_every_host_is_done_there_is_nothing_to_resume(
    story: Story, set_clock: SetClock, spawned: list[str]
) -> None:
    change = interrupted(story, srv1=Outcome.DONE, srv2=Outcome.DONE)
    set_clock(IN_WINDOW)
    with pytest.raises(RefusedError, match="is done"):
        runs.resume(story.config, TECHNICIAN, change)


def test_a_run_is_resumed_only_in_its_window(story: Story, spawned: list[str]) -> None:
    change = interrupted(story, srv1=Outcome.DONE, srv2=Outcome.UNKNOWN)
    with pytest.raises(RefusedError, match="may run only in its window"):
        runs.resume(story.config, TECHNICIAN, change)


def test_a_back_out_takes_back_what_was_touched_at_any_time(story: Story, spawned: list[str]) -> None:
    change = interrupted(story, srv1=Outcome.DONE, srv2=Outcome.UNTOUCHED, srv3=Outcome.UNKNOWN)
    run = runs.backout(story.config, TECHNICIAN, change, reason="It broke")
    assert (run.kind, run.hosts, run.reason) == (RunKind.BACKOUT, ["srv1", "srv3"], "It broke")
    started = AuditEntry.objects.filter(action="change.start").order_by("-seq")[0]
    assert json.loads(started.detail)["reason"] == "It broke"


def test_a_back_out_without_a_reason_is_refused(story: Story, spawned: list[str]) -> None:
    change = interrupted(story, srv1=Outcome.DONE)
    with pytest.raises(IncompleteError, match="why CHG-2026-0001 is taken back"):
        runs.backout(story.config, TECHNICIAN, change, reason=" ")
    assert spawned == []


def test_a_back_out_may_change_what_the_plans_of_its_runs_named(story: Story, spawned: list[str]) -> None:
    change = interrupted(story, srv1=Outcome.DONE)
    packages = [{"name": "openssl", "from": "1", "to": "2", "action": "upgrade"}]
    Plan.objects.filter(change=change).update(
        hosts={"srv1": {"items": [], "facts": {"packages": packages}}, "srv2": {"items": [], "facts": {}}}
    )
    assert planner.packages_before(change) == {"srv1": {"openssl": "1"}}


def test_two_records_with_one_number_keep_their_ways_back_apart(story: Story) -> None:
    change = story.drafted()
    identifier = change.identifier
    assert re.fullmatch(r"CHG-2026-0001-[0-9a-f]{8}", identifier)
    assert service.get(change.number).identifier == identifier
    change.created_at += timedelta(microseconds=1)
    assert change.identifier != identifier


def test_a_change_that_touched_nothing_is_not_backed_out(story: Story, spawned: list[str]) -> None:
    change = interrupted(story, srv1=Outcome.UNTOUCHED)
    with pytest.raises(RefusedError, match="touched no host"):
        runs.backout(story.config, TECHNICIAN, change, reason="It broke")


def test_a_change_without_a_back_out_playbook_is_not_backed_out(story: Story, spawned: list[str]) -> None:
    change = interrupted(story, srv1=Outcome.DONE)
    change.backout_playbook = ""
    with pytest.raises(RefusedError, match="names no back-out playbook"):
        runs.backout(story.config, TECHNICIAN, change, reason="It broke")


def test_what_is_not_running_is_not_cancelled(story: Story) -> None:
    with pytest.raises(RefusedError, match="is not running"):
        runs.cancel(story.config, TECHNICIAN, story.scheduled("minor"))


def test_a_change_that_never_ran_has_no_run(story: Story) -> None:
    with pytest.raises(NotFoundError, match="has not run"):
        runs.latest(story.scheduled("minor"))


def test_too_little_space_for_the_record_is_refused_before_anything_is_claimed(
    story: Story, set_clock: SetClock, spawned: list[str]
) -> None:
    change = story.scheduled("minor")
    set_clock(IN_WINDOW)
    full = story.config.model_copy(update={"minimum_free_mb": 10**9})
    with pytest.raises(RefusedError, match="MB are free"):
        runs.start(full, TECHNICIAN, change)
    assert not Run.objects.exists()
    assert service.get(change.number).stage is State.SCHEDULED


def test_an_approval_that_is_too_old_runs_nothing(
    story: Story, set_clock: SetClock, spawned: list[str]
) -> None:
    change = story.scheduled("emergency", window=None)
    set_clock(NOW + timedelta(days=31))
    with pytest.raises(
        RefusedError, match=r"approve implement by .* is 3[01] days old, and approvals hold for 30"
    ):
        runs.start(story.config, TECHNICIAN, change)
    assert spawned == []
    runs.start(story.config.model_copy(update={"approvals_valid_days": 60}), TECHNICIAN, change)
    assert spawned == ["CHG-2026-0001-run1"]


def test_a_back_out_does_not_age(story: Story, set_clock: SetClock, spawned: list[str]) -> None:
    change = story.scheduled("emergency", window=None)
    runs.start(story.config, TECHNICIAN, change)
    run = Run.objects.get()
    HostOutcome.objects.create(run=run, host="srv1", outcome=Outcome.DONE)
    Run.objects.filter(pk=run.pk).update(status=RunStatus.SUCCEEDED)
    change = service.move(service.get(change.number), Action.SUCCEED, TECHNICIAN.actor)
    set_clock(NOW + timedelta(days=60))
    _plan, hosts = runs.way_back(story.config, change)
    assert hosts == ("srv1",)
