"""Which tests stay together where several workers share them (`pytest -n 2 --dist loadscope`)."""

from __future__ import annotations

from pathlib import PurePath

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

#: They use one lab of two directories.
ONE_LAB = {"test_directory", "test_directory_change"}
#: They kill at chosen moments and wait for others: two at once would only disturb each other.
ONE_AFTER_THE_OTHER = {"fault", "acceptance"}


def group(nodeid: str) -> str:
    """Tests of a file share what it has set up; each scenario of molecule/ has a lab of its own."""
    path = PurePath(nodeid.partition("::")[0])
    if path.parent.name == "infra":
        return nodeid
    if path.parent.name in ONE_AFTER_THE_OTHER:
        return "one after the other"
    return "directories" if path.stem in ONE_LAB else str(path)


class ByLab(LoadScopeScheduling):  # type: ignore[misc]  # xdist has no types
    """Hands each group to one worker, in the order in which they were collected."""

    def _split_scope(self, nodeid: str) -> str:
        return group(nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByLab:
    """xdist's own groups are lost on pytest 9 (`--dist loadgroup` sends each test alone)."""
    return ByLab(config, log)
