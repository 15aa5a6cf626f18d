"""What a look at printers, queues and waiting jobs brings to light."""

from __future__ import annotations

from typing import Any

import pytest

from plugins.module_utils.cups.ipp import IppError
from plugins.module_utils.cups.model import Destination
from plugins.module_utils.cups.review import (
    care_findings,
    printer_findings,
    queue_findings,
    stuck_jobs,
    supplies,
)

LIBRARY = Destination("queue", "library", {"location": "Library"})


def kinds(answer: Any) -> list[tuple[str, str]]:
    return [(row["kind"], row["severity"]) for row in printer_findings("print1", LIBRARY, answer, 10)]


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ({"printer-state": [3], "printer-state-reasons": ["none"]}, []),
        ({"printer-state-reasons": ["media-jam-error"]}, [("print-stopped", "exception")]),
        ({"printer-state-reasons": ["media-empty"]}, [("print-stopped", "exception")]),
        ({"printer-state": [5], "printer-state-reasons": ["media-empty"]}, [("print-stopped", "exception")]),
        ({"printer-state": [5], "printer-state-reasons": ["other"]}, [("print-stopped", "exception")]),
        ({"printer-state-reasons": ["toner-low-report"]}, [("print-low", "warning")]),
        ({"printer-state-reasons": ["cups-waiting-for-job-completed"]}, []),
        ({"marker-levels": [10, 11, -1]}, [("print-supply", "warning")]),
        (IppError("it does not answer: timed out"), [("print-unreachable", "exception")]),
    ],
)
def test_what_a_printer_says_is_reported(answer: Any, expected: list[tuple[str, str]]) -> None:
    assert kinds(answer) == expected


def test_a_finding_names_the_room() -> None:
    (row,) = printer_findings("print1", LIBRARY, {"printer-state-reasons": ["media-jam"]}, 10)
    assert (row["ci"], row["what"]) == (
        "print1: library",
        "The printer library (Library) does not print: paper is jammed.",
    )


def test_a_waste_box_is_counted_by_the_room_that_is_left() -> None:
    answer: dict[str, list[Any]] = {
        "marker-levels": [95, 40],
        "marker-names": ["Waste", "Black"],
        "marker-types": ["waste-toner", "toner"],
    }
    assert supplies(answer) == [("Waste", 5), ("Black", 40)]
    assert supplies({"marker-levels": [7]}) == [("supply 1", 7)]


@pytest.mark.parametrize(
    ("group", "listed", "expected"),
    [
        ({}, True, []),
        ({}, False, ["print-unlisted"]),
        ({"printer-make-and-model": ["Local Raw Printer"]}, True, ["print-raw"]),
        ({"printer-state": [5]}, True, ["print-paused"]),
        ({"printer-is-accepting-jobs": [False]}, True, ["print-refusing"]),
    ],
)
def test_what_cups_says_of_a_queue_is_reported(
    group: dict[str, Any], listed: bool, expected: list[str]
) -> None:
    rows = queue_findings("print1", {"printer-name": ["library"], **group}, listed)
    assert [row["kind"] for row in rows] == expected


def test_jobs_that_wait_too_long_are_counted_by_queue() -> None:
    now = 1_000_000.0
    jobs: list[dict[str, list[Any]]] = [
        {
            "job-printer-uri": [f"ipp://localhost:631/printers/{queue}"],
            "time-at-creation": [int(now) - 60 * age],
        }
        for queue, age in (("library", 29), ("library", 30), ("library", 95), ("room12", 31), ("staff", 2))
    ]
    rows = stuck_jobs("print1", jobs, now, 30)
    assert [row["what"] for row in rows] == [
        "2 jobs wait in the queue library for more than 30 minutes.",
        "1 job waits in the queue room12 for more than 30 minutes.",
    ]
    assert rows[0]["evidence"] == "the oldest for 95 minutes"


def test_what_was_done_by_itself_in_the_last_day_is_reported() -> None:
    now = 1_000_000.0
    process = [
        {"what": "moved", "queue": "room12", "at": int(now) - 60},
        {"what": "moved", "queue": "room12", "at": int(now) - 90_000},
        {"what": "cancelled", "queue": "library", "at": int(now) - 60},
    ]
    assert [(row["kind"], row["ci"]) for row in care_findings("print1", {"done": process}, now)] == [
        ("print-moved", "print1: room12"),
        ("print-cancelled", "print1: library"),
    ]
    assert care_findings("print1", None, now) == []
