"""What is done with a prediction: kept, sealed, or named as impossible."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from fitsom_runner.ansible.content import Extract
from fitsom_runner.ansible.engine import Engine
from fitsom_runner.ansible.inventory import Resolved
from fitsom_runner.ansible.ledger import Status
from fitsom_runner.ansible.play import PlaybookResult
from fitsom_runner.changes import service, standard
from fitsom_runner.changes.draft import RfcDraft, WindowText
from fitsom_runner.changes.models import Change, Plan
from fitsom_runner.changes.signatures import signatures
from fitsom_runner.changes.states import Action, State
from fitsom_runner.config import Config
from fitsom_runner.errors import FitsomError, NotAllowedError, RefusedError
from fitsom_runner.execution import planner
from fitsom_runner.execution.preparation import Preparation
from tests.unit.ansible.events import done, ledger_of, result, start, stats, task
from tests.unit.people.cast import HEAD, SUPPLIER, TECHNICIAN, Story, later

NEXT = WindowText(start="2026-12-04 18:00", end="19:00")
Foresee = Callable[..., None]


@pytest.fixture
def foresee(monkeypatch: pytest.MonkeyPatch) -> Foresee:
    """Stands in for Ansible: two servers, both in need of one package; some of them failing, some content dirty."""

    def set_to(*, failing: dict[str, str] | None = None, dirty: tuple[str, ...] = ()) -> None:
        @contextmanager
        def prepare(config: Config, _change: Change, name: str, **_options: Any) -> Iterator[Preparation]:
            folder = config.work_dir / name
            folder.mkdir(parents=True, exist_ok=True)
            yield Preparation(
                extract=Extract(
                    folder=folder,
                    commit="f" * 40,
                    trees={"playbooks": "a" * 40},
                    inventories={},
                    inventory_paths=(),
                    inputs={},
                    input_paths={},
                    dirty=dirty,
                ),
                resolved=Resolved(
                    about={"srv1": {}, "srv2": {}},
                    hosts={"srv1": "d" * 64, "srv2": "e" * 64},
                    groups={"srv1": ("servers",), "srv2": ("servers",)},
                    connections={"srv1": "ssh", "srv2": "ssh"},
                    addresses={"srv1": ("srv1",), "srv2": ("srv2",)},
                    keys=(),
                ),
                versions={"ansible-core": "2.21.5"},
                collections={},
                engine=Engine(),
                secrets=(),
                accepted=(),
                sandbox={"enabled": True, "read": {}, "write": []},
                environment={},
                variables={},
            )

        def predict(_config: Any, job: Any, *_rest: Any) -> Any:
            job.ledger.write_text("")
            upgrade = {"name": "openssl", "from": "1", "to": "2", "action": "upgrade"}
            events = [start(), task(1, "Install")]
            for host in job.hosts:
                events += [result(host, 1, Status.CHANGED, fitsom={"packages": [upgrade]}), done(host)]
            ledger_state = ledger_of(*events, stats(srv1={}, srv2={}))
            return ledger_state, PlaybookResult(rc=0, cancelled=False, lines=()), dict(failing or {})

        monkeypatch.setattr(planner, "prepare", prepare)
        monkeypatch.setattr(planner, "predict", predict)

    set_to()
    return set_to


def test_a_plan_holds_hosts_versions_and_a_seal(story: Story, foresee: Foresee) -> None:
    change = story.submitted("minor")
    new_plan = planner.plan(story.config, TECHNICIAN, change)
    assert service.get(change.number).stage is State.PLANNED
    assert len(new_plan.seal) == 64
    assert new_plan.components["packages"] == {"srv1": {"openssl": "2"}, "srv2": {"openssl": "2"}}
    assert new_plan.hosts["srv1"]["groups"] == ["servers"]


def test_a_draft_is_rehearsed_and_not_sealed(story: Story, foresee: Foresee) -> None:
    change = story.drafted("minor")
    new_plan = planner.plan(story.config, TECHNICIAN, change)
    assert (new_plan.seal, new_plan.notes) == ("", ["a rehearsal of a draft"])
    assert service.get(change.number).stage is State.DRAFT


def test_content_that_is_not_committed_is_planned_and_not_sealed(story: Story, foresee: Foresee) -> None:
    change = story.submitted("minor")
    foresee(dirty=("playbooks/patch.yml",))
    new_plan = planner.plan(story.config, TECHNICIAN, change)
    assert (new_plan.seal, new_plan.notes) == ("", ["not committed: playbooks/patch.yml"])
    assert service.get(change.number).stage is State.SUBMITTED


def test_a_host_that_cannot_be_planned_is_named_or_left_out(story: Story, foresee: Foresee) -> None:
    change = story.submitted("minor")
    foresee(failing={"srv2": "no route"})
    with pytest.raises(FitsomError, match="could not be taken on 1 of 2 hosts") as error:
        planner.plan(story.config, TECHNICIAN, change)
    assert error.value.details == ("srv2: no route",)
    new_plan = planner.plan(story.config, TECHNICIAN, change, leave_out_failing=True)
    assert (list(new_plan.hosts), new_plan.left_out) == (["srv1"], {"srv2": "no route"})
    assert set(new_plan.components["hosts"]) == {"srv1"}


def test_where_every_host_fails_there_is_no_plan(story: Story, foresee: Foresee) -> None:
    change = story.submitted("minor")
    foresee(failing={"srv1": "no route", "srv2": "no route"})
    with pytest.raises(FitsomError, match="2 of 2 hosts"):
        planner.plan(story.config, TECHNICIAN, change, leave_out_failing=True)
    assert not Plan.objects.exists()


def test_only_who_may_plan_plans_and_only_what_can_be_planned(story: Story, foresee: Foresee) -> None:
    change = story.submitted("major")
    with pytest.raises(NotAllowedError):
        planner.plan(story.config, SUPPLIER, change)
    with pytest.raises(RefusedError):
        planner.plan(story.config, TECHNICIAN, change)
    assert not Plan.objects.exists()


@pytest.fixture
def template(story: Story, foresee: Foresee) -> str:
    """An approved standard change, made from one that succeeded."""
    change = story.submitted("minor")
    planner.plan(story.config, TECHNICIAN, change)
    service.approve(story.config, HEAD, service.get(change.number))
    change = service.get(change.number)
    for action in (Action.START, Action.SUCCEED):
        change = service.move(change, action, service.SYSTEM)
    standard.propose(story.config, TECHNICIAN, "monthly", change, expires=later(days=90))
    standard.approve(story.config, HEAD, "monthly")
    return "monthly"


def test_a_standard_change_is_scheduled_by_its_plan(story: Story, template: str) -> None:
    change = standard.new(story.config, TECHNICIAN, template, RfcDraft(window=NEXT))
    planner.plan(story.config, TECHNICIAN, service.submit(story.config, TECHNICIAN, change))
    assert service.get(change.number).stage is State.SCHEDULED


def test_a_standard_change_that_became_a_minor_one_is_planned_for_its_own_approval(
    story: Story, template: str
) -> None:
    change = standard.new(story.config, TECHNICIAN, template, RfcDraft(window=NEXT))
    change = service.edit(story.config, TECHNICIAN, change, RfcDraft.model_validate({"type": "minor"}))
    planner.plan(story.config, TECHNICIAN, service.submit(story.config, TECHNICIAN, change))
    after = service.get(change.number)
    assert (after.stage, signatures(after)) == (State.PLANNED, [])
    service.approve(story.config, HEAD, after)
    assert service.get(change.number).stage is State.SCHEDULED
