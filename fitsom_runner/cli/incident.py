"""`fitsom incident ...`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from fitsom_runner.cli.context import answer, open_session

if TYPE_CHECKING:
    from fitsom_runner.config import Config
    from fitsom_runner.processes.models import Incident

app = typer.Typer(no_args_is_help=True)
Number = Annotated[str, typer.Argument(help="INC-2026-0001, or just 1.")]


@app.command("list")
def list_incidents(
    everything: Annotated[bool, typer.Option("--all", help="Closed ones too.")] = False,
    change: Annotated[str, typer.Option(help="Only those of this change.")] = "",
) -> None:
    """What runs left failed, unreachable or unknown, and what they found that somebody has to see to."""
    s = open_session()
    from fitsom_runner.changes import service
    from fitsom_runner.processes.models import Incident

    found = Incident.objects.all() if everything else Incident.objects.filter(closed_at=None)
    if change:
        found = found.filter(change=service.get(change).number)
    pages = [_page(incident, s.config) for incident in found]
    answer([_value(i) for i in found], *(pages or ["No incident is open." if not everything else "None."]))


@app.command("assign")
def assign(number: Number, person: Annotated[str, typer.Argument(help="An id of fitsom.yml.")]) -> None:
    """Say who sees to it."""
    s = open_session()
    from fitsom_runner.processes import incidents

    incident = incidents.assign(s.config, s.identity, number, person)
    answer(_value(incident), _page(incident, s.config))


@app.command("close")
def close(
    number: Number,
    resolution: Annotated[str, typer.Option("--resolution", "-m", help="What mended it.")] = "",
) -> None:
    """Close it, with what mended it. The same fault in a later run opens it again."""
    s = open_session()
    from fitsom_runner.processes import incidents

    incident = incidents.close(s.config, s.identity, number, resolution)
    answer(_value(incident), f"{incident.number} is closed.")


def _value(incident: Incident) -> dict[str, Any]:
    return {
        "number": incident.number,
        "change": incident.change,
        "run": incident.run_id,
        "host": incident.host,
        "task": incident.task,
        "error": incident.error,
        "opened_at": incident.opened_at,
        "seen": incident.seen,
        "assigned_to": incident.assigned_to,
        "closed_at": incident.closed_at,
        "closed_by": incident.closed_by,
        "resolution": incident.resolution,
    }


def _page(incident: Incident, config: Config) -> Any:
    """A block of lines, which no terminal is too narrow for."""
    from rich.markup import escape

    from fitsom_runner.cli.show import local

    times = f", {incident.seen} times" if incident.seen > 1 else ""
    whose = f"{incident.assigned_to} sees to it" if incident.assigned_to else "nobody is assigned"
    state = (
        f"closed {local(incident.closed_at, config)} by {incident.closed_by}: {incident.resolution}"
        if incident.closed_at
        else whose
    )
    return (
        f"[bold]{incident.number}[/] {escape(incident.host)}: {escape(incident.task)}\n"
        f"  {escape(incident.error.strip())}\n"
        f"  noted {local(incident.opened_at, config)} by {incident.run_id}{times}; {escape(state)}"
    )
