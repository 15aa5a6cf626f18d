"""The manifest, and the way back that it gives."""

from __future__ import annotations

from plugins.module_utils.apt.backout_rules import (
    arguments,
    completeness,
    diff_lines,
    empty_manifest,
    merged,
    to_save,
    unrecorded_changes,
    unrecorded_pins,
    way_back,
    within,
)
from plugins.module_utils.apt.rules import change

CHANGES = [
    change("openssl", "amd64", "1", "2"),
    change("libnew", "amd64", None, "1"),
    change("gone", "all", "5", None),
]
MANIFEST = merged(empty_manifest(), CHANGES, {"openssl": "openssl_1_amd64.deb", "gone": None})


def test_the_state_before_the_first_run_stays_recorded() -> None:
    later = merged(MANIFEST, [change("openssl", "amd64", "2", "3")], {"openssl": "openssl_2_amd64.deb"})
    assert later["packages"]["openssl"] == {
        "arch": "amd64",
        "from": "1",
        "to": "3",
        "deb": "openssl_1_amd64.deb",
    }


def test_only_what_is_not_recorded_yet_is_saved() -> None:
    assert to_save(MANIFEST, [CHANGES[0]]) == []
    assert to_save(MANIFEST, [CHANGES[2]]) == [CHANGES[2]]
    assert to_save(empty_manifest(), CHANGES) == CHANGES


def test_the_plan_shows_what_is_not_saved() -> None:
    assert diff_lines(MANIFEST) == "gone 5 NOT saved\nlibnew was not installed\nopenssl 1 saved\n"


def test_an_incomplete_way_back_is_a_check_that_is_not_ok() -> None:
    assert completeness(CHANGES, ["gone"]) == {
        "name": "way back for every package",
        "ok": False,
        "detail": "1 of 2 old packages kept; no longer available: gone",
    }
    assert completeness(CHANGES, [])["ok"] is True


def test_the_way_back_prefers_saved_files_then_the_archive_and_names_the_rest() -> None:
    installed = {"openssl": "2", "libnew": "1"}
    way = way_back(MANIFEST, installed, {"openssl": "/b/openssl_1_amd64.deb"}, {"gone": ["5", "6"]}, [])
    assert arguments(way) == ["/b/openssl_1_amd64.deb", "gone=5", "libnew-"]
    assert way_back(MANIFEST, installed, {}, {}, []).missing == ["gone 5", "openssl 1"]


def test_there_is_nothing_to_do_where_the_versions_are_back() -> None:
    assert arguments(way_back(MANIFEST, {"openssl": "1", "gone": "5"}, {}, {}, [])) == []


def test_the_running_kernel_is_kept() -> None:
    assert way_back(MANIFEST, {"openssl": "1", "gone": "5", "libnew": "1"}, {}, {}, ["libnew"]).removals == []


def test_what_the_manifest_does_not_say_is_a_stranger() -> None:
    back = [
        change("openssl", "amd64", "2", "1"),
        change("other", "all", "1", "2"),
        change("libnew", "amd64", "1", None),
    ]
    assert unrecorded_changes(back, MANIFEST) == ["other"]


def test_only_what_a_run_was_to_change_goes_back() -> None:
    assert within(MANIFEST, {"openssl": "1", "libnew": ""})["packages"].keys() == {"openssl", "libnew"}
    assert within(MANIFEST, {}) == empty_manifest()


def test_what_should_go_back_and_is_not_recorded_is_named() -> None:
    pins = {"openssl": "1", "curl": "7", "libssl": "3", "extra": "", "gone": "5"}
    installed = {"curl": "8", "libssl": "3", "extra": "2"}
    assert unrecorded_pins(MANIFEST, pins, installed) == ["curl 7", "extra (to be removed)"]
    assert unrecorded_pins(empty_manifest(), {"libnew": ""}, {}) == [], "it was never installed"
