"""All records as one file, and back: for the safe, or for another machine."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path

from fitsom_runner.config import Config
from fitsom_runner.errors import ConfigError, FitsomError, RefusedError
from fitsom_runner.migration import copy_database

#: What lies beside the database and belongs to it; folders with all that is in them.
_FILES = ("audit.anchor", "audit.key", "fitsom-version")
_FOLDERS = ("runs", "health")
_NOT_KEPT = ("lock", "child.log")


def save(config: Config, target: Path) -> int:
    """Write the records into `target` (a .tar.gz that only its owner can read); its bytes.

    Whoever wants to write to them waits meanwhile, so that database and log are of one moment. Raises RefusedError
    where the file is there, FitsomError where it cannot be written.
    """
    if target.exists():
        raise RefusedError(f"{target} is there already", hint="Name another file.")
    partial = target.with_name(f"{target.name}.partial")
    try:
        with tempfile.TemporaryDirectory(prefix="fitsom-", dir=config.state) as name:
            copy = Path(name) / config.database.name
            with _nobody_writes(config):
                copy_database(config.database, copy)
                present = [config.state / file for file in _FILES if (config.state / file).is_file()]
                kept = [(copy, copy.name), *((_copied(file, Path(name)), file.name) for file in present)]
            with (
                open(os.open(partial, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600), "wb") as stream,
                tarfile.open(fileobj=stream, mode="w:gz") as archive,
            ):
                for path, member in kept:
                    archive.add(path, member)
                for folder in _FOLDERS:
                    if (config.state / folder).is_dir():
                        archive.add(config.state / folder, folder, filter=_kept)
        partial.rename(target)
    except (OSError, sqlite3.Error, tarfile.TarError) as fault:
        partial.unlink(missing_ok=True)
        raise FitsomError(
            f"the records could not be written to {target}: {fault}", hint="Nothing was changed."
        ) from fault
    return target.stat().st_size


def restore(config: Config, source: Path) -> None:
    """Put the records of a backup where fitsom.yml says that they are. Raises RefusedError where there are some."""
    if config.database.exists():
        raise RefusedError(
            f"there are records in {config.state} already",
            hint="Move them away first, and keep them until you have looked at those that you put back.",
        )
    config.state.parent.mkdir(parents=True, exist_ok=True)
    config.state.mkdir(mode=0o700, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".fitsom-", dir=config.state) as name:
        folder = Path(name)
        try:
            with tarfile.open(source, "r:gz") as archive:
                archive.extractall(folder, members=_ours(archive), filter="data")
        except (OSError, tarfile.TarError, EOFError) as fault:
            raise ConfigError(f"{source} is no backup of records: {fault}") from fault
        database = folder / config.database.name
        if not database.is_file():
            raise ConfigError(f"{source} is no backup of records: it has no {config.database.name}")
        # The database comes last: where it is, all of it is.
        for path in sorted(folder.iterdir(), key=lambda path: path == database):
            path.chmod(0o700 if path.is_dir() else 0o600)
            path.rename(config.state / path.name)


def _ours(archive: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    for member in archive:
        top = member.name.split("/")[0]
        if (member.isfile() or member.isdir()) and top in ("fitsom.sqlite3", *_FILES, *_FOLDERS):
            yield member


def _kept(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
    return None if member.name.rpartition("/")[2] in _NOT_KEPT else member


@contextlib.contextmanager
def _nobody_writes(config: Config) -> Iterator[None]:
    with contextlib.closing(sqlite3.connect(config.database, timeout=30, isolation_level=None)) as held:
        held.execute("BEGIN IMMEDIATE")
        yield
        held.execute("ROLLBACK")


def _copied(file: Path, folder: Path) -> Path:
    shutil.copy2(file, folder / file.name)
    return folder / file.name
