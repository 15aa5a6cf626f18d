"""`fitsom service ...`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fitsom_runner.cli.context import OPTIONS, answer

app = typer.Typer(no_args_is_help=True)


@app.callback()
def group() -> None:
    """A group, although it has one command."""


@app.command("install")
def install(
    school: Annotated[Path, typer.Argument(help="The school's folder, with its fitsom.yml.")] = Path(),
) -> None:
    """Give the records an account of their own, which everybody reaches by their own login. As root.

    Called again, it does only what is missing: after a new version, it brings units and records up to date.
    """
    from fitsom_runner.setup import service

    steps = []
    for step in service.install(school):
        steps.append(step)
        if not OPTIONS.json:
            answer(None, step)
    if OPTIONS.json:
        answer({"steps": steps})
