"""A school that is made once, and copied for each story."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.school import School


@pytest.fixture(scope="session")
def empty_school(tmp_path_factory: pytest.TempPathFactory) -> School:
    """A school without any change."""
    return School(folder=tmp_path_factory.mktemp("empty") / "school").build()


@pytest.fixture(scope="session")
def planned_school(empty_school: School, tmp_path_factory: pytest.TempPathFactory) -> School:
    """A school with one planned change: a notice on three servers, with a back-out."""
    school = empty_school.copy(tmp_path_factory.mktemp("planned") / "school")
    school.planned("playbooks/notice.yml", limit="servers", backout_playbook="playbooks/take_down.yml")
    return school


@pytest.fixture(scope="session")
def approved_school(planned_school: School, tmp_path_factory: pytest.TempPathFactory) -> School:
    """The same, approved by the head."""
    school = planned_school.copy(tmp_path_factory.mktemp("approved") / "school")
    school.fitsom("change", "approve", "1", "--comment", "Go on", who="head")
    return school


@pytest.fixture
def empty(empty_school: School, tmp_path: Path) -> School:
    """A school of this story's own, without any change."""
    return empty_school.copy(tmp_path / "school")


@pytest.fixture
def planned(planned_school: School, tmp_path: Path) -> School:
    """A school of this story's own, with a planned change."""
    return planned_school.copy(tmp_path / "school")


@pytest.fixture
def approved(approved_school: School, tmp_path: Path) -> School:
    """A school of this story's own, with an approved change."""
    return approved_school.copy(tmp_path / "school")
