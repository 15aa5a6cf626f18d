"""20,000 small files backed up as the role's unit does it, against bare restic; and unchanged converges of the role.

Usage: scripts/bench_backup.py [FILES] [ROUNDS]   (default: 20000 3). Prints figures as JSON.

Both back up the same files to the same kind of server over TLS, each time into a repository that is new, in turn.
`unchanged` is a second converge of playbooks/backup.yml over client and server, in seconds per host.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "molecule/shared")]

from scripts.bench_tools import checked, figures, say  # noqa: E402
from tests.integration.directory_lab import run, stop  # noqa: E402

SPEC = """\
refresh: false
hosts:
  client: {image: debian13+backups, groups: [backed_up]}
  server: {image: debian13+backups, groups: [backup_servers]}
"""
PREPARE = """\
- hosts: backup_servers
  gather_facts: false
  tasks: [{include_tasks: %s}]
- hosts: backed_up
  gather_facts: false
  tasks:
    - command:
        argv:
          - python3
          - -c
          - |
            import os, pathlib
            for number in range(%d):
                folder = pathlib.Path("/srv/bench", str(number // 100))
                folder.mkdir(parents=True, exist_ok=True)
                (folder / str(number)).write_bytes(os.urandom(2048))
"""
# The unit with all that it does, and one command of restic with the same settings; both into a repository that is new.
BACKUPS = {
    "role": "systemctl start fitsom-backup-bench.service",
    "bare": "restic --cacert /etc/fitsom/backups/main.pem backup --quiet /srv/bench",
}
TIMED = """\
set -eu
set -a; . /etc/fitsom/backups/main.env; set +a
rm -rf "$RESTIC_CACHE_DIR"
restic --cacert /etc/fitsom/backups/main.pem init >/dev/null
python3 - <<'TIMER'
import subprocess, time
began = time.monotonic()
subprocess.run(["sh", "-c", "{backup}"], check=True)
print(time.monotonic() - began)
TIMER
"""
FRESH = "rm -rf /srv/backups/client; systemctl restart fitsom-backup-server; sleep 1"


class Lab:
    """A client and a server, with the role on both."""

    def __init__(self, folder: Path, files: int) -> None:
        self.inventory = folder / "backupbench/inventory"
        self.hosts: dict[str, Any] = yaml.safe_load((self.inventory / "hosts.yml").read_text())["all"][
            "hosts"
        ]
        (folder / "prepare.yml").write_text(PREPARE % (ROOT / "molecule/shared/tasks/lab_ca.yml", files))
        ca = (
            "{{ lookup('ansible.builtin.file', (ansible_ssh_private_key_file | dirname) ~ '/ca/server.%s') }}"
        )
        everybody = {
            "backups_escrow_dir": str(folder / "keys"),
            "backups_escrow_passphrase": "only-for-this-bench",
            "backups_repositories": [{"name": "main", "server": "server"}],
            "backups_server_certificate": ca % "pem",
            "backups_server_certificate_key": ca % "key",
            "backups_server_authority": ca.replace("server.%s", "ca.pem"),
        }
        (self.inventory / "group_vars").mkdir(exist_ok=True)
        (self.inventory / "group_vars/all.yml").write_text(yaml.safe_dump(everybody))
        (self.inventory / "group_vars/backup_servers.yml").write_text(
            yaml.safe_dump({"backups_server": True, "backups_server_clients": ["client"]})
        )
        bench = {"name": "bench", "owner": "x", "paths": ["/srv/bench"]}
        (self.inventory / "group_vars/backed_up.yml").write_text(yaml.safe_dump({"backups_sets": [bench]}))
        self.play(folder / "prepare.yml")
        self.play(ROOT / "playbooks/backup.yml")

    def play(self, playbook: Path) -> str:
        return checked("ansible-playbook", "-i", str(self.inventory), str(playbook))

    def on(self, host: str, script: str) -> str:
        words = ("ansible", host, "-i", str(self.inventory), "-m", "ansible.builtin.shell", "-a", script)
        return checked(*words).strip().splitlines()[-1]

    def backup(self, how: str) -> float:
        self.on("server", FRESH)
        return float(self.on("client", TIMED.replace("{backup}", BACKUPS[how])))

    def unchanged(self) -> float:
        """Seconds per host of a converge that changes nothing; fails where it changed something."""
        began = time.monotonic()
        told = self.play(ROOT / "playbooks/backup.yml")
        seconds = (time.monotonic() - began) / len(self.hosts)
        if told.count("changed=0") != len(self.hosts):
            raise SystemExit(f"the second run changed something: {told[-500:]}")
        return seconds


def main(arguments: list[str]) -> None:
    given = [int(argument) for argument in arguments]
    files, rounds = (*given, *(20_000, 3)[len(given) :])
    with tempfile.TemporaryDirectory(prefix="fitsom-bench-") as name:
        folder = Path(name)
        (folder / "lab.yml").write_text(SPEC)
        lab = [
            sys.executable,
            "molecule/shared/lab.py",
            "up",
            "backupbench",
            "--spec",
            str(folder / "lab.yml"),
        ]
        try:
            say("two hosts, and the role on them")
            up = run(*lab, env={"FITSOM_LAB_DIR": name})
            if up.returncode:
                raise SystemExit(up.stderr)
            pair = Lab(folder, files)
            say("unchanged converges")
            unchanged = [pair.unchanged() for _ in range(rounds)]
            taken: dict[str, list[float]] = {"role": [], "bare": []}
            for turn in range(rounds):
                say(f"{files} files, round {turn + 1} of {rounds}")
                for how in sorted(taken, reverse=bool(turn % 2)):
                    taken[how].append(pair.backup(how))
            ratio = statistics.median(taken["role"]) / statistics.median(taken["bare"])
            print(
                json.dumps(
                    {
                        "files": files,
                        **{how: figures(seconds) for how, seconds in taken.items()},
                        "role_to_bare": round(ratio, 3),
                        "unchanged_converge_seconds_per_host": figures(unchanged),
                    },
                    indent=2,
                )
            )
        finally:
            stop(folder)


if __name__ == "__main__":
    main(sys.argv[1:])
