"""`fitsom standard ...`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from fitsom_runner.cli.context import answer, opened

app = typer.Typer(no_args_is_help=True)
Name = Annotated[str, typer.Argument(help="The template's name.")]


@app.command("propose")
def propose(
    name: Name,
    model: Annotated[str, typer.Option("--from", help="A change that succeeded.")],
    days: Annotated[int, typer.Option(help="How long the pre-approval lasts.", min=1, max=366)] = 90,
) -> None:
    """Make a template of a change that succeeded; its content, hosts and length become its bounds."""
    s = opened()
    from fitsom_runner.changes import service, standard

    expires = datetime.now(UTC) + timedelta(days=days)
    made = standard.propose(s.config, s.who, name, service.get(model), expires=expires)
    answer(
        {"name": made.name, "expires": made.expires},
        f"{name} waits for approval: fitsom standard approve {name}",
    )


@app.command("approve")
def approve(name: Name) -> None:
    """Pre-approve every run inside the template's bounds."""
    s = opened()
    from fitsom_runner.changes import standard

    made = standard.approve(s.config, s.who, name)
    answer(
        {"name": made.name, "approved_by": made.approved_by},
        f"{name} is approved until {made.expires:%d %b %Y}.",
    )


@app.command("withdraw")
def withdraw(name: Name) -> None:
    """Take a template out of use at once."""
    s = opened()
    from fitsom_runner.changes import standard

    standard.withdraw(s.config, s.who, name)
    answer({"name": name, "withdrawn": True}, f"{name} is withdrawn.")


@app.command("list")
def list_templates() -> None:
    """The catalogue of standard changes."""
    opened()
    from rich.table import Table

    from fitsom_runner.changes.models import StandardTemplate

    table = Table("Name", "Playbook", "Hosts", "Approved by", "Until", box=None, header_style="bold")
    value = []
    for t in StandardTemplate.objects.order_by("name"):
        state = "withdrawn" if t.withdrawn_at else t.approved_by or "nobody yet"
        table.add_row(t.name, t.playbook, ", ".join(t.bounds["hosts"]), state, f"{t.expires:%d %b %Y}")
        value.append({"name": t.name, "bounds": t.bounds, "approved_by": t.approved_by, "expires": t.expires})
    answer(value, table if value else "No standard changes.")
