"""Unchanged converges of the role print_servers: a print server with 40 queues, on a host that plays the printers.

Usage: python scripts/bench_print.py [QUEUES ROUNDS]   (default: 40 3)
`unchanged` is a second converge of playbooks/print.yml, in seconds; `look` the same by the tag print_servers_state.
CUPS and every printer are asked in each of them.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "molecule/shared")]

from scripts.bench_tools import checked, figures, say  # noqa: E402
from tests.integration.directory_lab import stop  # noqa: E402

SPEC = """\
refresh: false
hosts:
  print: {image: debian13+printing, groups: [print_servers]}
  printer: {image: debian12+printers, groups: [printers]}
"""
PREPARE = """\
- hosts: printers
  gather_facts: false
  tasks:
    - command: systemd-run --unit=printer{{ item }} ippeveprinter -2 -p {{ item }} -r off -d /var/tmp p{{ item }}
      loop: "{{ range(8600, 8600 + %d) | list }}"
"""


def timed(inventory: Path, *more: str) -> float:
    """Seconds of a converge that changes nothing; fails where it changed something."""
    began = time.monotonic()
    told = checked("ansible-playbook", "-i", str(inventory), str(ROOT / "playbooks/print.yml"), *more)
    seconds = time.monotonic() - began
    if told.count("changed=0") != 1:
        raise SystemExit(f"it changed something: {told[-500:]}")
    return seconds


def main(arguments: list[str]) -> None:
    given = [int(argument) for argument in arguments]
    queues, rounds = (*given, *(40, 3)[len(given) :])
    with tempfile.TemporaryDirectory(prefix="fitsom-bench-") as name:
        folder = Path(name)
        (folder / "lab.yml").write_text(SPEC)
        (folder / "prepare.yml").write_text(PREPARE % queues)
        lab = (
            sys.executable,
            "molecule/shared/lab.py",
            "up",
            "printbench",
            "--spec",
            str(folder / "lab.yml"),
        )
        try:
            say(f"a print server, and {queues} printers")
            checked(*lab, env={"FITSOM_LAB_DIR": name})
            inventory = folder / "printbench/inventory"
            hosts = yaml.safe_load((inventory / "hosts.yml").read_text())["all"]["hosts"]
            uri = f"ipp://{hosts['printer']['ansible_host']}:%d/ipp/print"
            rows = [{"name": f"queue{n}", "uri": uri % (8600 + n)} for n in range(queues)]
            (inventory / "group_vars").mkdir(exist_ok=True)
            (inventory / "group_vars/print_servers.yml").write_text(
                yaml.safe_dump({"print_servers_queues": rows})
            )
            checked("ansible-playbook", "-i", str(inventory), str(folder / "prepare.yml"))
            began = time.monotonic()
            checked("ansible-playbook", "-i", str(inventory), str(ROOT / "playbooks/print.yml"))
            first = time.monotonic() - began
            say("unchanged converges, and looks")
            taken = {
                "unchanged": [timed(inventory) for _ in range(rounds)],
                "look": [timed(inventory, "--tags", "print_servers_state") for _ in range(rounds)],
            }
            told = {how: figures(seconds) for how, seconds in taken.items()}
            print(json.dumps({"queues": queues, "first_converge": round(first, 1), **told}, indent=2))
        finally:
            stop(folder)


if __name__ == "__main__":
    main(sys.argv[1:])
