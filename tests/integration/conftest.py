"""The lab's two directories, started once for all tests that use them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.directory_lab import Directory, both, start, stop

collect_ignore = [] if os.geteuid() == 0 else ["test_quota.py", "test_snapshot.py"]  # only root may mount


@pytest.fixture(scope="session")
def directories(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Directory]]:
    """Of a lab of this test's own; while writing tests FITSOM_DIRECTORY_LAB may name a folder whose lab is kept."""
    kept = os.environ.get("FITSOM_DIRECTORY_LAB")
    if kept:
        yield both(start(Path(kept)))
        return
    folder = tmp_path_factory.mktemp("labs")
    try:
        yield both(start(folder))
    finally:
        stop(folder)


@pytest.fixture(params=["samba", "openldap"])
def directory(request: pytest.FixtureRequest, directories: dict[str, Directory]) -> Iterator[Directory]:
    """An empty one."""
    found = directories[request.param]
    found.wipe()
    found.rules = {"max_disappearing_percent": 100}
    yield found
