"""The callback plugin, by what it writes of a real run: no result is ever lost."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fitsom_runner.ansible import ledger
from fitsom_runner.ansible.callback import fitsom_ledger
from tests.unit.ansible.callback_run import (
    CHANGE,
    CHANGED,
    FAILED,
    IGNORED,
    LOOPED,
    RESULTS,
    SECRET,
    SKIPPED,
    UNREACHABLE,
    UNREADABLE,
    Ran,
    run,
)


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    return run(tmp_path_factory.mktemp("callback"))


def test_ansible_swallows_nothing_of_the_callback(ran: Ran) -> None:
    assert ran.printed == ""


@pytest.mark.parametrize("name", RESULTS)
def test_each_result_is_one_line(ran: Ran, name: str) -> None:
    _result, status, kept = RESULTS[name]
    line = ran.line(name)
    found = line.get("x", {})
    if kept.get("msg") == UNREADABLE:  # and then in Python's words, which are of no account
        assert found["msg"] == found["fitsom"]
        found |= {name: found[name].partition(":")[0] for name in ("msg", "fitsom")}
        found |= {"changes": [CHANGE for _change in found["changes"]]} if "changes" in found else {}
    assert (line["s"], found) == (status, kept)


def test_a_module_that_lists_texts_is_written_down(ran: Ran) -> None:
    """As ansible.builtin.dnf5 does."""
    assert ran.line("a module")["x"] == {"changes": [CHANGE]}


def test_a_loop_tells_of_each_item(ran: Ran) -> None:
    assert ran.line("labels")["x"]["changes"] == [
        {**CHANGE, "item": "{1: 2, 'b': 3}"},
        {**CHANGE, "item": "two"},
    ]
    assert ran.line("facts of a loop")["x"] == {"fitsom": [{"notes": ["a"]}, {"notes": "b"}, "text", 5]}


def test_a_loop_that_failed_in_part_tells_what_changed_and_why_it_failed(ran: Ran) -> None:
    line = ran.line("torn loop", "a")
    assert (line["s"], line["x"]) == (
        IGNORED,
        {
            "msg": "One or more items failed",
            "items": [{"item": "bad", "msg": "bad", "stderr": ""}],
            "changed": True,
            "changes": [{**CHANGE, "item": "one"}],
        },
    )


def test_secrets_are_hidden_in_every_form_and_not_cut_in_half(ran: Ran) -> None:
    assert SECRET[:6] not in ran.text
    assert ran.line("hides ********")["x"]["changes"][0]["diff"] == "password ********"
    assert ran.line("hides in labels")["x"]["changes"][0]["item"] == "********"
    assert ran.line("hides in texts")["x"]["stderr"] == "-" * 3990 + "********"
    assert ran.line("hides in junk")["x"]["msg"].startswith(UNREADABLE)


def test_with_no_log_only_the_change_is_kept(ran: Ran) -> None:
    assert ran.line("hides all")["x"] == {"changes": [CHANGE]}
    assert ran.line("hides all of a loop")["x"] == {"changes": [CHANGE, CHANGE]}
    censored = ran.line("hides a failed loop")["x"]
    assert list(censored) == ["censored"]


def test_plays_and_tasks_come_in_order_each_before_its_results(ran: Ran) -> None:
    assert ran.events[0]["e"] == "start"
    assert [e["n"] for e in ran.of("play")] == ["odd", "The story", "dry"]
    assert [e["i"] for e in ran.of("task")] == list(range(len(ran.of("task"))))
    seen: set[int] = set()
    for event in ran.events:
        if event["e"] == "task":
            seen.add(event["i"])
        elif "i" in event:
            assert event["i"] in seen
    times = [e["t"] for e in ran.events]
    assert times == sorted(times)


def test_a_host_is_touched_once_by_the_first_task_that_may_change_it(ran: Ran) -> None:
    names = {e["i"]: e["n"] for e in ran.of("task")}
    assert {e["h"]: names[e["i"]] for e in ran.of("touch")} == {
        "odd": "quiet",
        "a": "away",
        "b": "away",
        "away": "away",
    }
    assert len(ran.of("touch")) == 4, "dry is only foretold, and a fact changes nothing"


def test_the_done_mark_follows_its_task_and_only_where_it_came(ran: Ran) -> None:
    assert [e["h"] for e in ran.of("done")] == ["a"]
    at = ran.events.index(ran.of("done")[0])
    assert ran.events[at - 1] is ran.line("mark", "a")


def changed_as_ansible_counts(line: dict[str, Any]) -> bool:
    """A failure that is ignored counts as well, and one that is not ignored does not."""
    return bool(line["s"] == CHANGED or (line["s"] == IGNORED and line["x"].get("changed")))


def test_ansibles_own_counts_agree_with_the_lines(ran: Ran) -> None:
    (stats,) = ran.of("stats")
    assert ran.events[-1] is stats
    assert sorted(stats["hosts"]) == ["a", "away", "b", "dry", "odd"]
    for host, counts in stats["hosts"].items():
        lines = ran.of("res", host)
        of = Counter(line["s"] for line in lines)
        assert counts["changed"] == sum(map(changed_as_ansible_counts, lines)), host
        assert counts["failures"] + counts["rescued"] == of[FAILED], host
        assert counts["skipped"] == of[SKIPPED], host
        assert counts["unreachable"] + counts["ignored"] == of[UNREACHABLE] + of[IGNORED], host
    assert stats["hosts"]["a"] == {
        "ok": 17, "changed": 10, "failures": 0, "rescued": 1, "ignored": 5, "skipped": 4, "unreachable": 0,
    }  # fmt: skip
    assert stats["hosts"]["b"]["failures"] == stats["hosts"]["away"]["unreachable"] == 1


def test_the_reader_folds_what_was_written(ran: Ran) -> None:
    tale = ledger.read(ran.path)
    assert tale.complete
    assert (tale.hosts["a"].touched, tale.hosts["a"].done, tale.hosts["a"].unreachable) == (True, True, True)
    assert tale.hosts["b"].failures[-1] == {"task": "fatal", "role": "", "error": "no"}
    assert tale.hosts["away"].failures[-1]["error"] == "Task failed: nobody answers"
    assert [item.item for item in tale.hosts["a"].items if item.task == "torn loop"] == ["one"]


# -- without a run ------------------------------------------------------------------------------------------


@dataclass
class Bare:
    """The callback without Ansible around it, and the ledger that it writes."""

    callback: fitsom_ledger.CallbackModule
    path: Path

    def lines(self, result: object, changed: bool, status: int) -> list[dict[str, Any]]:
        """What is written of one result."""
        size = self.path.stat().st_size
        self.callback._result(outcome(result, changed), status)
        return [json.loads(line) for line in self.path.read_bytes()[size:].splitlines()]


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bare]:
    path = tmp_path_factory.mktemp("bare") / "ledger.jsonl"
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("FITSOM_LEDGER", str(path))
        callback = fitsom_ledger.CallbackModule()
    callback._number(outcome({}, False).task)
    yield Bare(callback, path)
    os.close(callback._file)


def outcome(result: object, changed: bool) -> Any:
    task = SimpleNamespace(_uuid="1", _role=None, name="task", resolved_action="x.y.z", action="z", tags=[])
    return SimpleNamespace(
        host=SimpleNamespace(name="srv1"), task=task, result=result, is_changed=lambda: changed
    )


KEYS = st.sampled_from(
    sorted({*fitsom_ledger.TELLING, "changed", "diff", "exception", "failed", "fitsom", "item", "results"})
) | st.just("ansible_loop_var")
JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=3) | st.integers() | st.tuples(st.integers()), inner, max_size=3)
        | st.dictionaries(KEYS, inner, max_size=5)
    ),
    max_leaves=12,
)


@settings(derandomize=True, deadline=None)
@given(st.dictionaries(KEYS, JUNK), st.booleans(), st.sampled_from(range(6)))
def test_whatever_a_module_returns_one_line_is_written(
    bare: Bare, result: dict[str, Any], changed: bool, status: int
) -> None:
    (line,) = bare.lines(result, changed, status)
    detail = line.get("x", {})
    assert (line["e"], line["s"]) == ("res", status)
    assert ("changes" in detail) or status != CHANGED


def test_many_changes_are_kept_by_one_digest_that_tells_them_apart(bare: Bare) -> None:
    def changes(last: str) -> list[dict[str, Any]]:
        names = [*map(str, range(fitsom_ledger.MANY_CHANGES)), last]
        rows = [{"changed": True, "item": name, **LOOPED} for name in names]
        (line,) = bare.lines({"results": rows}, True, CHANGED)
        found: list[dict[str, Any]] = line["x"]["changes"]
        return found

    one, other = changes("one"), changes("other")
    assert (len(one), one[-1]["item"]) == (fitsom_ledger.MANY_CHANGES + 1, "and 1 more")
    assert one[:-1] == other[:-1]
    assert one[-1]["k"] != other[-1]["k"]


def test_what_cannot_be_written_down_is_not_done(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ansible swallows every exception of a callback but this one."""
    monkeypatch.setenv("FITSOM_LEDGER", "/dev/full")
    with pytest.raises(KeyboardInterrupt, match="the ledger cannot be written"):
        fitsom_ledger.CallbackModule()
