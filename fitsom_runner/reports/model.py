"""What a report is made of: plain frozen data, no database and no Ansible.

A Report without a run describes a plan ("what will happen if you approve"); with a run, what happened.
Everything in a Host below is a *fact* after a run and a *prediction* before one.
All times are timezone-aware datetimes, all durations seconds; sequences are tuples in the order to show.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from fitsom_runner.changes.prediction import DifferenceKind
from fitsom_runner.execution.states import Outcome, RunKind, RunStatus
from fitsom_runner.facts import BlindKind, Check, Finding, Object, Package, Reboot, Service
from fitsom_runner.reports.kinds import ApprovalKind, FailureKind, TaskStatus
from fitsom_runner.reports.rfc import Approval, AuditHead, Change, Person, Review, Seal

SCHEMA = "fitsom-report"
SCHEMA_VERSION = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """Plan against actual on the host that holds it; what: one line of text, number: how many it counts."""

    task: str
    what: str
    kind: DifferenceKind
    number: int = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class PredictedSetting:
    """A setting that the plan predicts to be changed: by which task, which item of its loop, and what differs."""

    task: str
    what: str = ""
    diff: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class UnpredictableStep:
    """A step of the plan of which nobody can say what it will do: why, and the command that it runs, if it runs one."""

    task: str
    kind: BlindKind
    command: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Task:
    """One task on one host: start in seconds since the run started, and how many seconds it took."""

    name: str
    start: float
    seconds: float
    status: TaskStatus = TaskStatus.OK


@dataclass(frozen=True, kw_only=True, slots=True)
class Failure:
    """What failed and with which words; the kind decides the advice (words.next_steps)."""

    kind: FailureKind
    task: str
    error: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Host:
    """One host of the change.

    result is None before a run. label is what people call it ("the file server"), provides what they lack
    while it restarts ("files"), device its kind as a singular noun ("server", "computer"); ring is the ring
    it is patched in. packages, services, reboot: what happened (after a run) or will happen (a plan). foreseen:
    settings that a plan will change; after a run they are among the differences. blind: steps of the plan that nobody
    can predict. observed: what modules
    observed of the host for the CMDB, by name, such as configuration_item. reopened: security updates that a back-out
    has taken away.
    """

    name: str
    result: Outcome | None = None
    reason: str = ""
    label: str = ""
    provides: str = ""
    device: str = "server"
    ring: str = ""
    groups: tuple[str, ...] = ()
    foreseen: tuple[PredictedSetting, ...] = ()
    blind: tuple[UnpredictableStep, ...] = ()
    differences: tuple[Difference, ...] = ()
    packages: tuple[Package, ...] = ()
    reopened: tuple[Package, ...] = ()
    objects: tuple[Object, ...] = ()
    services: tuple[Service, ...] = ()
    reboot: Reboot = field(default_factory=Reboot)
    checks: tuple[Check, ...] = ()
    findings: tuple[Finding, ...] = ()
    tasks: tuple[Task, ...] = ()
    failures: tuple[Failure, ...] = ()
    notes: tuple[str, ...] = ()
    observed: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """One run. ended and wall_seconds are None when the end is not known; follows names an earlier run.

    engine: what carried out its tasks, "" for plain Ansible; sandbox: what of the controller they could see.
    refusal: why it was refused before it touched anything, a sentence each. reason: why a back-out was made.
    """

    id: str
    kind: RunKind
    outcome: RunStatus
    started: datetime
    ended: datetime | None
    by: Person
    recorded_by: str = ""
    ansible_core: str = ""
    engine: str = ""
    sandbox: str = ""
    wall_seconds: float | None = None
    follows: str = ""
    refusal: tuple[str, ...] = ()
    reason: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class EarlierRun:
    """A run of the change before the one that the report is of. results: how it left each host, by name."""

    id: str
    kind: RunKind
    outcome: RunStatus
    started: datetime
    by: Person
    results: tuple[tuple[str, Outcome], ...] = ()
    refusal: tuple[str, ...] = ()
    reason: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Incident:
    """An incident that a run of the change noted; host is empty when it concerns no single host."""

    number: str
    title: str
    host: str = ""
    noted: datetime | None = None
    open: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """All that any renderer needs.

    planned is when the plan was taken; awaiting are the signatures still to come (the changes room knows the
    rules, not this one). zone serves when the change has no window. review_due: a review is still owed.
    settings_changes: what became another in fitsom.yml since the change was requested, a sentence each. hosts: after a
    run, how all runs of this plan up to it have left them; earlier: those and the change's other runs before it.
    """

    school: str
    change: Change
    generated: datetime
    approvals: tuple[Approval, ...] = ()
    awaiting: tuple[ApprovalKind, ...] = ()
    planned: datetime | None = None
    run: Run | None = None
    earlier: tuple[EarlierRun, ...] = ()
    hosts: tuple[Host, ...] = ()
    incidents: tuple[Incident, ...] = ()
    seal: Seal | None = None
    audit: AuditHead | None = None
    review: Review | None = None
    review_due: bool = False
    settings_changes: tuple[str, ...] = ()
    zone: str = "UTC"
    fitsom_version: str = ""

    @property
    def shown_zone(self) -> str:
        """The IANA zone that all times are shown in."""
        return self.change.window.zone if self.change.window else self.zone
