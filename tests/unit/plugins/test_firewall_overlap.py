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
def nets(draw: st.DrawFn) -> ipaddress.IPv4Network:
    length = draw(st.integers(29, 32))
    start = draw(st.integers(0, 7)) & ~((1 << (32 - length)) - 1)
    return ipaddress.IPv4Network((start, length))


@st.composite
def rules(draw: st.DrawFn) -> Rule:
    first, last = sorted((draw(st.integers(1, 4)), draw(st.integers(1, 4))))
    found = draw(st.lists(nets(), max_size=2))
    side = Side(
        tuple(ipaddress.collapse_addresses(found)),
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
        (not side.networks or any(ipaddress.ip_address(address) in net for net in side.networks))
        and (not side.interfaces or interface in side.interfaces)
        and service.first <= port <= service.last
    )


def packets(rule: Rule) -> set[tuple[int, int, str]]:
    return {packet for packet in WORLD if takes(rule, packet)}


@settings(max_examples=400, deadline=None)
@given(rules(), rules())
def test_rules_that_meet_in_a_packet_are_reported_unless_one_is_an_exception_to_the_other(
    earlier: Rule, later: Rule
) -> None:
    found = [how for _later, _earlier, how in collisions([earlier, later])]
    if packets(earlier) & packets(later):
        exception = earlier.action != later.action and packets(earlier) <= packets(later)
        assert found or exception
    if found == ["shadowed"]:
        assert packets(later) <= packets(earlier)


@settings(max_examples=400, deadline=None)
@given(rules(), rules())
def test_rules_that_do_not_meet_are_never_reported(earlier: Rule, later: Rule) -> None:
    if not packets(earlier) & packets(later):
        assert list(collisions([earlier, later])) == []


@settings(max_examples=400, deadline=None)
@given(rules(), rules())
def test_a_rule_said_to_be_inside_another_is(small: Rule, large: Rule) -> None:
    if wholly_inside(parts(small), parts(large)):
        assert packets(small) <= packets(large)


@settings(max_examples=400, deadline=None)
@given(st.lists(rules(), max_size=4), nets(), st.integers(1, 4), st.sampled_from(INTERFACES))
def test_the_management_path_is_called_open_exactly_if_each_packet_comes_through(
    register: list[Rule], net: Network, port: int, interface: str
) -> None:
    def comes_through(address: int) -> bool:
        taken = next((rule for rule in register if takes(rule, (address, port, interface))), None)
        return taken is not None and taken.action == "accept"

    inside = [address for address in ADDRESSES if ipaddress.ip_address(address) in net]
    found = blocked(register, Packet("tcp", port, target="9.9.9.9", interface=interface), net)
    shut = [address for address in inside if not comes_through(address)]
    assert (found is None) == (not shut)
    assert not found or int(ipaddress.ip_address(found[0])) == shut[0]
