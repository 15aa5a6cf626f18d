"""Which versions a run asks apt for, and what it refuses."""

from __future__ import annotations

from typing import Any

from plugins.module_utils.apt.rules import (
    apt_arguments,
    forbidden,
    outstanding,
    parse_simulation,
    select,
    select_pins,
    unapproved,
)


def package(installed: str | None, *versions: tuple[str, bool], held: bool = False) -> dict[str, Any]:
    rows = [{"version": text, "security": security} for text, security in versions]
    return {
        "arch": "amd64",
        "installed": installed,
        "candidate": versions[0][0] if versions else installed,
        "held": held,
        "versions": rows,
    }


STATE = {
    "openssl": package("3.0.16-1", ("3.0.17-1", True), ("3.0.16-1", False)),
    "tzdata": package("2026a", ("2026b", False)),
    "mixed": package("1.0", ("1.2", False), ("1.1", True)),
    "held": package("1.0", ("1.1", True), held=True),
    "current": package("1.0", ("1.0", False)),
    "wanted-only": package(None, ("2.0", True)),
}


def targets(
    scope: str, hold: list[str] | None = None, exclude: list[str] | None = None
) -> dict[str, str | None]:
    return dict(select(outstanding(STATE), scope, hold or [], exclude or []).targets)


def test_only_installed_packages_with_a_newer_version_are_outstanding() -> None:
    assert [row["name"] for row in outstanding(STATE)] == ["held", "mixed", "openssl", "tzdata"]


def test_security_takes_the_version_of_the_security_archive_though_another_is_newer() -> None:
    assert targets("security") == {"mixed": "1.1", "openssl": "3.0.17-1"}


def test_all_takes_what_apt_would_take() -> None:
    assert targets("all") == {"mixed": "1.2", "openssl": "3.0.17-1", "tzdata": "2026b"}


def test_what_is_held_or_excluded_is_left_out_and_named_with_its_reason() -> None:
    selection = select(outstanding(STATE), "all", ["mixed"], ["tz*"])
    assert sorted(selection.targets) == ["openssl"]
    assert {row["name"]: row["reason"] for row in selection.left_out} == {
        "held": "held",
        "mixed": "held",
        "tzdata": "excluded",
    }


def test_pins_ask_for_exactly_what_is_not_there_yet() -> None:
    assert select_pins({"openssl": "3.0.17-1", "current": "1.0"}, STATE, [], []) == (
        {"openssl": "3.0.17-1"},
        [],
    )


def test_a_superseded_pin_is_refused_with_the_wanted_and_the_offered_version() -> None:
    _targets, problems = select_pins({"openssl": "3.0.16-9"}, STATE, [], [])
    assert problems == ["openssl: version 3.0.16-9 is approved, but the archive offers 3.0.17-1 (superseded)"]


def test_a_pin_that_would_go_back_is_refused() -> None:
    _targets, problems = select_pins({"openssl": "3.0.15-1"}, STATE, [], [])
    assert "3.0.16-1 is installed already, which is newer" in problems[0]


def test_a_pin_of_a_held_or_excluded_package_is_refused() -> None:
    assert "held or excluded" in select_pins({"held": "1.1"}, STATE, [], [])[1][0]
    assert "held or excluded" in select_pins({"tzdata": "2026b"}, STATE, [], ["tz*"])[1][0]


def test_a_pin_of_an_unknown_package_is_refused() -> None:
    assert "the archive offers no version of it" in select_pins({"gone": "1.0"}, STATE, [], [])[1][0]


def test_an_empty_pin_approves_a_removal() -> None:
    desired, problems = select_pins({"current": None, "gone": None}, STATE, [], [])
    assert (desired, problems) == ({"current": None}, [])
    assert apt_arguments(desired) == ["current-"]


SIMULATED = """\
Inst libssl3 [3.0.16-1] (3.0.17-1 Debian-Security:12/oldstable-security [amd64]) [openssl:amd64 ]
Inst libnew (1.0 Debian:12.12/oldstable [all])
Remv oldlib [0.9]
Inst libc6:i386 [2.36-9] (2.36-10 Debian:12.12/oldstable, Debian-Security:12/oldstable-security [i386]) []
Conf libssl3 (3.0.17-1 Debian-Security:12/oldstable-security [amd64])
"""


def test_apts_simulation_is_read_with_new_and_removed_packages() -> None:
    rows = [(r["name"], r["arch"], r["from"], r["to"], r["action"]) for r in parse_simulation(SIMULATED)]
    assert rows == [
        ("libc6:i386", "i386", "2.36-9", "2.36-10", "upgrade"),
        ("libnew", "all", None, "1.0", "install"),
        ("libssl3", "amd64", "3.0.16-1", "3.0.17-1", "upgrade"),
        ("oldlib", "", "0.9", None, "remove"),
    ]


def test_removals_downgrades_and_held_packages_are_forbidden() -> None:
    rows = parse_simulation(SIMULATED)
    assert forbidden(rows, False, ["libssl3"]) == ["libssl3 is held or excluded", "oldlib would be removed"]
    assert forbidden(rows, True, []) == []
    assert forbidden(parse_simulation("Inst a [2] (1 x [all])"), True, []) == ["a would be downgraded"]


def test_what_was_not_approved_is_found() -> None:
    rows = parse_simulation(SIMULATED)
    pins = {"libssl3": "3.0.17-1", "libnew": "0.9", "oldlib": None}
    assert [row["name"] for row in unapproved(rows, pins)] == ["libc6:i386", "libnew"]
