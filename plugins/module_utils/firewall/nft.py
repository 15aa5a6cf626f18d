# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Rules as one nftables table of our own, and how such a table is read. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Iterable, Mapping, Optional, Sequence

from .model import FORWARD, IN, OUT, Rule, Service, Side, family_of

FAMILY, TABLE = "inet", "fitsom"
MARK = "fitsom:"
CHAINS = {IN: ("input", "input"), OUT: ("output", "output"), FORWARD: ("forward", "forward")}
PREFIX = {4: "ip", 6: "ip6"}
COMMENT = re.compile(r'comment "%s([a-z0-9-]+)"' % MARK)
HANDLE = re.compile(r" # handle \d+$")
# Neighbour discovery, router advertisements and multicast membership: without them IPv6 does not
# work at all.
NEIGHBOURS = "nd-neighbor-solicit, nd-neighbor-advert, nd-router-solicit, nd-router-advert"
LISTENERS = "mld-listener-query, mld-listener-report, mld-listener-done, mld2-listener-report"


@dataclass(frozen=True)
class Policy:
    """What happens to packets that no rule takes.

    `last` is whether this nft supports the statement.
    """

    outbound_denied: bool = False
    forward_denied: bool = False
    log_denied: bool = True
    last: bool = False


@dataclass(frozen=True)
class Block:
    """A chain or set of a table: what it begins with, its settings, and its rules as single
    lines.
    """

    head: str
    settings: tuple[str, ...]
    lines: tuple[str, ...]


def render(rules: Sequence[Rule], policy: Policy) -> str:
    """The text that nft loads: one table, nothing else."""
    chains = [_chain(IN, rules, policy)]
    if policy.outbound_denied or any(rule.direction == OUT for rule in rules):
        chains.append(_chain(OUT, rules, policy))
    if policy.forward_denied or any(rule.direction == FORWARD for rule in rules):
        chains.append(_chain(FORWARD, rules, policy))
    return text_of(chains)


def text_of(blocks: Iterable[Block]) -> str:
    lines = ["table %s %s {" % (FAMILY, TABLE)]
    for block in blocks:
        lines += ["\t%s {" % block.head]
        lines += ["\t\t%s" % line for line in (*block.settings, *block.lines)]
        lines += ["\t}", ""]
    return "\n".join([*lines[:-1], "}", ""])


def replacing(text: str) -> str:
    """The text with which nft, in one step, replaces our table and no other; empty text removes
    it.
    """
    return "table %s %s {\n}\ndelete table %s %s\n%s" % (FAMILY, TABLE, FAMILY, TABLE, text)


def _chain(direction: str, rules: Sequence[Rule], policy: Policy) -> Block:
    name, hook = CHAINS[direction]
    directed = [rule for rule in rules if rule.direction == direction]
    denied = {IN: True, OUT: policy.outbound_denied, FORWARD: policy.forward_denied}[direction]
    lines = [*_base(direction), *(line for rule in directed for line in rule_lines(rule, policy))]
    if denied and policy.log_denied:
        lines.append(
            'limit rate 10/second burst 50 packets log prefix "fitsom denied %s: " comment "%sbase-log"'
            % (direction, MARK)
        )
    if denied:
        lines.append('counter comment "%sbase-denied"' % MARK)
    setting = "type filter hook %s priority filter; policy %s;" % (hook, "drop" if denied else "accept")
    return Block("chain %s" % name, (setting,), tuple(lines))


def _base(direction: str) -> list[str]:
    """What each chain begins with: answers to what was let in, the host itself, and what IPv6 and
    DHCP live on.
    """
    lines = ['ct state established,related counter accept comment "%sbase-answers"' % MARK]
    if direction == FORWARD:
        return [*lines, 'ct state invalid counter drop comment "%sbase-invalid"' % MARK]
    loopback = '%s "lo" counter accept comment "%sbase-loopback"' % (
        "oifname" if direction == OUT else "iifname",
        MARK,
    )
    lines = [loopback, *lines, 'ct state invalid counter drop comment "%sbase-invalid"' % MARK]
    lines += [
        'ip6 hoplimit 255 icmpv6 type { %s } counter accept comment "%sbase-neighbours"' % (NEIGHBOURS, MARK),
        'ip6 hoplimit 1 icmpv6 type { %s } counter accept comment "%sbase-listeners"' % (LISTENERS, MARK),
    ]
    ports = ("67", "68", "547", "546") if direction == IN else ("68", "67", "546", "547")
    return [
        *lines,
        'udp sport %s udp dport %s counter accept comment "%sbase-dhcp"' % (*ports[:2], MARK),
        'ip6 saddr fe80::/10 udp sport %s udp dport %s counter accept comment "%sbase-dhcp6"'
        % (*ports[2:], MARK),
    ]


def rule_lines(rule: Rule, policy: Policy) -> list[str]:
    """One line for each pair of ends and protocol, and one that logs before it if asked for."""
    comment = 'comment "%s%s"' % (MARK, rule.name)
    counter = "last counter" if policy.last else "counter"
    lines = []
    for match in _matches(rule):
        start = match + " " if match else ""
        if rule.log:
            lines.append('%slimit rate 10/second log prefix "fitsom %s: " %s' % (start, rule.name, comment))
        lines.append("%s%s %s %s" % (start, counter, rule.action, comment))
    return lines


def _matches(rule: Rule) -> list[str]:
    matches = []
    for source in rule.sources:
        for target in rule.targets:
            for words, services in _service_words(rule.services):
                families = {family_of(source, target, service) for service in services}
                for family in sorted(f for f in families if f is not None):
                    parts = [*_side("i", "s", source, family), *_side("o", "d", target, family), words]
                    matches.append(" ".join(part for part in parts if part))
    return matches


def _side(way: str, end: str, side: Side, family: int) -> list[str]:
    parts = []
    if side.interfaces:
        names = ", ".join('"%s"' % name for name in side.interfaces)
        parts.append("%sifname { %s }" % (way, names))
    if side.networks:
        parts.append(
            "%s %saddr { %s }" % (PREFIX[family], end, ", ".join(str(network) for network in side.networks))
        )
    return parts


def _service_words(services: Sequence[Service]) -> list[tuple[str, list[Service]]]:
    """Services of one protocol in one line, in the order of the protocols' first mention."""
    by_protocol: dict[str, list[Service]] = {}
    for service in services:
        by_protocol.setdefault(service.protocol, []).append(service)
    return [(_words(protocol, group), group) for protocol, group in by_protocol.items()]


def _words(protocol: str, group: Sequence[Service]) -> str:
    if not protocol:
        return ""
    if group[0].kind:
        return "%s type { %s }" % (protocol, ", ".join(dict.fromkeys(s.kind for s in group)))
    if all((s.first, s.last) == (0, 65535) for s in group):
        return "meta l4proto %s" % protocol
    return "%s dport { %s }" % (protocol, ", ".join(_span(first, last) for first, last in _joined(group)))


def _span(first: int, last: int) -> str:
    return str(first) if first == last else "%d-%d" % (first, last)


def _joined(group: Sequence[Service]) -> list[tuple[int, int]]:
    """Ranges of ports, joined where they overlap: nft refuses a set whose ranges do."""
    ranges: list[tuple[int, int]] = []
    for first, last in sorted((s.first, s.last) for s in group):
        if ranges and first <= ranges[-1][1]:
            ranges[-1] = (ranges[-1][0], max(ranges[-1][1], last))
        else:
            ranges.append((first, last))
    return ranges


def parse(listing: str) -> list[Block]:
    """The blocks of our table, from `nft -s list table`, with handles or without.

    An empty listing has none.
    """
    blocks: list[Block] = []
    for line in _whole_lines(listing)[1:-1]:
        if line.endswith("{"):
            blocks.append(Block(line[:-1].strip(), (), ()))
        elif line != "}" and blocks:
            block = blocks[-1]
            if _is_setting(block, line):
                blocks[-1] = Block(block.head, (*block.settings, line), block.lines)
            else:
                blocks[-1] = Block(block.head, block.settings, (*block.lines, line))
    return blocks


def _is_setting(block: Block, line: str) -> bool:
    """Everything in a set or map, and the first lines of a base chain."""
    return not block.head.startswith("chain ") or bool(re.match(r"type \w+ hook |comment ", line))


def _whole_lines(listing: str) -> list[str]:
    """Lines without handles and indentation; nft breaks long sets, which are put together again."""
    lines: list[str] = []
    waiting = ""
    for raw in listing.splitlines():
        line = HANDLE.sub("", raw.strip())
        if not line:
            continue
        waiting = "%s %s" % (waiting, line) if waiting else line
        bare = re.sub(r'"[^"]*"', "", waiting)
        if bare.count("{") > bare.count("}") and not bare.endswith("{"):
            continue
        lines.append(waiting)
        waiting = ""
    return lines


def name_of(line: str) -> Optional[str]:
    """The rule of the register that a line says it belongs to."""
    match = COMMENT.search(line)
    return match[1] if match else None


def terse(line: str) -> str:
    """A line as `nft -s` lists it: without what has been counted."""
    return re.sub(r"\blast used \S+", "last", re.sub(r"\bcounter packets \d+ bytes \d+", "counter", line))


def filtering_tables(ruleset: Mapping[str, Any]) -> dict[str, int]:
    """Tables with a chain that filters what comes in, goes out or passes, and how many rules they
    hold.
    """
    entries = ruleset.get("nftables", [])
    hooked = {
        "%s %s" % (chain["family"], chain["table"])
        for chain in (entry["chain"] for entry in entries if "chain" in entry)
        if chain.get("type") == "filter" and chain.get("hook") in ("input", "output", "forward", "ingress")
    }
    rules = [entry["rule"] for entry in entries if "rule" in entry]
    counts = {
        name: sum("%s %s" % (r["family"], r["table"]) == name for r in rules) for name in sorted(hooked)
    }
    return {name: count for name, count in counts.items() if count}


def named_lines(blocks: Iterable[Block]) -> dict[str, list[str]]:
    """Rule to its lines, each with its chain."""
    lines_by_name: dict[str, list[str]] = {}
    for block in blocks:
        for line in block.lines:
            lines_by_name.setdefault(name_of(line) or line, []).append("%s: %s" % (block.head, line))
    return lines_by_name


def by_head(blocks: Iterable[Block]) -> Mapping[str, Block]:
    return {block.head: block for block in blocks}
