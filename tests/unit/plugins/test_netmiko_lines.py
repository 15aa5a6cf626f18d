"""Configurations of devices: read, compared, foreseen, undone; with secrets hidden."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from plugins.module_utils.devices.lines import (
    Path,
    Section,
    commands,
    hide,
    not_applied,
    parse,
    predicted,
    secrets,
    sections,
    steps,
    text_of,
    undo,
)

RUNNING = """\
Building configuration...

Current configuration : 1024 bytes
!
! Last configuration change at 10:00:00 UTC
hostname sw1
interface Vlan20
 description Pupils
 ip address 10.20.0.1 255.255.0.0
!
ip access-list extended fitsom-in
 10 permit tcp 10.0.9.0 0.0.0.255 any eq 22
 20 deny ip any any log
!
router bgp 1
 address-family ipv4
  network 10.0.0.0
 exit-address-family
end
"""
PATHS: list[Path] = parse(RUNNING)


def test_lines_are_read_with_their_parents_and_without_what_only_frames_them() -> None:
    assert PATHS == [
        ("hostname sw1",),
        ("interface Vlan20",),
        ("interface Vlan20", "description Pupils"),
        ("interface Vlan20", "ip address 10.20.0.1 255.255.0.0"),
        ("ip access-list extended fitsom-in",),
        ("ip access-list extended fitsom-in", "permit tcp 10.0.9.0 0.0.0.255 any eq 22"),
        ("ip access-list extended fitsom-in", "deny ip any any log"),
        ("router bgp 1",),
        ("router bgp 1", "address-family ipv4"),
        ("router bgp 1", "address-family ipv4", "network 10.0.0.0"),
    ]


def test_only_what_is_missing_is_typed() -> None:
    desired = Section(("interface Vlan20",), ("description Pupils", "no shutdown", "mtu 1400"))
    assert commands(PATHS, [desired]) == ["interface Vlan20", "mtu 1400"]
    assert not_applied(PATHS, [desired]) == ["mtu 1400"]


def test_nothing_is_typed_where_everything_is_there() -> None:
    assert commands(PATHS, [Section(("interface Vlan20",), ("description Pupils", "no shutdown"))]) == []
    assert commands(PATHS, [Section((), ("hostname   sw1", "no ip http server"))]) == []


def test_a_line_that_must_go_is_negated() -> None:
    desired = Section((), ("no interface Vlan20",))
    assert commands(PATHS, [desired]) == ["no interface Vlan20"]
    assert ("interface Vlan20", "description Pupils") not in predicted(PATHS, [desired])


ACL = "ip access-list extended fitsom-in"
LINES = ("permit tcp 10.0.9.0 0.0.0.255 any eq 22", "deny ip any any log")


def test_a_block_is_left_alone_if_its_lines_and_their_order_are_right() -> None:
    assert commands(PATHS, [Section((ACL,), LINES, block=True)]) == []


def test_a_block_is_made_anew_if_a_line_or_the_order_differs() -> None:
    turned = Section((ACL,), LINES[::-1], block=True)
    assert commands(PATHS, [turned]) == [f"no {ACL}", ACL, *LINES[::-1]]
    assert not_applied(PATHS, [turned]) == ["the order of the lines"]
    assert [path[-1] for path in predicted(PATHS, [turned]) if path[0] == ACL] == [ACL, *LINES[::-1]]


TEMPLATE = """\
! what every switch has
hostname sw1
interface Vlan20
  description Pupils
  mtu 1400
router bgp 1
 address-family ipv4
  network 10.0.0.0
  network 10.1.0.0
 exit-address-family
no ip http server
"""


def test_a_text_is_taken_section_by_section_whatever_its_indentation() -> None:
    assert sections(TEMPLATE) == [
        Section((), ("hostname sw1",)),
        Section(("interface Vlan20",), ("description Pupils", "mtu 1400")),
        Section(("router bgp 1", "address-family ipv4"), ("network 10.0.0.0", "network 10.1.0.0")),
        Section((), ("no ip http server",)),
    ]
    assert sections("! nothing\n\n") == []


def test_all_sections_are_one_change_and_each_is_left_before_the_next() -> None:
    desired = sections(TEMPLATE.replace("sw1", "sw2"))
    lines_typed = commands(PATHS, desired)
    assert lines_typed == [
        "hostname sw2",
        *("interface Vlan20", "mtu 1400", "exit"),
        *("router bgp 1", "address-family ipv4", "network 10.1.0.0"),
    ]
    assert not_applied(PATHS, desired) == ["hostname sw2", "mtu 1400", "network 10.1.0.0"]
    after = predicted(PATHS, desired)
    assert (not_applied(after, desired), commands(after, desired)) == ([], [])


def test_the_plan_tells_each_line_with_where_it_stands() -> None:
    after = predicted(PATHS, [Section(("interface Vlan30",), ("description Staff",))])
    assert steps(PATHS, after) == [
        ("add", "interface Vlan30"),
        ("add", "interface Vlan30 > description Staff"),
    ]


names = st.sampled_from(["a", "b", "c"])
configurations = st.dictionaries(
    names, st.lists(st.sampled_from(["x", "y", "z"]), unique=True), max_size=3
).map(
    lambda found: [p for name, inner in found.items() for p in ((name,), *((name, line) for line in inner))]
)


@given(configurations, names, st.lists(st.sampled_from(["x", "y", "no x", "no z"]), min_size=1, max_size=3))
def test_what_is_predicted_holds_what_is_wanted_and_needs_nothing_more(
    running: list[Path], parent: str, lines: list[str]
) -> None:
    opposite = {line.removeprefix("no ") for line in lines if line.startswith("no ")} & set(lines)
    desired = Section((parent,), tuple(lines))
    if not opposite:
        after = predicted(running, [desired])
        assert not_applied(after, [desired]) == []
        assert commands(after, [desired]) == []


def typed_into(running: list[Path], lines: list[str]) -> set[Path]:
    """A device with sections a, b, c: what a few lines make of its configuration."""
    existing, section = set(running), ""
    for line in lines:
        bare = line.removeprefix("no ")
        path: Path = (bare,) if bare in "abc" else (section, bare)
        if line != bare:
            existing = {line_kept for line_kept in existing if line_kept[: len(path)] != path}
        else:
            existing |= {path[:1], path}
            section = bare if bare in "abc" else section
    return existing


@given(configurations, configurations)
def test_undoing_leads_back_from_anywhere(before: list[Path], now: list[Path]) -> None:
    assert typed_into(now, undo(before, now)) == set(before)


def test_secrets_are_hidden_and_plain_words_are_not() -> None:
    expected = {
        "enable secret 9 $9$abc": "enable secret 9 (hidden)",
        "username it privilege 15 password 7 0822455D0A16": "username it privilege 15 password 7 (hidden)",
        "snmp-server community canary RO": "snmp-server community (hidden) RO",
        "key-string canary": "key-string (hidden)",
        "password canary": "password (hidden)",
        "snmp-server user it grp v3 auth sha canary": "snmp-server user it grp v3 auth sha (hidden)",
        "service password-encryption": "service password-encryption",
        "description Pupils": "description Pupils",
    }
    assert {line: hide(line) for line in expected} == expected
    assert "canary" not in text_of([(line,) for line in expected])
    assert secrets(["snmp-server community canary RO", "hostname x"]) == {"canary"}
