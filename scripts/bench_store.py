"""Fill a site with one run of many results, as a ledger would, and time its report. Called by bench.py."""

from __future__ import annotations

import json
import sys
import time
from datetime import timedelta
from pathlib import Path

from fitsom_runner import boot, clock, config

TASKS = 50


def main() -> None:
    """Print {"report_seconds": ..., "bytes_per_result": ...}."""
    results = int(sys.argv[1])
    settings = config.load(config.find())
    boot.start(settings)
    from django.db import connection

    from fitsom_runner.changes.models import Change, Plan
    from fitsom_runner.execution.models import Run
    from fitsom_runner.execution.outcome import finish
    from fitsom_runner.execution.states import RunStatus
    from fitsom_runner.reports import files

    hosts = [f"host{n:04d}" for n in range(results // TASKS)]
    change = Change.objects.create(
        number="CHG-2026-0001",
        type="minor",
        state="running",
        title="bench",
        playbook="playbooks/x.yml",
        requester="m",
        created_at=clock.now(),
    )
    plan = Plan.objects.create(
        id="p",
        change=change,
        version=1,
        created_at=clock.now(),
        created_by="m",
        commit="0" * 40,
        seal="0" * 64,
    )
    Change.objects.filter(pk=change.pk).update(plan=plan)
    run = Run.objects.create(
        id="CHG-2026-0001-run1",
        change=change,
        plan=plan,
        status=RunStatus.APPLYING,
        started_by="m",
        os_user="m",
        claimed_at=clock.now() - timedelta(minutes=9),
        apply_started_at=clock.now() - timedelta(minutes=8),
        hosts=hosts,
    )
    folder = settings.run_dir(run.id)
    folder.mkdir(parents=True)
    before = _size(settings.state)
    _ledger(folder / "ledger.jsonl", hosts)
    finish(settings, run, None)
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # what waits in the write-ahead log is there twice
    stored = _size(settings.state) - before - sum(p.stat().st_size for p in folder.glob("report.*"))
    began = time.monotonic()
    files.after_run(Run.objects.get(pk=run.pk), settings)
    print(
        json.dumps(
            {
                "report_seconds": round(time.monotonic() - began, 2),
                "bytes_per_result": round(stored / results),
            }
        )
    )


def _ledger(path: Path, hosts: list[str]) -> None:
    with path.open("w") as out:
        out.write(json.dumps({"e": "start", "at": time.time(), "pid": 1, "v": 1, "t": 0}) + "\n")
        for task in range(TASKS):
            told = {
                "e": "task",
                "i": task,
                "n": f"Task number {task}",
                "a": "ansible.builtin.copy",
                "r": "role",
                "t": task,
            }
            out.write(json.dumps(told) + "\n")
            for number, host in enumerate(hosts):
                status = 1 if number % 3 == 0 else 0
                event = {
                    "e": "res",
                    "h": host,
                    "i": task,
                    "s": status,
                    "b": task * 900 + number,
                    "d": 850 + number % 97,
                }
                if status:
                    change = {
                        "k": f"{number * task:016x}",
                        "diff": f"--- before\n+++ after\n@@\n-old {number}\n+new {task}\n",
                    }
                    event["x"] = {"changes": [change]}
                out.write(json.dumps(event) + "\n")
        quiet = {
            "ok": TASKS,
            "failures": 0,
            "unreachable": 0,
            "changed": 0,
            "skipped": 0,
            "rescued": 0,
            "ignored": 0,
        }
        out.write(json.dumps({"e": "stats", "hosts": dict.fromkeys(hosts, quiet), "t": 0}) + "\n")


def _size(state: Path) -> int:
    return sum(p.stat().st_size for p in state.rglob("*") if p.is_file())


if __name__ == "__main__":
    main()
