"""What is known of each host after a run, and of the run."""

from itertools import product
from pathlib import Path
from typing import Any

import pytest

from fitsom_runner.ansible.ledger import Event, HostState, LedgerState, Status
from fitsom_runner.ansible.play import PlaybookResult
from fitsom_runner.changes import service
from fitsom_runner.changes.models import Change
from fitsom_runner.changes.states import Action, State
from fitsom_runner.execution import outcome
from fitsom_runner.execution.models import HostOutcome, Run, TaskResult
from fitsom_runner.execution.states import Outcome, RunKind, RunStatus
from fitsom_runner.facts import HostChanges
from fitsom_runner.processes.models import Incident
from tests.unit.ansible.events import done, ledger_of, notified, result, start, stats, task, touch
from tests.unit.ansible.test_ledger import lines
from tests.unit.people.cast import NOW, TECHNICIAN, Story

FAILED = result("h", 1, Status.FAILED, msg="no space")
NO_ROUTE = result("h", 1, Status.UNREACHABLE, msg="no route")
TASK_STARTED: list[Event] = [start(), task(1, "Install"), touch("h")]


@pytest.mark.parametrize(
    ("events", "marked", "expected", "reason"),
    [
        # Nothing of it in the ledger.
        ([start()], True, Outcome.UNTOUCHED, "no task was started on it"),
        ([start(), stats()], False, Outcome.UNTOUCHED, "no task was started on it"),
        # Only read from.
        (
            [start(), task(1, "Facts"), result("h", 1, Status.OK)],
            True,
            Outcome.UNTOUCHED,
            "no task that may change",
        ),
        (
            [start(), task(1, "Facts"), result("h", 1, Status.OK)],
            False,
            Outcome.UNTOUCHED,
            "no task that may change",
        ),
        # Touched, and the end not seen.
        (TASK_STARTED, True, Outcome.UNKNOWN, "'its first step'"),
        ([*TASK_STARTED, result("h", 1, Status.CHANGED)], True, Outcome.UNKNOWN, "after 'Install'"),
        ([*TASK_STARTED, result("h", 1, Status.CHANGED)], False, Outcome.UNKNOWN, "after 'Install'"),
        # Touched, done by the mark, whatever came after.
        ([*TASK_STARTED, result("h", 1, Status.CHANGED), done("h")], True, Outcome.DONE, ""),
        ([*TASK_STARTED, result("h", 1, Status.CHANGED), done("h"), stats(h={})], True, Outcome.DONE, ""),
        ([*TASK_STARTED, FAILED, result("h", 1, Status.OK), done("h")], True, Outcome.DONE, ""),
        # Ansible closed the ledger, and the playbook has no mark.
        ([*TASK_STARTED, result("h", 1, Status.CHANGED), stats(h={})], False, Outcome.DONE, ""),
        # Ansible closed it, and the mark did not come though the playbook has one.
        (
            [*TASK_STARTED, result("h", 1, Status.CHANGED), stats(h={})],
            True,
            Outcome.FAILED,
            "should have followed 'Install'",
        ),
        # Failed; rescued, so that Ansible's statistics count no failure.
        ([*TASK_STARTED, FAILED], True, Outcome.FAILED, "Install: no space"),
        # Broken off after something had followed the failure, perhaps to rescue it.
        ([*TASK_STARTED, FAILED, result("h", 1, Status.OK)], True, Outcome.UNKNOWN, "Install: no space"),
        ([*TASK_STARTED, FAILED, stats(h={"failures": 1})], True, Outcome.FAILED, "Install: no space"),
        ([*TASK_STARTED, FAILED, stats(h={})], False, Outcome.DONE, ""),
        ([*TASK_STARTED, FAILED, done("h"), stats(h={})], True, Outcome.DONE, ""),
        (
            [*TASK_STARTED, FAILED, done("h"), stats(h={"failures": 1})],
            True,
            Outcome.FAILED,
            "Install: no space",
        ),
        # Out of reach.
        ([*TASK_STARTED, NO_ROUTE], True, Outcome.UNREACHABLE, "Install: no route"),
        (
            [*TASK_STARTED, NO_ROUTE, stats(h={"unreachable": 1})],
            True,
            Outcome.UNREACHABLE,
            "Install: no route",
        ),
        ([*TASK_STARTED, NO_ROUTE, done("h"), stats(h={})], True, Outcome.DONE, ""),
        # Closed without a word on this host.
        ([*TASK_STARTED, stats()], False, Outcome.UNKNOWN, "may have continued"),
    ],
)
def test_a_host_is_judged_by_what_the_ledger_tells(
    events: list[Event], marked: bool, expected: Outcome, reason: str
) -> None:
    judged, why = outcome.judge(ledger_of(*events), "h", HostChanges(marks=int(marked), ends_marked=marked))
    assert judged is expected
    assert reason in why


@pytest.mark.parametrize(
    ("planned", "more"),
    [
        (HostChanges(marks=1), []),
        (HostChanges(marks=1, ends_marked=True), [notified("h", "p.yml:3", "Restart")]),
    ],
    ids=["more is to come", "a handler is owed"],
)
def test_a_host_is_not_done_at_its_mark_where_something_has_yet_to_come(
    planned: HostChanges, more: list[Event]
) -> None:
    ledger_state = ledger_of(*TASK_STARTED, *more, done("h"))
    assert outcome.judge(ledger_state, "h", planned)[0] is Outcome.UNKNOWN


def test_a_touched_host_is_never_untouched_and_an_unmarked_one_never_done_after_a_crash() -> None:
    flags = (False, True)
    for touched, finished, failed, unreachable, marked in product(flags, repeat=5):
        host = HostState(
            touched=touched, done=finished, marks=int(finished), failed=failed, unreachable=unreachable
        )
        judged, _why = outcome.judge(
            LedgerState(complete=False, hosts={"h": host}),
            "h",
            HostChanges(marks=int(marked), ends_marked=marked),
        )
        if touched:
            assert judged is not Outcome.UNTOUCHED
        if not finished:
            assert judged is not Outcome.DONE


@pytest.mark.parametrize("complete", [False, True])
@pytest.mark.parametrize("cancelled", [None, False, True])
@pytest.mark.parametrize(
    "outcomes", [(), *product([o for o in Outcome if o is not Outcome.RUNNING], repeat=2)]
)
def test_a_run_succeeded_only_where_ansible_closed_it_and_every_host_is_done(
    complete: bool, cancelled: bool | None, outcomes: tuple[Outcome, ...]
) -> None:
    playbook_result = None if cancelled is None else PlaybookResult(rc=0, cancelled=cancelled, lines=())
    status = outcome.status_of(LedgerState(complete=complete), playbook_result, list(outcomes))
    untouched = set(outcomes) <= {Outcome.UNTOUCHED}
    if cancelled:
        assert status is RunStatus.CANCELLED
    elif complete:
        assert (status is RunStatus.SUCCEEDED) == (set(outcomes) <= {Outcome.DONE})
        assert status in (RunStatus.SUCCEEDED, RunStatus.FAILED)
    elif playbook_result is None or not untouched:
        assert status is RunStatus.INTERRUPTED
    else:
        assert status is RunStatus.FAILED, "Ansible gave up before it began"


def running(story: Story, kind: RunKind = RunKind.APPLY) -> Run:
    """A run of a scheduled change on srv1 and srv2, whose plan has the done mark."""
    change = service.move(story.scheduled("minor"), Action.START, TECHNICIAN.actor)
    assert change.plan is not None
    return Run.objects.create(
        id=f"{change.number}-run1",
        change=change,
        plan=change.plan,
        kind=kind,
        status=RunStatus.APPLYING,
        hosts=["srv1", "srv2"],
        started_by="higgins",
        os_user="higgins",
        claimed_at=NOW,
    )


def finish(story: Story, run: Run, events: list[Event], ended: PlaybookResult | None) -> Change:
    folder = story.config.run_dir(run.id)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "ledger.jsonl").write_bytes(lines(events))
    outcome.finish(story.config, run, ended)
    return service.get(run.change.number)


def events_of(*statuses: Status, mark: bool = True) -> list[Event]:
    events: list[Event] = [start(), task(1, "Install")]
    for host, status in zip(("srv1", "srv2"), statuses, strict=True):
        events += [touch(host), result(host, 1, status, msg="no space")]
        events += [done(host)] if mark and status is not Status.FAILED else []
    return events


@pytest.mark.parametrize(
    ("rc", "killed"), [(0, False), (2, False), (250, False), (-9, True), (137, True), (143, True)]
)
def test_a_signal_is_told_by_the_program_or_by_its_room(rc: int, killed: bool) -> None:
    assert PlaybookResult(rc=rc, cancelled=False, lines=()).was_killed is killed


CLEAN = PlaybookResult(rc=0, cancelled=False, lines=("a warning",))
SUM: dict[str, dict[str, int]] = {"srv1": {}, "srv2": {}}


def outcomes_of(run: Run) -> dict[str, str]:
    return dict(HostOutcome.objects.filter(run=run).values_list("host", "outcome"))


def test_a_run_that_went_well_makes_the_change_succeed(story: Story) -> None:
    run = running(story)
    change = finish(story, run, [*events_of(Status.CHANGED, Status.OK), stats(**SUM)], CLEAN)
    run.refresh_from_db()
    assert (change.stage, run.status) == (State.SUCCEEDED, RunStatus.SUCCEEDED)
    assert outcomes_of(run) == {"srv1": "done", "srv2": "done"}
    assert len(run.ledger_sha256) == 64
    assert run.messages == [], "what Ansible printed beside a good run is of no interest"
    assert TaskResult.objects.count() == 2
    assert not Incident.objects.exists()


def test_a_failed_host_makes_the_change_fail_and_an_incident(story: Story) -> None:
    run = running(story)
    events = [*events_of(Status.CHANGED, Status.FAILED), stats(srv1={}, srv2={"failures": 1})]
    change = finish(story, run, events, PlaybookResult(rc=2, cancelled=False, lines=("a warning",)))
    run.refresh_from_db()
    assert (change.stage, run.status, run.messages) == (State.FAILED, RunStatus.FAILED, ["a warning"])
    assert outcomes_of(run) == {"srv1": "done", "srv2": "failed"}
    incident = Incident.objects.get()
    assert (incident.host, incident.task, incident.error) == ("srv2", "Install", "Install: no space")


def test_a_crash_leaves_the_change_interrupted_and_every_host_known_or_unknown(story: Story) -> None:
    run = running(story)
    change = finish(story, run, [*events_of(Status.CHANGED, Status.OK)[:4], touch("srv2")], None)
    assert change.stage is State.INTERRUPTED
    assert outcomes_of(run) == {"srv1": "unknown", "srv2": "unknown"}
    assert sorted(Incident.objects.values_list("host", flat=True)) == ["(the run itself)", "srv1", "srv2"]


def test_a_crash_before_anything_began_leaves_every_host_untouched(story: Story) -> None:
    run = running(story)
    change = finish(story, run, [], None)
    assert change.stage is State.INTERRUPTED
    assert outcomes_of(run) == {"srv1": "untouched", "srv2": "untouched"}


def test_a_cancelled_run_leaves_the_change_interrupted(story: Story) -> None:
    run = running(story)
    change = finish(
        story, run, events_of(Status.CHANGED, Status.OK)[:5], PlaybookResult(rc=1, cancelled=True, lines=())
    )
    run.refresh_from_db()
    assert (change.stage, run.status) == (State.INTERRUPTED, RunStatus.CANCELLED)
    assert outcomes_of(run) == {"srv1": "done", "srv2": "untouched"}


def test_a_back_out_that_went_well_makes_the_change_backed_out(story: Story) -> None:
    run = running(story, RunKind.BACKOUT)
    change = finish(story, run, [*events_of(Status.CHANGED, Status.OK), stats(**SUM)], CLEAN)
    assert (change.stage, change.backout_used) == (State.BACKED_OUT, True)


def test_the_end_of_a_run_is_written_once(story: Story) -> None:
    run = running(story)
    events = [*events_of(Status.CHANGED, Status.OK), stats(**SUM)]
    finish(story, run, events, CLEAN)
    outcome.finish(story.config, Run.objects.get(pk=run.pk), None)
    run.refresh_from_db()
    assert run.status == RunStatus.SUCCEEDED
    assert outcomes_of(run) == {"srv1": "done", "srv2": "done"}


def test_a_refused_run_touched_nothing_and_sends_the_change_back(story: Story) -> None:
    run = running(story)
    outcome.refuse(story.config, run, ["playbook moved"], needs_planning=True)
    run.refresh_from_db()
    assert (run.status, run.refusal) == (RunStatus.REFUSED, ["playbook moved"])
    assert outcomes_of(run) == {"srv1": "untouched", "srv2": "untouched"}
    assert service.get(run.change.number).stage is State.SUBMITTED


def test_rows_grow_with_the_ledger(story: Story, tmp_path: Path) -> None:
    run, path = running(story), tmp_path / "ledger.jsonl"
    rows, events = outcome.RunRecorder(run, path), events_of(Status.CHANGED, Status.OK)
    counts: list[Any] = []
    for upto in (0, 2, 4, 4, len(events)):
        path.write_bytes(lines(events[:upto]))
        rows.store_new()
        counts.append(TaskResult.objects.filter(host__run=run).count())
    assert counts == [0, 0, 1, 1, 2]
