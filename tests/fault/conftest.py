"""Schools that are made once, with an approved change, and copied for each test."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.school import School

NUMBER_OF_STEPS = 18  # six machines, three steps each


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Under each engine, but for what the record decides before any engine is asked."""
    if "original" in metafunc.fixturenames:
        alone = metafunc.definition.get_closest_marker("record_only")
        engines = ["ansible"] if alone else ["ansible", "mitogen"]
        metafunc.parametrize("original", engines, indirect=True, scope="session")


@pytest.fixture(scope="session")
def original(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> School:
    """A school with one approved change, playbooks/steps.yml on the six machines of the room; under each engine."""
    folder = tmp_path_factory.mktemp("original") / "school"
    school = School(folder=folder, engine=request.param).build()
    school.approved()
    return school


@pytest.fixture
def copies(original: School, tmp_path: Path) -> Callable[[str], School]:
    """Makes another copy of that school."""
    return lambda name: original.copy(tmp_path / name)
