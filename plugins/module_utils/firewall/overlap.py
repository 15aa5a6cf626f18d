# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which packets two rules have in common, and what becomes of one packet. Pure."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import Iterator, Optional, Sequence

from .model import Net, Rule, Service, Side, family_of

#: A box of packets: each axis is a closed range of numbers. Axes: family, source, target, protocol, port.
Box = tuple[tuple[int, int], ...]
WIDEST = (0, 2**128)
PROTOCOLS: dict[str, int] = {}


@dataclass(frozen=True)
class Part:
    """One box of a rule, with the interfaces that it is bound to (empty is any)."""

    box: Box
    came_by: frozenset[str]
    goes_by: frozenset[str]


def parts(rule: Rule) -> list[Part]:
    """All boxes of a rule."""
    return [
        Part(
            (_span(family, 4, 6), source, target, _protocol(service), _ports(service)),
            frozenset(one.interfaces),
            frozenset(other.interfaces),
        )
        for one in rule.sources
        for other in rule.targets
        for service in rule.services
        for family in [family_of(one, other, service)]
        if family is not None
        for source in _ranges(one)
        for target in _ranges(other)
    ]


def meet(one: Part, other: Part) -> bool:
    """Whether some packet is in both."""
    for (low, high), (start, end) in zip(one.box, other.box):  # noqa: B905 - Python 3.9 knows no `strict`
        if low > end or start > high:
            return False
    return _share(one.came_by, other.came_by) and _share(one.goes_by, other.goes_by)


def inside(small: Part, large: Part) -> bool:
    """Whether every packet of `small` is in `large`."""
    for (low, high), (start, end) in zip(small.box, large.box):  # noqa: B905 - as above
        if low < start or high > end:
            return False
    return _within(small.came_by, large.came_by) and _within(small.goes_by, large.goes_by)


def wholly_inside(small: Sequence[Part], large: Sequence[Part]) -> bool:
    """Whether each box of one rule lies in one box of the other."""
    return all(any(inside(part, big) for big in large) for part in small)


def collisions(rules: Sequence[Rule]) -> Iterator[tuple[Rule, Rule, str]]:
    """Pairs (later, earlier, how) that must not be: `shadowed` for a rule that can never match, else `overlaps`.

    Two rules may meet in the same packets only where the earlier is wholly inside the later and does the
    opposite: an exception before its rule.
    """
    known = [(rule, parts(rule)) for rule in rules]
    seen = set()
    for first, second in _meeting(known):
        if (first, second) in seen:
            continue
        seen.add((first, second))
        (earlier, before), (later, after) = known[first], known[second]
        if wholly_inside(after, before):
            yield later, earlier, "shadowed"
        elif _same(earlier, later) or not wholly_inside(before, after):
            yield later, earlier, "overlaps"


def _meeting(known: Sequence[tuple[Rule, list[Part]]]) -> Iterator[tuple[int, int]]:
    """Indices of rules of one direction that meet, the earlier first. Sweeps over source addresses."""
    spans = sorted(
        ((part.box[1][0], index, part) for index, (_rule, boxes) in enumerate(known) for part in boxes),
        key=lambda span: span[:2],
    )
    active: list[tuple[int, Part]] = []
    for start, index, part in spans:
        active = [pair for pair in active if pair[1].box[1][1] >= start]
        for other, against in active:
            if (
                other != index
                and known[other][0].direction == known[index][0].direction
                and meet(part, against)
            ):
                yield (other, index) if other < index else (index, other)
        active.append((index, part))


def _same(one: Rule, other: Rule) -> bool:
    return (one.action == "accept") == (other.action == "accept")


@dataclass(frozen=True)
class Packet:
    """The first packet of a connection to this host."""

    protocol: str
    port: int
    target: str = ""  # where it is not known, a rule for certain addresses of ours does not count
    interface: str = ""  # likewise
    direction: str = "in"


def blocked(rules: Sequence[Rule], packet: Packet, source: Net) -> Optional[tuple[str, Optional[Rule]]]:
    """The first address of `source` from which such a packet is not accepted, and the rule that stops it.

    Only where rules begin or end can the answer change, so these addresses are asked for and no others.
    """
    low, high = _range(source)
    known = [
        (rule, [part for part in parts(rule) if _takes(part, packet, source.version)])
        for rule in rules
        if rule.direction == packet.direction
    ]
    edges = {low}
    for _rule, boxes in known:
        for part in boxes:
            start, end = part.box[1]
            edges |= {edge for edge in (start, end + 1) if low < edge <= high}
    for edge in sorted(edges):
        taken = next(
            (r for r, boxes in known if any(p.box[1][0] <= edge <= p.box[1][1] for p in boxes)), None
        )
        if taken is None or taken.action != "accept":
            kind = ipaddress.IPv4Address if source.version == 4 else ipaddress.IPv6Address
            return str(kind(edge)), taken
    return None


def _takes(part: Part, packet: Packet, version: int) -> bool:
    """Whether a part takes such a packet from some source."""
    family, _source, target, protocol, port = part.box
    number = _protocol(Service(packet.protocol))[0]
    values = ((version, family), (_number(packet.target), target), (number, protocol), (packet.port, port))
    if any(not low <= value <= high for value, (low, high) in values):
        return False
    return not part.came_by or packet.interface in part.came_by


def _number(address: str) -> int:
    """An address as a number; an unknown one lies in no net, but in `any`."""
    return int(ipaddress.ip_address(address)) if address else WIDEST[1]


def _ranges(side: Side) -> list[tuple[int, int]]:
    return [_range(net) for net in side.nets] or [WIDEST]


def _range(net: Net) -> tuple[int, int]:
    return int(net.network_address), int(net.broadcast_address)


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


def _share(one: frozenset[str], other: frozenset[str]) -> bool:
    return not one or not other or bool(one & other)


def _within(small: frozenset[str], large: frozenset[str]) -> bool:
    return not large or (bool(small) and small <= large)
