"""The table at the end of a long test run: where its time went."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import cast

import pytest

#: Before a scenario's name: the property of its test that holds its phases.
PHASES = "phases of "
#: Below this nobody asks.
WORTH_A_TABLE = 60.0
ROWS = 15


def table(reports: Iterable[pytest.TestReport]) -> list[str]:
    """Lines: each scenario by phase, and the test files that took longest."""
    files: dict[str, float] = defaultdict(float)
    scenarios: dict[str, list[tuple[str, float, int]]] = {}
    for report in reports:
        files[report.nodeid.partition("::")[0]] += report.duration
        for name, value in report.user_properties:
            if name.startswith(PHASES):
                scenarios[name.removeprefix(PHASES)] = cast(list[tuple[str, float, int]], value)
    if sum(files.values()) < WORTH_A_TABLE:
        return []
    return [*_scenarios(scenarios), *_files(files)]


def _scenarios(scenarios: dict[str, list[tuple[str, float, int]]]) -> list[str]:
    """Seconds of each phase; in brackets, results of tasks, which no other work on the machine changes."""
    lines = []
    for scenario, phases in sorted(scenarios.items(), key=lambda each: -_total(each[1])):
        shown = "  ".join(
            f"{phase} {seconds:.0f}{f' ({results})' if results else ''}"
            for phase, seconds, results in phases
            if seconds >= 1
        )
        lines.append(f"{_total(phases):7.0f} s  {scenario}: {shown}")
    return lines


def _total(phases: list[tuple[str, float, int]]) -> float:
    return sum(seconds for _, seconds, _ in phases)


def _files(files: dict[str, float]) -> list[str]:
    longest = sorted(files.items(), key=lambda each: -each[1])
    rest = sum(seconds for _, seconds in longest[ROWS:])
    lines = [f"{seconds:7.0f} s  {name}" for name, seconds in longest[:ROWS]]
    return [*lines, f"{rest:7.0f} s  {len(longest) - ROWS} more files"] if longest[ROWS:] else lines
