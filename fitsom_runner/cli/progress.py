"""Follow a run: by its ledger for the details, by its record for the end."""

from __future__ import annotations

import time

from rich.live import Live
from rich.markup import escape
from rich.table import Table

from fitsom_runner.ansible import ledger
from fitsom_runner.ansible.ledger import LedgerState, Status
from fitsom_runner.cli.context import console
from fitsom_runner.config import Config
from fitsom_runner.execution import recovery, runs
from fitsom_runner.execution.models import Run
from fitsom_runner.execution.states import ACTIVE, RunStatus

POLL_SECONDS = 0.3
PATIENCE_SECONDS = 60
_PHASES = {
    RunStatus.CLAIMED: "starting",
    RunStatus.VERIFYING: "verifying the seal",
    RunStatus.REPLANNING: "taking the plan again",
    RunStatus.APPLYING: "applying the approved change",
}


def wait(config: Config, run: Run) -> Run:
    """Until the run has ended and its report is written; a dead one is recorded as interrupted."""
    while (run := Run.objects.get(pk=run.pk)).status in ACTIVE:
        recovery.recover(config)
        time.sleep(POLL_SECONDS)
    _let_it_finish(config, run)
    return run


def _let_it_finish(config: Config, run: Run) -> None:
    """The child writes the end down first and the report after it: wait until it has ended, for a minute at most."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        with runs.adopt(config, run.id) as is_dead:
            if is_dead:
                return
        time.sleep(POLL_SECONDS)


def live(config: Config, run: Run) -> Run:
    """Like wait(), with a table of hosts and their current task."""
    ledger_state, reader, watched = LedgerState(), None, ""
    with Live(console=console(), refresh_per_second=4, transient=True) as screen:
        while (run := Run.objects.get(pk=run.pk)).status in ACTIVE:
            name = "ledger.jsonl" if run.status == RunStatus.APPLYING else "replan.jsonl"
            if name != watched:
                ledger_state, reader, watched = (
                    LedgerState(),
                    ledger.Reader(config.run_dir(run.id) / name),
                    name,
                )
            for event in reader.new_events() if reader else ():
                ledger_state.add(event)
            screen.update(_table(run, ledger_state))
            recovery.recover(config)
            time.sleep(POLL_SECONDS)
    _let_it_finish(config, run)
    return run


def _table(run: Run, ledger_state: LedgerState) -> Table:
    phase = _PHASES.get(RunStatus(run.status), run.status)
    table = Table(
        "Host", "ok", "changed", "failed", "Now", title=f"{run.id}: {phase}", title_justify="left", box=None
    )
    for host in run.hosts:
        host_state = ledger_state.hosts.get(host)
        counts = host_state.counts if host_state else {}
        task = escape(ledger_state.task)
        if host_state is None:
            task = task if ledger_state.tasks else "waiting"
        elif host_state.done:
            task = "[green]done[/]"
        elif host_state.failed or host_state.unreachable:
            task = "[red]stopped[/]"
        table.add_row(
            escape(host),
            str(counts.get(Status.OK, 0)),
            str(counts.get(Status.CHANGED, 0)),
            str(counts.get(Status.FAILED, 0) + counts.get(Status.UNREACHABLE, 0)),
            task,
        )
    return table
