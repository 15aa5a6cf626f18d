"""The one form that all roles' findings have."""

import pytest

from fitsom_runner.facts import Severity
from plugins.module_utils.findings import SEVERITIES, finding


def test_a_finding_holds_all_its_parts() -> None:
    created = finding("backup-stale", "warning", "srv1: homes", "It is old.", "3 days", "Look at it.")
    assert created == {
        "kind": "backup-stale",
        "severity": "warning",
        "ci": "srv1: homes",
        "what": "It is old.",
        "evidence": "3 days",
        "do": "Look at it.",
    }


def test_roles_and_reports_know_the_same_severities() -> None:
    assert set(SEVERITIES) == {severity.value for severity in Severity}


@pytest.mark.parametrize(
    ("kind", "severity"), [("backup-stale", "bad"), ("Backup stale", "warning"), ("", "warning")]
)
def test_an_unknown_severity_or_a_kind_that_is_no_slug_is_refused(kind: str, severity: str) -> None:
    with pytest.raises(ValueError, match=r"severity is one of|lower case words"):
        finding(kind, severity, "srv1", "It is old.")
