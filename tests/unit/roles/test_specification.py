"""Each role's variables, defaults, tasks and README hold together."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[3]
ROLES = sorted((ROOT / "roles").iterdir(), key=lambda path: path.name)
BY_NAME = [path.name for path in ROLES]
TITLES = (
    "**What it overwrites.**",
    "**Back-out class",
    "## Platforms",
    "## Smallest example",
    "## Tags",
    "## How it is tested",
)


def read(role: Path, path: str) -> Any:
    return yaml.safe_load((role / path).read_text())


def options(role: Path) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = read(role, "meta/argument_specs.yml")["argument_specs"]["main"][
        "options"
    ]
    return found


def tasks(role: Path) -> list[dict[str, Any]]:
    return [task for path in (role / "tasks").glob("*.yml") for task in yaml.safe_load(path.read_text())]


@pytest.mark.parametrize("role", ROLES, ids=BY_NAME)
def test_every_variable_is_specified_and_has_a_default(role: Path) -> None:
    assert list(options(role)) == list(read(role, "defaults/main.yml"))


@pytest.mark.parametrize("role", ROLES, ids=BY_NAME)
def test_defaults_are_the_specified_ones_unless_they_are_computed(role: Path) -> None:
    defaults = read(role, "defaults/main.yml")
    for name, option in options(role).items():
        computed = "{{" in str(defaults[name]) or (option["type"] == "list" and "default" not in option)
        assert computed or defaults[name] == option["default"], name


@pytest.mark.parametrize("role", ROLES, ids=BY_NAME)
def test_names_show_whose_they_are(role: Path) -> None:
    assert all(name.startswith(f"{role.name}_") for name in options(role))
    constants = [name for path in (role / "vars").glob("*.yml") for name in yaml.safe_load(path.read_text())]
    assert constants
    assert all(name.startswith(f"__{role.name}_") for name in constants)


@pytest.mark.parametrize("role", ROLES, ids=BY_NAME)
def test_the_readme_says_what_a_reader_looks_for(role: Path) -> None:
    readme = (role / "README.md").read_text()
    assert [title for title in TITLES if title not in readme] == []
    assert next(iter(options(role))) in readme


def test_the_readmes_say_what_the_specifications_say() -> None:
    done = subprocess.run([sys.executable, "scripts/role_docs.py", "--check"], cwd=ROOT, check=False)
    assert done.returncode == 0


@pytest.mark.parametrize("role", ROLES, ids=BY_NAME)
def test_every_task_that_reads_by_a_command_says_so(role: Path) -> None:
    for task in tasks(role):
        if "ansible.builtin.command" in task and "creates" not in task["ansible.builtin.command"]:
            assert (task["changed_when"], task["check_mode"]) == (False, False), task["name"]
        assert "ansible.builtin.shell" not in task


@pytest.mark.parametrize("role", ROLES, ids=BY_NAME)
def test_the_last_task_of_a_host_carries_the_done_mark(role: Path) -> None:
    last = read(role, "tasks/done.yml")[-1]
    assert set(last["tags"]) == {"always", "fitsom_host_done"}
