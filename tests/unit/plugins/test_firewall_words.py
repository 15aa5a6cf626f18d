"""Rules in plain English, and on their way through a file of rules."""

from __future__ import annotations

import datetime
from typing import Any

import pytest

from plugins.module_utils.firewall.words import base_words, header, parse_header, rule_words
from tests.unit.plugins.firewall_school import entry, register

UNTIL = datetime.date(2026, 12, 8)


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ({"from": ["pupils"]}, "Let in: pupils, for https, until 8 December 2026"),
        ({"from": ["a", "b", "c"]}, "Let in: a, b and c, for https, until 8 December 2026"),
        ({"from": ["any"], "to": ["dmz"]}, "Let in: anybody, for https, at dmz, until 8 December 2026"),
        ({"from": ["pupils"], "action": "drop"}, "Keep out: pupils, for https, until 8 December 2026"),
        ({"direction": "out", "to": ["any"]}, "Let go out: to anywhere, for https, until 8 December 2026"),
        (
            {"direction": "forward", "from": ["pupils"], "to": ["staff"], "action": "reject"},
            "Keep apart: pupils from staff, for https, until 8 December 2026",
        ),
    ],
)
def test_who_reaches_what_is_said_in_the_names_of_the_register(rule: dict[str, Any], message: str) -> None:
    assert rule_words({"services": ["https"], **rule}, UNTIL) == message


def test_a_name_cannot_end_the_comment_that_it_stands_in() -> None:
    message = rule_words({"from": ['a"\nflush ruleset; #b?'], "services": ["any"]}, None)
    assert message == "Let in: a flush ruleset; b, for everything"
    assert parse_header(header({"one": message})) == {"one": message}


def test_the_register_gives_each_sound_rule_its_words() -> None:
    result = register(entry("web"), entry("bad", "nobody"))
    assert result.words == {"web": "Let in: pupils, for https, until 18 December 2026"}


def test_what_every_host_has_is_said_once_with_each_direction_that_is_closed() -> None:
    lines = ["chain input: x base-denied", "chain output: x base-log", "chain forward: counter base-denied"]
    message = base_words(lines)
    assert message.startswith("Keep out: whatever no rule lets in")
    assert message.endswith("; keep apart: whatever no rule lets through")
    assert "going out" not in message
