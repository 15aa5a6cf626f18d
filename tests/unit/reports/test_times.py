"""Times are told in the zone of the window, across the changes of the clocks."""

from datetime import UTC, datetime, timedelta

import pytest

from fitsom_runner.reports import times
from tests.unit.reports import samples

LONDON = "Europe/London"


def test_summer_and_winter_are_told_apart() -> None:
    assert times.when(datetime(2026, 7, 3, 17, 0, tzinfo=UTC), LONDON) == "Friday 3 July 2026, 18:00 BST"
    assert times.when(samples.START, LONDON) == "Friday 6 November 2026, 18:00 GMT"


def test_a_window_over_the_end_of_summer_time_names_both_clocks() -> None:
    start = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    text = times.span(start, start + timedelta(hours=2), LONDON)
    assert text == "Sunday 25 October 2026, 01:30 BST \u2013 02:30 GMT"
    window = samples.window(start, hours=2)
    assert times.short_window(window) == "Sunday 25 October, 01:30 BST \u2013 02:30 GMT"


def test_a_window_past_midnight_names_both_days() -> None:
    text = times.span(samples.START, samples.START + timedelta(hours=8), LONDON)
    assert text == "Friday 6 November 2026, 18:00 GMT \u2013 Saturday 7 November 2026, 02:00 GMT"


def test_another_zone_shows_its_own_clock() -> None:
    assert times.when(samples.START, "Asia/Tokyo") == "Saturday 7 November 2026, 03:00 JST"


def test_an_unknown_zone_is_told_in_utc() -> None:
    assert times.when(samples.START, "Mars/Olympus") == "Friday 6 November 2026, 18:00 UTC"


def test_a_time_without_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="with a zone"):
        times.when(datetime(2026, 1, 1), LONDON)  # noqa: DTZ001


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "not known"),
        (0.04, "0.0 s"),
        (-1, "0.0 s"),
        (59.7, "1 min"),
        (200.4, "3 min 20 s"),
        (3600, "1 h"),
        (3900, "1 h 5 min"),
    ],
)
def test_durations(seconds: float | None, text: str) -> None:
    assert times.duration(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(20, "less than a minute"), (60, "about 1 minute"), (300, "about 5 minutes"), (7300, "about 2 hours")],
)
def test_about(seconds: float, text: str) -> None:
    assert times.about(seconds) == text
