"""Debian's PAM profiles."""

from __future__ import annotations

from pathlib import Path

import yaml

from plugins.module_utils.baseline.pam import arguments, changes, in_use, modules_of

VARS = yaml.safe_load((Path(__file__).parents[3] / "roles/baseline/vars/main.yml").read_text())


def test_profiles_in_use_are_read_from_what_pam_auth_update_saved() -> None:
    saved = ["Module: unix\n[success=end default=ignore]\tpam_unix.so\nModule: sss\nx\n", "Module: null\nx\n"]
    assert in_use(saved) == {"unix", "sss"}


def test_pam_auth_update_is_reported_what_to_switch() -> None:
    assert arguments(["a", "b"], []) == ["--package", "--enable", "a", "b"]
    assert arguments([], ["c"]) == ["--package", "--disable", "c"]


def test_a_profile_names_its_modules() -> None:
    assert modules_of("auth requisite pam_faillock.so preauth\naccount required pam_unix.so") == [
        "pam_faillock.so",
        "pam_unix.so",
    ]


def test_only_texts_that_differ_are_changes() -> None:
    assert changes({"/a": "1", "/b": "2"}, {"/a": "1", "/b": "3", "/c": "4"}) == ["/b", "/c"]


def test_accounts_are_looked_at_before_any_password_and_failures_counted_after_all() -> None:
    texts = VARS["__baseline_pam_profiles_text"]
    assert list(texts) == VARS["__baseline_pam_profiles"]
    order = {name: int(text.split("Priority: ")[1].split()[0]) for name, text in texts.items()}
    assert order["fitsom-lock-first"] > 704 > 128 > order["fitsom-lock"]  # winbind, sss
    assert all(text.splitlines()[1] == "Default: no" for text in texts.values())
    assert all("\n\t" in text for text in texts.values())
