"""Queues and pools: what CUPS says, what is wanted, and the steps between."""

from __future__ import annotations

from typing import Any

import pytest

from plugins.module_utils.cups.model import (
    commands,
    desired_destinations,
    existing_destinations,
    missing_features,
    new_device,
    sentence,
    steps,
)

COMMON = {"description": "", "location": "", "groups": [], "shared": True, "quota_pages": 0, "quota_days": 7}


def queue(**overrides: Any) -> dict[str, Any]:
    return {
        **COMMON, "name": "library", "uri": "ipp://10.1.4.20/ipp/print", "duplex": True, "mono": True, **overrides
    }  # fmt: skip


def pool(**overrides: Any) -> dict[str, Any]:
    return {**COMMON, "name": "anywhere", "members": ["room12", "library"], **overrides}


def answer(**overrides: Any) -> dict[str, list[Any]]:
    """As CUPS 2.4 answers for such a queue."""
    return {
        "printer-name": ["library"],
        "printer-type": [4116],
        "printer-info": ["library"],
        "printer-location": [""],
        "printer-make-and-model": ["Printer - IPP Everywhere"],
        "printer-is-shared": [True],
        "device-uri": ["ipp://10.1.4.20/ipp/print"],
        "job-page-limit": [0],
        "job-quota-period": [0],
        "job-sheets-default": ["none", "none"],
        "sides-default": ["two-sided-long-edge"],
        "print-color-mode-default": ["monochrome"],
        **overrides,
    }


def between(existing: dict[str, list[Any]], goal: dict[str, Any]) -> Any:
    (step,) = steps(existing_destinations([existing]), desired_destinations([goal], []), remove=False)
    return step


def test_what_is_as_wanted_needs_no_step() -> None:
    assert steps(existing_destinations([answer()]), desired_destinations([queue()], []), remove=True) == []


@pytest.mark.parametrize(
    ("existing", "goal", "expected", "argument"),
    [
        ({"printer-location": ["Attic"]}, {"location": "Room 1"}, "place: Attic -> Room 1", "Room 1"),
        ({}, {"groups": ["b", "a"]}, "may print: everybody -> a, b", "allow:@a,@b"),
        ({"requesting-user-name-allowed": ["@a"]}, {}, "may print: a -> everybody", "allow:all"),
        ({"requesting-user-name-allowed": ["anna"]}, {}, "the person anna -> everybody", "allow:all"),
        ({"requesting-user-name-denied": ["@a"]}, {}, "may print: not @a -> everybody", "allow:all"),
        (
            {},
            {"quota_pages": 10},
            "pages for each person: 0 -> 10; in so many days: 0 -> 7",
            "job-page-limit=10",
        ),
        (
            {"job-sheets-default": ["standard", "none"]},
            {},
            "banner pages: yes -> no",
            "job-sheets-default=none,none",
        ),
        ({}, {"duplex": False}, "both sides: yes -> no", "sides=one-sided"),
        ({}, {"mono": False}, "black and white: yes -> no", "print-color-mode=color"),
        ({}, {"shared": False}, "offered to other computers: yes -> no", "printer-is-shared=false"),
    ],
)
def test_what_differs_is_reported_and_set(
    existing: dict[str, Any], goal: dict[str, Any], expected: str, argument: str
) -> None:
    step = between(answer(**existing), queue(**goal))
    assert expected in sentence(step)
    assert argument in commands(step)[-1]
    assert not new_device(step)


@pytest.mark.parametrize(
    "existing",
    [{"printer-make-and-model": ["Local Raw Printer"]}, {"device-uri": ["ipp://10.1.4.99/ipp/print"]}],
)
def test_a_raw_queue_and_another_printer_are_made_anew(existing: dict[str, Any]) -> None:
    step = between(answer(**existing), queue())
    assert new_device(step)
    assert commands(step)[0][-2:] == ["-m", "everywhere"]


def test_a_queue_is_made_before_the_pool_that_it_is_in() -> None:
    todo = steps(
        {},
        desired_destinations([queue(), queue(name="room12", uri="ipp://x/ipp/print")], [pool()]),
        remove=False,
    )
    assert [(step.action, step.destination.name) for step in todo] == [
        ("create", "library"),
        ("create", "room12"),
        ("create", "anywhere"),
    ]
    assert commands(todo[2])[:2] == [
        ["lpadmin", "-p", "library", "-c", "anywhere"],
        ["lpadmin", "-p", "room12", "-c", "anywhere"],
    ]


def test_a_member_that_is_wanted_no_more_is_taken_out() -> None:
    existing = {
        **answer(),
        "printer-name": ["anywhere"],
        "printer-type": [4117],
        "printer-info": ["anywhere"],
    }
    existing["member-names"] = ["library", "attic"]
    (step,) = steps(existing_destinations([existing]), desired_destinations([], [pool()]), remove=False)
    assert commands(step)[:2] == [
        ["lpadmin", "-p", "room12", "-c", "anywhere"],
        ["lpadmin", "-p", "attic", "-r", "anywhere"],
    ]


def test_what_is_in_no_list_goes_only_when_asked_and_last() -> None:
    existing = existing_destinations([answer(**{"printer-name": ["byhand"]})])
    assert [step.action for step in steps(existing, desired_destinations([queue()], []), remove=False)] == [
        "create"
    ]
    assert [step.action for step in steps(existing, desired_destinations([queue()], []), remove=True)] == [
        "create",
        "delete",
    ]


def test_queues_of_other_servers_are_not_ours() -> None:
    assert existing_destinations([answer(**{"printer-type": [4116 | 2]})]) == {}


@pytest.mark.parametrize(
    ("goal", "printer", "expected"),
    [
        ({}, {"document-format-supported": ["application/vnd.hp-pcl"]}, "not a driverless printer"),
        ({}, {"sides-supported": ["one-sided"]}, "set duplex: false"),
        ({"mono": False}, {"print-color-mode-supported": ["monochrome"]}, "set mono: true"),
    ],
)
def test_what_a_printer_cannot_do_is_reported(
    goal: dict[str, Any], printer: dict[str, Any], expected: str
) -> None:
    able = {
        "document-format-supported": ["image/urf"],
        "sides-supported": ["one-sided", "two-sided-long-edge"],
        "print-color-mode-supported": ["color", "monochrome"],
    }
    values = desired_destinations([queue(**goal)], [])["library"].values
    assert missing_features(values, able) == []
    assert expected in missing_features(values, {**able, **printer})[0]


def test_a_queue_that_is_made_is_reported_without_what_goes_without_saying() -> None:
    (step,) = steps({}, desired_destinations([queue(groups=["teachers"])], []), remove=False)
    assert sentence(step) == (
        "may print: teachers; offered to other computers: yes; printer: ipp://10.1.4.20/ipp/print; "
        "both sides: yes; black and white: yes"
    )
