"""`fitsom health`: parse, call one function after the other, render."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from fitsom_runner.cli.context import answer, note, opened
from fitsom_runner.errors import ExitCode


def health(
    limit: Annotated[str, typer.Option(help="Only these hosts, as Ansible's --limit has them.")] = "all",
) -> None:
    """`fitsom health`."""
    s = opened()
    from rich.markup import escape

    from fitsom_runner.facts import Severity
    from fitsom_runner.operations import health as looking
    from fitsom_runner.reports import health as report

    note("[dim]Looking at the hosts; nothing is changed ...[/]")
    look = looking.look(s.config, s.who, limit)
    page = report.write(s.config, look)
    told = report.verdict(look)
    answer(report.value(look), *_table(look), f"[bold]{escape(told.title)}.[/] {escape(told.text)}")
    note(f"[bold]Report:[/] {page}")
    if look.number(Severity.EXCEPTION):
        raise typer.Exit(int(ExitCode.FOUND))


def _table(look: Any) -> list[Any]:
    """The findings, the worst first; nothing where there are none."""
    if not look.findings:
        return []
    from rich.markup import escape
    from rich.table import Table

    from fitsom_runner.cli.predictions import SEVERITY_COLOURS

    table = Table("Severity", "On", "Found", "Since", "What to do")
    for _host, found in look.findings:
        colour = SEVERITY_COLOURS[found.severity]
        cells = (found.ci, f"{found.what} {found.evidence}".strip(), found.since, found.do)
        table.add_row(f"[{colour}]{found.severity}[/]", *map(escape, cells))
    return [table]
