"""Changes and runs as Rich shows them, and as JSON values; plans: predictions.py."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.panel import Panel
from rich.table import Table

from fitsom_runner.changes import service
from fitsom_runner.changes.fields import RFC_FIELDS
from fitsom_runner.changes.models import Change, Plan, StandardTemplate
from fitsom_runner.changes.signatures import decided, signatures, signed_words, window_of
from fitsom_runner.changes.states import in_words
from fitsom_runner.config import Config
from fitsom_runner.execution.models import HostOutcome, Run

COLOURS = {
    "succeeded": "green",
    "done": "green",
    "closed": "dim",
    "failed": "red",
    "unreachable": "red",
    "rejected": "red",
    "interrupted": "yellow",
    "unknown": "yellow",
    "refused": "yellow",
    "cancelled": "dim",
    "expired": "dim",
    "running": "cyan",
    "scheduled": "blue",
}


def change_value(change: Change) -> dict[str, Any]:
    """A change as JSON."""
    plan = change.plan
    return {
        "number": change.number,
        "version": change.version,
        "type": change.type,
        "state": change.state,
        **change.rfc(),
        "playbook": change.playbook,
        "backout_playbook": change.backout_playbook,
        "limit": change.limit,
        "tags": change.tags,
        "skip_tags": change.skip_tags,
        "inputs": change.inputs,
        "window": _window_value(change),
        "requester": change.requester,
        "implementer": change.implementer,
        "plan": plan_value(plan) if plan else None,
        "approvals": [
            {
                "kind": a.kind,
                "approved": a.approved,
                "person": a.person,
                "on_behalf_of": a.on_behalf_of,
                "comment": a.comment,
                "seal": a.seal,
                "at": a.at,
                "signed": bool(decided(a).signature),
                "key": decided(a).key,
                "counts": a in signatures(change),
            }
            for a in change.approvals.all()
        ],
        "runs": [run_value(run) for run in change.runs.all()],
        "closure_code": change.closure_code,
        "next": service.next_step(change),
    }


def plan_value(plan: Plan) -> dict[str, Any]:
    """A plan as JSON."""
    return {
        "id": plan.id,
        "seal": plan.seal,
        "commit": plan.commit,
        "components": plan.components,
        "hosts": plan.hosts,
        "left_out": plan.left_out,
        "notes": plan.notes,
        "seconds": plan.seconds,
    }


def run_value(run: Run) -> dict[str, Any]:
    """A run as JSON."""
    return {
        "id": run.id,
        "change": run.change.number,
        "kind": run.kind,
        "status": run.status,
        "started_by": run.started_by,
        "claimed_at": run.claimed_at,
        "apply_started_at": run.apply_started_at,
        "ended_at": run.ended_at,
        "refusal": run.refusal,
        "messages": run.messages,
        "hosts": {o.host: {"outcome": o.outcome, "reason": o.reason} for o in run.outcomes.all()},
    }


def change_list(changes: Iterable[Change], config: Config) -> Table:
    """One line a change."""
    table = Table("Number", "Type", "State", "Title", "Window", box=None, header_style="bold")
    for change in changes:
        colour = COLOURS.get(change.state, "white")
        state = f"[{colour}]{in_words(change.stage)}[/]"
        table.add_row(change.number, change.type, state, escape(change.title), window_words(change, config))
    return table


def change_page(change: Change, config: Config) -> RenderableType:
    """The complete RfC, its signatures, its plan and its runs."""
    facts = Table(box=None, show_header=False, padding=(0, 1))
    facts.add_column(style="dim", no_wrap=True)
    facts.add_column(overflow="fold")
    for name, heading in RFC_FIELDS.items():
        if getattr(change, name) and name != "title":
            facts.add_row(heading, escape(getattr(change, name)))
    facts.add_row("Window", window_words(change, config))
    facts.add_row("Runs", f"{change.playbook} on {escape(change.limit) or 'every computer that it is for'}")
    for name, path in change.inputs.items():
        facts.add_row("Reads", f"{name}: {escape(path)}")
    facts.add_row("Requester", change.requester)
    parts: list[RenderableType] = [facts]
    for approval in change.approvals.all():
        verdict = "[green]approved[/]" if approval.approved else "[red]rejected[/]"
        behalf = f" on behalf of {approval.on_behalf_of}" if approval.on_behalf_of else ""
        comment = f" “{escape(approval.comment)}”" if approval.comment else ""
        outdated = "" if approval in signatures(change) else " [dim](an earlier version: no longer counts)[/]"
        line = _wrapped(
            f"{verdict} {approval.kind.replace('_', ' ')}: {escape(approval.person_name)}, {approval.position}"
            f"{behalf}, {local(approval.at, config)}, {signed_words(decided(approval))}"
            f"{comment}{outdated}"
        )
        parts.append(line)
    if change.plan:
        from fitsom_runner.cli.predictions import plan_page  # a list of changes shows no plan

        parts.append(plan_page(change.plan))
    parts += [run_page(run) for run in change.runs.all()]
    parts.append(_wrapped(f"[bold]Next:[/] {escape(service.next_step(change))}"))
    title = f"{change.number} v{change.version}  ({change.type}, {in_words(change.stage)})"
    return Panel(
        Group(_wrapped(f"[bold]{escape(change.title)}[/]"), *parts),
        title=title,
        title_align="left",
        border_style=COLOURS.get(change.state, "white"),
    )


def template_pages(template: StandardTemplate, plan: Plan | None) -> list[RenderableType]:
    """What pre-approving a standard change is about: its request, its bounds, and the plan that it was made of."""
    facts = Table(box=None, show_header=False, padding=(0, 1))
    facts.add_column(style="dim", no_wrap=True)
    facts.add_column(overflow="fold")
    for name, heading in RFC_FIELDS.items():
        if template.rfc.get(name):
            facts.add_row(heading, escape(str(template.rfc[name])))
    bounds = template.bounds
    facts.add_row("Runs", f"{template.playbook} on at most: {', '.join(sorted(bounds['hosts']))}")
    facts.add_row("Back-out", escape(template.rfc.get("backout_playbook") or "by hand"))
    facts.add_row("Window", f"at most {template.max_minutes} minutes, until {template.expires:%d %b %Y}")
    facts.add_row("May do", escape("; ".join(bounds.get("effects", [])) or "nothing"))
    pages: list[RenderableType] = [Panel(facts, title=f"Standard change {template.name}", title_align="left")]
    if plan:
        from fitsom_runner.cli.predictions import plan_page

        pages.append(plan_page(plan))
    return pages


def _wrapped(text: str) -> Table:
    """A paragraph that is complete in a file too, where Rich would cut it off at the border."""
    paragraph = Table.grid()
    paragraph.add_column(overflow="fold")
    paragraph.add_row(text)
    return paragraph


def run_page(run: Run) -> RenderableType:
    """What is known of a run."""
    table = Table("Host", "Outcome", "Why", box=None, header_style="bold")
    for outcome in run.outcomes.order_by("host"):
        table.add_row(
            outcome.host,
            outcome_words(outcome),
            escape(outcome.reason.splitlines()[0] if outcome.reason else ""),
        )
    parts: list[RenderableType] = [table]
    parts += [f"[yellow]refused:[/] {escape(reason)}" for reason in run.refusal]
    parts += [f"[dim]{escape(line)}[/]" for line in run.messages[-8:]]
    colour = COLOURS.get(run.status, "white")
    title = f"Run {run.id} ({run.kind}) by {run.started_by}: [{colour}]{run.status}[/]"
    return Panel(Group(*parts), title=title, title_align="left", border_style=colour)


def outcome_words(outcome: HostOutcome) -> str:
    """Such as a green "done"."""
    return f"[{COLOURS.get(outcome.outcome, 'white')}]{outcome.outcome}[/]"


def window_words(change: Change, config: Config) -> str:
    """Such as "Fri 27 Nov 2026 18:00-19:00 Europe/London"."""
    if change.window_start is None or change.window_end is None:
        return "as soon as approved" if change.type == "emergency" else "none yet"
    zone = ZoneInfo(change.window_zone or str(config.zone))
    start, end = change.window_start.astimezone(zone), change.window_end.astimezone(zone)
    end_text = f"{end:%H:%M}" if start.date() == end.date() else f"{end:%a %d %b %H:%M}"
    return f"{start:%a %d %b %Y %H:%M}-{end_text} {change.window_zone}"


def window_line(change: Change, config: Config) -> str:
    """A window said back to whoever has typed it, with its length."""
    from fitsom_runner.reports.times import duration

    words = f"Its window: {window_words(change, config)}"
    if change.window_start is None or change.window_end is None:
        return f"{words}."
    length = (change.window_end - change.window_start).total_seconds()
    return f"{words} ({duration(length)})."


def local(moment: datetime, config: Config) -> str:
    """A moment in the school's zone."""
    return f"{moment.astimezone(config.zone):%d %b %Y %H:%M}"


def _window_value(change: Change) -> dict[str, Any] | None:
    window = window_of(change)
    return None if window is None else {"start": window.start, "end": window.end, "zone": window.zone}
