"""Delegations: one person lends one power to another, for a time, on record. Keys that people sign with."""

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


class EnrolledKey(models.Model):
    """A public key that a person signs with, once a second person has confirmed it.

    What counts is what the audit log says of it (keys.logged); this table is for people to look at.
    """

    person = models.CharField(max_length=100)
    public_key = models.TextField()
    fingerprint = models.CharField(max_length=60, unique=True)
    enrolled_at = models.DateTimeField()
    witness = models.CharField(max_length=100, default="")
    confirmed_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "enrolled_key"
