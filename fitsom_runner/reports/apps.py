"""Connects the listeners of this room."""

from __future__ import annotations

from typing import Any

from django.apps import AppConfig


class ReportsConfig(AppConfig):
    """Subscribes to the signals of execution; after processes, whose incidents are part of the report."""

    name = "fitsom_runner.reports"

    def ready(self) -> None:
        """Called by Django once all models are loaded."""
        from fitsom_runner.execution.signals import plan_taken, run_finished

        run_finished.connect(_after_run, dispatch_uid="reports.run")
        plan_taken.connect(_after_plan, dispatch_uid="reports.plan")


def _after_run(**signal: Any) -> None:
    from fitsom_runner.reports import files  # most commands write no report

    files.after_run(**signal)


def _after_plan(**signal: Any) -> None:
    from fitsom_runner.reports import files

    files.after_plan(**signal)
