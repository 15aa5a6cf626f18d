"""Two people, or two tests, may ask for the same thing at once."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def locked(directory: Path, name: str) -> Iterator[None]:
    """Hold the named lock of this lab directory; released by the kernel should we die."""
    locks = directory / ".locks"
    locks.mkdir(parents=True, exist_ok=True)
    with (locks / name).open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
