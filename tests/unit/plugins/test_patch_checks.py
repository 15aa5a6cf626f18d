"""The pure parts of the checks before and after, and of services and .debs."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from plugins.module_utils.apt.backout_files import (
    keep_file,
    read_manifest,
    remove_outdated,
    saved_files,
)
from plugins.module_utils.apt.backout_rules import empty_manifest
from plugins.module_utils.apt.debs import asks_for_reboot, restarts
from plugins.module_utils.apt.services import mapped_files, restartable, unit_of
from plugins.module_utils.linux import store_manifest
from plugins.modules import apt_ready, apt_verify, service_restarts

HOUR = 3600


def test_a_backup_is_asked_for_by_its_age(tmp_path: Path) -> None:
    stamp = tmp_path / "stamp"
    stamp.touch()
    now = stamp.stat().st_mtime
    assert apt_ready.backup_check(str(stamp), 24, now + 23 * HOUR)["ok"] is True
    assert apt_ready.backup_check(str(stamp), 24, now + 25 * HOUR)["ok"] is False
    assert apt_ready.backup_check(str(tmp_path / "none"), 24, now)["detail"].startswith(
        "no backup is recorded"
    )


def test_a_repository_is_asked_for_the_age_of_each_data_set() -> None:
    now = datetime(2026, 11, 24, 12, tzinfo=UTC)
    snapshots = [{"id": "1" * 8, "time": "2026-11-24T01:00:00.123456789Z", "tags": ["set:homes"]}]

    def asked(name: str, hours: int, result: list[dict[str, Any]] | None) -> tuple[bool, str]:
        row = apt_ready.set_check(name, result, hours, now)
        return row["ok"], row["detail"]

    assert asked("homes", 11, snapshots) == (True, "yes")
    assert asked("homes", 10, snapshots) == (False, "the last one is older than that")
    assert asked("office", 11, snapshots) == (False, "there is no backup of it")
    assert asked("homes", 11, None) == (False, "the repository does not answer")


def test_free_space_names_no_number_that_differs_from_plan_to_plan(tmp_path: Path) -> None:
    assert apt_ready.space_checks([str(tmp_path)], 1)[0]["detail"] == "more than 1 MB free"
    assert "MB needed" in apt_ready.space_checks([str(tmp_path)], 10**9)[0]["detail"]


def test_half_installed_packages_are_named() -> None:
    audit = "The following packages are only half configured:\n broken               a package\n"
    assert apt_ready.dpkg_check(audit, False)["detail"] == "not completely installed: broken"
    assert apt_ready.dpkg_check("", False)["ok"] is True
    assert "interrupted" in apt_ready.dpkg_check("", True)["detail"]


CHANGES: list[dict[str, Any]] = [{"name": "a", "to": "2"}, {"name": "gone", "to": None}]


def test_versions_are_compared_with_the_plan() -> None:
    assert apt_verify.version_check(CHANGES, {"a": {"version": "2"}})["ok"] is True
    failures = apt_verify.version_check(CHANGES, {"a": {"version": "1"}, "gone": {"version": "1"}})
    assert failures["detail"] == "a is 1, planned was 2; gone is 1, planned was none"


def line(at: int, text: str) -> str:
    return json.dumps(
        {"__REALTIME_TIMESTAMP": str(at * 1000000), "SYSLOG_IDENTIFIER": "app", "MESSAGE": text}
    )


def test_an_error_that_the_log_held_before_is_not_new() -> None:
    lines = [
        line(10, "disk 1 is full"),
        line(20, "disk 2 is full"),
        line(21, "cannot start"),
        line(22, "cannot start"),
    ]
    assert apt_verify.new_errors(lines, 15) == ["app: cannot start"]


def test_check_mode_tells_restarts_by_package_and_by_the_run() -> None:
    expected: list[dict[str, Any]] = [
        {"name": "b.service", "by": "run", "before": "active", "started": "1"},
        {"name": "a.service", "by": "package", "before": "active", "started": "1"},
    ]
    result = service_restarts.predicted_restarts(expected, True)
    assert [row["name"] for row in result["fitsom"]["services"]] == ["a.service", "b.service"]
    assert (result["changed"], result["restarted"]) == (True, ["b.service"])
    assert service_restarts.predicted_restarts(expected, False)["restarted"] == []


def test_a_service_that_its_package_restarted_is_known_by_its_start() -> None:
    expected = [{"name": "a.service", "started": "1"}, {"name": "b.service", "started": "1"}]
    states = {
        "a.service": {"ExecMainStartTimestampMonotonic": "2"},
        "b.service": {"ExecMainStartTimestampMonotonic": "1"},
    }
    assert service_restarts.restarted_by_package(expected, states) == ["a.service"]


def test_a_process_belongs_to_a_system_service_or_to_none() -> None:
    assert unit_of("5:cpu:/x\n0::/machine/system.slice/ssh.service") == "ssh.service"
    assert unit_of("0::/system.slice/system-getty.slice/getty@tty1.service") == "getty@tty1.service"
    assert unit_of("0::/user.slice/user-0.slice/session-1.scope") is None


MAPS = """\
7f00-7f01 r-xp 00000000 08:01 1  /usr/lib/libssl.so.3 (deleted)
7f01-7f02 r-xp 00000000 08:01 2  /usr/sbin/sshd
7f02-7f03 rw-p 00000000 08:01 3  /usr/lib/data.so
7f03-7f04 r-xp 00000000 00:00 0  [vdso]
"""


def test_files_that_a_process_executes_are_read_from_its_maps() -> None:
    assert mapped_files(MAPS, deleted=False) == {"/usr/lib/libssl.so.3", "/usr/sbin/sshd"}
    assert mapped_files(MAPS, deleted=True) == {"/usr/lib/libssl.so.3"}


def test_services_that_hold_sessions_are_never_restarted() -> None:
    assert restartable(["ssh.service", "user@0.service"], ["user@*.service"]) == ["ssh.service"]


def test_a_packages_script_tells_what_it_restarts_and_whether_it_asks_for_a_reboot() -> None:
    text = "# systemctl restart not.service\ndeb-systemd-invoke $_dh_action 'cron.service' # restart\n"
    assert restarts(text) == ["cron.service"]
    assert asks_for_reboot("touch /run/reboot-required")


def test_the_manifest_is_written_whole_and_its_files_are_found_again(tmp_path: Path) -> None:
    assert read_manifest(str(tmp_path)) == empty_manifest()
    manifest = {"format": 1, "packages": {"a": {"arch": "all", "from": "1", "to": "2", "deb": "a_1_all.deb"}}}
    store_manifest(str(tmp_path), manifest)
    assert read_manifest(str(tmp_path)) == manifest
    assert saved_files(str(tmp_path), manifest) == {}
    (tmp_path / "a_1_all.deb").touch()
    assert saved_files(str(tmp_path), manifest) == {"a": str(tmp_path / "a_1_all.deb")}


def test_the_pool_keeps_only_what_is_installed(tmp_path: Path) -> None:
    (tmp_path / "from").mkdir()
    (tmp_path / "pool").mkdir()
    for name in ("a_1_all.deb", "a_2_all.deb"):
        (tmp_path / "from" / name).write_text(name)
        keep_file(str(tmp_path / "from" / name), str(tmp_path / "pool"))
    assert remove_outdated(str(tmp_path / "pool"), ["a_2_all.deb"]) == ["a_1_all.deb"]
    assert [path.name for path in (tmp_path / "pool").iterdir()] == ["a_2_all.deb"]
