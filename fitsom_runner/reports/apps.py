"""Connects the listeners of this room."""

from __future__ import annotations

from django.apps import AppConfig


class ReportsConfig(AppConfig):
    """Subscribes to what execution tells; after processes, whose incidents belong into the report."""

    name = "fitsom_runner.reports"

    def ready(self) -> None:
        """Called by Django once all models are loaded."""
        from fitsom_runner.execution.signals import plan_taken, run_finished
        from fitsom_runner.reports import files

        run_finished.connect(files.after_run, dispatch_uid="reports.run")
        plan_taken.connect(files.after_plan, dispatch_uid="reports.plan")
