"""A report as HTML, Markdown or JSON: three forms of the same model."""

import base64
import hashlib
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from fitsom_runner.changes.prediction import DifferenceKind
from fitsom_runner.reports import facts as counting
from fitsom_runner.reports import observed, text, times, words
from fitsom_runner.reports import verdict as verdicts
from fitsom_runner.reports.jsonform import to_json
from fitsom_runner.reports.labels import label
from fitsom_runner.reports.model import Report
from fitsom_runner.reports.timeline import timeline

TEMPLATES = Path(__file__).parent / "templates"


def render_html(report: Report) -> str:
    """One file that loads nothing: open it anywhere, print it, mail it."""
    return _environment(html=True).get_template("report.html.j2").render(_context(report))


def page(template: str, words: dict[str, Any]) -> str:
    """Another page in the same look, such as the daily one's."""
    return _environment(html=True).get_template(template).render(words)


def render_markdown(report: Report) -> str:
    """The complete report as Markdown that also reads well unrendered."""
    return _environment(html=False).get_template("report.md.j2").render(_context(report)).strip() + "\n"


def render_json(report: Report) -> str:
    """The complete model; jsonform.from_json reads it back."""
    return to_json(report)


def write_all(report: Report, directory: Path) -> tuple[Path, Path, Path]:
    """Write report.html, report.md and report.json into the directory (made if missing)."""
    directory.mkdir(parents=True, exist_ok=True)
    forms = {"html": render_html, "md": render_markdown, "json": render_json}
    paths = []
    for suffix, render in forms.items():
        path = directory / f"report.{suffix}"
        path.write_text(render(report), encoding="utf-8")
        paths.append(path)
    return paths[0], paths[1], paths[2]


def _context(report: Report) -> dict[str, Any]:
    facts = counting.gather(report)
    zone = report.shown_zone
    return {
        "report": report,
        "change": report.change,
        "run": report.run,
        "facts": facts,
        "words": words,
        "times": times,
        "zone": zone,
        "summary": words.summary(report, facts),
        "verdict": verdicts.verdict(report, facts),
        "open_points": verdicts.open_points(report, facts),
        "earlier_runs": verdicts.earlier_runs(report),
        "affected": words.affected(report, facts),
        "picture": timeline(report, facts),
        "rows": observed.rows((host.name, host.observed) for host in report.hosts),
        "columns": observed.COLUMNS,
        "stamp": lambda moment: times.stamp(moment, zone),
    }


def _finish_html(value: object) -> object:
    """Every expression of the page passes here before it is escaped."""
    return text.clean(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _finish_markdown(value: object) -> object:
    return text.markdown(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _paragraphs(value: str) -> Markup:
    """Text with its line breaks kept, escaped."""
    lines = [line.strip() for line in text.clean(value).strip().split("\n")]
    return Markup("<br>").join(lines) if any(lines) else Markup("")


@cache
def _environment(*, html: bool) -> Environment:
    environment = Environment(
        loader=PackageLoader("fitsom_runner.reports", "templates"),
        autoescape=html,  # noqa: S701 (Markdown is escaped by its own finalize)
        finalize=_finish_html if html else _finish_markdown,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "label": label,
        "count": text.count,
        "listed": text.listed,
        "shorten": text.shorten,
        "lines": _paragraphs,
        "duration": times.duration,
        "code": lambda value: Markup(text.code(value)),  # noqa: S704
        "fence": lambda value: Markup(text.fence(value)),  # noqa: S704
    }
    environment.tests["down"] = counting.is_down
    environment.globals |= {
        "noun": counting.noun,
        "reboot_open": counting.reboot_open,
        "is_down": counting.is_down,
        "worrying": counting.worrying,
        "DifferenceKind": DifferenceKind,
        **_style(),
    }
    return environment


def _style() -> dict[str, Any]:
    """The style sheet and its hash: the content policy of the page allows this one and nothing else."""
    css = (TEMPLATES / "report.css").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(css.encode()).digest()).decode()
    return {"css": Markup(css), "css_hash": f"sha256-{digest}"}  # noqa: S704
