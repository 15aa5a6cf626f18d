"""`fitsom upgrade --check`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from fitsom_runner import __version__
from fitsom_runner.cli.context import Session, answer
from fitsom_runner.errors import ExitCode, RefusedError
from fitsom_runner.setup import upgrade as upgrades
from fitsom_runner.setup.upgrade import Check


def upgrade(
    source: Annotated[
        Path | None,
        typer.Argument(metavar="[WHEEL]", help="A wheel, or a folder or .tar.gz of the collection."),
    ] = None,
    check: Annotated[bool, typer.Option("--check", help="Say what would change; change nothing.")] = False,
) -> None:
    """`fitsom upgrade`. Without WHEEL: whether content and records are those of this fitsom."""
    if not check:
        raise RefusedError(
            "fitsom does not install itself",
            hint="First: fitsom upgrade --check WHEEL. Then: pipx install --force WHEEL (or uv tool install, or the "
            "Debian package). The records follow at the next command, and a copy of them is kept.",
        )
    from rich.markup import escape

    result = upgrades.check(Session().config, source)
    answer(asdict(result), *(escape(line) for line in _lines(result)))
    if result.plan_again:
        raise typer.Exit(int(ExitCode.FOUND))


def _lines(result: Check) -> Iterator[str]:
    if result.offered is None:
        yield f"fitsom {__version__}, content {result.installed}; records last used by {result.last_writer or 'nobody'}"
    else:
        yield f"Content {result.installed} -> {result.offered}"
    for entry in result.log:
        yield f"  - {entry}"
    for role in result.roles:
        yield f"Role {role.name}: {role.files} files differ"
        yield from (f"  new setting {name}" for name in role.new)
        yield from (f"  removed: {name}; remove it from group_vars" for name in role.gone)
        yield from (
            f"  {name}: by default {new_default!r}, was {old_default!r}"
            for name, (old_default, new_default) in role.defaults.items()
        )
    if result.plugins:
        yield f"{result.plugins} files of plugins differ, {result.modules} of them modules"
    if result.migrations is None:
        yield "Records: the collection alone does not touch them"
    elif result.migrations:
        yield f"Records: brought up to date by the next command, a copy is kept ({', '.join(result.migrations)})"
    else:
        yield "Records: nothing to do"
    for change in result.plan_again:
        yield f"{change.number} ({change.state}) must be planned and approved again: {change.title}"
    if not result.plan_again:
        yield "No open change must be planned again"
