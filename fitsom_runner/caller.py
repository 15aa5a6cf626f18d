"""The side of whoever called a command: their login, their files, their SSH keys.

Mostly that is this very process. Behind the gate (`fitsom_runner/gate/`) the owner of the records works for somebody
else: then a file that they name is opened by a process of theirs, with their rights and not with the owner's, and
their private keys stay with them.
"""

from __future__ import annotations

import os
import pwd
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from fitsom_runner.errors import FitsomError

if TYPE_CHECKING:
    from subprocess import CompletedProcess

#: ssh-keygen's arguments before the path of the key, by what it is asked for.
KEYGEN = {
    "fingerprint": ("-l", "-E", "sha256", "-f"),
    "sign": ("-Y", "sign", "-n", "approve@fitsom", "-f"),
}
SIZE_LIMIT = 16 * 2**20
_PATIENCE_SECONDS = 300  # somebody types a pass phrase, or looks for their security key


class Caller(Protocol):
    """Whoever called. Paths are as they wrote them; what cannot be read or written raises OSError."""

    is_remote: bool

    def login(self) -> str:
        """Their OS user, as the system knows it."""

    def absolute(self, path: Path) -> Path:
        """A path as they mean it: from their folder, `~` being their home."""

    def read(self, path: Path) -> bytes:
        """A file of theirs."""

    def write(self, path: Path, content: bytes) -> None:
        """Make or replace a file of theirs."""

    def show(self, page: Path) -> None:
        """Open a page of ours in their browser."""

    def keygen(self, what: str, key: Path, data: bytes = b"") -> CompletedProcess[bytes]:
        """What ssh-keygen says of a key of theirs; `what`: a name in KEYGEN."""


class ThisProcess:
    """The caller is who runs this process."""

    is_remote = False

    def login(self) -> str:
        """Asked of the system: $LOGNAME and $USER are whatever somebody sets them to."""
        return name_of(os.getuid())

    def absolute(self, path: Path) -> Path:
        """From the current folder."""
        return path.expanduser().absolute()

    def read(self, path: Path) -> bytes:
        """The file itself."""
        return self.absolute(path).read_bytes()

    def write(self, path: Path, content: bytes) -> None:
        """The file itself."""
        self.absolute(path).write_bytes(content)

    def show(self, page: Path) -> None:
        """In the default browser."""
        import webbrowser

        webbrowser.open(page.as_uri())

    def keygen(self, what: str, key: Path, data: bytes = b"") -> CompletedProcess[bytes]:
        """Run it here."""
        return ssh_keygen([*KEYGEN[what], str(self.absolute(key))], data)


_caller: Caller = ThisProcess()


def current() -> Caller:
    """Whoever called this command."""
    return _caller


def set_current(caller: Caller) -> None:
    """From here on this process works for somebody else; called once, by the gate."""
    global _caller
    _caller = caller


def name_of(uid: int) -> str:
    """The login of a user id; the number itself where the system knows no name."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def ssh_keygen(arguments: list[str], data: bytes) -> CompletedProcess[bytes]:
    """Run ssh-keygen. Raises FitsomError where it is missing or gives no answer."""
    import subprocess  # most commands sign nothing

    try:
        return subprocess.run(
            ["ssh-keygen", *arguments],
            input=data,
            capture_output=True,
            check=False,
            timeout=_PATIENCE_SECONDS,
            env={**os.environ, "LC_ALL": "C"},
        )
    except FileNotFoundError as fault:
        raise FitsomError("ssh-keygen is not installed", hint="Install openssh-client.") from fault
    except subprocess.TimeoutExpired as fault:
        raise FitsomError(
            f"ssh-keygen gave no answer for {_PATIENCE_SECONDS} seconds",
            hint="Does it wait for a pass phrase, or for the touch of a security key?",
        ) from fault
