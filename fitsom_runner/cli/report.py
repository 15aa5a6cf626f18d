"""`fitsom report ...`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from fitsom_runner import caller
from fitsom_runner.cli.context import answer, open_session

app = typer.Typer(no_args_is_help=True)
Number = Annotated[str, typer.Argument(help="CHG-2026-0001, or just 1.")]


@app.command("show")
def show(number: Number) -> None:
    """The report of the newest run (or of the plan, before there is one), in the terminal."""
    from rich.markdown import Markdown

    folder = _folder(number)
    answer(json.loads((folder / "report.json").read_text()), Markdown((folder / "report.md").read_text()))


@app.command("open")
def open_report(number: Number) -> None:
    """The same as a page in the browser."""
    page = _folder(number) / "report.html"
    answer({"report": str(page)}, str(page))
    caller.current().show(page)


@app.command("export")
def export(
    number: Number,
    to: Annotated[Path, typer.Option(help="The file to write; its ending says which form: .html .md .json")],
) -> None:
    """Write the report to a file."""
    from fitsom_runner.errors import IncompleteError

    if to.suffix not in {".html", ".md", ".json"}:
        raise IncompleteError(f"{to}: a report ends in .html, .md or .json")
    report = (_folder(number) / f"report{to.suffix}").read_bytes()
    try:
        caller.current().write(to, report)
    except OSError as fault:
        raise IncompleteError(f"{to} cannot be written: {fault.strerror or fault}") from fault
    answer({"report": str(to)}, f"Written: {to}")


def _folder(number: str) -> Path:
    s = open_session()
    from fitsom_runner.changes import service
    from fitsom_runner.reports import files

    folder: Any = files.ensure(s.config, service.get(number))
    return Path(folder)
