"""What "as of Tuesday" means, and the RfC that is made of it."""

from datetime import UTC, datetime

import pytest

from fitsom_runner.changes import restore, window
from fitsom_runner.errors import IncompleteError

WEDNESDAY = datetime(2026, 11, 18, 9, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("tuesday", "2026-11-17T23:59:59+00:00"),
        ("Monday", "2026-11-16T23:59:59+00:00"),
        ("wednesday", "2026-11-11T23:59:59+00:00"),
        ("thursday", "2026-11-12T23:59:59+00:00"),
        ("yesterday", "2026-11-17T23:59:59+00:00"),
        ("2026-10-24", "2026-10-24T23:59:59+01:00"),
        ("2026-11-18 09:00", "2026-11-18T09:00:00+00:00"),
    ],
)
def test_a_day_is_its_end_and_a_weekday_the_last_one_that_is_over(text: str, meant: str) -> None:
    assert restore.as_of(text, "Europe/London", WEDNESDAY).isoformat() == meant


@pytest.mark.parametrize("text", ["2026-11-18", "2026-11-18 10:00", "2027-01-01"])
def test_what_has_not_come_is_refused(text: str) -> None:
    with pytest.raises(IncompleteError, match="is not over yet"):
        restore.as_of(text, "Europe/London", WEDNESDAY)


@pytest.mark.parametrize("text", ["last week", "", "17/11/2026"])
def test_words_that_mean_no_moment_are_refused(text: str) -> None:
    with pytest.raises(IncompleteError, match="is not a time such as"):
        restore.as_of(text, "Europe/London", WEDNESDAY)


def test_the_day_is_the_schools() -> None:
    late = datetime(2026, 7, 7, 23, 30, tzinfo=UTC)  # Wednesday already, in London
    assert restore.as_of("tuesday", "Europe/London", late).isoformat() == "2026-07-07T23:59:59+01:00"


def test_the_rfc_says_what_comes_back_and_passes_it_to_the_playbook() -> None:
    moment = restore.as_of("tuesday", "Europe/London", WEDNESDAY)
    result = restore.draft(
        "files1", "/srv/homes/8a", moment, to="", data_set="homes", reason="Deleted by mistake", now=WEDNESDAY
    )
    assert result.title == "Bring back /srv/homes/8a on files1 as of Tuesday 17 November 2026, 23:59"
    assert (result.playbook, result.limit) == ("playbooks/restore.yml", "files1")
    assert result.extra_vars == {
        "restore_path": "/srv/homes/8a",
        "restore_as_of": "2026-11-17T23:59:59+00:00",
        "restore_set": "homes",
    }
    assert result.window is not None
    change = window.parse(result.window.start, result.window.end, result.window.zone)
    assert change.contains(WEDNESDAY)


@pytest.mark.parametrize(("path", "to"), [("srv/homes", ""), ("/srv/../etc", ""), ("/srv/homes", "back")])
def test_only_full_paths_come_back(path: str, to: str) -> None:
    with pytest.raises(IncompleteError, match="is not a full path"):
        restore.draft("files1", path, WEDNESDAY, to=to, data_set="", reason="r", now=WEDNESDAY)
