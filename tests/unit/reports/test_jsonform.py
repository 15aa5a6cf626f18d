"""The JSON form holds the whole model and reads back."""

import json
from pathlib import Path

import pytest

from fitsom_runner.reports.jsonform import UnreadableReportError, from_json, to_json
from fitsom_runner.reports.render import write_all
from tests.unit.reports import samples
from tests.unit.reports.poison import poisoned
from tests.unit.reports.test_html import ALL


@pytest.mark.parametrize("name", [name for name in ALL if name not in ("failed",)])
def test_it_reads_back_as_it_was(name: str) -> None:
    assert from_json(to_json(ALL[name])) == ALL[name]


def test_only_terminal_codes_are_lost() -> None:
    once = to_json(samples.failed())
    assert "\\u001b" not in once
    assert to_json(from_json(once)) == once


def test_half_a_character_does_not_stop_it() -> None:
    json.loads(to_json(poisoned(samples.failed(), "half \ud800 pair")).encode())


def test_its_head_names_schema_and_version() -> None:
    body = json.loads(to_json(samples.succeeded()))
    assert list(body)[:4] == ["schema", "schema_version", "school", "change"]
    assert (body["schema"], body["schema_version"]) == ("fitsom-report", 1)
    assert body["run"]["outcome"] == "succeeded"
    assert body["hosts"][0]["packages"][0]["old"] == "3.0.0-1~deb12u1"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("{", "not JSON"),
        ("[]", "not a fitsom report"),
        ('{"schema": "fitsom-report", "schema_version": 99}', "version 99"),
        ('{"schema": "fitsom-report", "schema_version": 1}', "does not hold"),
    ],
)
def test_what_is_no_report_is_refused(text: str, complaint: str) -> None:
    with pytest.raises(UnreadableReportError, match=complaint):
        from_json(text)


def test_an_unknown_key_is_refused() -> None:
    body = json.loads(to_json(samples.succeeded()))
    body["forged"] = True
    with pytest.raises(UnreadableReportError, match="forged"):
        from_json(json.dumps(body))


def test_all_three_forms_are_written(tmp_path: Path) -> None:
    html, markdown, body = write_all(samples.succeeded(), tmp_path / "new")
    assert [path.name for path in (html, markdown, body)] == ["report.html", "report.md", "report.json"]
    assert from_json(body.read_text(encoding="utf-8")) == samples.succeeded()
    assert html.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
