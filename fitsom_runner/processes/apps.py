"""Connects the listeners of this room."""

from __future__ import annotations

from django.apps import AppConfig


class ProcessesConfig(AppConfig):
    """Subscribes to what execution tells."""

    name = "fitsom_runner.processes"

    def ready(self) -> None:
        """Called by Django once all models are loaded."""
        from fitsom_runner.execution.signals import run_recorded
        from fitsom_runner.processes import incidents

        run_recorded.connect(incidents.note, dispatch_uid="processes.incidents")
