"""The callback plugin, by what it writes of a real run: no result is ever lost."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fitsom_runner.ansible import ledger, result_detail
from fitsom_runner.ansible.callback import fitsom_ledger
from tests.unit.ansible.callback_run import (
    CHANGE,
    CHANGED,
    FAILED,
    HOSTS,
    IGNORED,
    LOOPED,
    MAY_CHANGE,
    RESULTS,
    SECRET,
    SKIPPED,
    TOUCHED,
    UNREACHABLE,
    UNREADABLE,
    RunOutput,
    Supervisor,
    run,
    without_places,
)


@pytest.fixture(scope="module")
def run_output(tmp_path_factory: pytest.TempPathFactory) -> RunOutput:
    return run(tmp_path_factory.mktemp("callback"))


def test_ansible_swallows_nothing_of_the_callback(run_output: RunOutput) -> None:
    assert run_output.printed == ""


@pytest.mark.parametrize("name", RESULTS)
def test_each_result_is_one_line(run_output: RunOutput, name: str) -> None:
    _result, status, detail = RESULTS[name]
    line = run_output.line(name)
    result = line.get("x", {})
    if detail.get("msg") == UNREADABLE:  # and then in Python's words, which are of no account
        assert result["msg"] == result["fitsom"]
        result |= {name: result[name].partition(":")[0] for name in ("msg", "fitsom")}
        result |= {"changes": [CHANGE for _change in result["changes"]]} if "changes" in result else {}
    assert (line["s"], result) == (status, detail)


def test_a_module_that_lists_texts_is_written_down(run_output: RunOutput) -> None:
    """As ansible.builtin.dnf5 does."""
    assert run_output.line("a module")["x"] == {"changes": [CHANGE]}


def test_a_loop_tells_of_each_item(run_output: RunOutput) -> None:
    assert run_output.line("labels")["x"]["changes"] == [
        {**CHANGE, "item": "{1: 2, 'b': 3}"},
        {**CHANGE, "item": "two"},
    ]
    assert run_output.line("facts of a loop")["x"] == {
        "fitsom": [{"notes": ["a"]}, {"notes": "b"}, "text", 5]
    }


def test_a_loop_that_failed_in_part_tells_what_changed_and_why_it_failed(run_output: RunOutput) -> None:
    line = run_output.line("torn loop", "a")
    assert (line["s"], line["x"]) == (
        IGNORED,
        {
            "msg": "One or more items failed",
            "items": [{"item": "bad", "msg": "bad", "stderr": ""}],
            "changed": True,
            "changes": [{**CHANGE, "item": "one"}, {**CHANGE, "item": "bad"}],
        },
    )


def test_secrets_are_hidden_in_every_form_and_not_cut_in_half(run_output: RunOutput) -> None:
    assert SECRET[:6] not in run_output.text
    assert run_output.line("hides ********")["x"]["changes"][0]["diff"] == "password ********"
    assert run_output.line("hides in labels")["x"]["changes"][0]["item"] == "********"
    assert run_output.line("hides in texts")["x"]["stderr"] == "-" * 3990 + "********"
    assert run_output.line("hides in junk")["x"]["msg"].startswith(UNREADABLE)


def test_with_no_log_only_the_change_is_kept(run_output: RunOutput) -> None:
    assert run_output.line("hides all")["x"] == {"changes": [CHANGE]}
    assert run_output.line("hides all of a loop")["x"] == {"changes": [CHANGE, CHANGE]}
    censored = run_output.line("hides a failed loop")["x"]
    assert list(censored) == ["censored"]


def test_plays_and_tasks_come_in_order_each_before_its_results(run_output: RunOutput) -> None:
    assert run_output.events[0]["e"] == "start"
    assert [e["n"] for e in run_output.of("play")] == ["odd", "The story", "dry", *TOUCHED]
    assert [e["i"] for e in run_output.of("task")] == list(range(len(run_output.of("task"))))
    numbers: set[int] = set()
    for event in run_output.events:
        if event["e"] == "task":
            numbers.add(event["i"])
        elif "i" in event:
            assert event["i"] in numbers
    times = [e["t"] for e in run_output.events]
    assert times == sorted(times)


def test_a_host_is_touched_once_by_the_first_task_that_may_change_it(run_output: RunOutput) -> None:
    names = {e["i"]: e["n"] for e in run_output.of("task")}
    touches = [(e["h"], names[e["i"]]) for e in run_output.of("touch") if e["h"] not in TOUCHED]
    touched = dict(reversed(touches))
    assert touched == {
        "odd": "quiet",
        "a": "away",
        "b": "away",
        "away": "away",
        "dry": "looked at in earnest",
    }
    assert len(touches) == 6, "a fact changes nothing"
    assert touches.count(("a", "handler")) == 1, "its mark was set before"


@pytest.mark.parametrize(("host", "keywords"), zip(TOUCHED, MAY_CHANGE, strict=True))
def test_what_may_change_a_host_is_written_down_before_it_begins(
    run_output: RunOutput, host: str, keywords: dict[str, Any]
) -> None:
    """Whatever form `changed_when` and `check_mode` have. https://github.com/ansible/ansible/issues/61285"""
    (touch,), (result,) = run_output.of("touch", host), run_output.of("res", host)
    assert run_output.events.index(touch) < run_output.events.index(result), keywords


def test_the_done_mark_follows_its_task_and_only_where_it_came(run_output: RunOutput) -> None:
    assert [e["h"] for e in run_output.of("done")] == ["a"]
    at = run_output.events.index(run_output.of("done")[0])
    assert run_output.events[at - 1] is run_output.line("mark", "a")


def changed_as_ansible_counts(line: dict[str, Any]) -> bool:
    """A failure that is ignored counts as well, and one that is not ignored does not."""
    return bool(line["s"] == CHANGED or (line["s"] == IGNORED and line["x"].get("changed")))


def test_ansibles_own_counts_agree_with_the_lines(run_output: RunOutput) -> None:
    (stats,) = run_output.of("stats")
    assert run_output.events[-1] is stats
    assert sorted(stats["hosts"]) == sorted(HOSTS)
    for host, counts in stats["hosts"].items():
        lines = run_output.of("res", host)
        of = Counter(line["s"] for line in lines)
        assert counts["changed"] == sum(map(changed_as_ansible_counts, lines)), host
        assert counts["failures"] + counts["rescued"] == of[FAILED], host
        assert counts["skipped"] == of[SKIPPED], host
        assert counts["unreachable"] + counts["ignored"] == of[UNREACHABLE] + of[IGNORED], host
    assert stats["hosts"]["a"] == {
        "ok": 18, "changed": 10, "failures": 0, "rescued": 1, "ignored": 5, "skipped": 4, "unreachable": 0,
    }  # fmt: skip
    assert stats["hosts"]["b"]["failures"] == stats["hosts"]["away"]["unreachable"] == 1


def test_the_reader_folds_what_was_written(run_output: RunOutput) -> None:
    ledger_state = ledger.read(run_output.path)
    assert ledger_state.complete
    assert (
        ledger_state.hosts["a"].touched,
        ledger_state.hosts["a"].marks,
        ledger_state.hosts["a"].done,
        ledger_state.hosts["a"].unreachable,
    ) == (True, 1, False, False), "the handler came after the mark, and it was in reach again"
    assert len(ledger_state.hosts["a"].cut_off) == 1
    assert {host: state.plays for host, state in ledger_state.hosts.items() if host not in TOUCHED} == {
        "odd": 1, "a": 1, "b": 0, "away": 0, "dry": 1,
    }  # fmt: skip
    assert ledger_state.hosts["b"].failures[-1] == {"task": "fatal", "role": "", "error": "no"}
    assert ledger_state.hosts["away"].failures[-1]["error"] == "Task failed: nobody answers"
    assert [item.item for item in ledger_state.hosts["a"].items if item.task == "torn loop"] == [
        "one",
        "bad",
    ]


# -- without a run ------------------------------------------------------------------------------------------


@dataclass
class Bare:
    """The callback without Ansible around it, and the ledger that it writes."""

    callback: fitsom_ledger.CallbackModule
    supervisor: Supervisor

    def lines(self, result: object, changed: bool, status: int) -> list[dict[str, Any]]:
        """What is written of one result."""
        self.supervisor.told = b""
        self.callback._result(outcome(result, changed), status)
        return [without_places(json.loads(line)) for line in self.supervisor.told.splitlines()]


@pytest.fixture(scope="module")
def bare() -> Bare:
    supervisor = Supervisor()
    with pytest.MonkeyPatch.context() as patched:
        supervisor.meets(fitsom_ledger, patched)
        callback = fitsom_ledger.CallbackModule()
    callback._number(outcome({}, False).task)
    return Bare(callback, supervisor)


def outcome(result: object, changed: bool) -> Any:
    task = SimpleNamespace(
        _uuid="1", _role=None, name="task", resolved_action="x.y.z", action="z", args={}, tags=[], no_log=False,
        get_path=lambda: "/nowhere/play.yml:1", get_ds=dict, notify=[], when=[], get_vars=dict, check_mode=False,
    )  # fmt: skip
    return SimpleNamespace(
        host=SimpleNamespace(name="srv1"), task=task, result=result, is_changed=lambda: changed
    )


KEYS = st.sampled_from(
    sorted(
        {*result_detail.FAILURE_KEYS, "changed", "diff", "exception", "failed", "fitsom", "item", "results"}
    )
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


@pytest.mark.parametrize(
    ("where", "label"),
    [("localhost", "one [on the controller]"), ("srv2", "one [on srv2]"), ("srv1", "one"), (["x"], "one")],
)
def test_what_a_delegated_task_changes_is_named_with_its_machine(bare: Bare, where: Any, label: str) -> None:
    delegated = {"_ansible_delegated_vars": {"ansible_delegated_host": where}}
    (line,) = bare.lines({"changed": True, "item": "one", **LOOPED, **delegated}, True, CHANGED)
    assert line["x"]["changes"][0]["item"] == label


def test_many_changes_are_kept_by_one_digest_that_tells_them_apart(bare: Bare) -> None:
    def changes(last: str) -> list[dict[str, Any]]:
        names = [*map(str, range(result_detail.MANY_CHANGES)), last]
        rows = [{"changed": True, "item": name, **LOOPED} for name in names]
        (line,) = bare.lines({"results": rows}, True, CHANGED)
        result: list[dict[str, Any]] = line["x"]["changes"]
        return result

    first_changes, second_changes = changes("one"), changes("other")
    assert (len(first_changes), first_changes[-1]["item"]) == (result_detail.MANY_CHANGES + 1, "and 1 more")
    assert first_changes[:-1] == second_changes[:-1]
    assert first_changes[-1]["k"] != second_changes[-1]["k"]


def test_what_cannot_be_written_down_is_not_done(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ansible swallows every exception of a callback but this one."""
    Supervisor(answer=b"").meets(fitsom_ledger, monkeypatch)
    with pytest.raises(KeyboardInterrupt, match="the ledger cannot be written"):
        fitsom_ledger.CallbackModule()
