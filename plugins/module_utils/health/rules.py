# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a daily look at a host finds wrong: one pure decision each.

Texts of messages never come out of here.
"""

from __future__ import annotations

import re
from collections import Counter
from datetime import date
from typing import Any, Dict, Iterable, List, Mapping, NamedTuple, Optional

from ..apt.versions import compare_versions
from ..findings import Finding, finding

SHOWN = 10
#: Categories of kernel messages: what, severity, what to do.
KERNEL = (
    (
        "kernel-disk-error",
        re.compile(
            r"I/O error|critical (medium|target) error|(EXT4|XFS|BTRFS)[- ]?(fs )?.*\b(error|critical|corrupt)|"
            r"\bata\d+.*(failed command|exception)|nvme\S* .*(timeout|controller is down)|md/raid.*(failure|not clean)",
            re.I,
        ),
        "exception",
        "reported errors of a disk or file system",
        "smartctl -a and the backups first; then journalctl -k",
    ),
    (
        "kernel-out-of-memory",
        re.compile(r"Out of memory: Killed process|oom-kill:|Memory cgroup out of memory", re.I),
        "warning",
        "ran out of memory and ended programs",
        "journalctl -k -g oom; more memory, or fewer services on it",
    ),
    (
        "kernel-segfault",
        re.compile(r"segfault at |general protection fault|traps: .* trap ", re.I),
        "warning",
        "had programs that crashed",
        "journalctl -k -g segfault; updates, then a memory test",
    ),
)  # fmt: skip


class Limits(NamedTuple):
    """From which value on something is a warning, and an exception."""

    warning: float
    exception: float

    def severity(self, value: float) -> Optional[str]:
        """None below both."""
        if value >= self.exception:
            return "exception"
        return "warning" if value >= self.warning else None


def failed_units(ci: str, names: Iterable[str]) -> List[Finding]:
    """Units of systemd that have failed."""
    return [
        finding(
            "unit-failed",
            "exception",
            "%s: %s" % (ci, name),
            "%s does not run: it has failed." % name,
            "systemctl --failed",
            "systemctl status %s; journalctl -u %s -n 50" % (name, name),
        )
        for name in sorted(set(names))
    ]


def system_state(ci: str, state: str, failed: bool) -> List[Finding]:
    """`systemctl is-system-running`.

    Degraded adds nothing to the failed units that are reported already.
    """
    if state in ("running", "") or (state == "degraded" and failed):
        return []
    severity = "exception" if state == "maintenance" else "warning"
    what = "This computer is not fully up: its state is %s." % state
    do = "systemctl --failed; systemctl list-jobs"
    return [finding("system-state", severity, ci, what, "systemctl is-system-running", do)]


def full(
    ci: str, place: str, what: str, percent: Optional[float], limits: Limits, remaining: str
) -> List[Finding]:
    """A file system whose space or inodes (`what`) are used up to so many per cent."""
    if percent is None:
        return []
    severity = limits.severity(percent)
    if severity is None:
        return []
    return [
        finding(
            "disk-%s" % what,
            severity,
            "%s: %s" % (ci, place),
            "The file system %s is %d %% full%s." % (place, percent, " of files" if what == "inodes" else ""),
            remaining,
            "du -xhd1 %s | sort -h | tail" % place if what == "space" else "du -x --inodes -d1 %s" % place,
        )
    ]


def log_errors(ci: str, counts: Mapping[str, int], warning_count: int, hours: int) -> List[Finding]:
    """Errors in the journal, counted by unit: a few are for information, many are a warning."""
    rows = sorted(counts.items(), key=lambda row: (-row[1], row[0]))
    result = [
        finding(
            "log-errors",
            "warning" if number >= warning_count else "informational",
            "%s: %s" % (ci, unit),
            "%s logged %d error%s within %d hours." % (unit, number, "" if number == 1 else "s", hours),
            "journal, priority err and worse",
            "journalctl -p err --since=-%dh %s %s" % (hours, "-u" if "." in unit else "-t", unit),
        )
        for unit, number in rows[:SHOWN]
    ]
    remaining = rows[SHOWN:]
    if remaining:
        worst = "warning" if remaining[0][1] >= warning_count else "informational"
        what = "%d further units logged %d errors." % (
            len(remaining),
            sum(number for _unit, number in remaining),
        )
        do = "journalctl -p err --since=-%dh" % hours
        result.append(finding("log-errors-others", worst, ci, what, "journal, priority err and worse", do))
    return result


def errors_by_unit(entries: Iterable[Mapping[str, Any]]) -> Dict[str, int]:
    """How many entries are about which unit; the kernel is reported by category."""
    counts: Counter[str] = Counter()
    for entry in entries:
        if entry.get("_TRANSPORT") != "kernel":
            counts[
                str(entry.get("UNIT") or entry.get("_SYSTEMD_UNIT") or entry.get("SYSLOG_IDENTIFIER") or "?")
            ] += 1
    return dict(counts)


def kernel_findings(ci: str, messages: Iterable[str], hours: int) -> List[Finding]:
    """Messages of the kernel, each under the first category that it fits; never their text."""
    counts: Counter[str] = Counter()
    for message in messages:
        kind = next((row[0] for row in KERNEL if row[1].search(message)), None)
        if kind:
            counts[kind] += 1
    return [
        finding(
            kind, severity, ci, "This computer %s." % what, "%d times in %d hours" % (counts[kind], hours), do
        )
        for kind, _pattern, severity, what, do in KERNEL
        if counts[kind]
    ]


def clock(ci: str, synchronised: bool, offset: Optional[float], limit: float, source: str) -> List[Finding]:
    """The time: it is not synchronised, or is wrong by more than `limit` seconds."""
    if offset is not None and abs(offset) > limit:
        what = "The clock is wrong by %.1f seconds; logins may fail." % abs(offset)
        return [finding("time-offset", "exception", ci, what, source, "chronyc makestep, or: timedatectl")]
    if synchronised:
        return []
    what = "Nothing keeps the clock of this computer right."
    return [
        finding("time-unsynchronised", "warning", ci, what, source, "timedatectl set-ntp true, or use chrony")
    ]


def update_age(ci: str, days: Optional[int], limits: Limits) -> List[Finding]:
    """How long ago the list of updates was fetched; None: never."""
    severity = "exception" if days is None else limits.severity(days)
    if severity is None:
        return []
    when = "never" if days is None else "%d days ago" % days
    what = "Nobody has looked for updates of this computer %s." % (
        "yet" if days is None else "for %d days" % days
    )
    evidence = "last apt-get update, whether it reached every source or not: %s" % when
    do = "apt-get update shows why; then plan playbooks/patch.yml"
    return [finding("updates-not-looked-for", severity, ci, what, evidence, do)]


def updates_waiting(
    ci: str, updates: Mapping[str, str], first_seen: Mapping[str, str], today: date, limit: int
) -> List[Finding]:
    """Security updates that are not installed.

    first_seen: {"name version": the day when a look first found it}.
    """
    if not updates:
        return []
    days = {
        key: (today - date.fromisoformat(first_seen[key])).days
        for key in waiting(updates)
        if key in first_seen
    }
    oldest = max(days.values(), default=0)
    late = oldest >= limit
    number = "%d security update%s" % (len(updates), "" if len(updates) == 1 else "s")
    what = "%s for this computer %s." % (number, "waits" if len(updates) == 1 else "wait")
    if late:
        what = "%s, the oldest for %d days: %d are allowed." % (what[:-1], oldest, limit)
    names = sorted(days, key=lambda key: (-days[key], key))[:SHOWN] or waiting(updates)[:SHOWN]
    evidence = ", ".join(names) + (", ..." if len(updates) > len(names) else "")
    severity = "exception" if late else "warning"
    return [finding("updates-waiting", severity, ci, what, evidence, "Plan playbooks/patch.yml.")]


def waiting(updates: Mapping[str, str]) -> List[str]:
    """The updates as the runner remembers them."""
    return sorted("%s %s" % row for row in updates.items())


def reboot(
    ci: str, required: bool, packages: Iterable[str], running: str, kernels: Iterable[str]
) -> List[Finding]:
    """A restart that is due: a package asked for it, or a newer kernel of the same sort is in
    /boot.
    """
    reasons = sorted(set(packages))
    flavour = running.rpartition("-")[2]
    same_flavour = [kernel for kernel in kernels if kernel.rpartition("-")[2] == flavour]
    # In a container the kernel is its machine's, which /boot knows nothing of.
    newer = [k for k in same_flavour if compare_versions(k, running) > 0] if running in same_flavour else []
    reasons += ["kernel %s" % kernel for kernel in newer[-1:]]
    if not required and not reasons:
        return []
    what = "This computer has to be started again before its updates take effect."
    evidence = ", ".join(reasons) or "/run/reboot-required"
    return [
        finding(
            "reboot-needed",
            "warning",
            ci,
            what,
            evidence,
            "Plan playbooks/patch.yml, or a start in a window.",
        )
    ]
