"""What another version would change is read from its package, before anything is installed."""

from __future__ import annotations

import json
import shutil
import sqlite3
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from fitsom_runner import migration
from fitsom_runner.ansible import collections
from fitsom_runner.config import Config
from fitsom_runner.errors import ConfigError
from fitsom_runner.setup import upgrade
from fitsom_runner.setup.upgrade import OpenChange
from tests.unit.ansible.repository import write
from tests.unit.people.cast import config

PLACE = "ansible_collections/fitsom/school"
SPEC = "argument_specs: {main: {options: {%s}}}\n"
OLD = {
    "galaxy.yml": "version: 0.1.0\n",
    "CHANGELOG.md": "# Changelog\n\n## 0.1.0\n- Patch servers.\n",
    "roles/patching/meta/argument_specs.yml": SPEC % "a: {default: 1}, b: {default: x}, c: {}",
    "roles/patching/tasks/main.yml": "- debug:\n",
    "roles/patching/README.md": "prose\n",
    "roles/backups/meta/argument_specs.yml": SPEC % "z: {}",
    "plugins/modules/apt_patch.py": "one\n",
    "plugins/module_utils/apt/x.py": "one\n",
}
NEW = OLD | {
    "galaxy.yml": "version: 0.2.0\n",
    "CHANGELOG.md": "# Changelog\n\n## 0.2.0\n- Print\n  in colour.\n\n## 0.1.0\n- Patch servers.\n",
    "roles/patching/meta/argument_specs.yml": SPEC % "a: {default: 2}, c: {}, d: {}",
    "roles/patching/README.md": "better prose\n",
    "plugins/modules/apt_patch.py": "two\n",
    "plugins/module_utils/apt/x.py": "two\n",
}


@pytest.fixture
def school(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    """A school whose content is the collection that is installed beside the programs."""
    for name, text in OLD.items():
        write(tmp_path / "site-packages", f"{PLACE}/{name}", text)
    monkeypatch.setattr(collections, "beside_the_programs", lambda: (tmp_path / "site-packages",))
    (tmp_path / "state").mkdir()
    settings = config(tmp_path / "repo").model_copy(update={"state": tmp_path / "state"})
    records = sqlite3.connect(settings.database)
    with records:
        records.execute("CREATE TABLE django_migrations (app TEXT, name TEXT, applied TEXT)")
        records.executemany("INSERT INTO django_migrations VALUES (?, ?, '')", sorted(migration.shipped()))
        records.execute("CREATE TABLE change (number TEXT, title TEXT, state TEXT, plan_id TEXT)")
        records.execute("CREATE TABLE plan (id TEXT, seal TEXT, components TEXT)")
    records.close()
    return settings


def planned(
    school: Config, number: str, state: str, components: Mapping[str, object], seal: str = "f" * 64
) -> None:
    records = sqlite3.connect(school.database)
    with records:
        records.execute("INSERT INTO change VALUES (?, 'A change', ?, ?)", (number, state, number))
        records.execute("INSERT INTO plan VALUES (?, ?, ?)", (number, seal, json.dumps(components)))
    records.close()


def wheel(folder: Path, files: dict[str, str], *more: str) -> Path:
    path = folder / "fitsom-0.2.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in files.items():
            archive.writestr(f"{PLACE}/{name}", text)
        for name in more:
            archive.writestr(name, "")
    return path


def folder(where: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        write(where / "new", name, text)
    return where / "new"


def archive(where: Path, files: dict[str, str]) -> Path:
    source = folder(where, files)
    with tarfile.open(where / "new.tar.gz", "w:gz") as packed:
        for name in files:
            packed.add(source / name, name)
    shutil.rmtree(source)
    return where / "new.tar.gz"


@pytest.mark.parametrize("pack", [wheel, folder, archive])
def test_settings_files_and_log_are_compared(school: Config, tmp_path: Path, pack: object) -> None:
    assert callable(pack)
    check = upgrade.check(school, pack(tmp_path, NEW))
    assert (check.installed, check.offered) == ("0.1.0", "0.2.0")
    assert check.log == ("Print in colour.",)
    (role,) = check.roles
    assert (role.name, role.new, role.gone) == ("patching", ("d",), ("b",))
    assert role.defaults == {"a": (1, 2)}
    assert role.files == 1
    assert (check.modules, check.plugins) == (1, 2)


def test_the_same_content_changes_nothing(school: Config, tmp_path: Path) -> None:
    check = upgrade.check(school, wheel(tmp_path, OLD))
    assert (check.roles, check.log, check.plugins) == ((), (), 0)


def test_a_package_has_the_hash_that_its_files_will_have(school: Config, tmp_path: Path) -> None:
    installed = tmp_path / "site-packages" / PLACE
    assert upgrade.read_content(wheel(tmp_path, OLD)).sha256 == collections.hash_of(installed)
    assert upgrade.read_content(archive(tmp_path, OLD)).sha256 == collections.hash_of(installed)
    assert upgrade.read_content(wheel(tmp_path, NEW)).sha256 != collections.hash_of(installed)


def test_open_changes_whose_content_would_be_another_are_named(school: Config, tmp_path: Path) -> None:
    current_hash = collections.hash_of(tmp_path / "site-packages" / PLACE)
    sealed = {"collections": {"fitsom.school": current_hash}, "trees": {"playbooks": "a"}}
    planned(school, "CHG-1", "scheduled", sealed)
    planned(school, "CHG-2", "closed", sealed)
    planned(school, "CHG-3", "planned", {"collections": {"fitsom.school": "0" * 64}})
    planned(school, "CHG-4", "planned", sealed, seal="")
    planned(school, "CHG-5", "scheduled", {"trees": {"playbooks": "a", "roles": "b"}})
    planned(school, "CHG-6", "planned", {"trees": {"playbooks": "a"}})
    assert [change.number for change in upgrade.check(school).plan_again] == ["CHG-3", "CHG-6"]
    check = upgrade.check(school, wheel(tmp_path, NEW)).plan_again
    assert check[0] == OpenChange(number="CHG-1", title="A change", state="scheduled")
    assert [change.number for change in check] == ["CHG-1", "CHG-3", "CHG-6"]


def test_what_the_records_would_see_is_said(school: Config, tmp_path: Path) -> None:
    names = [f"fitsom_runner/{app}/migrations/{name}.py" for app, name in migration.shipped()]
    assert upgrade.check(school, wheel(tmp_path, NEW, *names)).migrations == ()
    more = "fitsom_runner/changes/migrations/0099_more.py"
    assert upgrade.check(school, wheel(tmp_path, NEW, *names, more)).migrations == ("changes.0099_more",)
    assert upgrade.check(school, folder(tmp_path, NEW)).migrations is None
    before = school.database.read_bytes()
    assert upgrade.check(school).migrations == ()
    assert school.database.read_bytes() == before


def test_outstanding_migrations_of_the_installed_version_are_said_and_not_applied(school: Config) -> None:
    records = sqlite3.connect(school.database)
    with records:
        records.execute("DELETE FROM django_migrations WHERE app = 'processes'")
    records.close()
    assert upgrade.check(school).migrations == ("processes.0001_initial", "processes.0002_incident_care")
    assert ("processes", "0001_initial") not in migration.applied(school.database)


def test_a_school_without_records_can_ask_too(school: Config, tmp_path: Path) -> None:
    school.database.unlink()
    assert upgrade.check(school, wheel(tmp_path, NEW)).plan_again == ()


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("x.whl", b"no zip"),
        ("x.tar.gz", b"no tar"),
        ("gone.whl", None),
        ("empty", "folder"),
    ],
)
def test_what_is_no_content_is_refused(
    school: Config, tmp_path: Path, name: str, data: bytes | str | None
) -> None:
    path = tmp_path / name
    if isinstance(data, bytes):
        path.write_bytes(data)
    elif data:
        path.mkdir()
    with pytest.raises(ConfigError) as error:
        upgrade.check(school, path)
    assert "Name a wheel of fitsom" in error.value.hint


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("galaxy.yml", "version: [\n"),
        ("MANIFEST.json", "{}"),
        ("roles/patching/meta/argument_specs.yml", "- a list\n"),
        ("roles/patching/meta/argument_specs.yml", "argument_specs: {main: {options: [a]}}\n"),
        ("roles/patching/meta/argument_specs.yml", "argument_specs: {main: x}\n"),
    ],
)
def test_broken_content_is_refused_by_name(school: Config, tmp_path: Path, name: str, text: str) -> None:
    with pytest.raises(ConfigError, match=r"fitsom-0\.2\.0-py3-none-any\.whl cannot be read"):
        upgrade.check(school, wheel(tmp_path, NEW | {name: text}))


def test_another_wheel_is_no_content(school: Config, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is not content of fitsom"):
        upgrade.check(school, wheel(tmp_path, {}, "flask/__init__.py"))
