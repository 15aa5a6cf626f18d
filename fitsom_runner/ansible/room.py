"""The closed room: every Ansible program runs inside bubblewrap and sees what was sealed, nothing else of the machine.

What it sees: the system's programs and its own Python, read-only; the extract, read-only, at its own path; what
`sandbox:` in fitsom.yml names; a home and a /tmp that are gone with it. Its processes have a namespace of their own
that dies with whoever supervises it. It shares the network: hosts must be reached.
"""

from __future__ import annotations

import os
import pwd
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fitsom_runner
from fitsom_runner.ansible import collections
from fitsom_runner.ansible.content import hash_folder
from fitsom_runner.config import Sandbox, Ssh
from fitsom_runner.errors import ConfigError

HOME = Path("/home/fitsom")
#: Sockets and named pipes of a run, at a path that is short enough for a socket.
SERVICES = Path("/run/fitsom")
INSTALL_HINT = (
    "install bubblewrap (apt install bubblewrap), or set 'sandbox: off' in fitsom.yml: each report says so"
)
#: What programs need of /etc to find names, certificates and libraries. ssh's own settings are not among it.
_SYSTEM_FILES = (
    "alternatives",
    "ca-certificates",
    "crypto-policies",
    "gai.conf",
    "host.conf",
    "hosts",
    "krb5.conf",
    "krb5.conf.d",
    "ld.so.cache",
    "ld.so.conf",
    "ld.so.conf.d",
    "localtime",
    "machine-id",
    "os-release",
    "pki",
    "protocols",
    "resolv.conf",
    "services",
    "ssl",
    "timezone",
)
_LINKS = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
_PATH_IN_WORDS = re.compile(r"(?<![\w./~-])/[\w@%+,.~-]+(?:/[\w@%+,.~-]+)+")


@dataclass(frozen=True, kw_only=True)
class Room:
    """What a program sees. `read`, `write`: paths that it sees where they are; `files`: {path inside: its source}."""

    enabled: bool = True
    read: tuple[Path, ...] = ()
    write: tuple[Path, ...] = ()
    files: tuple[tuple[Path, Path], ...] = ()

    @property
    def services(self) -> Path | None:
        """Where the program finds the run's sockets; None where they stay at their own path."""
        return SERVICES if self.enabled else None

    def command(self, line: Sequence[str], folder: Path, scratch: Path) -> list[str]:
        """The command line that runs `line` in `folder`, inside; the room's own small files are put into `scratch`.

        Raises ConfigError where there is no bubblewrap.
        """
        if not self.enabled:
            return list(line)
        words = [_program(), "--die-with-parent", "--new-session", "--cap-drop", "ALL"]
        words += ["--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"]
        words += ["--ro-bind", "/usr", "/usr", "--proc", "/proc", "--dev", "/dev"]
        words += ["--tmpfs", "/tmp", "--tmpfs", "/var/tmp", "--tmpfs", str(HOME)]  # noqa: S108 - inside
        for name in _LINKS:
            path = Path("/", name)
            if path.is_symlink():
                words += ["--symlink", str(path.readlink()), str(path)]
            elif path.is_dir():
                words += ["--ro-bind", str(path), str(path)]
        for path in _existing(Path("/etc", name) for name in _SYSTEM_FILES):
            # A link may lead to where nothing is inside (/run/systemd/resolve).
            words += ["--ro-bind", str(path.resolve()), str(path)]
        for name, text in _own_files().items():
            (scratch / name).write_text(text)
            words += ["--ro-bind", str(scratch / name), f"/etc/{name}"]
        for path in _existing([*own_programs(), folder, *self.read]):
            words += ["--ro-bind", str(path), str(path)]
        for path in self.write:
            words += ["--bind", str(path), str(path)]
        for inside, source in self.files:
            words += ["--ro-bind", str(source), str(inside)]
        return [*words, "--chdir", str(folder), "--", *line]

    def environment(self, variables: dict[str, str]) -> dict[str, str]:
        """The variables as they are right inside: the home is the room's own."""
        if not self.enabled:
            return variables
        kept = {k: v for k, v in variables.items() if k not in ("XDG_RUNTIME_DIR", "CONTAINERS_CONF")}
        return {**kept, "HOME": str(HOME)}

    def sees(self, path: Path) -> bool:
        """Whether a path of this machine is visible inside."""
        system = (Path("/etc", name) for name in _SYSTEM_FILES)
        roots = [Path("/usr"), *system, *own_programs(), *self.read, *self.write]
        return not self.enabled or any(path.is_relative_to(root) for root in roots)

    def advice(self, words: str) -> str:
        """What to do where an error names a file of this machine that is not visible inside; "" else."""
        hidden = [path for path in map(Path, _PATH_IN_WORDS.findall(words)) if _is_there(path)]
        for path in hidden:
            if not self.sees(path):
                return (
                    f"{path} is on this machine, but not part of what was approved: a run sees only its content. "
                    f"Name it as an input (fitsom change edit NUMBER --input NAME={path}) and use "
                    "fitsom_inputs.NAME, or name it under 'sandbox: read:' in fitsom.yml."
                )
        return ""


def for_settings(
    sandbox: Sandbox,
    *,
    read: Iterable[Path] = (),
    write: Iterable[Path] = (),
    files: Iterable[tuple[Path, Path]] = (),
) -> Room:
    """The room as fitsom.yml describes it, with more that one program needs. Raises ConfigError for a missing path."""
    for path in (*sandbox.read, *sandbox.write):
        if not path.exists():
            raise ConfigError(
                f"{path} does not exist, but 'sandbox:' in fitsom.yml says that runs see it",
                hint="Make it, or take it out.",
            )
    return Room(
        enabled=sandbox.enabled,
        read=(*sandbox.read, *read),
        write=(*sandbox.write, *write),
        files=tuple(files),
    )


def sealed(sandbox: Sandbox) -> dict[str, Any]:
    """What the seal says of the room; what runs may read counts by its content."""
    return {
        "enabled": sandbox.enabled,
        "read": {str(path): hash_folder(path) for path in sandbox.read if path.exists()},
        "write": sorted(str(path) for path in sandbox.write),
    }


def ssh_files(ssh: Ssh) -> Iterator[tuple[Path, Path]]:
    """(path inside, file) of the host keys that are accepted, and of ssh's settings if fitsom.yml names some.

    Raises ConfigError for a file that is named and missing.
    """
    for word, path in (("known_hosts", ssh.known_hosts), ("config", ssh.config)):
        if path is not None and not path.is_file():
            raise ConfigError(f"{path} does not exist", hint=f"See 'ssh: {word}:' in fitsom.yml.")
    known = [ssh.known_hosts] if ssh.known_hosts else [Path.home() / ".ssh/known_hosts"]
    yield from ((HOME / ".ssh/known_hosts", path) for path in known if path.is_file())
    machine_wide = Path("/etc/ssh/ssh_known_hosts")
    if not ssh.known_hosts and machine_wide.is_file():
        yield machine_wide, machine_wide
    if ssh.config:
        yield HOME / ".ssh/config", ssh.config


def own_programs() -> tuple[Path, ...]:
    """Folders of the Python that runs Ansible, of this package, and of the collections beside them."""
    package = Path(fitsom_runner.__file__ or "").parent
    folders = (
        Path(sys.prefix),
        Path(sys.base_prefix),
        package,
        *(root / "ansible_collections" for root in collections.beside_the_programs()),
        *(path.resolve() for root in collections.beside_the_programs() for path in _linked(root)),
    )
    return tuple(dict.fromkeys(path for path in folders if not path.is_relative_to("/usr")))


def fault() -> str:
    """Why no closed room can be made on this machine, "" where one can: in a real one, a file must not be visible."""
    with tempfile.TemporaryDirectory(prefix="fitsom-") as scratch:
        canary = Path(scratch, "canary")
        canary.touch()
        try:
            line = Room().command(["test", "!", "-e", str(canary)], Path("/usr"), Path(scratch))
        except ConfigError as missing:
            return f"{missing.message}: {missing.hint}"
        made = subprocess.run(line, capture_output=True, text=True, check=False)
    if made.returncode:
        return made.stderr.strip() or f"{canary} can be seen inside"
    return ""


def version() -> str:
    """The version of bubblewrap. Raises ConfigError where it is missing."""
    answer = subprocess.run([_program(), "--version"], capture_output=True, text=True, check=False).stdout
    return answer.strip().removeprefix("bubblewrap ")


def _program() -> str:
    program = shutil.which("bwrap")
    if program is None:
        raise ConfigError("runs happen in a closed room, and bubblewrap is not installed", hint=INSTALL_HINT)
    return program


def _linked(root: Path) -> Iterable[Path]:
    """Collections that lie elsewhere: a checkout's own leads back to its top."""
    for path in (root / "ansible_collections").glob("*/*"):
        if path.is_symlink():
            yield from (path.resolve() / part for part in collections.LOADED_PATHS)


def _own_files() -> dict[str, str]:
    """Who the program is: its user, whose home is the room's, whatever directory the machine asks for its users."""
    user, group = os.getuid(), os.getgid()
    try:
        name = pwd.getpwuid(user).pw_name
    except KeyError:
        name = "fitsom"
    root = "" if user == 0 else "root:x:0:0:root:/nonexistent:/usr/sbin/nologin\n"
    return {
        "passwd": f"{root}{name}:x:{user}:{group}::{HOME}:/bin/sh\n",
        "group": f"{name}:x:{group}:\n",
        "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
    }


def _existing(paths: Iterable[Path]) -> Iterable[Path]:
    return (path for path in paths if path.exists())


def _is_there(path: Path) -> bool:
    try:
        return os.path.lexists(path)
    except OSError:
        return False
