"""Every scenario of molecule/, whole: as .config/molecule/config.yml has it.

Each under both engines in turn: with one commit every other scenario under Mitogen, with the next one the others.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from fitsom_runner.ansible.engine import choose
from fitsom_runner.config import EngineName
from tests.progress import run_while_it_speaks
from tests.where_time_went import PHASES

ROOT = Path(__file__).parents[2]
PATH = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
SCENARIOS = sorted(p.parent.name for p in (ROOT / "molecule").glob("*/molecule.yml"))
#: The school takes longest, and its parts are in the others.
IN_TURN = [name for name in SCENARIOS if name != "school"]
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


def in_turn() -> list[str]:
    """The scenarios under Mitogen: FITSOM_TEST_MITOGEN (a name, "all" or "none"), else by the number of commits."""
    chosen = os.environ.get("FITSOM_TEST_MITOGEN")
    if chosen:
        return SCENARIOS if chosen == "all" else [chosen]
    count = ["git", "rev-list", "--count", "HEAD"]
    commits = subprocess.run(count, cwd=ROOT, capture_output=True, text=True, check=False).stdout
    return IN_TURN[int(commits or 0) % 2 :: 2]


def engine_of(scenario: str) -> dict[str, str]:
    """The variables that choose the engine of a scenario."""
    return choose(EngineName.MITOGEN).environment() if scenario in in_turn() else {}


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
            env={
                **os.environ,
                **state,
                **engine_of(scenario),
                "PATH": PATH,
                "ANSIBLE_FORCE_COLOR": "0",
                "NO_COLOR": "1",
            },
            silence=SILENCE,
            heard=heard,
        )
    finally:
        engine = engine_of(scenario).get("ANSIBLE_STRATEGY", "plain Ansible")
        (tmp_path / "molecule.log").write_text("".join(lines))
        phases.begin("")
        record_property(f"{PHASES}{scenario}, {engine}", phases.ended)
    assert code == 0, f"{engine}:\n" + "".join(lines)[-12000:]


def test_there_is_a_scenario_for_every_role() -> None:
    roles = {p.name for p in (ROOT / "roles").iterdir() if p.is_dir()}
    assert roles <= set(SCENARIOS)
