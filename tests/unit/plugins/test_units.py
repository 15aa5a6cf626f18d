"""Whether a unit runs with what its files say."""

import pytest

from plugins.module_utils.units import (
    Steps,
    Unit,
    as_installed,
    newer,
    seconds,
    steps,
    unit_of,
    words,
)

RUNNING = Unit(exists=True, active=True, failed=False, enabled="enabled", unread=False, since=1000.0)
NOTHING = Steps()
SHOWN = {
    "LoadState": "loaded",
    "ActiveState": "active",
    "UnitFileState": "enabled",
    "NeedDaemonReload": "no",
    "InactiveExitTimestamp": "Thu 1970-01-01 00:16:40.000000 UTC",
    "ActiveEnterTimestamp": "Thu 1970-01-01 00:16:40.500000 UTC",
    "StateChangeTimestamp": "Thu 1970-01-01 00:20:00.000000 UTC",
}


def owed(
    unit: Unit = RUNNING,
    state: str = "started",
    *,
    is_timer: bool = False,
    is_written: bool = False,
    newer_files: tuple[str, ...] = (),
) -> Steps:
    return steps(unit, state, is_timer=is_timer, is_written=is_written, newer_files=newer_files)


def test_files_that_were_changed_after_they_were_read_are_newer() -> None:
    changes = {"/etc/before": 999.9, "/etc/at": 1000.0, "/etc/after": 1000.1, "/etc/of a wrong clock": 3000.0}
    assert newer(changes, since=1000.0, now=2000.0) == ["/etc/after"]
    assert newer(changes, since=0.0, now=2000.0) == [], "systemd does not say when"


def test_a_unit_that_runs_with_its_files_is_left_alone() -> None:
    assert owed() == NOTHING


@pytest.mark.parametrize(
    ("is_written", "newer_files", "why"),
    [
        (True, (), "its settings are written now"),
        (False, ("/etc/x",), "/etc/x is newer than what it has read"),
    ],
)
def test_a_restart_is_owed(is_written: bool, newer_files: tuple[str, ...], why: str) -> None:
    expected = NOTHING._replace(again=True, why=(why,))
    assert owed(is_written=is_written, newer_files=newer_files) == expected
    assert owed(is_written=is_written, newer_files=newer_files, state="as_it_is") == expected


def test_a_unit_file_that_systemd_has_not_read_is_read_and_no_reason_for_a_restart() -> None:
    assert owed(RUNNING._replace(unread=True)) == NOTHING._replace(read=True)


def test_a_timer_has_its_times_when_they_are_read() -> None:
    assert owed(is_timer=True, is_written=True) == NOTHING._replace(read=True)
    assert owed(is_timer=True) == NOTHING


def test_what_is_stopped_is_started_once_or_left_so() -> None:
    stopped = RUNNING._replace(active=False, enabled="disabled")
    for is_timer in (True, False):
        todo = owed(stopped, is_timer=is_timer, is_written=True, newer_files=("/etc/x",))
        assert todo == NOTHING._replace(enable=True, start=True)
    assert owed(stopped, is_written=True, newer_files=("/etc/x",), state="as_it_is") == NOTHING


def test_what_is_to_be_stopped_is_disabled_and_no_longer_shown_as_failed() -> None:
    assert owed(RUNNING, state="stopped", is_written=True) == Steps(disable=True, stop=True)
    off = RUNNING._replace(active=False, enabled="disabled")
    assert owed(off, state="stopped", is_written=True) == NOTHING
    failed = unit_of({**SHOWN, "ActiveState": "inactive"}, [{"ActiveState": "failed"}], reloads=False)
    assert owed(failed._replace(enabled="static"), state="stopped") == Steps(clear=True)
    to_come = unit_of({"LoadState": "not-found", "ActiveState": "inactive"}, (), reloads=False)
    assert owed(as_installed(to_come), state="stopped") == Steps(disable=True, stop=True)


def test_a_static_unit_has_nothing_to_be_enabled() -> None:
    assert not owed(RUNNING._replace(enabled="static")).enable


def test_systemds_words_are_read() -> None:
    assert unit_of(SHOWN, (), reloads=False) == RUNNING._replace(since=1000.5)
    assert unit_of(SHOWN, (), reloads=True).since == 1200.0
    assert unit_of(SHOWN, [{**SHOWN, "NeedDaemonReload": "yes"}], reloads=False).unread
    missing = unit_of({"LoadState": "not-found", "ActiveState": "inactive"}, (), reloads=True)
    assert (missing.exists, missing.since) == (False, 0.0)
    assert words("x.service", missing) == "x.service: stopped, not there yet\n"


def test_while_it_starts_that_start_counts_and_not_the_end_of_the_last_one() -> None:
    starting = {**SHOWN, "ActiveEnterTimestamp": "Thu 1970-01-01 00:00:01.000000 UTC"}
    assert unit_of(starting, (), reloads=False).since == 1000.0


@pytest.mark.parametrize("moment", ["", "n/a", "Thu 1970-01-01 00:00:01 UTC"])
def test_what_is_no_moment_is_none(moment: str) -> None:
    assert seconds(moment) == 0.0
