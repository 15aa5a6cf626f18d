"""The audit log's one table. Triggers (see the migration) refuse every update and delete."""

from __future__ import annotations

from django.db import models


class AuditEntry(models.Model):
    """One recorded action. `hash` covers all other fields and the hash before it."""

    seq = models.PositiveBigIntegerField(primary_key=True)
    at = models.CharField(max_length=32)
    actor = models.CharField(max_length=100)
    os_user = models.CharField(max_length=100)
    action = models.CharField(max_length=60)
    subject = models.CharField(max_length=100)
    detail = models.TextField()
    previous = models.CharField(max_length=64)
    hash = models.CharField(max_length=64)

    class Meta:
        db_table = "audit_entry"
        ordering = ("seq",)
