"""The hashes of what is installed move with it, and only with it."""

import importlib.metadata
from pathlib import Path

import pytest

from fitsom_runner.ansible import installed


@pytest.fixture(autouse=True)
def _asked_anew() -> None:
    installed.environment_hashes.cache_clear()


def test_programs_and_packages_are_hashed() -> None:
    hashes = installed.environment_hashes()
    assert {"python", "packages", "ssh", "bwrap"} == set(hashes)
    assert all(len(value) == 64 for value in hashes.values())


def test_another_ssh_is_another_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = installed.environment_hashes()
    (tmp_path / "ssh").write_text("#!/bin/sh\n")
    (tmp_path / "ssh").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    installed.environment_hashes.cache_clear()
    after = installed.environment_hashes()
    assert after["ssh"] != before["ssh"]
    assert (after["python"], "bwrap" in after) == (before["python"], False)


@pytest.mark.parametrize("record", ["a.py,sha256=x,1\n", None])
def test_another_file_or_version_of_a_package_is_another_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, record: str | None
) -> None:
    folder = tmp_path / "more-1.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: more\nVersion: 1\n")
    if record:
        (folder / "RECORD").write_text(record)
    monkeypatch.setattr(
        importlib.metadata, "distributions", lambda: [importlib.metadata.PathDistribution(folder)]
    )
    before = installed.environment_hashes()["packages"]
    if record:
        (folder / "RECORD").write_text(record.replace("x", "y"))
    else:
        (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: more\nVersion: 2\n")
    installed.environment_hashes.cache_clear()
    assert installed.environment_hashes()["packages"] != before
