"""Incidents noted by runs (FITS Incident Management)."""

from __future__ import annotations

from django.db import models

from fitsom_runner.execution.models import Run


class Incident(models.Model):
    """One fault of one host under one change; the same fault again is counted, not noted twice, and opens it again."""

    number = models.CharField(max_length=20, unique=True)
    change = models.CharField(max_length=20)
    run = models.ForeignKey(Run, on_delete=models.PROTECT, related_name="incidents")
    host = models.CharField(max_length=255)
    task = models.CharField(max_length=500)
    error = models.TextField()
    opened_at = models.DateTimeField()
    seen = models.PositiveIntegerField(default=1)
    assigned_to = models.CharField(max_length=100, default="")
    closed_at = models.DateTimeField(null=True)
    closed_by = models.CharField(max_length=100, default="")
    resolution = models.TextField(default="")

    class Meta:
        db_table = "incident"
        ordering = ("number",)
        constraints = (
            models.UniqueConstraint(fields=["change", "host", "task"], name="one_incident_per_fault"),
        )
