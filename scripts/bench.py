"""The benchmark: pairs in one run, ratios rather than seconds, since machines differ and drift.

Every competitor runs the same tasks (a third of them changes something) on the same containers over ssh, thirty of them
on ten hosts and nine on fifty, in turn: bare ansible-playbook with our ansible.cfg, `fitsom run` under each engine,
Ansible's defaults, ARA's callback.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
UV = shutil.which("uv") or str(ROOT / ".cache/uv/bin/uv")
ROUNDS = {10: 3}
# On two cores thirty tasks on fifty hosts take six minutes for each competitor; nine tell the same.
TRIPLETS = {10: 10}

PLAYBOOK = """\
- name: Tasks by three
  hosts: all
  gather_facts: true
  tasks:
{tasks}
    - name: Done
      ansible.builtin.debug:
        msg: done
      tags: [always, fitsom_host_done]
"""
CHANGING = """\
    - name: Write file {n}
      ansible.builtin.copy:
        content: "{n} {{{{ bench_round }}}}\\n"
        dest: /tmp/bench-{n}
        mode: "0644"
"""
QUIET = """\
    - name: Look at file {n}
      ansible.builtin.stat:
        path: /tmp/bench-{n}
    - name: Keep folder {n}
      ansible.builtin.file:
        path: /tmp/bench-folder-{n}
        state: directory
        mode: "0755"
"""


def say(words: str) -> None:
    print(f"==> {words}", flush=True)


def call(*command: str, env: dict[str, str] | None = None, cwd: Path = ROOT) -> tuple[float, str]:
    """Run to the end; wall seconds and what it printed. Leaves the benchmark where it fails."""
    began = time.monotonic()
    done = subprocess.run(
        command, cwd=cwd, env={**os.environ, **(env or {})}, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)} failed:\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}")
    return time.monotonic() - began, done.stdout


class Site:
    """A content repository and a school around the lab's hosts."""

    def __init__(self, folder: Path, lab: str, triplets: int) -> None:
        self.folder, self.repository = folder, folder / "repo"
        self.inventory = ROOT / ".lab" / lab / "inventory"
        (self.repository / "playbooks").mkdir(parents=True)
        for part in ("ansible.cfg", "galaxy.yml"):
            shutil.copy(ROOT / part, self.repository)
        for part in ("plugins", "meta", "ansible_collections"):
            cache = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / part, self.repository / part, symlinks=True, ignore=cache)
        parts = (CHANGING.format(n=n) + QUIET.format(n=n) for n in range(triplets))
        (self.repository / "playbooks/bench.yml").write_text(PLAYBOOK.format(tasks="".join(parts)))
        call("git", "init", "-q", cwd=self.repository)
        call("git", "add", "-A", cwd=self.repository)
        author = ("-c", "user.name=bench", "-c", "user.email=bench@localhost")
        call("git", *author, "commit", "-qm", "bench", cwd=self.repository)
        self.choose("ansible")
        self.env = {"FITSOM_CONFIG": str(folder / "fitsom.yml")}
        call("fitsom", "init", str(folder), env=self.env)

    def choose(self, engine: str) -> None:
        """Write fitsom.yml."""
        (self.folder / "fitsom.yml").write_text(
            f"school: {{name: Bench, timezone: UTC}}\nrepository: repo\ninventories: ['{self.inventory}']\n"
            f"acting_as_allowed: true\nstate: state\nengine: {engine}\n"
            f"sandbox: {{read: ['{self.inventory.parent / 'known_hosts'}']}}\npeople:\n"
            "  - {id: m, name: M, role: network_manager}\n  - {id: h, name: H, role: head}\n"
        )

    def bare(self, number: int, config: Path, extra: dict[str, str] | None = None) -> float:
        """ansible-playbook with the given ansible.cfg."""
        env = {"ANSIBLE_CONFIG": str(config), **(extra or {})}
        line = (
            "ansible-playbook",
            "-i",
            str(self.inventory),
            "playbooks/bench.yml",
            "-e",
            f"bench_round={number}",
        )
        return call(*line, env=env, cwd=self.repository)[0]

    def fitsom(self, number: int, engine: str) -> tuple[float, float]:
        """`fitsom run start` of an approved change: wall seconds without, and of, verifying and planning again."""
        self.choose(engine)
        start = datetime.now(UTC) - timedelta(minutes=1)
        line = [
            "fitsom",
            "--as",
            "m",
            "--json",
            "change",
            "new",
            "--title",
            "bench",
            "--playbook",
            "playbooks/bench.yml",
        ]
        line += ["--reason", "r", "--impact", "i", "--backout", "b", "-e", f"bench_round={number}"]
        line += ["--start", f"{start:%Y-%m-%d %H:%M}", "--end", "+120m"]
        change = json.loads(call(*line, env=self.env)[1])["number"]
        call("fitsom", "--as", "m", "--json", "change", "submit", change, env=self.env)
        seal = json.loads(call("fitsom", "--as", "m", "--json", "change", "plan", change, env=self.env)[1])[
            "seal"
        ]
        call("fitsom", "--as", "h", "--json", "change", "approve", change, "--seal", seal, env=self.env)
        wall, printed = call("fitsom", "--as", "m", "--json", "run", "start", change, env=self.env)
        run = json.loads(printed)
        again = parse(run["apply_started_at"]) - parse(run["claimed_at"])
        return wall - again.total_seconds(), again.total_seconds()


def parse(moment: str) -> datetime:
    return datetime.fromisoformat(moment)


def ara() -> dict[str, str]:
    """Environment for ARA's callback in an environment of its own."""
    venv = ROOT / ".cache" / "ara"
    if not (venv / "bin/ansible-playbook").exists():
        say("installing ARA into .cache/ara")
        call(UV, "venv", "-q", "--clear", "--python", sys.executable, str(venv))
        call(UV, "pip", "install", "-q", "--python", str(venv / "bin/python"), "ansible-core", "ara[server]")
    plugins = call(str(venv / "bin/python"), "-m", "ara.setup.callback_plugins")[1].strip()
    return {
        "PATH": f"{venv / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "ANSIBLE_CALLBACK_PLUGINS": plugins,
        "ARA_BASE_DIR": tempfile.mkdtemp(prefix="ara-"),
    }


def hosts(count: int, scratch: Path) -> dict[str, Any]:
    """All competitors in turn on `count` containers; medians of seconds and of pairwise ratios."""
    lab = f"bench{count}"
    spec = scratch / f"{lab}.yml"
    spec.write_text(f"hosts:\n  srv:\n    image: debian12\n    groups: [servers]\n    count: {count}\n")
    say(f"starting {count} containers")
    try:
        call(sys.executable, "molecule/shared/lab.py", "up", lab, "--spec", str(spec))
        site = Site(scratch / lab, lab, TRIPLETS.get(count, 3))
        return _rounds(count, site)
    finally:
        call(sys.executable, "molecule/shared/lab.py", "down", lab)


def _rounds(count: int, site: Site) -> dict[str, Any]:
    ours, with_ara = site.repository / "ansible.cfg", ara()
    defaults = site.folder / "empty.cfg"
    defaults.touch()
    no_check = {"ANSIBLE_HOST_KEY_CHECKING": "false"}
    site.bare(0, ours)
    names = ("bare", "fitsom", "again", "fitsom_mitogen", "again_mitogen", "defaults", "ara")
    times: dict[str, list[float]] = {name: [] for name in names}
    for number in range(1, ROUNDS.get(count, 2) + 1):
        times["bare"].append(site.bare(number * 10, ours))
        for engine, suffix in (("ansible", ""), ("mitogen", "_mitogen")):
            run, again = site.fitsom(number * 10 + (1 if engine == "ansible" else 4), engine)
            times[f"fitsom{suffix}"].append(run)
            times[f"again{suffix}"].append(again)
        times["defaults"].append(site.bare(number * 10 + 2, defaults, no_check))
        times["ara"].append(site.bare(number * 10 + 3, ours, with_ara))
        say(f"{count} hosts, round {number}: " + ", ".join(f"{k} {v[-1]:.1f} s" for k, v in times.items()))

    def ratio(one: str, other: str) -> float:
        return round(statistics.median(a / b for a, b in zip(times[one], times[other], strict=True)), 2)

    return {
        "hosts": count,
        "seconds": {name: round(statistics.median(values), 1) for name, values in times.items()},
        "fitsom / bare": ratio("fitsom", "bare"),
        "fitsom / fitsom_mitogen": ratio("fitsom", "fitsom_mitogen"),
        "again / fitsom": ratio("again", "fitsom"),
        "again_mitogen / fitsom": ratio("again_mitogen", "fitsom"),
        **{
            f"{other} / {ours}": ratio(other, ours)
            for other in ("defaults", "ara")
            for ours in ("fitsom", "fitsom_mitogen")
        },
    }


def store(scratch: Path, results: int = 50_000) -> dict[str, Any]:
    """Time of a report over many results, and bytes a result in database and ledger."""
    say(f"a report over {results} results")
    site = scratch / "store"
    site.mkdir()
    (site / "fitsom.yml").write_text(
        "school: {name: Bench, timezone: UTC}\ninventories: [x]\nstate: state\n"
        "people: [{id: m, name: M, role: network_manager}]\n"
    )
    env = {"FITSOM_CONFIG": str(site / "fitsom.yml")}
    call("fitsom", "init", str(site), env=env)
    _seconds, printed = call(sys.executable, "scripts/bench_store.py", str(results), env=env)
    found: dict[str, Any] = json.loads(printed.splitlines()[-1])
    return found


def main() -> None:
    """Everything, then the figures as JSON on the last lines."""
    counts = [int(word) for word in sys.argv[1:]] or [10, 50]
    scratch = Path(tempfile.mkdtemp(prefix="fitsom-bench-"))
    try:
        figures: dict[str, Any] = {
            "store": store(scratch),
            "runs": [hosts(count, scratch) for count in counts],
        }
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
