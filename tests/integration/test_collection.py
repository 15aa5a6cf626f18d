"""The collection by itself: built, installed into an empty folder, and used by bare Ansible without the runner."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.integration.lab_hosts import NEEDS_LAB, LabHosts
from tests.school import ROOT

pytestmark = NEEDS_LAB
SPEC = """\
hosts:
  srv1:
    groups: [servers]
    fixture: {installed: {plain: "1.0"}, published: {plain: "1.1"}}
"""
PREPARE = "- hosts: all\n  gather_facts: false\n  tasks: [{ansible.builtin.ping: }]\n"
#: No fitsom_runner can be imported by what runs, and no configuration of this repository is read.
WITHOUT_RUNNER = "import sys; sys.modules['fitsom_runner'] = None\n"
PROGRAMS = Path(sys.executable).parent


class Installed:
    """A folder with nothing in it but the collection, as `ansible-galaxy collection install` leaves it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "site").mkdir(parents=True)
        (folder / "site/sitecustomize.py").write_text(WITHOUT_RUNNER)
        (folder / "ansible.cfg").write_text("[defaults]\ncollections_path = .\nhost_key_checking = true\n")
        build = ("ansible-galaxy", "collection", "build", "--output-path", str(folder), str(ROOT))
        self.call(*build)
        archive = next(folder.glob("fitsom-school-*.tar.gz"))
        self.call("ansible-galaxy", "collection", "install", "--no-deps", "-p", ".", archive.name)

    def call(self, program: str, *words: str) -> str:
        done = subprocess.run(
            [PROGRAMS / program, *words],
            cwd=self.folder,
            env={
                **os.environ,
                "PYTHONPATH": str(self.folder / "site"),
                "ANSIBLE_CONFIG": str(self.folder / "ansible.cfg"),
                "ANSIBLE_COLLECTIONS_SCAN_SYS_PATH": "0",  # only what was installed here
                "ANSIBLE_COLLECTIONS_PATH": f"{self.folder}:{stock()}",
            },
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
        return done.stdout

    def patch(self, inventory: Path, *words: str) -> dict[str, Any]:
        """What bare Ansible counts of srv1 after `ansible-playbook fitsom.school.patch`."""
        output = self.call("ansible-playbook", "-i", str(inventory), "fitsom.school.patch", *words)
        recap = output.partition("PLAY RECAP")[2].splitlines()
        line = next(line for line in recap if line.startswith("srv1"))
        return {name: int(value) for name, value in (word.split("=") for word in line.split()[2:])}


def stock() -> Path:
    """Where the collections of the package ansible are."""
    import ansible_collections

    return next(
        Path(path).parent for path in ansible_collections.__path__ if (Path(path) / "ansible/posix").is_dir()
    )


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    return Installed(tmp_path_factory.mktemp("empty"))


def test_what_is_built_holds_the_content_and_nothing_of_the_runner(installed: Installed) -> None:
    root = installed.folder / "ansible_collections/fitsom/school"
    parts = {path.name for path in root.iterdir()}
    assert {"playbooks", "plugins", "roles", "meta", "MANIFEST.json", "README.md"} <= parts
    assert not parts & {"fitsom_runner", "tests", "molecule", "inventories", "ansible.cfg", ".git"}
    listed = json.loads(installed.call("ansible-doc", "--list", "--json", "fitsom.school"))
    modules = {f"fitsom.school.{path.stem}" for path in (ROOT / "plugins/modules").glob("*.py")}
    assert set(listed) == modules


def test_bare_ansible_patches_a_host_with_it_and_finds_nothing_more_to_do(
    installed: Installed, hosts: LabHosts
) -> None:
    plan = installed.patch(hosts.inventory, "--check")
    first = installed.patch(hosts.inventory)
    assert plan["changed"] == first["changed"] > 0
    assert "1.1" in hosts.on("srv1", "dpkg-query", "-W", "fitsom-fixture-plain")
    assert installed.patch(hosts.inventory)["changed"] == 0
