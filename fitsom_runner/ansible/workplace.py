"""Private folders that a plan, a look or a run works in, gone with it, however it ends.

Whoever works in one holds its lock. The kernel drops that with the process, so a folder without a holder was left
behind by one that was killed, and `sweep` removes it.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from fitsom_runner.errors import RefusedError

_NEW = ".new-"
_OLD_SECONDS = 3600.0


@contextmanager
def workplace(root: Path, name: str) -> Iterator[Path]:
    """The folder `name` below `root`, empty, held and private. Raises RefusedError where somebody works in it."""
    root.mkdir(parents=True, mode=0o700, exist_ok=True)
    folder = root / name
    # Locked before it has its name: a sweep never meets one that is not held yet.
    new = Path(tempfile.mkdtemp(prefix=_NEW, dir=root))
    handle = os.open(new, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        if not _removed(folder):
            raise RefusedError(
                f"{name} is being worked on by another process", hint="Wait for it, then try again."
            )
        new = new.rename(folder)
        yield folder
    finally:
        shutil.rmtree(new, ignore_errors=True)
        os.close(handle)


def sweep(root: Path) -> None:
    """Remove what processes that were killed have left below `root`."""
    if not root.is_dir():
        return
    for folder in root.iterdir():
        if not folder.name.startswith(_NEW):
            _removed(folder)
        elif _is_old(folder):
            shutil.rmtree(folder, ignore_errors=True)


def _removed(folder: Path) -> bool:
    """Remove a folder that nobody holds; whether it is gone."""
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except FileNotFoundError:
        return True
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(folder, ignore_errors=True)
        return not folder.exists()
    except BlockingIOError:
        return False
    finally:
        os.close(handle)


def _is_old(folder: Path) -> bool:
    with suppress(OSError):
        return time.time() - folder.stat().st_mtime > _OLD_SECONDS
    return False
