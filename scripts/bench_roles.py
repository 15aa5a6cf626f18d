"""What an unchanged host costs, role by role: the small school of molecule/school, once in line, looked at again.

Usage: scripts/bench_roles.py [ROUNDS]   (default: 3). Prints figures as JSON.
Each playbook runs in turn under each engine and must change nothing. `per_host` is its wall seconds by the hosts that
it is about; `to_facts` its ratio to gathering the facts of the same hosts by bare Ansible, the least that any
look costs.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "molecule/shared")]

from fitsom_runner.ansible.engine import choose  # noqa: E402
from fitsom_runner.config import EngineName  # noqa: E402
from scripts.bench_tools import checked, figures, say  # noqa: E402
from tests.integration.directory_lab import stop  # noqa: E402

MITOGEN = choose(EngineName.MITOGEN).environment()
#: Playbook to the hosts that it is about.
ROLES = {
    "patch": ("srv1", "srv2"),
    "baseline": ("srv1", "srv2"),
    "directory": ("dc1", "srv1"),
    "firewall": ("srv1", "srv2"),
    "backup": ("srv1", "srv2"),
    "print": ("srv1",),
}


def play(inventory: Path, *words: str, env: dict[str, str] | None = None) -> float:
    """Wall seconds of a playbook."""
    began = time.monotonic()
    told = checked("ansible-playbook", "-i", str(inventory), *words, env=env)
    seconds = time.monotonic() - began
    if "-v" in words and told.count("changed=0") != told.count("changed="):
        raise SystemExit(f"{words[0]} changed something: {told[-1500:]}")
    return seconds


def facts(inventory: Path, hosts: tuple[str, ...]) -> float:
    began = time.monotonic()
    checked("ansible", "-i", str(inventory), ",".join(hosts), "-m", "ansible.builtin.setup")
    return time.monotonic() - began


def measured(inventory: Path, name: str, rounds: int) -> dict[str, float]:
    """Seconds per host, and the ratio to facts alone, in pairs."""
    hosts = ROLES[name]
    ours, mitogen, bare = [], [], []
    for _round in range(rounds):
        ours.append(play(inventory, str(ROOT / f"playbooks/{name}.yml"), "-v"))
        mitogen.append(play(inventory, str(ROOT / f"playbooks/{name}.yml"), "-v", env=MITOGEN))
        bare.append(facts(inventory, hosts))
    ratio = statistics.median(ours) / statistics.median(bare)
    under = {"per_host": ours, "per_host_mitogen": mitogen}
    seconds = {
        f"{label}_{which}": value
        for label, times in under.items()
        for which, value in figures([each / len(hosts) for each in times]).items()
    }
    return {**seconds, "to_facts": round(ratio, 1)}


def main(arguments: list[str]) -> None:
    rounds = int(arguments[0]) if arguments else 3
    with tempfile.TemporaryDirectory(prefix="fitsom-bench-") as name:
        folder = Path(name)
        inventory = folder / "roles/inventory"
        up = (sys.executable, "molecule/shared/lab.py", "up", "roles", "--spec", "molecule/school/lab.yml")
        try:
            say("a small school, brought in line by all six roles")
            checked(*up, env={"FITSOM_LAB_DIR": name})
            play(inventory, str(ROOT / "molecule/school/prepare.yml"))
            first = play(inventory, str(ROOT / "playbooks/site.yml"))
            told = {}
            for role in ROLES:
                say(f"{role}, unchanged")
                told[role] = measured(inventory, role, rounds)
            print(json.dumps({"first_run_of_everything": round(first, 1), **told}, indent=2))
        finally:
            stop(folder)


if __name__ == "__main__":
    main(sys.argv[1:])
