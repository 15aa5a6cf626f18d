"""The rooms keep to their floors: the contracts of pyproject.toml hold, and they see what they are to see."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LINTER = Path(sys.executable).with_name("lint-imports")


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    """Run the contracts of pyproject.toml over the package in `folder`."""
    command = [str(LINTER), "--no-cache", "--config", str(ROOT / "pyproject.toml")]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_every_import_keeps_to_the_contracts() -> None:
    process = lint(ROOT)
    assert process.returncode == 0, process.stdout


@pytest.mark.parametrize(
    ("module", "line", "contract"),
    [
        ("changes/service.py", "from fitsom_runner.execution import runs", "Arrows between the rooms"),
        (
            "changes/seal.py",
            "def late() -> None:\n    import ansible",
            "The record of a change knows no Ansible",
        ),
        ("cli/progress.py", "import ansible_runner", "Only the room ansible imports Ansible"),
        ("execution/runs.py", "import ansible_runner", "Only the room ansible imports Ansible"),
        (
            "ansible/ledger.py",
            "def late() -> None:\n    from django.db import models",
            "The room ansible knows no change and no database",
        ),
        ("ansible/play.py", "from fitsom_runner.changes import seal", "Arrows between the rooms"),
        ("changes/seal.py", "from fitsom_runner.ansible import ledger", "Arrows between the rooms"),
        ("errors.py", "from fitsom_runner import config", "Arrows between the rooms"),
        ("setup/hosts.py", "from fitsom_runner.operations import health", "Arrows between the rooms"),
        ("execution/runs.py", "from fitsom_runner.setup import upgrade", "Arrows between the rooms"),
        ("setup/repository.py", "import ansible_collections", "Only the room ansible imports Ansible"),
        ("facts.py", "from fitsom_runner.changes import prediction", "Arrows between the rooms"),
    ],
)
def test_an_import_that_points_up_is_found(tmp_path: Path, module: str, line: str, contract: str) -> None:
    target = tmp_path / "fitsom_runner"
    for path in (ROOT / "fitsom_runner").rglob("*.py"):
        copy = target / path.relative_to(ROOT / "fitsom_runner")
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes())
    with (target / module).open("a") as handle:
        handle.write(f"\n{line}\n")
    process = lint(tmp_path)
    assert process.returncode == 1
    assert contract in process.stdout
    assert "BROKEN" in process.stdout


def test_every_room_is_named_in_the_contract_on_ansible() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    rooms = {
        f"fitsom_runner.{path.stem}"
        for path in (ROOT / "fitsom_runner").iterdir()
        if path.suffix == ".py" or (path / "__init__.py").exists()
    }
    assert set(contracts[1]["source_modules"]) == rooms - {
        "fitsom_runner.__init__",
        "fitsom_runner.ansible",
    }
