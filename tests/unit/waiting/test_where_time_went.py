"""The table says where a test run's time went, and is left out where nobody asks."""

from __future__ import annotations

import pytest

from tests.infra.test_molecule import Phases
from tests.where_time_went import PHASES, ROWS, table


def report(nodeid: str, seconds: float, **properties: object) -> pytest.TestReport:
    return pytest.TestReport(
        nodeid=nodeid,
        location=("", 0, ""),
        keywords={},
        outcome="passed",
        longrepr=None,
        when="call",
        duration=seconds,
        user_properties=[(f"{PHASES}{name}", value) for name, value in properties.items()],
    )


def test_a_short_run_has_no_table() -> None:
    assert table([report("tests/a.py::test", 3)]) == []


def test_scenarios_come_by_phase_and_files_by_their_sum() -> None:
    phases = [("create", 4.0, 2), ("verify", 96.4, 300), ("destroy", 0.2, 1)]
    assert table(
        [
            report("tests/infra/test_molecule.py::test[school]", 100, school=phases),
            report("tests/a.py::test_one", 60),
            report("tests/a.py::test_two[x::y]", 61),
        ]
    ) == [
        "    101 s  school: create 4 (2)  verify 96 (300)",
        "    121 s  tests/a.py",
        "    100 s  tests/infra/test_molecule.py",
    ]


def test_what_takes_little_is_summed_up() -> None:
    lines = table([report(f"tests/{number}.py::test", 100 - number) for number in range(ROWS + 3)])
    assert len(lines) == ROWS + 1
    assert lines[-1] == f"{300 - 3 * ROWS - 3:7} s  3 more files"


def test_a_scenarios_log_tells_its_phases() -> None:
    phases = Phases()
    for line in (
        "INFO     [school > converge] Executing\n",
        "TASK [Install] ***\n",
        "ok: [pc1]\n",
        "changed: [pc2] => (item=a)\n",
        "    msg: 'ok: no result of a task'\n",
        "INFO     [school > verify] Executing\n",
        "skipping: [pc1]\n",
    ):
        phases.hear(line)
    phases.begin("")
    assert [(name, results) for name, _, results in phases.ended] == [
        ("start", 0),
        ("converge", 2),
        ("verify", 1),
    ]
