"""What the rule register refuses, and in which words."""

from __future__ import annotations

import datetime
from typing import Any

import pytest

from plugins.module_utils.firewall.model import dump, load, parse_network, parse_service
from plugins.module_utils.firewall.overlap import Packet
from plugins.module_utils.firewall.register import management_faults
from tests.unit.plugins.firewall_school import ZONES, entry, register


def only_fault(*entries: dict[str, Any], **around: Any) -> str:
    faults = register(*entries, **around).faults
    assert len(faults) == 1, faults
    return str(faults[0])


def test_a_sound_register_has_no_fault_and_keeps_its_order() -> None:
    result = register(entry("one", "pupils"), entry("two", "staff"), entry("three", "management", "ssh"))
    assert result.faults == []
    assert [rule.name for rule in result.rules] == ["one", "two", "three"]


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ({"service": "htps"}, "service htps is not known; did you mean https?"),
        ({"source": "pupil"}, "zone or group pupil is not known; did you mean pupils?"),
        ({"expires": "2026-09-06"}, "it expired on 2026-09-06"),
        ({"expires": "2027-01-06"}, "a rule is for 120 days at most, today until 2027-01-05"),
        ({"expires": "Christmas"}, "`expires` is a date such as 2026-12-18, not Christmas"),
        ({"owner": None}, "`owner` is missing"),
        ({"reason": ""}, "`reason` is missing"),
        ({"change": "soon"}, "`change` is the number of a change"),
        ({"direction": "up"}, "`direction` is in, out or forward, not up"),
        ({"action": "allow"}, "`action` is accept or drop or reject, not allow"),
        ({"colour": "red"}, "`colour` is not a key of a rule"),
        ({"from": "pupils"}, "`from` is a list of names"),
        ({"from": None}, "`from` is missing; write [any] if you mean it"),
        ({"log": "yes"}, "`log` is true or false"),
        ({"direction": "out"}, "`to` is missing"),
        ({"to": ["guests"]}, "`to` is this host itself here"),
        ({"source": "any", "service": "any"}, "any-any: from and services are both any"),
        ({"source": "everybody", "service": "any"}, "any-any: from and services are both any"),
        ({"source": "any", "to": ["any"], "direction": "forward"}, "any-any: from and to are both any"),
    ],
)
def test_a_fault_names_rule_file_and_reason(rule: dict[str, Any], words: str) -> None:
    fault = only_fault(entry("bad-rule", **rule))
    assert fault.startswith("bad-rule (bad-rule.yml:1): ")
    assert words in fault


def test_the_last_day_counts_as_still_valid() -> None:
    assert register(entry("last", expires="2026-09-07")).faults == []
    assert register(entry("far", expires=datetime.date(2027, 1, 5))).faults == []


def test_every_fault_is_reported_at_once() -> None:
    result = register(entry("one", service="nix"), entry("two", owner=None), entry("two", "staff"))
    assert [fault.split(":")[0] for fault in result.faults] == [
        "one (one.yml",
        "two (two.yml",
        "two (two.yml",
    ]
    assert "there is a rule of this name in two.yml:1 already" in result.faults[2]


def test_a_rule_that_never_matches_is_named_with_the_one_that_hides_it() -> None:
    fault = only_fault(entry("wide", "pupils", "web", action="drop"), entry("narrow", "class-7a", "https"))
    assert fault.startswith("narrow (narrow.yml:1): it never matches: rule wide (wide.yml:1)")


def test_two_rules_that_overlap_are_named() -> None:
    assert "it overlaps rule narrow" in only_fault(
        entry("narrow", "class-7a", "https"), entry("wide", "pupils", "web")
    )
    crossing = (entry("block", "class-7a", "web", action="drop"), entry("other", "pupils", "https"))
    assert "it overlaps rule block" in only_fault(*crossing)


def test_an_exception_may_stand_before_its_rule() -> None:
    assert (
        register(entry("not-7a", "class-7a", action="drop"), entry("pupils-web", "pupils", "web")).faults
        == []
    )


def test_rules_of_different_directions_families_or_services_do_not_overlap() -> None:
    zones = {**ZONES, "six": {"addresses": ["2001:db8:20:7::/64"]}, "four": {"addresses": ["10.20.0.0/16"]}}
    result = register(
        entry("one", "four"),
        entry("two", "six"),
        entry("three", "four", "ssh"),
        entry("four", None, "https", direction="out", to=["four"]),
        entry("five", "four", "ping"),
        zones=zones,
    )
    assert result.faults == []


def test_a_zone_without_an_address_would_mean_everybody_and_is_refused() -> None:
    assert "it would mean everybody" in only_fault(zones={"empty": {"addresses": []}})
    assert (
        "10.0.0.1/8 is not an address or a network"
        in register(zones={"bad": {"addresses": ["10.0.0.1/8"]}}).faults[0]
    )


def test_a_group_of_the_inventory_is_a_zone() -> None:
    result = register(entry("printing", "printers"), printers=["10.1.1.1", "10.1.1.2"])
    assert [str(network) for network in result.rules[0].sources[0].networks] == ["10.1.1.1/32", "10.1.1.2/32"]


@pytest.mark.parametrize(
    "text", ["tcp", "tcp/0", "tcp/70000", "tcp/90-80", "icmp/none", "https", "tcp/1-2-3"]
)
def test_a_service_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=text):
        parse_service(text)


SSH = Packet("tcp", 22, target="10.0.0.5", interface="eth0")
OFFICE = [parse_network("10.0.9.0/24")]


def test_the_management_path_must_stay_open() -> None:
    session = register(entry("manage", "management", "ssh")).rules
    assert management_faults(session, SSH, OFFICE) == []
    assert "10.0.9.0 to tcp port 22: no rule lets it in" in management_faults([], SSH, OFFICE)[0]


def test_a_hole_in_the_middle_of_the_management_net_is_found_and_named() -> None:
    zones = {**ZONES, "one-desk": {"addresses": ["10.0.9.77"]}}
    rules = register(
        entry("not-him", "one-desk", "ssh", action="drop"), entry("manage", "management", "ssh"), zones=zones
    ).rules
    fault = management_faults(rules, SSH, OFFICE)[0]
    assert "10.0.9.77 to tcp port 22: rule not-him (not-him.yml:1) forbids it" in fault


def test_a_rule_for_another_interface_or_address_of_ours_does_not_let_management_in() -> None:
    zones = {
        **ZONES,
        "wire": {"addresses": ["10.0.9.0/24"], "interfaces": ["eth1"]},
        "us": {"addresses": ["10.0.0.6"]},
    }
    assert management_faults(register(entry("manage", "wire", "ssh"), zones=zones).rules, SSH, OFFICE)
    assert management_faults(
        register(entry("manage", "management", "ssh", to=["us"]), zones=zones).rules, SSH, OFFICE
    )


def test_rules_survive_their_journey_as_plain_data() -> None:
    rules = register(entry("one"), entry("two", "guests", "ping"), entry("three", "staff", "any")).rules
    assert [load(dump(rule)) for rule in rules] == rules
