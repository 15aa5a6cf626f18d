"""Standard changes: pre-approved inside their bounds, and nowhere outside them."""

import io
from datetime import datetime
from typing import Any

import pytest
from rich.console import Console

from fitsom_runner.audit.models import AuditEntry
from fitsom_runner.changes import service, standard
from fitsom_runner.changes.draft import RfcDraft, WindowText
from fitsom_runner.changes.models import Approval, Change, Plan, StandardTemplate
from fitsom_runner.changes.signatures import signatures
from fitsom_runner.changes.states import Action, State
from fitsom_runner.cli import show
from fitsom_runner.errors import NotAllowedError, NotFoundError, RefusedError
from tests.unit.people.cast import HEAD, MANAGER, SUPPLIER, TECHNICIAN, Story, later, plan

NEXT = WindowText(start="2026-12-04 18:00", end="19:00")


def succeeded(story: Story) -> Change:
    change = story.scheduled("minor")
    for action in (Action.START, Action.SUCCEED):
        change = service.move(change, action, service.SYSTEM)
    return change


def proposed(story: Story, expires: datetime | None = None) -> StandardTemplate:
    return standard.propose(
        story.config, TECHNICIAN, "monthly", succeeded(story), expires=expires or later(days=90)
    )


@pytest.fixture
def template(story: Story) -> StandardTemplate:
    """An approved template, good for 90 days."""
    proposed(story)
    return standard.approve(story.config, HEAD, "monthly")


def raised(story: Story, window: WindowText = NEXT, **moved: Any) -> Change:
    """A change from the template, submitted and planned."""
    change = standard.new(story.config, TECHNICIAN, "monthly", RfcDraft(window=window))
    return plan(service.submit(story.config, TECHNICIAN, change), **moved)


def pre_approve(story: Story, change: Change) -> Change:
    assert change.plan is not None
    return standard.pre_approve(story.config, change, change.plan)


def test_inside_its_bounds_a_standard_change_is_approved_by_its_template(
    story: Story, template: StandardTemplate
) -> None:
    change = pre_approve(story, raised(story))
    assert change.stage is State.SCHEDULED
    (signature,) = signatures(change)
    assert (signature.kind, signature.person) == (Action.PRE_APPROVE, "hale")
    assert change.plan is not None
    assert signature.seal == change.plan.seal


def test_other_packages_and_fewer_hosts_are_inside_the_bounds(
    story: Story, template: StandardTemplate
) -> None:
    change = raised(story, hosts={"srv1": "d" * 64}, packages={"srv1": {"openssl": "3.0.18-1"}})
    assert pre_approve(story, change).stage is State.SCHEDULED


@pytest.mark.parametrize(
    ("moved", "reason"),
    [
        ({"trees": {"playbooks": "9" * 40, "roles": "b" * 40}}, "trees playbooks"),
        ({"trees": {"playbooks": "a" * 40, "roles": "b" * 40, "plugins": "c" * 40}}, "trees plugins: added"),
        ({"versions": {"ansible-core": "2.22.0"}}, "versions ansible-core"),
        ({"playbook": "playbooks/other.yml"}, "playbook"),
        ({"tags": ("all",)}, "tags"),
        ({"skip_tags": ("checks",)}, "skip tags"),
        ({"extra_vars": {"patching_reboot": "always"}}, "extra_vars patching_reboot: added"),
        ({"extra_vars": {"patching_reboot": None}}, "extra_vars patching_reboot: added"),
        (
            {"hosts": {"srv1": "d" * 64, "srv9": "e" * 64}},
            "hosts outside the template: srv9",
        ),
        ({"hosts": {"srv1": "0" * 64}}, "the variables of srv1 are not those that were approved"),
        ({"inventories": {"inventories/school": "0" * 64}}, "inventories inventories/school"),
        ({"sandbox": {"enabled": False, "read": {}, "write": []}}, "sandbox enabled"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_outside_its_bounds_nothing_is_approved(
    story: Story, template: StandardTemplate, moved: dict[str, Any], reason: str
) -> None:
    change = raised(story, **moved)
    with pytest.raises(RefusedError, match="is outside what 'monthly' pre-approves") as error:
        pre_approve(story, change)
    assert len(error.value.details) == 1
    assert error.value.details[0].startswith(reason)
    assert "Raise a minor change in its place" in service.next_step(change)
    after = service.get(change.number)
    assert after.stage is State.PLANNED
    assert signatures(after) == []


def test_deletion_is_never_pre_approved(story: Story, template: StandardTemplate) -> None:
    change = raised(story)
    assert change.plan is not None
    gone = {"kind": "user", "id": "p-1", "action": "delete", "group": "Leavers"}
    Plan.objects.filter(pk=change.plan.pk).update(hosts={"srv1": {"items": [], "facts": {"objects": [gone]}}})
    with pytest.raises(RefusedError) as error:
        pre_approve(story, service.get(change.number))
    assert error.value.details == (
        "it deletes accounts or groups (1), and deletion is never pre-approved",
        "an effect that was not approved: delete user",
    )


@pytest.mark.parametrize(
    ("predicted", "effect"),
    [
        ({"items": [{"task": "Write motd", "role": "baseline"}]}, "task: baseline: Write motd"),
        ({"items": [], "facts": {"reboot": [{"required": True, "planned": True}]}}, "restart of the host"),
        (
            {"items": [], "facts": {"packages": [{"name": "ssh", "arch": "amd64", "action": "remove"}]}},
            "remove package",
        ),
    ],
)
def test_another_kind_of_effect_is_outside_the_bounds(
    story: Story, template: StandardTemplate, predicted: dict[str, Any], effect: str
) -> None:
    change = raised(story)
    assert change.plan is not None
    Plan.objects.filter(pk=change.plan.pk).update(hosts={"srv1": predicted})
    with pytest.raises(RefusedError) as error:
        pre_approve(story, service.get(change.number))
    assert error.value.details == (f"an effect that was not approved: {effect}",)


def test_a_template_from_before_is_proposed_again(story: Story, template: StandardTemplate) -> None:
    older = {k: v for k, v in template.bounds.items() if k != "effects"} | {"hosts": ["srv1", "srv2"]}
    StandardTemplate.objects.filter(pk=template.pk).update(bounds=older)
    with pytest.raises(RefusedError) as error:
        pre_approve(story, raised(story))
    assert "fitsom standard propose" in error.value.details[-1]
    StandardTemplate.objects.filter(pk=template.pk).update(approved_at=None)
    with pytest.raises(RefusedError, match="was proposed before"):
        standard.approve(story.config, HEAD, "monthly")


def test_its_approver_reads_the_plan_that_it_was_made_of(story: Story, template: StandardTemplate) -> None:
    found = standard.model_plan(template)
    assert found is not None
    assert found.change.number == template.bounds["model"]
    console = Console(width=100, record=True, file=io.StringIO())
    console.print(*show.template_pages(template, found))
    page = console.export_text()
    assert found.seal[:16] in page
    assert "srv1, srv2" in page


def test_other_inputs_are_outside_the_bounds(story: Story, template: StandardTemplate) -> None:
    change = raised(story)
    Change.objects.filter(pk=change.pk).update(inputs={"roster": "/somewhere/else"})
    with pytest.raises(RefusedError) as error:
        pre_approve(story, service.get(change.number))
    assert error.value.details == ("it reads other inputs",)


def test_a_longer_window_is_outside_the_bounds(story: Story, template: StandardTemplate) -> None:
    change = raised(story, window=WindowText(start="2026-12-04 18:00", end="+61m"))
    with pytest.raises(RefusedError) as error:
        pre_approve(story, change)
    assert error.value.details == ("the window is longer than 60 minutes",)


def test_a_window_beyond_the_templates_end_is_outside_the_bounds(story: Story) -> None:
    proposed(story, expires=later(days=10))
    standard.approve(story.config, HEAD, "monthly")
    with pytest.raises(RefusedError) as error:
        pre_approve(story, raised(story))
    assert error.value.details == ("the template expires on 30 Nov 2026",)


def test_a_withdrawn_template_approves_nothing(story: Story, template: StandardTemplate) -> None:
    change = raised(story)
    standard.withdraw(story.config, MANAGER, "monthly")
    with pytest.raises(RefusedError) as error:
        pre_approve(story, service.get(change.number))
    assert error.value.details == ("the template was withdrawn",)


def test_a_template_that_nobody_approved_approves_nothing(story: Story) -> None:
    proposed(story)
    with pytest.raises(RefusedError) as error:
        pre_approve(story, raised(story))
    assert error.value.details == ("the template was never approved",)


def test_another_back_out_is_outside_the_bounds(story: Story, template: StandardTemplate) -> None:
    change = standard.new(story.config, TECHNICIAN, "monthly", RfcDraft(window=NEXT))
    change = service.edit(story.config, TECHNICIAN, change, RfcDraft(backout_playbook="playbooks/wipe.yml"))
    change = plan(service.submit(story.config, TECHNICIAN, change))
    with pytest.raises(RefusedError) as error:
        pre_approve(story, change)
    assert error.value.details == ("the back-out playbook is playbooks/wipe.yml, not playbooks/backout.yml",)


def test_a_standard_change_without_a_template_is_never_approved(story: Story) -> None:
    change = plan(story.submitted("standard"))
    with pytest.raises(RefusedError, match="has no template"):
        pre_approve(story, change)
    with pytest.raises(RefusedError, match="waits for no signature"):
        service.approve(story.config, HEAD, change)


def test_one_pre_approval_counts_for_one_plan(story: Story, template: StandardTemplate) -> None:
    change = pre_approve(story, raised(story))
    replanned = plan(change, packages={"srv1": {"openssl": "3.0.19-1"}, "srv2": {}})
    assert signatures(replanned) == []


@pytest.mark.parametrize(
    "asked",
    [{"playbook": "playbooks/other.yml"}, {"extra_vars": {"a": 1}}, {"tags": ["x"]}, {"backout": "none"}],
)
def test_the_requester_chooses_only_window_and_hosts(
    story: Story, template: StandardTemplate, asked: dict[str, Any]
) -> None:
    (name,) = asked
    with pytest.raises(RefusedError, match=f"a standard change fixes {name}"):
        standard.new(story.config, TECHNICIAN, "monthly", RfcDraft(**asked))


def test_a_standard_change_carries_the_templates_texts(story: Story, template: StandardTemplate) -> None:
    change = standard.new(story.config, MANAGER, "monthly", RfcDraft(window=NEXT, limit="srv1"))
    assert (change.type, change.limit, change.requester) == ("standard", "srv1", "boucher")
    assert (change.title, change.backout_playbook) == ("November updates", "playbooks/backout.yml")


def test_only_what_has_succeeded_becomes_a_template(story: Story) -> None:
    with pytest.raises(RefusedError, match="has not succeeded"):
        standard.propose(
            story.config, TECHNICIAN, "monthly", story.scheduled("minor"), expires=later(days=90)
        )


def test_whoever_proposed_a_template_does_not_approve_it(story: Story) -> None:
    standard.propose(story.config, MANAGER, "monthly", succeeded(story), expires=later(days=90))
    with pytest.raises(NotAllowedError, match="may not approve it"):
        standard.approve(story.config, MANAGER, "monthly")


@pytest.mark.parametrize("identity", [SUPPLIER, MANAGER], ids=lambda i: i.person.id)
def test_a_template_is_approved_by_a_school_leader(story: Story, identity: Any) -> None:
    proposed(story)
    with pytest.raises(NotAllowedError):
        standard.approve(story.config, identity, "monthly")


def test_a_template_is_approved_once_and_withdrawn_once(story: Story, template: StandardTemplate) -> None:
    with pytest.raises(RefusedError, match="does not wait for approval"):
        standard.approve(story.config, HEAD, "monthly")
    standard.withdraw(story.config, HEAD, "monthly")
    with pytest.raises(NotFoundError):
        standard.withdraw(story.config, HEAD, "monthly")


def test_a_template_that_was_withdrawn_unapproved_is_not_approved_later(story: Story) -> None:
    proposed(story)
    standard.withdraw(story.config, HEAD, "monthly")
    with pytest.raises(RefusedError):
        standard.approve(story.config, HEAD, "monthly")


def test_two_templates_do_not_share_a_name(story: Story, template: StandardTemplate) -> None:
    with pytest.raises(RefusedError, match="already"):
        proposed(story)


def test_the_life_of_a_template_is_in_the_audit_log(story: Story, template: StandardTemplate) -> None:
    standard.withdraw(story.config, HEAD, "monthly")
    entries = AuditEntry.objects.filter(subject="monthly").values_list("action", "actor")
    assert list(entries) == [
        ("standard.proposed", "higgins"),
        ("standard.approved", "hale"),
        ("standard.withdrawn", "hale"),
    ]


def test_a_pre_approval_that_fails_half_way_leaves_nothing(story: Story, template: StandardTemplate) -> None:
    change_before = raised(story)
    pre_approve(story, service.get(change_before.number))
    with pytest.raises(RefusedError):
        pre_approve(story, change_before)
    assert Approval.objects.filter(change=change_before).count() == 1
