"""`fitsom health`: parse, call one function after the other, render."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from fitsom_runner.cli.context import answer, note, open_session
from fitsom_runner.errors import ExitCode


def health(
    limit: Annotated[str, typer.Option(help="Only these hosts, as Ansible's --limit has them.")] = "all",
) -> None:
    """`fitsom health`."""
    s = open_session()
    from rich.markup import escape

    from fitsom_runner.facts import Severity
    from fitsom_runner.operations import health as checks
    from fitsom_runner.reports import health as report

    note("[dim]Looking at the hosts; nothing is changed ...[/]")
    check = checks.run_check(s.config, s.identity, limit)
    page = report.write(s.config, check)
    verdict = report.verdict(check)
    answer(
        report.value(check), *_findings(check), f"[bold]{escape(verdict.title)}.[/] {escape(verdict.text)}"
    )
    note(f"[bold]Report:[/] {page}")
    if check.number(Severity.EXCEPTION):
        raise typer.Exit(int(ExitCode.FOUND))


def _findings(check: Any) -> list[str]:
    """The worst first, each as a few lines, which no terminal is too narrow for."""
    from rich.markup import escape

    from fitsom_runner.cli.predictions import SEVERITY_COLOURS

    return [
        f"[{SEVERITY_COLOURS[finding.severity]}]{finding.severity}[/] [bold]{escape(finding.ci)}[/]: "
        f"{escape(' '.join(filter(None, (finding.what, finding.evidence))))}\n"
        f"    since {finding.since}. {escape(finding.do)}"
        for _host, finding in check.findings
    ]
