"""`fitsom restore`: parse, call one function after the other, render."""

from __future__ import annotations

from typing import Annotated

import typer

from fitsom_runner import clock
from fitsom_runner.cli.context import answer, note, open_session


def restore(
    host: Annotated[str, typer.Argument(help="The host whose backup it is, to which it is restored.")],
    path: Annotated[str, typer.Argument(help="The file or folder, as a full path.")],
    as_of: Annotated[
        str, typer.Option(help='tuesday, yesterday, 2026-11-17 (its end), or "2026-11-17 12:00".')
    ],
    reason: Annotated[str, typer.Option(help="Who requests it, and why. No pupil's name.")],
    to: Annotated[str, typer.Option(help="Another folder to put it in; default: where it was.")] = "",
    data_set: Annotated[
        str, typer.Option("--set", help="The data set, where the path is in more than one.")
    ] = "",
) -> None:
    """`fitsom restore`."""
    s = open_session()
    from fitsom_runner.changes import restore as writing
    from fitsom_runner.changes import service
    from fitsom_runner.cli import predictions, show
    from fitsom_runner.execution import planner

    now = clock.now()
    moment = writing.as_of(as_of, str(s.config.zone), now)
    rfc_draft = writing.draft(host, path, moment, to=to, data_set=data_set, reason=reason, now=now)
    change = service.submit(s.config, s.identity, service.new(s.config, s.identity, rfc_draft))
    note(f"{change.number}: looking into the backup ...")
    new_plan = planner.plan(s.config, s.identity, change)
    change = service.get(change.number)
    answer(show.change_value(change), predictions.plan_page(new_plan), f"[dim]{service.next_step(change)}[/]")
