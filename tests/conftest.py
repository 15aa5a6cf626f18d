"""What holds for all tests: which stay together among workers, how lab hosts are made, where the time went."""

from __future__ import annotations

import os
from pathlib import PurePath

import pytest
from _pytest.terminal import TerminalReporter
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from tests import predicted, progress
from tests.where_time_went import table

#: They use one lab of two directories.
ONE_LAB = {"test_directory", "test_directory_change"}
#: They kill at chosen moments and wait for others: two at once would only disturb each other.
ONE_AFTER_THE_OTHER = {"fault", "acceptance"}


#: Hosts of the lab begin modules faster than a school's do (molecule/shared/README.md); 0 for those who doubt it.
os.environ.setdefault("FITSOM_LAB_WARM", "1")


@pytest.fixture(scope="session", autouse=True)
def _progress_is_seen(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Whoever waits sees there whether anything moves."""
    progress.FOLDER = tmp_path_factory.getbasetemp()


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


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item) -> None:
    """Before its fixtures are gone; what playbooks of the collection do is only seen in the lab."""
    if PurePath(item.nodeid.partition("::")[0]).parent.name == "integration" or "patch_window" in item.nodeid:
        predicted.note(item)


def pytest_terminal_summary(terminalreporter: TerminalReporter) -> None:
    """Before pytest's own last line."""
    reports = [
        each
        for found in terminalreporter.stats.values()
        for each in found
        if isinstance(each, pytest.TestReport)
    ]
    lines = table(reports)
    for title, rows in (("where the time went", lines), ("what plans predicted", predicted.table(reports))):
        if rows:
            terminalreporter.section(title)
            for row in rows:
                terminalreporter.line(row)
