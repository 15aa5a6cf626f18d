# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What somebody changed by hand in our table, and how it lives on under a new register. Pure."""

from __future__ import annotations

from collections import Counter
from typing import Any, Mapping, Sequence

from ..findings import Finding, finding
from .nft import Block, by_head, name_of, named_lines, terse
from .words import base_words

BASE = "base"
BY_HAND = "Keep: what somebody added by hand"


def by_hand(live: Sequence[Block], applied: Sequence[Block]) -> list[Block]:
    """What is live and was not put there by us: whole blocks, or blocks with only the lines that are extra."""
    ours = by_head(applied)
    found = []
    for block in live:
        if block.head not in ours:
            found.append(block)
            continue
        extra = _extra(block.lines, ours[block.head].lines)
        if extra:
            found.append(Block(block.head, (), tuple(extra)))
    return found


def taken_out(live: Sequence[Block], applied: Sequence[Block]) -> list[Block]:
    """What we put there and is not live any more."""
    return by_hand(live=applied, applied=live)


def merge(wanted: Sequence[Block], live: Sequence[Block], applied: Sequence[Block]) -> list[Block]:
    """What is wanted, with what was added by hand kept where it stands: behind the line that it follows now."""
    kept = by_head(by_hand(live, applied))
    whole = by_head(live)
    merged = [
        Block(block.head, block.settings, _keep(block.lines, whole[block.head].lines, kept[block.head].lines))
        if block.head in kept
        else block
        for block in wanted
    ]
    known = by_head(wanted)
    strangers = [_whole(head, kept, whole) for head in kept if head not in known]
    return [*strangers, *merged]


def _whole(head: str, kept: Mapping[str, Block], whole: Mapping[str, Block]) -> Block:
    """A chain that the register no longer has, but somebody's lines are in it: it stays, with those lines."""
    return Block(head, whole[head].settings, kept[head].lines)


def _keep(wanted: Sequence[str], live: Sequence[str], extra: Sequence[str]) -> tuple[str, ...]:
    behind: dict[str, list[str]] = {}
    waiting = Counter(extra)
    anchor = ""
    for line in live:
        if waiting[line] > 0:
            waiting[line] -= 1
            behind.setdefault(anchor, []).append(line)
        elif line in wanted:
            anchor = line
    lines = list(behind.pop("", []))
    for line in wanted:
        lines += [line, *behind.pop(line, [])]
    return tuple(lines)


def _extra(lines: Sequence[str], known: Sequence[str]) -> list[str]:
    """Lines that are not in `known`, each as often as it is too much."""
    left = Counter(known)
    extra = []
    for line in lines:
        if left[line] > 0:
            left[line] -= 1
        else:
            extra.append(line)
    return extra


def objects(
    live: Sequence[Block], target: Sequence[Block], said: Mapping[str, str], says: Mapping[str, str]
) -> list[dict[str, Any]]:
    """What a change does, rule by rule, for the plan: add, change or remove.

    said, says: what the rules before and after mean. Those that each host has are told as one, last.
    """
    before, after = (_rules(blocks, told) for blocks, told in ((live, said), (target, says)))
    names = [*after, *(name for name in before if name not in after)]
    return [
        {
            "kind": "firewall rule",
            "id": name,
            "action": "add" if name not in before else "change" if name in after else "remove",
            "group": BASE if name == BASE else "by hand" if what == BY_HAND else "rules",
            "what": what,
        }
        for name in sorted(names, key=lambda name: name == BASE)
        for what in ((after.get(name) or before[name])[0],)
        if before.get(name) != after.get(name)
    ]


def _rules(blocks: Sequence[Block], told: Mapping[str, str]) -> dict[str, tuple[str, list[str]]]:
    """Rule to what it means and its lines."""
    named = named_lines(blocks)
    found = {
        name: (told.get(name, "") if any(name_of(line) for line in lines) else BY_HAND, lines)
        for name, lines in named.items()
        if not name.startswith(BASE + "-")
    }
    base = [line for name, lines in named.items() if name.startswith(BASE + "-") for line in lines]
    return {**found, BASE: (base_words(base), base)} if base else found


def findings(counted: Sequence[Block], applied: Sequence[Block], ci: str) -> list[Finding]:
    """Lines that nobody approved, and approved ones that are gone. Counters are in `counted`."""
    live = [Block(b.head, b.settings, tuple(terse(line) for line in b.lines)) for b in counted]
    texts = {terse(line): line for block in counted for line in block.lines}
    found = [
        finding(
            "firewall-rule-unknown",
            "exception",
            "%s: %s" % (ci, line or block.head),
            "Somebody added a firewall rule by hand that the register does not know.",
            "%s: %s" % (block.head, texts.get(line, "a chain or set of its own")),
            "Find out who needs it: put it into the register by a change, or let a change remove it"
            " (firewall_rules_by_hand: remove).",
        )
        for block in by_hand(live, applied)
        for line in block.lines or ("",)
    ]
    found += [
        finding(
            "firewall-rule-missing",
            "exception",
            "%s: %s" % (ci, line or block.head),
            "A firewall rule of the register was taken out by hand.",
            "%s: %s" % (block.head, line),
            "The next approved run puts it back.",
        )
        for block in taken_out(live, applied)
        for line in block.lines or ("",)
    ]
    return found
