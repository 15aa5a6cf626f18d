"""What to do next after a failure: one list of steps for each kind, in the order to try them."""

import shlex
from collections.abc import Callable
from dataclasses import dataclass

from fitsom_runner.reports.kinds import FailureKind


@dataclass(frozen=True, kw_only=True, slots=True)
class Advice:
    """One step: what to do, and the command that does it, if one does."""

    text: str
    command: str = ""


def next_steps(kind: FailureKind, host: str, change: str) -> tuple[Advice, ...]:
    """The steps for that kind of failure on that host under that change."""
    return _ADVICE[kind](shlex.quote(host), shlex.quote(change))


def _a(text: str, command: str = "") -> Advice:
    return Advice(text=text, command=command)


def _again(host: str, change: str) -> Advice:
    return _a(
        f"Then go on inside the window: nothing runs again by itself. After it, {host} needs a change of its own.",
        f"fitsom run resume {change}",
    )


def _unreachable(host: str, change: str) -> tuple[Advice, ...]:
    return (
        _a("Check that it is switched on and on the network.", f"ping -c 3 {host}"),
        _a("Check that fitsom can log in and become root; it says what to do.", "fitsom doctor"),
        _a("It counts as unpatched until it has been reached: do not wait for the next routine."),
        _again(host, change),
    )


def _package(host: str, change: str) -> tuple[Advice, ...]:
    return (
        _a(f"On {host}, see which packages are half installed.", "dpkg --audit"),
        _a("Let it finish what it began, and read its first error.", "dpkg --configure --pending"),
        _a(
            "If it still fails, take the host back to the recorded versions.",
            f"fitsom run backout {change}",
        ),
        _again(host, change),
    )


def _superseded(host: str, change: str) -> tuple[Advice, ...]:
    return (
        _a("The archive has replaced the approved version by a newer one. Nothing newer was installed."),
        _a("Take the plan again; it shows the new version.", f"fitsom change plan {change}"),
        _a(f"The new plan needs approval before {host} is patched, because the approved version is gone."),
    )


def _lock(host: str, change: str) -> tuple[Advice, ...]:
    return (
        _a(
            f"On {host}, see who holds the package lock; often it is the daily update timer.",
            "fuser -v /var/lib/dpkg/lock-frontend",
        ),
        _a("Wait until that process has ended. Never delete the lock file."),
        _again(host, change),
    )


def _space(host: str, change: str) -> tuple[Advice, ...]:
    return (
        _a(
            f"On {host}, see which disk is full and by what.",
            "df -h && du -xh --max-depth=2 / | sort -h | tail",
        ),
        _a("Downloaded packages can always go.", "apt-get clean"),
        _a("Old kernels often can, after reading the list.", "apt-get autoremove --purge --dry-run"),
        _again(host, change),
    )


def _service(host: str, change: str) -> tuple[Advice, ...]:
    return (
        _a(f"On {host}, see which services are down.", "systemctl --failed"),
        _a("Read why (put in the service's name), then start it.", "journalctl -b -u SERVICE"),
        _a(
            "If people need it now and it does not start, take the host back.", f"fitsom run backout {change}"
        ),
        _a("Inform those who use it, and close the incident when it is up."),
    )


def _check(host: str, change: str) -> tuple[Advice, ...]:
    return (
        _a(f"A check on {host} failed; its text names what is missing. If it was made before the work, "
           "nothing was changed."),
        _a("Put that right first (a backup, free space, a sane package state)."),
        _again(host, change),
    )  # fmt: skip


def _interrupted(host: str, change: str) -> tuple[Advice, ...]:
    return (
        _a(
            f"The end of the work on {host} was not recorded: check the host before anything else is done to it."
        ),
        _a(f"On {host}, see whether packages are half installed.", "dpkg --audit"),
        _a(
            "Resume: it first plans the unknown hosts again and shows what is left.",
            f"fitsom run resume {change}",
        ),
    )


def _other(host: str, change: str) -> tuple[Advice, ...]:
    return (
        _a("Read the error above; the task's name says which step it was."),
        _a(f"Read {host}'s log of that time.", "journalctl -b -p warning"),
        _a("If something is broken now, take the host back.", f"fitsom run backout {change}"),
        _again(host, change),
    )


_ADVICE: dict[FailureKind, Callable[[str, str], tuple[Advice, ...]]] = {
    FailureKind.UNREACHABLE: _unreachable,
    FailureKind.PACKAGE_FAILED: _package,
    FailureKind.SUPERSEDED: _superseded,
    FailureKind.LOCK_HELD: _lock,
    FailureKind.NO_SPACE: _space,
    FailureKind.SERVICE_DOWN: _service,
    FailureKind.CHECK_FAILED: _check,
    FailureKind.INTERRUPTED: _interrupted,
    FailureKind.OTHER: _other,
}
