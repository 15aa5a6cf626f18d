"""The supervisor's end of the ledger: it receives what the callback tells, and alone writes it down.

The callback is the first to connect and the only one that is let in. It is told what it must know (the secrets to
hide, what may be done), then sends a line of JSON for each event. A line that begins with "!" is answered by a "." once
it is on the disk: the first task that may change a host waits for that.
"""

from __future__ import annotations

import json
import os
import select
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

SOCKET = "record"
SYNC_SECONDS = 0.5
LINE_LIMIT = 64 * 2**20
_POLL_SECONDS = 0.2


class Recorder:
    """Writes one ledger. `fault` says why it stopped before the end, "" where it did not."""

    def __init__(self, ledger: Path, listener: socket.socket, path: Path, greeting: dict[str, Any]) -> None:
        self.fault = ""
        self._listener, self._path = listener, path
        self._greeting = json.dumps(greeting).encode() + b"\n"
        self._file = os.open(ledger, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        self._synced = 0.0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Ansible has ended: write what it has sent, and no more."""
        self._ended.set()
        self._thread.join()
        os.close(self._file)

    def _serve(self) -> None:
        try:
            connection = self._accepted()
            if connection is None:
                return
            with connection:
                connection.sendall(self._greeting)
                for line in self._lines(connection):
                    self._write(line.lstrip(b"!") + b"\n", sync=line.startswith(b"!"))
                    if line.startswith(b"!"):
                        connection.sendall(b".")
            os.fsync(self._file)
        except (OSError, ValueError) as fault:
            # The connection is closed by now: what cannot be written down is not done.
            self.fault = f"the ledger could not be written: {fault}"
        finally:
            self._listener.close()

    def _accepted(self) -> socket.socket | None:
        """The first connection; None where Ansible ended before there was one."""
        while not self._ready(self._listener):
            if self._ended.is_set():
                return None
        connection, _peer = self._listener.accept()
        self._path.unlink(missing_ok=True)
        return connection

    def _lines(self, connection: socket.socket) -> Iterator[bytes]:
        rest = b""
        while True:
            if not self._ready(connection):
                if self._ended.is_set():
                    return  # a fork may hold the connection for ever
                continue
            data = connection.recv(2**16)
            if not data:
                return  # half a line at the end is no event
            *lines, rest = (rest + data).split(b"\n")
            if len(rest) > LINE_LIMIT:
                raise ValueError("an event is too long")
            yield from lines

    def _write(self, data: bytes, *, sync: bool) -> None:
        while data:
            data = data[os.write(self._file, data) :]
        moment = time.monotonic()
        if sync or moment - self._synced > SYNC_SECONDS:
            os.fsync(self._file)
            self._synced = moment

    @staticmethod
    def _ready(connection: socket.socket) -> bool:
        return bool(select.select([connection], [], [], _POLL_SECONDS)[0])


@contextmanager
def recording(ledger: Path, folder: Path, greeting: dict[str, Any]) -> Iterator[Recorder]:
    """Listen in `folder` (the socket `SOCKET`) for one Ansible, and write its events to `ledger`."""
    path = folder / SOCKET
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    with opened(folder) as short:
        listener.bind(str(short / SOCKET))
    listener.listen(1)
    recorder = Recorder(ledger, listener, path, greeting)
    try:
        yield recorder
    finally:
        recorder.close()
        path.unlink(missing_ok=True)


@contextmanager
def opened(folder: Path) -> Iterator[Path]:
    """A short path to a folder: that of a socket may have 107 bytes at most."""
    handle = os.open(folder, os.O_PATH | os.O_DIRECTORY)
    try:
        yield Path(f"/proc/self/fd/{handle}")
    finally:
        os.close(handle)
