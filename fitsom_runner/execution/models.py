"""What runs did: one Run, its hosts, its tasks and one small row for every result."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.models import Q

from fitsom_runner.changes.models import Change, Plan
from fitsom_runner.execution.states import ACTIVE, Outcome, RunKind, RunStatus


class Run(models.Model):
    """One attempt to carry out a change. The row is the stamp on its slot: an approved plan is applied once."""

    id = models.CharField(max_length=40, primary_key=True)
    change = models.ForeignKey(Change, on_delete=models.PROTECT, related_name="runs")
    plan = models.ForeignKey(Plan, on_delete=models.PROTECT)
    kind = models.CharField(max_length=10, default=RunKind.APPLY)
    status = models.CharField(max_length=12, default=RunStatus.CLAIMED)
    started_by = models.CharField(max_length=100)
    os_user = models.CharField(max_length=100)
    claimed_at = models.DateTimeField()
    apply_started_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    hosts = models.JSONField(default=list)
    cancel_requested = models.BooleanField(default=False)
    refusal = models.JSONField(default=list)
    messages = models.JSONField(default=list)
    ledger_sha256 = models.CharField(max_length=64, default="")
    versions = models.JSONField(default=dict)
    # Of a back-out, which has no plan of its own: why it is made; its prediction as in Plan.hosts (at first the one
    # that was shown to who started it), and why hosts have none.
    reason = models.TextField(default="")
    predicted = models.JSONField(default=dict)
    left_out = models.JSONField(default=dict)

    class Meta:
        db_table = "run"
        ordering = ("claimed_at",)
        constraints = (
            models.UniqueConstraint(
                fields=["change"],
                condition=Q(status__in=[s.value for s in ACTIVE]),
                name="one_active_run_per_change",
            ),
            models.UniqueConstraint(
                fields=["plan"],
                condition=Q(kind=RunKind.APPLY.value),
                name="an_approved_plan_is_applied_once",
            ),
        )

    def expected(self) -> dict[str, Any]:
        """What each host may change, in the form of Plan.hosts; of a back-out, as predicted just before it."""
        hosts: dict[str, Any] = self.predicted if self.kind == RunKind.BACKOUT else self.plan.hosts
        return hosts


class HostOutcome(models.Model):
    """One host in one run. `items` holds what the run changed there, in the form of a plan's predictions."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="outcomes")
    host = models.CharField(max_length=255)
    outcome = models.CharField(max_length=12, default=Outcome.RUNNING)
    reason = models.TextField(default="")
    items = models.JSONField(default=list)
    facts = models.JSONField(default=dict)
    failures = models.JSONField(default=list)

    class Meta:
        db_table = "host_outcome"
        constraints = (models.UniqueConstraint(fields=["run", "host"], name="one_outcome_per_host"),)


class RunTask(models.Model):
    """One task of one run, named once so that its results can be small."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="tasks")
    number = models.PositiveIntegerField()
    name = models.CharField(max_length=500)
    action = models.CharField(max_length=200)
    role = models.CharField(max_length=200, default="")

    class Meta:
        db_table = "run_task"


class TaskResult(models.Model):
    """A task on a host: integers only (about 40 bytes). The texts are in the run's ledger."""

    task = models.ForeignKey(RunTask, on_delete=models.CASCADE, db_index=False)
    host = models.ForeignKey(HostOutcome, on_delete=models.CASCADE)
    status = models.PositiveSmallIntegerField()
    start_ms = models.PositiveIntegerField()
    duration_ms = models.PositiveIntegerField()

    class Meta:
        db_table = "task_result"
