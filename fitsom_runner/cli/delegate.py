"""`fitsom delegate ...`."""

from __future__ import annotations

from typing import Annotated

import typer

from fitsom_runner.cli.context import answer, open_session
from fitsom_runner.roles import Power

app = typer.Typer(no_args_is_help=True)


@app.command("give")
def give(
    to: Annotated[str, typer.Argument(help="The person's id in fitsom.yml.")],
    power: Annotated[Power, typer.Option(help="Which of your powers.")],
    reason: Annotated[str, typer.Option(help="Why; it is kept in the audit log.")],
    days: Annotated[int, typer.Option(min=1, max=92)] = 7,
) -> None:
    """Lend a power of your own for some days."""
    s = open_session()
    from fitsom_runner.people import powers

    delegation = powers.delegate(s.config, s.identity, to, power, days=days, reason=reason)
    answer(
        {"id": delegation.pk, "until": delegation.ends},
        f"{to} may {power.replace('_', ' ')} until {delegation.ends:%d %b %Y}.",
    )


@app.command("revoke")
def revoke(number: Annotated[int, typer.Argument(help="See: fitsom delegate list")]) -> None:
    """Take a delegation of yours back."""
    s = open_session()
    from fitsom_runner.people import powers

    powers.revoke(s.identity, number)
    answer({"id": number, "revoked": True}, f"Delegation {number} is revoked.")


@app.command("list")
def list_delegations() -> None:
    """Who has lent what to whom."""
    open_session()
    from rich.table import Table

    from fitsom_runner.people.models import Delegation

    table = Table("No.", "From", "To", "Power", "Until", "Reason", box=None, header_style="bold")
    value = []
    for d in Delegation.objects.order_by("pk"):
        end = "revoked" if d.revoked_at else f"{d.ends:%d %b %Y}"
        table.add_row(str(d.pk), d.giver, d.taker, d.power, end, d.reason)
        value.append({"id": d.pk, "from": d.giver, "to": d.taker, "power": d.power, "until": end})
    answer(value, table if value else "No delegations.")
