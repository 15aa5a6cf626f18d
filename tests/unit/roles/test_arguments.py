"""The arguments of every task of a role are those that `ansible-doc` knows. For Windows nothing else can tell here."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[3]
FILES = sorted(path for path in (ROOT / "roles").glob("*/tasks/*.yml"))
FREE = (
    "set_fact",
    "command",
    "include_tasks",
    "import_tasks",
    "include_role",
    "import_role",
    "meta",
    "debug",
)


def tasks(path: Path) -> Iterator[dict[str, Any]]:
    waiting = list(yaml.safe_load(path.read_text()) or [])
    while waiting:
        task = waiting.pop(0)
        blocks = [task.pop(part, None) or [] for part in ("block", "rescue", "always")]
        waiting = [*(one for block in blocks for one in block), *waiting]
        yield task


def modules(task: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, given in task.items():
        if name.count(".") >= 2 and name.rpartition(".")[2] not in FREE:
            yield name, given


@cache
def documented() -> dict[str, Any]:
    names = sorted({name for path in FILES for task in tasks(path) for name, _given in modules(task)})
    program = Path(sys.executable).parent / "ansible-doc"
    done = subprocess.run([program, "-j", *names], capture_output=True, text=True, check=True, cwd=ROOT)
    found: dict[str, Any] = json.loads(done.stdout)
    assert set(found) == set(names)
    return {name: found[name]["doc"]["options"] for name in names}


def shown(value: Any) -> str:
    """As ansible-doc shows a choice, a new line as its escape."""
    return str(value).encode("unicode_escape").decode()


def faults(given: Any, options: Mapping[str, Any], where: str) -> list[str]:
    """What is wrong with arguments, as far as they are literal."""
    if not isinstance(given, dict):
        return []
    known = {
        alias: option for name, option in options.items() for alias in (name, *option.get("aliases", []))
    }
    wrong = [f"{where}: {name} is no option" for name in given if name not in known]
    wrong += [
        f"{where}: {name} is missing"
        for name, option in options.items()
        if option.get("required") and not {name, *option.get("aliases", [])} & set(given)
    ]
    for name, value in given.items():
        option = known.get(name, {})
        members = value if isinstance(value, list) else [value]
        choices = [str(choice) for choice in option.get("choices") or []]
        wrong += [
            f"{where}: {name} is not {member}"
            for member in members
            if choices and "{{" not in str(member) and shown(member) not in choices
        ]
        if option.get("suboptions"):
            for member in members:
                wrong += faults(member, option["suboptions"], f"{where}: {name}")
    return wrong


@pytest.mark.parametrize("path", FILES, ids=[str(path.relative_to(ROOT / "roles")) for path in FILES])
def test_every_argument_is_one_that_the_module_knows(path: Path) -> None:
    wrong = [
        fault
        for task in tasks(path)
        for name, given in modules(task)
        for fault in faults(given, documented()[name], f"{task.get('name')}: {name}")
    ]
    assert wrong == []


def test_a_wrong_argument_a_wrong_word_and_a_missing_one_are_seen() -> None:
    options = documented()["community.windows.win_scheduled_task"]
    given = {"state": "there", "triggers": [{"typ": "boot"}], "when": 1}
    assert faults(given, options, "x") == [
        "x: when is no option",
        "x: name is missing",
        "x: state is not there",
        "x: triggers: typ is no option",
        "x: triggers: type is missing",
    ]
