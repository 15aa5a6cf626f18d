"""A school's office machine: a container with systemd, fitsom installed for all, and five people's own accounts."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import io
import json
import re
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from packaging.requirements import Requirement

from tests.integration.directory_lab import run
from tests.school import ROOT, Answer

PREFIX = "/opt/fitsom"
SITE = "opt/fitsom/lib/python3.13/site-packages"
#: Of the package ansible's hundred collections, those that ours depends on.
COLLECTIONS = ("ansible/posix", "ansible/windows", "community/general", "community/windows")
PROGRAMS = {
    "fitsom": "fitsom_runner.gate.client",
    "ansible-playbook": "ansible.cli.playbook",
    "ansible-inventory": "ansible.cli.inventory",
    "ansible-doc": "ansible.cli.doc",
    "ansible-config": "ansible.cli.config",
}
PEOPLE = {"mary": "manager", "helen": "head", "tom": "tech", "ada": "auditor"}
STRANGER = "paul"
SCHOOL = "/srv/fitsom/milton"
SPEC = """\
refresh: false
hosts:
  office: {image: debian13+controller}
  srv1: {image: debian13}
"""
POWERS = """
people:
  - {id: manager, name: Mary Manager, role: network_manager, os_user: mary}
  - {id: head, name: Helen Head, role: head, os_user: helen, powers: [approve_proceed, peer_review, approve_implement]}
  - {id: tech, name: Tom Technician, role: technician, os_user: tom}
  - {id: auditor, name: Ada Auditor, role: auditor, os_user: ada}
signatures: {minor: required}
ssh: {keys: [~/.ssh/id_ed25519]}
"""


@dataclass(kw_only=True)
class Office:
    """The office and one server, as a lab in a folder."""

    folder: Path
    containers: dict[str, str] = field(default_factory=dict)

    def start(self) -> None:
        """Boot both, install fitsom and make the accounts."""
        self.folder.joinpath("lab.yml").write_text(SPEC)
        self.lab("up", "office", "--spec", str(self.folder / "lab.yml"))
        for host in json.loads(self.lab("status", "office", "--json"))[0]["hosts"]:
            self.containers[host["host"]] = host["container"]
        self.root("python3", "-m", "venv", "--without-pip", PREFIX)
        self.put(b"".join(_programs(self.folder)))
        self.root(f"{PREFIX}/bin/python", "-m", "compileall", "-q", f"/{SITE}/fitsom_runner", code=None)
        self.root("ln", "-s", f"{PREFIX}/bin/fitsom", "/usr/local/bin/fitsom")
        for login in (*PEOPLE, STRANGER):
            self.root("useradd", "--create-home", "--shell", "/bin/bash", login)

    def lab(self, *words: str) -> str:
        """The lab's own command."""
        done = run(sys.executable, "molecule/shared/lab.py", *words, env={"FITSOM_LAB_DIR": str(self.folder)})
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    @property
    def lab_folder(self) -> Path:
        """Its key, inventory and known_hosts."""
        return self.folder / "office"

    def put(self, tar: bytes) -> None:
        """Unpack an archive there."""
        done = self._exec(["--interactive"], ["tar", "-x", "-C", "/", "-f", "-"], tar)
        assert done.code == 0, done.err[-2000:]

    def write(self, path: str, content: str | bytes, owner: str = "root", mode: str = "0644") -> None:
        """A file there."""
        data = content.encode() if isinstance(content, str) else content
        words = ["install", "-D", "-o", owner, "-g", owner, "-m", mode, "/dev/stdin", path]
        done = self._exec(["--interactive"], words, data)
        assert done.code == 0, done.err

    def root(self, *words: str, code: int | None = 0, host: str = "office") -> Answer:
        """A command of root's."""
        return self._checked(self._exec([], list(words), b"", host), words, code)

    def as_(self, login: str, *words: str, code: int | None = 0, where: str = "") -> Answer:
        """A command of somebody's, in their home."""
        options = ["--user", login, "--workdir", where or f"/home/{login}", "--env", f"HOME=/home/{login}"]
        return self._checked(self._exec(options, list(words), b""), words, code)

    def fitsom(self, login: str, *words: str, code: int | None = 0, where: str = "") -> Answer:
        """A command of fitsom's, with --json."""
        return self.as_(login, "fitsom", *words, "--json", code=code, where=where)

    def popen(self, login: str, *words: str) -> subprocess.Popen[str]:
        """Begin a command of somebody's."""
        options = ["--user", login, "--workdir", f"/home/{login}", "--env", f"HOME=/home/{login}"]
        line = ["podman", "exec", *options, self.containers["office"], *words]
        return subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def _exec(self, options: list[str], words: list[str], data: bytes, host: str = "office") -> Answer:
        line = ["podman", "exec", *options, self.containers[host], *words]
        done = subprocess.run(line, input=data, capture_output=True, check=False)
        return Answer(code=done.returncode, out=done.stdout.decode(), err=done.stderr.decode())

    @staticmethod
    def _checked(answer: Answer, words: tuple[str, ...], code: int | None) -> Answer:
        assert code is None or answer.code == code, f"{words}: {answer.code}\n{answer.out}\n{answer.err}"
        return answer


def _programs(folder: Path) -> Iterator[bytes]:
    """An archive of the wheel, of what it depends on, and of the programs that start them."""
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder / "dist")]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    wheel = next((folder / "dist").glob("fitsom-*.whl"))
    unpacked = folder / "wheel"
    subprocess.run([sys.executable, "-m", "zipfile", "-e", str(wheel), str(unpacked)], check=True)
    buffer = io.BytesIO()
    # Installers make hard links of what they keep; here each name is a file.
    with tarfile.open(fileobj=buffer, mode="w", dereference=True) as tar:
        for path in unpacked.iterdir():
            tar.add(path, f"{SITE}/{path.name}", filter=_of_root)
        for distribution in _dependencies():
            for file in distribution.files or []:
                if _is_needed(file.as_posix()):
                    tar.add(str(file.locate()), f"{SITE}/{file.as_posix()}", filter=_of_root)
                    _add_bytecode(tar, Path(str(file.locate())), file.as_posix())
        for name, module in PROGRAMS.items():
            text = (
                f"#!{PREFIX}/bin/python\nimport sys\nfrom {module} import main\nsys.exit(main())\n".encode()
            )
            entry = tarfile.TarInfo(f"opt/fitsom/bin/{name}")
            entry.size, entry.mode = len(text), 0o755
            tar.addfile(entry, io.BytesIO(text))
    yield buffer.getvalue()


def _add_bytecode(tar: tarfile.TarFile, source: Path, name: str) -> None:
    """What an installation compiles once; it fits, since the file keeps its time."""
    if source.suffix == ".py":
        cache = Path(importlib.util.cache_from_source(str(source)))
        if cache.exists():
            tar.add(cache, f"{SITE}/{Path(name).parent.as_posix()}/__pycache__/{cache.name}", filter=_of_root)


def _of_root(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = "root"
    entry.mode = 0o755 if entry.isdir() or entry.mode & 0o100 else 0o644
    return entry


def _is_needed(file: str) -> bool:
    if file.startswith("..") or "__pycache__" in file:
        return False
    top, _, rest = file.partition("/")
    return top != "ansible_collections" or rest.startswith(COLLECTIONS) or "/" not in rest


def _dependencies() -> list[importlib.metadata.Distribution]:
    """What fitsom needs at a school, installed here for the tests."""
    found: dict[str, importlib.metadata.Distribution] = {}

    def walk(name: str) -> None:
        name = re.sub(r"[-_.]+", "-", name).lower()
        if name in found:
            return
        found[name] = importlib.metadata.distribution(name)
        for text in found[name].requires or []:
            requirement = Requirement(text)
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                walk(requirement.name)

    walk("fitsom")
    del found["fitsom"]
    return list(found.values())
