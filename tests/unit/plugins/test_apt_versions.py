"""Debian's order of versions, as the modules know it without apt."""

from __future__ import annotations

import shutil
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plugins.module_utils.apt.versions import compare_versions

PAIRS = [
    ("1.0", "1.0", 0),
    ("1.0", "1.1", -1),
    ("1.9", "1.10", -1),
    ("1.0~rc1", "1.0", -1),
    ("1.0-1", "1.0-1+deb12u1", -1),
    ("3.0.20-1~deb12u2", "3.0.22-1~deb12u2", -1),
    ("1.0.9-2+b6", "1.0.9-2+deb12u1", -1),
    ("1:1.0", "2.0", 1),
    ("0:1.0", "1.0", 0),
    ("1.0", "1.0-0", 0),
    ("1.0a", "1.0+", -1),
    ("2.0", "2.0.0", -1),
]


@pytest.mark.parametrize(("first", "second", "expected"), PAIRS)
def test_versions_are_ordered_as_debian_orders_them(first: str, second: str, expected: int) -> None:
    assert compare_versions(first, second) == expected
    assert compare_versions(second, first) == -expected


VERSION = st.from_regex(r"\A([0-2]:)?[0-9][0-9a-c.+~]{0,5}(-[0-9a-c.+~]{1,4})?\Z")


@pytest.mark.skipif(not shutil.which("dpkg"), reason="dpkg is not here to ask")
@settings(max_examples=60, deadline=None)
@given(VERSION, VERSION)
def test_dpkg_says_the_same(first: str, second: str) -> None:
    question = {-1: "lt", 0: "eq", 1: "gt"}[compare_versions(first, second)]
    assert (
        subprocess.run(["dpkg", "--compare-versions", first, question, second], check=False).returncode == 0
    )
