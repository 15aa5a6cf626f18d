"""Standard changes: one approval of a template serves every run inside its bounds; outside them nothing is approved."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from django.db import IntegrityError, transaction

from fitsom_runner import clock
from fitsom_runner.audit import log
from fitsom_runner.changes import evidence, prediction, seal, service
from fitsom_runner.changes.draft import RfcDraft
from fitsom_runner.changes.fields import RFC_FIELDS
from fitsom_runner.changes.models import Approval, Change, Plan, StandardTemplate
from fitsom_runner.changes.signatures import sign, window_of
from fitsom_runner.changes.statement import Statement, digest_of
from fitsom_runner.changes.states import Action, ChangeType, State
from fitsom_runner.config import Config
from fitsom_runner.errors import NotFoundError, RefusedError
from fitsom_runner.facts import HostChanges
from fitsom_runner.facts_reader import hosts_from_json
from fitsom_runner.people import powers
from fitsom_runner.people.powers import Identity
from fitsom_runner.roles import Power

# What a template binds; hosts may be fewer, packages and window differ from run to run.
_FIXED_PARTS = (
    "trees",
    "versions",
    "collections",
    "playbook",
    "tags",
    "skip_tags",
    "extra_vars",
    "inventories",
    "sandbox",
    "variables",
)
_PROPOSE_AGAIN = "Propose another: fitsom standard propose NAME --from CHG-..."
_SUCCESSFUL_STATES = (State.SUCCEEDED, State.REVIEWED, State.CLOSED)


def propose(
    config: Config, identity: Identity, name: str, model: Change, *, expires: datetime
) -> StandardTemplate:
    """Make a template from a change that succeeded: its content, its hosts, its length. Raises RefusedError."""
    powers.authorise(config, identity, Power.REQUEST)
    window = window_of(model)
    if model.stage not in _SUCCESSFUL_STATES or model.plan is None or window is None:
        raise RefusedError(
            f"{model.number} has not succeeded in a window of its own",
            hint="A standard change is a procedure that is known to work.",
        )
    parts = model.plan.components
    bounds: dict[str, Any] = _fixed_parts(parts) | {
        "hosts": parts["hosts"],
        "effects": sorted(prediction.effects(hosts_from_json(model.plan.hosts))),
        "model": model.number,
        "plan": model.plan.id,
    }
    try:
        with transaction.atomic():
            StandardTemplate.objects.create(
                name=name,
                title=model.title,
                playbook=model.playbook,
                bounds=bounds,
                rfc={
                    **model.rfc(),
                    "backout_playbook": model.backout_playbook,
                    "limit": model.limit,
                    "inputs": model.inputs,
                },
                max_minutes=int((window.end - window.start).total_seconds() // 60),
                expires=expires,
                proposed_by=identity.person.id,
            )
            template = get(name)  # as the record holds it
            log.append(
                identity.actor,
                "standard.proposed",
                name,
                model=model.number,
                bounds=seal.seal_of(bounds),
                template=digest_of(template.content()),
            )
    except IntegrityError as fault:
        raise RefusedError(f"there is a standard change {name!r} already") from fault
    return template


def model_plan(template: StandardTemplate) -> Plan | None:
    """The plan of the change that a template was made of: what its approver reads. None for an older template."""
    return Plan.objects.filter(pk=template.bounds.get("plan", "")).first()


def approve(config: Config, identity: Identity, name: str, *, key: Path | None = None) -> StandardTemplate:
    """Approve a template for all its runs, signed if there is a key; never by the person who proposed it."""
    template = get(name)
    if "effects" not in template.bounds:
        raise RefusedError(
            f"{name} was proposed before templates bound hosts and effects", hint=_PROPOSE_AGAIN
        )
    behalf = powers.authorise(config, identity, Power.APPROVE_IMPLEMENT, excluded=template.proposed_by)
    plan = model_plan(template)
    hosts = plan.hosts if plan else {"the hosts of the change that it was made of": {}}
    powers.require_scope(
        config, identity, behalf, {host: body.get("groups", ()) for host, body in hosts.items()}
    )
    evidence.require_template(template)
    template.approved_by, template.approved_at = identity.person.id, clock.now()
    decided = Statement(
        school=config.school.name,
        number=name,
        version=1,
        kind="standard_change",
        decision="approved",
        seal="",
        rfc="",
        predictions="",
        comment="",
        person=identity.person.id,
        name=identity.person.name,
        position=powers.POSITION[identity.person.role],
        on_behalf_of=behalf,
        os_user=identity.os_user,
        at="",
    )
    statement = evidence.statement_of_template(template, decided)
    sign(config, identity, template, statement, key, change_type=ChangeType.STANDARD)
    with transaction.atomic():
        changed = StandardTemplate.objects.filter(pk=template.pk, approved_at=None, withdrawn_at=None).update(
            approved_by=template.approved_by,
            approved_at=template.approved_at,
            method=template.method,
            key=template.key,
            signature=template.signature,
        )
        if changed != 1:
            raise RefusedError(f"{name} does not wait for approval")
        values = evidence.decision_values(template, statement)
        log.append(identity.actor, "standard.approved", name, on_behalf_of=behalf, **values)
    return get(name)


def withdraw(config: Config, identity: Identity, name: str) -> None:
    """Take a template out of use at once."""
    powers.authorise(config, identity, Power.REVIEW)
    with transaction.atomic():
        if (
            StandardTemplate.objects.filter(name=name, withdrawn_at=None).update(withdrawn_at=clock.now())
            != 1
        ):
            raise NotFoundError(f"no standard change {name!r} is in use")
        log.append(identity.actor, "standard.withdrawn", name)


def get(name: str) -> StandardTemplate:
    """The template of that name. Raises NotFoundError."""
    template = StandardTemplate.objects.filter(name=name).first()
    if template is None:
        raise NotFoundError(f"no standard change {name!r}", hint="fitsom standard list")
    return template


def new(config: Config, identity: Identity, name: str, draft: RfcDraft) -> Change:
    """Raise a change from a template; only its window, and fewer hosts, are the requester's to choose."""
    template = get(name)
    refused_fields = set(draft.field_values()) - {"limit", "type", "implementer"}
    if refused_fields:
        raise RefusedError(
            f"a standard change fixes {', '.join(sorted(refused_fields))}",
            hint="Raise a minor change where that must differ.",
        )
    texts = {
        field: text
        for field, text in template.rfc.items()
        if text and field in (*RFC_FIELDS, "backout_playbook", "inputs")
    }
    texts.pop("test_evidence", None)
    values = {**texts, "limit": template.rfc["limit"], **draft.field_values(), "type": ChangeType.STANDARD}
    full_draft = RfcDraft(
        playbook=template.playbook,
        tags=template.bounds["tags"],
        skip_tags=template.bounds["skip_tags"],
        extra_vars=template.bounds["extra_vars"],
        window=draft.window,
        **values,
    )
    return service.new(config, identity, full_draft, template)


def deviations(template: StandardTemplate, change: Change, plan: Plan) -> list[str]:
    """Why this plan is not covered by the template; empty if it is."""
    reasons = []
    if template.approved_at is None:
        reasons.append("the template was never approved")
    if template.withdrawn_at is not None:
        reasons.append("the template was withdrawn")
    window = window_of(change)
    if window is None or window.end > template.expires:
        reasons.append(f"the template expires on {template.expires:%d %b %Y}")
    elif (window.end - window.start).total_seconds() > template.max_minutes * 60:
        reasons.append(f"the window is longer than {template.max_minutes} minutes")
    reasons += seal.differences(_fixed_parts(template.bounds), _fixed_parts(plan.components))
    backout, template_backout = change.backout_playbook, template.rfc["backout_playbook"]
    if (
        backout != template_backout
    ):  # it is not part of the seal: an approver reads it in the RfC, here nobody does
        reasons.append(f"the back-out playbook is {backout or 'none'}, not {template_backout or 'none'}")
    if change.inputs != template.rfc.get("inputs", {}):  # where from; what is in them differs from run to run
        reasons.append("it reads other inputs")
    predicted = hosts_from_json(plan.hosts)
    reasons += _not_pre_approved(predicted)
    if "effects" not in template.bounds:
        return [*reasons, f"it was approved before templates bound hosts and effects. {_PROPOSE_AGAIN}"]
    hosts: Mapping[str, str] = template.bounds["hosts"]
    extra_hosts = sorted(set(plan.components["hosts"]) - set(hosts))
    if extra_hosts:
        reasons.append(f"hosts outside the template: {', '.join(extra_hosts)}")
    reasons += [
        f"the variables of {host} are not those that were approved"
        for host, variables in sorted(plan.components["hosts"].items())
        if host in hosts and hosts[host] != variables
    ]
    reasons += [
        f"an effect that was not approved: {effect}"
        for effect in sorted(prediction.effects(predicted) - set(template.bounds["effects"]))
    ]
    return reasons


def _fixed_parts(parts: Mapping[str, Any]) -> dict[str, Any]:
    """The bound parts of a plan or a template; an old one has no collections."""
    return {part: parts[part] for part in _FIXED_PARTS if part in parts}


def _not_pre_approved(hosts: Mapping[str, HostChanges]) -> list[str]:
    """What no template covers: deletion, and what cannot be read."""
    deleted = sum(item.action == "delete" for changes in hosts.values() for item in changes.facts.objects)
    unread = [host for host, changes in hosts.items() if not changes.facts.complete]
    reasons = []
    if deleted:
        reasons.append(f"it deletes accounts or groups ({deleted}), and deletion is never pre-approved")
    if unread:
        reasons.append(f"the answers of these hosts cannot be read completely: {', '.join(sorted(unread))}")
    return reasons


def pre_approve(config: Config, change: Change, plan: Plan) -> Change:
    """Approve a plan by its template's approval and schedule it. Raises RefusedError outside the bounds."""
    template = change.template
    if template is None:
        raise RefusedError(f"{change.number} has no template")
    reasons = deviations(template, change, plan)
    if reasons:
        raise RefusedError(
            f"{change.number} is outside what '{template.name}' pre-approves",
            details=tuple(reasons),
            hint="It stays planned and unapproved. Raise it as a minor change to have it approved individually.",
        )
    evidence.require(change)
    with transaction.atomic():
        approval = Approval.objects.create(
            change=change,
            version=change.version,
            plan=plan,
            kind=Action.PRE_APPROVE,
            approved=True,
            person=template.approved_by,
            person_name=template.approved_by,
            position=f"standard change '{template.name}'",
            os_user="",
            comment=f"pre-approved until {template.expires:%d %b %Y}",
            seal=plan.seal,
            school=config.school.name,
            at=clock.now(),
        )
        values = evidence.decision_values(approval, evidence.statement_of(approval))
        change = service.move(
            change, Action.PRE_APPROVE, service.SYSTEM, template=template.name, seal=plan.seal, **values
        )
        return service.move(change, Action.SCHEDULE, service.SYSTEM)
