# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Findings about queues, printers and waiting jobs.

Pure; no job's title and no person is ever read.
"""

from __future__ import annotations

from typing import Any, Dict, Iterable, List, Mapping, Optional, Tuple, Union

from ..findings import Finding, finding
from .ipp import Group, IppError
from .model import Destination, first

STOPPED = 5
#: printer-state-reasons of RFC 8011 that stop a printer, and what they mean for whoever goes there.
STOPPING = {
    "media-jam": "paper is jammed",
    "media-empty": "it is out of paper",
    "media-needed": "it is out of paper",
    "toner-empty": "it is out of toner",
    "marker-supply-empty": "it is out of ink or toner",
    "marker-waste-full": "its waste box is full",
    "cover-open": "its cover is open",
    "door-open": "its door is open",
    "interlock-open": "its cover is open",
    "input-tray-missing": "its tray is missing",
    "output-area-full": "its output tray is full",
    "fuser-over-temp": "it is too hot",
    "shutdown": "it is shutting down",
    "stopped-partly": "it has stopped",
}
LOW = {
    "media-low": "paper runs low",
    "toner-low": "toner runs low",
    "marker-supply-low": "ink or toner runs low",
    "marker-waste-almost-full": "its waste box is nearly full",
    "output-area-almost-full": "its output tray is nearly full",
}


def reason(text: str) -> str:
    """`media-jam-error` is `media-jam`."""
    for ending in ("-error", "-warning", "-report"):
        text = text.removesuffix(ending)
    return text


def printer_label(destination: Destination) -> str:
    """What people call a printer: its name, and its location."""
    location = destination.values["location"]
    return "The printer %s%s" % (destination.name, " (%s)" % location if location else "")


def printer_findings(
    ci: str, destination: Destination, answer: Union[Group, IppError], low: int
) -> List[Finding]:
    """What the printer itself reports, or that it does not answer."""
    name, label = "%s: %s" % (ci, destination.name), printer_label(destination)
    if isinstance(answer, IppError):
        what = "%s does not answer." % label
        return [
            finding(
                "print-unreachable",
                "exception",
                name,
                what,
                str(answer),
                "Look whether it is switched on and in the network.",
            )
        ]
    rows = []
    reasons = [reason(text) for text in answer.get("printer-state-reasons", [])]
    for text in reasons:
        if text in STOPPING:
            what = "%s does not print: %s." % (label, STOPPING[text])
            rows.append(finding("print-stopped", "exception", name, what, text, "Somebody has to go there."))
        elif text in LOW:
            rows.append(
                finding(
                    "print-low", "warning", name, "%s: %s." % (label, LOW[text]), text, "Have a spare ready."
                )
            )
    if first(answer, "printer-state", 0) == STOPPED and not rows:
        evidence = ", ".join(reasons)
        rows.append(
            finding(
                "print-stopped",
                "exception",
                name,
                "%s has stopped." % label,
                evidence,
                "Look at its display.",
            )
        )
    for supply, level in supplies(answer):
        if 0 <= level <= low:
            what = "%s: %s is down to %d %%." % (label, supply, level)
            rows.append(
                finding(
                    "print-supply", "warning", name, what, "%s %d %%" % (supply, level), "Order or change it."
                )
            )
    return rows


def supplies(answer: Group) -> List[Tuple[str, int]]:
    """Supplies by name, with per cent left; waste boxes, which fill, by what is left of their
    room.
    """
    levels = answer.get("marker-levels", [])
    names = answer.get("marker-names", []) + ["supply %d" % (n + 1) for n in range(len(levels))]
    kinds = answer.get("marker-types", []) + [""] * len(levels)
    rows = []
    for name, kind, level in zip(names, kinds, levels):  # noqa: B905 - Python 3.9 knows no `strict`
        filled = "waste" in kind.lower()
        rows.append((name, 100 - level if filled and level >= 0 else level))
    return rows


def queue_findings(ci: str, group: Group, listed: bool) -> List[Finding]:
    """What CUPS reports about one queue."""
    queue = first(group, "printer-name", "")
    name, rows = "%s: %s" % (ci, queue), []
    if not listed:
        rows.append(
            finding("print-unlisted", "warning", name, "There is a queue %s that is in no list." % queue,
                    first(group, "device-uri", ""), "List it, or set print_servers_remove.")
        )  # fmt: skip
    if "Raw" in first(group, "printer-make-and-model", ""):
        what = "The queue %s is raw: it sends what it gets, and printers print rubbish." % queue
        rows.append(
            finding("print-raw", "exception", name, what, "Local Raw Printer", "lpadmin -x %s" % queue)
        )
    if first(group, "printer-state", 0) == STOPPED:
        what = "The queue %s is switched off; what is sent there waits." % queue
        evidence = ", ".join(group.get("printer-state-reasons", []))
        rows.append(finding("print-paused", "warning", name, what, evidence, "cupsenable %s" % queue))
    if not first(group, "printer-is-accepting-jobs", True):
        what = "The queue %s takes no jobs." % queue
        rows.append(finding("print-refusing", "warning", name, what, "", "cupsaccept %s" % queue))
    return rows


def queue_of(job: Group) -> str:
    """`library` from the job's `job-printer-uri`."""
    return str(first(job, "job-printer-uri", "")).rsplit("/", 1)[-1]


def stuck_jobs(ci: str, jobs: Iterable[Group], now: float, minutes: int) -> List[Finding]:
    """Jobs that wait too long, counted by queue; `now` in seconds of the epoch."""
    waiting: Dict[str, List[int]] = {}
    for job in jobs:
        age = int(now - first(job, "time-at-creation", now)) // 60
        if age >= minutes:
            waiting.setdefault(queue_of(job), []).append(age)
    rows = []
    for queue, ages in sorted(waiting.items()):
        count = "1 job waits" if len(ages) == 1 else "%d jobs wait" % len(ages)
        what = "%s in the queue %s for more than %d minutes." % (count, queue, minutes)
        evidence = "the oldest for %d minutes" % max(ages)
        rows.append(
            finding("print-stuck", "warning", "%s: %s" % (ci, queue), what, evidence, "Look at the printer.")
        )
    return rows


def care_findings(ci: str, state: Optional[Mapping[str, Any]], now: float) -> List[Finding]:
    """Jobs that were moved and cancelled automatically in the last day; `state` is the log of the
    care program.
    """
    rows = []
    for queue, count in sorted(_recent_counts(state, "moved", now).items()):
        what = "%d jobs of the queue %s were printed elsewhere, since its printer did not answer." % (
            count,
            queue,
        )
        rows.append(finding("print-moved", "informational", "%s: %s" % (ci, queue), what, "in the last day"))
    for queue, count in sorted(_recent_counts(state, "cancelled", now).items()):
        what = "%d jobs of the queue %s were cancelled: they had waited too long." % (count, queue)
        rows.append(finding("print-cancelled", "warning", "%s: %s" % (ci, queue), what, "in the last day"))
    return rows


def _recent_counts(state: Optional[Mapping[str, Any]], what: str, now: float) -> Dict[str, int]:
    counts: Dict[str, int] = {}
    for row in (state or {}).get("done", []):
        if row["what"] == what and now - row["at"] < 86400:
            counts[row["queue"]] = counts.get(row["queue"], 0) + 1
    return counts
