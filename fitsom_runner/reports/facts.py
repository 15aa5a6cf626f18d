"""What follows from a report by counting: made once, read by the words, the timeline and the templates."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from fitsom_runner.reports.kinds import DifferenceKind, HostResult, PackageAction, RunKind, TaskStatus
from fitsom_runner.reports.model import Difference, Failure, Host, Package, Report, Task

MANY_HOSTS = 60
_NOTABLE = {TaskStatus.CHANGED, TaskStatus.REBOOTED, TaskStatus.FAILED, TaskStatus.UNREACHABLE}
_SLOW = 1.0
_PASSIVE_STATES = {"inactive", "disabled", "masked"}


@dataclass(frozen=True, kw_only=True, slots=True)
class HostFacts:
    """One host with its counts. start and end are seconds since the run started, None without tasks.

    tasks are those worth printing (they changed, failed or took their time); hidden counts the others.
    """

    host: Host
    differences: Mapping[DifferenceKind, int]
    start: float | None
    end: float | None
    tasks: tuple[Task, ...]
    hidden: int

    @property
    def seconds(self) -> float | None:
        """From the first task's start to the last one's end."""
        return None if self.start is None or self.end is None else self.end - self.start

    @property
    def besides(self) -> int:
        """Changes that the plan did not foresee."""
        return self.differences.get(DifferenceKind.CAME_BESIDES, 0)

    @property
    def missing(self) -> int:
        """Foreseen changes that did not come."""
        return self.differences.get(DifferenceKind.DID_NOT_COME, 0)

    @property
    def came(self) -> int:
        """Foreseen changes that came."""
        return self.differences.get(DifferenceKind.FORESEEN_AND_CAME, 0)

    @property
    def notable(self) -> bool:
        """Whether somebody should look at this host."""
        host = self.host
        trouble = host.result not in (None, HostResult.DONE) or host.failures or host.notes
        deviates = self.besides or self.missing or reboot_open(host) or services_down(host)
        return bool(trouble or deviates or any(not check.ok for check in host.checks))


@dataclass(frozen=True, kw_only=True, slots=True)
class PackageFacts:
    """One package change and the names of the hosts that have it."""

    package: Package
    hosts: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class DifferenceFacts:
    """One planned or actual change and the names of the hosts where it is the same."""

    difference: Difference
    hosts: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class FailureFacts:
    """One failure and the names of the hosts that failed with the same words."""

    failure: Failure
    hosts: tuple[str, ...]

    @property
    def advice(self) -> str:
        """The host to name in advice: HOST stands for each where there are several."""
        return self.hosts[0] if len(self.hosts) == 1 else "HOST"


@dataclass(frozen=True, kw_only=True, slots=True)
class Facts:
    """The counts of a whole report; updates and security count each package on each host."""

    results: Mapping[HostResult, int]
    hosts: tuple[HostFacts, ...]
    packages: tuple[PackageFacts, ...]
    differences: tuple[DifferenceFacts, ...]
    failures: tuple[FailureFacts, ...]
    updates: int
    security: int
    hosts_with_updates: int
    advisories: int
    restarting: tuple[Host, ...]
    many: bool

    @property
    def notable(self) -> tuple[HostFacts, ...]:
        """The hosts that somebody should look at."""
        return tuple(facts for facts in self.hosts if facts.notable)

    def total(self, kind: DifferenceKind) -> int:
        """Differences of that kind on all hosts."""
        return sum(facts.differences.get(kind, 0) for facts in self.hosts)


def reboot_open(host: Host) -> bool:
    """A restart that the host needs (or the plan promised) and that has not come, after a run."""
    return bool(host.result and (host.reboot.required or host.reboot.planned) and not host.reboot.done)


def services_down(host: Host) -> tuple[str, ...]:
    """Services that ran before and do not run now (those that were off before may stay off)."""
    return tuple(
        service.name
        for service in host.services
        if service.after not in (None, "active") and service.before not in _PASSIVE_STATES
    )


def noun(hosts: tuple[Host, ...]) -> str:
    """What to call these hosts together: their device, or "machine" when they are of several kinds."""
    kinds = {host.device for host in hosts}
    return kinds.pop() if len(kinds) == 1 else "machine"


def gather(report: Report) -> Facts:
    """All counts, in one pass over the hosts."""
    packages = [package for host in report.hosts for package in host.packages]
    happened = report.run is not None
    return Facts(
        results=Counter(host.result for host in report.hosts if host.result),
        hosts=tuple(_host(host) for host in report.hosts),
        packages=_packages(report),
        differences=_differences(report),
        failures=_failures(report),
        updates=len(packages),
        security=sum(package.security for package in packages),
        hosts_with_updates=sum(bool(host.packages) for host in report.hosts),
        advisories=len({name for package in packages for name in package.advisories}),
        restarting=tuple(h for h in report.hosts if (h.reboot.done if happened else h.reboot.planned)),
        many=len(report.hosts) > MANY_HOSTS,
    )


def _host(host: Host) -> HostFacts:
    tasks = tuple(task for task in host.tasks if task.status in _NOTABLE or task.seconds >= _SLOW)
    return HostFacts(
        host=host,
        differences=Counter(difference.kind for difference in host.differences),
        start=min((task.start for task in host.tasks), default=None),
        end=max((task.start + task.seconds for task in host.tasks), default=None),
        tasks=tasks,
        hidden=len(host.tasks) - len(tasks),
    )


def _packages(report: Report) -> tuple[PackageFacts, ...]:
    groups: dict[tuple[str, str, str | None, str | None, PackageAction], tuple[Package, list[str]]] = {}
    for host in report.hosts:
        for package in host.packages:
            key = (package.name, package.arch, package.old, package.new, package.action)
            groups.setdefault(key, (package, []))[1].append(host.name)
    rows = [PackageFacts(package=package, hosts=tuple(names)) for package, names in groups.values()]
    return tuple(
        sorted(rows, key=lambda row: (not row.package.security, row.package.name, row.package.new or ""))
    )


_ORDER = (DifferenceKind.DID_NOT_COME, DifferenceKind.CAME_BESIDES, DifferenceKind.FORESEEN_AND_CAME)


def _differences(report: Report) -> tuple[DifferenceFacts, ...]:
    groups: dict[Difference, list[str]] = {}
    for host in report.hosts:
        for difference in host.differences:
            groups.setdefault(difference, []).append(host.name)
    rows = [DifferenceFacts(difference=key, hosts=tuple(names)) for key, names in groups.items()]
    return tuple(sorted(rows, key=lambda row: _ORDER.index(row.difference.kind)))


def _failures(report: Report) -> tuple[FailureFacts, ...]:
    groups: dict[Failure, list[str]] = {}
    for host in report.hosts:
        for failure in host.failures:
            groups.setdefault(failure, []).append(host.name)
    return tuple(FailureFacts(failure=key, hosts=tuple(names)) for key, names in groups.items())


def is_backout(report: Report) -> bool:
    """Whether the run took hosts back."""
    return report.run is not None and report.run.kind is RunKind.BACKOUT
