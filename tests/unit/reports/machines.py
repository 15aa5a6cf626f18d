"""The two servers of the fictional school and what is done to them."""

from datetime import date

from fitsom_runner.changes.prediction import DifferenceKind
from fitsom_runner.execution.states import Outcome
from fitsom_runner.facts import Check, Finding, Package, Reboot, Service, Severity
from fitsom_runner.reports.kinds import TaskStatus
from fitsom_runner.reports.model import Difference, Host, Task

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
    result = []
    for name, seconds, status in plan:
        result.append(Task(name=name, start=offset, seconds=seconds, status=status))
        offset += seconds + 0.1
    return tuple(result)


def file_server() -> Host:
    return Host(
        name="files1",
        result=Outcome.DONE,
        label="the file server",
        provides="files",
        ring="servers",
        groups=("servers", "debian13"),
        packages=packages(10),
        differences=differences(DifferenceKind.AS_PREDICTED, packages(10)),
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
        findings=(
            Finding(
                kind="certificate-expiry",
                severity=Severity.INFORMATIONAL,
                ci="files1: ldap",
                what="The certificate is valid for 80 days more.",
                evidence="until 25 Jan 2027",
                do="Renew it in the holidays.",
            ),
        ),
        tasks=tasks(reboot=True),
        observed={
            "configuration_item": {
                "hardware": {"vendor": "Northwall", "model": "T40", "serial": "NW7781C"},
                "system": {
                    "name": "Debian GNU/Linux 13 (trixie)",
                    "kernel": "6.12.57-amd64",
                    "support": {"standard": "2028-08-09", "lts": "2030-06-30"},
                },
                "filesystems": [
                    {"mount": "/", "free_mb": 61440, "used_percent": 41.0},
                    {"mount": "/srv", "free_mb": 812, "used_percent": 88.4},
                ],
                "last_boot": "2026-11-20T22:14:09Z",
            }
        },
    )


def web_server() -> Host:
    return Host(
        name="web1",
        result=Outcome.DONE,
        label="the intranet server",
        provides="the intranet",
        ring="pilot",
        groups=("servers", "debian12"),
        packages=packages(9),
        differences=differences(DifferenceKind.AS_PREDICTED, packages(9)),
        services=(Service(name="nginx.service", action="restart", before="active", after="active"),),
        checks=(Check(name="free space on /", ok=True, detail="8.0 GB free, 1 GB needed"),),
        tasks=tasks(4),
    )
