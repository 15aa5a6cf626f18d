"""Labs that several tests use: started once, removed whatever happens."""

from __future__ import annotations

import os
import platform
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.directory_lab import Directory, lab_directories, start, stop
from tests.integration.lab_hosts import LabHosts
from tests.school import School

#: Only root may mount, and make a disk that holds everybody's files.
FOR_ROOT = ["test_own_kernel.py", "test_quota.py", "test_snapshot.py"]
#: The image +kernel has one for this kind of processor.
FOR_X86 = ["test_own_kernel.py"]
collect_ignore = [
    *([] if os.geteuid() == 0 else FOR_ROOT),
    *([] if platform.machine() == "x86_64" else FOR_X86),
]


@pytest.fixture(scope="session")
def directories(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Directory]]:
    """Of a lab of this test's own; while writing tests FITSOM_DIRECTORY_LAB may name a folder whose lab is kept."""
    kept = os.environ.get("FITSOM_DIRECTORY_LAB")
    if kept:
        yield lab_directories(start(Path(kept)))
        return
    folder = tmp_path_factory.mktemp("labs")
    try:
        yield lab_directories(start(folder))
    finally:
        stop(folder)


@pytest.fixture(params=["samba", "openldap"])
def directory(request: pytest.FixtureRequest, directories: dict[str, Directory]) -> Iterator[Directory]:
    """An empty one."""
    found = directories[request.param]
    found.wipe()
    found.rules = {"max_disappearing_percent": 100}
    yield found


@pytest.fixture(scope="module")
def hosts(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabHosts]:
    """The lab of the test's module: what its SPEC says, brought in order by its PREPARE."""
    module = request.module
    name = module.__name__.rpartition("test_")[2].removesuffix("_change").replace("_", "-")
    found = LabHosts(
        folder=tmp_path_factory.mktemp(name), name=name, spec=module.SPEC, prepare=module.PREPARE
    )
    try:
        found.start()
        yield found
    finally:
        stop(found.folder)


@pytest.fixture
def plain_school(tmp_path: Path) -> Iterator[School]:
    """To be built by the test; its home has a short path, for ssh's control sockets."""
    made = School(folder=tmp_path / "school", inventories=("inventories/school",))
    with tempfile.TemporaryDirectory() as home:
        made.extra_env["HOME"] = home
        yield made
