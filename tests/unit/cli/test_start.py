"""A command starts fast: what it does not need is not imported. Held by names of modules, which no load changes."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from typer.core import TyperCommand, TyperGroup

from fitsom_runner import migration
from fitsom_runner.cli import commands
from fitsom_runner.cli.commands import COMMANDS, LazyGroup
from fitsom_runner.cli.main import app

PROGRAM = """
import sys
sys.argv[0] = "fitsom"
from fitsom_runner.gate import client
try:
    client.main()
finally:
    print("\\n".join(["MODULES", *sorted(sys.modules)]), file=sys.stderr)
"""
SCHOOL = """\
school: {name: Milton High}
inventories: [inventories/school]
acting_as_allowed: true
people:
  - {id: boucher, name: Nicholas Boucher, role: network_manager}
"""
ROOT = Path(__file__).resolve().parents[3]
CORE = {"fitsom_runner", "fitsom_runner.cli", "fitsom_runner.errors", "fitsom_runner.gate"} | {
    f"fitsom_runner.{name}"
    for name in ("cli.main", "cli.commands", "cli.context", "gate.client", "gate.messages")
}
# What reads YAML, knows Ansible, devices or directories, or draws pages.
HEAVY = {"ansible", "ansible_runner", "jinja2", "ldap3", "netmiko", "paramiko", "winrm"}


def imported_modules(folder: Path, *words: str, **variables: str) -> tuple[set[str], str]:
    """The modules that a command imported, and what it answered."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "100", "NO_COLOR": "1", **variables}
    environment.pop("FITSOM_CONFIG", None)
    process = subprocess.run(
        [sys.executable, "-c", PROGRAM, *words],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    output, _, modules = process.stderr.partition("MODULES\n")
    assert "Traceback" not in output, output
    return set(modules.split()), process.stdout


def own_modules(modules: set[str]) -> set[str]:
    return {name for name in modules if name.split(".")[0] == "fitsom_runner"}


def packages(modules: set[str]) -> set[str]:
    return {name.split(".")[0] for name in modules}


def test_help_imports_no_command_and_lists_them_all(tmp_path: Path) -> None:
    modules, answer = imported_modules(tmp_path, "--help")
    assert own_modules(modules) == CORE
    assert packages(modules).isdisjoint(HEAVY | {"asyncio", "django", "pydantic", "rich", "yaml"})
    listed = [line.split()[0] for line in answer.partition("Commands:")[2].splitlines() if line.strip()]
    assert listed[: len(COMMANDS)] == list(COMMANDS)


@pytest.mark.parametrize(
    ("line", "expected", "more"),
    [
        ("fitsom ch", ["change"], set()),
        ("fitsom change ca", ["cancel"], {"change", "rfc"}),
        ("fitsom change new --failure-r", ["--failure-risk"], {"change", "rfc"}),
        ("fitsom delegate give --po", ["--power"], {"delegate"}),
    ],
)
def test_completion_imports_the_command_that_it_completes_and_nothing_heavy(
    tmp_path: Path, line: str, expected: list[str], more: set[str]
) -> None:
    words = line.split()
    options = {"_FITSOM_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)}
    modules, answer = imported_modules(tmp_path, **options)
    assert answer.split() == expected
    rooms = {
        "fitsom_runner.caller",
        "fitsom_runner.changes",
        "fitsom_runner.changes.fields",
        "fitsom_runner.roles",
    }
    assert own_modules(modules) - rooms == CORE | {f"fitsom_runner.cli.{name}" for name in more}
    assert packages(modules).isdisjoint(HEAVY | {"django", "yaml"})
    if len(words) == 2:  # Typer needs it for a command's own options
        assert "pydantic" not in modules


def test_a_list_of_changes_imports_what_a_list_needs(tmp_path: Path) -> None:
    (tmp_path / "fitsom.yml").write_text(SCHOOL)
    imported_modules(tmp_path, "init", ".")
    command = ("change", "new", "--title", "Updates", "--playbook", "playbooks/patch.yml", "--as", "boucher")
    imported_modules(tmp_path, *command)
    modules, answer = imported_modules(tmp_path, "change", "list")
    assert "CHG-" in answer
    assert packages(modules).isdisjoint(HEAVY | {"markdown_it", "pygments"})
    for part in ("core.management", "db.migrations", "http", "urls"):
        assert f"django.{part}" not in modules
    for room in ("ansible", "operations"):
        assert f"fitsom_runner.{room}" not in modules
    late = {"facts", "reports.files", "processes.incidents", "execution.recovery", "execution.preparation"}
    assert {f"fitsom_runner.{name}" for name in late}.isdisjoint(modules)


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_of_the_table_is_there_under_its_name(name: str) -> None:
    command = commands.load(name)
    assert (command.name, command.help) == (name, COMMANDS[name].help)
    root = typer.main.get_command(app)
    assert isinstance(root, LazyGroup)
    called = root.get_command(typer.Context(root), name)
    assert [p.name for p in called.params] == [p.name for p in command.params]
    assert isinstance(called, TyperCommand | TyperGroup)


@pytest.mark.django_db
def test_the_migrations_of_this_version_are_those_that_django_loads() -> None:
    assert migration.shipped() == set(MigrationLoader(connection).disk_migrations)
