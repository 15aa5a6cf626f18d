"""Every scenario of molecule/, whole: as .config/molecule/config.yml has it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PATH = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
SCENARIOS = sorted(p.parent.name for p in (ROOT / "molecule").glob("*/molecule.yml"))


@pytest.mark.lab
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_scenario_passes(scenario: str, tmp_path: Path) -> None:
    log = tmp_path / "molecule.log"
    # Molecule names its state by the checkout's last folder alone, so two checkouts would share one.
    state = {"MOLECULE_EPHEMERAL_DIRECTORY": str(tmp_path / "state")}
    with log.open("w") as output:
        done = subprocess.run(
            ["molecule", "test", "-s", scenario],
            cwd=ROOT,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, **state, "PATH": PATH, "ANSIBLE_FORCE_COLOR": "0", "NO_COLOR": "1"},
            check=False,
            timeout=1800,
        )
    text = log.read_text(errors="replace")
    assert done.returncode == 0, text[-12000:]


def test_there_is_a_scenario_for_every_role() -> None:
    roles = {p.name for p in (ROOT / "roles").iterdir() if p.is_dir()}
    assert roles <= set(SCENARIOS)
