"""How full a backup server is, and when it will be."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugins.module_utils.backup.capacity import DAY, days_until_full, findings, growth, note

GB = 1_000_000_000


def facts(**expected: object) -> dict[str, object]:
    client = {"verified": 3.0, "failed": False, "bytes": GB}
    return {"free": 500 * GB, "total": 1000 * GB, "days": None, "clients": {"srv1": client}, **expected}


def client(**expected: object) -> dict[str, object]:
    return {"clients": {"srv1": {"verified": 3.0, "failed": False, "bytes": GB, **expected}}}


@given(daily=st.integers(-GB, GB), days=st.integers(4, 90))
def test_growth_of_a_straight_line_is_its_slope(daily: int, days: int) -> None:
    result = growth([(n * DAY, 100 * GB + n * daily) for n in range(days)])
    assert result == pytest.approx(daily, abs=1)


@pytest.mark.parametrize("history", [[], [(0, 1)], [(0, 1), (DAY, 2)]])
def test_a_short_history_says_nothing(history: list[tuple[float, float]]) -> None:
    assert growth(history) is None


def test_days_until_full() -> None:
    assert days_until_full(100, 10) == 10
    assert days_until_full(100, -10) is None
    assert days_until_full(100, None) is None


def test_all_well_is_no_finding() -> None:
    assert findings("backup1", facts()) == []


@pytest.mark.parametrize(
    ("expected", "kind", "severity"),
    [
        ({"free": 40 * GB}, "backup-space", "exception"),
        ({"days": 30}, "backup-space", "warning"),
        (client(failed=True), "backup-damaged", "exception"),
        (client(verified=None), "backup-unverified", "warning"),
        (client(verified=20.0), "backup-unverified", "warning"),
    ],
)
def test_what_somebody_should_know(expected: dict[str, object], kind: str, severity: str) -> None:
    (result,) = findings("backup1", facts(**expected))
    assert (result["kind"], result["severity"]) == (kind, severity)


def test_an_empty_repository_needs_no_verification() -> None:
    assert findings("backup1", facts(**client(verified=None, bytes=0))) == []


def test_the_note_says_space_and_when_it_ends() -> None:
    assert note(facts(days=100)) == "500.0 GB free of 1.0 TB; full: in 100 days. Taken by srv1 1.0 GB."
    assert "not predictable yet" in note(facts())
