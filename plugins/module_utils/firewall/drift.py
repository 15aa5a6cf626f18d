# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What somebody changed by hand in our table, and how it is kept under a new register. Pure."""

from __future__ import annotations

from collections import Counter
from typing import Any, Mapping, Sequence

from ..findings import Finding, finding
from .nft import Block, by_head, name_of, named_lines, terse
from .words import base_words

BASE = "base"
BY_HAND = "Keep: what somebody added by hand"


def by_hand(live: Sequence[Block], applied: Sequence[Block]) -> list[Block]:
    """What is live and was not put there by us: whole blocks, or blocks with only the lines that
    are extra.
    """
    applied_by_head = by_head(applied)
    additions = []
    for block in live:
        if block.head not in applied_by_head:
            additions.append(block)
            continue
        extra = _surplus_lines(block.lines, applied_by_head[block.head].lines)
        if extra:
            additions.append(Block(block.head, (), tuple(extra)))
    return additions


def taken_out(live: Sequence[Block], applied: Sequence[Block]) -> list[Block]:
    """What we put there and is not live any more."""
    return by_hand(live=applied, applied=live)


def merge(desired: Sequence[Block], live: Sequence[Block], applied: Sequence[Block]) -> list[Block]:
    """The desired blocks, with what was added by hand kept in its place: behind the line that it
    follows now.
    """
    additions = by_head(by_hand(live, applied))
    live_by_head = by_head(live)
    merged = [
        Block(
            block.head,
            block.settings,
            _keep(block.lines, live_by_head[block.head].lines, additions[block.head].lines),
        )
        if block.head in additions
        else block
        for block in desired
    ]
    desired_by_head = by_head(desired)
    orphans = [_orphan(head, additions, live_by_head) for head in additions if head not in desired_by_head]
    return [*orphans, *merged]


def _orphan(head: str, additions: Mapping[str, Block], live_by_head: Mapping[str, Block]) -> Block:
    """A chain that the register no longer has, but somebody's lines are in it: it stays, with those
    lines.
    """
    return Block(head, live_by_head[head].settings, additions[head].lines)


def _keep(desired: Sequence[str], live: Sequence[str], extra: Sequence[str]) -> tuple[str, ...]:
    behind: dict[str, list[str]] = {}
    waiting = Counter(extra)
    anchor = ""
    for line in live:
        if waiting[line] > 0:
            waiting[line] -= 1
            behind.setdefault(anchor, []).append(line)
        elif line in desired:
            anchor = line
    lines = list(behind.pop("", []))
    for line in desired:
        lines += [line, *behind.pop(line, [])]
    return tuple(lines)


def _surplus_lines(lines: Sequence[str], expected: Sequence[str]) -> list[str]:
    """Lines that are not in `expected`, each as often as it is too much."""
    remaining = Counter(expected)
    extra = []
    for line in lines:
        if remaining[line] > 0:
            remaining[line] -= 1
        else:
            extra.append(line)
    return extra


def objects(
    live: Sequence[Block],
    target: Sequence[Block],
    words_before: Mapping[str, str],
    words_after: Mapping[str, str],
) -> list[dict[str, Any]]:
    """What a change does, rule by rule, for the plan: add, change or remove.

    words_before, words_after: what the rules before and after mean. Those that each host has are
    one object, last.
    """
    before, after = (_rules(blocks, words) for blocks, words in ((live, words_before), (target, words_after)))
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


def _rules(blocks: Sequence[Block], words: Mapping[str, str]) -> dict[str, tuple[str, list[str]]]:
    """Rule to what it means and its lines."""
    lines_by_name = named_lines(blocks)
    rules = {
        name: (words.get(name, "") if any(name_of(line) for line in lines) else BY_HAND, lines)
        for name, lines in lines_by_name.items()
        if not name.startswith(BASE + "-")
    }
    base = [line for name, lines in lines_by_name.items() if name.startswith(BASE + "-") for line in lines]
    return {**rules, BASE: (base_words(base), base)} if base else rules


def findings(with_counters: Sequence[Block], applied: Sequence[Block], ci: str) -> list[Finding]:
    """Lines that nobody approved, and approved ones that are gone.

    `with_counters` has the counters.
    """
    live = [Block(b.head, b.settings, tuple(terse(line) for line in b.lines)) for b in with_counters]
    texts = {terse(line): line for block in with_counters for line in block.lines}
    rows = [
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
    rows += [
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
    return rows
