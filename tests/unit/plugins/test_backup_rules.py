"""What backups there are, set against what was promised."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from plugins.module_utils.backup.rules import as_of, copies, in_days, moment, snapshots_of, state_of

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
HOMES = {"name": "homes", "rpo_hours": 24}


def snap(hours: float, name: str = "homes", identifier: str = "bee55a29c22d") -> dict[str, Any]:
    matching = NOW - timedelta(hours=hours)
    return {
        "id": identifier,
        "time": f"{matching:%Y-%m-%dT%H:%M:%S}.974692017Z",
        "tags": ["fitsom", f"set:{name}"],
    }


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-24T09:12:29.974692017Z", datetime(2026, 11, 24, 9, 12, 29, 974692, UTC)),
        ("2026-11-24T10:12:29.5+01:00", datetime(2026, 11, 24, 9, 12, 29, 500000, UTC)),
        ("2026-11-24T09:12:29Z", datetime(2026, 11, 24, 9, 12, 29, tzinfo=UTC)),
    ],
)
def test_restics_moments_are_read(text: str, expected: datetime) -> None:
    assert moment(text) == expected


def test_a_set_has_its_own_snapshots_oldest_first_and_others_tags_do_not_count() -> None:
    untagged = {**snap(1), "tags": None}
    result = snapshots_of([snap(2), snap(30), snap(1, "www"), untagged], "homes")
    assert [s["time"] for s in result] == [snap(30)["time"], snap(2)["time"]]


def test_as_of_takes_the_last_before_and_none_where_there_is_none() -> None:
    snapshots = [snap(50, identifier="old"), snap(20, identifier="new")]
    assert as_of(snapshots, "homes", NOW - timedelta(hours=30)) == snapshots[0]
    assert as_of(snapshots, "homes", NOW) == snapshots[1]
    assert as_of(snapshots, "homes", NOW - timedelta(hours=60)) is None


def test_a_fresh_backup_is_no_finding() -> None:
    row = state_of("srv1", HOMES, [snap(5)], "main", NOW)
    assert (row["hours"], row["snapshot"], row["finding"]) == (5.0, "bee55a29", None)


def test_a_stale_backup_says_how_old_and_what_was_promised() -> None:
    result = state_of("srv1", HOMES, [snap(72)], "main", NOW)["finding"]
    assert (result["kind"], result["severity"], result["ci"]) == ("backup-stale", "exception", "srv1: homes")
    assert result["what"] == "The last backup of homes in main is 3 days old; 24 hours were promised."


def test_no_backup_and_no_answer_are_reported_apart() -> None:
    assert state_of("srv1", HOMES, [snap(1, "www")], "main", NOW)["finding"]["kind"] == "backup-missing"
    assert state_of("srv1", HOMES, None, "main", NOW)["finding"]["kind"] == "backup-unknown"


@pytest.mark.parametrize(
    ("hours", "words"), [(0.2, "1 hour"), (24, "24 hours"), (47, "47 hours"), (72, "3 days")]
)
def test_ages_are_reported_in_hours_and_then_in_days(hours: float, words: str) -> None:
    assert in_days(hours) == words


def test_three_copies_two_devices_one_off_site_one_offline() -> None:
    main = {"name": "main", "device": "backup1"}
    off_site = {"name": "away", "device": "trust", "off_site": True}
    disk = {"name": "disk", "device": "usb", "offline": True}
    assert copies("srv1", [main, off_site, disk]) == []
    (result,) = copies("srv1", [main])
    assert result["what"].endswith("is not kept: 2 of 3 copies; a copy off-site; a copy offline.")
    (result,) = copies("srv1", [])
    assert "1 of 3 copies; a second device" in result["what"]
