"""The records of change management: the RfC, its plans, its signatures."""

from __future__ import annotations

import hashlib
from datetime import UTC
from typing import Any

from django.db import models

from fitsom_runner.changes.fields import FIELDS, RFC_FIELDS
from fitsom_runner.changes.statement import Statement
from fitsom_runner.changes.states import ChangeType, State


class Change(models.Model):
    """One RfC. Sealed parts and RfC text may only be edited through changes.service, which makes a new version."""

    number = models.CharField(max_length=20, unique=True)
    version = models.PositiveIntegerField(default=1)
    type = models.CharField(max_length=12, choices=[(t.value, t.value) for t in ChangeType])
    state = models.CharField(
        max_length=20, default=State.DRAFT, choices=[(s.value, s.value) for s in State], db_index=True
    )
    title = models.CharField(max_length=200)
    item_name = models.TextField(default="")
    item_location = models.TextField(default="")
    asset_tag = models.TextField(default="")
    change_text = models.TextField(default="")
    reason = models.TextField(default="")
    effect_of_not_changing = models.TextField(default="")
    implementation_steps = models.TextField(default="")
    impact = models.TextField(default="")
    failure_impact = models.TextField(default="")
    failure_risk = models.TextField(default="")
    risk_evidence = models.TextField(default="")
    backout = models.TextField(default="")
    backout_class = models.TextField(default="")
    communication = models.TextField(default="")
    test_evidence = models.TextField(default="")
    incidents = models.JSONField(default=list)
    problems = models.JSONField(default=list)
    configuration_items = models.JSONField(default=list)

    playbook = models.CharField(max_length=200)
    backout_playbook = models.CharField(max_length=200, default="")
    limit = models.CharField(max_length=1000, default="")  # "": every host that a play is for
    tags = models.JSONField(default=list)
    skip_tags = models.JSONField(default=list)
    extra_vars = models.JSONField(default=dict)
    inputs = models.JSONField(default=dict)
    window_start = models.DateTimeField(null=True)
    window_end = models.DateTimeField(null=True)
    window_zone = models.CharField(max_length=60, default="")
    template = models.ForeignKey("StandardTemplate", null=True, on_delete=models.PROTECT)

    requester = models.CharField(max_length=100)
    implementer = models.CharField(max_length=100, default="")
    created_at = models.DateTimeField()
    actual_start = models.DateTimeField(null=True)
    actual_end = models.DateTimeField(null=True)
    closure_code = models.CharField(max_length=30, default="")
    backout_used = models.BooleanField(default=False)
    review = models.JSONField(default=dict)
    plan = models.ForeignKey("Plan", null=True, on_delete=models.SET_NULL, related_name="current_of")

    class Meta:
        db_table = "change"
        ordering = ("number",)

    @property
    def identifier(self) -> str:
        """Its number and 8 hex digits of its own, "CHG-2026-0001-3f9a1c2b": what hosts keep of it is called so.

        Another record that is given the same number, after the records were lost or beside a copy of them, has others.
        """
        moment = self.created_at.astimezone(UTC).isoformat()
        return f"{self.number}-{hashlib.sha256(f'{self.number} {moment}'.encode()).hexdigest()[:8]}"

    @property
    def kind(self) -> ChangeType:
        """The type as an Enum."""
        return ChangeType(self.type)

    @property
    def stage(self) -> State:
        """The state as an Enum."""
        return State(self.state)

    def rfc(self) -> dict[str, str]:
        """The RfC's texts by field name."""
        return {name: getattr(self, name) for name in RFC_FIELDS}

    def request(self) -> dict[str, Any]:
        """Everything that was requested, as JSON values: what an approval is about and what the log holds."""
        window = (self.window_start, self.window_end)
        return {
            **{field.name: getattr(self, field.name) for field in FIELDS if field.is_option},
            "extra_vars": self.extra_vars,
            "inputs": self.inputs,
            "window": [moment and moment.astimezone(UTC).isoformat() for moment in window],
            "zone": self.window_zone,
            "requester": self.requester,
            "standard_change": self.template.name if self.template else "",
        }


class Plan(models.Model):
    """What a check-mode run predicted for one version of a change, and the seal over what will run.

    `seal` is empty for a rehearsal (content not committed, or a draft). `hosts` holds, for each host, the
    predicted items: see changes.prediction.
    """

    id = models.CharField(max_length=40, primary_key=True)
    change = models.ForeignKey(Change, on_delete=models.CASCADE, related_name="plans")
    version = models.PositiveIntegerField()
    created_at = models.DateTimeField()
    created_by = models.CharField(max_length=100)
    commit = models.CharField(max_length=64)
    seal = models.CharField(max_length=64, default="")
    components = models.JSONField(default=dict)
    hosts = models.JSONField(default=dict)
    left_out = models.JSONField(default=dict)
    notes = models.JSONField(default=list)
    seconds = models.FloatField(default=0)

    class Meta:
        db_table = "plan"
        ordering = ("created_at",)

    def content(self) -> dict[str, Any]:
        """Everything that the plan says, as JSON values."""
        return {
            "id": self.id,
            "version": self.version,
            "created_at": self.created_at.astimezone(UTC).isoformat(),
            "created_by": self.created_by,
            "commit": self.commit,
            "seal": self.seal,
            "components": self.components,
            "hosts": self.hosts,
            "left_out": self.left_out,
            "notes": self.notes,
        }


class Signed(models.Model):
    """A decision that may be signed: by which method ("ssh"; "" for not at all), with which key."""

    method = models.CharField(max_length=10, default="")
    key = models.CharField(max_length=60, default="")
    signature = models.TextField(default="")

    class Meta:
        abstract = True


class Approval(Signed):
    """One decision, on one version; those after planning also name the plan and the seal that the person saw.

    `school` is empty in records from before approvals were statements (changes.statement).
    """

    change = models.ForeignKey(Change, on_delete=models.CASCADE, related_name="approvals")
    version = models.PositiveIntegerField()
    plan = models.ForeignKey(Plan, null=True, on_delete=models.PROTECT)
    kind = models.CharField(max_length=20)
    approved = models.BooleanField()
    person = models.CharField(max_length=100)
    person_name = models.CharField(max_length=200)
    position = models.CharField(max_length=50)
    on_behalf_of = models.CharField(max_length=100, default="")
    os_user = models.CharField(max_length=100)
    comment = models.TextField(default="")
    seal = models.CharField(max_length=64, default="")
    school = models.CharField(max_length=200, default="")
    at = models.DateTimeField()

    class Meta:
        db_table = "approval"
        ordering = ("at",)

    def statement(self, *, rfc: str, predictions: str) -> Statement:
        """What was decided, from this row and the digests of the request and the plan."""
        return Statement(
            school=self.school,
            number=self.change.number,
            version=self.version,
            kind=self.kind,
            decision="approved" if self.approved else "rejected",
            seal=self.seal,
            rfc=rfc,
            predictions=predictions,
            comment=self.comment,
            person=self.person,
            name=self.person_name,
            position=self.position,
            on_behalf_of=self.on_behalf_of,
            os_user=self.os_user,
            at=self.at.astimezone(UTC).isoformat(),
        )


class StandardTemplate(Signed):
    """A standard change: pre-approved within these bounds, and nowhere outside them."""

    name = models.CharField(max_length=60, unique=True)
    title = models.CharField(max_length=200)
    playbook = models.CharField(max_length=200)
    bounds = models.JSONField()
    rfc = models.JSONField()
    max_minutes = models.PositiveIntegerField()
    expires = models.DateTimeField()
    proposed_by = models.CharField(max_length=100)
    approved_by = models.CharField(max_length=100, default="")
    approved_at = models.DateTimeField(null=True)
    withdrawn_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "standard_template"

    def content(self) -> dict[str, Any]:
        """Everything that is pre-approved, as JSON values."""
        return {
            "name": self.name,
            "title": self.title,
            "playbook": self.playbook,
            "bounds": self.bounds,
            "rfc": self.rfc,
            "max_minutes": self.max_minutes,
            "expires": self.expires.astimezone(UTC).isoformat(),
            "proposed_by": self.proposed_by,
        }
