"""Collections come from the content or from beside the programs, and their files are under the seal."""

import subprocess
import sys
from pathlib import Path

import pytest

from fitsom_runner.ansible import collections
from fitsom_runner.ansible.environment import NO_SETTINGS, environment
from fitsom_runner.errors import ConfigError, RefusedError
from tests.unit.ansible.repository import write


@pytest.fixture
def extract(tmp_path: Path) -> Path:
    """An extract whose one playbook is another collection's."""
    folder = tmp_path / "extract"
    write(folder, "playbooks/site.yml", "- import_playbook: acme.works.site\n")
    return folder


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder beside the programs with the collections acme.works and acme.tools."""
    folder = tmp_path / "site-packages"
    works = "ansible_collections/acme/works"
    write(folder, f"{works}/galaxy.yml", "version: 1.2.3\n")
    write(folder, f"{works}/playbooks/site.yml", "- hosts: all\n  roles: [acme.works.all]\n")
    write(folder, f"{works}/roles/all/tasks/main.yml", "- acme.tools.spanner:\n")
    write(folder, f"{works}/roles/all/README.md", "prose\n")
    write(folder, f"{works}/roles/all/templates/README.md", "a template\n")
    write(folder, f"{works}/plugins/modules/saw.py", "one = 1\n")
    write(folder, f"{works}/tests/test_saw.py", "no part of what is loaded\n")
    tools = "ansible_collections/acme/tools"
    write(folder, f"{tools}/MANIFEST.json", '{"collection_info": {"version": "0.9", "dependencies": {}}}')
    write(folder, f"{tools}/plugins/modules/spanner.py", "import ansible_collections.acme.iron.plugins\n")
    write(folder, "ansible_collections/acme/iron/plugins/module_utils/ore.py", "")
    write(folder, "ansible_collections/acme/unused/plugins/modules/x.py", "")
    monkeypatch.setattr(collections, "beside_the_programs", lambda: (folder,))
    return folder


def test_what_the_content_names_is_followed_from_collection_to_collection(
    extract: Path, installed: Path
) -> None:
    result = collections.find(extract)
    assert set(result.hashes) == {"acme.works", "acme.tools", "acme.iron"}
    versions = {name: version for name, version in result.versions.items() if name != "ansible-core"}
    assert versions == {"acme.iron": "", "acme.tools": "0.9", "acme.works": "1.2.3"}


@pytest.mark.parametrize(
    "named", ["collections: [acme.works]", "x: 'a' | acme.works.f", "ansible_connection: acme.works.c"]
)
def test_a_collection_is_found_however_it_is_named(tmp_path: Path, installed: Path, named: str) -> None:
    write(tmp_path / "extract", "inventories/school/group_vars/all.yml", f"- {named}\n")
    assert "acme.works" in collections.find(tmp_path / "extract").hashes


def test_declared_dependencies_are_followed(extract: Path, installed: Path) -> None:
    write(
        installed,
        "ansible_collections/acme/works/galaxy.yml",
        'version: 1.2.3\ndependencies: {acme.unused: "*"}\n',
    )
    assert "acme.unused" in collections.find(extract).hashes


WORKS = "ansible_collections/acme/works"


@pytest.mark.parametrize(
    ("name", "counts"),
    [
        ("plugins/modules/saw.py", True),
        ("plugins/modules/new.py", True),
        ("roles/all/templates/README.md", True),
        ("playbooks/site.yml", True),
        ("meta/runtime.yml", True),
        ("galaxy.yml", True),
        ("roles/all/README.md", False),
        ("tests/test_saw.py", False),
        ("plugins/modules/__pycache__/saw.cpython-313.pyc", False),
    ],
)
def test_every_file_that_ansible_loads_counts_and_no_other(installed: Path, name: str, counts: bool) -> None:
    before = collections.hash_of(installed / WORKS)
    write(installed, f"{WORKS}/{name}", "version: 1.2.3 # changed\n")
    assert (collections.hash_of(installed / WORKS) != before) == counts


def test_name_and_executable_bit_of_a_file_count(installed: Path) -> None:
    folder = installed / WORKS
    saw = folder / "plugins/modules/saw.py"
    hashes = [collections.hash_of(folder)]
    saw.chmod(0o755)
    hashes.append(collections.hash_of(folder))
    saw.rename(saw.with_name("axe.py"))
    hashes.append(collections.hash_of(folder))
    assert len(set(hashes)) == 3


def test_a_link_inside_is_followed(installed: Path) -> None:
    folder = installed / WORKS
    write(folder, "roles/shared/tasks/main.yml", "one\n")
    (folder / "roles/linked").symlink_to("shared")
    (folder / "roles/loop").symlink_to("../roles")
    before = collections.hash_of(folder)
    write(folder, "roles/shared/tasks/main.yml", "two\n")
    assert collections.hash_of(folder) != before


@pytest.mark.parametrize("name", ["plugins/modules/out.py", "roles/out"])
def test_a_link_that_leads_out_is_refused(installed: Path, tmp_path: Path, name: str) -> None:
    write(tmp_path, "outside/tasks/main.yml", "x\n")
    target = tmp_path / "outside" if name == "roles/out" else tmp_path / "outside/tasks/main.yml"
    (installed / WORKS / name).symlink_to(target)
    with pytest.raises(RefusedError, match="leads out of its collection"):
        collections.hash_of(installed / WORKS)


def test_a_collection_of_the_extract_comes_first_and_is_sealed_with_it(
    extract: Path, installed: Path
) -> None:
    write(extract, "collections/ansible_collections/acme/works/galaxy.yml", "version: 7\n")
    result = collections.find(extract)
    assert "acme.works" not in result.hashes
    assert "acme.works" not in result.versions


def test_a_description_that_is_no_yaml_is_named(extract: Path, installed: Path) -> None:
    write(installed, f"{WORKS}/galaxy.yml", "version: [\n")
    with pytest.raises(ConfigError, match="description cannot be read"):
        collections.find(extract)


def test_the_real_collections_are_found_beside_the_programs(extract: Path) -> None:
    write(extract, "playbooks/site.yml", "- import_playbook: fitsom.school.patch\n")
    result = collections.find(extract)
    assert {"fitsom.school", "community.general", "ansible.posix"} <= set(result.hashes)
    assert all(result.versions[name] for name in result.hashes)


def test_ansible_itself_sees_nothing_of_the_home(
    extract: Path, installed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Asked of Ansible's own finder, in a process with a collection of the same name in its home."""
    home = tmp_path / "home"
    for place in (".ansible/collections", "sneaked"):
        module = f"{place}/ansible_collections/acme/works/plugins/modules/saw.py"
        write(home, module, "DOCUMENTATION = ''\n")
    write(extract, "ansible.cfg", f"[defaults]\ncollections_path = {home}/sneaked\n")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("ANSIBLE_COLLECTIONS_PATH", str(home / "sneaked"))
    program = "import ansible.plugins.loader as l; print(l.module_loader.find_plugin('acme.works.saw'))"
    monkeypatch.setenv("PYTHONPATH", str(home / "sneaked"))
    process = subprocess.run(
        [
            sys.executable,
            "-c",
            f"import ansible.plugins.loader as l; l.init_plugin_loader(); {program}",
        ],
        env={**environment(extract), "PYTHONPATH": str(home / "sneaked")},
        cwd=extract,
        capture_output=True,
        text=True,
        check=True,
    )
    assert process.stdout.strip() == str(installed / WORKS / "plugins/modules/saw.py")


def test_where_the_content_has_no_settings_those_of_the_home_are_not_taken(extract: Path) -> None:
    settings = environment(extract)["ANSIBLE_CONFIG"]
    assert settings == str(NO_SETTINGS)
    listed = subprocess.run(
        ["ansible-config", "dump", "--only-changed"],
        env=environment(extract),
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert settings in listed, "Ansible takes no file but one that ends in .cfg"
    write(extract, "ansible.cfg", "[defaults]\n")
    assert environment(extract)["ANSIBLE_CONFIG"] == str(extract / "ansible.cfg")
