"""An ssh-agent for one run: Ansible can log in with its keys, and nothing in the run can read them."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from fitsom_runner.errors import ConfigError

_PATIENCE_SECONDS = 10
_SOCKET = "agent"
_NO_AGENT = 2  # of ssh-add; 1: it has no key


@dataclass(frozen=True, kw_only=True)
class Agent:
    """`socket`: where it listens, None without one; `public`: (a path in the room, a file with a key's public half).

    ssh takes a key from the agent by its public half. That lies where the private half would (`ssh -i`, which Mitogen
    uses, forgets a key whose file is not there) and beside it.
    """

    socket: Path | None = None
    public: tuple[tuple[Path, Path], ...] = ()


@contextmanager
def serving(keys: Sequence[Path], folder: Path) -> Iterator[Agent]:
    """Start one with these private keys in `folder`; without keys, the agent of whoever starts the run, if any.

    Raises ConfigError for a key that is missing, locked by a pass phrase or not readable.
    """
    if not keys:
        inherited = os.environ.get("SSH_AUTH_SOCK", "")
        yield Agent(socket=Path(inherited) if inherited and Path(inherited).exists() else None)
        return
    (folder / _SOCKET).unlink(missing_ok=True)
    process = subprocess.Popen(
        # It ends with its supervisor, however that ends: a program that gains a group, as Debian's does, would forget.
        ["setpriv", "--no-new-privs", "--pdeathsig", "KILL", "ssh-agent", "-D", "-a", _SOCKET],
        cwd=folder,  # a socket's path may have 107 bytes at most
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        socket = folder / _SOCKET
        _wait_for(folder, process)
        public = []
        for number, key in enumerate(keys):
            _add(key, folder)
            copy = folder / f"key{number}.pub"
            copy.write_text(_run(["ssh-keygen", "-y", "-P", "", "-f", str(key)], folder).stdout)
            copy.chmod(0o600)
            public += [(key, copy), (Path(f"{key}.pub"), copy)]
        yield Agent(socket=socket, public=tuple(public))
    finally:
        process.kill()
        process.wait()


def _wait_for(folder: Path, process: subprocess.Popen[bytes]) -> None:
    """Until it answers: its socket is there a moment before it listens."""
    limit = time.monotonic() + _PATIENCE_SECONDS
    while not (folder / _SOCKET).exists() or _run(["ssh-add", "-l"], folder).returncode == _NO_AGENT:
        if process.poll() is not None or time.monotonic() > limit:
            raise ConfigError("ssh-agent could not be started", hint="install it: apt install openssh-client")
        time.sleep(0.01)


def _add(key: Path, folder: Path) -> None:
    done = _run(["ssh-add", "-q", str(key.absolute())], folder)
    if done.returncode == 0:
        return
    reason = " ".join(done.stderr.replace("@", "").split()) or "ssh-add refused it"
    if key.exists() and "No such file" not in done.stderr:
        raise ConfigError(
            f"the ssh key {key} cannot be used: {reason}",
            hint="A key with a pass phrase must be in an ssh-agent of your own: ssh-add, and take it out of "
            "'ssh: keys:' in fitsom.yml.",
        )
    raise ConfigError(
        f"the ssh key {key} does not exist",
        hint="See 'ssh: keys:' in fitsom.yml and ansible_ssh_private_key_file in the inventory.",
    )


def _run(line: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        line,
        env={
            "PATH": os.environ.get("PATH", os.defpath),
            "SSH_AUTH_SOCK": _SOCKET,
            "SSH_ASKPASS_REQUIRE": "never",
            "HOME": tempfile.gettempdir(),
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        start_new_session=True,  # ssh-add asks a terminal for a pass phrase
    )
