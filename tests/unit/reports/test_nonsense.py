"""Whatever a host answers, its run is recorded, its incidents are noted, and its reports are made."""

import json
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fitsom_runner.ansible.ledger import Event, Status
from fitsom_runner.changes import service, standard
from fitsom_runner.changes.models import Change, Plan, StandardTemplate
from fitsom_runner.changes.states import Action
from fitsom_runner.cli import show
from fitsom_runner.execution import outcome
from fitsom_runner.execution.models import HostOutcome, Run
from fitsom_runner.execution.states import RunStatus
from fitsom_runner.facts import FACTS_UNREADABLE
from fitsom_runner.operations import health
from fitsom_runner.processes import incidents
from fitsom_runner.processes.models import Incident
from fitsom_runner.reports import build, render
from tests.unit.ansible.events import done, ledger_of, result, start, stats, task, touch
from tests.unit.ansible.test_ledger import lines
from tests.unit.answers import PARTS, answers, anything
from tests.unit.people.cast import NOW, TECHNICIAN, Story, later

RECORDS = settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])


def storable(value: Any) -> bool:
    """Whether an older version could have stored it: a dictionary that is JSON."""
    try:
        return isinstance(value, dict) and bool(json.dumps(value, allow_nan=False))
    except ValueError:
        return False


stored = (answers | st.dictionaries(st.sampled_from(PARTS), anything)).filter(storable)


def running(story: Story) -> Run:
    change = service.move(story.scheduled("minor"), Action.START, TECHNICIAN.actor)
    assert change.plan is not None
    return Run.objects.create(
        id=f"{change.number}-run1",
        change=change,
        plan=change.plan,
        status=RunStatus.APPLYING,
        hosts=["srv1"],
        started_by="higgins",
        os_user="higgins",
        claimed_at=NOW,
    )


def events(answer: Any) -> list[Event]:
    changed = result("srv1", 1, Status.CHANGED, fitsom=answer, changes=[{"k": "d1"}])
    again = result("srv1", 1, Status.OK, fitsom=answer)
    return [start(), task(1, "Work"), touch("srv1"), changed, again, done("srv1"), stats(srv1={"changed": 1})]


@RECORDS
@given(answer=answers, planned=stored)
def test_a_run_is_recorded_and_reported_whatever_its_hosts_answer(
    story: Story, tmp_path: Path, answer: Any, planned: Any
) -> None:
    with transaction.atomic():
        run = running(story)
        Plan.objects.filter(pk=run.plan_id).update(hosts={"srv1": {**planned, "facts": planned}})
        folder = story.config.run_dir(run.id)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "ledger.jsonl").write_bytes(lines(events(answer)))
        outcome.finish(story.config, Run.objects.get(pk=run.pk), None)
        run = Run.objects.get(pk=run.pk)
        assert run.status == RunStatus.SUCCEEDED
        assert HostOutcome.objects.get(run=run).outcome == "done"
        change = Change.objects.get(pk=run.change_id)
        for which in (run, None):
            render.write_all(build.report(story.config, change, which), tmp_path / "report")
        show.change_page(change, story.config)
        transaction.set_rollback(True)


@RECORDS
@given(answer=stored)
def test_incidents_are_noted_from_older_records_whatever_they_hold(story: Story, answer: Any) -> None:
    with transaction.atomic():
        run = running(story)
        HostOutcome.objects.create(run=run, host="srv1", outcome="done", facts=answer)
        incidents.note(run)
        incidents.note(run)
        transaction.set_rollback(True)


@RECORDS
@given(answer=answers)
def test_a_look_is_taken_whatever_hosts_answer(tmp_path: Path, answer: Any) -> None:
    ledger_state = ledger_of(*events(answer)).hosts["srv1"]
    host_health = health.judge("srv1", ledger_state, {}, NOW.date())
    health.remember(tmp_path, {}, (host_health,), NOW.date())
    assert isinstance(health.recall(tmp_path)["srv1"], dict)


def test_nonsense_is_an_incident_and_an_open_point_of_the_report(story: Story, tmp_path: Path) -> None:
    run = running(story)
    folder = story.config.run_dir(run.id)
    folder.mkdir(parents=True)
    (folder / "ledger.jsonl").write_bytes(lines(events({"objects": "all of them"})))
    outcome.finish(story.config, run, None)
    assert [i.task for i in Incident.objects.all()] == [f"{FACTS_UNREADABLE}: srv1"]
    change = Change.objects.get(pk=run.change_id)
    report = build.report(story.config, change, Run.objects.get(pk=run.pk))
    assert "cannot be read" in render.render_markdown(report)


@pytest.fixture
def template(story: Story) -> StandardTemplate:
    """An approved template."""
    change = story.scheduled("minor")
    for action in (Action.START, Action.SUCCEED):
        change = service.move(change, action, service.SYSTEM)
    return standard.propose(story.config, TECHNICIAN, "monthly", change, expires=later(days=90))


@RECORDS
@given(answer=answers)
def test_no_nonsense_is_pre_approved(template: StandardTemplate, answer: Any) -> None:
    change = Change.objects.exclude(plan=None).first()
    assert change is not None
    assert change.plan is not None
    change.plan.hosts = {"srv1": {"facts": answer}}
    reasons = standard.deviations(template, change, change.plan)
    if not isinstance(answer, dict | None):
        assert "the answers of these hosts cannot be read completely: srv1" in reasons
