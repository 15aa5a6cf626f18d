"""Reports of a small fictional school, in every state: for tests, screenshots and the bench."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from fitsom_runner.reports.kinds import (
    ApprovalKind,
    BackOutClass,
    ChangeState,
    ChangeType,
    Decision,
    DifferenceKind,
    FailureKind,
    HostResult,
    LinkKind,
    PackageAction,
    RunKind,
    RunOutcome,
    TaskStatus,
)
from fitsom_runner.reports.model import (
    Check,
    Difference,
    Failure,
    Host,
    Incident,
    Package,
    Reboot,
    Report,
    Run,
    Service,
    Task,
)
from fitsom_runner.reports.rfc import (
    Approval,
    AuditHead,
    Change,
    Item,
    Link,
    Person,
    Review,
    Seal,
    SealComponent,
    Step,
    Window,
)

HEAD = Person(name="Margaret Hale", role="Head teacher")
DEPUTY = Person(name="John Thornton", role="Deputy head")
PEER = Person(name="Bessy Higgins", role="Technician, Milton Trust")
MANAGER = Person(name="Nicholas Boucher", role="Network manager")
START = datetime(2026, 11, 6, 18, 0, tzinfo=UTC)
HASH = "9f3a41c07be25d8816f0a2c4e7b9d3358a61c0f4e2d7b8a9135c6e0f7d24ba81"


def window(start: datetime = START, hours: float = 1, zone: str = "Europe/London") -> Window:
    return Window(start=start, end=start + timedelta(hours=hours), zone=zone)


def change(state: ChangeState = ChangeState.SUCCEEDED, kind: ChangeType = ChangeType.MAJOR) -> Change:
    return Change(
        number="CHG-2026-0001",
        version=2,
        title="November security updates for the servers",
        type=kind,
        state=state,
        item=Item(name="File and web server", location="B block, server cupboard", asset_tag="MG-0412"),
        change="Install the outstanding security updates of Debian, exactly the versions of the plan.",
        reason="Two of the updates close holes rated critical.",
        effect_of_not_changing="The servers stay open to known attacks, beyond the 14 days that we allow.",
        steps=(
            Step(text="Check that last night's backups succeeded", test="The backup report is green"),
            Step(text="Save the packages that are installed now", test="Every old version is on the disk"),
            Step(text="Install the updates; restart what needs it", test="Versions are as planned"),
            Step(text="Log in, open a file, review the error logs", test="Nothing new in the logs"),
        ),
        impact="All users, up to one hour without shared files and the intranet.",
        risk="Low. At worst the file server is rebuilt, 6 hours.",
        risk_evidence="The same updates have run on the pilot server since Tuesday without an error.",
        backout="Take the packages back to the saved versions, about 10 minutes.",
        backout_class=BackOutClass.REVERSIBLE,
        window=window(),
        requester=MANAGER,
        implementer=MANAGER,
        links=(
            Link(kind=LinkKind.PROBLEM, ref="PRB-2026-0007", title="Slow printing after updates"),
            Link(kind=LinkKind.CI, ref="CI-0412", title="files1"),
        ),
        playbook="playbooks/patch.yml",
        limit="servers",
    )


def approvals() -> tuple[Approval, ...]:
    proceed = Approval(
        kind=ApprovalKind.PROCEED,
        person=HEAD,
        decision=Decision.APPROVED,
        when=START - timedelta(days=4, hours=8),
        recorded_by="mhale",
        comment="Please keep clear of the parents' evening.",
        version=1,
    )
    peer = replace(
        proceed,
        kind=ApprovalKind.PEER_REVIEW,
        person=PEER,
        recorded_by="bhiggins",
        when=START - timedelta(days=2, hours=3),
        comment="Plan read; the kernel needs the restart.",
        seal=HASH,
        version=2,
    )
    implement = replace(
        peer,
        kind=ApprovalKind.IMPLEMENT,
        person=DEPUTY,
        on_behalf_of=HEAD,
        recorded_by="jthornton",
        when=START - timedelta(days=1, hours=2, minutes=20),
        comment="",
    )
    return proceed, peer, implement


def seal() -> Seal:
    parts = {
        "commit": "95cb6db0c2d7",
        "playbooks/": "tree 41b2c0aa19de",
        "roles/": "tree 8c1f77be5d02",
        "plugins/": "tree e0d93a6642b1",
        "ansible-core": "2.21.2",
        "hosts": "2 hosts, sha256 77aa01b9",
        "packages": "19 versions, sha256 c40e21f3",
        "window": "2026-11-06T18:00Z/2026-11-06T19:00Z",
    }
    return Seal(
        sha256=HASH,
        components=tuple(SealComponent(name=name, value=value) for name, value in parts.items()),
        verify=("fitsom change show CHG-2026-0001 --json", "fitsom audit verify"),
    )


_NAMES = [
    "openssl",
    "libssl3",
    "linux-image-amd64",
    "openssh-server",
    "openssh-client",
    "sudo",
    "libc6",
    "libc-bin",
    "curl",
    "libcurl4",
    "bind9-host",
    "gnutls-bin",
    "libgnutls30",
]


def packages(how_many: int, security: int | None = None) -> tuple[Package, ...]:
    limit = how_many if security is None else security
    return tuple(
        Package(
            name=_NAMES[i % len(_NAMES)] + ("" if i < len(_NAMES) else f"-{i}"),
            arch="amd64",
            old=f"3.0.{i}-1~deb12u1",
            new=f"3.0.{i}-1~deb12u2",
            security=i < limit,
            origin="Debian-Security" if i < limit else "Debian",
            advisories=(f"CVE-2026-{1200 + i}", f"DSA-{5800 + i}-1") if i < limit else (),
            released=date(2026, 11, 2),
        )
        for i in range(how_many)
    )


def differences(kind: DifferenceKind, items: tuple[Package, ...]) -> tuple[Difference, ...]:
    return tuple(
        Difference(task="Install the planned versions", what=f"{p.name} {p.old} to {p.new}", kind=kind)
        for p in items
    )


def tasks(offset: float = 0, *, reboot: bool = False, broken: bool = False) -> tuple[Task, ...]:
    end = TaskStatus.FAILED if broken else TaskStatus.CHANGED
    plan = [
        ("Read facts", 3.1, TaskStatus.OK),
        ("Check free space", 0.4, TaskStatus.OK),
        ("Look for a held lock", 0.3, TaskStatus.OK),
        ("Save the old packages", 14.0, TaskStatus.CHANGED),
        ("Install the planned versions", 71.5, end),
    ]
    if not broken:
        plan += [("Restart the host", 96.0, TaskStatus.REBOOTED)] if reboot else []
        plan += [("Check services", 1.2, TaskStatus.OK), ("Read error logs", 0.9, TaskStatus.OK)]
    made = []
    for name, seconds, status in plan:
        made.append(Task(name=name, start=offset, seconds=seconds, status=status))
        offset += seconds + 0.1
    return tuple(made)


def file_server() -> Host:
    return Host(
        name="files1",
        result=HostResult.DONE,
        label="the file server",
        provides="files",
        ring="servers",
        groups=("servers", "debian13"),
        packages=packages(10),
        differences=differences(DifferenceKind.FORESEEN_AND_CAME, packages(10)),
        services=(
            Service(name="smbd.service", action="restart", before="active", after="active"),
            Service(name="ssh.service", action="restart", before="active", after="active"),
        ),
        reboot=Reboot(required=True, planned=True, done=True, reasons=("linux-image-amd64",), seconds=96),
        checks=(
            Check(name="free space on /", ok=True, detail="12.1 GB free, 1 GB needed"),
            Check(name="backup of last night", ok=True, detail="finished 02:14"),
            Check(name="services up", ok=True, after=True),
        ),
        tasks=tasks(reboot=True),
    )


def web_server() -> Host:
    return Host(
        name="web1",
        result=HostResult.DONE,
        label="the intranet server",
        provides="the intranet",
        ring="pilot",
        groups=("servers", "debian12"),
        packages=packages(9),
        differences=differences(DifferenceKind.FORESEEN_AND_CAME, packages(9)),
        services=(Service(name="nginx.service", action="restart", before="active", after="active"),),
        checks=(Check(name="free space on /", ok=True, detail="8.0 GB free, 1 GB needed"),),
        tasks=tasks(4),
    )


def run(outcome: RunOutcome = RunOutcome.SUCCEEDED, kind: RunKind = RunKind.APPLY) -> Run:
    started = START + timedelta(seconds=4)
    cut = outcome is RunOutcome.INTERRUPTED
    return Run(
        id="RUN-0001",
        kind=kind,
        outcome=outcome,
        started=started,
        ended=None if cut else started + timedelta(seconds=200),
        by=MANAGER,
        recorded_by="nboucher",
        ansible_core="2.21.2",
        wall_seconds=None if cut else 200.4,
    )


def succeeded() -> Report:
    """Two servers, 19 security updates, one restart, all as planned."""
    return Report(
        school="Milton Grange School",
        change=change(),
        generated=START + timedelta(minutes=5),
        approvals=approvals(),
        planned=START - timedelta(days=3),
        run=run(),
        hosts=(file_server(), web_server()),
        seal=seal(),
        audit=AuditHead(seq=42, hash=HASH[::-1]),
        review_due=True,
        fitsom_version="0.1.0",
    )


def reviewed() -> Report:
    """The same, reviewed: nothing is open."""
    review = Review(
        by=MANAGER,
        when=START + timedelta(days=3),
        objective_met=True,
        plan_accurate=True,
        comment="No calls on Monday.",
        closure_code="successful",
    )
    return replace(succeeded(), change=change(ChangeState.REVIEWED), review=review)


def plan_only() -> Report:
    """What will happen if you approve: no run, two signatures given, one to come."""
    hosts = tuple(
        replace(
            host, result=None, tasks=(), differences=(), reboot=replace(host.reboot, done=False, seconds=300)
        )
        for host in succeeded().hosts
    )
    return replace(
        succeeded(),
        change=change(ChangeState.PEER_REVIEWED),
        run=None,
        hosts=hosts,
        approvals=approvals()[:2],
        awaiting=(ApprovalKind.IMPLEMENT,),
        review_due=False,
        generated=START - timedelta(days=2),
    )


_ERROR = (
    "\x1b[31mdpkg: error processing package fitsom-demo-broken (--configure):\x1b[0m\r\n"
    " installed fitsom-demo-broken package post-installation script subprocess returned error exit status 1\n"
    "Errors were encountered while processing:\n fitsom-demo-broken\n"
    "E: Sub-process /usr/bin/dpkg returned an error code (1)"
)


def failed() -> Report:
    """One server done with a surprise, one failed, one not reached, one not touched."""
    lost = packages(4)
    broken = replace(
        file_server(),
        result=HostResult.FAILED,
        reason="a package could not be installed",
        packages=packages(6),
        differences=(
            *differences(DifferenceKind.FORESEEN_AND_CAME, packages(6)),
            *differences(DifferenceKind.DID_NOT_COME, lost),
        ),
        services=(Service(name="smbd.service", action="restart", before="active", after="failed"),),
        reboot=Reboot(required=True, planned=True, reasons=("linux-image-amd64",)),
        tasks=tasks(broken=True),
        failures=(
            Failure(kind=FailureKind.PACKAGE_FAILED, task="Install the planned versions", error=_ERROR),
        ),
    )
    away = Host(
        name="print1",
        result=HostResult.UNREACHABLE,
        label="the print server",
        reason="no route to host",
        ring="servers",
        differences=differences(DifferenceKind.DID_NOT_COME, packages(5)),
        tasks=(Task(name="Read facts", start=0, seconds=10, status=TaskStatus.UNREACHABLE),),
        failures=(
            Failure(kind=FailureKind.UNREACHABLE, task="Read facts", error="ssh: connect: No route to host"),
        ),
    )
    besides = differences(DifferenceKind.CAME_BESIDES, packages(11)[10:])
    web = replace(web_server(), packages=packages(11, 9), differences=web_server().differences + besides)
    waiting = Host(
        name="dns1", result=HostResult.UNTOUCHED, reason="the ring before it failed", ring="estate"
    )
    return replace(
        succeeded(),
        change=change(ChangeState.FAILED),
        run=run(RunOutcome.FAILED),
        hosts=(web, broken, away, waiting),
        incidents=(
            Incident(number="INC-2026-0031", title="Package failed on files1", host="files1", noted=START),
            Incident(number="INC-2026-0032", title="print1 cannot be reached", host="print1", noted=START),
        ),
    )


def interrupted() -> Report:
    """The runner died: one host done, one unknown, one untouched."""
    unknown = replace(
        file_server(),
        result=HostResult.UNKNOWN,
        reason="the run ended while this host was being changed",
        packages=(),
        services=(),
        reboot=Reboot(required=False, planned=True),
        differences=(),
        tasks=tasks()[:4],
        failures=(
            Failure(
                kind=FailureKind.INTERRUPTED, task="Install the planned versions", error="no end was seen"
            ),
        ),
    )
    untouched = Host(name="dns1", result=HostResult.UNTOUCHED, reason="the run ended before its turn")
    return replace(
        succeeded(),
        change=change(ChangeState.INTERRUPTED),
        run=run(RunOutcome.INTERRUPTED),
        hosts=(web_server(), unknown, untouched),
        incidents=(Incident(number="INC-2026-0033", title="Run cut short", noted=START),),
    )


def emergency() -> Report:
    """Ran at once with one approval and no window; the review is owed."""
    urgent = replace(change(kind=ChangeType.EMERGENCY), window=None)
    return replace(succeeded(), change=urgent, approvals=approvals()[2:], zone="Europe/London")


def backed_out() -> Report:
    """A run that took one host back."""
    back = tuple(replace(p, old=p.new, new=p.old, action=PackageAction.DOWNGRADE) for p in packages(10))
    host = replace(file_server(), packages=back, reboot=Reboot(), differences=())
    again = replace(run(kind=RunKind.BACKOUT), id="RUN-0002", follows="RUN-0001")
    return replace(succeeded(), change=change(ChangeState.BACKED_OUT), run=again, hosts=(host,))


def big(hosts: int = 1000, results: int = 50_000) -> Report:
    """Many computers in three rings, a few of them broken or away."""
    each = results // hosts
    made = tuple(_computer(index, hosts, each) for index in range(hosts))
    return replace(succeeded(), run=run(RunOutcome.FAILED), hosts=made, change=change(ChangeState.FAILED))


def _computer(index: int, hosts: int, each: int) -> Host:
    ring = "pilot" if index < hosts // 20 else "servers" if index < hosts // 10 else "estate"
    start = {"pilot": 0.0, "servers": 60.0, "estate": 130.0}[ring] + (index % 100) / 2
    bad = index % 97 == 5
    steps = tuple(
        Task(
            name=f"Task {step} of the patching role",
            start=start + step * 1.2,
            seconds=1.1 if step % 10 == 0 else 0.3,
            status=TaskStatus.CHANGED if step % 10 == 0 else TaskStatus.OK,
        )
        for step in range(each)
    )
    if bad and steps:
        steps = (*steps[:-1], replace(steps[-1], status=TaskStatus.FAILED))
    failure = Failure(kind=FailureKind.LOCK_HELD, task="Wait for the lock", error="E: Could not get lock")
    kind = DifferenceKind.DID_NOT_COME if bad else DifferenceKind.FORESEEN_AND_CAME
    return Host(
        name=f"pc{index:04}",
        result=HostResult.FAILED if bad else HostResult.DONE,
        device="computer",
        ring=ring,
        packages=() if bad else packages(12),
        differences=differences(kind, packages(12)),
        tasks=steps,
        failures=(failure,) if bad else (),
    )
