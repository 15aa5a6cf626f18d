"""A ledger read back, whole or cut off in the middle of a word."""

import gzip
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fitsom_runner.ansible import ledger
from fitsom_runner.ansible.ledger import LedgerState, Reader, Status
from fitsom_runner.facts import Facts, Item, Object, Package
from tests.unit.ansible.events import done, ledger_of, result, start, stats, task, touch

WHOLE: list[dict[str, Any]] = [
    start(),
    task(1, "Gathering Facts"),
    result("srv1", 1, Status.OK),
    task(2, "Install"),
    touch("srv1"),
    result("srv1", 2, Status.CHANGED, changes=[{"k": "d1", "item": "openssl", "diff": "+x", "p": 1}]),
    done("srv1"),
    stats(srv1={}),
]


def lines(events: list[dict[str, Any]]) -> bytes:
    return b"".join(json.dumps(e, ensure_ascii=False).encode("utf-8", "replace") + b"\n" for e in events)


def test_a_whole_ledger_tells_what_happened_on_each_host() -> None:
    ledger_state = ledger_of(*WHOLE)
    host = ledger_state.hosts["srv1"]
    assert (ledger_state.complete, ledger_state.task, ledger_state.started) == (True, "Install", 100.0)
    assert (host.touched, host.done, host.failed, host.last_task) == (True, True, False, "Install")
    assert host.counts == {Status.OK: 1, Status.CHANGED: 1}
    assert host.items == [
        Item(task="Install", role="patching", item="openssl", digest="d1", diff="+x", packages=True)
    ]


def test_a_ledger_that_ansible_did_not_close_is_not_complete() -> None:
    assert not ledger_of(*WHOLE[:-1]).complete


def test_a_failure_is_kept_with_its_task_and_words() -> None:
    host = ledger_of(task(1, "Install"), result("srv1", 1, Status.FAILED, msg="no space")).hosts["srv1"]
    assert host.failed
    assert host.failures == [{"task": "Install", "role": "patching", "error": "no space"}]


def test_a_failure_that_was_ignored_is_none() -> None:
    host = ledger_of(task(1, "Install"), result("srv1", 1, Status.IGNORED, msg="no space")).hosts["srv1"]
    assert (host.failed, host.failures) == (False, [])


def test_packages_count_only_where_a_task_changes_them() -> None:
    packages = {"fitsom": {"packages": [{"name": "openssl"}], "notes": ["n"]}}
    outstanding = ledger_of(task(1, "List"), result("srv1", 1, Status.OK, **packages)).hosts["srv1"]
    changed = ledger_of(task(1, "Install"), result("srv1", 1, Status.CHANGED, **packages)).hosts["srv1"]
    assert outstanding.facts == Facts(notes=("n",))
    assert changed.facts == Facts(packages=(Package(name="openssl", old=None, new=None),), notes=("n",))


def test_what_a_host_took_back_by_itself_has_not_come() -> None:
    objects = [{"kind": kind, "id": "x", "action": "add"} for kind in ("firewall rule", "user")]
    events = (
        task(1, "Replace"),
        result("srv1", 1, Status.CHANGED, fitsom={"objects": objects}),
        task(2, "See"),
        result("srv1", 2, Status.OK, fitsom={"undone": ["firewall rule"], "notes": ["back"]}),
    )
    host = ledger_of(*events).hosts["srv1"]
    assert host.facts.objects == (Object(kind="user", id="x", action="add"),)
    assert host.facts.notes == ("back",)


def test_a_result_that_was_not_written_down_is_an_exception() -> None:
    events = [task(1, "Install"), result("srv1", 1, Status.CHANGED), result("srv1", 1, Status.IGNORED)]
    for count, missing in ((1, ""), (2, ""), (4, "missing results: 2")):
        host = ledger_of(*events, stats(srv1={"changed": count})).hosts["srv1"]
        assert [finding.evidence for finding in host.facts.findings] == ([missing] if missing else [])
        assert host.facts.complete is not bool(missing)


@pytest.mark.parametrize(
    ("detail", "words"),
    [
        ({"msg": "m"}, "m"),
        ({"msg": "m", "stderr": "e"}, "m\ne"),
        ({"msg": "m", "stdout": "o"}, "m\no"),
        ({"msg": "m", "stderr": "e", "stdout": "o"}, "m\ne"),
        ({"msg": "m", "stderr": "m"}, "m"),
        ({"msg": "m", "stderr": "Shared connection to srv2 closed.\r\n", "stdout": "o"}, "m\no"),
        ({"msg": "m", "stderr": "e\nConnection to 10.0.0.2 closed.\r\n"}, "m\ne"),
        ({"msg": "m", "stderr": "a Connection to x closed. by y"}, "m\na Connection to x closed. by y"),
        ({"censored": "hidden by no_log"}, "hidden by no_log"),
        ({"items": [{"item": "a", "msg": "x", "stderr": ""}]}, "a: x"),
        ({}, "no reason was given"),
    ],
)
def test_a_failure_is_told_in_the_words_that_help_most(detail: dict[str, Any], words: str) -> None:
    assert ledger.error_text(detail) == words


def test_half_a_line_at_the_end_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    path.write_bytes(lines(WHOLE)[:-5])
    ledger_state = ledger.read(path)
    assert not ledger_state.complete
    assert ledger_state.hosts["srv1"].done


@given(st.lists(st.integers(0, 600), max_size=8).map(sorted))
def test_a_growing_ledger_is_read_once_wherever_it_was_cut(cuts: list[int]) -> None:
    import tempfile

    data = lines([*WHOLE, task(3, "Größe prüfen")])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ledger.jsonl"
        reader, events = Reader(path), list[Any]()
        events += reader.new_events()
        for length in (*cuts, len(data)):
            path.write_bytes(data[:length])
            events += reader.new_events()
    assert events == [*WHOLE, task(3, "Größe prüfen")]


def test_a_compressed_ledger_tells_the_same(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    path.write_bytes(lines(WHOLE))
    before = ledger.read(path)
    assert ledger.compress(path) == hashlib.sha256(lines(WHOLE)).hexdigest()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["ledger.jsonl.gz"]
    assert gzip.decompress((tmp_path / "ledger.jsonl.gz").read_bytes()) == lines(WHOLE)
    assert ledger.read(path) == before


def test_a_compressed_ledger_that_ends_in_half_a_line_is_read(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    path.write_bytes(lines(WHOLE)[:-5])
    ledger.compress(path)
    assert not ledger.read(path).complete


def test_no_ledger_tells_nothing(tmp_path: Path) -> None:
    assert ledger.read(tmp_path / "ledger.jsonl") == LedgerState()
