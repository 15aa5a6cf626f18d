"""What is reported of a host: by modules, under the key `fitsom` of a result, and by a run, as the items it changes.

docs/architecture.md describes the key. The types are defined here once; facts_reader.py reads them. Records hold them
as JSON, in the form in which modules report them: `to_json` writes it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from enum import StrEnum
from typing import Any

# Kinds of findings that say that facts are missing: an answer that does not fit, a result that was not recorded.
FACTS_UNREADABLE = "facts-unreadable"
RESULTS_LOST = "results-lost"
# Kinds of findings that the runner makes of what it saw of a run.
HANDLER_OWED = "handler-owed"
ONLY_STARTED = "only-started"
CUT_OFF = "cut-off"
REACHES_NOBODY = "reaches-nobody"


class PackageAction(StrEnum):
    """What happens to a package."""

    UPGRADE = "upgrade"
    INSTALL = "install"
    REMOVE = "remove"
    DOWNGRADE = "downgrade"


class Severity(StrEnum):
    """ITIL's kinds of event."""

    INFORMATIONAL = "informational"
    WARNING = "warning"
    EXCEPTION = "exception"


WORST_FIRST = (Severity.EXCEPTION, Severity.WARNING, Severity.INFORMATIONAL)


@dataclass(frozen=True, kw_only=True, slots=True)
class Package:
    """One package of one host: old is None when installed anew, new is None when removed.

    released is the day of the release of the new version, if known.
    """

    name: str
    old: str | None
    new: str | None
    action: PackageAction = PackageAction.UPGRADE
    arch: str = ""
    security: bool = False
    origin: str = ""
    advisories: tuple[str, ...] = ()
    released: date | None = None

    def to_json(self) -> dict[str, Any]:
        """As modules report it: `old` is `from` there, and `new` is `to`."""
        return {
            "name": self.name,
            "arch": self.arch,
            "from": self.old,
            "to": self.new,
            "action": self.action.value,
            "security": self.security,
            "origin": self.origin,
            "advisories": list(self.advisories),
            "released": self.released.isoformat() if self.released else None,
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class Object:
    """One of many objects of a kind, such as an account: action ("move"), kind ("user"), group ("Year 8").

    id is never a person's name.
    """

    kind: str
    id: str
    action: str
    group: str = ""
    what: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Service:
    """A service that was acted on, with its state ("active", "failed") before and after; None: not known."""

    name: str
    action: str
    before: str | None = None
    after: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Reboot:
    """Restart of a host. planned: the plan includes it. seconds: expected or measured time away."""

    required: bool = False
    planned: bool = False
    done: bool = False
    reasons: tuple[str, ...] = ()
    seconds: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Check:
    """One check of a host ("free space on /"); after: made after the work, not before it."""

    name: str
    ok: bool
    detail: str = ""
    after: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """What a check of a host found: what in one sentence, evidence behind it, what to do next."""

    kind: str
    severity: Severity
    ci: str
    what: str
    evidence: str = ""
    do: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Expiring:
    """A firewall rule that ends soon, or has; days are left, below zero where it is over."""

    rule: str
    owner: str = ""
    reason: str = ""
    change: str = ""
    expires: str = ""
    file: str = ""
    days: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class FileSystem:
    """What is left of one file system."""

    mount: str
    free_mb: float
    used_percent: float


@dataclass(frozen=True, kw_only=True, slots=True)
class ConfigurationItem:
    """What a host is, as far as reports show it in a row; empty texts where nothing was reported."""

    system: str = ""
    kernel: str = ""
    supported_until: str = ""
    last_boot: str = ""
    serial: str = ""
    filesystems: tuple[FileSystem, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Facts:
    """All that modules reported of one host, in their order, without repetitions.

    reboots: reported before the work and again after it. undone: kinds of objects that the host took back by itself.
    observed: what the host is, by name, for the CMDB, as it was reported; its readers are in facts_reader.py.
    """

    packages: tuple[Package, ...] = ()
    services: tuple[Service, ...] = ()
    reboots: tuple[Reboot, ...] = ()
    checks: tuple[Check, ...] = ()
    objects: tuple[Object, ...] = ()
    findings: tuple[Finding, ...] = ()
    observed: Mapping[str, Any] = field(default_factory=dict)
    undone: tuple[str, ...] = ()
    expiring: tuple[Expiring, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def reboot(self) -> Reboot:
        """The sum of all reports on restarts."""
        newest = self.reboots[-1] if self.reboots else Reboot()
        return Reboot(
            required=newest.required,
            planned=any(reboot.planned for reboot in self.reboots),
            done=any(reboot.done for reboot in self.reboots),
            reasons=tuple(dict.fromkeys(reason for reboot in self.reboots for reason in reboot.reasons)),
            seconds=next((reboot.seconds for reboot in self.reboots if reboot.seconds), None),
        )

    @property
    def complete(self) -> bool:
        """Whether everything that was reported was read; if not, what is missing may be anything."""
        return not any(finding.kind in (FACTS_UNREADABLE, RESULTS_LOST) for finding in self.findings)

    def plus(self, addition: Facts) -> Facts:
        """With a later report; objects that it calls undone are left out."""
        objects = (o for o in (*self.objects, *addition.objects) if o.kind not in addition.undone)
        return Facts(
            packages=_without_repetitions(self.packages, addition.packages),
            services=_without_repetitions(self.services, addition.services),
            reboots=_without_repetitions(self.reboots, addition.reboots),
            checks=_without_repetitions(self.checks, addition.checks),
            objects=_without_repetitions(objects),
            findings=_without_repetitions(self.findings, addition.findings),
            observed={**self.observed, **addition.observed},
            undone=_without_repetitions(self.undone, addition.undone),
            expiring=_without_repetitions(self.expiring, addition.expiring),
            notes=_without_repetitions(self.notes, addition.notes),
        )

    def without_changes(self) -> Facts:
        """Without packages and objects, which a task that changes nothing reports as outstanding only."""
        return replace(self, packages=(), objects=())

    def to_json(self) -> dict[str, list[Any]]:
        """In the form in which modules report them, each part a list; parts without anything are left out."""
        parts: dict[str, list[Any]] = {
            "packages": [package.to_json() for package in self.packages],
            "services": [asdict(service) for service in self.services],
            "reboot": [{**asdict(reboot), "reasons": list(reboot.reasons)} for reboot in self.reboots],
            "checks": [asdict(check) for check in self.checks],
            "objects": [asdict(item) for item in self.objects],
            "findings": [
                {**asdict(finding), "severity": finding.severity.value} for finding in self.findings
            ],
            "facts": [dict(self.observed)] if self.observed else [],
            "undone": list(self.undone),
            "expiring": [asdict(rule) for rule in self.expiring],
            "notes": list(self.notes),
        }
        return {part: rows for part, rows in parts.items() if rows}


def _without_repetitions[T](*sequences: Iterable[T]) -> tuple[T, ...]:
    return tuple(dict.fromkeys(item for sequence in sequences for item in sequence))


@dataclass(frozen=True, kw_only=True, slots=True)
class Item:
    """One item that a task changes: the item of its loop, the difference as text and a digest of it.

    packages: its packages or objects are listed instead, one by one. path, position, content: where the task stands
    ("playbooks/x.yml:12"), which turn of its loop this is, and a digest of its arguments, "" where nobody may see them:
    these tell items apart, whatever they are called. listed: a step did it that the plan lists as blind.
    """

    task: str
    role: str = ""
    item: str = ""
    digest: str = ""
    diff: str = ""
    packages: bool = False
    path: str = ""
    position: int = 0
    content: str = ""
    listed: bool = False


class BlindKind(StrEnum):
    """Why nobody can say beforehand what a step does."""

    SKIPPED = "skipped"  # check mode passes over it
    SILENT = "silent"  # it says that it changes nothing, and nobody has vouched for that
    DEPENDS = "depends"  # on what another such step finds
    NOTIFIED = "notified"  # by another such step
    AFTER_FAILURE = "after_failure"  # it comes only if another step fails
    STARTED = "started"  # nobody waits for its end
    FAILED = "failed"  # it fails in check mode, and the playbook goes on


@dataclass(frozen=True, kw_only=True, slots=True)
class BlindStep:
    """A step of which a plan cannot say what it will do; words: the command that it runs, if it runs one."""

    kind: BlindKind
    task: str
    role: str = ""
    words: str = ""
    path: str = ""
    position: int = 0
    content: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class HostChanges:
    """What a plan predicts for one host, or what a run did there.

    blind: steps that nobody can predict. marks: how often the playbook set its done mark there; ends_marked: nothing
    that may change the host came after the last of them; plays: how many plays (batches of them) it came through.
    groups, about: what the inventory holds on the host (label, provides, device), in a plan only.
    """

    items: tuple[Item, ...] = ()
    facts: Facts = field(default_factory=Facts)
    blind: tuple[BlindStep, ...] = ()
    marks: int = 0
    ends_marked: bool = False
    plays: int = 0
    groups: tuple[str, ...] = ()
    about: Mapping[str, str] = field(default_factory=dict)

    @property
    def settings(self) -> tuple[Item, ...]:
        """The items that are not listed as packages or objects."""
        return tuple(item for item in self.items if not item.packages)

    def to_json(self) -> dict[str, Any]:
        """As a plan's record holds it."""
        return {
            "items": [asdict(item) for item in self.items],
            "facts": self.facts.to_json(),
            "blind": [{**asdict(step), "kind": step.kind.value} for step in self.blind],
            "marks": self.marks,
            "ends_marked": self.ends_marked,
            "plays": self.plays,
            "groups": list(self.groups),
            "about": dict(self.about),
        }
