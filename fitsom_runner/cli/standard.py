"""`fitsom standard ...`."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from fitsom_runner.cli.context import OPTIONS, answer, open_session

app = typer.Typer(no_args_is_help=True)
Name = Annotated[str, typer.Argument(help="The template's name.")]


@app.command("propose")
def propose(
    name: Name,
    model: Annotated[str, typer.Option("--from", help="A change that succeeded.")],
    days: Annotated[int, typer.Option(help="How long the pre-approval lasts.", min=1, max=366)] = 90,
) -> None:
    """Make a template of a change that succeeded; its content, hosts and length become its bounds."""
    s = open_session()
    from fitsom_runner.changes import service, standard

    expires = datetime.now(UTC) + timedelta(days=days)
    template = standard.propose(s.config, s.identity, name, service.get(model), expires=expires)
    answer(
        {"name": template.name, "expires": template.expires},
        f"{name} waits for approval: fitsom standard approve {name}",
    )


@app.command("approve")
def approve(
    name: Name,
    key: Annotated[
        Path | None,
        typer.Option(
            help="Sign with this key: a private key, or the .pub of one in ssh-agent.",
            envvar="FITSOM_SIGNING_KEY",
        ),
    ] = None,
    seal: Annotated[
        str, typer.Option(help="The first 12 digits or more of its plan's seal: --yes and --json need them.")
    ] = "",
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask again.")] = False,
) -> None:
    """Pre-approve every run inside the template's bounds, after reading the plan that it was made of."""
    s = open_session()
    from fitsom_runner.changes import standard
    from fitsom_runner.changes.signatures import signed_words
    from fitsom_runner.cli import show

    found = standard.get(name)
    plan = standard.model_plan(found)
    if yes or OPTIONS.json:
        _require_seal(found.name, plan.seal if plan else "", seal)
    else:
        answer(None, *show.template_pages(found, plan))
        typer.confirm(f"Pre-approve every run of {name} as {s.identity.person.name}?", abort=True)
    template = standard.approve(s.config, s.identity, name, key=key)
    answer(
        {"name": template.name, "approved_by": template.approved_by, "key": template.key},
        f"{name} is approved until {template.expires:%d %b %Y}, {signed_words(template)}.",
    )


def _require_seal(name: str, expected: str, seal: str) -> None:
    """Who is not shown the plan now has to say which plan they saw. Raises IncompleteError, RefusedError."""
    from fitsom_runner.errors import IncompleteError, RefusedError

    if not re.fullmatch("[0-9a-fA-F]{12,64}", seal):
        raise IncompleteError(
            f"{name} is approved by the seal of the plan that it was made of: name 12 digits of it or more",
            hint=f"fitsom standard approve {name} shows the plan and asks; or add --seal ...",
        )
    if not expected.startswith(seal.lower()):
        raise RefusedError(
            f"{name} was made of another plan: its seal begins with {expected[:12]}",
            hint=f"Read it: fitsom standard approve {name}",
        )


@app.command("withdraw")
def withdraw(name: Name) -> None:
    """Take a template out of use at once."""
    s = open_session()
    from fitsom_runner.changes import standard

    standard.withdraw(s.config, s.identity, name)
    answer({"name": name, "withdrawn": True}, f"{name} is withdrawn.")


@app.command("list")
def list_templates() -> None:
    """The catalogue of standard changes."""
    open_session()
    from rich.table import Table

    from fitsom_runner.changes.models import StandardTemplate

    table = Table("Name", "Playbook", "Hosts", "Approved by", "Until", box=None, header_style="bold")
    value = []
    for t in StandardTemplate.objects.order_by("name"):
        state = "withdrawn" if t.withdrawn_at else t.approved_by or "nobody yet"
        table.add_row(t.name, t.playbook, ", ".join(t.bounds["hosts"]), state, f"{t.expires:%d %b %Y}")
        value.append({"name": t.name, "bounds": t.bounds, "approved_by": t.approved_by, "expires": t.expires})
    answer(value, table if value else "No standard changes.")
