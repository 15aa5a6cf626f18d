"""Where reports are, and when they are written: after each plan and each run, and again on request."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fitsom_runner.changes.models import Change, Plan
from fitsom_runner.config import Config
from fitsom_runner.errors import NotFoundError
from fitsom_runner.execution.models import Run
from fitsom_runner.execution.states import ACTIVE, RunStatus
from fitsom_runner.reports import build, render


def after_run(run: Run, config: Config, **_signal: Any) -> None:
    """Listener of execution.signals.run_finished."""
    render.write_all(build.report(config, Change.objects.get(pk=run.change_id), run), config.run_dir(run.id))


def after_plan(plan: Plan, config: Config, **_signal: Any) -> None:
    """Listener of execution.signals.plan_taken: the page that an approver reads."""
    change = Change.objects.get(pk=plan.change_id)
    change.plan = plan
    render.write_all(build.report(config, change, None), config.run_dir(plan.id))


def ensure(config: Config, change: Change) -> Path:
    """The folder with the newest report, made anew so that reviews and approvals since are in it.

    Raises NotFoundError where the change has neither run nor plan.
    """
    run = Run.objects.filter(change=change).exclude(status__in=ACTIVE).order_by("-claimed_at").first()
    replanned = (
        run is not None and run.status == RunStatus.REFUSED and change.plan_id not in (None, run.plan_id)
    )
    if run is not None and not replanned:
        after_run(run, config)
        return config.run_dir(run.id)
    if change.plan is None:
        raise NotFoundError(
            f"{change.number} has neither a plan nor a run yet", hint=f"fitsom change plan {change.number}"
        )
    after_plan(change.plan, config)
    return config.run_dir(change.plan.id)
