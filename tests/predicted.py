"""What plans predicted and what their runs did, by playbook, as the records of tests' schools hold it."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable
from pathlib import PurePath
from typing import Any, cast

import pytest

from fitsom_runner.changes import prediction
from fitsom_runner.changes.prediction import DifferenceKind
from fitsom_runner.facts_reader import changes_from_json, hosts_from_json
from tests.school import School

#: Before a run's name: the property of a test that holds its figures.
PROPERTY = "predictions of "
RUNS = """
select run.id, change.playbook, plan.hosts from run
join plan on plan.id = run.plan_id join change on change.id = run.change_id
where run.status = 'succeeded' and run.kind = 'apply'
"""


def figures(school: School) -> dict[str, dict[str, Any]]:
    """{run: its playbook, how many changes were predicted, came, both; how many steps nobody could predict}.

    Only of runs that succeeded: one that fails does not get to everything.
    """
    found = {}
    for run, playbook, hosts in school.rows(RUNS):
        plan = hosts_from_json(json.loads(hosts))
        rows = school.rows("select host, items, facts from host_outcome where run_id = ?", run)
        actual = {
            host: changes_from_json({"items": json.loads(items), "facts": json.loads(facts)}, host)
            for host, items, facts in rows
        }
        kinds = Counter(each.kind for each in prediction.compare(plan, actual))
        both = kinds[DifferenceKind.AS_PREDICTED]
        found[str(run)] = {
            "playbook": PurePath(playbook).stem,
            "predicted": both + kinds[DifferenceKind.DID_NOT_HAPPEN],
            "came": both + kinds[DifferenceKind.NOT_PREDICTED] + kinds[DifferenceKind.BLIND],
            "both": both,
            "blind": sum(len(changes.blind) for changes in plan.values()),
        }
    return found


def note(item: pytest.Item) -> None:
    """Keep the figures of a test's schools with its report."""
    for value in getattr(item, "funcargs", {}).values():
        if isinstance(value, School) and (value.state / "fitsom.sqlite3").exists():
            item.user_properties += [
                (PROPERTY + f"{value.folder}/{run}", row) for run, row in figures(value).items()
            ]


def table(reports: Iterable[pytest.TestReport]) -> list[str]:
    """A line for each playbook of the collection: of what was predicted so much came, and the other way round."""
    properties = (each for report in reports for each in report.user_properties)
    runs = {name: cast(dict[str, Any], value) for name, value in properties if name.startswith(PROPERTY)}
    sums: dict[str, Counter[str]] = defaultdict(Counter)
    for row in runs.values():
        sums[row["playbook"]].update(
            {"runs": 1, **{k: row[k] for k in ("predicted", "came", "both", "blind")}}
        )
    return [
        f"{name}: {row['runs']} runs, {row['predicted']} changes predicted ({share(row['both'], row['predicted'])} "
        f"came), {row['came']} came ({share(row['both'], row['came'])} predicted), {row['blind']} blind steps"
        for name, row in sorted(sums.items())
    ]


def share(part: int, whole: int) -> str:
    """In per cent."""
    return f"{100 * part / whole:.1f} %" if whole else "-"
