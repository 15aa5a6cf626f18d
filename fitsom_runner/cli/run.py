"""`fitsom run ...` and `fitsom tick`."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from fitsom_runner import caller
from fitsom_runner.cli.context import OPTIONS, Session, answer, note, open_session
from fitsom_runner.errors import ExitCode, IncompleteError, RefusedError

app = typer.Typer(no_args_is_help=True)
Number = Annotated[str, typer.Argument(help="CHG-2026-0001, or just 1.")]
Detach = Annotated[bool, typer.Option("--detach", help="Start it and return at once.")]


@app.command("start")
def start(number: Number, detach: Detach = False) -> None:
    """Apply an approved change now, inside its window."""
    s = open_session()
    from fitsom_runner.changes import service
    from fitsom_runner.execution import runs

    _report_start(s, runs.start(s.config, s.identity, service.get(number)), detach)


@app.command("resume")
def resume(number: Number, detach: Detach = False) -> None:
    """Go on after an interruption: the hosts that are not done are planned again first."""
    s = open_session()
    from fitsom_runner.changes import service
    from fitsom_runner.execution import runs

    _report_start(s, runs.resume(s.config, s.identity, service.get(number)), detach)


@app.command("backout")
def backout(
    number: Number,
    reason: Annotated[str, typer.Option("--reason", "-m", help="Why: it stands in the report.")] = "",
    detach: Detach = False,
    check: Annotated[bool, typer.Option("--check", help="Only show what it would do.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not show it and ask first.")] = False,
) -> None:
    """Take every touched host back: what that will do is shown, and done if you say so."""
    s = open_session()
    from fitsom_runner.changes import prediction, service
    from fitsom_runner.cli import predictions
    from fitsom_runner.execution import planner, runs

    change = service.get(number)
    shown = None
    if not yes:
        asks = not check and sys.stdin.isatty() and not OPTIONS.json
        if not (check or asks):
            raise IncompleteError(
                "a back-out is shown and asked for, which needs a terminal",
                hint=f"Look at it: fitsom run backout {change.number} --check; then do it with --yes.",
            )
        runs.way_back(s.config, change)
        note(f"Planning the way back of {change.number}: {change.backout_playbook} in check mode ...")
        hosts, failing = planner.rehearse_backout(s.config, s.identity, change)
        shown = prediction.to_json(hosts)
        page = predictions.hosts_page(hosts, failing)
        if check:
            page.append(f"[dim]To do it: fitsom run backout {change.number}[/]")
        answer({"hosts": shown, "left_out": failing}, *page)
        if check:
            return
        if not hosts:
            raise RefusedError(f"{change.number} can be taken back on none of its hosts")
        reason = reason or typer.prompt("Why is it taken back?", err=True)
        typer.confirm(f"Take {len(hosts)} host{'s' * (len(hosts) != 1)} back?", abort=True, err=True)
    _report_start(s, runs.backout(s.config, s.identity, change, reason=reason, shown=shown), detach)


@app.command("watch")
def watch(number: Number) -> None:
    """Follow the newest run of a change, live."""
    s = open_session()
    from fitsom_runner.changes import service
    from fitsom_runner.execution import runs

    _follow(s, runs.latest(service.get(number)))


@app.command("cancel")
def cancel(number: Number) -> None:
    """Stop the running change; every host then reads done, untouched or unknown."""
    s = open_session()
    from fitsom_runner.changes import service
    from fitsom_runner.execution import runs

    run = runs.cancel(s.config, s.identity, service.get(number))
    answer({"run": run.id, "cancel_requested": True}, f"{run.id} was asked to stop.")


def tick(
    wait: Annotated[bool, typer.Option("--wait", help="Stay until what was started has ended.")] = False,
) -> None:
    """`fitsom tick`."""
    s = open_session()
    from fitsom_runner.schedule import due

    results = due.tick(s.config, s.identity)
    if wait:
        from fitsom_runner.cli import progress
        from fitsom_runner.execution.models import Run

        started = [result.run for result in results if result.run and not result.ended]
        results += [due.ended(s.config, progress.wait(s.config, Run.objects.get(pk=run))) for run in started]
    answer([vars(t) for t in results], *([_tick_line(t) for t in results] or ["Nothing is due."]))
    if any(result.is_trouble for result in results):
        failed = any(result.ended for result in results if result.is_trouble)
        raise typer.Exit(int(ExitCode.RUN_FAILED if failed else ExitCode.REFUSED))


def _tick_line(result: Any) -> str:
    if result.ended:
        return f"{result.change}: {result.run} has ended: {result.ended}"
    return f"{result.change}: started {result.run}" if result.run else f"{result.change}: {result.why}"


def _report_start(s: Session, run: Any, detach: bool) -> None:
    from fitsom_runner.cli import show

    if detach:
        answer(
            show.run_value(run), f"{run.id} was started; follow it with: fitsom run watch {run.change.number}"
        )
        return
    _follow(s, run)


def _follow(s: Session, run: Any) -> None:
    from fitsom_runner.changes import service
    from fitsom_runner.cli import progress, show
    from fitsom_runner.execution.states import RunStatus

    if OPTIONS.json:
        final_run = progress.wait(s.config, run)
    else:
        note("[dim]Ctrl-C stops watching, not the run.[/]")
        final_run = progress.live(s.config, run)
    change = service.get(final_run.change.number)
    answer(show.run_value(final_run), show.run_page(final_run), f"[dim]{service.next_step(change)}[/]")
    page = s.config.run_dir(final_run.id) / "report.html"
    if page.exists():
        where = f"fitsom report open {change.number}" if caller.current().is_remote else page
        note(f"[bold]Report:[/] {where}")
    codes = {
        RunStatus.SUCCEEDED: ExitCode.OK,
        RunStatus.REFUSED: ExitCode.REFUSED,
        RunStatus.INTERRUPTED: ExitCode.INTERRUPTED,
        RunStatus.CANCELLED: ExitCode.INTERRUPTED,
    }
    code = codes.get(RunStatus(final_run.status), ExitCode.RUN_FAILED)
    if code is not ExitCode.OK:
        raise typer.Exit(int(code))
