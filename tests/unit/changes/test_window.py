"""A window as people write it, with the two nights a year on which clocks lie."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fitsom_runner.changes import window
from fitsom_runner.errors import IncompleteError

LONDON = "Europe/London"


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("start", "end", "zone", "first", "last"),
    [
        ("2026-11-27 18:00", "19:00", LONDON, "2026-11-27 18:00", "2026-11-27 19:00"),
        ("2026-06-26 18:00", "19:00", LONDON, "2026-06-26 17:00", "2026-06-26 18:00"),
        ("2026-11-27T18:00", "2026-11-28T02:00:30", LONDON, "2026-11-27 18:00", "2026-11-28 02:00:30"),
        ("2026-11-27 18:00", "+90m", LONDON, "2026-11-27 18:00", "2026-11-27 19:30"),
        ("2026-11-27 22:00", "02:00", LONDON, "2026-11-27 22:00", "2026-11-28 02:00"),
        ("2026-11-27 22:00", "2:00", LONDON, "2026-11-27 22:00", "2026-11-28 02:00"),
        ("2026-11-27 18:00", "06:00", LONDON, "2026-11-27 18:00", "2026-11-28 06:00"),
        ("2026-11-27 22:00", "23:00", "America/New_York", "2026-11-28 03:00", "2026-11-28 04:00"),
        # Over the night on which the clocks change, 90 minutes are 90 minutes and 06:00 is 06:00.
        ("2026-10-25 00:30", "+90m", LONDON, "2026-10-24 23:30", "2026-10-25 01:00"),
        ("2026-10-24 22:00", "06:00", LONDON, "2026-10-24 21:00", "2026-10-25 06:00"),
        ("2026-03-28 22:00", "06:00", LONDON, "2026-03-28 22:00", "2026-03-29 05:00"),
    ],
)
def test_a_window_is_read_as_its_zone_reads_it(
    start: str, end: str, zone: str, first: str, last: str
) -> None:
    parsed_window = window.parse(start, end, zone)
    assert (parsed_window.start, parsed_window.end, parsed_window.zone) == (utc(first), utc(last), zone)


@pytest.mark.parametrize(
    ("start", "end", "zone", "words"),
    [
        ("2026-03-29 01:30", "03:00", LONDON, "does not exist in Europe/London: the clocks go forward"),
        ("2026-03-29 00:30", "01:30", LONDON, "does not exist"),
        ("2026-03-28 23:00", "01:30", LONDON, "does not exist"),
        ("2026-10-25 01:30", "03:00", LONDON, "occurs twice in Europe/London: the clocks go back"),
        ("2026-10-24 23:00", "01:30", LONDON, "occurs twice"),
        ("2026-11-27 18:00", "2026-11-27 17:00", LONDON, "ends .* before it starts"),
        ("2026-11-27 18:00", "2026-11-27 18:00", LONDON, "ends .* before it starts"),
        ("2026-11-27 18:00", "+0m", LONDON, "ends .* before it starts"),
        ("2026-11-27 18:00", "17:00", LONDON, "ends .* before it starts"),
        ("2026-11-27 18:00", "18:00", LONDON, "ends .* before it starts"),
        ("2026-11-27 18:00", "06:01", LONDON, "ends .* before it starts"),
        ("9999-12-31 23:00", "+60m", "UTC", "no calendar goes"),
        ("2026-11-27 18:00", "+99999999999999m", LONDON, "no calendar goes"),
        ("2026-11-27 18:00", "+90", LONDON, "is not a time"),
        ("2026-11-27 18:00", "soon", LONDON, "is not a time"),
        ("2026-11-27 18:00", "", LONDON, "is not a time"),
        ("2026-11-27", "19:00", LONDON, "is not a time"),
        ("27/11/2026 18:00", "19:00", LONDON, "is not a time"),
        ("2026-02-30 18:00", "19:00", LONDON, "is not a time"),
        ("2026-11-27 18:00", "19:00", "Europe/Milton", "is not an IANA time zone"),
        ("2026-11-27 18:00", "19:00", "", "is not an IANA time zone"),
    ],
)
def test_a_window_that_cannot_be_is_refused_in_words(start: str, end: str, zone: str, words: str) -> None:
    with pytest.raises(IncompleteError, match=words):
        window.parse(start, end, zone)


@given(
    st.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1)),  # noqa: DTZ001 - local time, as written
    st.integers(1, 1439),
    st.sampled_from([LONDON, "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "UTC"]),
)
def test_a_window_reads_back_as_it_was_written(naive: datetime, minutes: int, zone: str) -> None:
    naive = naive.replace(second=0, microsecond=0)
    try:
        parsed_window = window.parse(f"{naive:%Y-%m-%d %H:%M}", f"+{minutes}m", zone)
    except IncompleteError as refused:
        assert "clocks" in refused.message
        return
    assert parsed_window.start.astimezone(ZoneInfo(zone)).replace(tzinfo=None) == naive
    assert parsed_window.end - parsed_window.start == timedelta(minutes=minutes)


def test_a_window_holds_its_start_and_not_its_end() -> None:
    parsed_window = window.parse("2026-11-27 18:00", "19:00", LONDON)
    assert [parsed_window.contains(utc(t)) for t in ("2026-11-27 17:59:59", "2026-11-27 18:00")] == [
        False,
        True,
    ]
    assert [parsed_window.contains(utc(t)) for t in ("2026-11-27 18:59:59", "2026-11-27 19:00")] == [
        True,
        False,
    ]
