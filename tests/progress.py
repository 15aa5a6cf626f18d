"""Waiting for as long as something moves: a slow machine needs more seconds, not more patience."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread

#: The folder of this process' tests (tests/conftest.py says which). What they start writes there: records, ledgers,
#: logs, Ansible's own temporary files.
FOLDER = Path()


def moved(folder: Path) -> tuple[int, int]:
    """Another one after anything below the folder was made, written or removed."""
    count = newest = 0
    for path, _folders, files in os.walk(folder):
        for name in (".", *files):
            try:
                newest = max(newest, os.stat(f"{path}/{name}", follow_symlinks=False).st_mtime_ns)  # noqa: PTH116
            except OSError:
                continue
            count += 1
    return count, newest


class Patience:
    """Ends once nothing has moved for so many seconds."""

    def __init__(self, seconds: float, what: str, folder: Path | None = None) -> None:
        self.seconds, self.what, self.folder = seconds, what, folder or FOLDER
        self.since = time.monotonic()
        self.look = self.since + seconds / 10
        self.seen: tuple[int, int] | None = None

    def check(self) -> None:
        """Fail the test if it has ended."""
        now = time.monotonic()
        if now < self.look:
            return
        self.look = now + self.seconds / 10
        seen = moved(self.folder)
        if seen != self.seen:
            self.seen, self.since = seen, now
        assert now - self.since < self.seconds, f"nothing has moved for {self.seconds:.0f} s: {self.what}"


def run_while_it_speaks(
    command: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str],
    silence: float,
    heard: Callable[[str], None],
) -> int:
    """Run a command to its end; `heard` gets each line. Fails the test after so many seconds without a line."""
    process = subprocess.Popen(
        command,
        cwd=cwd,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    lines: SimpleQueue[str | None] = SimpleQueue()
    Thread(target=_read, args=(process, lines), daemon=True).start()
    try:
        while (line := lines.get(timeout=silence)) is not None:
            heard(line)
        return process.wait()
    except Empty:
        raise AssertionError(f"{' '.join(command)}: nothing has been said for {silence:.0f} s") from None
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _read(process: subprocess.Popen[str], lines: SimpleQueue[str | None]) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        lines.put(line)
    lines.put(None)
