"""What entries of the record of /etc say."""

import pytest

from plugins.module_utils.baseline.etc_history import (
    CHANGE,
    changed_files,
    count_files,
    message_after,
    message_before,
)


def test_what_was_there_before_a_change_was_done_by_hand() -> None:
    assert message_before("CHG-2026-0002", "") == "By hand, before CHG-2026-0002"


def test_a_change_that_did_not_come_to_its_end_is_not_called_handwork() -> None:
    message = message_before("CHG-2026-0002", "CHG-2026-0001")
    assert message == "By hand, or by CHG-2026-0001, which did not come to its end; before CHG-2026-0002"


def test_the_entry_of_a_change_begins_with_its_number() -> None:
    assert message_after("CHG-2026-0002").startswith("CHG-2026-0002")


def test_files_are_counted_with_odd_names_and_a_rename_once() -> None:
    porcelain = " M hosts\0?? a b\nc\0R  new\0old\0 D gone\0"
    assert changed_files(porcelain) == ["hosts", "a b\nc", "new", "gone"]


def test_nothing_changed_is_no_file() -> None:
    assert changed_files("") == []


@pytest.mark.parametrize(
    ("change", "second"), [("CHG-2026-0001", True), ("manual", True), ("a\nb", False), ("", False)]
)
def test_the_number_of_a_change_is_one_word(change: str, second: bool) -> None:
    assert bool(CHANGE.fullmatch(change)) is second


@pytest.mark.parametrize(("count", "message"), [(1, "1 file"), (2, "2 files")])
def test_files_are_counted_in_words(count: int, message: str) -> None:
    assert count_files(count) == message
