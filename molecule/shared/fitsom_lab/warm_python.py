"""Runs in the lab's hosts: has Ansible's modules begin in a Python that has imported already.

Of the quarter of a second that a short task costs a host, nine tenths are Python's start and its imports: of the
standard library, and of what every module of Ansible's carries along. Tests that run thousands of tasks wait for
little else. So the first task leaves a server behind; each later one hands it input, output, environment and
folder, and the server's fork runs the module that Ansible sent. What is imported beforehand of Ansible's own is only
used if the module's own archive has the same, file by file (by the archive's checksums); else it comes from there.

Only for root, and only for modules of Ansible's own that come through sudo: whatever else comes begins as at a
school. Our modules may look for the ssh connection that they came by, and a fork of a server came by none. The server
ends itself once a file that it executes from was replaced, as by an upgrade: tests look for such processes.
"""

from __future__ import annotations

import os
import sys
from types import ModuleType

TYPE_CHECKING = False  # typing's own would cost each Python that starts its import
if TYPE_CHECKING:
    from collections.abc import Mapping
    from importlib.machinery import ModuleSpec
    from socket import socket

FOLDER = "/run/lab-python"
ARCHIVE = "archive.zip"
ENTRY = "ansible.module_utils._internal._ansiballz._loader"
ANSIBLES_OWN = (
    "apt apt_key apt_repository assemble blockinfile command copy cron deb822_repository debconf dpkg_selections file"
    " find get_url getent group hostname known_hosts lineinfile mount_facts package_facts ping pip replace service"
    " service_facts setup slurp stat systemd systemd_service tempfile unarchive uri user wait_for"
)
FIXED_AT_START = ("LANG", "LANGUAGE", "LC_", "PYTHON")
STANDARD = (
    "argparse ast atexit base64 contextlib copy ctypes dataclasses datetime decimal difflib email.message "
    "errno fcntl fnmatch functools getpass glob grp gzip hashlib hmac http.client importlib.util inspect "
    "ipaddress itertools json locale logging multiprocessing operator pathlib pkgutil platform pwd queue "
    "random re runpy secrets select selectors shlex shutil signal socket stat string struct subprocess "
    "syslog tarfile tempfile textwrap threading time traceback types typing urllib.parse urllib.request "
    "uuid zipfile zipimport"
)


# The client: begins in each Python that starts, so it imports as little as can be.


def take_over() -> None:
    """Have the server run what comes by standard input; come back where this Python must do it itself."""
    if not _is_for_us():
        return
    code = _read_all(0)
    if is_ansibles_own(code) and not _handed_over(FOLDER, code):
        _start_server(FOLDER)
    _give_back(code)


def _is_for_us() -> bool:
    return (
        len(getattr(sys, "orig_argv", "--")) == 1
        and os.geteuid() == 0
        and "BECOME-SUCCESS-" in os.environ.get("SUDO_COMMAND", "")
    )


def is_ansibles_own(code: bytes) -> bool:
    """By what the module's wrapper is called with: ansible_module=..., module_fqn=..., each in a line."""
    call = code.partition(b"\n    _ansiballz_main(\n")[2]
    package, _, name = call.partition(b"\nmodule_fqn='")[2].partition(b"'")[0].rpartition(b".")
    return package == b"ansible.modules" and name.decode() in ANSIBLES_OWN.split()


def _read_all(descriptor: int) -> bytes:
    parts = []
    while part := os.read(descriptor, 1 << 20):
        parts.append(part)
    return b"".join(parts)


def _give_back(code: bytes) -> None:
    """Standard input as it was before it was read."""
    again = os.memfd_create("code")
    view = memoryview(code)
    while view:
        view = view[os.write(again, view) :]
    os.lseek(again, 0, os.SEEK_SET)
    os.dup2(again, 0)
    os.close(again)


def _handed_over(folder: str, code: bytes) -> bool:
    """Ends this process with the module's exit code, if a server takes it."""
    import _socket

    link = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    try:
        link.connect(f"{folder}/socket")
    except OSError:
        return False
    umask = os.umask(0)
    os.umask(umask)
    pairs = (b"%s=%s" % pair for pair in os.environb.items())
    message = b"\0".join([os.getcwdb(), b"%d" % umask, *pairs])  # noqa: PTH109
    descriptors = b"".join(number.to_bytes(4, sys.byteorder) for number in (0, 1, 2))
    sizes = len(message).to_bytes(4, "big") + len(code).to_bytes(4, "big")
    try:
        link.sendmsg([sizes], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, descriptors)])
        link.sendall(message)
        accepted = link.recv(1) == b"y"
    except OSError:
        accepted = False  # it ended in this moment, before it ran anything
    if not accepted:
        return True  # it is about to end, and its successor's place is not free yet
    link.sendall(code)
    ended = link.recv(1)
    os._exit(ended[0] if ended else 1)


def _start_server(folder: str) -> None:
    if os.fork():
        return
    os.setsid()
    nothing = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(nothing, number)
    os.closerange(3, 1024)
    os.chdir("/")
    code = f"import lab_warm_python; lab_warm_python.serve({folder!r})"
    os.execv(sys.executable, [sys.executable, "-c", code])  # noqa: S606


# The server.


def serve(folder: str) -> None:
    """Fork for each that asks, until a file that this process executes from is replaced."""
    import fcntl
    import importlib
    import signal
    from socket import AF_UNIX, SOCK_STREAM, socket

    os.makedirs(folder, mode=0o700, exist_ok=True)  # noqa: PTH103
    alone = open(f"{folder}/lock", "wb")  # noqa: SIM115
    try:
        fcntl.lockf(alone, fcntl.LOCK_EX | fcntl.LOCK_NB)  # a fork does not inherit it
    except OSError:
        return  # another began at the same moment
    for name in STANDARD.split():
        importlib.import_module(name)
    listener = socket(AF_UNIX, SOCK_STREAM)
    part = f"{folder}/socket.{os.getpid()}"
    listener.bind(part)
    listener.listen(64)
    os.replace(part, f"{folder}/socket")  # noqa: PTH105
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    warm = Warm(folder)
    while True:
        link, _ = listener.accept()
        if replaced("/proc/self/maps"):
            os.unlink(f"{folder}/socket")  # noqa: PTH108
            return
        warm.warm_up()
        if not os.fork():
            listener.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            _attend(link, warm)
        link.close()


def replaced(path: str) -> bool:
    """Whether a process, by its maps in /proc, executes from a file that is there no more."""
    with open(path, encoding="utf-8", errors="replace") as maps:
        return any(line.endswith(" (deleted)\n") and "/" in line for line in maps)


def _attend(link: socket, warm: Warm) -> None:
    """In the first fork: run the module in another, and tell how it ended."""
    from socket import recv_fds

    sizes, descriptors, _, _ = recv_fds(link, 8, 3)
    message = _received(link, int.from_bytes(sizes[:4], "big"))
    folder, umask, *pairs = message.split(b"\0")
    environment = dict(pair.split(b"=", 1) for pair in pairs)
    if fixed(environment) != fixed(os.environb):
        os._exit(0)
    link.send(b"y")
    code = _received(link, int.from_bytes(sizes[4:], "big"))
    module = os.fork()
    if module:
        _, status = os.waitpid(module, 0)
        ended = os.waitstatus_to_exitcode(status)
        link.send(bytes([ended if ended >= 0 else 128 - ended]))
        os._exit(0)
    link.close()
    for number, descriptor in enumerate(descriptors):
        os.dup2(descriptor, number)
        os.close(descriptor)
    os.umask(int(umask))
    os.chdir(folder)
    os.environb.clear()
    os.environb.update(environment)
    _run(warm, code)


def _received(link: socket, size: int) -> bytes:
    parts = bytearray()
    while len(parts) < size and (part := link.recv(size - len(parts))):
        parts += part
    return bytes(parts)


def fixed(environment: Mapping[bytes, bytes]) -> dict[bytes, bytes]:
    """What Python reads of the environment when it starts, and never again."""
    wanted = tuple(name.encode() for name in FIXED_AT_START)
    return {name: value for name, value in environment.items() if name.startswith(wanted)}


def _run(warm: Warm, source: bytes) -> None:
    """As `python3` would run what comes by standard input."""
    import atexit
    import threading
    import time
    import traceback

    time.tzset()
    sys.argv, sys.path = [""], ["", *sys.path]
    main = ModuleType("__main__")
    sys.modules["__main__"] = main
    sys.meta_path.insert(0, warm)
    code = 0
    try:
        exec(compile(source, "<stdin>", "exec"), main.__dict__)  # noqa: S102
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
        if end.code is not None and not isinstance(end.code, int):
            print(end.code, file=sys.stderr)
    except BaseException:
        traceback.print_exc()
        code = 1
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(code & 0xFF)


class Warm:
    """What every module of Ansible's imports of Ansible's own: found once, used by whoever carries the same along.

    In a fork it is a finder of modules, the first that is asked.
    """

    def __init__(self, folder: str) -> None:
        self.archive = f"{folder}/{ARCHIVE}"
        self.modules: dict[str, ModuleType] = {}
        self.sums: dict[str, int] = {}

    def warm_up(self) -> None:
        """Import it from the archive that a module has left here."""
        import importlib

        if self.modules or not os.path.exists(self.archive):  # noqa: PTH110
            return
        sys.path.insert(0, self.archive)
        importlib.import_module(ENTRY)
        sys.path.remove(self.archive)
        self.modules = {
            name: made for name, made in sys.modules.items() if name.partition(".")[0] == "ansible"
        }
        for name in self.modules:
            del sys.modules[name]
        self.sums = checksums(self.archive)

    def find_spec(self, name: str, *_: object) -> ModuleSpec | None:
        """Asked for Ansible's first module: take over what is the same here and there."""
        if name != "ansible":
            return None
        sys.meta_path.remove(self)
        archive = sys.path[0]
        if not archive.endswith(".zip"):
            return None
        if not self.modules:
            self._leave(archive)
            return None
        theirs = checksums(archive)
        ours = [self._file(made) for made in self.modules.values()]
        if any(theirs.get(file) != self.sums[file] for file in ours):
            return None
        return self._take_over(archive)

    def _leave(self, archive: str) -> None:
        """For the server to import; where there is no room, each goes on importing for itself."""
        import contextlib
        import shutil

        part = f"{self.archive}.{os.getpid()}"
        with contextlib.suppress(OSError):
            shutil.copyfile(archive, part)
            os.replace(part, self.archive)  # noqa: PTH105

    def _file(self, made: ModuleType) -> str:
        return str(made.__file__)[len(self.archive) + 1 :]

    def _take_over(self, archive: str) -> ModuleSpec | None:
        """All of it, at its new place; the specification of the one that was asked for."""
        import zipimport

        for name, made in self.modules.items():
            file = f"{archive}/{self._file(made)}"
            package = name.rpartition(".")[0].replace(".", "/")
            loader = zipimport.zipimporter(f"{archive}/{package}".rstrip("/"))
            spec = made.__spec__
            made.__file__ = file
            if spec:
                spec.origin, spec.loader = file, loader  # type: ignore[assignment]
                if spec.submodule_search_locations is not None:
                    made.__path__ = [os.path.dirname(file)]  # noqa: PTH120
                    spec.submodule_search_locations = made.__path__
            made.__loader__ = loader
            sys.modules[name] = made
        asked = sys.modules["ansible"].__spec__
        if asked:
            asked.loader = Made()  # type: ignore[assignment]
        return asked


class Made:
    """Loads what has been loaded."""

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        """The module itself."""
        return sys.modules.get(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """It was executed where it was found."""


def checksums(archive: str) -> dict[str, int]:
    """The checksum of each file of a zip archive, by its name."""
    import zipimport

    zipimport.zipimporter(archive)
    files = zipimport._zip_directory_cache[archive]  # type: ignore[attr-defined]
    return {name: entry[7] for name, entry in files.items()}
