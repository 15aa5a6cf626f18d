"""What comes out as nftables, what is read back, and what becomes of lines added by hand."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from plugins.module_utils.firewall.drift import by_hand, findings, merge, objects, taken_out
from plugins.module_utils.firewall.nft import (
    Block,
    Policy,
    filtering_tables,
    parse,
    render,
    replacing,
    rule_lines,
    terse,
    text_of,
)
from tests.unit.plugins.firewall_school import entry, register

PLAIN = Policy()


def lines(*entries: dict[str, object], policy: Policy = PLAIN) -> list[str]:
    result = register(*entries)
    assert result.faults == []
    return [line for rule in result.rules for line in rule_lines(rule, policy)]


def test_a_zone_of_both_families_is_a_line_for_each() -> None:
    assert lines(entry("web", "pupils", "web")) == [
        'ip saddr { 10.20.0.0/16 } tcp dport { 80, 443 } counter accept comment "fitsom:web"',
        'ip6 saddr { 2001:db8:20::/48 } tcp dport { 80, 443 } counter accept comment "fitsom:web"',
    ]


def test_icmp_is_asked_only_of_the_family_that_has_it() -> None:
    assert lines(entry("ping", "pupils", "ping")) == [
        'ip saddr { 10.20.0.0/16 } icmp type { echo-request } counter accept comment "fitsom:ping"',
        'ip6 saddr { 2001:db8:20::/48 } icmpv6 type { echo-request } counter accept comment "fitsom:ping"',
    ]


def test_each_protocol_of_a_service_is_a_line_and_interfaces_are_asked_for() -> None:
    assert lines(entry("dns", "guests", "dns", action="reject")) == [
        'iifname { "eth1" } udp dport { 53 } counter reject comment "fitsom:dns"',
        'iifname { "eth1" } tcp dport { 53 } counter reject comment "fitsom:dns"',
    ]


def test_what_goes_out_and_what_passes_name_their_own_ends() -> None:
    out = entry("out", None, "dns", direction="out", to=["guests"])
    through = entry("through", "staff", "https", direction="forward", to=["guests"])
    assert lines(out)[0].startswith('oifname { "eth1" } udp dport')
    assert lines(through) == [
        'ip saddr { 10.30.0.0/16 } oifname { "eth1" } tcp dport { 443 } counter accept comment "fitsom:through"'
    ]


def test_logging_stands_before_the_rule_and_does_not_limit_it() -> None:
    logged = lines(entry("web", "staff", log=True), policy=Policy(last=True))
    assert "limit rate 10/second log prefix" in logged[0]
    assert logged[1].endswith('last counter accept comment "fitsom:web"')
    assert "limit" not in logged[1]


def test_what_comes_in_is_refused_by_default_and_the_rest_only_if_asked() -> None:
    assert "policy drop" in render([], PLAIN)
    assert "hook output" not in render([], PLAIN)
    all_denied = render([], Policy(outbound_denied=True, forward_denied=True, log_denied=False))
    assert all_denied.count("policy drop") == 3
    assert "log prefix" not in all_denied
    only_in = render(register(entry("out", None, "dns", direction="out", to=["staff"])).rules, PLAIN)
    assert "hook output priority filter; policy accept" in only_in


def test_only_our_own_table_is_replaced() -> None:
    text = replacing(render([], PLAIN))
    assert "flush" not in text
    assert {line.split(" {")[0] for line in text.splitlines() if "table" in line} == {
        "table inet fitsom",
        "delete table inet fitsom",
    }


LISTING = """\
table inet fitsom { # handle 4
	set slow { # handle 9
		type ipv4_addr
		elements = { 10.1.1.1,
				10.1.1.2 }
	}

	chain input { # handle 1
		type filter hook input priority filter; policy drop;
		ip saddr { 10.1.0.0/16, 10.3.0.0/16,
			10.5.0.0/16 } tcp dport 22 counter accept comment "fitsom:manage" # handle 7
		tcp dport 8080 log prefix "odd } { thing" accept # handle 8
	}
}
"""


def test_a_listing_is_read_with_broken_lines_joined_and_handles_dropped() -> None:
    assert parse(LISTING) == [
        Block("set slow", ("type ipv4_addr", "elements = { 10.1.1.1, 10.1.1.2 }"), ()),
        Block(
            "chain input",
            ("type filter hook input priority filter; policy drop;",),
            (
                "ip saddr { 10.1.0.0/16, 10.3.0.0/16, 10.5.0.0/16 } tcp dport 22 counter accept"
                ' comment "fitsom:manage"',
                'tcp dport 8080 log prefix "odd } { thing" accept',
            ),
        ),
    ]


def test_what_is_rendered_is_read_back_the_same() -> None:
    text = render(register(entry("web"), entry("ping", "staff", "ping", log=True)).rules, PLAIN)
    assert text_of(parse(text)) == text


def test_counters_do_not_make_a_line_another() -> None:
    with_counters = (
        'tcp dport 22 last used 3s512ms counter packets 7 bytes 420 accept comment "fitsom:manage"'
    )
    assert terse(with_counters) == 'tcp dport 22 last counter accept comment "fitsom:manage"'
    assert terse("tcp dport 22 last used never counter packets 0 bytes 0") == "tcp dport 22 last counter"


def chain(*rules: str) -> list[Block]:
    return [Block("chain input", ("type filter hook input priority filter; policy drop;",), rules)]


def test_lines_by_hand_are_reported_from_those_that_a_run_applied() -> None:
    live, applied = chain("a", "x", "b", "a"), chain("a", "b", "c")
    assert [block.lines for block in by_hand(live, applied)] == [("x", "a")]
    assert [block.lines for block in taken_out(live, applied)] == [("c",)]


def test_a_line_by_hand_stays_behind_the_line_that_it_follows() -> None:
    merged = merge(chain("a", "new", "b"), chain("x", "a", "y", "old", "z", "b"), chain("a", "old", "b"))
    assert merged[0].lines == ("x", "a", "y", "z", "new", "b")


def test_a_set_and_a_chain_by_hand_stay_whole() -> None:
    strange = [Block("set slow", ("type ipv4_addr",), ()), Block("chain extra", (), ("accept",))]
    assert merge(chain("a"), [*strange, *chain("a")], chain("a")) == [*strange, *chain("a")]


@given(*[st.lists(st.sampled_from("abcxyz"), max_size=6) for _ in range(3)])
def test_keeping_loses_nothing_and_adds_nothing(
    desired: list[str], live: list[str], applied: list[str]
) -> None:
    extra = [line for block in by_hand(chain(*live), chain(*applied)) for line in block.lines]
    merged = merge(chain(*desired), chain(*live), chain(*applied))[0].lines
    assert sorted(merged) == sorted([*desired, *extra])


def test_a_change_is_reported_rule_by_rule() -> None:
    before = chain('one comment "fitsom:same"', 'two comment "fitsom:old"', 'a comment "fitsom:base-log"')
    after = chain(
        'one comment "fitsom:same"', 'three comment "fitsom:new"', 'b comment "fitsom:base-log"', "by hand"
    )
    message, words_after = (
        {"old": "Let in: b", "same": "Let in: a"},
        {"new": "Let in: c", "same": "Let in: a"},
    )
    assert [
        (o["action"], o["id"], o["group"], o["what"]) for o in objects(before, after, message, words_after)
    ] == [
        ("add", "new", "rules", "Let in: c"),
        ("add", "by hand", "by hand", "Keep: what somebody added by hand"),
        ("remove", "old", "rules", "Let in: b"),
        ("change", "base", "base", ""),
    ]


def test_a_rule_that_means_something_else_though_its_lines_are_the_same_is_reported() -> None:
    lines = chain('one comment "fitsom:same"')
    result = objects(lines, lines, {"same": "until Monday"}, {"same": "until Tuesday"})
    assert [(o["action"], o["what"]) for o in result] == [("change", "until Tuesday")]
    assert objects(lines, lines, {"same": "until Monday"}, {"same": "until Monday"}) == []


def test_findings_show_the_counters_of_what_nobody_approved() -> None:
    live = chain(
        'counter packets 5 bytes 300 accept comment "fitsom:kept"',
        "tcp dport 23 counter packets 9 bytes 1 accept",
    )
    result = findings(
        live, chain('counter accept comment "fitsom:kept"', 'drop comment "fitsom:gone"'), "srv1"
    )
    assert [(f["kind"], f["severity"]) for f in result] == [
        ("firewall-rule-unknown", "exception"),
        ("firewall-rule-missing", "exception"),
    ]
    assert "counter packets 9" in result[0]["evidence"]
    assert result[0]["ci"] == "srv1: tcp dport 23 counter accept"


def test_other_tables_that_filter_are_named_and_those_that_do_not_are_not() -> None:
    ruleset = [
        {"chain": {"family": "ip", "table": "nat", "name": "post", "type": "nat", "hook": "postrouting"}},
        {"rule": {"family": "ip", "table": "nat"}},
        {"chain": {"family": "inet", "table": "filter", "name": "input", "type": "filter", "hook": "input"}},
        {"chain": {"family": "ip", "table": "pods", "name": "f", "type": "filter", "hook": "forward"}},
        {"rule": {"family": "ip", "table": "pods"}},
    ]
    assert filtering_tables({"nftables": ruleset}) == {"ip pods": 1}
