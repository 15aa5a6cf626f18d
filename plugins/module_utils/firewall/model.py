# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The nouns of a firewall: networks, services, and rules whose zones are resolved to addresses."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import Any, Iterable, Optional, Union

Network = Union[ipaddress.IPv4Network, ipaddress.IPv6Network]

IN, OUT, FORWARD = "in", "out", "forward"
ICMP_TYPES = {
    "icmp": ("echo-request", "destination-unreachable", "time-exceeded", "timestamp-request"),
    "icmpv6": ("echo-request", "destination-unreachable", "packet-too-big", "time-exceeded"),
}
PLAIN = ("esp", "ah", "gre", "ospf", "vrrp", "igmp")
SERVICE = re.compile(r"^(tcp|udp|sctp)/(\d{1,5})(?:-(\d{1,5}))?$")


@dataclass(frozen=True)
class Service:
    """What one protocol may do.

    `first` to `last` are ports; `kind` is the type of an ICMP message.
    """

    protocol: str  # "" is any
    first: int = 0
    last: int = 65535
    kind: str = ""

    @property
    def family(self) -> int:
        """4 or 6 for what exists in one of them only, else 0."""
        return {"icmp": 4, "icmpv6": 6}.get(self.protocol, 0)


ANY_SERVICE = Service("")


@dataclass(frozen=True)
class Side:
    """One end of a rule: any of these networks (all of one family), through any of these
    interfaces. Empty is any.
    """

    networks: tuple[Network, ...] = ()
    interfaces: tuple[str, ...] = ()

    @property
    def family(self) -> int:
        return self.networks[0].version if self.networks else 0


@dataclass(frozen=True)
class Rule:
    """A rule of the register with its zones resolved.

    `where` is the file that it is in, `words` what it means in plain English.
    """

    name: str
    direction: str
    action: str
    sources: tuple[Side, ...]
    targets: tuple[Side, ...]
    services: tuple[Service, ...]
    log: bool = False
    where: str = ""
    words: str = ""


def parse_service(text: str) -> Service:
    """`tcp/443`, `udp/5000-5010`, `icmp/echo-request`, `esp`. Raises ValueError."""
    match = SERVICE.match(text)
    if match:
        first, last = int(match[2]), int(match[3] or match[2])
        if not 1 <= first <= last <= 65535:
            raise ValueError("%s: ports are from 1 to 65535, the lower first" % text)
        return Service(match[1], first, last)
    protocol, _slash, kind = text.partition("/")
    if protocol in ICMP_TYPES and kind in ICMP_TYPES[protocol]:
        return Service(protocol, kind=kind)
    if text in PLAIN:
        return Service(text)
    raise ValueError(
        "%s is not a protocol and port: write tcp/443, udp/5000-5010, icmp/echo-request or one of %s"
        % (text, ", ".join(PLAIN))
    )


def parse_network(text: Any) -> Network:
    """An address or a network.

    Raises ValueError, also where bits are set beyond the network's length.
    """
    try:
        return ipaddress.ip_network(str(text))
    except ValueError as error:
        raise ValueError("%s is not an address or a network (%s)" % (text, error)) from error


def sides(networks: Iterable[Network], interfaces: Iterable[str]) -> tuple[Side, ...]:
    """The ends of a zone: one for each family that it has addresses in, adjacent networks
    joined.
    """
    all_networks = list(networks)
    through = tuple(sorted(set(interfaces)))
    families: tuple[tuple[Network, ...], ...] = (
        tuple(
            ipaddress.collapse_addresses(
                network for network in all_networks if isinstance(network, ipaddress.IPv4Network)
            )
        ),
        tuple(
            ipaddress.collapse_addresses(
                network for network in all_networks if isinstance(network, ipaddress.IPv6Network)
            )
        ),
    )
    return tuple(Side(family, through) for family in families if family) or (Side((), through),)


def family_of(source: Side, target: Side, service: Service) -> Optional[int]:
    """The family in which these three come together: 4, 6, 0 for both, None for neither."""
    families = {part.family for part in (source, target, service)} - {0}
    if len(families) > 1:
        return None
    return families.pop() if families else 0


def dump(rule: Rule) -> dict[str, Any]:
    """A rule as plain data, to be handed from one module to another."""
    return {
        "name": rule.name,
        "direction": rule.direction,
        "action": rule.action,
        "log": rule.log,
        "where": rule.where,
        "words": rule.words,
        "sources": [_dump_side(side) for side in rule.sources],
        "targets": [_dump_side(side) for side in rule.targets],
        "services": [[s.protocol, s.first, s.last, s.kind] for s in rule.services],
    }


def load(data: dict[str, Any]) -> Rule:
    """The way back from `dump`."""
    return Rule(
        name=data["name"],
        direction=data["direction"],
        action=data["action"],
        log=data["log"],
        where=data["where"],
        words=data.get("words", ""),
        sources=tuple(_load_side(side) for side in data["sources"]),
        targets=tuple(_load_side(side) for side in data["targets"]),
        services=tuple(Service(p, int(first), int(last), kind) for p, first, last, kind in data["services"]),
    )


def _dump_side(side: Side) -> dict[str, list[str]]:
    return {"nets": [str(network) for network in side.networks], "interfaces": list(side.interfaces)}


def _load_side(data: dict[str, list[str]]) -> Side:
    return Side(tuple(ipaddress.ip_network(network) for network in data["nets"]), tuple(data["interfaces"]))
