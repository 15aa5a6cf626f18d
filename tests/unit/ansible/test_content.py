"""What runs is what was committed."""

import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from fitsom_runner.ansible import content
from fitsom_runner.config import Config, Ssh
from fitsom_runner.errors import ConfigError, RefusedError
from tests.unit.ansible.repository import FILES, commit, git, make, write
from tests.unit.people.cast import config


@pytest.fixture
def school(tmp_path: Path) -> Config:
    """A configuration whose repository and inventory exist and are committed."""
    return config(make(tmp_path / "repo"))


def extract_head(school: Config, name: str = "content", **options: Any) -> content.Extract:
    return content.make_extract(school, school.repository.parent / name, **options)


def files(folder: Path) -> dict[str, str]:
    return {p.relative_to(folder).as_posix(): p.read_text() for p in folder.rglob("*") if p.is_file()}


def test_the_extract_is_the_commit_and_only_what_is_sealed(school: Config) -> None:
    extract = extract_head(school)
    assert files(extract.folder) == {name: text for name, text in FILES.items() if name != "README.md"}
    assert extract.commit == git(school.repository, "rev-parse", "HEAD")
    assert extract.dirty == ()
    assert extract.trees == {
        part: git(school.repository, "rev-parse", f"HEAD:{part}")
        for part in ("playbooks", "roles", "ansible.cfg")
    }
    assert extract.folder.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(
    "name", ["playbooks/patch.yml", "playbooks/new.yml", "inventories/school/hosts.yml", "ansible.cfg"]
)
def test_what_is_not_committed_is_named_and_does_not_run(school: Config, name: str) -> None:
    write(school.repository, name, "changed: yes\n")
    extract = extract_head(school)
    assert extract.dirty == (name,)
    assert files(extract.folder).get(name) == FILES.get(name)


def test_a_file_that_was_deleted_and_not_committed_still_runs(school: Config) -> None:
    (school.repository / "playbooks" / "patch.yml").unlink()
    extract = extract_head(school)
    assert extract.dirty == ("playbooks/patch.yml",)
    assert (extract.folder / "playbooks" / "patch.yml").exists()


def test_what_is_not_sealed_may_be_dirty(school: Config) -> None:
    write(school.repository, "README.md", "changed\n")
    assert extract_head(school).dirty == ()


def test_a_rehearsal_uses_the_working_tree(school: Config) -> None:
    write(school.repository, "playbooks/patch.yml", "changed: yes\n")
    write(school.repository, "playbooks/new.yml", "new: yes\n")
    extract = extract_head(school, rehearsal=True)
    assert sorted(extract.dirty) == ["playbooks/new.yml", "playbooks/patch.yml"]
    assert (extract.folder / "playbooks" / "patch.yml").read_text() == "changed: yes\n"
    assert (extract.folder / "playbooks" / "new.yml").exists()


def test_an_older_commit_can_be_taken_again(school: Config) -> None:
    first_commit = git(school.repository, "rev-parse", "HEAD")
    before = extract_head(school, "one")
    write(school.repository, "playbooks/patch.yml", "changed: yes\n")
    write(school.repository, "inventories/school/hosts.yml", "all: {hosts: {other: }}\n")
    commit(school.repository)
    again = extract_head(school, "two", commit=first_commit)
    assert files(again.folder) == files(before.folder)
    assert (again.trees, again.inventories) == (before.trees, before.inventories)
    current = extract_head(school, "three")
    assert current.trees["playbooks"] != before.trees["playbooks"]
    assert current.inventories != before.inventories


def test_a_private_inventory_is_copied_and_sealed_by_content(school: Config, tmp_path: Path) -> None:
    private = tmp_path / "private"
    write(private, "hosts.yml", "all: {hosts: {secret1: }}\n")
    write(private, ".git/HEAD", "not content\n")
    outside = school.model_copy(update={"inventories": (private,)})
    before = extract_head(outside, "one")
    assert [p.name for p in before.inventory_paths] == ["private"]
    assert files(before.inventory_paths[0]) == {"hosts.yml": "all: {hosts: {secret1: }}\n"}
    assert set(before.inventories) == {"private/0"}
    write(private, ".git/HEAD", "other\n")
    assert extract_head(outside, "two").inventories == before.inventories
    write(private, "hosts.yml", "all: {hosts: {secret2: }}\n")
    assert extract_head(outside, "three").inventories != before.inventories


def test_an_inventory_of_the_repository_that_is_not_committed_counts_as_private(school: Config) -> None:
    write(school.repository, "inventories/extra/hosts.yml", "all: {hosts: {x: }}\n")
    extra = school.model_copy(
        update={"inventories": (*school.inventories, school.repository / "inventories" / "extra")}
    )
    assert set(extract_head(extra).inventories) == {"inventories/school", "private/1"}


def test_an_inventory_that_does_not_exist_is_refused(school: Config, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="does not exist"):
        extract_head(school.model_copy(update={"inventories": (tmp_path / "nowhere",)}))


def test_a_folder_that_is_no_repository_is_refused(tmp_path: Path) -> None:
    (tmp_path / "plain").mkdir()
    with pytest.raises(ConfigError, match="not a git repository with a commit") as error:
        content.make_extract(config(tmp_path / "plain"), tmp_path / "content")
    assert "git init" in error.value.hint


def test_a_repository_without_playbooks_is_refused(school: Config) -> None:
    git(school.repository, "rm", "-rq", "playbooks")
    commit(school.repository)
    with pytest.raises(ConfigError, match="has no playbooks/ folder"):
        extract_head(school)


def test_a_sealed_commit_that_is_gone_is_refused_before_anything_is_extracted(school: Config) -> None:
    sealed = git(school.repository, "rev-parse", "HEAD")
    assert extract_head(school, "first", commit=sealed).commit == sealed
    with pytest.raises(RefusedError, match="the sealed commit 000000000000 is no longer in"):
        extract_head(school, "second", commit="0" * 40)
    assert not (school.repository.parent / "second").exists()


def test_an_extract_is_never_laid_over_another(school: Config) -> None:
    extract_head(school)
    with pytest.raises(FileExistsError):
        extract_head(school)
    shutil.rmtree(school.repository.parent / "content")
    extract_head(school)


def test_name_content_and_executable_bit_of_a_file_count(tmp_path: Path) -> None:
    hashes: list[str] = []
    for name, text, mode in [("a", "x", 0o644), ("b", "x", 0o644), ("a", "y", 0o644), ("a", "x", 0o755)]:
        folder = tmp_path / str(len(hashes))
        write(folder, name, text).chmod(mode)
        hashes.append(content.hash_folder(folder))
    assert len(set(hashes)) == 4
    write(tmp_path / "again", "a", "x").chmod(0o600)
    assert content.hash_folder(tmp_path / "again") == hashes[0]


def test_collections_that_the_school_keeps_in_its_repository_are_content(school: Config) -> None:
    name = "collections/ansible_collections/acme/works/galaxy.yml"
    write(school.repository, name, "version: 7\n")
    commit(school.repository)
    extract = extract_head(school)
    assert (extract.folder / name).exists()
    assert extract.trees["collections"] == git(school.repository, "rev-parse", "HEAD:collections")


def test_a_whole_folder_that_is_not_committed_is_named_and_rehearsed(school: Config) -> None:
    write(school.repository, "plugins/modules/new.py", "new\n")
    assert extract_head(school).dirty == ("plugins/modules/new.py",)
    extract = extract_head(school, "two", rehearsal=True)
    assert (extract.folder / "plugins" / "modules" / "new.py").exists()


@pytest.mark.parametrize("folder", [True, False], ids=["folder", "file"])
def test_an_input_is_copied_and_known_by_its_content(school: Config, tmp_path: Path, folder: bool) -> None:
    source = tmp_path / "export"
    write(tmp_path, "export/users.csv" if folder else "export", "one\n")
    first_extract = extract_head(school, "one", inputs={"roster": str(source)})
    copy = Path(first_extract.input_paths["roster"])
    assert copy.is_relative_to(first_extract.folder)
    write(tmp_path, "export/users.csv" if folder else "export", "two\n")
    assert (copy / "users.csv" if folder else copy).read_text() == "one\n"
    second = extract_head(school, "two", inputs={"roster": str(source)})
    assert first_extract.inputs["roster"] != second.inputs["roster"]


def test_an_input_that_is_not_there_is_named_with_its_path(school: Config, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=f"the input roster cannot be read from {tmp_path}/gone") as error:
        extract_head(school, inputs={"roster": str(tmp_path / "gone")})
    assert "--input roster=" in error.value.hint


@pytest.mark.parametrize("name", ["state", "state/fitsom.sqlite3", "vault-password", "key", "."])
def test_records_passwords_and_keys_are_no_input(tmp_path: Path, name: str) -> None:
    """Whoever names an input need not be who reads it."""
    school = config(make(tmp_path / "repo")).model_copy(
        update={
            "state": tmp_path / "state",
            "vault_password_files": (tmp_path / "vault-password",),
            "ssh": Ssh(keys=(tmp_path / "key",)),
        }
    )
    for each in ("state/fitsom.sqlite3", "vault-password", "key"):
        write(tmp_path, each, "secret")
    (tmp_path / "link").symlink_to(tmp_path / name)
    for path in (tmp_path / name, tmp_path / "link"):
        with pytest.raises(ConfigError, match="fitsom's own"):
            content.make_extract(school, tmp_path / "content", inputs={"roster": str(path)})
        shutil.rmtree(tmp_path / "content")


@pytest.mark.parametrize("place", ["file", "folder", "link"])
def test_behind_the_gate_what_only_the_service_may_read_is_no_input(
    school: Config, tmp_path: Path, place: str
) -> None:
    secret = write(tmp_path, "private/words", "secret")
    secret.chmod(0o600)
    source = {"file": secret, "folder": secret.parent, "link": tmp_path / "link"}[place]
    (tmp_path / "link").symlink_to(secret)
    shared = school.model_copy(update={"gate": True})
    with pytest.raises(ConfigError, match="belongs to fitsom's account or to root"):
        extract_head(shared, inputs={"roster": str(source)})
    secret.chmod(0o644)
    assert extract_head(shared, "two", inputs={"roster": str(source)}).inputs


@pytest.mark.parametrize("kind", ["pipe", "device"])
def test_an_input_without_an_end_is_refused(school: Config, tmp_path: Path, kind: str) -> None:
    os.mkfifo(tmp_path / "pipe")
    source = tmp_path / "pipe" if kind == "pipe" else Path("/dev/zero")
    with pytest.raises(ConfigError, match="neither a file nor a folder"):
        extract_head(school, inputs={"roster": str(source)})


def test_behind_the_gate_a_link_of_an_inventory_leads_nowhere_else(school: Config, tmp_path: Path) -> None:
    write(tmp_path, "private/hosts.yml", "all: {hosts: {srv1: }}\n")
    write(tmp_path, "secret", "secret")
    (tmp_path / "private/link.yml").symlink_to(tmp_path / "private/hosts.yml")
    shared = school.model_copy(update={"gate": True, "inventories": (tmp_path / "private",)})
    assert extract_head(shared).inventories
    (tmp_path / "private/words.yml").symlink_to(tmp_path / "secret")
    with pytest.raises(ConfigError, match="leads out of its inventory"):
        extract_head(shared, "two")


def test_a_rehearsal_takes_a_link_of_the_working_tree_as_a_link(school: Config, tmp_path: Path) -> None:
    """What it leads to is not in the room, and nobody who may write there should have it read by us."""
    secret = write(tmp_path, "secret", "secret")
    (school.repository / "ansible.cfg").unlink()
    (school.repository / "ansible.cfg").symlink_to(secret)
    extract = extract_head(school, rehearsal=True)
    assert (extract.folder / "ansible.cfg").is_symlink()
