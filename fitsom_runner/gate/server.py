"""One call through the gate: systemd starts this for each connection, as the account that owns the records.

Called as `python -I -m fitsom_runner.gate.server --config FILE` with the connection as its standard input. The
configuration is the service's: nothing that the caller says or sets names another one.
"""

from __future__ import annotations

import io
import os
import queue
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

from fitsom_runner import caller, clock, config
from fitsom_runner.cli import main as command
from fitsom_runner.cli.context import OPTIONS
from fitsom_runner.errors import ConfigError, ExitCode, FitsomError, NotAllowedError
from fitsom_runner.gate import messages
from fitsom_runner.gate.messages import BrokenOffError, Message

GREETING_SECONDS = 30.0
_interrupted = threading.Event()
_LONGEST_WORD = 256


class RemoteCaller:
    """Somebody at the other end of the socket. `login` is what the kernel says; the rest is their client's word."""

    is_remote = True

    def __init__(self, connection: socket.socket, login: str, hello: dict[str, Any]) -> None:
        self._connection = connection
        self._login = login
        self._folder, self._home = Path(str(hello.get("folder"))), Path(str(hello.get("home")))
        self._answers: queue.SimpleQueue[Message | None] = queue.SimpleQueue()

    def login(self) -> str:
        """The login of the process that called."""
        return self._login

    def absolute(self, path: Path) -> Path:
        """From their folder; only read again by ourselves, with our own rights (ansible/content.py)."""
        if path.parts[:1] == ("~",):
            path = self._home.joinpath(*path.parts[1:])
        return Path(os.path.normpath(self._folder / path))

    def read(self, path: Path) -> bytes:
        """A file that they could open. Raises OSError."""
        with os.fdopen(self._file("read", path), "rb") as stream:
            content = stream.read(caller.SIZE_LIMIT + 1)
        if len(content) > caller.SIZE_LIMIT:
            raise OSError(0, f"it is larger than {caller.SIZE_LIMIT >> 20} MB")
        return content

    def write(self, path: Path, content: bytes) -> None:
        """Into a file that they could open. Raises OSError."""
        with os.fdopen(self._file("write", path), "wb") as stream:
            stream.write(content)

    def show(self, page: Path) -> None:
        """A copy of it, in their browser."""
        with page.open("rb") as stream:
            self._ask({"ask": "show", "name": f"{page.parent.name}-{page.name}"}, (stream.fileno(),)).close()

    def keygen(self, what: str, key: Path, data: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        """By their ssh-keygen, at their terminal."""
        with io.FileIO(os.memfd_create("statement"), "r+") as stream:
            stream.write(data)
            stream.seek(0)
            answer = self._ask({"ask": "keygen", "what": what, "path": str(key)}, (stream.fileno(),))
        answer.close()
        said = answer.content
        return subprocess.CompletedProcess(
            args=what,
            returncode=int(said.get("code", 1)),
            stdout=str(said.get("out", "")).encode("latin-1", "replace"),
            stderr=str(said.get("err", "")).encode("latin-1", "replace"),
        )

    def listen(self) -> None:
        """Until they go: their Ctrl-C becomes ours, and so does their end."""
        try:
            while True:
                message = messages.receive(self._connection)
                if message.content.get("signal") == "INT":
                    _interrupt()
                else:
                    self._answers.put(message)
        except BrokenOffError:
            self._answers.put(None)
            _interrupt()

    def _file(self, what: str, path: Path) -> int:
        answer = self._ask({"ask": what, "path": str(path)})
        if len(answer.files) != 1:
            answer.close()
            raise OSError(0, "no file came")
        return answer.files[0]

    def _ask(self, question: dict[str, Any], files: tuple[int, ...] = ()) -> Message:
        messages.send(self._connection, question, files)
        answer = self._answers.get()
        if answer is None:
            raise OSError(0, "whoever called has gone")
        if "errno" in answer.content:
            answer.close()
            raise OSError(int(answer.content["errno"]), str(answer.content.get("words")))
        return answer


def _interrupt() -> None:
    """Raise KeyboardInterrupt in the command, once.

    One signal is not enough: it may come after the command looked for one, and before it waits for something.
    """
    _interrupted.clear()
    while not _interrupted.is_set():
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
        _interrupted.wait(0.1)


def _raise_once(_number: int, _frame: object) -> None:
    if not _interrupted.is_set():
        _interrupted.set()
        raise KeyboardInterrupt


def serve(connection: socket.socket, settings: Path) -> None:
    """Answer one caller, to the end of their command."""
    login = caller.name_of(messages.user_of(connection))
    refusal: FitsomError | None = None
    try:
        _require_known(settings, login)
    except FitsomError as fault:
        refusal = fault
    connection.settimeout(GREETING_SECONDS if refusal is None else 1)
    try:
        hello = messages.receive(connection)
    except BrokenOffError as fault:
        _journal(f"{login}: {fault}")
        return
    connection.settimeout(None)
    words = hello.content.get("call")
    if len(hello.files) != 3 or not isinstance(words, list) or not all(isinstance(w, str) for w in words):
        hello.close()
        _journal(f"{login}: what came is no call")
        return
    _take_terminal(hello)
    code = int(ExitCode.ERROR)
    try:
        if refusal:
            raise refusal
        signal.signal(signal.SIGINT, _raise_once)
        there = RemoteCaller(connection, login, hello.content)
        caller.set_current(there)
        threading.Thread(target=there.listen, daemon=True).start()
        code = command.call(words, settings, refused=messages.LOCAL_COMMANDS)
    except FitsomError as fault:
        _journal(f"{login}: refused: {fault.message}")
        OPTIONS.json = "--json" in words
        command.complain(fault)
        code = int(fault.exit_code)
    except KeyboardInterrupt:
        code = 130
    finally:
        _interrupted.set()  # their end is no longer news
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except OSError:
                stream.close()  # their terminal is gone
        try:
            messages.send(connection, {"exit": code})
        except BrokenOffError:
            _journal(f"{login} left before the end")


def _require_known(settings: Path, login: str) -> None:
    """Only people of fitsom.yml get in, to read too. Raises NotAllowedError, ConfigError."""
    school = config.load(settings)
    if school.acting_as_allowed or not school.gate:
        raise ConfigError(
            f"{settings} is not for a gate",
            hint="It needs 'gate: true' and no 'acting_as_allowed': fitsom service install",
        )
    person = next((person for person in school.people if person.os_user == login), None)
    if person is None:
        raise NotAllowedError(
            f"these records are for the people of {school.school.name}, and {login!r} is not one of them",
            hint=f"Whoever looks after this machine adds 'os_user: {login}' to a person in {settings}.",
        )
    if not person.has_access(clock.now().date()):
        raise NotAllowedError(
            f"{person.name}'s access is limited in time and not in force today",
            hint=f"valid_from and valid_until in {settings} state when it is.",
        )


def _take_terminal(hello: Message) -> None:
    """Their terminal in place of ours, and what they say of it."""
    for number, file in enumerate(hello.files):
        os.dup2(file, number)
    hello.close()
    sys.stdin = os.fdopen(0, encoding="utf-8", errors="replace", closefd=False)
    # A line at once, so that answers and notes keep their order.
    sys.stdout, sys.stderr = (
        os.fdopen(number, "w", buffering=1, encoding="utf-8", errors="replace", closefd=False)
        for number in (1, 2)
    )
    said = hello.content.get("terminal")
    for name in messages.TERMINAL:
        value = said.get(name) if isinstance(said, dict) else None
        if isinstance(value, str) and len(value) <= _LONGEST_WORD and "\0" not in value:
            os.environ[name] = value


def _journal(words: str) -> None:
    """To the service's journal, whatever became of standard error."""
    with open(os.dup(_JOURNAL), "w", encoding="utf-8", errors="replace") as journal:
        journal.write(f"{words}\n")


_JOURNAL = 2


def main() -> None:
    """Take the connection from standard input, keep the journal's file, and serve."""
    global _JOURNAL
    _JOURNAL = os.dup(2)
    os.umask(0o077)
    settings = Path(sys.argv[sys.argv.index("--config") + 1])
    connection = socket.socket(fileno=os.dup(0))
    serve(connection, settings)


if __name__ == "__main__":
    main()
