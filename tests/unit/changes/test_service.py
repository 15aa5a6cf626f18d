"""What can be done to a change, and above all what cannot."""

from typing import Any

import pytest

from fitsom_runner.audit.models import AuditEntry
from fitsom_runner.changes import service
from fitsom_runner.changes.draft import RfcDraft, WindowText
from fitsom_runner.changes.models import Approval, Change, Plan
from fitsom_runner.changes.signatures import signatures, window_of
from fitsom_runner.changes.states import Action, State
from fitsom_runner.errors import (
    FitsomError,
    IncompleteError,
    IntegrityError,
    NotAllowedError,
    NotFoundError,
    RefusedError,
)
from fitsom_runner.people import powers
from fitsom_runner.people.powers import Identity
from fitsom_runner.roles import Power
from tests.unit.conftest import SetClock
from tests.unit.people.cast import (
    CAST,
    HEAD,
    MANAGER,
    NOW,
    OUTSIDER,
    SUPPLIER,
    TECHNICIAN,
    Story,
    draft,
    later,
    plan,
    seal_of,
)

REVIEW = {"objective_met": True, "plan_accurate": True, "side_effects": "none"}


def actions_on(change: Change) -> list[str]:
    return list(AuditEntry.objects.filter(subject=change.number).values_list("action", flat=True))


def test_a_minor_change_needs_one_approval(story: Story) -> None:
    change = story.planned("minor")
    approval = service.approve(story.config, HEAD, change, comment="go on")
    assert (approval.kind, approval.person, approval.seal) == (
        Action.APPROVE_IMPLEMENT,
        "hale",
        seal_of(change),
    )
    assert service.get(change.number).stage is State.SCHEDULED


def test_a_major_change_needs_two_approvals_and_a_peer_review_between(story: Story) -> None:
    change = story.submitted("major")
    stages = []
    for identity in (MANAGER, None, SUPPLIER, HEAD):
        if identity is None:
            plan(service.get(change.number))
        else:
            service.approve(story.config, identity, service.get(change.number))
        stages.append(service.get(change.number).stage)
    assert stages == [State.PROCEED_APPROVED, State.PLANNED, State.PEER_REVIEWED, State.SCHEDULED]
    assert [a.kind for a in signatures(service.get(change.number))] == [
        Action.APPROVE_PROCEED,
        Action.PEER_REVIEW,
        Action.APPROVE_IMPLEMENT,
    ]


def test_a_major_change_is_not_planned_before_it_may_proceed(story: Story) -> None:
    with pytest.raises(RefusedError, match="cannot replan"):
        plan(story.submitted("major"))


def test_the_requester_never_approves_even_with_every_power(story: Story) -> None:
    mighty = MANAGER.person.model_copy(update={"powers": frozenset(Power)})
    own = Identity(person=mighty, os_user="boucher")
    settings = story.config.model_copy(
        update={"people": tuple(mighty if i is MANAGER else i.person for i in CAST)}
    )
    change = Story(config=settings).planned("minor", own)
    with pytest.raises(NotAllowedError, match="requested this change and so may not approve it"):
        service.approve(settings, own, change)
    assert not Approval.objects.exists()


def test_the_requester_does_not_approve_by_delegation_either(story: Story) -> None:
    powers.delegate(story.config, HEAD, "higgins", Power.APPROVE_IMPLEMENT, days=7, reason="holiday")
    change = story.planned("minor", TECHNICIAN)
    with pytest.raises(NotAllowedError, match="requested this change"):
        service.approve(story.config, TECHNICIAN, change)


def test_whoever_edited_a_change_does_not_approve_it(story: Story) -> None:
    powers.delegate(story.config, HEAD, "boucher", Power.APPROVE_IMPLEMENT, days=7, reason="holiday")
    change = story.drafted("minor", TECHNICIAN)
    service.edit(story.config, MANAGER, change, RfcDraft(reason="a better one"))
    service.submit(story.config, TECHNICIAN, service.get(change.number))
    plan(service.get(change.number))
    with pytest.raises(NotAllowedError, match=r"edited CHG-.* and so may not approve it"):
        service.approve(story.config, MANAGER, service.get(change.number))


def test_nobody_approves_a_change_with_a_power_that_its_requester_lent_them(story: Story) -> None:
    powers.delegate(story.config, MANAGER, "higgins", Power.APPROVE_PROCEED, days=7, reason="holiday")
    change = story.submitted("major", MANAGER)
    with pytest.raises(NotAllowedError):
        service.approve(story.config, TECHNICIAN, change)
    service.approve(story.config, HEAD, change)


def test_an_approval_by_delegation_says_on_whose_behalf(story: Story) -> None:
    powers.delegate(story.config, HEAD, "boucher", Power.APPROVE_IMPLEMENT, days=7, reason="holiday")
    approval = service.approve(story.config, MANAGER, story.planned("minor"))
    assert (approval.person, approval.on_behalf_of) == ("boucher", "hale")


@pytest.mark.parametrize("identity", [TECHNICIAN, SUPPLIER, OUTSIDER, MANAGER], ids=lambda i: i.person.id)
def test_only_a_school_leader_approves_implementation_by_position(story: Story, identity: Identity) -> None:
    requester = TECHNICIAN if identity is not TECHNICIAN else MANAGER
    change = story.planned("minor", requester)
    with pytest.raises(NotAllowedError) as error:
        service.approve(story.config, identity, change)
    assert error.value.hint == "those who can: Margaret Hale."
    assert service.get(change.number).stage is State.PLANNED


@pytest.mark.parametrize("identity", [HEAD, SUPPLIER, OUTSIDER], ids=lambda i: i.person.id)
def test_those_without_the_power_to_ask_raise_nothing(story: Story, identity: Identity) -> None:
    with pytest.raises(NotAllowedError):
        story.drafted(identity=identity)
    assert not Change.objects.exists()
    assert not AuditEntry.objects.exists()


EDITS: dict[str, Any] = {
    "title": "Other updates",
    "reason": "Another reason",
    "playbook": "playbooks/other.yml",
    "backout_playbook": "playbooks/other_backout.yml",
    "limit": "srv1",
    "tags": ["security"],
    "skip_tags": ["reboot"],
    "extra_vars": {"patching_reboot": "never"},
    "type": "emergency",
    "implementer": "dixon",
    "incidents": ["INC-2026-0001"],
    "window": WindowText(start="2026-11-28 18:00", end="19:00"),
}


@pytest.mark.parametrize("field", EDITS)
def test_editing_anything_makes_a_new_version_whose_signatures_start_from_nothing(
    story: Story, field: str
) -> None:
    change = story.scheduled("minor")
    assert signatures(change)
    edited = service.edit(story.config, TECHNICIAN, change, RfcDraft.model_validate({field: EDITS[field]}))
    assert (edited.version, edited.stage, edited.plan) == (2, State.DRAFT, None)
    assert signatures(edited) == []
    assert Approval.objects.filter(change=change, version=1).exists(), "the old signatures stay on record"


@pytest.mark.parametrize("end", ["19:30", "+90m"])
def test_a_longer_window_is_an_edit(story: Story, end: str) -> None:
    change = story.scheduled("minor")
    longer = RfcDraft(window=WindowText(start="2026-11-27 18:00", end=end))
    assert service.edit(story.config, TECHNICIAN, change, longer).version == 2


def test_the_same_moments_in_another_zone_are_another_window(story: Story) -> None:
    change = story.scheduled("minor")
    elsewhere = RfcDraft(window=WindowText(start="2026-11-27 18:00", end="19:00", zone="Europe/Lisbon"))
    edited = service.edit(story.config, TECHNICIAN, change, elsewhere)
    assert (edited.version, edited.window_zone) == (2, "Europe/Lisbon")


def test_one_and_true_are_two_values_to_ansible(story: Story) -> None:
    change = story.scheduled("minor", extra_vars={"reboot": 1})
    edited = service.edit(story.config, TECHNICIAN, change, RfcDraft(extra_vars={"reboot": True}))
    assert (edited.version, edited.stage) == (2, State.DRAFT)


def test_an_edit_that_changes_nothing_voids_nothing(story: Story) -> None:
    change = story.scheduled("minor")
    after = service.edit(story.config, TECHNICIAN, change, RfcDraft(title=change.title))
    assert (after.version, after.stage) == (1, State.SCHEDULED)


def test_a_replan_voids_the_signatures_given_to_the_plan_before(story: Story) -> None:
    change = story.scheduled("major")
    replanned = plan(change, packages={"srv1": {"openssl": "3.0.18-1"}, "srv2": {}})
    assert replanned.stage is State.PLANNED
    assert [a.kind for a in signatures(replanned)] == [Action.APPROVE_PROCEED]


def test_an_approval_of_a_seal_that_has_moved_is_refused(story: Story) -> None:
    change = story.planned("minor")
    with pytest.raises(RefusedError, match="the plan was taken again after you last saw it"):
        service.approve(story.config, HEAD, change, seal="000000000000")
    assert service.get(change.number).stage is State.PLANNED
    service.approve(story.config, HEAD, change, seal=seal_of(change)[:8].upper())
    assert service.get(change.number).stage is State.SCHEDULED


def test_an_approver_who_looked_before_a_replan_is_refused(story: Story) -> None:
    change_before = story.planned("minor")
    plan(service.get(change_before.number), versions={"ansible-core": "2.21.6"})
    with pytest.raises(RefusedError, match="modified by somebody else"):
        service.approve(story.config, HEAD, change_before)
    assert not Approval.objects.exists(), "the refused signature leaves no trace"


def test_of_two_at_the_same_moment_exactly_one_moves_the_change(story: Story) -> None:
    change = story.planned("minor")
    rivals = [service.get(change.number) for _ in range(4)]
    won, error = 0, 0
    for rival in rivals:
        try:
            service.approve(story.config, HEAD, rival)
            won += 1
        except RefusedError:
            error += 1
    assert (won, error) == (1, 3)
    assert Approval.objects.count() == 1
    assert actions_on(change).count("change.approve_implement") == 1


def test_an_edit_of_a_change_that_moved_meanwhile_is_refused(story: Story) -> None:
    change_before = story.submitted("minor")
    service.cancel(story.config, TECHNICIAN, service.get(change_before.number), reason="not now")
    with pytest.raises(RefusedError, match="modified by somebody else"):
        service.edit(story.config, TECHNICIAN, change_before, RfcDraft(title="Another title"))
    assert service.get(change_before.number).title == change_before.title


def test_what_waits_for_no_signature_takes_none(story: Story) -> None:
    with pytest.raises(RefusedError, match="waits for no signature"):
        service.approve(story.config, HEAD, story.drafted())


def ended_emergency(story: Story, identity: Identity = TECHNICIAN) -> Change:
    change = story.scheduled("emergency", identity, window=None)
    for action in (Action.START, Action.FAIL):
        change = service.move(change, action, service.SYSTEM)
    return change


def test_an_emergency_blocks_the_next_change_of_its_requester_until_it_is_reviewed(story: Story) -> None:
    emergency = ended_emergency(story)
    following = story.drafted()
    with pytest.raises(RefusedError, match=f"{emergency.number} was an emergency and has not been reviewed"):
        service.submit(story.config, TECHNICIAN, following)
    service.review(story.config, MANAGER, emergency, REVIEW)
    assert service.submit(story.config, TECHNICIAN, following).stage is State.SUBMITTED


def test_an_emergency_blocks_nobody_else(story: Story) -> None:
    ended_emergency(story, TECHNICIAN)
    assert story.submitted("minor", MANAGER).stage is State.SUBMITTED


def test_an_emergency_needs_no_window(story: Story) -> None:
    assert window_of(story.submitted("emergency", window=None)) is None


MISSING = {
    "minor": {"reason", "impact", "backout"},
    "emergency": {"reason", "impact"},
    "major": {
        "item_name",
        "change_text",
        "reason",
        "implementation_steps",
        "impact",
        "failure_impact",
        "failure_risk",
        "backout",
    },
}


@pytest.mark.parametrize(("kind", "field"), [(k, f) for k, fields in MISSING.items() for f in sorted(fields)])
def test_an_incomplete_rfc_is_refused_with_the_option_that_is_missing(
    story: Story, kind: str, field: str
) -> None:
    change = story.drafted(kind, TECHNICIAN, **{field: None})
    with pytest.raises(IncompleteError) as error:
        service.submit(story.config, TECHNICIAN, change)
    assert error.value.hint == (
        f"Add them with: fitsom change edit {change.number} --{field.replace('_', '-')} ..."
    )
    assert service.get(change.number).stage is State.DRAFT


def test_a_change_without_a_window_is_refused_with_its_options(story: Story) -> None:
    with pytest.raises(IncompleteError) as error:
        story.submitted("minor", window=None)
    assert error.value.hint.endswith("--start ... --end ...")


@pytest.mark.parametrize("field", ["title", "playbook"])
def test_a_draft_needs_at_least_a_title_and_a_playbook(story: Story, field: str) -> None:
    with pytest.raises(IncompleteError, match=f"needs a {field}"):
        story.drafted("minor", TECHNICIAN, **{field: None})


def test_a_change_whose_window_has_passed_is_not_submitted(story: Story, set_clock: SetClock) -> None:
    change = story.drafted()
    set_clock(later(days=8))
    with pytest.raises(IncompleteError, match="already passed"):
        service.submit(story.config, TECHNICIAN, change)


def test_numbers_count_within_a_year(story: Story, set_clock: SetClock) -> None:
    assert [story.drafted().number for _ in range(2)] == ["CHG-2026-0001", "CHG-2026-0002"]
    set_clock(NOW.replace(year=2027))
    assert story.drafted().number == "CHG-2027-0001"


@pytest.mark.parametrize("written", ["CHG-2026-0002", "chg-2026-2", "2026-2", "2", "0002"])
def test_a_number_may_be_written_short(story: Story, written: str) -> None:
    story.drafted()
    second = story.drafted()
    assert service.get(written).number == second.number


@pytest.mark.parametrize("written", ["3", "CHG-2025-0001", "", "-", "x", "1-2-3", "\u00b2"])
def test_a_number_that_names_no_change_is_not_found(story: Story, written: str) -> None:
    story.drafted()
    with pytest.raises(NotFoundError, match="no change"):
        service.get(written)


@pytest.mark.parametrize("left_out", list(REVIEW))
def test_nothing_counts_as_well_that_a_review_does_not_say(story: Story, left_out: str) -> None:
    change = story.scheduled("minor")
    for action in (Action.START, Action.SUCCEED):
        change = service.move(change, action, service.SYSTEM)
    with pytest.raises(IncompleteError) as error:
        service.review(story.config, MANAGER, change, {**REVIEW, left_out: None})
    assert left_out.replace("_", " ") in error.value.message
    assert f"--{left_out.replace('_', '-')}" in error.value.hint
    assert service.get(change.number).stage is State.SUCCEEDED


def test_each_action_leaves_one_entry_in_the_audit_log(story: Story) -> None:
    change = story.scheduled("major")
    for action in (Action.START, Action.SUCCEED):
        change = service.move(change, action, service.SYSTEM)
    change = service.review(story.config, MANAGER, change, REVIEW)
    service.close(story.config, HEAD, change, code="completed")
    assert actions_on(change) == [
        "change.new",
        "change.submit",
        "change.approve_proceed",
        "change.plan",
        "change.peer_review",
        "change.approve_implement",
        "change.schedule",
        "change.start",
        "change.succeed",
        "change.review",
        "change.close",
    ]
    assert AuditEntry.objects.count() == 11


def test_an_edit_and_a_withdrawal_leave_one_entry_each(story: Story) -> None:
    change = service.edit(story.config, TECHNICIAN, story.drafted(), RfcDraft(title="Another title"))
    service.cancel(story.config, TECHNICIAN, change, reason="not now")
    assert actions_on(change) == ["change.new", "change.edit", "change.cancel"]


def test_a_refused_action_leaves_no_entry(story: Story) -> None:
    change = story.planned("minor")
    before = AuditEntry.objects.count()
    for identity in (TECHNICIAN, OUTSIDER):
        with pytest.raises(NotAllowedError):
            service.approve(story.config, identity, change)
    with pytest.raises(FitsomError):
        service.close(story.config, HEAD, change, code="completed")
    assert AuditEntry.objects.count() == before


def test_whoever_could_sign_next_may_reject_with_a_reason(story: Story) -> None:
    change = story.planned("minor")
    with pytest.raises(NotAllowedError):
        service.reject(story.config, TECHNICIAN, change, comment="no")
    after = service.reject(story.config, HEAD, change, comment="exams that week")
    assert after.stage is State.REJECTED
    refusal = Approval.objects.get()
    assert (refusal.approved, refusal.comment) == (False, "exams that week")


def test_a_rejected_change_is_over(story: Story) -> None:
    change = service.reject(story.config, HEAD, story.planned("minor"), comment="no")
    with pytest.raises(RefusedError, match="cannot edit"):
        service.edit(story.config, TECHNICIAN, change, draft(title="Once more"))


def test_a_change_is_not_closed_before_it_was_reviewed(story: Story) -> None:
    change = story.scheduled("minor")
    for action in (Action.START, Action.SUCCEED):
        change = service.move(change, action, service.SYSTEM)
    with pytest.raises(RefusedError, match="cannot close"):
        service.close(story.config, HEAD, change, code="completed")


def test_a_rehearsal_is_kept_and_moves_nothing(story: Story) -> None:
    change = story.drafted()
    rehearsal = Plan(
        id="p1", change=change, version=1, created_at=NOW, created_by="higgins", commit="f" * 40, notes=["x"]
    )
    after = service.record_plan(TECHNICIAN, change, rehearsal)
    assert (after.stage, after.plan) == (State.DRAFT, None)
    assert change.plans.count() == 1
    assert actions_on(change) == ["change.new", "change.rehearsed"]


def test_the_window_is_read_in_the_schools_zone(story: Story) -> None:
    window = window_of(story.drafted(window=WindowText(start="2026-07-01 18:00", end="+60m")))
    assert window is not None
    assert window.parts() == ("2026-07-01T17:00:00+00:00", "2026-07-01T18:00:00+00:00", "Europe/London")


def test_who_reviewed_a_plan_does_not_approve_it_with_a_lent_power(story: Story) -> None:
    change = story.planned("major")
    powers.delegate(story.config, HEAD, "dixon", Power.APPROVE_IMPLEMENT, days=7, reason="holiday")
    service.approve(story.config, SUPPLIER, change)
    with pytest.raises(NotAllowedError, match="Dixon Systems gave the peer review"):
        service.approve(story.config, SUPPLIER, service.get(change.number))
    service.approve(story.config, HEAD, service.get(change.number))
    assert service.get(change.number).stage is State.SCHEDULED


def test_numbers_go_on_after_the_ten_thousandth(story: Story) -> None:
    Change.objects.filter(pk=story.drafted().pk).update(number="CHG-2026-9999")
    assert [story.drafted().number for _ in range(2)] == ["CHG-2026-10000", "CHG-2026-10001"]


def limited_to(*groups: str) -> Identity:
    """The head, for some groups only."""
    person = HEAD.person.model_copy(update={"groups": frozenset(groups)})
    return Identity(person=person, os_user=HEAD.os_user)


@pytest.mark.parametrize(
    ("limit", "theirs"),
    [("servers", True), ("servers:!srv2", True), ("servers:printers", False), ("all", False), ("", False)],
)
def test_before_a_plan_who_decides_on_some_groups_decides_on_limits_of_them(
    story: Story, limit: str, theirs: bool
) -> None:
    change = story.submitted("major", limit=limit)
    head = limited_to("servers")
    if theirs:
        assert service.approve(story.config, head, change).kind == Action.APPROVE_PROCEED
        return
    for decide in (service.approve, service.reject):
        with pytest.raises(NotAllowedError, match="decides on servers only"):
            decide(story.config, head, change, comment="no")
    assert service.get(change.number).stage is State.SUBMITTED


def test_who_decides_on_some_groups_decides_on_plans_for_their_hosts(story: Story) -> None:
    change = story.planned("minor")
    assert change.plan is not None
    hosts = {host: {**body, "groups": ["servers"]} for host, body in change.plan.hosts.items()}
    Plan.objects.filter(pk=change.plan.pk).update(hosts=hosts)
    with pytest.raises(NotAllowedError, match="also about srv1, srv2"):
        service.approve(story.config, limited_to("printers"), service.get(change.number))
    with pytest.raises(IntegrityError):  # the plan was altered behind the log's back; the scope itself holds
        service.approve(story.config, limited_to("servers"), service.get(change.number))
