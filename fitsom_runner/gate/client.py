"""The `fitsom` command: does it here, or has the records' account do it.

Behind the gate this process keeps the caller's rights: it opens the files that were named on its command line, runs
ssh-keygen with the caller's keys, and opens pages in the caller's browser, whenever the other side asks.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from fitsom_runner.gate import messages
from fitsom_runner.gate.messages import BrokenOffError, Message


def main() -> None:
    """Entry point of `fitsom`."""
    words = sys.argv[1:]
    if not is_for_the_gate(words, os.environ):
        from fitsom_runner.cli.main import main as run

        run()
        return
    sys.exit(call(words))


def is_for_the_gate(words: Sequence[str], environment: dict[str, str] | os._Environ[str]) -> bool:
    """Whether there is a service, we are not it, and nobody named a configuration of their own."""
    named = any(word == "--config" or word.startswith("--config=") for word in words)
    if named or environment.get("FITSOM_CONFIG") or "_FITSOM_COMPLETE" in environment:
        return False
    command = next((word for word in words if not word.startswith("-")), None)
    if command is None or command in messages.LOCAL_COMMANDS or "--help" in words:
        return False
    try:
        return messages.SOCKET.stat().st_uid != os.geteuid()
    except OSError:
        return False


def call(words: Sequence[str]) -> int:
    """Have the service run a command at this terminal; its exit code."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as connection:
        try:
            connection.connect(str(messages.SOCKET))
        except OSError as fault:
            return _complain(
                f"fitsom's service does not answer at {messages.SOCKET}: {fault.strerror}",
                "Ask whoever looks after this machine: systemctl status fitsom-gate.socket",
            )
        hello = {
            "call": list(words),
            "folder": _folder(),
            "home": os.path.expanduser("~"),  # noqa: PTH111 - it need not exist
            "terminal": {name: os.environ[name] for name in messages.TERMINAL if name in os.environ},
        }
        # Ctrl-C is for the command, which decides what it means: to stop watching, not to stop the run.
        signal.signal(signal.SIGINT, lambda _number, _frame: _interrupt(connection))
        try:
            messages.send(connection, hello, (0, 1, 2))
            while True:
                message = messages.receive(connection)
                if "exit" in message.content:
                    return int(message.content["exit"])
                _answer(connection, message, words)
        except BrokenOffError as fault:
            return _complain(
                f"the connection to fitsom's service broke off: {fault}",
                "What was started goes on. Look: fitsom change list; and journalctl -u 'fitsom-gate@*'",
            )


def _folder() -> str:
    try:
        return str(Path.cwd())
    except OSError:  # it was removed
        return "/"


def _interrupt(connection: socket.socket) -> None:
    with contextlib.suppress(BrokenOffError):
        messages.send(connection, {"signal": "INT"})


def _answer(connection: socket.socket, message: Message, words: Sequence[str]) -> None:
    answer: dict[str, Any] = {}
    files: tuple[int, ...] = ()
    try:
        answer, files = _do(message, words)
    except OSError as fault:
        answer = {"errno": fault.errno or 0, "words": fault.strerror or str(fault)}
    except LookupError as fault:  # it asked for nothing that we know
        answer = {"errno": 0, "words": repr(fault)}
    finally:
        message.close()
    try:
        messages.send(connection, answer, files)
    finally:
        for file in files:
            os.close(file)


def _do(message: Message, words: Sequence[str]) -> tuple[dict[str, Any], tuple[int, ...]]:
    """Do what was asked, with our own rights. Raises OSError, also for a file that this command does not name."""
    asked = message.content
    if asked.get("ask") == "show":
        _show(str(asked["name"]), message.files[0])
        return {}, ()
    path = _named(str(asked["path"]), words)
    if asked["ask"] == "read":
        return {}, (os.open(path, os.O_RDONLY | os.O_CLOEXEC),)
    if asked["ask"] == "write":
        return {}, (os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o666),)
    if asked["ask"] == "keygen":
        from fitsom_runner.caller import KEYGEN, ssh_keygen

        with os.fdopen(os.dup(message.files[0]), "rb") as data:
            result = ssh_keygen([*KEYGEN[asked["what"]], str(path)], data.read())
        return {
            "code": result.returncode,
            "out": result.stdout.decode("latin-1"),
            "err": result.stderr.decode("latin-1"),
        }, ()
    raise OSError(0, f"nobody here knows {asked['ask']!r}")


def _named(path: str, words: Sequence[str]) -> Path:
    """A path that stands on our own command line. Raises PermissionError for any other: we are no file server."""
    if path not in {str(Path(part)) for word in words for part in _parts(word)}:
        raise PermissionError(0, f"{path} is not named by this command")
    return Path(path).expanduser()


def _parts(word: str) -> Iterator[str]:
    """What of a word can be a path: all of it, what follows `=`, what follows `@`; and the signing key."""
    yield word
    yield word.partition("=")[2]
    yield word.removeprefix("@")
    yield word.removeprefix("-e").removeprefix("@")
    yield word.partition("=")[2].removeprefix("@")
    yield os.environ.get("FITSOM_SIGNING_KEY", "")


def _show(name: str, source: int) -> None:
    """Keep a page where only we can read it, and open it."""
    import shutil
    import webbrowser

    folder = Path.home() / ".cache/fitsom/pages"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    page = folder / Path(name).name
    with os.fdopen(os.dup(source), "rb") as stream:
        handle = os.open(page, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
        with os.fdopen(handle, "wb") as target:
            shutil.copyfileobj(stream, target)
    webbrowser.open(page.as_uri())


def _complain(what: str, way_out: str) -> int:
    print(f"error: {what}\nway out: {way_out}", file=sys.stderr)  # noqa: T201 - as every refusal of fitsom reads
    return 1
