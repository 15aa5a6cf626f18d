"""`fitsom change ...`: parse, call one function, render."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import ValidationError

from fitsom_runner import yamlfile
from fitsom_runner.changes.draft import RfcDraft, WindowText
from fitsom_runner.cli.context import OPTIONS, answer, note, opened
from fitsom_runner.errors import IncompleteError

app = typer.Typer(no_args_is_help=True)
Number = Annotated[str, typer.Argument(help="CHG-2026-0001, or just 1.")]
Text = Annotated[str | None, typer.Option()]
Comment = Annotated[str, typer.Option("--comment", "-m", help="What is written beside the signature.")]
From = Annotated[
    Path | None, typer.Option("--from", help="A YAML file with any of these fields.", exists=True)
]
Vars = Annotated[list[str] | None, typer.Option("--extra-var", "-e", help="name=value, JSON, or @FILE.")]
Inputs = Annotated[
    list[str] | None,
    typer.Option(
        "--input", help="name=/full/path: a file or folder from outside git; its content is sealed."
    ),
]
Tags = Annotated[list[str] | None, typer.Option(help="Only tasks with these tags; may be repeated.")]


@app.command("new")
def new(
    source: From = None,
    title: Text = None,
    kind: Annotated[
        str | None, typer.Option("--type", help="minor, major, emergency (standard: --standard).")
    ] = None,
    playbook: Annotated[str | None, typer.Option(help="Such as playbooks/patch.yml.")] = None,
    backout_playbook: Text = None,
    limit: Annotated[str | None, typer.Option(help="Which hosts: a pattern of the inventory.")] = None,
    tags: Tags = None,
    skip_tags: Tags = None,
    extra_var: Vars = None,
    input_: Inputs = None,
    start: Annotated[str | None, typer.Option(help='"2026-11-27 18:00"')] = None,
    end: Annotated[str | None, typer.Option(help='"19:00", a full time, or "+60m"')] = None,
    zone: Annotated[str | None, typer.Option(help="IANA zone; default: the school's.")] = None,
    item_name: Text = None,
    item_location: Text = None,
    asset_tag: Text = None,
    change_text: Text = None,
    reason: Text = None,
    effect_of_not_changing: Text = None,
    implementation_steps: Text = None,
    impact: Text = None,
    failure_impact: Text = None,
    failure_risk: Annotated[str | None, typer.Option(help="low, medium or high")] = None,
    risk_evidence: Text = None,
    backout: Text = None,
    backout_class: Text = None,
    communication: Text = None,
    implementer: Text = None,
    standard: Annotated[str | None, typer.Option(help="Raise it from this standard change.")] = None,
) -> None:
    """Raise an RfC (a draft until it is submitted)."""
    draft = _draft(dict(locals()))
    s = opened()
    from fitsom_runner.changes import service
    from fitsom_runner.changes import standard as templates
    from fitsom_runner.cli import show

    made = (
        templates.new(s.config, s.who, standard, draft) if standard else service.new(s.config, s.who, draft)
    )
    answer(show.change_value(made), f"[bold]{made.number}[/] is a draft.", _next(made))


@app.command("edit")
def edit(
    number: Number,
    source: From = None,
    title: Text = None,
    kind: Annotated[str | None, typer.Option("--type")] = None,
    playbook: Text = None,
    backout_playbook: Text = None,
    limit: Text = None,
    tags: Tags = None,
    skip_tags: Tags = None,
    extra_var: Vars = None,
    input_: Inputs = None,
    start: Text = None,
    end: Text = None,
    zone: Text = None,
    item_name: Text = None,
    item_location: Text = None,
    asset_tag: Text = None,
    change_text: Text = None,
    reason: Text = None,
    effect_of_not_changing: Text = None,
    implementation_steps: Text = None,
    impact: Text = None,
    failure_impact: Text = None,
    failure_risk: Text = None,
    risk_evidence: Text = None,
    backout: Text = None,
    backout_class: Text = None,
    communication: Text = None,
    implementer: Text = None,
) -> None:
    """Change an RfC: a new version, a draft again, to be approved anew."""
    draft = _draft({k: v for k, v in locals().items() if k != "number"})
    _act(number, "edit", draft)


@app.command("list")
def list_changes(
    state: Annotated[str | None, typer.Option(help="Only changes in this state.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Ended ones too.")] = False,
) -> None:
    """All changes, the ended ones left out; and what may run now."""
    s = opened()
    from fitsom_runner.changes.models import Change
    from fitsom_runner.changes.states import ENDED
    from fitsom_runner.cli import show
    from fitsom_runner.schedule import due

    found = Change.objects.all()
    found = found.filter(state=state) if state else found if everything else found.exclude(state__in=ENDED)
    ready = [c.number for c in due.runnable_now()]
    shown: list[Any] = [show.change_list(found, s.config)] if found else ["No changes."]
    shown.append(f"[bold]May run now:[/] {', '.join(ready)}" if ready else "[dim]Nothing may run now.[/]")
    answer([show.change_value(c) | {"may_run_now": c.number in ready} for c in found], *shown)


@app.command("show")
def show_change(number: Number) -> None:
    """One change: the RfC, who signed, what is predicted, what ran."""
    s = opened()
    from fitsom_runner.changes import service
    from fitsom_runner.cli import show

    found = service.get(number)
    answer(show.change_value(found), show.change_page(found, s.config))


@app.command("plan")
def plan(
    number: Number,
    leave_out_failing: Annotated[bool, typer.Option(help="Plan the other hosts where some fail.")] = False,
) -> None:
    """Predict, in check mode, exactly what would change, and seal it."""
    s = opened()
    from fitsom_runner.changes import service
    from fitsom_runner.cli import show
    from fitsom_runner.execution import planner

    change = service.get(number)
    note(f"Planning {change.number}: {change.playbook} in check mode on {change.limit} ...")
    taken = planner.plan(s.config, s.who, change, leave_out_failing=leave_out_failing)
    answer(show.plan_value(taken), show.plan_page(taken), _next(service.get(change.number)))


@app.command("submit")
def submit(number: Number) -> None:
    """Hand the RfC to those who decide."""
    _act(number, "submit")


@app.command("approve")
def approve(
    number: Number,
    comment: Comment = "",
    seal: Annotated[
        str, typer.Option(help="The first digits of the seal you saw; refused if it moved.")
    ] = "",
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask again.")] = False,
) -> None:
    """Give the signature that the change waits for."""
    s = opened()
    from fitsom_runner.changes import service
    from fitsom_runner.cli import show

    change = service.get(number)
    if not yes and not OPTIONS.json:
        answer(None, show.change_page(change, s.config))
        typer.confirm(f"Approve {change.number} as {s.who.person.name}?", abort=True)
    given = service.approve(s.config, s.who, change, comment=comment, seal=seal)
    after = service.get(change.number)
    kind, state = given.kind.replace("_", " "), after.state.replace("_", " ")
    words = f"{given.person_name} gave: {kind}. {after.number} is {state}."
    answer(show.change_value(after), words, _next(after))


@app.command("reject")
def reject(number: Number, comment: Annotated[str, typer.Option("--comment", "-m", help="Why.")]) -> None:
    """Say no, with the reason."""
    _act(number, "reject", comment=comment)


@app.command("cancel")
def cancel(number: Number, reason: Annotated[str, typer.Option("--reason", "-m")] = "") -> None:
    """Withdraw a change that has not run."""
    _act(number, "cancel", reason=reason)


@app.command("review")
def review(
    number: Number,
    objective_met: Annotated[bool, typer.Option(help="Was the objective met?")] = True,
    plan_accurate: Annotated[bool, typer.Option(help="Did the plan tell the truth?")] = True,
    side_effects: Annotated[str, typer.Option()] = "none",
    test_evidence: Annotated[str, typer.Option()] = "",
    notes: Annotated[str, typer.Option()] = "",
) -> None:
    """Write the post-implementation review."""
    answers = {
        "objective_met": objective_met,
        "plan_accurate": plan_accurate,
        "side_effects": side_effects,
        "test_evidence": test_evidence,
        "notes": notes,
    }
    _act(number, "review", answers)


@app.command("close")
def close(number: Number, code: Annotated[str, typer.Option(help="Closure code.")] = "completed") -> None:
    """End a reviewed change."""
    _act(number, "close", code=code)


def _act(number: str, verb: str, *arguments: Any, **named: Any) -> None:
    s = opened()
    from fitsom_runner.changes import service
    from fitsom_runner.cli import show

    after = getattr(service, verb)(s.config, s.who, service.get(number), *arguments, **named)
    words = f"[bold]{after.number}[/] v{after.version} is {after.state.replace('_', ' ')}."
    answer(show.change_value(after), words, _next(after))


def _next(change: Any) -> str:
    from fitsom_runner.changes import service

    return f"[dim]{service.next_step(change)}[/]"


def _draft(given: dict[str, Any]) -> RfcDraft:
    """Options over the file's fields. Raises IncompleteError that names the option."""
    source: Path | None = given.pop("source")
    given.pop("standard", None)
    base = yamlfile.load(source, RfcDraft, reference="docs/reference/rfc.md") if source else RfcDraft()
    start, end, zone = given.pop("start"), given.pop("end"), given.pop("zone")
    kind, extra, inputs = given.pop("kind"), given.pop("extra_var"), given.pop("input_")
    fields = {name: value for name, value in given.items() if value not in (None, [])}
    if kind:
        fields["type"] = kind
    if extra:
        fields["extra_vars"] = {**(base.extra_vars or {}), **_extra_vars(extra)}
    if inputs:
        fields["inputs"] = {**(base.inputs or {}), **_inputs(inputs)}
    if start or end or zone:
        if not (start and end):
            raise IncompleteError(
                "a window has a --start and an --end",
                hint="A --zone alone would leave open which moment is meant.",
            )
        fields["window"] = WindowText(start=start, end=end, zone=zone or "")
    try:
        return RfcDraft.model_validate({**base.model_dump(exclude_none=True), **fields})
    except ValidationError as fault:
        details = tuple(f"--{str(e['loc'][0]).replace('_', '-')}: {e['msg']}" for e in fault.errors())
        raise IncompleteError("the change cannot be written like this", details=details) from fault


def _inputs(words: list[str]) -> dict[str, str]:
    found = {}
    for word in words:
        name, equals, path = word.partition("=")
        if not equals:
            raise IncompleteError(f"--input {word!r}: expected name=/full/path")
        found[name.strip()] = str(Path(path).expanduser().absolute())
    return found


def _extra_vars(words: list[str]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for word in words:
        if word.startswith("@"):
            values |= yamlfile.load_mapping(Path(word[1:]))
        elif word.lstrip().startswith("{"):
            try:
                values |= json.loads(word)
            except ValueError as fault:
                raise IncompleteError(f"--extra-var: not valid JSON: {fault}") from fault
        elif "=" in word:
            name, _, value = word.partition("=")
            values[name.strip()] = value
        else:
            raise IncompleteError(f"--extra-var {word!r}: expected name=value, JSON, or @FILE")
    return values
