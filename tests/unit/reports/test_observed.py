"""What a host is, in one row."""

from fitsom_runner.facts_reader import facts_from_json
from fitsom_runner.reports.observed import rows
from fitsom_runner.reports.render import render_html, render_markdown
from tests.unit.reports import samples
from tests.unit.reports.machines import file_server


def test_a_row_says_what_matters() -> None:
    (row,) = rows([("files1", file_server().observed), ("web1", {})])
    assert row.host == "files1"
    assert row.cells == (
        "Debian GNU/Linux 13 (trixie), kernel 6.12.57-amd64",
        "2030-06-30",
        "2026-11-20 22:14:09 UTC",
        "NW7781C",
        "812 MB on /srv (88 % used)",
    )


def test_what_a_host_does_not_say_is_not_made_up() -> None:
    (row,) = rows(
        [("box", {"configuration_item": {"system": {"support": None}, "hardware": None, "filesystems": []}})]
    )
    assert row.cells == ("not reported", "not known", "not reported", "not reported", "not reported")


def test_both_forms_of_the_report_have_the_row() -> None:
    report = samples.succeeded()
    for output in (render_html(report), render_markdown(report)):
        assert "What each host is" in output
        assert "812 MB on /srv (88 % used)" in output


def test_facts_of_several_modules_are_one_dictionary() -> None:
    host = [{"security_updates": []}, {"configuration_item": {"system": {}}}]
    assert facts_from_json({"facts": host}, "srv1").observed == {
        "security_updates": [],
        "configuration_item": {"system": {}},
    }
