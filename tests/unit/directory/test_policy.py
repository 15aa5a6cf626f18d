"""Reading and checking a school's policy for its accounts."""

from __future__ import annotations

from typing import Any

import pytest

from plugins.module_utils.directory import places
from plugins.module_utils.directory.model import Person, Role
from plugins.module_utils.directory.policy import Policy, PolicyError, from_mapping

NOBODY = {"source_id": "p1", "given_name": "Zoë", "family_name": "Öz", "year": "7"}


def person(role: Role = Role.PUPIL, **extra: Any) -> Person:
    return Person(**(NOBODY | {"role": role} | extra))


def test_an_empty_policy_is_the_default() -> None:
    assert from_mapping({}) == Policy()


def test_one_text_is_for_all_roles_and_a_text_for_one_role_leaves_the_others() -> None:
    assert set(from_mapping({"usernames": "{family}"}).usernames.values()) == {"{family}"}
    policy = from_mapping({"units": {"guest": "Visitors"}, "role_groups": {"staff": "Team"}})
    assert (policy.units[Role.GUEST], policy.units[Role.PUPIL]) == ("Visitors", "Pupils/Year {year}")
    assert (policy.role_groups[Role.STAFF], policy.role_groups[Role.PUPIL]) == (("Team",), ("All Pupils",))


def test_every_setting_is_read() -> None:
    raw = {
        "username_max": 30,
        "reserved": ["Head"],
        "roster_usernames": True,
        "leavers_unit": "Old/Leavers",
        "groups_unit": "G",
        "groups": {"year": "", "class": "{code}"},
        "group_prefix": "X ",
        "hold_days": 0,
        "remove_empty_groups": True,
        "upn_domain": "ad.x.uk",
        "mail_domain": "x.uk",
        "delete_after_hold": True,
        "max_disappearing_percent": 2.5,
        "home_directory": {"pupil": r"\\srv\{username}"},
    }
    policy = from_mapping(raw)
    assert {
        name: getattr(policy, name) for name in raw if name not in ("reserved", "groups", "home_directory")
    } == {name: value for name, value in raw.items() if name not in ("reserved", "groups", "home_directory")}
    assert {"head", "root", "krbtgt"} <= policy.reserved
    assert (policy.groups["year"], policy.groups["class"], policy.groups["subject"]) == (
        "",
        "{code}",
        "Subject {subject}",
    )
    assert policy.attributes == {
        "home_directory": {Role.PUPIL: r"\\srv\{username}"},
        "mail": dict.fromkeys(Role, "{username}@{mail_domain}"),
    }


@pytest.mark.parametrize(
    ("setting", "value", "words"),
    [
        ("colour", "red", "is not a setting"),
        ("usernames", "{family", "unbalanced"),
        ("usernames", {"cook": "{family}"}, "'cook' is not a role"),
        ("usernames", 7, "a text for each role"),
        ("usernames", {"pupil": 7}, "not a text"),
        ("usernames", "{family}{number:19}", "no room"),
        ("username_max", 65, "from 4 to 64"),
        ("username_max", True, "from 4 to 64"),
        ("username_max", 20.5, "from 4 to 64"),
        ("reserved", "root", "a list"),
        ("units", {"pupil": "{year}"}, "the same for everybody"),
        ("units", {"pupil": "Pupils//{year}"}, "empty part"),
        ("units", {"pupil": "Pupils/{form}"}, "allowed are department, year"),
        ("leavers_unit", "Leavers/{year}", "uses {year}"),
        ("groups_unit", "Groups/{year}", "allowed are kind"),
        ("role_groups", {"pupil": ["{year}"]}, "not a group name"),
        ("role_groups", {"pupil": 3}, "list of names"),
        ("groups", {"club": "x"}, "not a kind of group"),
        ("groups", {"year": "Pupils"}, "needs {year}"),
        ("groups", ["year"], "a template for each"),
        ("group_prefix", 3, "not a text"),
        ("upn_domain", "school", "domain"),
        ("mail_domain", "a b.uk", "domain"),
        ("home_directory", {"pupil": "{home}"}, "allowed are"),
        ("hold_days", -1, "from 0"),
        ("delete_after_hold", "no", "neither true nor false"),
        ("max_disappearing_percent", 101, "to 100"),
    ],
)
def test_a_mistake_is_refused_with_the_setting_and_a_reason(setting: str, value: Any, words: str) -> None:
    with pytest.raises(PolicyError) as raised:
        from_mapping({setting: value})
    assert len(raised.value.mistakes) == 1
    assert raised.value.mistakes[0].startswith(f"{setting}:")
    assert words in raised.value.mistakes[0]


def test_all_mistakes_are_reported_together() -> None:
    with pytest.raises(PolicyError) as raised:
        from_mapping({"hold_days": "x", "colour": 1, "units": 3})
    assert len(raised.value.mistakes) == 3


@pytest.mark.parametrize(
    ("member", "unit"),
    [
        (person(), ("Pupils", "Year 7")),
        (person(year=""), ("Pupils",)),
        (person(year="7/8"), ("Pupils", "Year 7-8")),
        (person(Role.TEACHER, departments=("Maths", "Art")), ("Staff", "Maths")),
        (person(Role.STAFF), ("Staff",)),
        (person(Role.GUEST), ("Guests",)),
        (person(Role.SUPPLIER), ("Suppliers",)),
        (person(Role.STAFF, departments=("D" * 99,)), ("Staff", "D" * 64)),
    ],
)
def test_everybody_has_a_unit_whatever_the_roster_leaves_out(member: Person, unit: tuple[str, ...]) -> None:
    assert places.unit_of(Policy(), member) == unit


def test_texts_are_filled_in_and_left_out_where_a_field_is_empty() -> None:
    policy = from_mapping(
        {
            "mail_domain": "x.uk",
            "home_directory": {"pupil": r"\\srv\y{year}\{username}"},
            "title": {"pupil": "Pupil", "teacher": "Teacher"},
            "unix_home": "/home/{department}/{given}.{family}",
        }
    )
    texts = places.attributes_of(policy, person(), "zoez")
    assert texts == {
        "year": "7",
        "mail": "zoez@x.uk",
        "title": "Pupil",
        "home_directory": r"\\srv\y7\zoez",
    }
    assert "home_directory" not in places.attributes_of(policy, person(year=""), "zoez")
    teacher = places.attributes_of(policy, person(Role.TEACHER, year="", departments=("Art",)), "z")
    assert teacher["unix_home"] == "/home/Art/zoe.oez"
