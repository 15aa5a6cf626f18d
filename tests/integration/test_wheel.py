"""The wheel by itself: built, installed beside its dependencies, and used with no clone of the product around."""

from __future__ import annotations

import json
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

from tests.school import ROOT

PROGRAM = """\
#!{python}
import sys
from ansible.cli.{module} import main
sys.exit(main())
"""
FOUND = """\
import json, sys
from pathlib import Path
from fitsom_runner.ansible import collections
found = collections.find(Path(sys.argv[1]))
places = {name: str(collections.folder_of(name, collections.paths(Path(sys.argv[1])))) for name in found.hashes}
print(json.dumps({"versions": found.versions, "places": places}))
"""


class Machine:
    """A computer with an empty home, the wheel in an environment of its own, and a school made with it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.programs = folder / "tool/bin"
        (folder / "home").mkdir()
        build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder / "dist")]
        subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
        self.wheel = next((folder / "dist").glob("fitsom-*.whl"))
        subprocess.run([sys.executable, "-m", "venv", str(folder / "tool")], check=True)
        self.call("pip", "install", "--no-deps", "--no-index", "--quiet", str(self.wheel))
        site = next((folder / "tool/lib").glob("python3.*/site-packages"))
        # What the wheel depends on is installed already; .pth files over there are not read, so no clone comes along.
        (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
        for module in ("playbook", "doc", "inventory"):
            program = self.programs / ("ansible-" + module)
            program.write_text(PROGRAM.format(python=self.programs / "python", module=module))
            program.chmod(0o755)
        self.elsewhere = ["--vault-password", str(folder / "secret/pw"), "--state", str(folder / "state")]
        self.call("fitsom", "init", "my-school", "--no-input", "--from", "hosts.csv", *self.elsewhere)
        self.school = folder / "my-school"

    def call(self, program: str, *words: str, where: str = ".") -> str:
        (self.folder / "hosts.csv").write_text("name,address,groups\nsrv1,192.0.2.1,pilot\n")
        done = subprocess.run(
            [self.programs / program, *words],
            cwd=self.folder / where,
            env={
                "PATH": f"{self.programs}:/usr/bin:/bin",
                "HOME": str(self.folder / "home"),
                "LANG": "C.UTF-8",
            },
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
        return done.stdout


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Machine:
    return Machine(tmp_path_factory.mktemp("machine"))


def test_the_wheel_holds_the_runner_and_the_collection_and_nothing_else(machine: Machine) -> None:
    names = zipfile.ZipFile(machine.wheel).namelist()
    place = "ansible_collections/fitsom/school/"
    parts = {name.removeprefix(place).split("/")[0] for name in names if name.startswith(place)}
    assert parts == {
        "playbooks",
        "plugins",
        "roles",
        "meta",
        "galaxy.yml",
        "README.md",
        "CHANGELOG.md",
        "LICENSE",
    }
    assert {name.split("/")[0].split("-")[0] for name in names} == {
        "ansible_collections",
        "fitsom_runner",
        "fitsom",
    }
    assert not [name for name in names if "__pycache__" in name or "/tests/" in name or "molecule" in name]
    assert "fitsom_runner/setup/templates/gitignore" in names


def test_ansible_finds_the_modules_by_itself(machine: Machine) -> None:
    told = machine.call("ansible-doc", "--json", "fitsom.school.apt_patch", where="my-school")
    place = json.loads(told)["fitsom.school.apt_patch"]["doc"]["filename"]
    assert Path(place).is_relative_to(machine.folder)


@pytest.mark.parametrize("name", sorted(path.name for path in (ROOT / "playbooks").glob("*.yml")))
def test_each_playbook_of_the_new_school_has_valid_syntax(machine: Machine, name: str) -> None:
    machine.call("ansible-playbook", "--syntax-check", f"playbooks/{name}", where="my-school")


def test_the_inventory_is_read_with_its_vault(machine: Machine) -> None:
    password = ("--vault-password-file", str(machine.folder / "secret/pw"))
    told = json.loads(machine.call("ansible-inventory", "--host", "srv1", *password, where="my-school"))
    assert told["ansible_host"] == "192.0.2.1"
    assert told["vault_ready"] is True


def test_the_seal_would_have_the_files_of_the_installed_collection(machine: Machine) -> None:
    told = json.loads(machine.call("python", "-c", FOUND, str(machine.school)))
    assert {"fitsom.school", "ansible.posix", "community.general"} <= set(told["places"])
    assert Path(told["places"]["fitsom.school"]).is_relative_to(machine.folder / "tool")


def test_what_is_installed_is_what_the_wheel_holds(machine: Machine) -> None:
    told = json.loads(
        machine.call("fitsom", "upgrade", "--check", str(machine.wheel), "--json", where="my-school")
    )
    assert (told["roles"], told["plugins"], told["log"], told["migrations"]) == ([], 0, [], [])


def test_the_school_is_sound(machine: Machine) -> None:
    told = json.loads(machine.call("fitsom", "config", "check", "--json", where="my-school"))
    assert told["repository"] == str(machine.school)
