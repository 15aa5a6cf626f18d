"""The records follow the program: an older database is brought up to date at the start, after a copy of it is kept."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from fitsom_runner import __version__, clock
from fitsom_runner.config import Config
from fitsom_runner.errors import ConfigError, FitsomError, RefusedError

Name = tuple[str, str]
#: execution.states.ACTIVE, as it is in a database whose models may be older than ours.
_UNDER_WAY = ("claimed", "verifying", "replanning", "applying")


def shipped() -> set[Name]:
    """(app, name) of every migration of this fitsom. Listed, not imported: this runs at each start."""
    package = Path(__file__).parent
    return {(path.parts[-3], path.stem) for path in package.glob("*/migrations/[0-9]*.py")}


def applied(database: Path) -> set[Name]:
    """(app, name) of every migration that was applied to a database. Raises ConfigError where it cannot be read."""
    try:
        with contextlib.closing(reading(database)) as records:
            table = "SELECT 1 FROM sqlite_master WHERE name = 'django_migrations'"
            if records.execute(table).fetchone() is None:
                return set()
            return set(records.execute("SELECT app, name FROM django_migrations"))
    except sqlite3.Error as fault:
        raise ConfigError(f"{database}: the records cannot be read: {fault}") from fault


def reading(database: Path) -> sqlite3.Connection:
    """A connection that cannot write."""
    return sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True, timeout=30)


def last_writer(config: Config) -> str:
    """The version of fitsom that last opened the records; empty where none is recorded."""
    try:
        return _version_file(config).read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return ""


def bring_up_to_date(config: Config) -> Path | None:
    """Apply what is outstanding, and note our version. Returns the copy that was kept, if one was needed.

    Django must be set up for `config`. Raises ConfigError for the records of a newer fitsom, RefusedError while a run
    is under way.
    """
    copy = None
    is_new = not config.database.exists()
    applied_migrations = set() if is_new else applied(config.database)
    if not is_new:
        refuse_newer(config, applied_migrations)
    if shipped() - applied_migrations:
        with _exclusive(config):
            # Another process may have migrated while we waited.
            applied_migrations = applied(config.database) if config.database.exists() else set()
            if shipped() - applied_migrations:
                refuse_while_running(config, applied_migrations)
                copy = keep_copy(config) if applied_migrations else None
                _migrate(config, copy)
    if last_writer(config) != __version__:
        _note_version(config)
    return copy


def refuse_newer(config: Config, applied_migrations: set[Name]) -> None:
    """Raise ConfigError where migrations were applied to the database that this fitsom does not have."""
    if applied_migrations - shipped():
        newer_version = last_writer(config)
        raise ConfigError(
            f"{config.database} was written by a newer fitsom{f' ({newer_version})' if newer_version else ''} "
            f"than this one ({__version__})",
            hint="Install that version again, or go back to a copy that was kept before the upgrade: "
            f"{config.database}.before-...",
        )


def keep_copy(config: Config) -> Path:
    """A consistent copy of the database, and of the anchor of its log; only their owner can read them."""
    moment = f"{clock.now():%Y%m%dT%H%M%SZ}"
    copy = config.database.with_name(f"{config.database.name}.before-{__version__}-{moment}")
    partial = copy.with_name(f"{copy.name}.partial")
    partial.unlink(missing_ok=True)
    os.close(os.open(partial, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    try:
        copy_database(config.database, partial)
        anchor = config.database.with_name("audit.anchor")
        if anchor.exists():  # the one is worth nothing without the other
            shutil.copy2(anchor, anchor.with_name(copy.name.replace(config.database.name, anchor.name)))
        partial.rename(copy)
    except (OSError, sqlite3.Error) as fault:
        partial.unlink(missing_ok=True)
        raise FitsomError(
            f"the records are older than this fitsom, and no copy of them could be made: {fault}",
            hint="Nothing was changed. Make room, and try again.",
        ) from fault
    return copy


def copy_database(database: Path, copy: Path) -> None:
    """With what is still in the write-ahead log, which a plain copy would miss. `copy` may be there, empty."""
    with (
        contextlib.closing(reading(database)) as records,
        contextlib.closing(sqlite3.connect(copy)) as target,
    ):
        records.backup(target)
        target.execute("PRAGMA journal_mode=DELETE")


def _migrate(config: Config, copy: Path | None) -> None:
    from django.core.management import call_command
    from django.db import DatabaseError

    try:
        call_command("migrate", verbosity=0)
    except DatabaseError as fault:
        hint = f"A copy from before is in {copy}." if copy else "There were none before."
        raise FitsomError(f"the records could not be brought up to date: {fault}", hint=hint) from fault
    config.database.chmod(0o600)


def refuse_while_running(config: Config, applied_migrations: set[Name]) -> None:
    """Raise RefusedError: a run writes its record through the older models, and to where they are.

    One that died holds no lock, and is ended afterwards.
    """
    if ("execution", "0001_initial") not in applied_migrations:
        return
    with contextlib.closing(reading(config.database)) as records:
        marks = ", ".join("?" * len(_UNDER_WAY))
        query = f"SELECT id FROM run WHERE status IN ({marks})"  # noqa: S608 - marks only
        rows = records.execute(query, _UNDER_WAY).fetchall()
    alive = [run for (run,) in rows if _is_locked(config.run_dir(run) / "lock")]
    if alive:
        raise RefusedError(
            f"{', '.join(alive)} is under way: its records cannot be brought up to date or moved now",
            hint="Wait until it has ended, and try again.",
        )


def _is_locked(path: Path) -> bool:
    try:
        with path.open("rb") as handle:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


@contextlib.contextmanager
def _exclusive(config: Config) -> Iterator[None]:
    """One process at a time; the kernel drops the lock of one that dies."""
    lock = os.open(config.state / "migrate.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def _version_file(config: Config) -> Path:
    return config.state / "fitsom-version"


def _note_version(config: Config) -> None:
    fresh = _version_file(config).with_suffix(f".{os.getpid()}")
    fresh.write_text(f"{__version__}\n", encoding="utf-8")
    fresh.chmod(0o600)
    fresh.replace(_version_file(config))
