"""The table of the term's review: which rules end, whose they are, and where they stand."""

from __future__ import annotations

import pytest

from plugins.modules import firewall_register as module

from .firewall_school import TODAY, entry, register


def ends(name: str, day: str, **overrides: str) -> dict[str, object]:
    return entry(name, expires=day, **overrides)


def test_rules_that_end_are_one_table_the_first_to_end_in_front() -> None:
    result = register(
        ends("later", "2026-10-19"), ends("gone", "2026-09-06", owner="Head of PE"), ends("far", "2026-10-20")
    )
    assert module.expiring(result, TODAY, 42) == [
        {
            "rule": "gone", "owner": "Head of PE", "reason": "Lessons", "change": "CHG-2026-0001",
            "expires": "2026-09-06", "file": "gone.yml:1", "days": -1,
        },
        {
            "rule": "later", "owner": "Head of ICT", "reason": "Lessons", "change": "CHG-2026-0001",
            "expires": "2026-10-19", "file": "later.yml:1", "days": 42,
        },
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("day", "kind", "severity"),
    [
        ("2026-09-06", "firewall-rule-expired", "exception"),
        ("2026-09-07", "firewall-rule-expires", "warning"),
        ("2026-10-19", "firewall-rule-expires", "warning"),
    ],
)
def test_each_is_a_finding_with_what_its_owner_must_know(day: str, kind: str, severity: str) -> None:
    result = register(ends("web", day))
    (row,) = module.findings(module.expiring(result, TODAY, 42), {"web": "Let in: pupils"}, "srv1")
    assert (row["kind"], row["severity"], row["ci"]) == (kind, severity, "srv1: rule web")
    assert "(owner: Head of ICT)" in row["what"]
    assert row["evidence"] == "Let in: pupils; Lessons, by CHG-2026-0001, in web.yml:1"


def test_a_rule_that_is_wrong_otherwise_is_in_the_table_as_well() -> None:
    result = register(entry("web", owner=None, expires="2026-09-08"))
    assert result.faults
    (row,) = module.expiring(result, TODAY, 42)
    assert (row["owner"], row["days"]) == ("", 1)
