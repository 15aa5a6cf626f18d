"""What lets an approved plan be carried out: its signatures, and its window."""

import pytest

from fitsom_runner import clock
from fitsom_runner.changes import service
from fitsom_runner.changes.models import Approval, Change
from fitsom_runner.changes.signatures import require_signatures, require_window
from fitsom_runner.changes.states import Action
from fitsom_runner.errors import RefusedError
from tests.unit.people.cast import Story, plan


@pytest.mark.parametrize("kind", ["minor", "major", "emergency"])
def test_a_change_with_all_its_signatures_gives_its_plan(story: Story, kind: str) -> None:
    change = story.scheduled(kind)
    assert require_signatures(story.config, change) == change.plan


@pytest.mark.parametrize("missing", [Action.APPROVE_PROCEED, Action.PEER_REVIEW, Action.APPROVE_IMPLEMENT])
def test_each_missing_signature_is_refused_whatever_the_state_says(story: Story, missing: Action) -> None:
    change = story.scheduled("major")
    Approval.objects.filter(change=change, kind=missing).delete()
    with pytest.raises(RefusedError, match=f"lacks the signature '{missing.replace('_', ' ')}'"):
        require_signatures(story.config, change)


@pytest.mark.parametrize(
    "forged",
    [
        {"approved": False},
        {"person": "higgins"},
        {"version": 7},
        {"seal": "0" * 64},
        {"seal": ""},
    ],
    ids=lambda forged: next(iter(forged)),
)
def test_a_signature_that_does_not_fit_is_refused(story: Story, forged: dict[str, object]) -> None:
    change = story.scheduled("minor")
    Approval.objects.filter(change=change).update(**forged)
    with pytest.raises(RefusedError):
        require_signatures(story.config, change)


def test_a_change_without_a_plan_does_not_run(story: Story) -> None:
    change = story.scheduled("minor")
    Change.objects.filter(pk=change.pk).update(plan=None)
    with pytest.raises(RefusedError):
        require_signatures(story.config, service.get(change.number))


def test_no_other_change_runs_without_a_window(story: Story) -> None:
    change = story.scheduled("minor")
    change.window_start = change.window_end = None
    with pytest.raises(RefusedError, match="may run only in its window"):
        require_window(change, clock.now(), story.config)


def test_a_signature_for_an_earlier_plan_does_not_serve_a_later_one(story: Story) -> None:
    change = plan(story.scheduled("minor"), versions={"ansible-core": "2.21.6"})
    with pytest.raises(RefusedError, match="lacks the signature"):
        require_signatures(story.config, change)


def test_one_person_who_gave_two_signatures_is_refused_whatever_the_state_says(story: Story) -> None:
    change = story.scheduled("major")
    Approval.objects.filter(change=change, kind=Action.PEER_REVIEW).update(person="hale")
    with pytest.raises(RefusedError, match="one person gave the peer review and the approval"):
        require_signatures(story.config, change)
