"""Reports of a small fictional school, in every state: for tests, screenshots and the bench."""

from dataclasses import replace
from datetime import timedelta

from fitsom_runner.changes.prediction import DifferenceKind
from fitsom_runner.changes.states import ChangeType, State
from fitsom_runner.execution.states import Outcome, RunKind, RunStatus
from fitsom_runner.facts import PackageAction, Reboot, Service
from fitsom_runner.reports.kinds import ApprovalKind, FailureKind, TaskStatus
from fitsom_runner.reports.model import Failure, Host, Incident, PredictedSetting, Report, Run, Task
from fitsom_runner.reports.rfc import (
    AuditHead,
    Review,
)
from tests.unit.reports.cast import DEPUTY, HASH, HEAD, MANAGER, PEER, START, approvals, change, seal, window
from tests.unit.reports.machines import differences, file_server, packages, tasks, web_server

__all__ = [
    "DEPUTY",
    "HASH",
    "HEAD",
    "MANAGER",
    "PEER",
    "START",
    "approvals",
    "backed_out",
    "big",
    "change",
    "differences",
    "emergency",
    "failed",
    "file_server",
    "interrupted",
    "packages",
    "plan_only",
    "reviewed",
    "run",
    "seal",
    "succeeded",
    "tasks",
    "web_server",
    "window",
]


def run(outcome: RunStatus = RunStatus.SUCCEEDED, kind: RunKind = RunKind.APPLY) -> Run:
    started = START + timedelta(seconds=4)
    interrupted = outcome is RunStatus.INTERRUPTED
    return Run(
        id="RUN-0001",
        kind=kind,
        outcome=outcome,
        started=started,
        ended=None if interrupted else started + timedelta(seconds=200),
        by=MANAGER,
        recorded_by="nboucher",
        ansible_core="2.21.2",
        wall_seconds=None if interrupted else 200.4,
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
        evidence="Logged in and printed a page.",
        comment="No calls on Monday.",
        closure_code="successful",
    )
    return replace(succeeded(), change=change(State.REVIEWED), review=review)


def plan_only() -> Report:
    """What will happen if you approve: no run, two signatures given, one to come."""
    hosts = tuple(
        replace(
            host,
            result=None,
            tasks=(),
            differences=(),
            reboot=replace(host.reboot, done=False, seconds=300),
            foreseen=(
                PredictedSetting(
                    task="Save the packages of today", what="openssl", diff="--- before\n+++ after"
                ),
            ),
        )
        for host in succeeded().hosts
    )
    return replace(
        succeeded(),
        change=change(State.PEER_REVIEWED),
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
    not_installed = packages(4)
    broken = replace(
        file_server(),
        result=Outcome.FAILED,
        reason="a package could not be installed",
        packages=packages(6),
        differences=(
            *differences(DifferenceKind.AS_PREDICTED, packages(6)),
            *differences(DifferenceKind.DID_NOT_HAPPEN, not_installed),
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
        result=Outcome.UNREACHABLE,
        label="the print server",
        reason="no route to host",
        ring="servers",
        differences=differences(DifferenceKind.DID_NOT_HAPPEN, packages(5)),
        tasks=(Task(name="Read facts", start=0, seconds=10, status=TaskStatus.UNREACHABLE),),
        failures=(
            Failure(kind=FailureKind.UNREACHABLE, task="Read facts", error="ssh: connect: No route to host"),
        ),
    )
    unpredicted = differences(DifferenceKind.NOT_PREDICTED, packages(11)[10:])
    web = replace(web_server(), packages=packages(11, 9), differences=web_server().differences + unpredicted)
    waiting = Host(name="dns1", result=Outcome.UNTOUCHED, reason="the ring before it failed", ring="estate")
    return replace(
        succeeded(),
        change=change(State.FAILED),
        run=run(RunStatus.FAILED),
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
        result=Outcome.UNKNOWN,
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
    untouched = Host(name="dns1", result=Outcome.UNTOUCHED, reason="the run ended before its turn")
    return replace(
        succeeded(),
        change=change(State.INTERRUPTED),
        run=run(RunStatus.INTERRUPTED),
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
    return replace(succeeded(), change=change(State.BACKED_OUT), run=again, hosts=(host,))


def big(hosts: int = 1000, results: int = 50_000) -> Report:
    """Many computers in three rings, a few of them broken or away."""
    per_host = results // hosts
    result = tuple(_computer(index, hosts, per_host) for index in range(hosts))
    return replace(succeeded(), run=run(RunStatus.FAILED), hosts=result, change=change(State.FAILED))


def _computer(index: int, hosts: int, each: int) -> Host:
    ring = "pilot" if index < hosts // 20 else "servers" if index < hosts // 10 else "estate"
    start = {"pilot": 0.0, "servers": 60.0, "estate": 130.0}[ring] + (index % 100) / 2
    failures = index % 97 == 5
    steps = tuple(
        Task(
            name=f"Task {step} of the patching role",
            start=start + step * 1.2,
            seconds=1.1 if step % 10 == 0 else 0.3,
            status=TaskStatus.CHANGED if step % 10 == 0 else TaskStatus.OK,
        )
        for step in range(each)
    )
    if failures and steps:
        steps = (*steps[:-1], replace(steps[-1], status=TaskStatus.FAILED))
    failure = Failure(kind=FailureKind.LOCK_HELD, task="Wait for the lock", error="E: Could not get lock")
    kind = DifferenceKind.DID_NOT_HAPPEN if failures else DifferenceKind.AS_PREDICTED
    return Host(
        name=f"pc{index:04}",
        result=Outcome.FAILED if failures else Outcome.DONE,
        device="computer",
        ring=ring,
        packages=() if failures else packages(12),
        differences=differences(kind, packages(12)),
        tasks=steps,
        failures=(failure,) if failures else (),
    )
