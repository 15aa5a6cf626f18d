"""Delegations: one person lends one power to another, for a time, on record."""

from __future__ import annotations

from django.db import models


class Delegation(models.Model):
    """`giver` lets `taker` use `power` until `ends`. People are named by their id in fitsom.yml."""

    giver = models.CharField(max_length=100)
    taker = models.CharField(max_length=100)
    power = models.CharField(max_length=30)
    reason = models.CharField(max_length=300)
    starts = models.DateTimeField()
    ends = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "delegation"
