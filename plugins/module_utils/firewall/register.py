# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The rule register: from the entries in the inventory to rules, or to all faults together.

Pure.
"""

from __future__ import annotations

import datetime
import difflib
import re
from dataclasses import dataclass, field
from typing import Any, Iterable, Mapping, Optional, Sequence

from .model import (
    ANY_SERVICE,
    FORWARD,
    IN,
    OUT,
    Network,
    Rule,
    Service,
    Side,
    parse_network,
    parse_service,
    sides,
)
from .overlap import Packet, blocked, collisions
from .words import rule_words

NEEDED = ("name", "services", "owner", "reason", "change", "expires")
KEYS = (*NEEDED, "from", "to", "direction", "action", "log")
NAME = re.compile(r"^[a-z][a-z0-9-]{1,47}$")
CHANGE = re.compile(r"^[A-Z]{2,8}-[0-9][0-9-]*$")
INTERFACE = re.compile(r"^[A-Za-z0-9._@-]{1,15}$")
ACTIONS = ("accept", "drop", "reject")


@dataclass(frozen=True)
class Context:
    """What rules refer to.

    `groups` are those of the inventory, with the addresses of their hosts.
    """

    zones: Mapping[str, Any]
    services: Mapping[str, Any]
    groups: Mapping[str, Sequence[str]] = field(default_factory=dict)
    today: datetime.date = datetime.date.min
    longest_days: int = 120


@dataclass(frozen=True)
class Term:
    """A rule's owner, reason, change, last day, and the file that it is in."""

    owner: str
    reason: str
    change: str
    expires: datetime.date
    where: str


@dataclass
class Register:
    """The rules that are sound, the terms of all by name, and what is wrong with the others."""

    rules: list[Rule]
    terms: dict[str, Term]
    faults: list[str]

    @property
    def words(self) -> dict[str, str]:
        """What each sound rule means, in plain English."""
        return {rule.name: rule.words for rule in self.rules}


def read(entries: Iterable[Mapping[str, Any]], context: Context) -> Register:
    """Read all entries, each `{"rule": {...}, "where": "file:line"}`, in their order."""
    register = Register([], {}, [])
    zones = _zones(context, register.faults)
    services = _services(context, register.faults)
    places: dict[str, str] = {}
    for entry in entries:
        rule, where = entry["rule"], entry["where"]
        if not isinstance(rule, Mapping):
            register.faults.append("%s: a rule is a set of keys, not %r" % (where, rule))
            continue
        name = str(rule.get("name", "a rule without a name"))
        faults = [*_form(rule), *_dates(rule, context)]
        if name in places:
            faults.append("there is a rule of this name in %s already; names are unique" % places[name])
        places.setdefault(name, where)
        parsed = None if faults else _rule(rule, where, zones, services, faults)
        register.faults += ["%s (%s): %s" % (name, where, fault) for fault in faults]
        if isinstance(rule.get("expires"), (str, datetime.date)):
            _remember(register, name, rule, where)
        if parsed:
            register.rules.append(parsed)
    register.faults += ["%s (%s): %s" % fault for fault in _collisions(register.rules)]
    return register


def management_faults(
    rules: Sequence[Rule], packet: Packet, sources: Iterable[Network], path: str = "the management path"
) -> list[str]:
    """A fault for each network from which the rules would not let such a packet in; names the rule
    in the way.
    """
    faults = []
    for network in sources:
        obstacle = blocked(rules, packet, network)
        if not obstacle:
            continue
        address, culprit = obstacle
        why = "rule %s (%s) forbids it" % (culprit.name, culprit.where) if culprit else "no rule lets it in"
        faults.append(
            "this would cut %s, %s to %s port %d: %s. Add a rule that accepts it, before any that does not"
            % (path, address, packet.protocol, packet.port, why)
        )
    return faults


def _remember(register: Register, name: str, rule: Mapping[str, Any], where: str) -> None:
    day = _date(rule["expires"])
    if day:
        owner, reason, change = (str(rule.get(key, "")) for key in ("owner", "reason", "change"))
        register.terms.setdefault(name, Term(owner, reason, change, day, where))


def _form(rule: Mapping[str, Any]) -> list[str]:
    faults = ["`%s` is missing" % key for key in NEEDED if rule.get(key) in (None, "", [])]
    faults += [
        "`%s` is not a key of a rule; keys are %s" % (key, ", ".join(KEYS)) for key in rule if key not in KEYS
    ]
    if rule.get("name") and not NAME.match(str(rule["name"])):
        faults.append("a name is 2 to 48 lower case letters, digits and hyphens, beginning with a letter")
    if rule.get("direction", IN) not in (IN, OUT, FORWARD):
        faults.append("`direction` is in, out or forward, not %s" % rule["direction"])
    if rule.get("action", "accept") not in ACTIONS:
        faults.append("`action` is %s, not %s" % (" or ".join(ACTIONS), rule["action"]))
    if rule.get("change") and not CHANGE.match(str(rule["change"])):
        faults.append("`change` is the number of a change, such as CHG-2026-0001, not %s" % rule["change"])
    if not isinstance(rule.get("log", False), bool):
        faults.append("`log` is true or false")
    faults += [
        "`%s` is a list of names" % key
        for key in ("from", "to", "services")
        if key in rule and not (isinstance(rule[key], list) and all(isinstance(n, str) for n in rule[key]))
    ]
    return faults + _ends(rule)


def _ends(rule: Mapping[str, Any]) -> list[str]:
    """Which ends a direction needs named: an empty one would silently be any."""
    needed = {IN: ("from",), OUT: ("to",), FORWARD: ("from", "to")}.get(rule.get("direction", IN), ())
    return ["`%s` is missing; write [any] if you mean it" % key for key in needed if not rule.get(key)]


def _dates(rule: Mapping[str, Any], context: Context) -> list[str]:
    if rule.get("expires") in (None, ""):
        return []
    day = _date(rule["expires"])
    if day is None:
        return ["`expires` is a date such as 2026-12-18, not %s" % rule["expires"]]
    if day < context.today:
        return ["it expired on %s: take it out, or renew it by a change" % day]
    last = context.today + datetime.timedelta(days=context.longest_days)
    if day > last:
        return [
            "`expires` is %s; a rule is for %d days at most, today until %s"
            % (day, context.longest_days, last)
        ]
    return []


def _date(value: Any) -> Optional[datetime.date]:
    if isinstance(value, datetime.datetime):
        return value.date()
    if isinstance(value, datetime.date):
        return value
    try:
        return datetime.date.fromisoformat(str(value))
    except ValueError:
        return None


def _zones(context: Context, faults: list[str]) -> dict[str, tuple[Side, ...]]:
    zones: dict[str, tuple[Side, ...]] = {"any": (Side(),)}
    for name, addresses in context.groups.items():
        zones[name] = _zone("group %s" % name, {"addresses": addresses}, faults)
    for name, zone in context.zones.items():
        if name == "any":
            faults.append("zone any: this name is taken; it means every address")
        elif name in context.groups:
            faults.append("zone %s: a group of the inventory has this name as well" % name)
        else:
            zones[name] = _zone("zone %s" % name, zone, faults)
    return zones


def _zone(title: str, zone: Any, faults: list[str]) -> tuple[Side, ...]:
    """Both lists may be given: then a packet must match both."""
    if not isinstance(zone, Mapping) or set(zone) - {"addresses", "interfaces"}:
        faults.append("%s: a zone has `addresses`, `interfaces` or both, as lists" % title)
        return ()
    networks: list[Network] = []
    for text in zone.get("addresses") or []:
        try:
            networks.append(parse_network(text))
        except ValueError as error:
            faults.append("%s: %s" % (title, error))
    interfaces = [str(name) for name in zone.get("interfaces") or []]
    faults += [
        "%s: %s cannot be the name of an interface" % (title, n) for n in interfaces if not INTERFACE.match(n)
    ]
    if not networks and not interfaces:
        faults.append("%s: it has no address and no interface, so it would mean everybody" % title)
        return ()
    return sides(networks, interfaces)


def _services(context: Context, faults: list[str]) -> dict[str, tuple[Service, ...]]:
    services: dict[str, tuple[Service, ...]] = {"any": (ANY_SERVICE,)}
    for name, texts in context.services.items():
        try:
            services[name] = tuple(parse_service(str(text)) for text in texts)
        except ValueError as error:
            faults.append("service %s: %s" % (name, error))
    return services


def _rule(
    rule: Mapping[str, Any],
    where: str,
    zones: Mapping[str, tuple[Side, ...]],
    services: Mapping[str, tuple[Service, ...]],
    faults: list[str],
) -> Optional[Rule]:
    sources = _look_up("zone or group", rule.get("from") or ["any"], zones, faults)
    targets = _look_up("zone or group", rule.get("to") or ["any"], zones, faults)
    rule_services = _look_up("service", rule["services"], services, faults)
    resolved = Rule(
        name=str(rule["name"]),
        direction=str(rule.get("direction", IN)),
        action=str(rule.get("action", "accept")),
        sources=_merged(sources),
        targets=_merged(targets),
        services=tuple(dict.fromkeys(rule_services)),
        log=bool(rule.get("log", False)),
        where=where,
        words="" if faults else rule_words(rule, _date(rule["expires"])),
    )
    if not faults:
        faults += [*_wrong_way(resolved), *_wide(resolved)]
    return None if faults else resolved


def _merged(ends: Iterable[Side]) -> tuple[Side, ...]:
    """Ends through the same interfaces joined, so that a network inside another counts once."""
    unique = list(dict.fromkeys(ends))
    if Side() in unique:
        return (Side(),)
    by_interfaces: dict[tuple[str, ...], list[Side]] = {}
    for side in unique:
        by_interfaces.setdefault(side.interfaces, []).append(side)
    joined: list[Side] = []
    for interfaces, group in by_interfaces.items():
        wide = any(not side.networks for side in group)
        joined += sides([] if wide else [network for side in group for network in side.networks], interfaces)
    return tuple(joined)


def _look_up(
    sort: str, names: Iterable[str], definitions: Mapping[str, tuple[Any, ...]], faults: list[str]
) -> list[Any]:
    members: list[Any] = []
    for name in names:
        if name not in definitions:
            close = difflib.get_close_matches(name, definitions, n=1)
            hint = (
                "; did you mean %s?" % close[0]
                if close
                else "; known are %s" % ", ".join(sorted(definitions))
            )
            faults.append("%s %s is not known%s" % (sort, name, hint))
        members += definitions.get(name, ())
    return members


def _wrong_way(rule: Rule) -> list[str]:
    """The host's own end has no interface that could be asked for."""
    own = {IN: ("to", rule.targets), OUT: ("from", rule.sources)}.get(rule.direction)
    if own and any(end.interfaces for end in own[1]):
        return ["`%s` is this host itself here: name a zone of addresses, or leave it out" % own[0]]
    return []


def _wide(rule: Rule) -> list[str]:
    """Any-any: a rule that opens everything on two of its three sides is refused."""
    if rule.action != "accept":
        return []
    open_sides = [
        title
        for title, is_open in (
            ("from", _is_open(rule.sources) and rule.direction != OUT),
            ("to", _is_open(rule.targets) and rule.direction != IN),
            ("services", ANY_SERVICE in rule.services),
        )
        if is_open
    ]
    if len(open_sides) < 2:
        return []
    return ["any-any: %s are both any. Name who needs what" % " and ".join(open_sides)]


def _is_open(ends: Sequence[Side]) -> bool:
    return any(
        not end.interfaces and (not end.networks or any(network.prefixlen == 0 for network in end.networks))
        for end in ends
    )


def _collisions(rules: Sequence[Rule]) -> list[tuple[str, str, str]]:
    words = {
        "shadowed": "it never matches: rule %s (%s) before it takes all its packets",
        "overlaps": "it overlaps rule %s (%s) in some packets. Name each access once; only an exception may"
        " come before its rule, wholly inside it",
    }
    return [
        (later.name, later.where, words[how] % (earlier.name, earlier.where))
        for later, earlier, how in collisions(rules)
    ]
