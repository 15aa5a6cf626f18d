"""What is kept before a change of the baseline, and the steps back to it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from plugins.module_utils.baseline.kept_files import file_entry, missing_parents, read_kept
from plugins.module_utils.baseline.kept_rules import (
    describe,
    empty_manifest,
    line_of,
    merged,
    steps,
    unit_commands,
    units_to_notify,
    with_line,
)

FILE = {"kind": "file", "sha256": "aa", "mode": "0644", "uid": 0, "gid": 0}
ABSENT = {"kind": "absent"}
ON = {"load": "loaded", "enabled": "enabled", "active": True}
OFF = {"load": "loaded", "enabled": "disabled", "active": False}
MASKED = {"load": "masked", "enabled": "masked", "active": False}
NOT_THERE = {"load": "not-found", "enabled": "", "active": False}


def state(**parts: Any) -> dict[str, Any]:
    return {**empty_manifest(), **parts}


def test_what_was_kept_first_stays_and_what_is_new_is_added() -> None:
    manifest = merged(
        state(files={"/a": FILE}),
        state(files={"/a": {**FILE, "sha256": "bb"}, "/b": ABSENT}, lines={}, units={}),
    )
    assert manifest["files"] == {"/a": FILE, "/b": ABSENT}


def test_only_what_differs_is_brought_back() -> None:
    manifest = state(files={"/a": {**FILE, "reload": ["x.service"]}, "/b": ABSENT, "/c": FILE})
    now = state(files={"/a": {**FILE, "mode": "0600"}, "/b": FILE, "/c": FILE})
    assert [(step.name, step.action) for step in steps(manifest, now)] == [
        ("/a", "restore"),
        ("/b", "remove"),
    ]
    assert units_to_notify(steps(manifest, now), "reload") == ["x.service"]
    assert units_to_notify(steps(manifest, now), "restart") == []


def test_a_folder_that_was_not_there_goes_after_what_is_in_it_and_stays_with_something_of_others() -> None:
    manifest = state(files={"/d": ABSENT, "/d/ours": ABSENT})
    folder = {"kind": "folder", "mode": "0755", "uid": 0, "gid": 0}
    now = state(files={"/d": {**folder, "names": ["ours"]}, "/d/ours": FILE})
    assert [step.name for step in steps(manifest, now)] == ["/d/ours", "/d"]
    now["files"]["/d"] = {**folder, "names": ["ours", "theirs"]}
    assert [step.name for step in steps(manifest, now)] == ["/d/ours"]


@pytest.mark.parametrize(
    ("now", "then", "commands"),
    [
        (OFF, ON, [["enable", "u"], ["start", "u"]]),
        (ON, OFF, [["stop", "u"], ["disable", "u"]]),
        (MASKED, ON, [["unmask", "u"], ["enable", "u"], ["start", "u"]]),
        (ON, MASKED, [["stop", "u"], ["mask", "u"]]),
        (ON, NOT_THERE, [["disable", "--now", "u"]]),
        (MASKED, NOT_THERE, [["unmask", "u"]]),
    ],
)
def test_units_come_back_as_they_were(now: Any, then: Any, commands: list[list[str]]) -> None:
    (step,) = steps(state(units={"u": then}), state(units={"u": now}))
    assert unit_commands(step) == commands


def test_a_unit_that_a_package_brought_and_that_is_off_is_as_good_as_not_there() -> None:
    assert steps(state(units={"u": NOT_THERE}), state(units={"u": OFF})) == []


def test_one_line_of_an_account_database_is_replaced_added_or_taken_out() -> None:
    text = "root:x:0\nsudo:x:27:lee\nsudoers:x:1\n"
    assert line_of(text, "sudo") == "sudo:x:27:lee"
    assert with_line(text, "sudo", "sudo:x:27:") == "root:x:0\nsudo:x:27:\nsudoers:x:1\n"
    assert with_line(text, "sudo", None) == "root:x:0\nsudoers:x:1\n"
    assert with_line(text, "may", "may:x:5") == text + "may:x:5\n"
    assert with_line(text, "may", None) == text


def test_what_is_no_text_is_reported_in_words() -> None:
    assert describe(NOT_THERE) == "not there\n"
    assert describe(ON) == "enabled, running\n"
    assert describe({"kind": "link", "to": "/dev/null"}) == "a link to /dev/null\n"


def test_a_path_that_is_reached_by_a_link_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with pytest.raises(ValueError, match="reached by a link"):
        file_entry(str(tmp_path / "link" / "file"))


def test_the_folders_that_would_have_to_be_made_are_known(tmp_path: Path) -> None:
    assert missing_parents(str(tmp_path / "a/b/c")) == [str(tmp_path / "a/b"), str(tmp_path / "a")]


def test_a_manifest_of_another_version_is_not_read(tmp_path: Path) -> None:
    assert read_kept(str(tmp_path)) == empty_manifest()
    (tmp_path / "manifest.json").write_text('{"format": 9}')
    with pytest.raises(ValueError, match="format 9"):
        read_kept(str(tmp_path))
