"""Hosts of the lab for a test that takes a role through the whole house."""

from __future__ import annotations

import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.integration.directory_lab import run
from tests.school import ROOT, School

#: `pytestmark` of a module whose tests need the containers of the lab.
NEEDS_LAB = [
    pytest.mark.lab,
    pytest.mark.skipif(not (shutil.which("podman") or shutil.which("docker")), reason="no container engine"),
]


@dataclass(frozen=True, kw_only=True)
class LabHosts:
    """A lab in a folder: what is in it, and a playbook that prepares it; ROOT in its text is the repository."""

    folder: Path
    name: str
    spec: str
    prepare: str

    @property
    def inventory(self) -> Path:
        return self.folder / self.name / "inventory/hosts.yml"

    def start(self) -> None:
        self.folder.joinpath("lab.yml").write_text(self.spec)
        self.folder.joinpath("prepare.yml").write_text(self.prepare.replace("ROOT", str(ROOT)))
        self.lab("up", self.name, "--spec", str(self.folder / "lab.yml"))
        made = run("ansible-playbook", "-i", str(self.inventory), str(self.folder / "prepare.yml"))
        assert made.returncode == 0, made.stdout[-3000:] + made.stderr

    def lab(self, *words: str) -> str:
        done = run(sys.executable, "molecule/shared/lab.py", *words, env={"FITSOM_LAB_DIR": str(self.folder)})
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def on(self, host: str, *words: str) -> str:
        return self.lab("exec", self.name, host, "--", *words)

    def school(self, made: School, role: str, playbooks: tuple[str, ...], inventory: str) -> School:
        """One whose hosts are these; everything else is as in the repository."""
        folder = ROOT / "roles" / role
        made.readable = (str(self.folder / self.name / "known_hosts"), *made.readable)
        files = {
            str(path.relative_to(ROOT)): path.read_text()
            for path in folder.rglob("*")
            if path.is_file() and path.suffix != ".pyc"
        }
        for name in playbooks:
            files[f"playbooks/{name}.yml"] = (ROOT / f"playbooks/{name}.yml").read_text()
        return made.build({**files, "inventories/school/hosts.yml": inventory})
