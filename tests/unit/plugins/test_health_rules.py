"""Each decision of the daily look, at its boundaries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

import pytest

from plugins.module_utils.health.rules import (
    Limits,
    clock,
    errors_by_unit,
    failed_units,
    full,
    kernel_findings,
    log_errors,
    reboot,
    system_state,
    update_age,
    updates_waiting,
    waiting,
)
from plugins.module_utils.health.support import DEBIAN, Support, support_findings, support_of

TODAY = date(2026, 11, 25)


def kinds(rows: Sequence[Mapping[str, str]]) -> list[tuple[str, str, str]]:
    return [(row["kind"], row["severity"], row["ci"]) for row in rows]


def test_each_failed_unit_is_an_exception_of_its_own() -> None:
    assert kinds(failed_units("srv1", ["b.service", "a.mount", "b.service"])) == [
        ("unit-failed", "exception", "srv1: a.mount"),
        ("unit-failed", "exception", "srv1: b.service"),
    ]
    assert failed_units("srv1", []) == []


@pytest.mark.parametrize(
    ("state", "failed", "severity"),
    [
        ("running", False, None),
        ("", False, None),
        ("degraded", True, None),
        ("degraded", False, "warning"),
        ("starting", False, "warning"),
        ("maintenance", True, "exception"),
    ],
)
def test_the_state_of_the_system(state: str, failed: bool, severity: str | None) -> None:
    result = [row["severity"] for row in system_state("srv1", state, failed)]
    assert result == ([severity] if severity else [])


@pytest.mark.parametrize(
    ("percent", "severity"),
    [(84.9, None), (85, "warning"), (94.9, "warning"), (95, "exception"), (None, None)],
)
def test_a_file_system_fills_up(percent: float | None, severity: str | None) -> None:
    result = full("srv1", "/srv", "space", percent, Limits(85, 95), "1 MB")
    assert kinds(result) == ([("disk-space", severity, "srv1: /srv")] if severity else [])


def test_inodes_are_reported_as_files() -> None:
    (row,) = full("srv1", "/srv", "inodes", 99, Limits(85, 95), "10 inodes are free")
    assert (row["kind"], row["what"]) == ("disk-inodes", "The file system /srv is 99 % full of files.")


def test_few_errors_are_information_and_many_a_warning() -> None:
    result = log_errors("srv1", {"few.service": 19, "many.service": 20, "one": 1}, 20, 24)
    assert kinds(result) == [
        ("log-errors", "warning", "srv1: many.service"),
        ("log-errors", "informational", "srv1: few.service"),
        ("log-errors", "informational", "srv1: one"),
    ]
    assert result[2]["what"] == "one logged 1 error within 24 hours."


def test_many_noisy_units_are_summed_up() -> None:
    result = log_errors("srv1", {f"u{n:02}": 30 for n in range(12)}, 20, 24)
    assert len(result) == 11
    assert kinds(result)[-1] == ("log-errors-others", "warning", "srv1")
    assert result[-1]["what"] == "2 further units logged 60 errors."


def test_errors_are_those_of_the_unit_that_they_are_about() -> None:
    rows: list[dict[str, Any]] = [
        {"UNIT": "web.service", "_SYSTEMD_UNIT": "init.scope"},
        {"_SYSTEMD_UNIT": "web.service"},
        {"SYSLOG_IDENTIFIER": "mis"},
        {"_TRANSPORT": "kernel", "SYSLOG_IDENTIFIER": "kernel"},
        {},
    ]
    assert errors_by_unit(rows) == {"web.service": 2, "mis": 1, "?": 1}


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ("blk_update_request: I/O error, dev sda, sector 1234 op 0x0:(READ)", "kernel-disk-error"),
        ("EXT4-fs error (device sda1): ext4_find_entry:1455: inode #2", "kernel-disk-error"),
        ("BTRFS error (device sdb): bdev /dev/sdb errs: wr 1", "kernel-disk-error"),
        ("XFS (dm-0): Corruption of in-memory data detected. Shutting down filesystem", "kernel-disk-error"),
        ("ata1.00: failed command: READ FPDMA QUEUED", "kernel-disk-error"),
        ("nvme nvme0: I/O 12 QID 3 timeout, aborting", "kernel-disk-error"),
        ("Out of memory: Killed process 812 (canarypupil) total-vm:1kB", "kernel-out-of-memory"),
        ("Memory cgroup out of memory: Killed process 812 (php)", "kernel-out-of-memory"),
        ("php[812]: segfault at 0 ip 00007f sp 00007f error 4 in libc.so.6", "kernel-segfault"),
        ("traps: php[812] general protection fault ip:7f sp:7f error:0", "kernel-segfault"),
        ("EXT4-fs (sda1): mounted filesystem with ordered data mode", None),
        ("e1000e 0000:00:1f.6 eth0: NIC Link is Up", None),
        ("ata1: SATA link up 6.0 Gbps (SStatus 133 SControl 300)", None),
    ],
)
def test_a_kernel_message_is_reported_by_its_category_alone(message: str, kind: str | None) -> None:
    result = kernel_findings("srv1", [message, message], 24)
    assert [row["kind"] for row in result] == ([kind] if kind else [])
    assert "canarypupil" not in str(result)
    assert all(row["evidence"] == "2 times in 24 hours" for row in result)


def test_errors_of_a_disk_are_an_exception_and_crashes_a_warning() -> None:
    result = kernel_findings(
        "srv1", ["a: segfault at 0", "Out of memory: Killed process 1", "I/O error, dev sda"], 24
    )
    assert [row["severity"] for row in result] == ["exception", "warning", "warning"]


@pytest.mark.parametrize(
    ("synchronised", "offset", "expected"),
    [
        (True, 0.0, []),
        (True, None, []),
        (True, 60.0, []),
        (True, -60.1, [("time-offset", "exception", "srv1")]),
        (False, 60.1, [("time-offset", "exception", "srv1")]),
        (False, 0.0, [("time-unsynchronised", "warning", "srv1")]),
        (False, None, [("time-unsynchronised", "warning", "srv1")]),
    ],
)
def test_the_clock(synchronised: bool, offset: float | None, expected: list[Any]) -> None:
    assert kinds(clock("srv1", synchronised, offset, 60.0, "chronyc")) == expected


@pytest.mark.parametrize(
    ("days", "severity"), [(2, None), (3, "warning"), (13, "warning"), (14, "exception"), (None, "exception")]
)
def test_the_age_of_the_list_of_updates(days: int | None, severity: str | None) -> None:
    result = update_age("srv1", days, Limits(3, 14))
    assert [row["severity"] for row in result] == ([severity] if severity else [])


def test_updates_that_wait_for_too_long_are_an_exception() -> None:
    updates = {"openssl": "3.0.17-1", "bash": "5.2-3"}
    assert waiting(updates) == ["bash 5.2-3", "openssl 3.0.17-1"]
    assert updates_waiting("srv1", {}, {}, TODAY, 14) == []
    (new,) = updates_waiting("srv1", updates, {}, TODAY, 14)
    assert (new["severity"], new["what"]) == ("warning", "2 security updates for this computer wait.")

    def after(days: int) -> Mapping[str, str]:
        day = (TODAY - timedelta(days=days)).isoformat()
        (row,) = updates_waiting("srv1", updates, {"openssl 3.0.17-1": day, "vim 9": "2020-01-01"}, TODAY, 14)
        return dict(row)

    assert after(13)["severity"] == "warning"
    assert after(14)["severity"] == "exception"
    assert after(14)["evidence"].startswith("openssl 3.0.17-1")
    assert "the oldest for 14 days: 14 are allowed." in after(14)["what"]


@pytest.mark.parametrize(
    ("required", "packages", "running", "kernels", "evidence"),
    [
        (False, [], "6.1.0-40-amd64", [], None),
        (False, [], "6.1.0-40-amd64", ["6.1.0-9-amd64", "6.1.0-40-amd64"], None),
        (False, [], "6.1.0-9-amd64", ["6.1.0-9-amd64", "6.1.0-40-amd64"], "kernel 6.1.0-40-amd64"),
        (False, [], "6.1.0-9-amd64", ["6.1.0-9-amd64", "6.1.0-40-rt-amd64x"], None),
        # A container: the kernel is its machine's.
        (False, [], "6.18.44-cloud", ["6.1.0-40-amd64"], None),
        (True, [], "6.1.0-40-amd64", [], "/run/reboot-required"),
        (True, ["libc6", "libc6"], "6.1.0-40-amd64", [], "libc6"),
    ],
)
def test_a_start_that_is_owed(
    required: bool, packages: list[str], running: str, kernels: list[str], evidence: str | None
) -> None:
    result = reboot("srv1", required, packages, running, kernels)
    assert [row["evidence"] for row in result] == ([evidence] if evidence else [])
    assert {row["severity"] for row in result} <= {"warning"}


@pytest.mark.parametrize(
    ("version", "day", "expected"),
    [
        ("11", date(2026, 8, 31), "support-ends"),
        ("11", date(2026, 9, 1), "support-ended"),
        ("12", date(2026, 1, 11), None),
        ("12", date(2026, 1, 12), "support-lts"),
        ("12", date(2028, 1, 1), "support-lts"),
        ("12", date(2028, 1, 2), "support-ends"),
        ("13", TODAY, None),
    ],
)
def test_the_end_of_support(version: str, day: date, expected: str | None) -> None:
    rows = support_findings("srv1", "Debian", DEBIAN[version], day, 180)
    assert [row["kind"] for row in rows] == ([expected] if expected else [])
    severities = {"support-ended": "exception", "support-ends": "warning", "support-lts": "informational"}
    assert all(row["severity"] == severities[row["kind"]] for row in rows)


def test_releases_that_are_not_known_are_looked_up_or_left_open() -> None:
    ubuntu = "version,codename,series,created,release,eol,eol-server\n24.04 LTS,Noble,noble,a,b,2029-05-31,2029-05-31\n"
    debian = "version,codename,series,created,release,eol,eol-lts\n14,Forky,forky,a,b,2030-08-01,2032-06-30\n"
    assert support_of({"ID": "debian", "VERSION_ID": "13"}) == DEBIAN["13"]
    assert support_of({"ID": "debian", "VERSION_ID": "14"}, debian) == Support(
        date(2030, 8, 1), date(2032, 6, 30)
    )
    assert support_of({"ID": "ubuntu", "VERSION_ID": "24.04"}, ubuntu) == Support(
        date(2029, 5, 31), date(2029, 5, 31)
    )
    assert support_of({"ID": "debian"}, debian) is None
    assert support_findings("srv1", "Sid", None, TODAY, 180) == []
