"""What other rooms may listen to."""

from __future__ import annotations

from django.dispatch import Signal

# Sent after a run's records are final; keyword arguments: run (execution.models.Run), config (config.Config).
run_finished = Signal()
# Sent after a plan was taken; keyword arguments: plan (changes.models.Plan), config.
plan_taken = Signal()
