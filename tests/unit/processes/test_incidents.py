"""A run that left trouble behind leaves an incident for each host, once."""

import json

import pytest

from fitsom_runner.audit.models import AuditEntry
from fitsom_runner.changes import service
from fitsom_runner.changes.states import Action
from fitsom_runner.errors import IncompleteError, NotAllowedError, NotFoundError, RefusedError
from fitsom_runner.execution.models import HostOutcome, Run
from fitsom_runner.execution.states import Outcome, RunStatus
from fitsom_runner.processes import incidents
from fitsom_runner.processes.models import Incident
from tests.unit.conftest import SetClock
from tests.unit.people.cast import HEAD, NOW, TECHNICIAN, Story

NO_SPACE = [
    {"task": "Check", "role": "r", "error": "?"},
    {"task": "Install", "role": "r", "error": "no space"},
]


@pytest.fixture
def run(story: Story) -> Run:
    """A failed run without outcomes yet."""
    change = service.move(story.scheduled("minor"), Action.START, service.SYSTEM)
    assert change.plan is not None
    return Run.objects.create(
        id="r1",
        change=change,
        plan=change.plan,
        status=RunStatus.FAILED,
        started_by="higgins",
        os_user="higgins",
        claimed_at=NOW,
    )


def record_outcome(
    run: Run, host: str, outcome: Outcome, failures: list[dict[str, str]] | None = None
) -> None:
    HostOutcome.objects.create(
        run=run, host=host, outcome=outcome, reason=f"{host} {outcome}", failures=failures or []
    )


def noted() -> list[tuple[str, str, str, int]]:
    return [(i.number, i.host, i.task, i.seen) for i in Incident.objects.order_by("number")]


@pytest.mark.parametrize("outcome", [Outcome.FAILED, Outcome.UNREACHABLE, Outcome.UNKNOWN])
def test_a_host_in_trouble_is_an_incident(run: Run, outcome: Outcome) -> None:
    record_outcome(run, "srv1", outcome, NO_SPACE)
    incidents.note(run)
    assert noted() == [("INC-2026-0001", "srv1", "Install", 1)]
    assert Incident.objects.get().error == f"srv1 {outcome}"


@pytest.mark.parametrize("outcome", [Outcome.DONE, Outcome.UNTOUCHED])
def test_a_host_that_is_well_or_untouched_is_none(run: Run, outcome: Outcome) -> None:
    record_outcome(run, "srv1", outcome)
    incidents.note(run)
    assert noted() == []


def test_the_same_fault_again_is_counted(run: Run) -> None:
    record_outcome(run, "srv1", Outcome.FAILED, NO_SPACE)
    incidents.note(run)
    incidents.note(run)
    assert noted() == [("INC-2026-0001", "srv1", "Install", 2)]
    assert AuditEntry.objects.filter(action="incident.noted").count() == 1


def test_each_host_has_an_incident_of_its_own(run: Run) -> None:
    record_outcome(run, "srv1", Outcome.FAILED, NO_SPACE)
    record_outcome(run, "srv2", Outcome.UNKNOWN)
    incidents.note(run)
    assert noted() == [
        ("INC-2026-0001", "srv1", "Install", 1),
        ("INC-2026-0002", "srv2", "host left unknown", 1),
    ]


def test_an_interrupted_run_is_an_incident_by_itself(run: Run) -> None:
    run.status = RunStatus.INTERRUPTED
    incidents.note(run)
    assert noted() == [("INC-2026-0001", "(the run itself)", "the run was interrupted", 1)]


def test_incidents_count_within_a_year(run: Run, set_clock: SetClock) -> None:
    record_outcome(run, "srv1", Outcome.FAILED, NO_SPACE)
    incidents.note(run)
    set_clock(NOW.replace(year=2027))
    record_outcome(run, "srv2", Outcome.UNKNOWN)
    incidents.note(run)
    assert [number for number, *_ in noted()] == ["INC-2026-0001", "INC-2027-0001"]


def test_an_exception_that_was_found_is_an_incident_and_a_warning_is_none(run: Run) -> None:
    record_outcome(run, "srv1", Outcome.DONE)
    result = {"kind": "backup-stale", "ci": "srv1: homes", "what": "The last backup is old.", "do": ""}
    facts = {
        "findings": [
            {**result, "severity": "exception", "evidence": "3 days"},
            {**result, "severity": "warning", "evidence": "", "ci": "srv1: www"},
        ]
    }
    HostOutcome.objects.filter(run=run).update(facts=facts)
    incidents.note(run)
    assert noted() == [("INC-2026-0001", "srv1", "backup-stale: srv1: homes", 1)]
    assert Incident.objects.get().error == "The last backup is old. 3 days"


def failed_on(run: Run, host: str) -> str:
    """The number of the incident of a host that a run left failed."""
    record_outcome(run, host, Outcome.FAILED, NO_SPACE)
    incidents.note(run)
    return Incident.objects.get(host=host).number


def test_an_incident_is_assigned_and_closed_with_what_mended_it(story: Story, run: Run) -> None:
    number = failed_on(run, "srv1")
    assert incidents.assign(story.config, TECHNICIAN, "1", "boucher").assigned_to == "boucher"
    closed = incidents.close(story.config, TECHNICIAN, number, " The disc was full: cleared. ")
    assert (closed.closed_by, closed.resolution) == ("higgins", "The disc was full: cleared.")
    assert closed.closed_at is not None
    actions = AuditEntry.objects.filter(subject=number).values_list("action", flat=True)
    assert list(actions) == ["incident.noted", "incident.assigned", "incident.closed"]
    with pytest.raises(RefusedError, match="is closed: The disc was full"):
        incidents.close(story.config, TECHNICIAN, number, "again")
    with pytest.raises(RefusedError, match="is closed"):
        incidents.assign(story.config, TECHNICIAN, number, "boucher")


def test_the_same_fault_opens_a_closed_incident_again(story: Story, run: Run) -> None:
    number = failed_on(run, "srv1")
    incidents.close(story.config, TECHNICIAN, number, "cleared")
    incidents.note(run)
    incident = incidents.get(number)
    assert (incident.closed_at, incident.resolution, incident.seen) == (None, "", 2)
    assert json.loads(AuditEntry.objects.get(action="incident.reopened").detail)["was"] == "cleared"


def test_what_is_unknown_or_not_told_is_refused(story: Story, run: Run) -> None:
    number = failed_on(run, "srv1")
    for unknown in ("2", "INC-2025-0001", "x", ""):
        with pytest.raises(NotFoundError, match="no incident"):
            incidents.get(unknown)
    with pytest.raises(NotFoundError, match="no person 'nobody'"):
        incidents.assign(story.config, TECHNICIAN, number, "nobody")
    with pytest.raises(IncompleteError, match="what mended"):
        incidents.close(story.config, TECHNICIAN, number, "  ")
    with pytest.raises(NotAllowedError):
        incidents.close(story.config, HEAD, number, "cleared")
