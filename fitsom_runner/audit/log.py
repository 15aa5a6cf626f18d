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
from fitsom_runner.errors import IntegrityError

GENESIS = "0" * 64
_INTENDED = " intended"
#: What an entry's hash covers, in this order.
_FIELDS = ("seq", "at", "actor", "os_user", "action", "subject", "detail", "previous")


@dataclass(frozen=True, kw_only=True)
class Actor:
    """Who did it: a person's id and the OS user they were logged in as."""

    person: str
    os_user: str


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One entry as it is read; `detail` is empty where it is not what fitsom writes."""

    seq: int
    actor: str
    action: str
    subject: str
    detail: dict[str, Any]


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
    return _digest([getattr(entry, name) for name in _FIELDS])


def entries(**query: Any) -> list[Entry]:
    """The entries that a query of Django finds, oldest first."""
    rows = AuditEntry.objects.filter(**query).order_by("seq")
    return [
        Entry(seq=seq, actor=actor, action=action, subject=subject, detail=_detail(detail))
        for seq, actor, action, subject, detail in rows.values_list(
            "seq", "actor", "action", "subject", "detail"
        )
    ]


def latest(action: str) -> Entry | None:
    """The newest entry of an action, None where there is none."""
    newest = AuditEntry.objects.filter(action=action).order_by("-seq").first()
    return entries(seq=newest.seq)[0] if newest else None


def require_intact() -> None:
    """Raise IntegrityError where the log is not intact: nothing is approved or run on the word of such a log."""
    faults = verify().faults
    if faults:
        raise IntegrityError(
            f"the audit log is not intact, so nothing is approved or run: {len(faults)} fault(s)",
            details=faults[:20],
            hint="Keep the database as it is, and compare it with a backup and with the printed reports. "
            "A backup is put back together with its audit.anchor.",
        )


def head() -> tuple[int, str]:
    """Number and hash of the newest entry; (0, 64 zeros) for an empty log."""
    newest = AuditEntry.objects.order_by("-seq").first()
    return (newest.seq, newest.hash) if newest else (0, GENESIS)


def verify() -> Verdict:
    """Recompute the chain and compare it with the anchor file.

    As a writer, so that nobody adds an entry between the two; see docs/decisions/0036-signed-approvals.md for its cost.
    """
    faults: list[str] = []
    hashes: dict[int, str] = {}
    previous, number = GENESIS, 1
    with transaction.atomic():
        for fields in AuditEntry.objects.order_by("seq").values_list(*_FIELDS, "hash").iterator():
            *content, stored = fields
            seq, action, subject = content[0], content[4], content[5]
            if seq != number:
                faults.append(f"entry {number} is missing")
            if content[-1] != previous:
                faults.append(f"entry {seq} does not follow the entry before it")
            if _digest(content) != stored:
                faults.append(f"entry {seq} ({action} {subject}) was altered after it was written")
            previous, number = stored, seq + 1
            hashes[seq] = stored
        faults.extend(_anchor_faults(hashes))
    return Verdict(entries=len(hashes), head=previous, faults=tuple(faults))


def anchor_path() -> Path | None:
    """The anchor file beside an SQLite database; None for a database in memory."""
    name = str(connection.settings_dict["NAME"])
    return None if ":memory:" in name or "mode=memory" in name else Path(name).with_name("audit.anchor")


def _digest(content: list[Any]) -> str:
    return hashlib.sha256(json.dumps(content, ensure_ascii=False).encode()).hexdigest()


def _detail(text: str) -> dict[str, Any]:
    try:
        detail = json.loads(text)
    except ValueError:
        return {}  # somebody altered it, which verify() says
    return detail if isinstance(detail, dict) else {}


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
