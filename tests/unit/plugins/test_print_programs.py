"""What the timers of a print server do: moving, cancelling, and counting pages by department."""

from __future__ import annotations

import importlib
import json
import os
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]
sys.path.insert(0, str(ROOT / "roles/print_servers/files"))
care: Any = importlib.import_module("fitsom_print_care")
accounts: Any = importlib.import_module("fitsom_print_accounts")

NOW = 1_795_600_000.0
POLICY = {
    "pools": {"anywhere": ["library", "room12", "attic"]},
    "queues": {"library": {"mono": True}, "art": {"mono": False}},
    "departments": [{"name": "Science", "groups": ["teachers"]}],
    "tariffs": [
        {"queue": "*", "mono": 0.03, "colour": 0.15},
        {"queue": "staff", "mono": 0.02, "colour": 0.1},
    ],
    "currency": "£",
    "move_minutes": 10,
    "cancel_hours": 24,
}


def waiting(queue: str, minutes: float, job: int = 7) -> dict[str, list[Any]]:
    return {
        "job-id": [job],
        "job-printer-uri": [f"ipp://localhost:631/printers/{queue}"],
        "time-at-creation": [int(NOW - 60 * minutes)],
    }


def decided(job: dict[str, list[Any]], alive: dict[str, bool], **changed: Any) -> Any:
    rows = care.decide([job], {**POLICY, **changed}, alive, NOW)
    return (rows[0]["what"], rows[0].get("to")) if rows else None


@pytest.mark.parametrize(
    ("queue", "minutes", "alive", "changed", "expected"),
    [
        ("room12", 11, {"room12": False, "library": True}, {}, ("moved", "library")),
        ("room12", 9, {"room12": False, "library": True}, {}, None),
        ("room12", 11, {"room12": False, "library": False, "attic": True}, {}, ("moved", "attic")),
        ("room12", 11, {"room12": False, "library": False, "attic": False}, {}, None),
        ("room12", 11, {"room12": True, "library": True}, {}, None),
        ("room12", 11, {"room12": False, "library": True}, {"move_minutes": 0}, None),
        ("staff", 11, {"staff": False, "library": True}, {}, None),
        ("anywhere", 11, {"room12": False, "library": True}, {}, None),
        ("staff", 24 * 60, {"staff": False}, {}, ("cancelled", None)),
        ("staff", 24 * 60, {"staff": False}, {"cancel_hours": 0}, None),
        ("room12", 24 * 60, {"room12": False, "library": True}, {}, ("moved", "library")),
    ],
)
def test_a_job_moves_within_its_pool_or_is_cancelled_in_the_end(
    queue: str, minutes: float, alive: dict[str, bool], changed: dict[str, Any], expected: Any
) -> None:
    assert decided(waiting(queue, minutes), alive, **changed) == expected


def test_what_was_done_is_remembered_for_a_week(tmp_path: Path) -> None:
    path = tmp_path / "care.json"
    care.remember([{"what": "moved", "at": NOW - 8 * 86400}], NOW, path)
    care.remember([{"what": "moved", "at": NOW - 6 * 86400}], NOW, path)
    care.remember([{"what": "cancelled", "at": NOW}], NOW, path)
    assert [row["what"] for row in json.loads(path.read_text())["done"]] == ["moved", "cancelled"]
    path.write_text("{")
    care.remember([], NOW, path)
    assert json.loads(path.read_text())["done"] == []


def finished(job: int, number: int, **overrides: Any) -> dict[str, list[Any]]:
    return {
        "job-id": [job],
        "job-state": [9],
        "job-printer-uri": ["ipp://localhost:631/printers/library"],
        "time-at-creation": [int(NOW)],
        "time-at-completed": [int(NOW)],
        "job-impressions-completed": [number],
        "print-color-mode": ["monochrome"],
        "job-originating-user-name": ["nobody-of-the-kind"],
        **overrides,
    }


def lines(*counts: tuple[int, int]) -> dict[int, list[int]]:
    log = [f"{job} [25/Nov/2026:01:59:18 +0000] anywhere total {number}" for job, number in counts]
    result: dict[int, list[int]] = accounts.logged([*log, "", "broken", "1 [a b] anywhere 1 9"])
    return result


@pytest.mark.parametrize(
    ("total", "log", "elsewhere", "number"),
    [
        (4, [(1, 4)], False, 4),
        (4, [(1, 4)], True, 4),
        (4, [], True, 4),
        (6, [(1, 2), (1, 4), (1, 6)], True, 2),
        (6, [(1, 2), (1, 4), (1, 6)], False, 6),
        (5, [(1, 2), (1, 5)], True, 5),
    ],
    ids=["once", "once in a pool", "log is gone", "tried three times", "three files", "two files in a pool"],
)
def test_only_the_last_time_of_a_job_that_went_elsewhere_counts(
    total: int, log: list[tuple[int, int]], elsewhere: bool, number: int
) -> None:
    assert accounts.pages(finished(1, total), lines(*log), elsewhere) == number


@pytest.mark.parametrize(
    ("question", "queue", "coloured"),
    [
        (["monochrome"], "art", False),
        (["color"], "library", True),
        (["auto"], "library", True),
        ([], "library", False),
        ([], "art", True),
        ([], "anywhere", False),
        ([], "gone", False),
    ],
)
def test_colour_is_what_was_asked_for_or_what_the_queue_does(
    question: list[str], queue: str, coloured: bool
) -> None:
    job = {"print-color-mode": question} if question else {}
    assert accounts.colour(job, queue, POLICY) is coloured


def test_a_job_that_the_care_moved_is_known(tmp_path: Path) -> None:
    path = tmp_path / "care.json"
    assert accounts.moved(path) == set()
    path.write_text(json.dumps({"done": [{"what": "moved", "job": 4}, {"what": "cancelled", "job": 5}]}))
    assert accounts.moved(path) == {4}


def empty() -> dict[str, Any]:
    return {"counted": [], "months": {}}


def test_a_job_counts_once_and_only_when_it_was_printed() -> None:
    state = empty()
    jobs = [finished(1, 3), finished(2, 5, **{"job-state": [7]}), finished(3, 2)]
    assert len(accounts.count(state, jobs, {}, POLICY, set())) == 1
    assert accounts.count(state, jobs, {}, POLICY, set()) == set()
    (month,) = state["months"]
    assert [row[1:] for row in accounts.table(month, state, POLICY)] == [
        ["(no department)", "library", "no", "2", "5", "0.15"]
    ]


def test_a_number_that_cups_gives_out_again_is_another_job() -> None:
    state = empty()
    accounts.count(state, [finished(1, 3)], {}, POLICY, set())
    accounts.count(state, [finished(1, 3, **{"time-at-creation": [int(NOW) + 5]})], {}, POLICY, set())
    (month,) = state["months"]
    assert accounts.table(month, state, POLICY)[0][4:6] == ["2", "6"]


def test_colour_and_a_queue_of_its_own_have_their_tariffs() -> None:
    assert accounts.price("library", False, POLICY["tariffs"]) == Decimal("0.03")
    assert accounts.price("staff", True, POLICY["tariffs"]) == Decimal("0.1")
    assert accounts.price("staff", True, []) == 0


def test_neither_person_nor_title_is_kept(tmp_path: Path) -> None:
    state = empty()
    accounts.count(state, [finished(1, 3, **{"job-name": ["Canary"]})], {}, POLICY, set())
    assert "nobody-of-the-kind" not in json.dumps(state)
    assert "Canary" not in json.dumps(state)


def test_the_department_is_the_first_with_a_group_of_the_person(monkeypatch: pytest.MonkeyPatch) -> None:
    own = accounts.grp.getgrgid(os.getgid()).gr_name
    me = accounts.pwd.getpwuid(os.getuid()).pw_name
    departments = [{"name": "Other", "groups": ["wizards"]}, {"name": "Mine", "groups": [own]}]
    assert accounts.department(me, departments) == "Mine"
    assert accounts.department("nobody-of-the-kind", departments) == ""


def test_the_chart_has_a_bar_for_each_department_and_no_markup_of_theirs() -> None:
    rows = [
        ["2026-11", "Art & <Design>", "library", "no", "1", "30", "0.90"],
        ["2026-11", "Science", "library", "no", "1", "10", "0.30"],
        ["2026-11", "Science", "staff", "yes", "1", "5", "0.50"],
    ]
    text = accounts.chart("2026-11", rows, "£")
    assert text.count("<rect") == 2
    assert "Art &amp; &lt;Design&gt;" in text
    assert "15 pages, £0.80" in text
    assert 'width="360"' in text
    assert 'width="180"' in text


def test_yesterdays_log_is_read_too(tmp_path: Path) -> None:
    import gzip

    log = tmp_path / "page_log"
    log.write_text("3 [x y] a 3\n")
    (tmp_path / "page_log.1").write_text("2 [x y] a 2\n")
    (tmp_path / "page_log.2.gz").write_bytes(gzip.compress(b"1 [x y] a 1\n"))
    assert [line[0] for line in accounts.page_log(log)] == ["1", "2", "3"]
