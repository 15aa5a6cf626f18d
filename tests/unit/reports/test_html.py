"""The page: complete, harmless, self-contained, quick."""

import base64
import hashlib
import re
import time
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from fitsom_runner.reports.labels import label
from fitsom_runner.reports.model import Host, Report
from fitsom_runner.reports.render import render_html
from tests.unit.reports import samples
from tests.unit.reports.poison import poisoned

ALL = {
    "succeeded": samples.succeeded(),
    "reviewed": samples.reviewed(),
    "plan": samples.plan_only(),
    "failed": samples.failed(),
    "interrupted": samples.interrupted(),
    "emergency": samples.emergency(),
    "backed out": samples.backed_out(),
    "many": samples.big(100, 1000),
}
VOID = {"meta", "br"}


class Page(HTMLParser):
    """Elements in order, and whether they nest."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.wrong: list[str] = []
        self.text = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.wrong.append(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize("name", ALL)
def test_it_loads_nothing_and_runs_nothing(name: str) -> None:
    html = render_html(ALL[name])
    page = Page(html)
    tags = {tag for tag, _ in page.tags}
    assert not tags & {"script", "link", "img", "iframe", "object", "embed", "base", "form"}
    for _, attributes in page.tags:
        assert not {"src", "srcset", "style"} & attributes.keys()
        assert not [key for key in attributes if key.startswith("on")]
        assert (attributes.get("href") or "#").startswith("#")
    assert set(re.findall(r"url\(([^)]*)\)", html)) <= {"#tl-hatch"}
    assert "@import" not in html


@pytest.mark.parametrize("name", ALL)
def test_its_elements_nest(name: str) -> None:
    page = Page(render_html(ALL[name]))
    assert (page.wrong, page.open) == ([], [])


def test_its_policy_allows_its_own_style_and_nothing_else() -> None:
    html = render_html(ALL["failed"])
    style = re.search(r"<style>(.*?)</style>", html, re.DOTALL)
    assert style
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'" in html


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("text", ["<script>alert(1)</script>", "\"><b onclick='x'>", "</style>{{ 7*7 }}"])
def test_text_of_any_field_is_never_markup(name: str, text: str) -> None:
    clean, dirty = Page(render_html(poisoned(ALL[name], "x"))), Page(render_html(poisoned(ALL[name], text)))
    # The same elements with the same attributes' names, whatever the text is.
    assert [(t, list(a)) for t, a in dirty.tags] == [(t, list(a)) for t, a in clean.tags]
    assert text in dirty.text


def test_terminal_codes_do_not_reach_the_page() -> None:
    html = render_html(poisoned(samples.failed(), "\x1b[31mred\x1b[0m\x00\u202e"))
    assert "red" in html
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f\u202e]|\\[31m", html)


def _row(html: str, host: Host) -> str:
    result = re.search(
        rf'<tr role="row"><th role="rowheader" scope="row">{host.name}\b.*?</tr>', html, re.DOTALL
    )
    assert result, host.name
    return result[0]


@pytest.mark.parametrize("name", ["succeeded", "failed", "interrupted", "many"])
def test_every_host_has_a_row_with_its_result(name: str) -> None:
    report, html = ALL[name], render_html(ALL[name])
    for host in report.hosts:
        assert host.result
        assert f"</span>{label(host.result)}</span>" in _row(html, host)


def test_unreachable_is_a_result_not_the_title_of_a_failure() -> None:
    assert "</span>unreachable</span>" in _row(render_html(samples.failed()), samples.failed().hosts[2])


@pytest.mark.parametrize("name", ALL)
def test_the_request_for_change_is_there_in_full(name: str) -> None:
    change, text = ALL[name].change, Page(render_html(ALL[name])).text
    steps = [part for step in change.steps for part in (step.text, step.test)]
    fields = (change.reason, change.effect_of_not_changing, change.risk, change.risk_evidence, change.backout)
    for part in (*steps, *fields, change.item.location, change.item.asset_tag, change.implementer.name):
        assert part in text


def test_an_approval_of_another_seal_stands_out() -> None:
    report = samples.succeeded()
    assert "not the seal below" not in render_html(report)
    second = replace(report.approvals[1], seal="0" * 64)
    assert "not the seal below" in render_html(replace(report, approvals=(second,)))


def test_a_plan_tells_of_no_run() -> None:
    text = Page(render_html(samples.plan_only())).text
    assert "This will happen if you approve" in text
    assert "If it is not done" in text
    assert "Planned against actual" not in text
    assert "The run" not in text


def test_a_report_of_nothing_still_renders() -> None:
    bare = Report(
        school="S",
        change=replace(samples.change(), window=None, steps=(), links=()),
        generated=samples.START,
    )
    text = Page(render_html(bare)).text
    assert "No host is part of this change." in text
    assert "None recorded." in text


def test_a_failure_comes_with_its_error_and_advice() -> None:
    text = Page(render_html(samples.failed())).text
    assert "post-installation script subprocess returned error exit status 1" in text
    assert "fitsom run backout CHG-2026-0001" in text


def test_times_are_those_of_the_window() -> None:
    summer = samples.window(samples.START.replace(month=7), zone="Europe/London")
    html = render_html(replace(samples.plan_only(), change=replace(samples.change(), window=summer)))
    assert "19:00\u201320:00 BST" in html


def test_fifty_thousand_results_in_two_seconds() -> None:
    report = samples.big()
    started = time.process_time()
    html = render_html(report)
    assert time.process_time() - started < 2
    assert len(html) < 2_000_000
