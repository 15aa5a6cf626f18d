"""The checks of every other kind, each counted as a test: format, lint, types, Ansible, locks, house rules."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from fitsom_runner import __version__

ROOT = Path(__file__).parents[2]
TRACKED = subprocess.run(
    ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
    cwd=ROOT,
    capture_output=True,
    text=True,
    check=True,
).stdout.split()


SYNTAX_CHECK = "tests/contract/syntax_check.py"
PLAYBOOKS = sorted(f"playbooks/{path.name}" for path in (ROOT / "playbooks").glob("*.yml"))


def run(*command: str, given: str | None = None) -> str:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        command,
        cwd=ROOT,
        input=given,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PATH": path},
    )
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout[-6000:]}\n{done.stderr[-3000:]}"
    return done.stdout


def test_python_is_formatted() -> None:
    run("ruff", "format", "--check", ".")


def test_python_passes_the_linter() -> None:
    run("ruff", "check", ".")


def test_python_passes_the_type_checker() -> None:
    run("mypy")


def test_roles_and_playbooks_pass_ansible_lint_in_production_profile() -> None:
    lint = (sys.executable, "tests/contract/ansible_lint.py")
    run(*lint, "--offline", "--profile", "production", "playbooks", "roles", "molecule")


@pytest.fixture(scope="module")
def syntax() -> dict[str, tuple[int, str]]:
    """What Ansible says of each playbook."""
    questions = "".join(json.dumps(["--syntax-check", playbook]) + "\n" for playbook in PLAYBOOKS)
    answers = [json.loads(line) for line in run(sys.executable, SYNTAX_CHECK, given=questions).splitlines()]
    return {
        playbook: (code, out + err) for playbook, (code, out, err) in zip(PLAYBOOKS, answers, strict=True)
    }


@pytest.mark.parametrize("playbook", PLAYBOOKS)
def test_playbook_has_valid_syntax(playbook: str, syntax: dict[str, tuple[int, str]]) -> None:
    code, said = syntax[playbook]
    assert (code, f"playbook: {playbook}" in said) == (0, True), said


def test_models_and_migrations_agree() -> None:
    run("django-admin", "makemigrations", "--check", "--dry-run", "--settings", "fitsom_runner.settings")


@pytest.mark.parametrize("lock", ["requirements.txt", "requirements-dev.txt"])
def test_lock_carries_hashes_and_no_index(lock: str) -> None:
    text = (ROOT / lock).read_text()
    pinned = re.findall(r"^[a-z0-9._-]+==\S+", text, re.M | re.I)
    assert len(pinned) > 30
    assert text.count("--hash=sha256:") >= len(pinned)
    assert not re.search(r"https?://|--index|--extra-index|--find-links", text)


def test_generated_documentation_is_up_to_date() -> None:
    run("scripts/docs", "--check")


@pytest.mark.parametrize(
    "path", sorted(p for p in TRACKED if p.startswith("fitsom_runner/") and p.endswith(".py"))
)
def test_file_is_short_enough_to_be_one_subject(path: str) -> None:
    assert len((ROOT / path).read_text().splitlines()) <= 400


@pytest.mark.parametrize("path", sorted(p for p in TRACKED if re.fullmatch(r"roles/[^/]+/tasks/.*\.yml", p)))
def test_task_file_is_short_enough_to_be_one_subject(path: str) -> None:
    limit = 60 if path.endswith("/tasks/main.yml") else 120
    assert len((ROOT / path).read_text().splitlines()) <= limit


def test_no_file_names_a_path_of_somebodys_home() -> None:
    found = [
        path
        for path in TRACKED
        if (ROOT / path).is_file()
        and path not in ("tests/contract/test_checks.py", "LICENSE")
        and re.search(r"/home/[a-z]+/|/Users/", (ROOT / path).read_text(errors="replace"))
    ]
    assert found == []


def test_the_collection_passes_ansibles_own_sanity_tests() -> None:
    run("scripts/sanity")


def test_versions_stand_in_one_place() -> None:
    galaxy = re.search(r"^version: (.+)$", (ROOT / "galaxy.yml").read_text(), re.M)
    assert galaxy and galaxy[1] == __version__


def test_few_findings_of_the_sanity_tests_are_set_aside_each_with_its_reason() -> None:
    lines = (ROOT / "tests/sanity/ignore-2.21.txt").read_text().splitlines()
    assert len(lines) <= 10
    assert all(" # " in line for line in lines)


def test_our_roles_are_named_in_full() -> None:
    """ansible-lint asks that of modules only; a short name is found by no play outside this repository."""
    roles = "|".join(path.name for path in (ROOT / "roles").iterdir())
    short = re.compile(rf"^\s+(?:- role|name): (?:{roles})\s*$", re.M)
    content = [p for p in TRACKED if re.match(r"(roles|playbooks|molecule|tests)/.*\.yml$", p)]
    assert len(content) > 100
    assert [p for p in content if short.search((ROOT / p).read_text())] == []
    assert short.search("  roles:\n    - role: baseline\n")
