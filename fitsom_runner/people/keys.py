"""The keys that people sign with: enrolled by their owner, confirmed by a second person, revoked by either.

Whether a signature counts is decided by the order of entries in the audit log: a clock can be set back, and a table
can be edited.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from django.db import transaction

from fitsom_runner import clock
from fitsom_runner.audit import log
from fitsom_runner.audit.log import Entry
from fitsom_runner.config import Config
from fitsom_runner.errors import NotAllowedError, NotFoundError, RefusedError
from fitsom_runner.people import powers, ssh
from fitsom_runner.people.models import EnrolledKey
from fitsom_runner.people.powers import Identity
from fitsom_runner.roles import Power, Role

METHOD = "ssh"
_APPROVING = (Power.APPROVE_PROCEED, Power.APPROVE_IMPLEMENT)


@dataclass(frozen=True, kw_only=True)
class LoggedKey:
    """A key as the audit log has it; `confirmed` and `revoked` are numbers of entries, 0 where there is none."""

    fingerprint: str
    person: str
    public_key: str
    witness: str = ""
    confirmed: int = 0
    revoked: int = 0


def enrol(identity: Identity, path: Path) -> EnrolledKey:
    """Propose one's own public key. It counts once a second person has confirmed it. Raises RefusedError."""
    key = ssh.read_public_key(path)
    if EnrolledKey.objects.filter(fingerprint=key.fingerprint).exists():
        raise RefusedError(
            f"{key.fingerprint} was enrolled before",
            hint="See: fitsom key list. A revoked key does not come back.",
        )
    with transaction.atomic():
        enrolled = EnrolledKey.objects.create(
            person=identity.person.id,
            public_key=key.text,
            fingerprint=key.fingerprint,
            enrolled_at=clock.now(),
        )
        log.append(identity.actor, "key.enrolled", key.fingerprint, person=identity.person.id, key=key.text)
    return enrolled


def confirm(config: Config, identity: Identity, fingerprint: str) -> EnrolledKey:
    """Confirm that a key is the one that its owner showed. Never by its owner. Raises NotAllowedError."""
    key = find(fingerprint)
    if identity.person.id == key.person:
        raise NotAllowedError(
            "nobody confirms their own key",
            hint="A second person compares the fingerprint on your screen with theirs, and confirms it.",
        )
    _require_confirmer(identity)
    powers.by_id(config, key.person)
    with transaction.atomic():
        changed = EnrolledKey.objects.filter(pk=key.pk, confirmed_at=None, revoked_at=None).update(
            witness=identity.person.id, confirmed_at=clock.now()
        )
        if changed != 1:
            raise RefusedError(f"{fingerprint} does not wait to be confirmed", hint="fitsom key list")
        log.append(identity.actor, "key.confirmed", fingerprint, person=key.person, key=key.public_key)
    return find(fingerprint)


def revoke(identity: Identity, fingerprint: str, *, reason: str) -> None:
    """End a key: what it signs from now on does not count. By its owner, or by who may confirm keys."""
    key = find(fingerprint)
    if identity.person.id != key.person:
        _require_confirmer(identity)
    with transaction.atomic():
        if EnrolledKey.objects.filter(pk=key.pk, revoked_at=None).update(revoked_at=clock.now()) != 1:
            raise RefusedError(f"{fingerprint} is revoked already")
        log.append(identity.actor, "key.revoked", fingerprint, person=key.person, reason=reason)


def find(fingerprint: str) -> EnrolledKey:
    """The key with this fingerprint. Raises NotFoundError."""
    key = EnrolledKey.objects.filter(fingerprint=fingerprint).first()
    if key is None:
        raise NotFoundError(f"no key {fingerprint!r} is enrolled", hint="fitsom key list")
    return key


def usable(person: str) -> list[EnrolledKey]:
    """The confirmed keys of a person that are not revoked."""
    return list(EnrolledKey.objects.filter(person=person, revoked_at=None).exclude(confirmed_at=None))


def require_usable(identity: Identity, path: Path) -> LoggedKey:
    """The enrolled key that a key file belongs to. Raises RefusedError where this person may not sign with it."""
    fingerprint = ssh.fingerprint_of(path)
    key = logged(log.entries(subject=fingerprint))
    reason, hint = "", f"Somebody else confirms it: fitsom key confirm {fingerprint}"
    if key is None:
        reason, hint = "is not enrolled", "fitsom key enrol --key FILE.pub; somebody else then confirms it"
    elif key.person != identity.person.id:
        reason, hint = (
            f"is a key of {key.person}, not of {identity.person.id}",
            "Sign with a key of your own.",
        )
    elif key.revoked:
        reason, hint = "is revoked", "Enrol another: fitsom key enrol --key FILE.pub"
    elif not key.confirmed:
        reason = "was not confirmed by a second person yet"
    if key is None or reason:
        raise RefusedError(f"{path} cannot sign: {fingerprint} {reason}", hint=hint)
    return key


def logged(entries: Iterable[Entry]) -> LoggedKey | None:
    """What the entries of one fingerprint say of the key; None where it was never enrolled."""
    key: LoggedKey | None = None
    for entry in entries:
        if entry.action == "key.enrolled" and key is None:
            public_key = str(entry.detail.get("key"))
            key = LoggedKey(fingerprint=entry.subject, person=entry.actor, public_key=public_key)
        elif key and entry.action == "key.confirmed" and not key.confirmed:
            key = replace(key, witness=entry.actor, confirmed=entry.seq)
        elif key and entry.action == "key.revoked" and not key.revoked:
            key = replace(key, revoked=entry.seq)
    return key


def fault_of_signature(
    *, method: str, fingerprint: str, signature: str, person: str, text: bytes, seq: int
) -> str:
    """Why a signature that entry `seq` of the log records does not count, in words; empty where it does."""
    if method != METHOD:
        return f"it was made by the method {method!r}, which this fitsom does not know"
    key = logged(log.entries(subject=fingerprint))
    if key is None or not key.confirmed or key.confirmed > seq:
        return f"its key {fingerprint} was not enrolled and confirmed before"
    if key.person != person:
        return f"its key {fingerprint} is the key of {key.person}"
    if key.revoked and key.revoked < seq:
        return f"its key {fingerprint} was revoked before"
    return ssh.fault_of(signature, key.public_key, text)


def faults() -> Iterator[str]:
    """Each difference between the table of keys and the audit log, in a sentence."""
    by_fingerprint: dict[str, list[Entry]] = {}
    for entry in log.entries(action__startswith="key."):
        by_fingerprint.setdefault(entry.subject, []).append(entry)
    for key in EnrolledKey.objects.order_by("pk"):
        in_log = logged(by_fingerprint.pop(key.fingerprint, []))
        if in_log is None:
            yield f"the key {key.fingerprint} of {key.person} was not enrolled according to the log"
            continue
        same = (key.person, key.public_key, key.witness) == (in_log.person, in_log.public_key, in_log.witness)
        dates = (bool(key.confirmed_at), bool(key.revoked_at)) == (
            bool(in_log.confirmed),
            bool(in_log.revoked),
        )
        if not (same and dates):
            yield f"the key {key.fingerprint} of {key.person} is not what the log says of it"
    for fingerprint in by_fingerprint:
        yield f"the key {fingerprint} is in the log and no longer in the records"


def _require_confirmer(identity: Identity) -> None:
    """Own powers only: a power that was lent does not serve to add keys that outlast it."""
    person = identity.person
    if person.role is not Role.NETWORK_MANAGER and not any(person.may(p) for p in _APPROVING):
        raise NotAllowedError(
            f"{person.name} may not confirm or revoke the keys of others",
            hint="Somebody who approves changes can, or the network manager.",
        )
