"""Overlaps and the path of a packet, held against walking through every packet of a tiny network."""

from __future__ import annotations

import ipaddress
from itertools import product

from hypothesis import given, settings
from hypothesis import strategies as st

from plugins.module_utils.firewall.model import Network, Rule, Service, Side
from plugins.module_utils.firewall.overlap import Packet, blocked, collisions, parts, wholly_inside

ADDRESSES = range(8)
PORTS = range(1, 5)
INTERFACES = ("a", "b")
WORLD = list(product(ADDRESSES, PORTS, INTERFACES))


@st.composite
def networks(draw: st.DrawFn) -> ipaddress.IPv4Network:
    length = draw(st.integers(29, 32))
    start = draw(st.integers(0, 7)) & ~((1 << (32 - length)) - 1)
    return ipaddress.IPv4Network((start, length))


@st.composite
def rules(draw: st.DrawFn) -> Rule:
    first, last = sorted((draw(st.integers(1, 4)), draw(st.integers(1, 4))))
    result = draw(st.lists(networks(), max_size=2))
    side = Side(
        tuple(ipaddress.collapse_addresses(result)),
        tuple(draw(st.lists(st.sampled_from(INTERFACES), max_size=2, unique=True))),
    )
    service = draw(st.sampled_from([Service("tcp", first, last), Service("")]))
    action = draw(st.sampled_from(["accept", "drop"]))
    return Rule("r", "in", action, (side,), (Side(),), (service,))


def takes(rule: Rule, packet: tuple[int, int, str]) -> bool:
    """The definition, in the plainest words."""
    address, port, interface = packet
    (side,), (service,) = rule.sources, rule.services
    return (
        (not side.networks or any(ipaddress.ip_address(address) in network for network in side.networks))
        and (not side.interfaces or interface in side.interfaces)
        and service.first <= port <= service.last
    )


def packets(rule: Rule) -> set[tuple[int, int, str]]:
    return {packet for packet in WORLD if takes(rule, packet)}


@settings(max_examples=400, deadline=None)
@given(rules(), rules())
def test_rules_that_overlap_in_a_packet_are_reported_unless_one_is_an_exception_to_the_other(
    earlier: Rule, later: Rule
) -> None:
    result = [how for _later, _earlier, how in collisions([earlier, later])]
    if packets(earlier) & packets(later):
        exception = earlier.action != later.action and packets(earlier) <= packets(later)
        assert result or exception
    if result == ["shadowed"]:
        assert packets(later) <= packets(earlier)


@settings(max_examples=400, deadline=None)
@given(rules(), rules())
def test_rules_that_do_not_overlap_are_never_reported(earlier: Rule, later: Rule) -> None:
    if not packets(earlier) & packets(later):
        assert list(collisions([earlier, later])) == []


@settings(max_examples=400, deadline=None)
@given(rules(), rules())
def test_a_rule_said_to_be_inside_another_is(small: Rule, large: Rule) -> None:
    if wholly_inside(parts(small), parts(large)):
        assert packets(small) <= packets(large)


@settings(max_examples=400, deadline=None)
@given(st.lists(rules(), max_size=4), networks(), st.integers(1, 4), st.sampled_from(INTERFACES))
def test_the_management_path_is_called_open_exactly_if_each_packet_comes_through(
    register: list[Rule], network: Network, port: int, interface: str
) -> None:
    def comes_through(address: int) -> bool:
        matching = next((rule for rule in register if takes(rule, (address, port, interface))), None)
        return matching is not None and matching.action == "accept"

    inside = [address for address in ADDRESSES if ipaddress.ip_address(address) in network]
    result = blocked(register, Packet("tcp", port, target="9.9.9.9", interface=interface), network)
    shut = [address for address in inside if not comes_through(address)]
    assert (result is None) == (not shut)
    assert not result or int(ipaddress.ip_address(result[0])) == shut[0]
