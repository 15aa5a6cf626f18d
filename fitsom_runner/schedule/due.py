"""What is due, and why something did not start. The school calendar will be read here, in one place."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from fitsom_runner import clock
from fitsom_runner.changes import service
from fitsom_runner.changes.models import Change
from fitsom_runner.changes.signatures import window_of
from fitsom_runner.changes.states import Action, ChangeType, State
from fitsom_runner.config import Config
from fitsom_runner.errors import BusyError, FitsomError
from fitsom_runner.execution import runs
from fitsom_runner.execution.models import Run
from fitsom_runner.execution.states import ACTIVE, RunStatus
from fitsom_runner.people.powers import Identity

_STARTED_BY_TICK = "started-by-tick"


@dataclass(frozen=True, kw_only=True)
class TickResult:
    """What one tick did about one change: `run` where it started, else `why` not.

    ended: how a run that an earlier tick had started has ended. waits: another run is in its way; the next tick tries
    again.
    """

    change: str
    run: str = ""
    why: str = ""
    ended: str = ""
    waits: bool = False

    @property
    def is_trouble(self) -> bool:
        """Whether somebody should know."""
        return self.ended not in ("", RunStatus.SUCCEEDED) or bool(self.why and not self.waits)


def tick(config: Config, identity: Identity) -> list[TickResult]:
    """Start everything approved and due, once; expire what missed its window; say how what was started has ended.

    For cron or a systemd timer.
    """
    results = list(_ended(config))
    for change in _waiting():
        window = window_of(change)
        if window is not None and window.end <= clock.now():
            results.append(_expire(change))
        elif change.stage is State.SCHEDULED and is_due(change):
            results.append(_start(config, identity, change))
    return results


def is_due(change: Change) -> bool:
    """Whether a scheduled change may start now."""
    window = window_of(change)
    return change.kind is ChangeType.EMERGENCY if window is None else window.contains(clock.now())


def runnable_now() -> list[Change]:
    """Approved changes whose window is open: a technician's "what may I run now"."""
    return [change for change in Change.objects.filter(state=State.SCHEDULED) if is_due(change)]


def _waiting() -> list[Change]:
    states = [State.SUBMITTED, State.PROCEED_APPROVED, State.PLANNED, State.PEER_REVIEWED, State.SCHEDULED]
    return list(Change.objects.filter(state__in=states).order_by("window_start", "number"))


def _expire(change: Change) -> TickResult:
    try:
        service.move(change, Action.EXPIRE, service.SYSTEM)
    except (
        FitsomError
    ) as fault:  # it was modified at this moment: the other changes must still have their turn
        return TickResult(change=change.number, why=fault.message)
    return TickResult(change=change.number, why="its window passed without a start: expired")


def _start(config: Config, identity: Identity, change: Change) -> TickResult:
    try:
        run: Run = runs.start(config, identity, change)
    except FitsomError as fault:
        # Where somebody else has started it at this moment, nothing is lost either.
        is_open = Change.objects.filter(pk=change.pk, state=State.SCHEDULED).exists()
        waits = isinstance(fault, BusyError) or not is_open
        return TickResult(change=change.number, why=fault.message, waits=waits)
    _mark(config, run.id).touch(mode=0o600)
    return TickResult(change=change.number, run=run.id)


def ended(config: Config, run: Run) -> TickResult:
    """How a run that a tick has started has ended; said once."""
    _mark(config, run.id).unlink(missing_ok=True)
    return TickResult(change=run.change.number, run=run.id, ended=run.status)


def _ended(config: Config) -> Iterator[TickResult]:
    """The runs that earlier ticks started and that have ended since. Of two ticks at once one says so."""
    for mark in sorted(config.state.glob(f"runs/*/{_STARTED_BY_TICK}")):
        run = Run.objects.filter(pk=mark.parent.name).exclude(status__in=ACTIVE).first()
        if run is None:
            continue
        try:
            mark.unlink()
        except FileNotFoundError:
            continue
        yield TickResult(change=run.change.number, run=run.id, ended=run.status)


def _mark(config: Config, run_id: str) -> Path:
    return config.run_dir(run_id) / _STARTED_BY_TICK
