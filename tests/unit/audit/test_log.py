"""The audit log cannot be changed, and where somebody did so all the same it shows."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import DatabaseError, connection, transaction

from fitsom_runner.audit import log
from fitsom_runner.audit.log import GENESIS, Actor
from fitsom_runner.audit.models import AuditEntry
from fitsom_runner.errors import IntegrityError

WHO = Actor(person="hale", os_user="mhale")


@pytest.fixture
def anchor(transactional_db: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Five entries with an anchor file, as a database on disk has; the triggers are restored at the end."""
    path = tmp_path / "audit.anchor"
    monkeypatch.setattr(log, "anchor_path", lambda: path)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'audit_entry'"
        )
        triggers = cursor.fetchall()
    for number in range(1, 6):
        with transaction.atomic():
            log.append(WHO, "change.new", f"CHG-2026-{number:04d}", title="Über", number=number)
    yield path
    with connection.cursor() as cursor:
        for name, _sql in triggers:
            cursor.execute(f"DROP TRIGGER IF EXISTS {name}")
        cursor.execute("DELETE FROM audit_entry")
        for _name, sql in triggers:
            cursor.execute(sql)


def tamper(statement: str) -> None:
    """What somebody with the database file could do: drop the triggers first."""
    with connection.cursor() as cursor:
        cursor.execute("DROP TRIGGER IF EXISTS audit_entry_no_update")
        cursor.execute("DROP TRIGGER IF EXISTS audit_entry_no_delete")
        cursor.execute(statement)


def rechain(first: int) -> None:
    """Recompute all hashes from an entry on: what a careful forger would do."""
    previous = AuditEntry.objects.filter(seq=first - 1).values_list("hash", flat=True).first() or GENESIS
    for entry in AuditEntry.objects.filter(seq__gte=first).order_by("seq"):
        entry.previous = previous
        entry.hash = previous = log.digest(entry)
        entry.save()


def test_an_untouched_log_is_whole(anchor: Path) -> None:
    verdict = log.verify()
    assert (verdict.entries, verdict.faults) == (5, ())
    assert (5, verdict.head) == log.head()
    lines = [line.split() for line in anchor.read_text().splitlines() if line]
    assert [line[2:] for line in lines] == [["intended"], []] * 5


def test_nobody_writes_between_the_table_and_its_anchor(
    anchor: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or what was added in between looks like a fault: seen once in each verification beside two writers."""
    held, compare = [], log._anchor_faults

    def watched(hashes: dict[int, str]) -> list[str]:
        held.append(connection.in_atomic_block)
        return compare(hashes)

    monkeypatch.setattr(log, "_anchor_faults", watched)
    assert log.verify().faults == ()
    assert held == [True]


def test_a_log_that_is_not_intact_is_not_relied_on(anchor: Path) -> None:
    log.require_intact()
    tamper("UPDATE audit_entry SET actor = 'boucher' WHERE seq = 3")
    with pytest.raises(IntegrityError, match="nothing is approved or run") as refused:
        log.require_intact()
    assert "entry 3 (change.new CHG-2026-0003) was altered" in refused.value.details[0]


def test_an_empty_log_is_whole(db: None) -> None:
    assert log.verify().faults == ()
    assert log.head() == (0, GENESIS)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("actor", "boucher"),
        ("os_user", "root"),
        ("action", "change.approve"),
        ("subject", "CHG-2026-0099"),
        ("at", "2020-01-01"),
        ("detail", "{}"),
    ],
)
def test_an_altered_entry_is_found(anchor: Path, field: str, value: str) -> None:
    tamper(f"UPDATE audit_entry SET {field} = '{value}' WHERE seq = 3")  # noqa: S608 - fixed words
    faults = log.verify().faults
    assert len(faults) == 1
    assert "entry 3 (" in faults[0]
    assert "was altered after it was written" in faults[0]


def test_an_altered_entry_whose_hashes_were_recomputed_is_found_by_the_anchor(anchor: Path) -> None:
    tamper("UPDATE audit_entry SET actor = 'boucher' WHERE seq = 3")
    rechain(3)
    assert log.verify().faults == tuple(
        f"entry {n} differs from its anchor in audit.anchor" for n in (3, 4, 5)
    )


def test_a_deleted_entry_is_found(anchor: Path) -> None:
    tamper("DELETE FROM audit_entry WHERE seq = 3")
    assert log.verify().faults == (
        "entry 3 is missing",
        "entry 4 does not follow the entry before it",
        "entry 3 was anchored in audit.anchor but is no longer in the log",
    )


def test_a_log_whose_end_was_cut_off_is_found_by_the_anchor(anchor: Path) -> None:
    tamper("DELETE FROM audit_entry WHERE seq >= 4")
    assert log.verify().faults == tuple(
        f"entry {n} was anchored in audit.anchor but is no longer in the log" for n in (4, 5)
    )


def test_an_entry_that_was_slipped_in_is_found(anchor: Path) -> None:
    tamper("UPDATE audit_entry SET seq = seq + 1 WHERE seq = 5")
    tamper("UPDATE audit_entry SET seq = seq + 1 WHERE seq = 4")
    tamper(
        "INSERT INTO audit_entry SELECT 4, at, actor, os_user, action, subject, detail, previous, hash "
        "FROM audit_entry WHERE seq = 3"
    )
    rechain(4)
    assert "entry 4 differs from its anchor in audit.anchor" in log.verify().faults


def test_a_missing_anchor_is_found(anchor: Path) -> None:
    anchor.unlink()
    assert log.verify().faults == (f"{anchor} is missing",)


def test_half_a_line_of_the_anchor_is_no_fault(anchor: Path) -> None:
    anchor.write_text(anchor.read_text()[:-30])  # of the plain line of entry 5: its intention stands
    assert log.verify().faults == ()
    with transaction.atomic():
        log.append(WHO, "change.new", "CHG-2026-0006")
    assert log.verify().faults == ()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_entry SET actor = 'boucher' WHERE seq = 3",
        "DELETE FROM audit_entry WHERE seq = 3",
        "DELETE FROM audit_entry",
    ],
)
def test_sql_cannot_change_the_log(anchor: Path, statement: str) -> None:
    with pytest.raises(DatabaseError, match="append-only"), connection.cursor() as cursor:
        cursor.execute(statement)
    assert log.verify().faults == ()


def test_the_orm_cannot_change_the_log(anchor: Path) -> None:
    entry = AuditEntry.objects.get(seq=3)
    entry.actor = "boucher"
    with pytest.raises(DatabaseError, match="append-only"):
        entry.save()
    with pytest.raises(DatabaseError, match="append-only"):
        entry.delete()
    with pytest.raises(DatabaseError, match="append-only"):
        AuditEntry.objects.update(actor="boucher")
    assert AuditEntry.objects.get(seq=3).actor == "hale"


def test_an_entry_of_something_that_did_not_happen_is_not_kept(anchor: Path) -> None:
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        log.append(WHO, "change.new", "CHG-2026-0006")
        _ = 1 / 0
    assert (log.verify().entries, log.verify().faults) == (5, ())
    with transaction.atomic():
        log.append(WHO, "change.new", "CHG-2026-0007")
    assert (log.verify().entries, log.verify().faults) == (6, ())


def test_the_anchor_lies_beside_a_database_on_disk(
    db: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert log.anchor_path() is None, "the tests' own database is in memory"
    monkeypatch.setitem(connection.settings_dict, "NAME", str(tmp_path / "fitsom.sqlite3"))
    assert log.anchor_path() == tmp_path / "audit.anchor"


def test_only_the_owner_reads_the_anchor(anchor: Path) -> None:
    assert anchor.stat().st_mode & 0o777 == 0o600


def test_an_entry_that_a_forger_added_at_the_end_is_found(anchor: Path) -> None:
    tamper(
        "INSERT INTO audit_entry SELECT 6, at, actor, os_user, action, subject, detail, previous, hash "
        "FROM audit_entry WHERE seq = 5"
    )
    rechain(6)
    assert log.verify().faults == ("entry 6 has no anchor in audit.anchor",)


def test_an_emptied_anchor_is_found(anchor: Path) -> None:
    anchor.write_text("")
    assert log.verify().faults == tuple(f"entry {n} has no anchor in audit.anchor" for n in range(1, 6))


def test_a_crash_between_commit_and_anchor_is_no_fault(anchor: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log, "_confirm", lambda _entry: None)
    with transaction.atomic():
        log.append(WHO, "change.new", "CHG-2026-0006")
    assert (log.verify().entries, log.verify().faults) == (6, ())


def test_what_cannot_be_anchored_is_not_written(anchor: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "write", lambda _handle, line: len(line) - 9)
    with pytest.raises(OSError, match="No space left"), transaction.atomic():
        log.append(WHO, "change.new", "CHG-2026-0006")
    assert (log.verify().entries, log.verify().faults) == (5, ())
