# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Rules as Windows Defender Firewall has them: arguments of win_firewall_rule, and what differs
there. Pure.
"""

from __future__ import annotations

import ipaddress
from typing import Any, Iterable, Mapping, Sequence

from ..findings import Finding, finding
from .model import FORWARD, IN, Rule, Service, Side
from .overlap import overlaps, parts

GROUP = "fitsom"
PROTOCOLS = {"": "any", "icmp": "icmpv4", "esp": "50", "ah": "51", "gre": "47", "ospf": "89", "vrrp": "112"}
PROTOCOLS.update(igmp="2", sctp="132")
NUMBERS = {"any": 256, "tcp": 6, "udp": 17, "icmpv4": 1, "icmpv6": 58}
ICMP_TYPES = {
    "icmp": {
        "echo-request": 8,
        "destination-unreachable": 3,
        "time-exceeded": 11,
        "timestamp-request": 13,
    },
    "icmpv6": {"echo-request": 128, "destination-unreachable": 1, "packet-too-big": 2, "time-exceeded": 3},
}
PROFILES = ["domain", "private", "public"]
ALL_PROFILES = 0x7FFFFFFF


def faults(rules: Sequence[Rule]) -> list[str]:
    """What Windows cannot do."""
    problems = [
        "%s (%s): %s" % (rule.name, rule.where, fault)
        for rule in rules
        for unsupported, fault in (
            (_interfaces(rule), "on Windows a rule has no interfaces: name zones by addresses"),
            (rule.direction == FORWARD, "Windows passes nothing on, so there are no rules for it"),
            (
                any(s.protocol == "sctp" and not _all_ports(s) for s in rule.services),
                "Windows knows ports of tcp and udp only",
            ),
        )
        if unsupported
    ]
    return problems + _exceptions(rules)


def _exceptions(rules: Sequence[Rule]) -> list[str]:
    """Windows has no order: a rule that refuses wins.

    So nothing can be let in out of what another refuses.
    """
    rule_parts = [(rule, parts(rule)) for rule in rules]
    return [
        "%s (%s): on Windows rule %s (%s), which refuses, wins whatever their order: make that one narrower"
        % (rule.name, rule.where, later.name, later.where)
        for number, (rule, own_parts) in enumerate(rule_parts)
        if rule.action == "accept"
        for later, later_parts in rule_parts[number + 1 :]
        if later.action != "accept" and later.direction == rule.direction
        if any(overlaps(own_part, later_part) for own_part in own_parts for later_part in later_parts)
    ]


def firewall_rules(rules: Iterable[Rule]) -> list[dict[str, Any]]:
    """The arguments of win_firewall_rule, one set for each rule and protocol."""
    return [
        _arguments(rule, protocol, [s for s in rule.services if s.protocol == protocol])
        for rule in rules
        for protocol in dict.fromkeys(service.protocol for service in rule.services)
    ]


def _arguments(rule: Rule, protocol: str, services: Sequence[Service]) -> dict[str, Any]:
    local, remote = (rule.targets, rule.sources) if rule.direction == IN else (rule.sources, rule.targets)
    word = PROTOCOLS.get(protocol, protocol)
    arguments: dict[str, Any] = {
        "name": "fitsom %s (%s, %s)" % (rule.name, rule.direction, protocol or "any"),
        "description": rule.words,
        "direction": rule.direction,
        "action": "allow" if rule.action == "accept" else "block",
        "localip": _addresses(local),
        "remoteip": _addresses(remote),
        "protocol": word,
    }
    if protocol in ("tcp", "udp"):
        arguments["localport" if rule.direction == IN else "remoteport"] = _port_list(services)
    if protocol in ICMP_TYPES:
        arguments["icmp_type_code"] = ["%d:*" % ICMP_TYPES[protocol][s.kind] for s in services]
    return arguments


def _addresses(ends: Iterable[Side]) -> str:
    networks = [network for side in ends for network in side.networks or (None,)]
    if any(network is None or network.prefixlen == 0 for network in networks):
        return "any"
    return ",".join(
        str(network.network_address if network.prefixlen == network.max_prefixlen else network)
        for network in networks
        if network
    )


def _port_list(services: Sequence[Service]) -> str:
    if any(_all_ports(service) for service in services):
        return "any"
    spans = sorted((s.first, s.last) for s in services)
    return ",".join(str(first) if first == last else "%d-%d" % (first, last) for first, last in spans)


def _all_ports(service: Service) -> bool:
    return (service.first, service.last) == (0, 65535)


def _interfaces(rule: Rule) -> bool:
    return any(side.interfaces for side in (*rule.sources, *rule.targets))


def differing(
    desired: Iterable[Mapping[str, Any]], live: Iterable[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Those rules that are not there as they should be.

    What is not understood differs: the module then decides.
    """
    existing = {rule["name"]: rule for rule in live if rule["group"] == GROUP}
    return [dict(rule) for rule in desired if _existing(existing.get(rule["name"])) != _normal(rule)]


def surplus(desired: Iterable[Mapping[str, Any]], live: Iterable[Mapping[str, Any]]) -> list[str]:
    """Names of rules of our group that the register does not have."""
    names = {rule["name"] for rule in desired}
    return sorted({rule["name"] for rule in live if rule["group"] == GROUP} - names)


def own_rules(live: Iterable[Mapping[str, Any]]) -> list[tuple[Any, ...]]:
    """The rules of our group in a form in which two looks can be compared."""
    return sorted((rule["name"], repr(_existing(rule))) for rule in live if rule["group"] == GROUP)


def _normal(rule: Mapping[str, Any]) -> tuple[Any, ...]:
    """Arguments in the form in which rules of both kinds are compared."""
    word = rule["protocol"]
    return (
        rule["description"],
        1 if rule["direction"] == IN else 2,
        1 if rule["action"] == "allow" else 0,
        True,
        ALL_PROFILES,
        _set_of(rule["localip"]),
        _set_of(rule["remoteip"]),
        NUMBERS.get(word) or int(word),
        _set_of(rule.get("localport", "any")),
        _set_of(rule.get("remoteport", "any")),
        _set_of(",".join(rule.get("icmp_type_code", ["any"]))),
    )


def _existing(rule: Mapping[str, Any] | None) -> tuple[Any, ...]:
    """A rule that was found there in the same form."""
    if rule is None:
        return ()
    return (
        rule["description"],
        rule["direction"],
        rule["action"],
        rule["enabled"],
        rule["profiles"],
        *(_set_of(rule[part]) for part in ("local", "remote")),
        rule["protocol"],
        *(_set_of(rule[part]) for part in ("localports", "remoteports", "icmp")),
    )


def _set_of(text: Any) -> tuple[str, ...]:
    """Members of a list in one text; Windows writes `any` as a star or nothing, and networks with
    their masks.
    """
    words = [word.strip() for word in str(text or "*").split(",")]
    return tuple(sorted({"*" if word == "any" else _address(word) for word in words}))


def _address(word: str) -> str:
    try:
        return str(ipaddress.ip_network(word)) if "." in word or word.count(":") > 1 else word
    except ValueError:
        return word


def profiles_differ(live: Sequence[Mapping[str, Any]], outbound_denied: bool) -> bool:
    """Whether the firewall is off somewhere, or treats packets that match no rule in another
    way.
    """
    expected = ("True", "Block", "Block" if outbound_denied else "Allow")
    return any((p["enabled"], p["inbound"], _default(p["outbound"])) != expected for p in live) or not live


def _default(action: str) -> str:
    return "Allow" if action == "NotConfigured" else action


def objects(desired: Sequence[Mapping[str, Any]], live: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """What a change does, rule by rule, for the plan: add, change or remove."""
    existing = {rule["name"]: rule["description"] or "" for rule in live if rule["group"] == GROUP}
    changes = [
        (rule["name"], "change" if rule["name"] in existing else "add", rule["description"])
        for rule in differing(desired, live)
    ]
    changes += [(name, "remove", existing[name]) for name in surplus(desired, live)]
    return [
        {"kind": "firewall rule", "id": name, "action": action, "group": "rules", "what": what}
        for name, action, what in changes
    ]


def findings(live: Iterable[Mapping[str, Any]], ci: str) -> list[Finding]:
    """Rules of others that let somebody in.

    Those that come with Windows (their group is a resource) are counted.
    """
    foreign = [rule for rule in live if rule["group"] != GROUP and rule["enabled"]]
    strange = [rule for rule in foreign if not str(rule["group"] or "").startswith("@")]
    rows = [
        finding(
            "firewall-rule-unknown",
            "warning",
            "%s: %s" % (ci, rule["name"]),
            "A firewall rule that the register does not know lets somebody in.",
            "from %s, port %s" % (rule["remote"], rule["localports"] or "any"),
            "Find out who needs it: put it into the register by a change, or switch it off in Windows."
            " No run touches it.",
        )
        for rule in strange
    ]
    count = len(foreign) - len(strange)
    if count:
        rows.append(
            finding(
                "firewall-rules-of-windows",
                "informational",
                ci,
                "Rules that came with Windows let somebody in: %d." % count,
                "",
                "Look at them in wf.msc once. No run touches them.",
            )
        )
    return rows
