"""Start, cancel, resume and back out runs. The work itself is done by a supervised child (attempt.py)."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.db import IntegrityError, transaction

from fitsom_runner import clock
from fitsom_runner.audit import log
from fitsom_runner.changes import service
from fitsom_runner.changes.models import Change, Plan
from fitsom_runner.changes.signatures import require_recent, require_signatures, require_window
from fitsom_runner.changes.states import Action, State, in_words
from fitsom_runner.config import Config
from fitsom_runner.errors import BusyError, IncompleteError, NotFoundError, RefusedError
from fitsom_runner.execution.models import HostOutcome, Run
from fitsom_runner.execution.states import ACTIVE, Outcome, RunKind
from fitsom_runner.people import powers
from fitsom_runner.people.powers import Identity
from fitsom_runner.roles import Power


def start(config: Config, identity: Identity, change: Change) -> Run:
    """Apply an approved change now. Raises RefusedError outside its window or where it is not approved."""
    powers.authorise(config, identity, Power.RUN)
    if change.stage is not State.SCHEDULED:
        raise RefusedError(f"{change.number} is {in_words(change.stage)}", hint=service.next_step(change))
    require_window(change, clock.now(), config)
    plan = require_signatures(config, change)
    require_recent(config, change, clock.now())
    return _dispatch(config, identity, change, plan, RunKind.APPLY, tuple(plan.hosts))


def resume(config: Config, identity: Identity, change: Change) -> Run:
    """Go on after an interrupted or failed run, on the hosts that are not done.

    They are planned again first; whatever was not approved is refused. Raises RefusedError.
    """
    powers.authorise(config, identity, Power.RUN)
    if change.stage not in (State.INTERRUPTED, State.FAILED):
        raise RefusedError(f"{change.number} is {in_words(change.stage)}: there is nothing to resume")
    require_window(change, clock.now(), config)
    plan = require_signatures(config, change)
    require_recent(config, change, clock.now())
    unfinished = [host for host, outcome in latest_outcomes(change).items() if outcome != Outcome.DONE]
    if not unfinished:
        raise RefusedError(
            f"every host of {change.number} is done", hint=f"fitsom change review {change.number}"
        )
    return _dispatch(config, identity, change, plan, RunKind.RESUME, tuple(sorted(unfinished)))


def backout(
    config: Config, identity: Identity, change: Change, *, reason: str, shown: dict[str, Any] | None = None
) -> Run:
    """Take every host that was touched back, by the change's back-out playbook; allowed outside the window.

    shown: the prediction that whoever starts it has seen, in the form of Plan.hosts: it does nothing else then.
    Raises RefusedError where the change has no back-out playbook or touched nothing.
    """
    powers.authorise(config, identity, Power.RUN)
    plan, touched = way_back(config, change)
    if not reason.strip():
        raise IncompleteError(
            f"why {change.number} is taken back has to be told",
            hint=f'fitsom run backout {change.number} --reason "..."',
        )
    return _dispatch(
        config, identity, change, plan, RunKind.BACKOUT, touched, reason=reason.strip(), predicted=shown or {}
    )


def way_back(config: Config, change: Change) -> tuple[Plan, tuple[str, ...]]:
    """The approved plan and the hosts that a back-out would take back. Raises RefusedError where there is none."""
    if change.stage not in (State.SUCCEEDED, State.FAILED, State.INTERRUPTED):
        raise RefusedError(f"{change.number} is {in_words(change.stage)}: there is nothing to back out")
    if not change.backout_playbook:
        raise RefusedError(
            f"{change.number} names no back-out playbook",
            hint=f"Its back-out by hand: {change.backout or 'none'}",
        )
    plan = require_signatures(config, change)
    touched = [host for host, outcome in latest_outcomes(change).items() if outcome != Outcome.UNTOUCHED]
    if not touched:
        raise RefusedError(f"{change.number} touched no host: there is nothing to back out")
    return plan, tuple(sorted(touched))


def cancel(config: Config, identity: Identity, change: Change) -> Run:
    """Request the active run to stop; the state of its hosts is recorded as after any interruption."""
    powers.authorise(config, identity, Power.RUN)
    run = Run.objects.filter(change=change, status__in=ACTIVE).first()
    if run is None:
        raise RefusedError(f"{change.number} is not running")
    with transaction.atomic():
        Run.objects.filter(pk=run.pk).update(cancel_requested=True)
        log.append(identity.actor, "run.cancel_requested", run.id)
    return run


def latest(change: Change) -> Run:
    """The newest run. Raises NotFoundError."""
    run = Run.objects.filter(change=change).order_by("-claimed_at").first()
    if run is None:
        raise NotFoundError(f"{change.number} has not run", hint=service.next_step(change))
    return run


def latest_outcomes(change: Change) -> dict[str, str]:
    """{host: its outcome after all runs that applied the change}."""
    outcomes: dict[str, str] = {}
    runs = Run.objects.filter(change=change, kind__in=[RunKind.APPLY, RunKind.RESUME]).order_by("claimed_at")
    for outcome in HostOutcome.objects.filter(run__in=runs).order_by("run__claimed_at"):
        # A host that a later run did not get to is still what an earlier run left behind.
        if outcome.outcome != Outcome.UNTOUCHED or outcome.host not in outcomes:
            outcomes[outcome.host] = outcome.outcome
    return outcomes


def lock_path(config: Config, run_id: str) -> Path:
    """The file whose lock shows that a run's child is alive: the kernel drops it when the child dies."""
    return config.run_dir(run_id) / "lock"


@contextmanager
def adopt(config: Config, run_id: str) -> Iterator[bool]:
    """Hold the lock of a run whose child is dead; False where it lives, or another process has adopted it."""
    lock_path(config, run_id).parent.mkdir(parents=True, mode=0o700, exist_ok=True)
    lock = os.open(lock_path(config, run_id), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            is_locked = True
        except BlockingIOError:
            is_locked = False
        yield is_locked
    finally:
        os.close(lock)


def _dispatch(
    config: Config,
    identity: Identity,
    change: Change,
    plan: Plan,
    kind: RunKind,
    hosts: tuple[str, ...],
    **fields: Any,
) -> Run:
    run_id = f"{change.number}-run{Run.objects.filter(change=change).count() + 1}"
    _require_space(config)
    config.run_dir(run_id).mkdir(parents=True, mode=0o700, exist_ok=True)
    # The lock is taken before the row exists, and handed to the child: no moment looks like a dead run.
    lock = os.open(lock_path(config, run_id), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as fault:
            raise BusyError(f"{change.number} is being started by somebody else") from fault
        run = _claim(identity, change, plan, kind, hosts, run_id, **fields)
        _spawn(config, run, lock)
    finally:
        os.close(lock)
    return run


def _claim(
    identity: Identity,
    change: Change,
    plan: Plan,
    kind: RunKind,
    hosts: tuple[str, ...],
    run_id: str,
    **fields: Any,
) -> Run:
    """Stamp the slot: from here on this plan is never started a second time."""
    try:
        with transaction.atomic():
            for active_run in Run.objects.filter(status__in=ACTIVE):
                shared = sorted(set(active_run.hosts) & set(hosts))
                if shared:
                    raise BusyError(
                        f"{active_run.id} is running on {', '.join(shared[:5])}",
                        hint=f"Wait for it: fitsom run watch {active_run.change.number}",
                    )
            told = {"reason": fields["reason"]} if "reason" in fields else {}
            service.move(change, Action.START, identity.actor, run=run_id, kind=kind, **told)
            return Run.objects.create(
                id=run_id,
                change=change,
                plan=plan,
                kind=kind,
                hosts=list(hosts),
                started_by=identity.person.id,
                os_user=identity.os_user,
                claimed_at=clock.now(),
                **fields,
            )
    except IntegrityError as fault:
        raise RefusedError(
            f"{change.number} was started already: an approved plan is applied once",
            hint=f"fitsom change show {change.number}",
        ) from fault


def _spawn(config: Config, run: Run, lock: int) -> None:
    environment = {**os.environ, "FITSOM_CONFIG": os.environ.get("FITSOM_CONFIG", "")}
    with (config.run_dir(run.id) / "child.log").open("ab") as output:
        subprocess.Popen(
            [sys.executable, "-m", "fitsom_runner.execution.child", run.id],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=environment,
            pass_fds=(lock,),
            start_new_session=True,  # it outlives the terminal: a closed laptop does not stop a patch run
        )


def _require_space(config: Config) -> None:
    config.state.mkdir(parents=True, exist_ok=True)
    stat = os.statvfs(config.state)
    free_mb = stat.f_bavail * stat.f_frsize // 2**20
    if free_mb < config.minimum_free_mb:
        raise RefusedError(
            f"only {free_mb} MB are free in {config.state}, {config.minimum_free_mb} MB are needed to keep the record",
            hint="Make room, or lower minimum_free_mb in fitsom.yml.",
        )
