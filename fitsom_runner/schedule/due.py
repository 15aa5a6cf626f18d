"""What is due, and why something did not start. The school calendar will be read here, in one place."""

from __future__ import annotations

from dataclasses import dataclass

from fitsom_runner import clock
from fitsom_runner.changes import service
from fitsom_runner.changes.models import Change
from fitsom_runner.changes.signatures import window_of
from fitsom_runner.changes.states import Action, ChangeType, State
from fitsom_runner.config import Config
from fitsom_runner.errors import FitsomError
from fitsom_runner.execution import runs
from fitsom_runner.execution.models import Run
from fitsom_runner.people.powers import Identity


@dataclass(frozen=True, kw_only=True)
class TickResult:
    """What one tick did about one change: `run` where it started, else `why` not."""

    change: str
    run: str = ""
    why: str = ""


def tick(config: Config, identity: Identity) -> list[TickResult]:
    """Start everything approved and due, once; expire what missed its window. For cron or a systemd timer."""
    results = []
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
        return TickResult(change=change.number, why=fault.message)
    return TickResult(change=change.number, run=run.id)
