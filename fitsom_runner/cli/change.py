"""`fitsom change ...`: parse, call one function, render."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fitsom_runner.cli.context import OPTIONS, answer, note, open_session
from fitsom_runner.cli.rfc import RfcOptions, with_rfc_options

if TYPE_CHECKING:
    from fitsom_runner.changes.models import Change

app = typer.Typer(no_args_is_help=True)
Number = Annotated[str, typer.Argument(help="CHG-2026-0001, or just 1.")]
Comment = Annotated[str, typer.Option("--comment", "-m", help="What is written beside the approval.")]
Key = Annotated[
    Path | None,
    typer.Option(
        help="Sign with this key: a private key, or the .pub of one in ssh-agent.",
        envvar="FITSOM_SIGNING_KEY",
    ),
]


@app.command("new")
@with_rfc_options
def new(
    rfc: RfcOptions,
    standard: Annotated[str | None, typer.Option(help="Raise it from this standard change.")] = None,
) -> None:
    """Raise an RfC (a draft until it is submitted)."""
    draft = rfc.draft()
    s = open_session()
    from fitsom_runner.changes import service
    from fitsom_runner.changes import standard as templates
    from fitsom_runner.cli import show

    change = (
        templates.new(s.config, s.identity, standard, draft)
        if standard
        else service.new(s.config, s.identity, draft)
    )
    words = f"[bold]{change.number}[/] is a draft. {show.window_line(change, s.config)}"
    answer(show.change_value(change), words, _next_step(change))


@app.command("edit")
@with_rfc_options
def edit(number: Number, rfc: RfcOptions) -> None:
    """Change an RfC: a new version, a draft again, to be approved anew."""
    draft = rfc.draft()
    s = open_session()
    from fitsom_runner.changes import service

    _answer_with(service.edit(s.config, s.identity, service.get(number), draft), s.config)


@app.command("list")
def list_changes(
    state: Annotated[str | None, typer.Option(help="Only changes in this state.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Ended changes too.")] = False,
) -> None:
    """All changes, the ended ones left out; and what may run now."""
    s = open_session()
    from fitsom_runner.changes.models import Change
    from fitsom_runner.changes.states import ENDED
    from fitsom_runner.cli import show
    from fitsom_runner.schedule import due

    changes = Change.objects.all()
    changes = (
        changes.filter(state=state) if state else changes if everything else changes.exclude(state__in=ENDED)
    )
    ready = [c.number for c in due.runnable_now()]
    parts: list[Any] = [show.change_list(changes, s.config)] if changes else ["No changes."]
    parts.append(f"[bold]May run now:[/] {', '.join(ready)}" if ready else "[dim]Nothing may run now.[/]")
    value = [show.change_value(c) | {"may_run_now": c.number in ready} for c in changes if OPTIONS.json]
    answer(value, *parts)


@app.command("show")
def show_change(number: Number) -> None:
    """One change: the RfC, who signed, what is predicted, what ran."""
    s = open_session()
    from fitsom_runner.changes import service
    from fitsom_runner.cli import show

    change = service.get(number)
    answer(show.change_value(change), show.change_page(change, s.config))


@app.command("plan")
def plan(
    number: Number,
    leave_out_failing: Annotated[bool, typer.Option(help="Plan the other hosts where some fail.")] = False,
) -> None:
    """Predict, in check mode, exactly what would change, and seal it."""
    s = open_session()
    from fitsom_runner.changes import service
    from fitsom_runner.cli import predictions, show
    from fitsom_runner.execution import planner

    change = service.get(number)
    where = change.limit or "every computer that it is for"
    note(f"Planning {change.number}: {change.playbook} in check mode on {where} ...")
    new_plan = planner.plan(s.config, s.identity, change, leave_out_failing=leave_out_failing)
    answer(show.plan_value(new_plan), predictions.plan_page(new_plan), _next_step(service.get(change.number)))


@app.command("submit")
def submit(number: Number) -> None:
    """Submit the RfC for a decision."""
    s = open_session()
    from fitsom_runner.changes import service

    _answer_with(service.submit(s.config, s.identity, service.get(number)), s.config)


@app.command("approve")
def approve(
    number: Number,
    comment: Comment = "",
    seal: Annotated[
        str, typer.Option(help="The first 12 digits or more of the seal you saw: --yes and --json need them.")
    ] = "",
    key: Key = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask again.")] = False,
) -> None:
    """Give the approval that the change waits for, signed with a key of yours."""
    s = open_session()
    from fitsom_runner.changes import service
    from fitsom_runner.changes.signatures import how_to_sign, signed_words
    from fitsom_runner.cli import show
    from fitsom_runner.people import keys

    change = service.get(number)
    if yes or OPTIONS.json:
        _require_seal(change, seal)
    else:
        seal = change.plan.seal if change.plan else ""
        answer(None, show.change_page(change, s.config))
        typer.confirm(f"Approve {change.number} as {s.identity.person.name}?", abort=True)
    if key:
        note(f"Signing with {key} ...")  # a security key blinks now, and waits to be touched
    approval = service.approve(s.config, s.identity, change, comment=comment, seal=seal, key=key)
    if not key and keys.usable(s.identity.person.id):
        note(f"[yellow]Not signed.[/] {how_to_sign(s.identity)}")
    approved_change = service.get(change.number)
    kind, state = approval.kind.replace("_", " "), approved_change.state.replace("_", " ")
    words = (
        f"{approval.person_name} gave: {kind}, {signed_words(approval)}. {approved_change.number} is {state}."
    )
    answer(show.change_value(approved_change), words, _next_step(approved_change))


def _require_seal(change: Change, seal: str) -> None:
    """Who is not shown the plan now has to say which plan they saw. Raises IncompleteError."""
    from fitsom_runner.changes import states
    from fitsom_runner.errors import IncompleteError

    approval = states.required_approval(change.stage, change.kind)
    plan_is_approved = approval in (states.Action.PEER_REVIEW, states.Action.APPROVE_IMPLEMENT)
    if (plan_is_approved or seal) and not re.fullmatch("[0-9a-fA-F]{12,64}", seal):
        raise IncompleteError(
            f"a plan is approved by its seal: {seal!r} is not 12 digits of one or more"
            if seal
            else "a plan is approved by its seal: with --yes or --json, name the one that you saw",
            hint=f"fitsom change show {change.number} prints it; then add --seal ...",
        )


@app.command("reject")
def reject(
    number: Number, comment: Annotated[str, typer.Option("--comment", "-m", help="Why.")], key: Key = None
) -> None:
    """Reject a change, with the reason."""
    s = open_session()
    from fitsom_runner.changes import service

    _answer_with(service.reject(s.config, s.identity, service.get(number), comment=comment, key=key))


@app.command("cancel")
def cancel(number: Number, reason: Annotated[str, typer.Option("--reason", "-m")] = "") -> None:
    """Withdraw a change that has not run."""
    s = open_session()
    from fitsom_runner.changes import service

    _answer_with(service.cancel(s.config, s.identity, service.get(number), reason=reason))


@app.command("review")
def review(
    number: Number,
    objective_met: Annotated[bool | None, typer.Option(help="Was the objective met?")] = None,
    plan_accurate: Annotated[bool | None, typer.Option(help="Did it go as it was planned?")] = None,
    side_effects: Annotated[str | None, typer.Option(help="What it had besides, or none.")] = None,
    test_evidence: Annotated[str | None, typer.Option(help="How it was tested, and what came out.")] = None,
    notes: Annotated[str, typer.Option(help="What else is to be said.")] = "",
) -> None:
    """Write the post-implementation review. At a terminal, what is not given is asked."""
    s = open_session()
    from fitsom_runner.changes import service

    change = service.get(number)
    asks = sys.stdin.isatty() and not OPTIONS.json
    answers = {
        "objective_met": objective_met,
        "plan_accurate": plan_accurate,
        "side_effects": side_effects,
        "test_evidence": test_evidence,
        "notes": notes,
    }
    answers = asked(answers) if asks else answers
    _answer_with(service.review(s.config, s.identity, change, answers))


def asked(answers: dict[str, Any]) -> dict[str, Any]:
    """The answers of a review, with those that were left out asked for."""

    def confirm(name: str, question: str) -> Any:
        given = answers[name]
        return typer.confirm(question, default=None, err=True) if given is None else given

    def prompt(name: str, question: str, default: str) -> Any:
        given = answers[name]
        return typer.prompt(question, default=default, err=True) if given is None else given

    return {
        "objective_met": confirm("objective_met", "Was the objective met?"),
        "plan_accurate": confirm("plan_accurate", "Did it go as it was planned?"),
        "side_effects": prompt("side_effects", "What did it have besides?", "none"),
        "test_evidence": prompt("test_evidence", "How was it tested, and what came out?", ""),
        "notes": answers["notes"],
    }


@app.command("close")
def close(number: Number, code: Annotated[str, typer.Option(help="Closure code.")] = "completed") -> None:
    """End a reviewed change."""
    s = open_session()
    from fitsom_runner.changes import service

    _answer_with(service.close(s.config, s.identity, service.get(number), code=code))


def _answer_with(change: Any, config: Any = None) -> None:
    """Print the new state of a change and, of one that may have a new window, when that is."""
    from fitsom_runner.cli import show

    words = f"[bold]{change.number}[/] v{change.version} is {change.state.replace('_', ' ')}."
    words += f" {show.window_line(change, config)}" if config else ""
    answer(show.change_value(change), words, _next_step(change))


def _next_step(change: Any) -> str:
    from fitsom_runner.changes import service

    return f"[dim]{service.next_step(change)}[/]"
