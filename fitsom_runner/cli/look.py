"""`fitsom look`: parse, call one function after the other, render."""

from __future__ import annotations

from typing import Annotated

import typer

from fitsom_runner.cli.context import answer, note, open_session
from fitsom_runner.errors import ExitCode


def look(
    playbook: Annotated[str, typer.Argument(help="Its name, such as backup, or its path.")],
    limit: Annotated[
        str, typer.Option(help="Only these hosts. Default: every host that a play is for.")
    ] = "",
    tags: Annotated[
        list[str] | None, typer.Option(help="Only tasks with these tags; may be repeated.")
    ] = None,
    extra_var: Annotated[
        list[str] | None, typer.Option("--extra-var", "-e", help="name=value, JSON, or @FILE.")
    ] = None,
    diff: Annotated[bool, typer.Option("--diff", help="Show what differs in each file.")] = False,
    input_: Annotated[
        list[str] | None, typer.Option("--input", help="name=/full/path: a file from outside git.")
    ] = None,
) -> None:
    """`fitsom look`."""
    s = open_session()
    from fitsom_runner.changes import prediction
    from fitsom_runner.cli import predictions, rfc
    from fitsom_runner.facts import Severity
    from fitsom_runner.operations import look as looking

    question = looking.Question(
        playbook=playbook,
        limit=limit,
        tags=tuple(tags or ()),
        extra_vars=rfc.extra_vars(extra_var or []),
        inputs=rfc.inputs(input_ or []),
    )
    note(f"[dim]Looking, by {question.path} in check mode; nothing is changed ...[/]")
    hosts, failing = looking.look(s.config, s.identity, question)
    value = {"hosts": prediction.to_json(hosts), "left_out": failing}
    answer(value, *predictions.hosts_page(hosts, failing), *(predictions.differences(hosts) if diff else []))
    if failing:
        raise typer.Exit(int(ExitCode.ERROR))
    findings = (finding for changes in hosts.values() for finding in changes.facts.findings)
    if any(finding.severity is Severity.EXCEPTION for finding in findings):
        raise typer.Exit(int(ExitCode.FOUND))
