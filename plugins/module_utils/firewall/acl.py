# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Rules as access lists of Cisco IOS and those like it. Pure."""

from __future__ import annotations

from typing import Any, Sequence

from .model import FORWARD, IN, Network, Rule, Service, Side, family_of

ACTIONS = {"accept": "permit", "drop": "deny", "reject": "deny"}
LISTS = {4: "ip access-list extended", 6: "ipv6 access-list"}
FAMILIES = {4: "ip", 6: "ipv6"}
ICMP_WORDS = {"echo-request": "echo", "destination-unreachable": "unreachable"}


def access_lists(rules: Sequence[Rule]) -> list[dict[str, Any]]:
    """For each direction and family with rules: `parents` and `lines` of a whole access list.

    Access lists are stateless: answers over TCP are let in first, answers over UDP need rules of
    their own.
    """
    lists = []
    for direction in (IN, FORWARD):
        directed = [rule for rule in rules if rule.direction == direction]
        for family in (4, 6):
            lines = [line for rule in directed for line in _with_remark(rule, _lines(rule, family))]
            if lines:
                name = "%s fitsom-%s%s" % (LISTS[family], direction, "6" if family == 6 else "")
                lists.append({"parents": [name], "lines": [*_first(family), *lines, _last(family)]})
    return lists


def faults(rules: Sequence[Rule]) -> list[str]:
    """What these devices cannot do."""
    return [
        "%s (%s): %s" % (rule.name, rule.where, fault)
        for rule in rules
        for fault in (
            "an access list has no interfaces; bind the list to them, and name zones by addresses"
            if any(side.interfaces for side in (*rule.sources, *rule.targets))
            else "",
            "rules for what goes out of the device itself are not made"
            if rule.direction not in (IN, FORWARD)
            else "",
        )
        if fault
    ]


def _first(family: int) -> list[str]:
    lines = ["permit tcp any any established"]
    return lines if family == 4 else [*lines, "permit icmp any any nd-na", "permit icmp any any nd-ns"]


def _last(family: int) -> str:
    return "deny %s any any log" % FAMILIES[family]


def _with_remark(rule: Rule, lines: list[str]) -> list[str]:
    """The rule's lines behind a remark, which says in plain English what they mean.

    A device keeps 100 characters.
    """
    remark = ("%s: %s" % (rule.name, rule.words))[:100].rstrip()
    return ["remark %s" % remark, *lines] if lines else []


def _lines(rule: Rule, family: int) -> list[str]:
    lines = []
    for source in rule.sources:
        for target in rule.targets:
            for service in rule.services:
                if family_of(source, target, service) in (0, family):
                    lines += _pairs(rule, family, source, target, service)
    return lines


def _pairs(rule: Rule, family: int, source: Side, target: Side, service: Service) -> list[str]:
    protocol, tail = _service(service, family)
    log = " log" if rule.log else ""
    return [
        "%s %s %s %s%s%s"
        % (
            ACTIONS[rule.action],
            protocol,
            _end(source_network, family),
            _end(target_network, family),
            tail,
            log,
        )
        for source_network in source.networks or (None,)
        for target_network in target.networks or (None,)
    ]


def _end(network: Network | None, family: int) -> str:
    if network is None or network.prefixlen == 0:
        return "any"
    if network.prefixlen == network.max_prefixlen:
        return "host %s" % network.network_address
    return str(network) if family == 6 else "%s %s" % (network.network_address, network.hostmask)


def _service(service: Service, family: int) -> tuple[str, str]:
    if not service.protocol:
        return FAMILIES[family], ""
    if service.kind:
        word = (
            service.kind
            if family == 6 and service.kind != "destination-unreachable"
            else ICMP_WORDS.get(service.kind)
        )
        return "icmp", " %s" % (word or service.kind)
    if (service.first, service.last) == (0, 65535):
        return service.protocol, ""
    if service.first == service.last:
        return service.protocol, " eq %d" % service.first
    return service.protocol, " range %d %d" % (service.first, service.last)
