"""The Markdown: complete, and nothing in it is markup that we did not write."""

import re
import time
from itertools import pairwise

import pytest

from fitsom_runner.reports.labels import label
from fitsom_runner.reports.render import render_markdown
from tests.unit.reports import samples
from tests.unit.reports.poison import poisoned
from tests.unit.reports.test_html import ALL


@pytest.mark.parametrize("name", ["succeeded", "failed", "interrupted", "many"])
def test_every_host_has_a_row_with_its_result(name: str) -> None:
    text = render_markdown(ALL[name])
    for host in ALL[name].hosts:
        assert host.result
        assert re.search(rf"^\| {host.name} \| [^|]* \| {label(host.result)}\b", text, re.MULTILINE)


@pytest.mark.parametrize("name", ALL)
def test_every_row_of_a_table_has_the_cells_of_its_head(name: str) -> None:
    text = render_markdown(poisoned(ALL[name], "a | b\n# c"))
    cells = 0
    for line in text.splitlines():
        if not line.startswith("|"):
            cells = 0
            continue
        here = len(re.findall(r"(?<!\\)\|", line))
        cells = cells or here
        assert here == cells, line


@pytest.mark.parametrize("name", ALL)
def test_no_field_writes_markup(name: str) -> None:
    text = render_markdown(poisoned(ALL[name], "<script>x</script>\n# forged heading"))
    outside = re.sub(r"(?ms)^(`{3,})text\n.*?^\1$", "", text)
    assert "<script" not in re.sub(r"`[^`\n]*`", "", outside)
    assert not re.search(r"(?m)^#+ forged", outside)


def test_all_parts_are_there() -> None:
    text = render_markdown(samples.failed())
    for part in (
        "## In plain English",
        "### Failures, and what to do next",
        "### Packages",
        "### Services",
        "### Approvals",
        "### The seal, and how to verify it",
        "### The audit chain",
        "(NOT RUNNING)",
        samples.HASH,
        "INC-2026-0031",
        "CVE-2026-1200",
        "on behalf of Margaret Hale",
    ):
        assert part in text


@pytest.mark.parametrize("name", ALL)
def test_headings_and_tables_stand_apart(name: str) -> None:
    lines = render_markdown(ALL[name]).splitlines()
    for before, line in pairwise(lines):
        if line.startswith("#"):
            assert before == "", line
        if line.startswith("|"):
            assert before == "" or before.startswith("|"), line
        if before.startswith("|"):
            assert line == "" or line.startswith("|"), line


def test_fifty_thousand_results_in_two_seconds() -> None:
    report = samples.big()
    started = time.process_time()
    render_markdown(report)
    assert time.process_time() - started < 2
