"""The callback plugin writes every result down, whatever the module called its keys."""

import importlib.util
import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from fitsom_runner.ansible import ledger
from fitsom_runner.ansible.ledger import HostState, Status
from fitsom_runner.facts import Facts, Package
from tests.unit.ansible.callback_run import Supervisor
from tests.unit.answers import answers

PLUGIN = Path(__file__).resolve().parents[3] / "fitsom_runner/ansible/callback/fitsom_ledger.py"
Say = Callable[..., HostState]


@pytest.fixture
def say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Say:
    """Tells the callback one result of srv1; gives what its ledger then says of that host."""
    specification = importlib.util.spec_from_file_location("fitsom_ledger", PLUGIN)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    path = tmp_path / "ledger.jsonl"

    def one(result: dict[str, Any], *, event: str = "ok", secrets: tuple[str, ...] = ()) -> HostState:
        supervisor = Supervisor(secrets=secrets)
        supervisor.meets(module, monkeypatch)
        plugin = module.CallbackModule()
        task = SimpleNamespace(
            _uuid="u1",
            _role=None,
            name="Install",
            resolved_action="x.y.z",
            action="z",
            args={},
            tags=[],
            check_mode=False,
            no_log=False,
            get_path=lambda: "/nowhere/play.yml:1",
            get_ds=dict,
            notify=[],
            when=[],
            get_vars=dict,
        )
        outcome = SimpleNamespace(
            host=SimpleNamespace(name="srv1"),
            task=task,
            result=result,
            is_changed=lambda: bool(result.get("changed")),
        )
        getattr(plugin, f"v2_runner_on_{event}")(outcome)
        path.write_bytes(supervisor.told)
        return ledger.read(path).hosts["srv1"]

    return one


@pytest.mark.parametrize(
    "results",
    [
        ["Installed: tree-2.1-1.x86_64", "Installed: jq-1.7-1.x86_64"],  # dnf5
        [],
        None,
        "text",
        [{"name": "a module's own rows"}],
        [None, 7],
    ],
)
def test_a_change_is_written_down_whatever_the_module_calls_results(say: Say, results: Any) -> None:
    host = say({"changed": True, "results": results})
    assert host.counts == {Status.CHANGED: 1}
    assert [item.task for item in host.items] == ["Install"]
    assert host.facts == Facts()


@pytest.mark.parametrize("results", [["text"], None, 7, {"a": 1}])
def test_a_failure_is_written_down_whatever_the_module_calls_results(say: Say, results: Any) -> None:
    host = say({"failed": True, "msg": "no space", "results": results}, event="failed")
    assert host.failures == [{"task": "Install", "role": "", "error": "no space"}]


def test_of_a_loop_each_changed_item_is_written_down_with_what_it_told(say: Say) -> None:
    answer = [{"packages": {"name": "tree"}}, {"packages": [{"name": "jq"}], "notes": ["n"]}, "nonsense"]
    items = [
        {"changed": n != 1, "ansible_loop_var": "item", "item": f"i{n}", "fitsom": loop_item}
        for n, loop_item in enumerate(answer)
    ]
    host = say({"changed": True, "results": items})
    assert [(item.item, item.packages) for item in host.items] == [("i0", True), ("i2", False)]
    assert [package.name for package in host.facts.packages] == ["tree", "jq"]
    assert host.facts.notes == ("n",)
    assert not host.facts.complete


def test_lists_under_the_key_are_read_and_nonsense_is_an_exception(say: Say) -> None:
    host = say({"changed": True, "fitsom": [{"packages": [{"name": "tree"}]}]})
    assert host.facts == Facts(packages=(Package(name="tree", old=None, new=None),))
    assert not say({"changed": True, "fitsom": ["a", "b"]}).facts.complete


def test_a_result_that_cannot_be_read_is_written_down_as_one_without_secrets(say: Say) -> None:
    class Odd(dict[str, Any]):
        def items(self) -> Any:
            raise ValueError("hunter2 is odd")

    host = say({"changed": True, "fitsom": Odd(a=1)}, secrets=("hunter2",))
    assert host.counts == {Status.CHANGED: 1}
    assert len(host.items) == 1
    (result,) = host.facts.findings
    assert (result.kind, "hunter2" in json.dumps(host.facts.to_json())) == ("facts-unreadable", False)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(reported=answers, results=answers)
def test_whatever_a_module_answers_one_result_is_one_result(say: Say, reported: Any, results: Any) -> None:
    for result in ({"fitsom": reported, "results": results}, {"results": results}):
        assert say({"changed": True, **result}).counts == {Status.CHANGED: 1}
        assert say({"failed": True, **result}, event="failed").counts == {Status.FAILED: 1}
