# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Rules as Windows Defender Firewall has them: arguments of win_firewall_rule, and what differs there. Pure."""

from __future__ import annotations

import ipaddress
from typing import Any, Iterable, Mapping, Sequence

from ..findings import Finding, finding
from .model import FORWARD, IN, Rule, Service, Side
from .overlap import meet, parts

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
    """What Windows can not do."""
    found = [
        "%s (%s): %s" % (rule.name, rule.where, fault)
        for rule in rules
        for wrong, fault in (
            (_interfaces(rule), "on Windows a rule knows no interfaces: name zones by addresses"),
            (rule.direction == FORWARD, "Windows passes nothing on, so there are no rules for it"),
            (
                any(s.protocol == "sctp" and not _all_ports(s) for s in rule.services),
                "Windows knows ports of tcp and udp only",
            ),
        )
        if wrong
    ]
    return found + _exceptions(rules)


def _exceptions(rules: Sequence[Rule]) -> list[str]:
    """Windows knows no order: a rule that refuses wins. So nothing can be let in out of what another refuses."""
    known = [(rule, parts(rule)) for rule in rules]
    return [
        "%s (%s): on Windows rule %s (%s), which refuses, wins whatever their order: make that one narrower"
        % (rule.name, rule.where, later.name, later.where)
        for number, (rule, mine) in enumerate(known)
        if rule.action == "accept"
        for later, others in known[number + 1 :]
        if later.action != "accept" and later.direction == rule.direction
        if any(meet(one, other) for one in mine for other in others)
    ]


def firewall_rules(rules: Iterable[Rule]) -> list[dict[str, Any]]:
    """The arguments of win_firewall_rule, one set for each rule and protocol."""
    return [
        _arguments(rule, protocol, [s for s in rule.services if s.protocol == protocol])
        for rule in rules
        for protocol in dict.fromkeys(service.protocol for service in rule.services)
    ]


def _arguments(rule: Rule, protocol: str, services: Sequence[Service]) -> dict[str, Any]:
    ours, theirs = (rule.targets, rule.sources) if rule.direction == IN else (rule.sources, rule.targets)
    word = PROTOCOLS.get(protocol, protocol)
    found: dict[str, Any] = {
        "name": "fitsom %s (%s, %s)" % (rule.name, rule.direction, protocol or "any"),
        "description": rule.words,
        "direction": rule.direction,
        "action": "allow" if rule.action == "accept" else "block",
        "localip": _addresses(ours),
        "remoteip": _addresses(theirs),
        "protocol": word,
    }
    if protocol in ("tcp", "udp"):
        found["localport" if rule.direction == IN else "remoteport"] = _port_list(services)
    if protocol in ICMP_TYPES:
        found["icmp_type_code"] = ["%d:*" % ICMP_TYPES[protocol][s.kind] for s in services]
    return found


def _addresses(ends: Iterable[Side]) -> str:
    nets = [net for side in ends for net in side.nets or (None,)]
    if any(net is None or net.prefixlen == 0 for net in nets):
        return "any"
    return ",".join(
        str(net.network_address if net.prefixlen == net.max_prefixlen else net) for net in nets if net
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


def differing(wanted: Iterable[Mapping[str, Any]], live: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Those rules that are not there as they should be. What is not understood differs: the module then decides."""
    there = {rule["name"]: rule for rule in live if rule["group"] == GROUP}
    return [dict(rule) for rule in wanted if _seen(there.get(rule["name"])) != _normal(rule)]


def surplus(wanted: Iterable[Mapping[str, Any]], live: Iterable[Mapping[str, Any]]) -> list[str]:
    """Names of rules of our group that the register does not have."""
    names = {rule["name"] for rule in wanted}
    return sorted({rule["name"] for rule in live if rule["group"] == GROUP} - names)


def ours(live: Iterable[Mapping[str, Any]]) -> list[tuple[Any, ...]]:
    """The rules of our group in a form in which two looks can be compared."""
    return sorted((rule["name"], repr(_seen(rule))) for rule in live if rule["group"] == GROUP)


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


def _seen(rule: Mapping[str, Any] | None) -> tuple[Any, ...]:
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
    """Members of a list in one text; Windows writes `any` as a star or nothing, and nets with their masks."""
    words = [word.strip() for word in str(text or "*").split(",")]
    return tuple(sorted({"*" if word == "any" else _address(word) for word in words}))


def _address(word: str) -> str:
    try:
        return str(ipaddress.ip_network(word)) if "." in word or word.count(":") > 1 else word
    except ValueError:
        return word


def profiles_differ(live: Sequence[Mapping[str, Any]], outbound_denied: bool) -> bool:
    """Whether the firewall is off somewhere, or does something else with what no rule takes."""
    wanted = ("True", "Block", "Block" if outbound_denied else "Allow")
    return any((p["enabled"], p["inbound"], _default(p["outbound"])) != wanted for p in live) or not live


def _default(action: str) -> str:
    return "Allow" if action == "NotConfigured" else action


def objects(wanted: Sequence[Mapping[str, Any]], live: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """What a change does, rule by rule, for the plan: add, change or remove."""
    there = {rule["name"]: rule["description"] or "" for rule in live if rule["group"] == GROUP}
    told = [
        (rule["name"], "change" if rule["name"] in there else "add", rule["description"])
        for rule in differing(wanted, live)
    ]
    told += [(name, "remove", there[name]) for name in surplus(wanted, live)]
    return [
        {"kind": "firewall rule", "id": name, "action": action, "group": "rules", "what": what}
        for name, action, what in told
    ]


def findings(live: Iterable[Mapping[str, Any]], ci: str) -> list[Finding]:
    """Rules of others that let somebody in. Those that come with Windows (their group is a resource) are counted."""
    others = [rule for rule in live if rule["group"] != GROUP and rule["enabled"]]
    strange = [rule for rule in others if not str(rule["group"] or "").startswith("@")]
    found = [
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
    count = len(others) - len(strange)
    if count:
        found.append(
            finding(
                "firewall-rules-of-windows",
                "informational",
                ci,
                "Rules that came with Windows let somebody in: %d." % count,
                "",
                "Look at them in wf.msc once. No run touches them.",
            )
        )
    return found
