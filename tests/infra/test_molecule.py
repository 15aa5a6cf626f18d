"""Every scenario of molecule/, whole: as .config/molecule/config.yml has it."""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.progress import run_while_it_speaks
from tests.where_time_went import PHASES

ROOT = Path(__file__).parents[2]
PATH = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
SCENARIOS = sorted(p.parent.name for p in (ROOT / "molecule").glob("*/molecule.yml"))
#: Longer than images are built on a slow machine, since nobody hears of that.
SILENCE = 1800.0
PHASE = re.compile(r"\[\S+ > (\w+)\] Executing")
RESULT = re.compile(r"(ok|changed|skipping|fatal|failed|included): ")


class Phases:
    """Where a scenario's time goes: seconds and results of tasks of each phase, as molecule's log tells it."""

    def __init__(self) -> None:
        self.name, self.began, self.results = "start", time.monotonic(), 0
        self.ended: list[tuple[str, float, int]] = []

    def hear(self, line: str) -> None:
        """Take the next line."""
        self.results += bool(RESULT.match(line))
        if found := PHASE.search(line):
            self.begin(found[1])

    def begin(self, name: str) -> None:
        """The phase before has ended."""
        now = time.monotonic()
        self.ended.append((self.name, now - self.began, self.results))
        self.name, self.began, self.results = name, now, 0


@pytest.mark.lab
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_scenario_passes(
    scenario: str, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    # Molecule names its state by the checkout's last folder alone, so two checkouts would share one.
    state = {"MOLECULE_EPHEMERAL_DIRECTORY": str(tmp_path / "state")}
    lines: list[str] = []
    phases = Phases()

    def heard(line: str) -> None:
        lines.append(line)
        phases.hear(line)

    try:
        code = run_while_it_speaks(
            ["molecule", "test", "-s", scenario],
            cwd=ROOT,
            env={**os.environ, **state, "PATH": PATH, "ANSIBLE_FORCE_COLOR": "0", "NO_COLOR": "1"},
            silence=SILENCE,
            heard=heard,
        )
    finally:
        (tmp_path / "molecule.log").write_text("".join(lines))
        phases.begin("")
        record_property(f"{PHASES}{scenario}", phases.ended)
    assert code == 0, "".join(lines)[-12000:]


def test_there_is_a_scenario_for_every_role() -> None:
    roles = {p.name for p in (ROOT / "roles").iterdir() if p.is_dir()}
    assert roles <= set(SCENARIOS)
