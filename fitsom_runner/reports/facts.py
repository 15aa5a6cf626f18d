"""What follows from a report by counting: made once, read by the words, the timeline and the templates."""

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass

from fitsom_runner.changes.prediction import DifferenceKind
from fitsom_runner.execution.states import Outcome, RunKind
from fitsom_runner.facts import WORST_FIRST, Finding, Object, Package, Service, Severity
from fitsom_runner.reports.kinds import TaskStatus
from fitsom_runner.reports.model import (
    Difference,
    Failure,
    Host,
    PredictedSetting,
    Report,
    Task,
    UnpredictableStep,
)

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
    def unpredicted(self) -> int:
        """Changes that the plan did not predict."""
        return self.differences.get(DifferenceKind.NOT_PREDICTED, 0)

    @property
    def not_happened(self) -> int:
        """Predicted changes that did not happen."""
        return self.differences.get(DifferenceKind.DID_NOT_HAPPEN, 0)

    @property
    def as_predicted(self) -> int:
        """Changes that happened as predicted."""
        return self.differences.get(DifferenceKind.AS_PREDICTED, 0)

    @property
    def notable(self) -> bool:
        """Whether this host needs attention."""
        host = self.host
        trouble = host.result not in (None, Outcome.DONE) or host.failures or host.notes
        deviates = self.unpredicted or self.not_happened or reboot_open(host) or services_down(host)
        check_failed = any(not check.ok for check in host.checks)
        return bool(trouble or deviates or check_failed or any(worrying(f) for f in host.findings))


@dataclass(frozen=True, kw_only=True, slots=True)
class Group[T]:
    """One item that is the same on all of these hosts."""

    item: T
    hosts: tuple[str, ...]

    @property
    def placeholder(self) -> str:
        """The host to name in advice: "HOST" where there are several."""
        return self.hosts[0] if len(self.hosts) == 1 else "HOST"


@dataclass(frozen=True, kw_only=True, slots=True)
class Facts:
    """The counts of a report; updates and security count each package on each host.

    objects: {(action, kind, group): how many}, on all hosts; object_groups: each of them.
    settings: what else is changed, on each host; blind: each step that nobody can predict.
    """

    results: Mapping[Outcome, int]
    hosts: tuple[HostFacts, ...]
    packages: tuple[Group[Package], ...]
    objects: Mapping[tuple[str, str, str], int]
    object_groups: tuple[Group[Object], ...]
    predicted_settings: tuple[Group[PredictedSetting], ...]
    blind: tuple[Group[UnpredictableStep], ...]
    settings: int
    hosts_with_settings: int
    services: tuple[Group[Service], ...]
    differences: tuple[Group[Difference], ...]
    failures: tuple[Group[Failure], ...]
    findings: tuple[Group[Finding], ...]
    updates: int
    security: int
    hosts_with_updates: int
    advisories: int
    restarting: tuple[Host, ...]
    is_large: bool

    @property
    def notable(self) -> tuple[HostFacts, ...]:
        """The hosts that need attention."""
        return tuple(facts for facts in self.hosts if facts.notable)

    def total(self, kind: DifferenceKind) -> int:
        """Differences of that kind on all hosts."""
        return sum(facts.differences.get(kind, 0) for facts in self.hosts)


def reboot_open(host: Host) -> bool:
    """A restart that the host needs (or the plan predicted) and that has not happened, after a run."""
    return bool(host.result and (host.reboot.required or host.reboot.planned) and not host.reboot.done)


def is_down(service: Service) -> bool:
    """Whether it does not run now, though it was not off before."""
    return service.after not in (None, "active") and service.before not in _PASSIVE_STATES


def services_down(host: Host) -> tuple[str, ...]:
    """The services of the host that should run and do not."""
    return tuple(service.name for service in host.services if is_down(service))


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
        packages=tuple(sorted(_group(report, lambda host: host.packages), key=_package_order)),
        objects=Counter((o.action, o.kind, o.group) for host in report.hosts for o in host.objects),
        object_groups=tuple(_group(report, lambda host: host.objects)),
        predicted_settings=tuple(_group(report, lambda host: host.foreseen)),
        blind=tuple(_group(report, lambda host: host.blind)),
        settings=sum(map(_settings, report.hosts)),
        hosts_with_settings=sum(_settings(host) > 0 for host in report.hosts),
        services=tuple(_group(report, lambda host: host.services)),
        differences=tuple(sorted(_group(report, lambda host: host.differences), key=_difference_order)),
        failures=tuple(_group(report, lambda host: host.failures)),
        findings=tuple(sorted(_group(report, lambda host: host.findings), key=_finding_order)),
        updates=len(packages),
        security=sum(package.security for package in packages),
        hosts_with_updates=sum(bool(host.packages) for host in report.hosts),
        advisories=len({name for package in packages for name in package.advisories}),
        restarting=tuple(h for h in report.hosts if (h.reboot.done if happened else h.reboot.planned)),
        is_large=len(report.hosts) > MANY_HOSTS,
    )


def _host(host: Host) -> HostFacts:
    tasks = tuple(task for task in host.tasks if task.status in _NOTABLE or task.seconds >= _SLOW)
    return HostFacts(
        host=host,
        differences=_numbers(host),
        start=min((task.start for task in host.tasks), default=None),
        end=max((task.start + task.seconds for task in host.tasks), default=None),
        tasks=tasks,
        hidden=len(host.tasks) - len(tasks),
    )


def _settings(host: Host) -> int:
    """How many settings will be changed, or were: packages and objects are counted separately."""
    happened = (d for d in host.differences if d.kind is not DifferenceKind.DID_NOT_HAPPEN)
    return len(host.foreseen) + sum(d.number for d in happened if d.task not in ("packages", "objects"))


def _numbers(host: Host) -> Counter[DifferenceKind]:
    numbers: Counter[DifferenceKind] = Counter()
    for difference in host.differences:
        numbers[difference.kind] += difference.number
    return numbers


def _group[T: Hashable](report: Report, items: Callable[[Host], Iterable[T]]) -> list[Group[T]]:
    groups: dict[T, list[str]] = {}
    for host in report.hosts:
        for item in items(host):
            groups.setdefault(item, []).append(host.name)
    return [Group(item=item, hosts=tuple(names)) for item, names in groups.items()]


def _package_order(group: Group[Package]) -> tuple[bool, str, str]:
    return (not group.item.security, group.item.name, group.item.new or "")


_ORDER = (
    DifferenceKind.DID_NOT_HAPPEN,
    DifferenceKind.NOT_PREDICTED,
    DifferenceKind.BLIND,
    DifferenceKind.AS_PREDICTED,
)


def _difference_order(group: Group[Difference]) -> int:
    return _ORDER.index(group.item.kind)


def worrying(finding: Finding) -> bool:
    """Whether it calls for action."""
    return finding.severity is not Severity.INFORMATIONAL


def _finding_order(group: Group[Finding]) -> tuple[int, str, str]:
    return (WORST_FIRST.index(group.item.severity), group.item.kind, group.item.ci)


def is_backout(report: Report) -> bool:
    """Whether the run was a back-out."""
    return report.run is not None and report.run.kind is RunKind.BACKOUT
