"""Starts `fitsom` as a fork of a Python that has imported already.

Of a short command's processor time three quarters are Python's start and its imports (Django, pydantic, Typer), and
tests run some 1,500 commands. So each process of tests keeps a server that has imported what most commands do, and a
command is a fork of it: a process of its own, with its own environment, folder and descriptors, and a child of the
tests' process like any other. It runs the script `fitsom` itself. What Django or fitsom read of a school is imported
after the fork.

Where something is asked for that Python or a module reads when it starts, the command starts as ever; so do all with
FITSOM_TEST_FORK=0. tests/unit/cli/test_forks.py holds the two ways against each other.
"""

from __future__ import annotations

import ctypes
import gc
import importlib
import os
import runpy
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from threading import Lock
from typing import Any

#: Variables that are read once, by Python, its libraries or modules, when they start.
READ_AT_START = (
    "COLUMNS",
    "DJANGO_",
    "FORCE_COLOR",
    "GITHUB_",
    "GLIBC_",
    "LANG",
    "LC_",
    "LD_",
    "LINES",
    "MALLOC_",
    "NO_COLOR",
    "OPENSSL_",
    "PYDANTIC_",
    "PYTHON",
    "SSL_",
    "TERM",
    "TTY_",
    "TYPER_",
    "TZ",
    "_TYPER_",
)
#: What most commands import. None of it asks for Django's settings, which are a school's.
IMPORTED = """
ansible ansible_runner.config.command ansible_runner.runner asyncio concurrent.futures
cryptography.hazmat.primitives.asymmetric.ed25519 cryptography.hazmat.primitives.serialization
django.apps django.conf django.core.signals django.db.backends.sqlite3.base django.db.migrations.executor
django.db.models.functions django.db.models.sql.compiler encodings.ascii encodings.unicode_escape
importlib.metadata jinja2.sandbox markdown_it pydantic.dataclasses pydantic.type_adapter rich._emoji_codes
rich.live rich.markdown rich.panel rich.syntax rich.table shellingham sqlite3 ssl statistics typer typer._adapters
typer.completion webbrowser yaml zipfile zoneinfo

fitsom_runner.ansible.collections fitsom_runner.ansible.content fitsom_runner.ansible.dynamic
fitsom_runner.ansible.installed fitsom_runner.ansible.inventory fitsom_runner.ansible.ledger
fitsom_runner.ansible.outside fitsom_runner.ansible.play fitsom_runner.ansible.secrets
fitsom_runner.boot fitsom_runner.changes.draft fitsom_runner.changes.prediction fitsom_runner.changes.seal
fitsom_runner.cli.audit fitsom_runner.cli.change fitsom_runner.cli.main fitsom_runner.cli.report
fitsom_runner.cli.run fitsom_runner.cli.terminal fitsom_runner.config fitsom_runner.facts_reader
fitsom_runner.gate.client fitsom_runner.migration fitsom_runner.people.ssh fitsom_runner.reports.render
fitsom_runner.workplace
"""
OURS = Path(__file__).resolve().parents[1] / "fitsom_runner"
_CLONE3 = 435  # on every architecture
_CLONE_PARENT = 0x8000
_CLONE_FIELDS = ("flags", "pidfd", "child_tid", "parent_tid", "exit_signal", "stack", "stack_size", "tls")
_LARGEST = 1 << 17


# The tests' side.


def popen(line: Sequence[str], *, cwd: Path, env: Mapping[str, str]) -> subprocess.Popen[str]:
    """Start a script of Python's, with nothing to read; as a fork where that makes no difference."""
    start = Forked if _may_fork(line[0], env) else subprocess.Popen[str]
    return start(
        line,
        cwd=cwd,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _may_fork(program: str, env: Mapping[str, str]) -> bool:
    """Whether it is a script for this very Python, and not for another program, such as one that sets a clock."""
    if os.environ.get("FITSOM_TEST_FORK") == "0" or _fixed(env) != _fixed(_bare()):
        return False
    if not Path(program).is_absolute():
        return False
    with open(program, "rb") as file:
        return file.readline().strip() == b"#!" + os.fsencode(sys.executable)


def _fixed(env: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in env.items() if name.startswith(READ_AT_START)}


def _bare() -> dict[str, str]:
    return {"PATH": os.environ.get("PATH", os.defpath), "LANG": "C.UTF-8"}


def newest(folder: Path) -> int:
    """When a source below a folder was changed last."""
    return max(
        os.stat(f"{path}/{name}").st_mtime_ns  # noqa: PTH116  # asked for each command
        for path, _folders, names in os.walk(folder)
        for name in names
        if name.endswith(".py")
    )


class Server:
    """The process that forks, begun when it is first asked. It ends when this process does."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._link: socket.socket | None = None
        self._code = 0
        self.process: subprocess.Popen[bytes] | None = None
        self.begun = 0

    def begin(self, line: Sequence[str], cwd: str, env: Mapping[str, str], files: Sequence[int]) -> int:
        """Start a script, its standard descriptors being `files`; its process id, 0 where that is not possible."""
        with self._lock:
            if (code := newest(OURS)) != self._code:  # somebody works on it meanwhile
                self._link, self._code = self._started(), code
            assert self._link
            pairs = [f"{name}={value}" for name, value in env.items()]
            message = "\0".join([str(len(line)), *line, cwd, *pairs]).encode("utf-8", "surrogateescape")
            if len(message) > _LARGEST:
                return 0
            try:
                socket.send_fds(self._link, [message], files)
                pid = int(self._link.recv(16) or b"0")
            except OSError:  # it has ended
                return 0
            self.begun += bool(pid)
            return pid

    def _started(self) -> socket.socket:
        if self._link and self.process:
            self._link.close()
            self.process.wait()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self.process = subprocess.Popen(
                [sys.executable, __file__, str(theirs.fileno())],
                cwd="/",
                env=_bare(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),),
            )
        return ours


SERVER = Server()


class Forked(subprocess.Popen[str]):
    """A process that the server has forked. Its parent is this one, so all else is as Popen has it."""

    def _execute_child(self, *given: Any) -> None:
        """Popen's own way to begin: (arguments, ..., cwd, env, ..., both ends of each of three pipes, ...)."""
        line, cwd, env, pipes = given[0], given[5], given[6], given[10:16]
        read, _, _, out, _, err = pipes
        pid = SERVER.begin(list(map(str, line)), str(cwd), env, (read, out, err))
        if not pid:
            super()._execute_child(*given)  # type: ignore[misc]  # private, the same since Python 3.11
            return
        self.pid = pid
        self._child_created = True
        self._close_pipe_fds(*pipes)  # type: ignore[attr-defined]


# The server.


class _CloneArguments(ctypes.Structure):
    _fields_ = tuple((name, ctypes.c_uint64) for name in _CLONE_FIELDS)


def _fork_a_sibling() -> int:
    """As os.fork(), but what it makes is a child of our own parent, which can wait for it. Raises OSError."""
    arguments = _CloneArguments(flags=_CLONE_PARENT)
    call = ctypes.PyDLL(None, use_errno=True).syscall
    ctypes.pythonapi.PyOS_BeforeFork()
    pid = int(call(_CLONE3, ctypes.byref(arguments), ctypes.sizeof(arguments)))
    if pid == 0:
        ctypes.pythonapi.PyOS_AfterFork_Child()
    else:
        ctypes.pythonapi.PyOS_AfterFork_Parent()
    if pid < 0:
        raise OSError(ctypes.get_errno(), "clone3")
    return pid


def _import_all() -> None:
    for name in IMPORTED.split():
        importlib.import_module(name)
    from django.conf import settings

    assert not settings.configured
    assert "fitsom_runner.settings" not in sys.modules
    tempfile.tempdir = None  # it is looked for again, by TMPDIR
    gc.collect()
    gc.freeze()


def _serve(link: socket.socket) -> str:
    """Fork for each that asks. Comes back in each fork, as the process that was asked for: the path of its script."""
    interrupt = signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the tests, at whose end we end
    while True:
        message, files, _, _ = socket.recv_fds(link, _LARGEST, 3)
        if not message:
            sys.exit()
        try:
            pid = _fork_a_sibling()
        except OSError:
            pid = -1
        if pid == 0:
            break
        for number in files:
            os.close(number)
        link.send(b"%d" % max(pid, 0))
    signal.signal(signal.SIGINT, interrupt)
    link.detach()
    for number, file in enumerate(files):
        os.dup2(file, number)
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))
    size, *words = message.decode("utf-8", "surrogateescape").split("\0")
    line, (folder, *pairs) = words[: int(size)], words[int(size) :]
    os.chdir(folder)
    os.environ.clear()
    os.environ.update({name: value for name, _, value in (pair.partition("=") for pair in pairs)})
    sys.argv = line
    sys.path.insert(0, str(Path(line[0]).parent))
    return line[0]


if __name__ == "__main__":
    del sys.path[0]  # the folder of tests
    _import_all()
    runpy.run_path(_serve(socket.socket(fileno=int(sys.argv[1]))), run_name="__main__")
