#!/usr/bin/python3
# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Count printed pages by department: fitsom-print-accounts.timer runs this.

Each job that CUPS has finished is counted once, under the department of the person who printed it; the person and the
title of the job are not written down. For each month there is a table (CSV) and a chart (SVG) in /var/lib/fitsom/print.
"""

import csv
import grp
import gzip
import itertools
import json
import os
import pwd
import sys
import time
from collections.abc import Iterable
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from fitsom_ipp import GET_JOBS, Group, IppError, every

POLICY, FOLDER, LOG = (
    Path("/etc/fitsom/print/policy.json"),
    Path("/var/lib/fitsom/print"),
    Path("/var/log/cups/page_log"),
)
COMPLETED = 9
NAMES = [
    "job-id", "job-state", "job-printer-uri", "time-at-creation", "time-at-completed", "job-impressions-completed",
    "print-color-mode", "job-originating-user-name",
]  # fmt: skip
COLUMNS = ["month", "department", "queue", "colour", "jobs", "pages", "cost"]


def moved(path: Path = FOLDER / "care.json") -> set[int]:
    """Jobs that the care of the queues sent elsewhere in the last week."""
    if not path.exists():
        return set()
    return {row["job"] for row in json.loads(path.read_text())["done"] if row["what"] == "moved"}


def logged(lines: Iterable[str]) -> dict[int, list[int]]:
    """Job to what page_log counted in all after each attempt: `7 [25/Nov/2026:01:59:18 +0000] anywhere total 4`."""
    counts: dict[int, list[int]] = {}
    for line in lines:
        words = line.split()
        if len(words) > 3 and words[-2] == "total" and words[0].isdigit() and words[-1].isdigit():
            counts.setdefault(int(words[0]), []).append(int(words[-1]))
    return counts


def page_log(path: Path = LOG) -> list[str]:
    """Its lines, the oldest first, with those of yesterday and before that logrotate keeps."""
    lines: list[str] = []
    for each in [
        *(path.with_name(f"{path.name}.{n}.gz") for n in range(9, 1, -1)),
        path.with_name(path.name + ".1"),
        path,
    ]:
        if each.exists():
            data = each.read_bytes()
            lines += (gzip.decompress(data) if each.suffix == ".gz" else data).decode().splitlines()
    return lines


def pages(job: Group, counts: dict[int, list[int]], elsewhere: bool) -> int:
    """Pages that were printed.

    CUPS adds up the attempts of a job. One that went elsewhere, from pool member to pool member or by the care, printed
    nothing before the last: attempts are known by their equal numbers. (Several files in one job are counted together.)
    """
    sums = [0, *counts.get(job["job-id"][0], [])]
    attempts = [after - before for before, after in itertools.pairwise(sums)]
    if elsewhere and len(set(attempts)) == 1:
        return attempts[0]
    return int(job.get("job-impressions-completed", [0])[0])


def department(user: str, departments: list[dict[str, Any]]) -> str:
    """The first department with a group that the person is in; empty if none."""
    try:
        person = pwd.getpwnam(user)
    except KeyError:
        return ""
    names = set()
    for number in os.getgrouplist(user, person.pw_gid):
        try:
            names.add(grp.getgrgid(number).gr_name)
        except KeyError:
            continue  # a group without a name cannot be listed
    return next((str(each["name"]) for each in departments if names & set(each["groups"])), "")


def price(queue: str, coloured: bool, tariffs: list[dict[str, Any]]) -> Decimal:
    """What a page costs: the queue's own tariff, or that of `*`."""
    for name in (queue, "*"):
        for tariff in tariffs:
            if tariff["queue"] == name:
                return Decimal(str(tariff["colour" if coloured else "mono"]))
    return Decimal(0)


def colour(job: Group, queue: str, policy: dict[str, Any]) -> bool:
    """Whether it was asked to be in colour; where nobody said, as the queue does it."""
    asked = job.get("print-color-mode", [""])[0]
    if asked:
        return asked not in ("monochrome", "process-monochrome", "bi-level")
    names = [name for name in policy["pools"].get(queue, [queue]) if name in policy["queues"]]
    return any(not policy["queues"][name]["mono"] for name in names)


def count(
    state: dict[str, Any],
    jobs: list[Group],
    counts: dict[int, list[int]],
    policy: dict[str, Any],
    moved: set[int],
) -> set[str]:
    """Add what is new to the state; returns the months that moved. moved: jobs that the care sent elsewhere."""
    known, months, keys = set(state["counted"]), set(), []
    for job in jobs:
        number = job["job-id"][0]
        key = f"{number}-{job['time-at-creation'][0]}"
        keys.append(key)
        if key in known or job["job-state"][0] != COMPLETED:
            continue
        queue = str(job["job-printer-uri"][0]).rsplit("/", 1)[-1]
        who = department(job.get("job-originating-user-name", [""])[0], policy["departments"])
        month = time.strftime("%Y-%m", time.localtime(job["time-at-completed"][0]))
        rows = state["months"].setdefault(month, {})
        row = rows.setdefault(json.dumps([who, queue, colour(job, queue, policy)]), {"jobs": 0, "pages": 0})
        row["jobs"] += 1
        row["pages"] += pages(job, counts, queue in policy["pools"] or number in moved)
        months.add(month)
    state["counted"] = keys
    return months


def table(month: str, state: dict[str, Any], policy: dict[str, Any]) -> list[list[str]]:
    """The rows of a month, most pages first."""
    rows = []
    for key, row in state["months"].get(month, {}).items():
        who, queue, coloured = json.loads(key)
        cost = row["pages"] * price(queue, coloured, policy["tariffs"])
        name = who or "(no department)"
        rows.append(
            [
                month,
                name,
                queue,
                "yes" if coloured else "no",
                str(row["jobs"]),
                str(row["pages"]),
                f"{cost:.2f}",
            ]
        )
    return sorted(rows, key=lambda row: (-int(row[5]), row))


def chart(month: str, rows: list[list[str]], currency: str) -> str:
    """A bar for each department, as SVG; readable in black and white print."""
    totals: dict[str, list[Decimal]] = {}
    for row in rows:
        sums = totals.setdefault(row[1], [Decimal(0), Decimal(0)])
        sums[0] += Decimal(row[5])
        sums[1] += Decimal(row[6])
    highest = max((sums[0] for sums in totals.values()), default=Decimal(1)) or Decimal(1)
    left = 30 + 8 * max((len(name) for name in totals), default=0)  # 8 pixels are more than a letter has
    width, height = left + 600, 60 + 34 * len(totals)
    title = f"Pages printed in {time.strftime('%B %Y', time.strptime(month, '%Y-%m'))}, by department"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        'role="img" font-family="sans-serif" font-size="14">',
        f"<title>{escape(title)}</title>",
        f'<text x="10" y="26" font-size="18">{escape(title)}</text>',
    ]
    for position, (name, (number, cost)) in enumerate(sorted(totals.items(), key=lambda each: -each[1][0])):
        top, length = 44 + 34 * position, int(360 * number / highest)
        label = f"{number} pages" + (f", {currency}{cost:.2f}" if cost else "")
        parts.append(f'<text x="{left - 10}" y="{top + 17}" text-anchor="end">{escape(name)}</text>')
        parts.append(f'<rect x="{left}" y="{top}" width="{length}" height="24" fill="#3b6ea5"/>')
        parts.append(f'<text x="{left + length + 8}" y="{top + 17}">{escape(label)}</text>')
    return "\n".join([*parts, "</svg>", ""])


def write(path: Path, text: str) -> None:
    """Whole or not at all, and on the disk."""
    fresh = path.with_name(path.name + ".new")
    with fresh.open("w", encoding="utf-8", newline="") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)


def rows_text(rows: list[list[str]]) -> str:
    """As CSV."""
    text = StringIO()
    csv.writer(text).writerows([COLUMNS, *rows])
    return text.getvalue()


def main() -> int:
    """0 where everything was counted."""
    policy = json.loads(POLICY.read_text())
    store = FOLDER / "accounts.json"
    state = json.loads(store.read_text()) if store.exists() else {"counted": [], "months": {}}
    try:
        months = count(
            state, every(GET_JOBS, NAMES, 120, which_jobs="completed"), logged(page_log()), policy, moved()
        )
    except IppError as error:
        print(f"CUPS: {error}", file=sys.stderr)
        return 1
    for month in sorted(months):
        rows = table(month, state, policy)
        write(FOLDER / f"pages-{month}.csv", rows_text(rows))
        write(FOLDER / f"pages-{month}.svg", chart(month, rows, policy["currency"]))
        print(f"{month}: {sum(int(row[5]) for row in rows)} pages")
    # Last: a run that is cut off before this counts the same jobs again, and writes the same tables.
    write(store, json.dumps(state))
    return 0


if __name__ == "__main__":
    sys.exit(main())
