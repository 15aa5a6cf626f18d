"""A fixed clock, a fixed cast, and a story teller, for every test that needs records."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from fitsom_runner import clock

settings.register_profile("quick", deadline=None, max_examples=40)
settings.load_profile("quick")

if TYPE_CHECKING:
    from tests.unit.people.cast import Story

SetClock = Callable[[datetime], None]


@pytest.fixture
def set_clock(monkeypatch: pytest.MonkeyPatch) -> SetClock:
    """Sets what time it is."""

    def set_to(moment: datetime) -> None:
        monkeypatch.setattr(clock, "now", lambda: moment)

    return set_to


@pytest.fixture
def story(db: None, set_clock: SetClock, tmp_path: Path) -> "Story":
    """Changes of one school on the morning of 20 November 2026, with empty records."""
    from tests.unit.people import cast

    set_clock(cast.NOW)
    return cast.Story(config=cast.config(tmp_path))
