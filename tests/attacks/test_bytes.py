"""The seal is over the bytes that run: whatever git's configuration, caches and objects say of them."""

from __future__ import annotations

import re
import zlib
from pathlib import Path

import pytest

from fitsom_runner.ansible import content, inventory
from fitsom_runner.config import Config
from fitsom_runner.errors import ConfigError, FitsomError, RefusedError
from tests.school import School
from tests.unit.ansible.repository import commit, git, make, write
from tests.unit.people.cast import config

PLAYBOOK = "playbooks/patch.yml"
EVIL = "- hosts: all\n  tasks: [{shell: evil}]\n"


@pytest.fixture
def school(tmp_path: Path) -> Config:
    """A configuration whose repository and inventory exist and are committed."""
    return config(make(tmp_path / "repo"))


@pytest.fixture
def proof(tmp_path: Path) -> Path:
    return tmp_path / "executed"


def extract(school: Config, folder: str = "content") -> content.Extract:
    return content.make_extract(school, school.repository.parent / folder)


def overwrite(repository: Path, name: str, kind: str, body: bytes) -> None:
    """Put other bytes under the name of an object."""
    path = repository / ".git/objects" / name[:2] / name[2:]
    path.chmod(0o644)
    path.write_bytes(zlib.compress(f"{kind} {len(body)}\0".encode() + body))


def test_another_blob_in_its_place_is_not_taken(school: Config) -> None:
    sealed = extract(school, "before")
    repository = school.repository
    evil = write(repository, "evil.yml", EVIL)
    other = git(repository, "hash-object", "-w", str(evil))
    git(repository, "replace", git(repository, "rev-parse", f"HEAD:{PLAYBOOK}"), other)
    taken = extract(school)
    assert "evil" not in (taken.folder / PLAYBOOK).read_text()
    assert taken.trees == sealed.trees


def test_another_commit_in_its_place_is_not_taken(school: Config) -> None:
    sealed = extract(school, "before")
    repository = school.repository
    first = git(repository, "rev-parse", "HEAD")
    write(repository, PLAYBOOK, EVIL)
    evil = commit(repository)
    git(repository, "reset", "--hard", first)
    git(repository, "replace", first, evil)
    taken = extract(school)
    assert (taken.commit, taken.trees) == (first, sealed.trees)
    assert "evil" not in (taken.folder / PLAYBOOK).read_text()


@pytest.mark.parametrize("what", [f"HEAD:{PLAYBOOK}", "HEAD:playbooks", "HEAD^{tree}", "HEAD"])
def test_an_object_with_other_bytes_is_refused(school: Config, what: str) -> None:
    repository = school.repository
    first = git(repository, "rev-parse", "HEAD")
    written = write(repository, PLAYBOOK, EVIL)
    commit(repository)
    kind = git(repository, "cat-file", "-t", what)
    if kind == "commit":
        evil = git(repository, "cat-file", "-p", "HEAD").encode() + b"\n"
    elif kind == "blob":
        evil = written.read_bytes()
    else:
        rows = git(repository, "rev-parse", what.replace("HEAD", first)), git(repository, "rev-parse", what)
        evil = zlib.decompress((repository / ".git/objects" / rows[1][:2] / rows[1][2:]).read_bytes())
        evil = evil.partition(b"\0")[2]
    git(repository, "reset", "--hard", first)
    overwrite(repository, git(repository, "rev-parse", what), kind, evil)
    git(repository, "update-ref", "refs/heads/main", first)
    with pytest.raises(FitsomError) as refused:  # some of it git notices itself
        extract(school)
    words = "\n".join([str(refused.value), *refused.value.details])
    assert re.search(
        r"was altered|not what the commit names|has lost the object|hash mismatch|is corrupt", words
    )


def test_attributes_and_filters_change_nothing(school: Config, proof: Path) -> None:
    repository = school.repository
    git(repository, "config", "filter.evil.smudge", f"touch {proof}; cat")
    git(repository, "config", "filter.evil.clean", f"touch {proof}; cat")
    write(repository, ".gitattributes", "*.yml filter=evil export-subst eol=crlf\nroles export-ignore\n")
    write(repository, PLAYBOOK, "# $Format:%d %H$\n- hosts: all\n")
    commit(repository)
    proof.unlink(missing_ok=True)  # the committer's own git has run it
    taken = extract(school)
    assert (taken.folder / PLAYBOOK).read_text() == "# $Format:%d %H$\n- hosts: all\n"
    assert (taken.folder / "roles/patching/tasks/main.yml").exists()
    assert not proof.exists()
    git(repository, "tag", "later")
    assert extract(school, "later").trees == taken.trees


def test_no_program_of_the_repository_is_run(school: Config, proof: Path) -> None:
    repository = school.repository
    program = write(repository.parent, "program", f"#!/bin/sh\ntouch {proof}\n")
    program.chmod(0o755)
    for name in ("core.fsmonitor", "core.sshCommand", "core.pager", "diff.external", "core.editor"):
        git(repository, "config", name, str(program))
    hooks = repository / ".git/hooks"
    for name in ("post-checkout", "post-index-change", "reference-transaction", "fsmonitor-watchman"):
        write(hooks, name, f"#!/bin/sh\ntouch {proof}\n").chmod(0o755)
    write(repository, PLAYBOOK, EVIL)
    proof.unlink(missing_ok=True)
    assert extract(school).dirty == (PLAYBOOK,)
    assert not proof.exists()


def test_a_cache_of_git_does_not_hide_what_is_not_committed(school: Config) -> None:
    git(school.repository, "update-index", "--assume-unchanged", PLAYBOOK)
    write(school.repository, PLAYBOOK, EVIL)
    assert extract(school).dirty == (PLAYBOOK,)


@pytest.mark.parametrize("target", ["/etc/passwd", "../../outside", "../.git/config"])
def test_a_link_leads_nowhere_else(school: Config, target: str) -> None:
    (school.repository / "playbooks/link.yml").symlink_to(target)
    commit(school.repository)
    if target == "../.git/config":  # there is no .git in an extract: it leads to nothing
        assert not (extract(school).folder / "playbooks/link.yml").exists()
        return
    with pytest.raises(RefusedError, match="is a link that leads out of the repository"):
        extract(school)


def test_what_no_commit_holds_is_refused(school: Config) -> None:
    write(school.repository, "playbooks/files/big.iso", "version https://git-lfs.github.com/spec/v1\noid x\n")
    commit(school.repository)
    with pytest.raises(RefusedError, match="is kept by Git LFS"):
        extract(school)


def test_what_is_altered_in_the_extract_is_named(school: Config, tmp_path: Path) -> None:
    roster = write(tmp_path, "roster.csv", "a\n")
    folder = tmp_path / "altered"
    taken = content.make_extract(school, folder, inputs={"roster": str(roster)})
    assert content.alterations(taken) == []
    write(folder, PLAYBOOK, EVIL)
    write(folder, "roles/patching/files/new", "x")
    write(folder, "inventories/school/group_vars/all.yml", "x: 1\n")
    Path(taken.input_paths["roster"]).write_text("b\n")
    altered = [sentence.partition(" was altered")[0] for sentence in content.alterations(taken)]
    assert altered == ["playbooks", "roles", "inventories/school", "the input roster"]


def test_an_executable_bit_counts(school: Config) -> None:
    taken = extract(school)
    (taken.folder / PLAYBOOK).chmod(0o755)
    assert content.alterations(taken) == ["playbooks was altered in the copy that was to run"]


SELFISH = """\
- name: Look, and add a task to this very file
  hosts: srv1
  gather_facts: false
  tasks:
    - name: Look
      ansible.builtin.shell: >-
        echo '    - ansible.builtin.raw: echo evil >> "{{ truth }}/evil"' >> {{ playbook_dir }}/selfish.yml
      check_mode: false
      changed_when: false
    - name: Done
      ansible.builtin.debug: {msg: done}
      tags: [fitsom_host_done]
"""


def test_the_copy_that_is_to_run_cannot_be_rewritten(tmp_path: Path) -> None:
    school = School(folder=tmp_path / "school").build({"playbooks/selfish.yml": SELFISH})
    school.fitsom("content", "accept", acting_as="tech")
    number = school.new("playbooks/selfish.yml", limit="srv1")
    assert "Read-only file system" in school.fitsom("change", "plan", number, code=1).error


def test_what_planning_again_has_rewritten_without_a_closed_room_does_not_run(tmp_path: Path) -> None:
    school = School(folder=tmp_path / "school").build({"playbooks/selfish.yml": SELFISH})
    settings = school.site / "fitsom.yml"
    settings.write_text(re.sub("(?m)^sandbox: .*", "sandbox: off", settings.read_text()))
    school.fitsom("content", "accept", acting_as="tech")
    number = school.approved("playbooks/selfish.yml", limit="srv1")
    answer = school.fitsom("run", "start", number, code=3).value
    assert answer["refusal"] == ["playbooks was altered in the copy that was to run"]
    assert not (school.truth / "evil").exists()
    assert school.change(number)["state"] == "submitted"


@pytest.mark.parametrize("place", ["inside", "private"])
def test_variables_beside_an_inventory_that_is_a_file_are_sealed_and_read(
    school: Config, tmp_path: Path, place: str
) -> None:
    folder = school.repository / "inventories/school" if place == "inside" else tmp_path / "private"
    hosts = write(folder, "hosts.yml", "all: {hosts: {srv1: }}\n")
    variables = write(folder, "group_vars/all.yml", "level: 3\n")
    commit(school.repository)
    of_a_file = school.model_copy(update={"inventories": (hosts,)})
    before = extract(of_a_file, "before")
    resolved = inventory.resolve(of_a_file, before, "all")
    assert content.alterations(before) == []
    variables.write_text("level: 4\n")
    commit(school.repository)
    after = extract(of_a_file, "after")
    assert after.inventories != before.inventories
    assert inventory.resolve(of_a_file, after, "all").hosts != resolved.hosts


def test_a_broken_file_is_an_error_and_not_fewer_hosts(school: Config) -> None:
    write(school.repository, "inventories/school/more.yml", "all:\n  hosts:\n    srv8: {a: [}\n")
    commit(school.repository)
    with pytest.raises(ConfigError, match=r"the inventory cannot be read(.|\n)*more\.yml"):
        inventory.resolve(school, extract(school), "all")


def test_what_is_missing_is_not_fetched_by_a_program_of_the_repository(school: Config, proof: Path) -> None:
    """A "partial clone" asks elsewhere for an object that it lacks, by whatever its configuration names."""
    repository = school.repository
    sealed = git(repository, "rev-parse", "HEAD")
    elsewhere = repository.parent / "elsewhere"
    git(repository, "clone", "-q", "--bare", str(repository), str(elsewhere))
    program = write(
        repository.parent, "upload-pack", f'#!/bin/sh\ntouch {proof}\nexec git-upload-pack "$@"\n'
    )
    program.chmod(0o755)
    for name, value in {
        "core.repositoryFormatVersion": "1",
        "extensions.partialClone": "origin",
        "remote.origin.url": str(elsewhere),
        "remote.origin.promisor": "true",
        "remote.origin.uploadpack": str(program),
    }.items():
        git(repository, "config", name, value)
    blob = git(repository, "rev-parse", f"HEAD:{PLAYBOOK}")
    (repository / ".git/objects" / blob[:2] / blob[2:]).unlink()
    with pytest.raises(FitsomError):
        extract(school)
    assert not proof.exists()
    git(repository, "cat-file", "-p", f"{sealed}:{PLAYBOOK}")  # as git itself does
    assert proof.exists()
