"""The register as rules of Windows; their text and the comparison only, since no Windows was at hand."""

from __future__ import annotations

from typing import Any

from plugins.module_utils.firewall.windows import (
    differing,
    faults,
    findings,
    firewall_rules,
    own_rules,
    profiles_differ,
    surplus,
)
from tests.unit.plugins.firewall_school import entry, register


def rules(*entries: dict[str, Any]) -> dict[str, dict[str, Any]]:
    result = register(*entries)
    assert (result.faults, faults(result.rules)) == ([], [])
    return {rule["name"]: rule for rule in firewall_rules(result.rules)}


def live(desired: dict[str, Any], **overrides: Any) -> dict[str, Any]:
    """A rule as Windows shows it."""
    return {
        "name": desired["name"],
        "group": "fitsom",
        "description": desired["description"],
        "direction": 1,
        "action": 1,
        "enabled": True,
        "profiles": 0x7FFFFFFF,
        "local": "*",
        "remote": "2001:db8:20::/48,10.20.0.0/255.255.0.0",
        "protocol": 6,
        "localports": "443,80",
        "remoteports": "*",
        "icmp": None,
        **overrides,
    }


def test_both_families_are_in_one_rule_and_each_protocol_in_its_own() -> None:
    result = rules(
        entry("web", "pupils", "web"), entry("names", "staff", "dns"), entry("ping", "any", "ping")
    )
    assert list(result) == [
        "fitsom web (in, tcp)",
        "fitsom names (in, udp)",
        "fitsom names (in, tcp)",
        "fitsom ping (in, icmp)",
        "fitsom ping (in, icmpv6)",
    ]
    web = result["fitsom web (in, tcp)"]
    assert (web["remoteip"], web["localip"], web["localport"]) == (
        "10.20.0.0/16,2001:db8:20::/48",
        "any",
        "80,443",
    )
    assert result["fitsom ping (in, icmp)"]["icmp_type_code"] == ["8:*"]
    assert result["fitsom ping (in, icmp)"]["protocol"] == "icmpv4"


def test_what_goes_out_turns_both_ends_round() -> None:
    out = entry("out", None, "high", direction="out", to=["staff"], action="reject")
    (result,) = rules(out).values()
    assert (result["direction"], result["action"]) == ("out", "block")
    assert (result["localip"], result["remoteip"], result["remoteport"]) == (
        "any",
        "10.30.0.0/16",
        "1024-65535",
    )
    assert "localport" not in result


def test_what_windows_cannot_do_is_named() -> None:
    guests = entry("guest", "guests", "dns")
    through = entry("through", "pupils", direction="forward", to=["staff"])
    result = faults(register(guests, through).rules)
    assert "guest (guest.yml:1): on Windows a rule has no interfaces" in result[0]
    assert "through (through.yml:1): Windows passes nothing on" in result[1]


def test_an_exception_that_lets_in_is_refused_since_on_windows_the_refusal_wins() -> None:
    lets = entry("one-class", "class-7a", "https")
    refuses = entry("all-pupils", "pupils", "https", action="drop")
    (fault,) = faults(register(lets, refuses).rules)
    assert fault.startswith("one-class (one-class.yml:1): on Windows rule all-pupils (all-pupils.yml:1)")
    other_way = register(
        entry("one-class", "class-7a", "https", action="drop"), entry("all-pupils", "pupils", "https")
    )
    assert (other_way.faults, faults(other_way.rules)) == ([], [])


def test_a_rule_that_is_there_in_windows_own_words_does_not_differ() -> None:
    desired = list(rules(entry("web", "pupils", "web")).values())
    assert differing(desired, [live(desired[0])]) == []
    for drift in (
        {"enabled": False},
        {"localports": "80"},
        {"remote": "*"},
        {"remote": "LocalSubnet"},
        {"description": ""},
        {"profiles": 1},
        {"group": "other"},
    ):
        assert differing(desired, [live(desired[0], **drift)]) == desired, drift


def test_only_rules_of_our_group_are_ever_in_the_way() -> None:
    desired = list(rules(entry("web", "pupils", "web")).values())
    foreign = [live(desired[0], name="theirs", group=None), live(desired[0], name="fitsom gone (in, tcp)")]
    assert surplus(desired, [live(desired[0]), *foreign]) == ["fitsom gone (in, tcp)"]


def test_rules_of_others_are_found_and_those_that_came_with_windows_are_counted() -> None:
    own = live({"name": "x", "description": ""}, group="@FirewallAPI.dll,-1")
    result = findings([own, {**own, "name": "remote help", "group": ""}, {**own, "enabled": False}], "pc1")
    assert [(f["ci"], f["severity"]) for f in result] == [
        ("pc1: remote help", "warning"),
        ("pc1", "informational"),
    ]
    assert result[1]["what"] == "Rules that came with Windows let somebody in: 1."


def test_a_firewall_that_is_off_or_lets_everybody_in_differs() -> None:
    on = {"enabled": "True", "inbound": "Block", "outbound": "NotConfigured"}
    assert not profiles_differ([on, on, on], outbound_denied=False)
    assert profiles_differ([on, {**on, "enabled": "False"}], outbound_denied=False)
    assert profiles_differ([{**on, "inbound": "Allow"}], outbound_denied=False)
    assert profiles_differ([on], outbound_denied=True)
    assert profiles_differ([], outbound_denied=False)


def test_two_looks_are_the_same_if_our_rules_are_however_the_lists_are_written() -> None:
    (desired,) = rules(entry("web", "pupils", "web")).values()
    first, turned = live(desired), live(desired, localports="80,443")
    stranger = live(desired, name="theirs", group=None)
    assert own_rules([first, stranger]) == own_rules([turned])
    assert own_rules([first]) != own_rules([live(desired, enabled=False)])
    assert own_rules([first]) != own_rules([])
