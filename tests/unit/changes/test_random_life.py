"""Random people do random things to a change; whatever they do, what may run was signed by others."""

import random

import pytest
from django.db import transaction

from fitsom_runner.audit import log
from fitsom_runner.audit.models import AuditEntry
from fitsom_runner.changes import service
from fitsom_runner.changes.draft import RfcDraft
from fitsom_runner.changes.signatures import require_signatures, signatures
from fitsom_runner.changes.states import Action, ChangeType, State
from fitsom_runner.errors import FitsomError
from fitsom_runner.people import powers
from fitsom_runner.roles import Power
from tests.unit.people.cast import CAST, HEAD, MANAGER, TECHNICIAN, Story, plan

NEEDED = {
    ChangeType.MINOR: [Action.APPROVE_IMPLEMENT],
    ChangeType.MAJOR: [Action.APPROVE_PROCEED, Action.PEER_REVIEW, Action.APPROVE_IMPLEMENT],
    ChangeType.EMERGENCY: [Action.APPROVE_IMPLEMENT],
}


def act(story: Story, chance: random.Random, number: str, step: int) -> None:
    """Somebody tries something."""
    identity, change = chance.choice(CAST), service.get(number)
    match chance.choices(["submit", "plan", "approve", "edit"], weights=[4, 4, 12, 1])[0]:
        case "submit":
            service.submit(story.config, identity, change)
        case "plan":
            plan(change, identity, versions={"ansible-core": f"2.21.{step}"})
        case "approve":
            service.approve(story.config, identity, change)
        case "edit":
            service.edit(story.config, identity, change, RfcDraft(reason=f"reason {step}"))


@pytest.mark.parametrize("kind", sorted(NEEDED))
def test_what_may_run_was_signed_by_others_for_this_version_and_this_plan(
    story: Story, kind: ChangeType
) -> None:
    chance = random.Random(7)  # noqa: S311 - a walk, not a secret
    powers.delegate(story.config, HEAD, "higgins", Power.APPROVE_IMPLEMENT, days=7, reason="holiday")
    scheduled = 0
    for number in [story.drafted(kind, identity).number for identity in (TECHNICIAN, MANAGER)]:
        for step in range(50):
            before = AuditEntry.objects.count()
            try:
                with transaction.atomic():
                    act(story, chance, number, step)
            except FitsomError:
                assert AuditEntry.objects.count() == before, "what was refused leaves no entry"
            after = service.get(number)
            if after.stage is not State.SCHEDULED:
                with pytest.raises(FitsomError):
                    require_signatures(story.config, after)
                continue
            scheduled += 1
            signature = signatures(after)
            assert [a.kind for a in signature] == NEEDED[kind]
            assert after.requester not in {a.person for a in signature}
            assert require_signatures(story.config, after) == after.plan
    assert scheduled, "the walks got somewhere"
    assert log.verify().faults == ()
