"""Who may do what."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from django.db import transaction

from fitsom_runner import caller, clock
from fitsom_runner.audit import log
from fitsom_runner.audit.log import Actor
from fitsom_runner.config import Config, Person
from fitsom_runner.errors import NotAllowedError, NotFoundError
from fitsom_runner.people.models import Delegation
from fitsom_runner.roles import Power, Role

POSITION = {
    Role.HEAD: "head teacher",
    Role.NETWORK_MANAGER: "network manager",
    Role.TECHNICIAN: "technician",
    Role.SUPPLIER: "supplier",
    Role.AUDITOR: "auditor",
}


@dataclass(frozen=True, kw_only=True)
class Identity:
    """The person at the keyboard and their OS user."""

    person: Person
    os_user: str

    @property
    def actor(self) -> Actor:
        """This identity as the audit log writes it."""
        return Actor(person=self.person.id, os_user=self.os_user)


def identify(config: Config, acting_as: str | None = None) -> Identity:
    """The person of the current OS user, or, where the configuration allows it, the person named.

    Raises NotAllowedError where nobody is mapped to the OS user.
    """
    os_user = caller.current().login()
    if acting_as is not None:
        if not config.acting_as_allowed:
            raise NotAllowedError(
                "--as is switched off: each person must log in as themselves",
                hint="It is for the demo and for training only (acting_as_allowed in fitsom.yml).",
            )
        return Identity(person=by_id(config, acting_as), os_user=os_user)
    for person in config.people:
        if person.os_user == os_user:
            _require_valid(person)
            return Identity(person=person, os_user=os_user)
    raise NotAllowedError(
        f"nobody in the configuration has the OS user {os_user!r}",
        hint="Add 'os_user: " + os_user + "' to a person under 'people:' in fitsom.yml.",
    )


def by_id(config: Config, person_id: str) -> Person:
    """The person with this id. Raises NotFoundError."""
    for person in config.people:
        if person.id == person_id:
            _require_valid(person)
            return person
    identifiers = ", ".join(p.id for p in config.people)
    raise NotFoundError(f"no person {person_id!r} in the configuration", hint=f"Known: {identifiers}")


def authorise(config: Config, identity: Identity, power: Power, *, excluded: str | None = None) -> str:
    """Check that `identity` may use `power`; return the id they use it on behalf of, or "" for their own.

    `excluded` names the requester, who may use an approving power neither as their own nor for another.
    Raises NotAllowedError.
    """
    if excluded is not None and identity.person.id == excluded:
        raise NotAllowedError(
            f"{identity.person.name} requested this change and so may not approve it",
            hint="Nobody approves their own change, administrators included; "
            + _who_can(config, power, without=excluded),
        )
    if identity.person.may(power):
        return ""
    moment = clock.now()
    delegations = Delegation.objects.filter(
        taker=identity.person.id, power=power, starts__lte=moment, ends__gt=moment, revoked_at=None
    ).exclude(giver=excluded or "")
    for delegation in delegations:
        if _still_has(config, delegation.giver, power):
            return delegation.giver
    raise NotAllowedError(
        f"{identity.person.name} ({POSITION[identity.person.role]}) may not {_in_words(power)}",
        hint=_who_can(config, power, without=excluded),
    )


def require_scope(
    config: Config, identity: Identity, behalf: str, hosts: Mapping[str, Collection[str]]
) -> None:
    """Check that a decision about these hosts ({name: their groups}) is theirs, and of whom they act for.

    Raises NotAllowedError.
    """
    for person in (identity.person, *([by_id(config, behalf)] if behalf else [])):
        outside = [host for host, groups in hosts.items() if not person.groups & {host, *groups}]
        if person.groups and outside:
            raise NotAllowedError(
                f"{person.name} decides on {', '.join(sorted(person.groups))} only, and this is also about "
                f"{', '.join(outside[:5])}{' and others' * (len(outside) > 5)}",
                hint="Somebody else has to decide, or each school gets a change of its own (--limit).",
            )


def delegate(
    config: Config, identity: Identity, taker: str, power: Power, *, days: int, reason: str
) -> Delegation:
    """Lend one's own power for some days. What was lent cannot be lent on. Raises NotAllowedError."""
    from datetime import timedelta

    if not identity.person.may(power):
        raise NotAllowedError(f"{identity.person.name} does not hold '{power}' and so cannot delegate it")
    person = by_id(config, taker)
    if person.id == identity.person.id:
        raise NotAllowedError("a power cannot be delegated to oneself")
    moment = clock.now()
    with transaction.atomic():
        delegation = Delegation.objects.create(
            giver=identity.person.id,
            taker=person.id,
            power=power,
            reason=reason,
            starts=moment,
            ends=moment + timedelta(days=days),
        )
        log.append(
            identity.actor,
            "delegation.given",
            person.id,
            power=power,
            until=delegation.ends.isoformat(),
            reason=reason,
        )
    return delegation


def revoke(identity: Identity, delegation_id: int) -> None:
    """Take a delegation back; only its giver may. Raises NotFoundError."""
    with transaction.atomic():
        changed = Delegation.objects.filter(
            pk=delegation_id, giver=identity.person.id, revoked_at=None
        ).update(revoked_at=clock.now())
        if changed != 1:
            raise NotFoundError(
                f"no delegation {delegation_id} of yours is in force", hint="fitsom delegate list"
            )
        log.append(identity.actor, "delegation.revoked", str(delegation_id))


def _require_valid(person: Person) -> None:
    if not person.has_access(clock.now().date()):
        raise NotAllowedError(
            f"{person.name}'s access is limited in time and not in force today",
            hint="valid_from and valid_until in fitsom.yml state when it is.",
        )


def _still_has(config: Config, giver: str, power: Power) -> bool:
    """Whether a giver is still there and still has what they lent."""
    try:
        return by_id(config, giver).may(power)
    except (NotFoundError, NotAllowedError):
        return False


def _in_words(power: Power) -> str:
    return {
        Power.REQUEST: "request changes",
        Power.PLAN: "plan changes",
        Power.APPROVE_PROCEED: "approve a change to proceed",
        Power.PEER_REVIEW: "peer-review a change",
        Power.APPROVE_IMPLEMENT: "approve a change to be implemented",
        Power.RUN: "run changes",
        Power.REVIEW: "review and close changes",
    }[power]


def _who_can(config: Config, power: Power, *, without: str | None) -> str:
    names = [p.name for p in config.people if p.may(power) and p.id != without]
    return (
        f"those who can: {', '.join(names)}." if names else "nobody in fitsom.yml can: add a person who may."
    )
