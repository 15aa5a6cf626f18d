"""What other rooms may listen to."""

from __future__ import annotations

from django.dispatch import Signal

# Sent as a run's end is written, in the same transaction, for records that belong to it; keyword argument: run.
run_recorded = Signal()
# Sent once that is on the disk, for what can be generated again, such as reports; keyword arguments: run
# (execution.models.Run), config (config.Config).
run_finished = Signal()
# Sent after a plan was taken; keyword arguments: plan (changes.models.Plan), config.
plan_taken = Signal()
