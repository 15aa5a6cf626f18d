"""Printing settings that do not hang together are told before anything is touched, with the way out."""

from __future__ import annotations

from typing import Any

import pytest

from plugins.filter import printing

LIBRARY = {"name": "library", "uri": "ipp://10.1.4.20/ipp/print"}
STAFF = {"name": "staff", "uri": "ipp://10.1.4.21/ipp/print", "groups": ["teachers"]}
EVERYBODY = {"print1": {"print_servers_queues": [LIBRARY]}, "pc1": {}}


def settings(**changed: Any) -> dict[str, Any]:
    return {
        "print_servers_server": True,
        "print_servers_queues": [LIBRARY, STAFF],
        "print_servers_pools": [],
        "print_servers_default": "",
        "print_servers_certificate": False,
        "print_servers_certificate_key": False,
        "print_servers_tariffs": [],
        "print_servers_departments": [],
        "print_servers_use": "",
        "print_servers_discover": False,
        **changed,
    }


def client(**changed: Any) -> dict[str, Any]:
    return settings(print_servers_server=False, print_servers_queues=[], **changed)


def test_settings_that_hang_together_are_taken() -> None:
    pools = [{"name": "staffroom", "members": ["staff"], "groups": ["teachers"]}]
    own = settings(print_servers_pools=pools, print_servers_default="staffroom")
    assert printing.problems("print1", own, EVERYBODY) == []
    assert printing.problems("pc1", client(print_servers_use="print1"), EVERYBODY) == []


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"print_servers_server": False}, "set print_servers_server"),
        ({"print_servers_queues": [LIBRARY, {**STAFF, "name": "library"}]}, "two are named library"),
        ({"print_servers_queues": [{**LIBRARY, "name": "Room 12"}]}, "Room 12 cannot be the name of a queue"),
        (
            {"print_servers_queues": [{**LIBRARY, "uri": "socket://10.1.4.20"}]},
            "not the address of a driverless printer",
        ),
        (
            {"print_servers_queues": [{**LIBRARY, "uri": "ipp:///ipp/print"}]},
            "not the address of a driverless printer",
        ),
        ({"print_servers_queues": [{**LIBRARY, "uri": "ipp://localhost/x"}]}, "localhost is CUPS itself"),
        (
            {"print_servers_queues": [LIBRARY, {**STAFF, "uri": LIBRARY["uri"]}]},
            "is library already; one printer",
        ),
        ({"print_servers_queues": [{**LIBRARY, "quota_pages": -1}]}, "quota_pages is 0 or more"),
        ({"print_servers_queues": [{**LIBRARY, "quota_days": 0}]}, "quota_days 1 or more"),
        (
            {"print_servers_pools": [{"name": "p", "members": []}]},
            "print_servers_pools, p: it has no members",
        ),
        ({"print_servers_pools": [{"name": "p", "members": ["attic"]}]}, "there is no queue attic"),
        ({"print_servers_pools": [{"name": "p", "members": ["staff"]}]}, "staff is for teachers only"),
        (
            {"print_servers_pools": [{"name": "p", "members": ["staff"], "groups": ["teachers", "pupils"]}]},
            "give the pool the same groups",
        ),
        (
            {
                "print_servers_queues": [{**LIBRARY, "quota_pages": 5}],
                "print_servers_pools": [{"name": "p", "members": ["library"]}],
            },
            "library has a quota, and the pool has none",
        ),
        ({"print_servers_default": "attic"}, "there is no queue and no pool attic"),
        ({"print_servers_tariffs": [{"queue": "attic"}]}, "print_servers_tariffs: there is no queue"),
        ({"print_servers_certificate": True}, "belong together"),
        ({"print_servers_use": "print1"}, "a print server prints at itself"),
    ],
)
def test_settings_that_do_not_are_reported(changed: dict[str, Any], expected: str) -> None:
    assert [line for line in printing.problems("print1", settings(**changed), EVERYBODY) if expected in line]


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"print_servers_use": "print9"}, "the inventory has no host print9"),
        ({"print_servers_use": "pc1"}, "pc1 has no print_servers_queues"),
        (
            {"print_servers_use": "print1", "print_servers_discover": True},
            "one print server, or finds printers",
        ),
    ],
)
def test_so_are_those_of_a_computer(changed: dict[str, Any], expected: str) -> None:
    everybody = {**EVERYBODY, "pc2": {}}
    assert [line for line in printing.problems("pc2", client(**changed), everybody) if expected in line]


def test_windows_is_offered_what_is_shared_with_who_may() -> None:
    hidden = {**LIBRARY, "name": "hidden", "shared": False}
    own = settings(
        print_servers_queues=[LIBRARY, hidden, STAFF],
        print_servers_pools=[{"name": "p", "members": ["library"]}],
    )
    assert [(row["url"], row["groups"]) for row in printing.offered(own, "print1")] == [
        ("https://print1:631/printers/library", []),
        ("https://print1:631/printers/staff", ["teachers"]),
        ("https://print1:631/classes/p", []),
    ]
