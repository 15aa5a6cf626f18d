"""What modules tell is read once, strictly; nonsense is left out and said so, and never raises."""

import json
from datetime import date
from typing import Any

import pytest
from hypothesis import given

from fitsom_runner.ansible import ledger
from fitsom_runner.ansible.ledger import Status
from fitsom_runner.changes import prediction
from fitsom_runner.cli.predictions import hosts_page
from fitsom_runner.facts import (
    FACTS_UNREADABLE,
    Check,
    Expiring,
    Facts,
    Finding,
    HostChanges,
    Item,
    Object,
    Package,
    PackageAction,
    Reboot,
    Service,
    Severity,
)
from fitsom_runner.facts_reader import (
    changes_from_json,
    configuration_item,
    facts_from_json,
    hosts_from_json,
    security_updates,
)
from fitsom_runner.reading import DEPTH_LIMIT, LIST_LIMIT, TEXT_LIMIT
from tests.unit.ansible.events import ledger_of, result, stats, task
from tests.unit.answers import answers

# As docs/architecture.md has it.
WHOLE: dict[str, Any] = {
    "packages": [
        {
            "name": "openssl",
            "arch": "amd64",
            "from": "3.0.16-1",
            "to": "3.0.17-1",
            "action": "upgrade",
            "security": True,
            "origin": "Debian-Security",
            "advisories": ["CVE-2026-1234"],
            "released": "2026-11-02",
        }
    ],
    "services": [{"name": "ssh.service", "action": "restart", "before": "active", "after": "active"}],
    "reboot": {"required": True, "planned": True, "done": False, "reasons": ["linux-image-amd64"]},
    "checks": [{"name": "free space on /", "ok": True, "detail": "12.1 GB free, 1 GB needed"}],
    "objects": [
        {"kind": "user", "id": "p-3f2a91c04b", "action": "move", "group": "Year 8", "what": "7 -> 8"}
    ],
    "findings": [
        {
            "kind": "backup-stale",
            "severity": "exception",
            "ci": "srv1: homes",
            "what": "Old.",
            "evidence": "e",
        }
    ],
    "facts": {"configuration_item": {"system": {"name": "Debian"}, "last_boot": "2026-11-25T06:01:12Z"}},
    "undone": ["firewall rule"],
    "expiring": [{"rule": "lessons", "owner": "Head of ICT", "expires": "2026-12-18", "days": 23}],
    "notes": ["..."],
}
TYPED = Facts(
    packages=(
        Package(
            name="openssl",
            old="3.0.16-1",
            new="3.0.17-1",
            arch="amd64",
            security=True,
            origin="Debian-Security",
            advisories=("CVE-2026-1234",),
            released=date(2026, 11, 2),
        ),
    ),
    services=(Service(name="ssh.service", action="restart", before="active", after="active"),),
    reboots=(Reboot(required=True, planned=True, reasons=("linux-image-amd64",)),),
    checks=(Check(name="free space on /", ok=True, detail="12.1 GB free, 1 GB needed"),),
    objects=(Object(kind="user", id="p-3f2a91c04b", action="move", group="Year 8", what="7 -> 8"),),
    findings=(
        Finding(
            kind="backup-stale", severity=Severity.EXCEPTION, ci="srv1: homes", what="Old.", evidence="e"
        ),
    ),
    observed={"configuration_item": {"system": {"name": "Debian"}, "last_boot": "2026-11-25T06:01:12Z"}},
    undone=("firewall rule",),
    expiring=(Expiring(rule="lessons", owner="Head of ICT", expires="2026-12-18", days=23),),
    notes=("...",),
)


def evidence(facts: Facts) -> str:
    """Of the one finding that says that something cannot be read."""
    (finding,) = (finding for finding in facts.findings if finding.kind == FACTS_UNREADABLE)
    assert (finding.severity, finding.ci) == (Severity.EXCEPTION, "srv1")
    return finding.evidence


def test_every_part_is_read_as_it_is_described() -> None:
    assert facts_from_json(WHOLE, "srv1") == TYPED
    assert TYPED.complete


def test_what_is_stored_has_the_form_in_which_it_was_told() -> None:
    record = TYPED.to_json()
    assert list(record) == list(WHOLE)
    for name, rows in record.items():
        told_rows = WHOLE[name] if isinstance(WHOLE[name], list) else [WHOLE[name]]
        for row, before in zip(rows, told_rows, strict=True):
            assert row == before if isinstance(before, str) else row | before == row
    assert facts_from_json(record, "srv1") == TYPED


@pytest.mark.parametrize(
    ("answer", "left", "why"),
    [
        ("text", Facts(), "fitsom: a text where a dictionary belongs"),
        ([{"notes": "n"}, 7], Facts(notes=("n",)), "fitsom: a number where a dictionary belongs"),
        ({"colours": []}, Facts(), "fitsom.colours: unknown part"),
        ({"packages": "openssl"}, Facts(), "fitsom.packages[0]: a text where a dictionary belongs"),
        ({"packages": [None]}, Facts(), "fitsom.packages[0].: nothing where a dictionary belongs"),
        ({"packages": [{"from": "1"}]}, Facts(), "fitsom.packages[0].name: is missing"),
        ({"packages": [{"name": ""}]}, Facts(), "fitsom.packages[0].name: is missing"),
        ({"packages": [{"name": ["x"]}]}, Facts(), "fitsom.packages[0].name: a list where a text belongs; "),
        (
            {"packages": [{"name": "a", "action": "explode"}]},
            Facts(packages=(Package(name="a", old=None, new=None),)),
            "fitsom.packages[0].action: is not one of upgrade, install, remove, downgrade",
        ),
        (
            {"packages": [{"name": "a", "released": "soon"}]},
            Facts(packages=(Package(name="a", old=None, new=None),)),
            "fitsom.packages[0].released: is not a day",
        ),
        (
            {"checks": [{"name": "c", "ok": "yes"}]},
            Facts(checks=(Check(name="c", ok=False),)),
            "fitsom.checks[0].ok: a text where true or false belongs",
        ),
        (
            {"reboot": {"seconds": float("inf")}},
            Facts(reboots=(Reboot(),)),
            "fitsom.reboot[0].seconds: a number out of all bounds where a number belongs",
        ),
        ({"notes": [{"a": 1}]}, Facts(), "fitsom.notes[0]: a dictionary where a text belongs"),
        ({"objects": [{"kind": "user", "id": "1"}]}, Facts(), "fitsom.objects[0].action: is missing"),
        ({"facts": ["x"]}, Facts(), "fitsom.facts[0]: a text where a dictionary belongs"),
        (
            {"facts": {"configuration_item": []}},
            Facts(observed={"configuration_item": []}),
            "fitsom.facts.configuration_item: a list where a dictionary belongs",
        ),
        (
            {"facts": {"security_updates": [{}]}},
            Facts(observed={"security_updates": [{}]}),
            "fitsom.facts.security_updates[0]: a dictionary where a text belongs",
        ),
    ],
)
def test_what_does_not_fit_is_left_out_and_named(answer: Any, left: Facts, why: str) -> None:
    facts = facts_from_json(answer, "srv1")
    assert evidence(facts).startswith(why)
    assert not facts.complete
    assert (
        Facts(**{part: getattr(facts, part) for part in Facts.__dataclass_fields__} | {"findings": ()})
        == left
    )


def test_a_finding_of_a_severity_that_is_none_is_taken_for_the_worst() -> None:
    facts = facts_from_json({"findings": [{"kind": "x", "severity": "dire", "ci": "c", "what": "w"}]}, "srv1")
    assert (facts.findings[0].kind, facts.findings[0].severity) == ("x", Severity.EXCEPTION)
    assert "severity: is not one of informational" in evidence(facts)


def test_what_was_told_for_each_item_of_a_loop_is_one() -> None:
    assert facts_from_json([WHOLE, {"notes": ["more"]}, WHOLE], "srv1") == TYPED.plus(Facts(notes=("more",)))


def test_one_thing_stands_for_a_list_of_it_and_numbers_for_texts() -> None:
    facts = facts_from_json({"notes": "one", "objects": {"kind": "uid", "id": 1001, "action": "add"}}, "srv1")
    assert facts == Facts(notes=("one",), objects=(Object(kind="uid", id="1001", action="add"),))


def test_what_is_too_much_is_cut() -> None:
    long_text = facts_from_json({"notes": ["x" * (TEXT_LIMIT + 1)]}, "srv1")
    assert (len(long_text.notes[0]), evidence(long_text)) == (
        10_000,
        "fitsom.notes[0]: a text of 10,001 characters, cut at 10,000",
    )
    many_objects = facts_from_json({"undone": [str(n) for n in range(LIST_LIMIT + 3)]}, "srv1")
    assert (len(many_objects.undone), evidence(many_objects)) == (LIST_LIMIT, "fitsom.undone: 3 too many")
    deep: Any = "bottom"
    for _level in range(DEPTH_LIMIT + 5):
        deep = [deep]
    assert "too deep" in evidence(facts_from_json({"facts": {"x": deep}}, "srv1"))


def test_of_many_faults_the_first_are_named_and_the_rest_counted() -> None:
    facts = facts_from_json({"packages": [{}] * 12}, "srv1")
    assert evidence(facts).count("is missing") == 5
    assert evidence(facts).endswith("; and 7 more")


def test_what_was_told_twice_counts_once_and_what_is_undone_has_not_come() -> None:
    back = Facts(undone=("user",), notes=("back",))
    assert TYPED.plus(TYPED) == TYPED
    assert TYPED.plus(back).objects == ()
    assert TYPED.plus(back).plus(TYPED).objects == TYPED.objects
    assert TYPED.plus(Facts(observed={"configuration_item": 1})).observed == {"configuration_item": 1}


def test_restarts_told_before_and_after_the_work_are_one() -> None:
    before = Reboot(required=True, planned=True, reasons=("kernel",), seconds=90)
    after = Reboot(required=False, done=True, reasons=("kernel", "libc"))
    assert Facts(reboots=(before, after)).reboot == Reboot(
        required=False, planned=True, done=True, reasons=("kernel", "libc"), seconds=90
    )


def test_what_a_host_is_is_read_as_far_as_it_fits() -> None:
    assert configuration_item({}) is None
    assert configuration_item({"configuration_item": "x"}) is None
    item = configuration_item(
        {
            "configuration_item": {
                "system": {"name": "Debian", "support": None},
                "hardware": [],
                "filesystems": [{"mount": "/"}, {"mount": "/srv", "free_mb": 812, "used_percent": 88.0}],
            }
        }
    )
    assert item is not None
    assert (item.system, item.serial, [f.mount for f in item.filesystems]) == ("Debian", "", ["/srv"])
    assert security_updates({"security_updates": ["vim 9", None, 7]}) == ("vim 9", "7")


def test_a_record_of_an_older_version_is_read() -> None:
    record = {
        "items": [{"task": "t", "role": "r", "item": "i", "digest": "d", "diff": "", "packages": False}],
        "facts": {"packages": [{"name": "tree", "to": "2", "action": "install", "from": None}]},
        "done": True,
        "groups": ["servers"],
        "about": {"label": "the file server", "colour": "red"},
    }
    assert changes_from_json(record, "srv1") == HostChanges(
        items=(Item(task="t", role="r", item="i", digest="d"),),
        facts=Facts(packages=(Package(name="tree", old=None, new="2", action=PackageAction.INSTALL),)),
        marks=1,
        groups=("servers",),
        about={"label": "the file server"},
    )


@given(answers)
def test_whatever_a_host_answers_is_read_and_stored_and_read_again(answer: Any) -> None:
    facts = facts_from_json(answer, "srv1")
    record = json.dumps(facts.to_json(), allow_nan=False, ensure_ascii=False).encode()
    assert facts_from_json(json.loads(record), "srv1") == facts
    configuration_item(facts.observed)
    security_updates(facts.observed)


@given(answers, answers)
def test_whatever_hosts_answer_plans_are_folded_compared_and_shown(planned: Any, now: Any) -> None:
    tales = [
        ledger_of(
            task(1, "T"),
            result("srv1", 1, Status.CHANGED, fitsom=a),
            result("srv1", 1, Status.OK, fitsom=b),
            stats(),
        )
        for a, b in ((planned, now), (now, planned))
    ]
    before, after = map(ledger.predicted_changes, tales)
    prediction.compare(before, after)
    prediction.unapproved_changes(before, after)
    assert hosts_from_json(json.loads(json.dumps(prediction.to_json(before)))) == before
    assert all(isinstance(v, str) for pins in prediction.pins(before).values() for v in pins.values())
    hosts_page(before, {})
    changes_from_json({"items": planned, "facts": now, "groups": planned, "about": now, "done": now}, "srv1")


@pytest.mark.parametrize(
    ("package", "fault"),
    [
        ({"name": "tree", "to": "3.0.17-1{{ lookup('pipe', 'id') }}"}, "packages[0].to: is not a version"),
        ({"name": "tree", "from": "1 2", "to": "2"}, "packages[0].from: is not a version"),
        ({"name": "[/oops]", "to": "2"}, "packages[0].name: is not the name of a package"),
        ({"name": "a" * 300, "to": "2"}, "packages[0].name: is not the name of a package"),
        ({"name": "tree\n", "to": "2"}, "packages[0].name: is not the name of a package"),
    ],
)
def test_a_package_that_dpkg_would_not_know_is_left_out_and_named(
    package: dict[str, Any], fault: str
) -> None:
    facts = facts_from_json(
        {"packages": [{"name": "jq", "from": "1:1.7~rc1-1", "to": "1:1.7-2+deb12u1"}, package]}, "srv1"
    )
    assert [each.name for each in facts.packages] == ["jq"]
    assert facts.findings[0].evidence == f"fitsom.{fault.replace('[0]', '[1]')}"


def test_what_moves_a_cursor_is_written_out() -> None:
    answer = {
        "notes": [
            "a\x1b[2K\x1b[1A\rb \u202egnp.exe",
            "\x1b[31mred\x1b[0m",
            "two\nlines\tand a tab, für \u06a9\u06cc\u200c\u0647\u0627",
        ]
    }
    assert facts_from_json(answer, "srv1").notes == (
        "a\\x1b[2K\\x1b[1A\\rb \\u202egnp.exe",
        "red",
        "two\nlines\tand a tab, für \u06a9\u06cc\u200c\u0647\u0627",
    )
