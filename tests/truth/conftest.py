"""One warm Ansible for all tests of a file."""

from collections.abc import Iterator

import pytest

from tests.truth.machine import Ansible


@pytest.fixture(scope="module")
def ansible(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ansible]:
    started = Ansible(tmp_path_factory.mktemp("home"))
    yield started
    started.close()
