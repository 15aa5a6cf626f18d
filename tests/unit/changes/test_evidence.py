"""Records held against the log: what was written past fitsom is found, what an older fitsom wrote is no fault."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from fitsom_runner.audit import log
from fitsom_runner.audit.models import AuditEntry
from fitsom_runner.changes import evidence, service, standard
from fitsom_runner.changes.draft import RfcDraft, WindowText
from fitsom_runner.changes.models import Approval, Change, Plan, StandardTemplate
from fitsom_runner.changes.signatures import require_signatures
from fitsom_runner.changes.states import Action, State
from fitsom_runner.errors import IntegrityError, RefusedError
from fitsom_runner.people.models import EnrolledKey
from tests.unit.conftest import SetClock
from tests.unit.people.cast import HEAD, IN_WINDOW, NOW, TECHNICIAN, Story, later, plan

Attack = Callable[[Change], Any]


def rows(model: Any, **values: Any) -> Attack:
    """An attack on the rows of a table; `Change` has its own."""
    if model is Change:
        return lambda change: Change.objects.filter(pk=change.pk).update(**values)
    return lambda change: model.objects.filter(change=change).update(**values)


def faults() -> str:
    return "\n".join(evidence.hold_all().faults)


@pytest.mark.parametrize("kind", ["minor", "major", "emergency"])
def test_what_fitsom_wrote_is_what_the_log_says(story: Story, kind: str) -> None:
    change = story.scheduled(kind, extra_vars={"reboot": 1, "nested": {"2": [None, 1.5]}}, tags=["security"])
    evidence.require(change)
    service.edit(story.config, TECHNICIAN, change, RfcDraft(reason="Another"))
    assert (faults(), evidence.hold_all().older) == ("", 0)


ATTACKS: dict[str, tuple[Attack, str]] = {
    "title": (rows(Change, title="Nothing much"), "title is not as it was requested"),
    "type": (rows(Change, type="emergency"), "type is not as it was requested"),
    "risk": (rows(Change, failure_risk="high"), "failure risk is not as it was requested"),
    "limit": (rows(Change, limit="all"), "limit is not as it was requested"),
    "variables": (rows(Change, extra_vars={"a": 1}), "extra vars is not as it was requested"),
    "inputs": (rows(Change, inputs={"roster": "/x"}), "inputs is not as it was requested"),
    "window": (rows(Change, window_end=IN_WINDOW + timedelta(days=9)), "window is not as it was requested"),
    "requester": (rows(Change, requester="dixon"), "requester is not as it was requested"),
    "implementer": (rows(Change, implementer="dixon"), "implementer is not as it was requested"),
    "state": (rows(Change, state=State.PLANNED), "is planned, according to the log scheduled"),
    "version": (rows(Change, version=2), "is version 2, version 1 in the log"),
    "no plan": (rows(Change, plan=None), "the plan of CHG-2026-0001 is none, according to the log"),
    "hosts": (rows(Plan, hosts={}), "is not the one that was taken"),
    "left out": (rows(Plan, left_out={"srv1": "no route"}), "is not the one that was taken"),
    "notes": (rows(Plan, notes=["all is well"]), "is not the one that was taken"),
    "commit": (rows(Plan, commit="0" * 40), "is not the one that was taken"),
    "who planned": (rows(Plan, created_by="hale"), "is not the one that was taken"),
    "comment": (rows(Approval, comment="Gladly"), "other comment"),
    "decision": (rows(Approval, approved=False), "other decision"),
    "person": (rows(Approval, person="dixon"), "other person"),
    "name": (rows(Approval, person_name="Somebody"), "other name"),
    "position": (rows(Approval, position="governor"), "other position"),
    "login": (rows(Approval, os_user="root"), "other os user"),
    "lender": (rows(Approval, on_behalf_of="hale"), "other delegation"),
    "time": (rows(Approval, at=NOW - timedelta(days=300)), "other time"),
    "school": (rows(Approval, school="Crampton Primary"), "other school"),
    "seal": (rows(Approval, seal="0" * 64), "other seal"),
    "method": (
        rows(Approval, method="webauthn"),
        "by the method 'webauthn', which this fitsom does not know",
    ),
    "signature": (rows(Approval, signature="x"), "by the method '', which this fitsom does not know"),
}


@pytest.mark.parametrize("what", ATTACKS)
def test_a_row_that_was_altered_is_named(story: Story, what: str) -> None:
    change = story.scheduled()
    attack, words = ATTACKS[what]
    attack(change)
    assert words in faults()
    with pytest.raises(IntegrityError, match="are not what was approved and logged") as refused:
        evidence.require(change)
    assert words in "\n".join(refused.value.details)


@pytest.mark.parametrize("decision", ["approve", "reject"])
def test_nobody_decides_on_what_was_rewritten(story: Story, decision: str) -> None:
    change = story.planned()
    Plan.objects.update(hosts={})
    with pytest.raises(IntegrityError):
        getattr(service, decision)(story.config, HEAD, change, comment="Go on")
    assert not Approval.objects.exists()


def test_a_row_that_nobody_wrote_is_named(story: Story) -> None:
    change = story.planned()
    for row in (change.plan, Approval.objects.create(change=change, version=1, approved=True, at=NOW)):
        assert row is not None
        row.pk = "another" if isinstance(row, Plan) else None
        row.save(force_insert=True)
    change.pk, change.number, change.plan = None, "CHG-2026-0099", None
    change.save(force_insert=True)
    assert "the plan another is in the records and was never taken" in faults()
    assert "is in the records and was never given according to the log" in faults()
    assert "CHG-2026-0099 is in the records and was never raised" in faults()


def test_a_row_that_is_gone_is_named(story: Story) -> None:
    change = story.scheduled()
    Approval.objects.all().delete()
    assert "the approve implement by hale is in the log (entry 4) and no longer in the records" in faults()
    Change.objects.update(plan=None)
    Plan.objects.all().delete()
    assert f"the plan {change.plan_id} is in the log and no longer in the records" in faults()
    Change.objects.all().delete()
    assert faults() == "CHG-2026-0001 is in the log and no longer in the records"


def test_an_earlier_version_does_not_come_back(story: Story) -> None:
    """An approval of version 1 is real, and so is its request; only the log knows that it was withdrawn."""
    change = story.scheduled()
    service.edit(story.config, TECHNICIAN, service.get(change.number), RfcDraft(title="Another title"))
    values = {"version": 1, "state": State.SCHEDULED, "plan": change.plan, "title": change.title}
    Change.objects.filter(pk=change.pk).update(**values)
    with pytest.raises(IntegrityError):
        require_signatures(story.config, service.get(change.number))


def test_an_approval_of_an_earlier_version_is_held_against_the_request_of_its_time(story: Story) -> None:
    change = story.scheduled()
    service.edit(story.config, TECHNICIAN, change, RfcDraft(title="Another title"))
    assert faults() == ""
    Approval.objects.update(comment="Gladly")
    assert "other comment" in faults()


def test_a_rejection_is_held_too(story: Story) -> None:
    change = service.reject(story.config, HEAD, story.planned(), comment="No")
    assert faults() == ""
    Approval.objects.update(comment="Yes")
    assert "the reject by Margaret Hale (hale) is not what was given" in faults()
    assert change.stage is State.REJECTED


def test_an_approval_at_another_school_does_not_count_here(story: Story) -> None:
    change = story.scheduled()
    other = story.config.model_copy(
        update={"school": story.config.school.model_copy(update={"name": "Crampton"})}
    )
    with pytest.raises(RefusedError, match="was given at 'Milton High', not at 'Crampton'"):
        require_signatures(other, change)


# -- standard changes -----------------------------------------------------------------------------------------


@pytest.fixture
def pre_approved(story: Story) -> Change:
    """A standard change that may run."""
    model = story.scheduled()
    for action in (Action.START, Action.SUCCEED):
        model = service.move(model, action, service.SYSTEM)
    standard.propose(story.config, TECHNICIAN, "monthly", model, expires=later(days=90))
    standard.approve(story.config, HEAD, "monthly")
    change = standard.new(
        story.config,
        TECHNICIAN,
        "monthly",
        RfcDraft(window=WindowText(start="2026-12-04 18:00", end="19:00")),
    )
    change = plan(service.submit(story.config, TECHNICIAN, change))
    assert change.plan is not None
    return standard.pre_approve(story.config, change, change.plan)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"bounds": {}}, "other seal, request for change"),
        ({"max_minutes": 600}, "other request for change"),
        ({"expires": later(days=900)}, "other request for change"),
        ({"proposed_by": "hale"}, "other request for change"),
        ({"approved_by": "dixon"}, "other person"),
        ({"approved_at": None}, "is approved according to the log"),
        ({"withdrawn_at": NOW}, "is not withdrawn according to the log"),
        ({"title": "Anything"}, "is not what was proposed"),
        ({"signature": "x", "method": "ssh", "key": "SHA256:x"}, "was not enrolled and confirmed before"),
    ],
)
def test_a_standard_change_is_held_against_the_log(
    story: Story, pre_approved: Change, values: dict[str, Any], words: str
) -> None:
    assert faults() == ""
    StandardTemplate.objects.update(**values)
    assert words in faults()
    with pytest.raises(IntegrityError) as refused:
        require_signatures(story.config, pre_approved)
    assert words in "\n".join(refused.value.details)


def test_a_template_that_was_rewritten_is_not_approved(story: Story, pre_approved: Change) -> None:
    standard.withdraw(story.config, HEAD, "monthly")
    model = Change.objects.get(number="CHG-2026-0001")
    standard.propose(story.config, TECHNICIAN, "weekly", model, expires=later(days=90))
    StandardTemplate.objects.filter(name="weekly").update(max_minutes=600)
    with pytest.raises(IntegrityError):
        standard.approve(story.config, HEAD, "weekly")


# -- records of an older fitsom -------------------------------------------------------------------------------


@pytest.fixture
def older(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Until it is undone, the log is written as it was before it held values."""
    monkeypatch.setattr(evidence, "request_values", lambda change: {"version": change.version})
    monkeypatch.setattr(evidence, "plan_values", lambda plan: {"plan_id": plan.id, "seal": plan.seal})
    monkeypatch.setattr(evidence, "decision_values", lambda _record, _statement: {})
    return monkeypatch


def test_what_an_older_fitsom_recorded_still_runs_and_is_counted(
    story: Story, older: pytest.MonkeyPatch, set_clock: SetClock
) -> None:
    change = story.scheduled("major")
    older.undo()
    set_clock(NOW)
    assert require_signatures(story.config, change) == change.plan
    story.scheduled("minor")
    findings = evidence.hold_all()
    assert (findings.faults, findings.older) == ([], 5)  # a request, a plan and three approvals


def test_an_older_approval_needs_its_entry_all_the_same(
    story: Story, older: pytest.MonkeyPatch, set_clock: SetClock
) -> None:
    change = story.planned()
    older.undo()
    set_clock(NOW)
    Approval.objects.create(
        change=change,
        version=1,
        plan=change.plan,
        kind=Action.APPROVE_IMPLEMENT,
        approved=True,
        person="hale",
        at=NOW,
    )
    assert "is in the records and was never given according to the log" in faults()


def test_one_older_entry_stands_for_one_approval(
    story: Story, older: pytest.MonkeyPatch, set_clock: SetClock
) -> None:
    story.scheduled()
    older.undo()
    set_clock(NOW)
    approval = Approval.objects.get()
    approval.pk, approval.comment = None, "twice"
    approval.save(force_insert=True)
    assert faults().count("was never given according to the log") == 1


def test_once_the_log_holds_values_they_are_never_left_out(
    story: Story, older: pytest.MonkeyPatch, set_clock: SetClock
) -> None:
    story.scheduled()
    older.undo()
    set_clock(NOW)
    story.scheduled()
    assert faults() == ""
    older.setattr(evidence, "decision_values", lambda _record, _statement: {})
    change = story.planned("major")
    assert (
        "(change.approve_proceed CHG-2026-0003) lacks the values that every entry of its time has" in faults()
    )
    with pytest.raises(IntegrityError):
        evidence.require(change)


# -- nonsense -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "detail", ["", "[]", "{", '{"statement": 1, "approval": 1}', '{"statement": {"a": 1}}']
)
def test_whatever_an_entry_holds_it_is_a_fault_and_no_traceback(
    story: Story, detail: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    story.scheduled()
    entry = AuditEntry.objects.get(action="change.approve_implement")
    rewritten = [
        log.Entry(
            seq=e.seq,
            actor=e.actor,
            action=e.action,
            subject=e.subject,
            detail=log._detail(detail if e.seq == entry.seq else e.detail),
        )
        for e in AuditEntry.objects.order_by("seq")
    ]
    monkeypatch.setattr(log, "entries", lambda **_query: rewritten)
    assert faults() != ""


def test_keys_are_held_against_the_log(story: Story) -> None:
    EnrolledKey.objects.create(
        person="hale", public_key="ssh-ed25519 AAAA", fingerprint="SHA256:x", enrolled_at=NOW
    )
    assert faults() == "the key SHA256:x of hale was not enrolled according to the log"
