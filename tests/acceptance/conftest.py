"""A school that is made once, and put back to a known state before each story.

It always lies in the same folder: a plan's prediction holds the paths of the files that it would write.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.school import School


@dataclass(frozen=True)
class Shelf:
    """Keeps copies of the school under names."""

    folder: Path
    engine: str

    def keep(self, name: str) -> None:
        """Take a copy of the school as it is."""
        shutil.copytree(self.folder / "school", self.folder / name, symlinks=True)

    def back(self, name: str) -> School:
        """The school as it was then."""
        shutil.rmtree(self.folder / "school", ignore_errors=True)
        shutil.copytree(self.folder / name, self.folder / "school", symlinks=True)
        return School(folder=self.folder / "school", engine=self.engine)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Under each engine, but for what the record decides before any engine is asked."""
    if "shelf" in metafunc.fixturenames:
        alone = metafunc.definition.get_closest_marker("record_only")
        engines = ["ansible"] if alone else ["ansible", "mitogen"]
        metafunc.parametrize("shelf", engines, indirect=True, scope="session")


@pytest.fixture(scope="session")
def shelf(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Shelf:
    """Holds a school without any change; one with a planned change, a notice on three servers; the same approved.

    Under each engine.
    """
    new_shelf = Shelf(tmp_path_factory.mktemp("shelf"), request.param)
    school = School(folder=new_shelf.folder / "school", engine=request.param).build()
    new_shelf.keep("empty")
    school.planned("playbooks/notice.yml", limit="servers", backout_playbook="playbooks/take_down.yml")
    new_shelf.keep("planned")
    school.fitsom("change", "approve", "1", "--comment", "Go on", acting_as="head")
    new_shelf.keep("approved")
    return new_shelf


@pytest.fixture
def empty(shelf: Shelf) -> School:
    """The school without any change."""
    return shelf.back("empty")


@pytest.fixture
def planned(shelf: Shelf) -> School:
    """The school with a planned change."""
    return shelf.back("planned")


@pytest.fixture
def approved(shelf: Shelf) -> School:
    """The school with an approved change."""
    return shelf.back("approved")
