"""Which tests stay together where several workers share them (`pytest -n 2 --dist loadgroup`)."""

from __future__ import annotations

from pathlib import Path

import pytest

#: They use one lab of two directories.
ONE_LAB = {"test_directory", "test_directory_change"}


def group(path: Path, name: str) -> str:
    """Tests of a file share what it has set up; each scenario of molecule/ has a lab of its own."""
    if path.parent.name == "infra":
        return name
    return "directories" if path.stem in ONE_LAB else f"{path.parent.name}/{path.stem}"


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give each test its group, before the workers ask for it."""
    for item in items:
        item.add_marker(pytest.mark.xdist_group(group(item.path, item.name)))
