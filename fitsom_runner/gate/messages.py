"""What client and server say to each other: small JSON objects, with open files beside them.

Sockets of the kind SOCK_SEQPACKET keep messages apart, so one is never read for two.

    client -> server  {"call": [words], "folder", "home", "terminal": {...}} + stdin, stdout, stderr
                      {"signal": "INT"}; to a question: {...} (+ a file), or {"errno", "words"}
    server -> client  {"ask": "read" | "write" | "show" | "keygen", ...} (+ a file); {"exit": code}
"""

from __future__ import annotations

import json
import os
import socket
import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

#: Where the service listens, and nowhere else: a variable that named another place would decide who is asked to sign.
SOCKET = Path("/run/fitsom/gate.sock")
LARGEST = 150_000  # below what a socket takes at once
_MOST_FILES = 3
#: What is about this machine, not about its records.
LOCAL_COMMANDS = frozenset({"backup", "init", "restore-records", "service", "upgrade"})
#: What the service learns of a caller's environment.
TERMINAL = ("TERM", "COLUMNS", "LINES", "NO_COLOR", "FITSOM_SIGNING_KEY")


class BrokenOffError(Exception):
    """The other side has gone, or says what no side says."""


@dataclass
class Message:
    """One message; `files` are open and belong to whoever reads it."""

    content: dict[str, Any]
    files: list[int] = field(default_factory=list)

    def close(self) -> None:
        """Close the files that nobody took."""
        for file in self.files:
            os.close(file)
        self.files = []


def send(connection: socket.socket, content: dict[str, Any], files: tuple[int, ...] = ()) -> None:
    """Send one message. Raises BrokenOffError."""
    data = json.dumps(content).encode()
    if len(data) > LARGEST:
        raise BrokenOffError(f"too much at once: {len(data)} bytes")
    try:
        socket.send_fds(connection, [data], list(files))
    except OSError as fault:
        raise BrokenOffError(str(fault)) from fault


def receive(connection: socket.socket) -> Message:
    """The next message. Raises BrokenOffError where there is none, or what came is no message."""
    try:
        data, files, flags, _address = socket.recv_fds(connection, LARGEST + 1, _MOST_FILES)
    except OSError as fault:
        raise BrokenOffError(str(fault)) from fault
    message = Message({}, list(files))
    try:
        content = json.loads(data) if data else None
    except ValueError:
        content = None
    if not isinstance(content, dict) or flags & (socket.MSG_TRUNC | socket.MSG_CTRUNC):
        message.close()
        raise BrokenOffError("the other side has gone" if not data else "what came is no message")
    message.content = content
    for file in files:
        os.set_inheritable(file, False)
    return message


def user_of(connection: socket.socket) -> int:
    """The user id of the process that called, as the kernel tells it."""
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    _process, user, _group = struct.unpack("3i", credentials)
    return int(user)
