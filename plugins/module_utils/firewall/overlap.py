# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which packets two rules have in common, and which rule decides about one packet. Pure."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import Iterator, Optional, Sequence

from .model import Network, Rule, Service, Side, family_of

#: A box of packets: each axis is a closed range of numbers. Axes: family, source, target, protocol,
#: port.
Box = tuple[tuple[int, int], ...]
WIDEST = (0, 2**128)
PROTOCOLS: dict[str, int] = {}


@dataclass(frozen=True)
class Part:
    """One box of a rule, with the interfaces that it is bound to (empty is any)."""

    box: Box
    inbound: frozenset[str]
    outbound: frozenset[str]


def parts(rule: Rule) -> list[Part]:
    """All boxes of a rule."""
    return [
        Part(
            (_span(family, 4, 6), source, target, _protocol(service), _ports(service)),
            frozenset(source_side.interfaces),
            frozenset(target_side.interfaces),
        )
        for source_side in rule.sources
        for target_side in rule.targets
        for service in rule.services
        for family in [family_of(source_side, target_side, service)]
        if family is not None
        for source in _ranges(source_side)
        for target in _ranges(target_side)
    ]


def overlaps(first: Part, second: Part) -> bool:
    """Whether some packet is in both."""
    for (low, high), (start, end) in zip(first.box, second.box):  # noqa: B905 - Python 3.9 knows no `strict`
        if low > end or start > high:
            return False
    return _share(first.inbound, second.inbound) and _share(first.outbound, second.outbound)


def inside(small: Part, large: Part) -> bool:
    """Whether every packet of `small` is in `large`."""
    for (low, high), (start, end) in zip(small.box, large.box):  # noqa: B905 - as above
        if low < start or high > end:
            return False
    return _within(small.inbound, large.inbound) and _within(small.outbound, large.outbound)


def wholly_inside(small: Sequence[Part], large: Sequence[Part]) -> bool:
    """Whether each box of one rule lies in one box of the other."""
    return all(any(inside(part, big) for big in large) for part in small)


def collisions(rules: Sequence[Rule]) -> Iterator[tuple[Rule, Rule, str]]:
    """Pairs (later, earlier, how) that must not be: `shadowed` for a rule that can never match,
    else `overlaps`.

    Two rules may overlap only where the earlier is wholly inside the later and does the
    opposite: an exception before its rule.
    """
    rule_parts = [(rule, parts(rule)) for rule in rules]
    reported = set()
    for first, second in _overlapping(rule_parts):
        if (first, second) in reported:
            continue
        reported.add((first, second))
        (earlier, before), (later, after) = rule_parts[first], rule_parts[second]
        if wholly_inside(after, before):
            yield later, earlier, "shadowed"
        elif _same_effect(earlier, later) or not wholly_inside(before, after):
            yield later, earlier, "overlaps"


def _overlapping(rule_parts: Sequence[tuple[Rule, list[Part]]]) -> Iterator[tuple[int, int]]:
    """Indices of rules of one direction that overlap, the earlier first.

    Sweeps over source addresses.
    """
    spans = sorted(
        ((part.box[1][0], index, part) for index, (_rule, boxes) in enumerate(rule_parts) for part in boxes),
        key=lambda span: span[:2],
    )
    active: list[tuple[int, Part]] = []
    for start, index, part in spans:
        active = [pair for pair in active if pair[1].box[1][1] >= start]
        for earlier, against in active:
            if (
                earlier != index
                and rule_parts[earlier][0].direction == rule_parts[index][0].direction
                and overlaps(part, against)
            ):
                yield (earlier, index) if earlier < index else (index, earlier)
        active.append((index, part))


def _same_effect(first: Rule, second: Rule) -> bool:
    return (first.action == "accept") == (second.action == "accept")


@dataclass(frozen=True)
class Packet:
    """The first packet of a connection to this host."""

    protocol: str
    port: int
    target: str = ""  # where it is not known, a rule for certain addresses of ours does not count
    interface: str = ""  # likewise
    direction: str = "in"


def blocked(rules: Sequence[Rule], packet: Packet, source: Network) -> Optional[tuple[str, Optional[Rule]]]:
    """The first address of `source` from which such a packet is not accepted, and the rule that
    stops it.

    Only where rules begin or end can the answer change, so these addresses are asked for and no
    others.
    """
    low, high = _range(source)
    rule_parts = [
        (rule, [part for part in parts(rule) if _takes(part, packet, source.version)])
        for rule in rules
        if rule.direction == packet.direction
    ]
    edges = {low}
    for _rule, boxes in rule_parts:
        for part in boxes:
            start, end = part.box[1]
            edges |= {edge for edge in (start, end + 1) if low < edge <= high}
    for edge in sorted(edges):
        matching = next(
            (r for r, boxes in rule_parts if any(p.box[1][0] <= edge <= p.box[1][1] for p in boxes)), None
        )
        if matching is None or matching.action != "accept":
            kind = ipaddress.IPv4Address if source.version == 4 else ipaddress.IPv6Address
            return str(kind(edge)), matching
    return None


def _takes(part: Part, packet: Packet, version: int) -> bool:
    """Whether a part takes such a packet from some source."""
    family, _source, target, protocol, port = part.box
    number = _protocol(Service(packet.protocol))[0]
    values = ((version, family), (_number(packet.target), target), (number, protocol), (packet.port, port))
    if any(not low <= value <= high for value, (low, high) in values):
        return False
    return not part.inbound or packet.interface in part.inbound


def _number(address: str) -> int:
    """An address as a number; an unknown one is in no network, but in `any`."""
    return int(ipaddress.ip_address(address)) if address else WIDEST[1]


def _ranges(side: Side) -> list[tuple[int, int]]:
    return [_range(network) for network in side.networks] or [WIDEST]


def _range(network: Network) -> tuple[int, int]:
    return int(network.network_address), int(network.broadcast_address)


def _span(value: int, low: int, high: int) -> tuple[int, int]:
    return (value, value) if value else (low, high)


def _protocol(service: Service) -> tuple[int, int]:
    """A number of our own for each protocol; any is all of them."""
    if not service.protocol:
        return WIDEST
    number = PROTOCOLS.setdefault(service.protocol, len(PROTOCOLS) + 1)
    return number, number


def _ports(service: Service) -> tuple[int, int]:
    if service.kind:
        number = PROTOCOLS.setdefault(service.kind, len(PROTOCOLS) + 1)
        return number, number
    return service.first, service.last


def _share(first: frozenset[str], second: frozenset[str]) -> bool:
    return not first or not second or bool(first & second)


def _within(small: frozenset[str], large: frozenset[str]) -> bool:
    return not large or (bool(small) and small <= large)
