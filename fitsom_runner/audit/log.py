"""Append to the audit log and verify it.

The chain is SHA-256 over canonical JSON. Beside the database is `audit.anchor`: to rewrite the table, one must
rewrite that file too, and every report carries the chain's head of its day. An entry is anchored twice, "intended"
before its transaction is committed and plainly after it: a crash between the two is no fault, but an entry that
fitsom did not write is one, and so is a committed entry that is no longer there.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.db import connection, transaction

from fitsom_runner import clock
from fitsom_runner.audit.models import AuditEntry

GENESIS = "0" * 64
_INTENDED = " intended"


@dataclass(frozen=True, kw_only=True)
class Actor:
    """Who did it: a person's id and the OS user they were logged in as."""

    person: str
    os_user: str


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What verify() found: `faults` is empty when the chain is intact."""

    entries: int
    head: str
    faults: tuple[str, ...]


def append(actor: Actor, action: str, subject: str, **detail: Any) -> AuditEntry:
    """Add one entry to the chain; must be called inside the transaction of the event that it records."""
    newest = AuditEntry.objects.order_by("-seq").first()
    entry = AuditEntry(
        seq=newest.seq + 1 if newest else 1,
        at=clock.now().isoformat(timespec="milliseconds"),
        actor=actor.person,
        os_user=actor.os_user,
        action=action,
        subject=subject,
        detail=json.dumps(detail, sort_keys=True, ensure_ascii=False, default=str),
        previous=newest.hash if newest else GENESIS,
    )
    entry.hash = digest(entry)
    entry.save(force_insert=True)
    _anchor(entry, _INTENDED)
    transaction.on_commit(lambda: _confirm(entry))
    return entry


def digest(entry: AuditEntry) -> str:
    """SHA-256 (hex) of an entry's content and its predecessor's hash."""
    fields = [
        entry.seq,
        entry.at,
        entry.actor,
        entry.os_user,
        entry.action,
        entry.subject,
        entry.detail,
        entry.previous,
    ]
    return hashlib.sha256(json.dumps(fields, ensure_ascii=False).encode()).hexdigest()


def head() -> tuple[int, str]:
    """Number and hash of the newest entry; (0, 64 zeros) for an empty log."""
    newest = AuditEntry.objects.order_by("-seq").first()
    return (newest.seq, newest.hash) if newest else (0, GENESIS)


def verify() -> Verdict:
    """Recompute the chain and compare it with the anchor file."""
    faults: list[str] = []
    hashes: dict[int, str] = {}
    previous, number = GENESIS, 1
    for entry in AuditEntry.objects.order_by("seq").iterator():
        if entry.seq != number:
            faults.append(f"entry {number} is missing")
        if entry.previous != previous:
            faults.append(f"entry {entry.seq} does not follow the entry before it")
        if digest(entry) != entry.hash:
            faults.append(
                f"entry {entry.seq} ({entry.action} {entry.subject}) was altered after it was written"
            )
        previous, number = entry.hash, entry.seq + 1
        hashes[entry.seq] = entry.hash
    faults.extend(_anchor_faults(hashes))
    return Verdict(entries=len(hashes), head=previous, faults=tuple(faults))


def anchor_path() -> Path | None:
    """The anchor file beside an SQLite database; None for a database in memory."""
    name = str(connection.settings_dict["NAME"])
    return None if ":memory:" in name or "mode=memory" in name else Path(name).with_name("audit.anchor")


def _anchor(entry: AuditEntry, mark: str = "") -> None:
    """Raises OSError where the line could not be written completely: what cannot be anchored is not committed."""
    path = anchor_path()
    if path is None:
        return
    # The line break comes first, so that a partial line, from a full disk, does not spoil the next one.
    line = f"\n{entry.seq} {entry.hash}{mark}".encode()
    handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        if os.write(handle, line) != len(line):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
    finally:
        os.close(handle)


def _confirm(entry: AuditEntry) -> None:
    with suppress(OSError):  # the entry is committed, and its intention is in the file
        _anchor(entry)


def _anchor_faults(hashes: dict[int, str]) -> list[str]:
    path = anchor_path()
    if path is None:
        return []
    if not path.exists():
        return [f"{path} is missing"] if hashes else []
    faults = []
    anchored: dict[int, set[str]] = {}
    for line in path.read_text(encoding="ascii", errors="replace").splitlines():
        number, _, anchor = line.partition(" ")
        digest_, intended = anchor.removesuffix(_INTENDED), anchor.endswith(_INTENDED)
        if len(digest_) != 64 or not number.isdigit():
            continue  # half a line: the disk was full or the power went as it was written
        anchored.setdefault(int(number), set()).add(digest_)
        if intended:
            continue  # perhaps never committed
        if int(number) not in hashes:
            faults.append(f"entry {number} was anchored in {path.name} but is no longer in the log")
        elif hashes[int(number)] != digest_:
            faults.append(f"entry {number} differs from its anchor in {path.name}")
    strange = [n for n, value in hashes.items() if n not in anchored or value not in anchored[n]]
    reported = {int(fault.split()[1]) for fault in faults}
    faults += [f"entry {n} has no anchor in {path.name}" for n in strange if n not in reported][:20]
    return faults
