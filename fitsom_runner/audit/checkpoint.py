"""Checkpoints of the audit log: its newest entry at a moment, signed, to be kept where nobody of this machine writes.

Whoever owns the records can write the log anew, or put an old copy of everything back; no check of the log alone finds
that. A checkpoint that left the machine (in a report, on paper, in a mailbox) does. Its form is the signed note of
https://c2sp.org/signed-note, with the lines of https://c2sp.org/tlog-checkpoint: origin, number, hash (here of the
chain's last entry, not of a tree), that entry's time; the signature is Ed25519.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from django.db import transaction

from fitsom_runner.audit import log, own_key
from fitsom_runner.audit.log import Actor
from fitsom_runner.audit.models import AuditEntry
from fitsom_runner.errors import ConfigError

KEY_ENTRY = "checkpoint.key"
_ED25519 = b"\x01"
#: Inside whatever text a checkpoint was printed: a report in any form, a mail.
_NOTE = re.compile(
    r"(?P<body>(?P<origin>fitsom/[\w.-]+)\n(?P<seq>[0-9]{1,18})\n(?P<hash>[A-Za-z0-9+/]{43}=)\n"
    r"time (?P<at>[0-9TZ:+.-]+)\n)"
    r"\n\u2014 (?P=origin) (?P<signature>[A-Za-z0-9+/]+=*)(?:\n|$)",
    re.ASCII,
)


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """One as it is read. `head`: the entry's hash, 64 hex digits; `at`: the entry's time, ISO 8601."""

    body: bytes
    origin: str
    seq: int
    head: str
    at: str
    key_id: bytes
    signature: bytes


def issue(school: str) -> str:
    """A checkpoint over the newest entry, as text; the same until there is another.

    The key is made at the first call, and noted in the log.
    """
    key = own_key.own_key()
    origin = _origin(school)
    public = key.public_key().public_bytes_raw()
    _note_key(origin, public)
    newest = AuditEntry.objects.order_by("-seq")[0]
    digest = base64.b64encode(bytes.fromhex(newest.hash)).decode()
    body = f"{origin}\n{newest.seq}\n{digest}\ntime {newest.at}\n"
    signature = base64.b64encode(_key_id(origin, public) + key.sign(body.encode())).decode()
    return f"{body}\n\u2014 {origin} {signature}\n"


def read(text: str) -> Checkpoint:
    """The checkpoint in a text, such as a report. Raises ConfigError where there is none, or more than one."""
    found = list(_NOTE.finditer(text.replace("\r\n", "\n").replace("\\n", "\n")))  # in report.json too
    if len({match[0] for match in found}) != 1:
        raise ConfigError(
            f"expected one checkpoint, found {len(found)}",
            hint="Name a report of fitsom, or what 'fitsom audit checkpoint' printed.",
        )
    match = found[0]
    try:
        signature = base64.b64decode(match["signature"], validate=True)
        head = base64.b64decode(match["hash"], validate=True).hex()
    except binascii.Error as fault:
        raise ConfigError(f"the checkpoint is damaged: {fault}") from fault
    return Checkpoint(
        body=match["body"].encode(),
        origin=match["origin"],
        seq=int(match["seq"]),
        head=head,
        at=match["at"],
        key_id=signature[:4],
        signature=signature[4:],
    )


def faults_since(checkpoint: Checkpoint) -> list[str]:
    """What a checkpoint says against the log, a sentence each. Raises ConfigError for one that was altered itself."""
    what = f"the checkpoint of {checkpoint.at}, entry {checkpoint.seq},"
    keys = {_key_id(checkpoint.origin, public): public for public in _known_keys()}
    if checkpoint.key_id not in keys:
        return [
            f"{what} was signed with a key that this log does not know: these are other records, or older ones"
        ]
    try:
        Ed25519PublicKey.from_public_bytes(keys[checkpoint.key_id]).verify(
            checkpoint.signature, checkpoint.body
        )
    except InvalidSignature as fault:
        raise ConfigError(
            f"{what} was altered: its signature does not hold",
            hint="Take it from another copy of the report.",
        ) from fault
    entry = AuditEntry.objects.filter(seq=checkpoint.seq).first()
    if entry is None:
        return [
            f"{what} is not in the log, which ends at entry {log.head()[0]}: an older copy was put in its place"
        ]
    if entry.hash != checkpoint.head:
        return [f"{what} is another entry now: the log was written anew"]
    return []


def _origin(school: str) -> str:
    """The log's name: a key's name has neither blanks nor plus signs."""
    return f"fitsom/{re.sub(r'[^A-Za-z0-9]+', '-', school).strip('-') or 'school'}"


def _key_id(name: str, public: bytes) -> bytes:
    """As the signed note has it: the first four bytes of SHA-256 over name, line break, algorithm and key."""
    return hashlib.sha256(name.encode() + b"\n" + _ED25519 + public).digest()[:4]


def _known_keys() -> list[bytes]:
    """The public keys that the log names: one that is only in a file proves nothing."""
    return [bytes.fromhex(str(entry.detail.get("key", ""))) for entry in log.entries(action=KEY_ENTRY)]


def _note_key(origin: str, public: bytes) -> None:
    with transaction.atomic():
        if public not in _known_keys():
            log.append(Actor(person="", os_user=""), KEY_ENTRY, origin, key=public.hex())
