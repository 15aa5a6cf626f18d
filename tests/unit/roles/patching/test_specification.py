"""The role's variables, defaults and README hold together."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[4]
ROLE = ROOT / "roles/patching"


def read(path: str) -> Any:
    return yaml.safe_load((ROLE / path).read_text())


SPEC = read("meta/argument_specs.yml")["argument_specs"]["main"]["options"]
DEFAULTS = read("defaults/main.yml")


def test_every_variable_is_specified_and_has_a_default() -> None:
    assert list(SPEC) == list(DEFAULTS)


def test_defaults_are_the_specified_ones_unless_they_are_computed() -> None:
    for name, option in SPEC.items():
        computed = "{{" in str(DEFAULTS[name]) or (option["type"] == "list" and "default" not in option)
        assert computed or DEFAULTS[name] == option["default"], name


def test_names_show_whose_they_are() -> None:
    assert all(name.startswith("patching_") for name in SPEC)
    constants = [name for path in (ROLE / "vars").glob("*.yml") for name in yaml.safe_load(path.read_text())]
    assert all(name.startswith("__patching_") for name in constants)


def test_the_readme_says_what_the_specification_says() -> None:
    done = subprocess.run([sys.executable, "scripts/role_docs.py", "--check"], cwd=ROOT, check=False)
    assert done.returncode == 0


def test_task_files_are_short_and_their_index_shorter() -> None:
    sizes = {path.name: len(path.read_text().splitlines()) for path in (ROLE / "tasks").glob("*.yml")}
    assert max(sizes.values()) <= 120
    assert sizes["main.yml"] < 60


def test_every_task_that_reads_by_a_command_says_so() -> None:
    for path in (ROLE / "tasks").glob("*.yml"):
        for task in yaml.safe_load(path.read_text()):
            if "ansible.builtin.command" in task and "creates" not in task["ansible.builtin.command"]:
                assert (task["changed_when"], task["check_mode"]) == (False, False), task["name"]
            assert "ansible.builtin.shell" not in task


def test_the_last_task_of_a_host_carries_the_done_mark() -> None:
    last = read("tasks/done.yml")[-1]
    assert set(last["tags"]) == {"always", "fitsom_host_done"}
