"""Connects the listeners of this room."""

from __future__ import annotations

from typing import Any

from django.apps import AppConfig


class ProcessesConfig(AppConfig):
    """Subscribes to the signals of execution."""

    name = "fitsom_runner.processes"

    def ready(self) -> None:
        """Called by Django once all models are loaded."""
        from fitsom_runner.execution.signals import run_recorded

        run_recorded.connect(_note, dispatch_uid="processes.incidents")


def _note(**signal: Any) -> None:
    from fitsom_runner.processes import incidents  # most commands end no run

    incidents.note(**signal)
