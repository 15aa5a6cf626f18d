"""The people of a small fictional school, and what they hand in."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from fitsom_runner.changes import seal, service
from fitsom_runner.changes.draft import RfcDraft, WindowText
from fitsom_runner.changes.models import Change, Plan
from fitsom_runner.changes.seal import SealParts
from fitsom_runner.changes.signatures import window_of
from fitsom_runner.config import Config, Person, School
from fitsom_runner.people.powers import Identity
from fitsom_runner.roles import Role

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
IN_WINDOW = datetime(2026, 11, 27, 18, 30, tzinfo=UTC)
TEXTS = {
    "title": "November updates",
    "item_name": "File server",
    "change_text": "Install the security updates",
    "reason": "They close holes",
    "implementation_steps": "Back up; install; look at the logs",
    "impact": "No files for an hour",
    "failure_impact": "No files for a day",
    "failure_risk": "low",
    "backout": "Put the saved packages back",
}


def identity(person_id: str, name: str, role: Role) -> Identity:
    """A person who is logged in under their own id."""
    return Identity(person=Person(id=person_id, name=name, role=role, os_user=person_id), os_user=person_id)


HEAD = identity("hale", "Margaret Hale", Role.HEAD)
MANAGER = identity("boucher", "Nicholas Boucher", Role.NETWORK_MANAGER)
TECHNICIAN = identity("higgins", "Bessy Higgins", Role.TECHNICIAN)
SUPPLIER = identity("dixon", "Dixon Systems", Role.SUPPLIER)
OUTSIDER = identity("bell", "Adam Bell", Role.AUDITOR)
CAST = (HEAD, MANAGER, TECHNICIAN, SUPPLIER, OUTSIDER)


def config(folder: Path, **settings: Any) -> Config:
    """The school's configuration with all five people in it."""
    values: dict[str, Any] = {
        "school": School(name="Milton High"),
        "repository": folder,
        "inventories": (folder / "inventories" / "school",),
        "state": folder / "state",
        "people": tuple(i.person for i in CAST),
        "minimum_free_mb": 0,
    }
    return Config(**{**values, **settings})


def draft(kind: str = "minor", **fields: Any) -> RfcDraft:
    """A complete RfC for any type of change."""
    values: dict[str, Any] = {
        **TEXTS,
        "type": kind,
        "playbook": "playbooks/patch.yml",
        "backout_playbook": "playbooks/backout.yml",
        "limit": "servers",
        "window": WindowText(start="2026-11-27 18:00", end="19:00"),
    }
    return RfcDraft.model_validate({k: v for k, v in {**values, **fields}.items() if v is not None})


def parts(change: Change | None = None, **moved: Any) -> dict[str, Any]:
    """The components of a seal for the change, with some of them moved."""
    window = window_of(change) if change else None
    values: dict[str, Any] = {
        "trees": {"playbooks": "a" * 40, "roles": "b" * 40},
        "versions": {"ansible-core": "2.21.5"},
        "playbook": change.playbook if change else "playbooks/patch.yml",
        "tags": tuple(change.tags) if change else (),
        "skip_tags": (),
        "inventories": {"inventories/school": "c" * 64},
        "hosts": {"srv1": "d" * 64, "srv2": "e" * 64},
        "extra_vars": change.extra_vars if change else {},
        "packages": {"srv1": {"openssl": "3.0.17-1"}, "srv2": {}},
        "window": window.parts() if window else None,
        "sandbox": {"enabled": True, "read": {}, "write": []},
    }
    return SealParts(**{**values, **moved}).components()


def plan(change: Change, identity: Identity = TECHNICIAN, **moved: Any) -> Change:
    """Record a sealed plan, as the planner would."""
    components = parts(change, **moved)
    new_plan = Plan(
        id=f"{change.number}-plan{change.plans.count() + 1}",
        change=change,
        version=change.version,
        created_at=NOW,
        created_by=identity.person.id,
        commit="f" * 40,
        seal=seal.seal_of(components),
        components=components,
        hosts={
            host: {"items": [], "facts": {}, "marks": 1, "ends_marked": True} for host in components["hosts"]
        },
    )
    return service.record_plan(identity, change, new_plan)


def seal_of(change: Change) -> str:
    """The seal of the change's current plan."""
    assert change.plan is not None
    return change.plan.seal


@dataclass(frozen=True, kw_only=True)
class Story:
    """Shorthand for a story: walks changes of one configuration through their life."""

    config: Config

    def drafted(self, kind: str = "minor", identity: Identity = TECHNICIAN, **fields: Any) -> Change:
        """A draft."""
        return service.new(self.config, identity, draft(kind, **fields))

    def submitted(self, kind: str = "minor", identity: Identity = TECHNICIAN, **fields: Any) -> Change:
        """A change that was handed in."""
        return service.submit(self.config, identity, self.drafted(kind, identity, **fields))

    def planned(self, kind: str = "minor", identity: Identity = TECHNICIAN, **fields: Any) -> Change:
        """A change with a sealed plan; a major one was approved to proceed by the manager."""
        change = self.submitted(kind, identity, **fields)
        if kind == "major":
            service.approve(self.config, MANAGER, change)
        return plan(service.get(change.number))

    def scheduled(self, kind: str = "minor", identity: Identity = TECHNICIAN, **fields: Any) -> Change:
        """A change with every signature its type asks for."""
        change = self.planned(kind, identity, **fields)
        if kind == "major":
            service.approve(self.config, SUPPLIER, change)
        service.approve(self.config, HEAD, service.get(change.number))
        return service.get(change.number)


def later(**delta: float) -> datetime:
    """Some time after NOW."""
    return NOW + timedelta(**delta)
