"""After a crash: find runs whose child is dead and record what the ledger shows. Nothing is run again."""

from __future__ import annotations

import logging
import os
import signal
import time
from pathlib import Path

from django.db import DatabaseError

from fitsom_runner.ansible import workplace
from fitsom_runner.config import Config
from fitsom_runner.execution import outcome, runs
from fitsom_runner.execution.models import Run
from fitsom_runner.execution.states import ACTIVE

PATIENCE_SECONDS = 10
_LOG = logging.getLogger(__name__)


def recover(config: Config) -> list[Run]:
    """End every run that has no living child as interrupted; called at the start of every command.

    What killed plans and runs were working in is removed.
    """
    recovered = []
    for run in Run.objects.filter(status__in=ACTIVE):
        try:
            is_ended = _end(config, run)
        except Exception as fault:
            # No space for the record, perhaps. The run stays open, the next command tries again, the others go on.
            _LOG.warning("%s ended, and its end cannot be recorded yet: %s", run.id, fault)
            continue
        if is_ended:
            recovered.append(Run.objects.get(pk=run.pk))
    workplace.sweep(config.work_dir)
    return recovered


def _end(config: Config, run: Run) -> bool:
    """Record the end of one run; False where it lives, or another command has just done so."""
    with runs.adopt(config, run.id) as is_adopted:
        if not is_adopted or not Run.objects.filter(pk=run.pk, status__in=ACTIVE).exists():
            return False
        for name in ("ledger.jsonl", "replan.jsonl"):
            _end_orphans(config.run_dir(run.id) / name)
        try:
            outcome.finish(config, run, None)
        except (OSError, DatabaseError):
            raise
        except Exception as fault:
            _LOG.warning("%s: its ledger cannot be evaluated: %r", run.id, fault)
            outcome.end_as_unknown(config, run, f"its ledger cannot be evaluated: {fault!r}")
    return True


def _end_orphans(path: Path) -> None:
    """End what is left of an Ansible that nobody supervises: a closed room leaves nothing, `sandbox: off` may."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while pids := _processes_of(path):
        late = time.monotonic() > deadline - PATIENCE_SECONDS / 2
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL if late else signal.SIGTERM)
            except ProcessLookupError:
                continue
        if time.monotonic() > deadline:
            return
        time.sleep(0.2)


def _processes_of(path: Path) -> list[int]:
    mark = f"FITSOM_LEDGER={path}".encode()
    pids = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            if (
                mark in (entry / "environ").read_bytes().split(b"\0")
                and (entry / "comm").read_text().strip() != "ssh"
            ):
                pids.append(int(entry.name))
        except OSError:
            continue
    return pids
