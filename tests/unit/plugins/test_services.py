"""Which services a restart would help."""

import os

import pytest

from plugins.module_utils.apt.services import left_over, start_of


def test_the_start_of_a_process_is_read_past_a_name_with_blanks_and_brackets() -> None:
    ticks = os.sysconf("SC_CLK_TCK")
    fields = " ".join(str(number) for number in range(4, 22))
    assert start_of(f"77 (a (b) c) S {fields} {90 * ticks} 23 24") == 90.0


def test_a_process_that_has_ended_since_has_no_start() -> None:
    assert start_of("") == 0.0


@pytest.mark.parametrize(("youngest", "over"), [(50.0, True), (99.5, False), (100.0, False), (180.0, False)])
def test_only_processes_older_than_the_service_itself_are_left_over(youngest: float, over: bool) -> None:
    assert left_over(youngest, {"ExecMainStartTimestampMonotonic": "100000000"}) is over


def test_a_service_without_a_start_has_no_left_overs() -> None:
    assert not left_over(5.0, {})
