"""The register as access lists; text only, since no device that has them was seen."""

from __future__ import annotations

from typing import Any

from plugins.module_utils.firewall.acl import access_lists, faults
from tests.unit.plugins.firewall_school import ZONES, entry, register


def lists(*entries: dict[str, Any]) -> dict[str, list[str]]:
    result = register(*entries)
    assert result.faults == []
    return {row["parents"][0]: row["lines"] for row in access_lists(result.rules)}


def test_a_rule_becomes_a_line_in_the_list_of_its_direction_and_family() -> None:
    result = lists(entry("web", "pupils", "web"))
    remark = "remark web: Let in: pupils, for web, until 18 December 2026"
    assert result["ip access-list extended fitsom-in"] == [
        "permit tcp any any established",
        remark,
        "permit tcp 10.20.0.0 0.0.255.255 any eq 80",
        "permit tcp 10.20.0.0 0.0.255.255 any eq 443",
        "deny ip any any log",
    ]
    assert result["ipv6 access-list fitsom-in6"] == [
        "permit tcp any any established",
        "permit icmp any any nd-na",
        "permit icmp any any nd-ns",
        remark,
        "permit tcp 2001:db8:20::/48 any eq 80",
        "permit tcp 2001:db8:20::/48 any eq 443",
        "deny ipv6 any any log",
    ]


def test_ranges_hosts_icmp_and_refusals_have_their_words() -> None:
    result = lists(
        entry("high", "class-7a", "high", direction="forward", to=["staff"], action="reject", log=True),
        entry("ping", "staff", "ping", direction="forward", to=["management"]),
    )
    lines = result["ip access-list extended fitsom-forward"][1:-1]
    assert [line for line in lines if not line.startswith("remark")] == [
        "deny tcp 10.20.7.0 0.0.0.255 10.30.0.0 0.0.255.255 range 1024 65535 log",
        "permit icmp 10.30.0.0 0.0.255.255 10.0.9.0 0.0.0.255 echo",
    ]
    assert "ipv6 access-list fitsom-forward6" not in result


def test_one_address_is_a_host_and_everything_is_any() -> None:
    zones = {**ZONES, "one": {"addresses": ["10.1.1.1"]}}
    rules = register(entry("one-in", "one"), entry("all", "any", "ssh"), zones=zones).rules
    lines = access_lists(rules)[0]["lines"]
    assert lines[2:-1:2] == ["permit tcp host 10.1.1.1 any eq 443", "permit tcp any any eq 22"]


def test_a_remark_is_no_longer_than_a_device_keeps_it() -> None:
    (result,) = lists(
        entry("long", "staff", to=["everybody", *["staff"] * 3, "class-7a", "management"])
    ).values()
    assert len(result[1]) == len("remark ") + 100


def test_what_an_access_list_cannot_do_is_named() -> None:
    out = entry("out", None, direction="out", to=["staff"])
    result = faults(register(entry("guest", "guests"), out).rules)
    assert "guest (guest.yml:1): an access list has no interfaces" in result[0]
    assert "out (out.yml:1): rules for what goes out" in result[1]
