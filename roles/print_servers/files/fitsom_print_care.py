#!/usr/bin/python3
# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Move or cancel waiting print jobs by the policy of the role print_servers; run by fitsom-print-care.timer.

A job whose printer does not answer moves to another printer of the same pool; one that has waited too long is
cancelled. No title and no person is read or written.
"""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from fitsom_ipp import GET_JOBS, GET_PRINTER, Group, IppError, ask, every

POLICY, STATE = Path("/etc/fitsom/print/policy.json"), Path("/var/lib/fitsom/print/care.json")
KEPT = 7 * 86400  # seconds for which actions are kept for the review
STOPPED = 5
JOB = ["job-id", "job-printer-uri", "time-at-creation"]


def prints(uri: str) -> bool:
    """Whether the printer answers and is not stopped."""
    try:
        answer = ask(uri, GET_PRINTER, ["printer-state"])
    except IppError:
        return False
    return not answer or answer[0].get("printer-state") != [STOPPED]


def other(queue: str, policy: dict[str, Any], alive: dict[str, bool]) -> str | None:
    """Another member of a pool of this queue, that prints."""
    for members in policy["pools"].values():
        if queue in members:
            for name in members:
                if name != queue and alive.get(name):
                    return str(name)
    return None


def decide(
    waiting: list[Group], policy: dict[str, Any], alive: dict[str, bool], now: float
) -> list[dict[str, Any]]:
    """What is done with which job: `{"what": "moved", "job": 7, "queue": "room12", "to": "library"}`."""
    done = []
    for job in waiting:
        queue = str(job["job-printer-uri"][0]).rsplit("/", 1)[-1]
        age = (now - job["time-at-creation"][0]) / 60
        row = {"job": job["job-id"][0], "queue": queue, "at": int(now)}
        to = other(queue, policy, alive) if alive.get(queue) is False else None
        if to and policy["move_minutes"] and age >= policy["move_minutes"]:
            done.append(dict(row, what="moved", to=to))
        elif policy["cancel_hours"] and age >= policy["cancel_hours"] * 60:
            done.append(dict(row, what="cancelled"))
    return done


def carry_out(row: dict[str, Any]) -> bool:
    """Whether CUPS did it."""
    job = str(row["job"])
    command = ["lpmove", job, row["to"]] if row["what"] == "moved" else ["cancel", job]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        print(
            "job {} of {}: {} failed: {}".format(job, row["queue"], command[0], done.stderr.strip()),
            file=sys.stderr,
        )
    else:
        print(
            "job {} of {}: {}{}".format(
                job, row["queue"], row["what"], " to {}".format(row["to"]) if "to" in row else ""
            )
        )
    return not done.returncode


def remember(rows: list[dict[str, Any]], now: float, path: Path = STATE) -> None:
    """Add to what was done; whole or not at all."""
    try:
        before = json.loads(path.read_text())["done"]
    except (OSError, ValueError):
        before = []
    kept = [row for row in before if now - row["at"] < KEPT]
    fresh = path.with_name(path.name + ".new")
    fresh.write_text(json.dumps({"looked": int(now), "done": kept + rows}))
    fresh.replace(path)


def main() -> int:
    """0 where everything could be done."""
    policy = json.loads(POLICY.read_text())
    now = time.time()
    try:
        waiting = every(GET_JOBS, JOB, which_jobs="not-completed")
    except IppError as error:
        print(f"CUPS: {error}", file=sys.stderr)
        return 1
    alive = {name: prints(queue["uri"]) for name, queue in policy["queues"].items()} if waiting else {}
    wanted = decide(waiting, policy, alive, now)
    done = [row for row in wanted if carry_out(row)]
    remember(done, now)
    return 0 if len(done) == len(wanted) else 1


if __name__ == "__main__":
    sys.exit(main())
