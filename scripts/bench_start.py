"""How fast the command starts: each as a multiple of Python's own start, in turn. Prints figures as JSON.

Usage: scripts/bench_start.py [ROUNDS]   (default: 15)
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "molecule/shared")]

from scripts.bench_tools import figures, say  # noqa: E402

PROGRAM = str(Path(sys.executable).with_name("fitsom"))
COMMANDS = {
    "python -c pass": [sys.executable, "-c", "pass"],
    "fitsom --help": [PROGRAM, "--help"],
    "completion": [PROGRAM],
    "fitsom change list": [PROGRAM, "change", "list"],
}
COMPLETION = {"_FITSOM_COMPLETE": "complete_bash", "COMP_WORDS": "fitsom ch", "COMP_CWORD": "1"}
SCHOOL = """\
school: {name: Bench, timezone: UTC}
inventories: [inventory]
acting_as_allowed: true
state: state
people: [{id: m, name: M, role: network_manager}]
"""


def seconds(name: str, folder: Path) -> float:
    """Wall seconds of one start; ends the bench where it fails."""
    began = time.monotonic()
    done = subprocess.run(
        COMMANDS[name],
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", **(COMPLETION if name == "completion" else {})},
        capture_output=True,
        text=True,
        check=False,
    )
    took = time.monotonic() - began
    if done.returncode:
        raise SystemExit(f"{name} failed: {done.stdout[-1000:]}{done.stderr[-1000:]}")
    return took


def main(rounds: int) -> None:
    """Each command once in every round, so that a busy machine is busy for all."""
    say(f"starting the command, {rounds} rounds")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "fitsom.yml").write_text(SCHOOL)
        (folder / "inventory").mkdir()
        subprocess.run([PROGRAM, "init", "."], cwd=folder, capture_output=True, check=True)
        for command in COMMANDS:
            seconds(command, folder)
        taken: dict[str, list[float]] = {command: [] for command in COMMANDS}
        for _round in range(rounds):
            for command, times in taken.items():
                times.append(seconds(command, folder))
    python = statistics.median(taken["python -c pass"])
    rows = {
        command: {**figures(times), "to_python": round(statistics.median(times) / python, 1)}
        for command, times in taken.items()
    }
    print(json.dumps({"start": rows}, indent=2))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 15)
