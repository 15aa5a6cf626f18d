"""The picture of the run."""

from dataclasses import replace
from xml.etree import ElementTree

import pytest

from fitsom_runner.reports.facts import MANY_HOSTS, HostFacts
from fitsom_runner.reports.kinds import TaskStatus
from fitsom_runner.reports.model import Host, Report, Task
from fitsom_runner.reports.timeline import MARGIN_LEFT, WIDTH, bars, load, timeline
from tests.unit.reports import samples


def drawing(report: Report) -> ElementTree.Element:
    return ElementTree.fromstring(str(timeline(report)))  # noqa: S314


def texts(report: Report) -> list[str]:
    return [node.text or "" for node in drawing(report).iter("text")]


def test_without_a_run_or_a_task_there_is_no_picture() -> None:
    assert not timeline(samples.plan_only())
    assert not timeline(replace(samples.succeeded(), hosts=(Host(name="a"),)))


@pytest.mark.parametrize("report", [samples.succeeded(), samples.failed(), samples.interrupted()])
def test_each_host_has_a_row_and_all_bars_are_inside(report: Report) -> None:
    for node in drawing(report).iter("rect"):
        if node.get("x"):
            assert float(node.get("x", 0)) >= MARGIN_LEFT
            assert float(node.get("x", 0)) + float(node.get("width", 0)) <= WIDTH
    titles = [node.text for node in drawing(report).iter("title")]
    assert all(host.name in titles for host in report.hosts)


def test_failed_and_restarted_have_signs_of_their_own() -> None:
    assert "\u2715" in texts(samples.failed())
    assert "\u21bb" in texts(samples.succeeded())
    assert "\u2715" not in texts(samples.succeeded())


def test_the_axis_is_in_the_zone_of_the_window() -> None:
    tokyo = replace(samples.change(), window=samples.window(zone="Asia/Tokyo"))
    assert "03:00:04" in texts(replace(samples.succeeded(), change=tokyo))
    assert "18:00:04" in texts(samples.succeeded())


def test_neighbours_of_one_kind_become_one_bar() -> None:
    result = bars(samples.tasks(), slack=1)
    assert [(bar.kind, len(bar.names)) for bar in result] == [("ok", 3), ("changed", 2), ("ok", 2)]


def test_a_gap_keeps_bars_apart() -> None:
    tasks = [Task(name=n, start=s, seconds=1, status=TaskStatus.OK) for n, s in (("a", 0), ("b", 50))]
    assert len(bars(tasks, slack=1)) == 2


def test_many_hosts_are_drawn_by_ring() -> None:
    report = samples.big(MANY_HOSTS + 1, 610)
    picture = drawing(report)
    assert len(list(picture.iter("polygon"))) == 3
    assert len(list(picture.iter("rect"))) <= 2
    assert len(list(drawing(samples.big(MANY_HOSTS, 600)).iter("polygon"))) == 0


def test_the_load_counts_hosts_at_work() -> None:
    def host(start: float, end: float) -> HostFacts:
        return HostFacts(host=Host(name="h"), differences={}, start=start, end=end, tasks=(), hidden=0)

    assert load([host(0, 5), host(4, 10)], 10, bins=5) == [1, 1, 2, 1, 1]
