"""`fitsom content ...`."""

from __future__ import annotations

from typing import Annotated

import typer

from fitsom_runner.cli.context import answer, open_session

app = typer.Typer(no_args_is_help=True)


@app.callback()
def group() -> None:
    """A group, although it has one command."""


@app.command("accept")
def accept(
    commit: Annotated[str, typer.Argument(help="The commit; HEAD if none is named.")] = "",
) -> None:
    """Accept a commit's content: its tasks with `check_mode: false` may run while others take plans of it.

    Read the content first: git show COMMIT.
    """
    s = open_session()
    from fitsom_runner.execution import acceptance

    accepted = acceptance.accept(s.config, s.identity, commit or None)
    answer(
        {"commit": accepted},
        f"[green]Accepted:[/] the content of commit {accepted[:12]}, for plans that others take.",
    )
