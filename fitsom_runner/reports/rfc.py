"""The change side of a report: the FITS request for change, who signed it, and its seal.

All times are timezone-aware. Text may come from anywhere: renderers clean and escape it.
"""

from dataclasses import dataclass
from datetime import datetime

from fitsom_runner.changes.states import BackOutClass, ChangeType, State
from fitsom_runner.reports.kinds import ApprovalKind, Decision, LinkKind


@dataclass(frozen=True, kw_only=True, slots=True)
class Person:
    """Somebody with a role in the school ("Head teacher"); role may be empty."""

    name: str
    role: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Window:
    """When the work may happen: from start to end, shown in the IANA zone ("Europe/London")."""

    start: datetime
    end: datetime
    zone: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Item:
    """What is changed, as the inventory of the school calls it."""

    name: str
    location: str = ""
    asset_tag: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """One implementation step, with the test that shows that it worked."""

    text: str
    test: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Link:
    """An incident, problem or configuration item that this change names."""

    kind: LinkKind
    ref: str
    title: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """The FITS request for change, every field of it.

    window is None only when none was set (a draft, an emergency that runs at once). playbook and limit
    name the content and the hosts ("playbooks/patch.yml", "servers").
    """

    number: str
    version: int
    title: str
    type: ChangeType
    state: State
    item: Item
    change: str
    reason: str
    effect_of_not_changing: str
    steps: tuple[Step, ...]
    impact: str
    risk: str
    risk_evidence: str
    backout: str
    backout_class: BackOutClass
    window: Window | None
    requester: Person
    implementer: Person
    links: tuple[Link, ...] = ()
    playbook: str = ""
    limit: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Approval:
    """One decision of one person.

    person signed; on_behalf_of is the one who delegated to them, if any. recorded_by is the OS user whose
    session recorded it. seal is the SHA-256 they saw (None where there was none to see: approval to proceed).
    version is the version of the change that they decided on. key is the fingerprint of the key that signed it, empty
    where it is not signed.
    """

    kind: ApprovalKind
    person: Person
    decision: Decision
    when: datetime
    recorded_by: str
    comment: str = ""
    on_behalf_of: Person | None = None
    seal: str | None = None
    version: int = 1
    key: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class SealComponent:
    """One part that the seal covers ("roles/", "tree 9f3a...")."""

    name: str
    value: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Seal:
    """The SHA-256 (64 hex digits) over everything that decides what runs; verify: commands that prove it."""

    sha256: str
    components: tuple[SealComponent, ...] = ()
    verify: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class AuditHead:
    """The newest entry of the audit chain when the report was made; verify: commands that check the chain.

    checkpoint: the same as a signed note, "" in older reports.
    """

    seq: int
    hash: str
    verify: tuple[str, ...] = ("fitsom audit verify",)
    checkpoint: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Review:
    """The post-implementation review; evidence of tests; closure_code as the school writes it."""

    by: Person
    when: datetime
    objective_met: bool
    plan_accurate: bool
    side_effects: str = ""
    evidence: str = ""
    comment: str = ""
    closure_code: str = ""
