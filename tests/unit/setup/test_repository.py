"""A school's own repository: whole or not there, its secrets elsewhere, nothing overwritten."""

from __future__ import annotations

import json
import os
import re
import stat
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from fitsom_runner import config
from fitsom_runner.ansible import secrets as vaults
from fitsom_runner.errors import ConfigError, RefusedError
from fitsom_runner.people import signers
from fitsom_runner.roles import Power
from fitsom_runner.setup import repository
from fitsom_runner.setup.hosts import GROUPS, Host
from fitsom_runner.setup.repository import Answers, NewSchool

ROOT = Path(__file__).resolve().parents[3]
HOSTS = (
    Host(name="yes", address="10.0.0.1", groups=("pilot", "baselined"), port=2222, label='the "big" one: #1'),
    Host(name="sw1", device="switch", provides="it's the network"),
)


@pytest.fixture
def answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Answers:
    """What a school says, with its secrets in this test's folder and no git configuration of whoever runs it."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.delenv("GIT_AUTHOR_NAME", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home"))
    return Answers(
        school='St Mary\'s \\ "Prep" & Ä',
        hosts=HOSTS,
        login="adm",
        os_user="jo",
        head="Ann O'Hara",
        head_login="ann",
        secret=tmp_path / "kept/vault-password",
        state=tmp_path / "records",
    )


@pytest.fixture
def school(tmp_path: Path, answers: Answers) -> NewSchool:
    """A school that was made."""
    return repository.make(tmp_path / "my-school", answers)


def everything(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*")}


def test_the_repository_is_committed_whole_and_clean(school: NewSchool) -> None:
    assert repository.git(school.folder, "rev-parse", "HEAD") == school.commit
    assert repository.git(school.folder, "status", "--porcelain") == ""
    tracked = set(repository.git(school.folder, "ls-files").split())
    parts = {"fitsom.yml", "README.md", ".gitignore", "ansible.cfg", "rfc/security-updates.rfc.yml"}
    assert parts < tracked
    assert {"hosts.yml", "group_vars/all/main.yml", "group_vars/all/vault.yml"} <= {
        name.removeprefix("inventories/my_school/") for name in tracked
    }
    assert repository.git(school.folder, "log", "-1", "--format=%an").strip() == "fitsom init"
    assert stat.S_IMODE(school.folder.stat().st_mode) & 0o500 == 0o500


def test_there_is_a_thin_playbook_for_each_of_the_collection(school: NewSchool) -> None:
    for path in (ROOT / "playbooks").glob("*.yml"):
        plays = yaml.safe_load((school.folder / "playbooks" / path.name).read_text())
        assert [play["ansible.builtin.import_playbook"] for play in plays] == [f"fitsom.school.{path.stem}"]
    assert len(list((school.folder / "playbooks").iterdir())) == len(list((ROOT / "playbooks").glob("*.yml")))


def test_the_inventory_is_what_was_said_and_has_every_group(school: NewSchool) -> None:
    inventory = yaml.safe_load((school.folder / "inventories/my_school/hosts.yml").read_text())["all"]
    assert inventory["hosts"] == {
        "yes": {"ansible_host": "10.0.0.1", "ansible_port": 2222, "fitsom_label": 'the "big" one: #1'},
        "sw1": {"fitsom_device": "switch", "fitsom_provides": "it's the network"},
    }
    assert set(inventory["children"]) == set(GROUPS)
    assert set(inventory["children"]["pilot"]["hosts"]) == {"yes"}
    assert inventory["children"]["estate"]["hosts"] == {}


def test_the_settings_are_those_that_were_said(school: NewSchool, answers: Answers) -> None:
    settings = config.load(school.folder / "fitsom.yml")
    assert settings.school.name == answers.school
    assert (settings.repository, settings.state) == (school.folder, answers.state)
    assert settings.vault_password_files == (answers.secret,)
    assert [(p.name, p.os_user) for p in settings.people] == [
        ("Network Manager", "jo"),
        ("Ann O'Hara", "ann"),
    ]
    variables = yaml.safe_load((school.folder / "inventories/my_school/group_vars/all/main.yml").read_text())
    assert variables == {
        "school_name": answers.school,
        "school_timezone": "Europe/London",
        "ansible_user": "adm",
        "ansible_become": True,
    }


def test_two_people_are_enough_for_minor_changes_and_major_ones_are_told(school: NewSchool) -> None:
    settings = config.load(school.folder / "fitsom.yml")
    manager, head = settings.people
    assert manager.may(Power.REQUEST)
    assert head.may(Power.APPROVE_IMPLEMENT)
    logins = tuple(person.model_copy(update={"os_user": person.id}) for person in settings.people)
    gaps = signers.missing(settings.model_copy(update={"people": logins}))
    assert [(gap.is_needed, "major change" in gap.words) for gap in gaps] == [(False, True)]


def test_the_vault_opens_with_the_pass_phrase_outside_and_with_no_other(school: NewSchool) -> None:
    vault = school.folder / "inventories/my_school/group_vars/all/vault.yml"
    assert vault.read_text().startswith("$ANSIBLE_VAULT;")
    settings = config.load(school.folder / "fitsom.yml")
    assert any(
        "vault_ready: true" in text
        for text in vaults.known_secrets(settings, [school.folder / "inventories"], {})
    )
    password = school.secret.read_text().strip()
    assert len(password) >= 40
    assert all(
        password not in path.read_text(errors="replace")
        for path in school.folder.rglob("*")
        if path.is_file()
    )
    assert stat.S_IMODE(school.secret.stat().st_mode) == 0o600
    assert stat.S_IMODE(school.secret.parent.stat().st_mode) == 0o700
    assert stat.S_IMODE(school.state.stat().st_mode) == 0o700
    school.secret.write_text("another\n")
    with pytest.raises(ConfigError, match="does not open"):
        vaults.known_secrets(settings, [school.folder / "inventories"], {})


def test_no_two_schools_have_one_pass_phrase(tmp_path: Path, answers: Answers, school: NewSchool) -> None:
    second = replace(answers, secret=tmp_path / "kept2/p", state=tmp_path / "records2")
    assert repository.make(tmp_path / "other", second).secret.read_text() != school.secret.read_text()


def test_every_setting_in_the_comments_is_one_of_a_role(school: NewSchool) -> None:
    expected = {"ansible_user", "ansible_become", "ansible_become_password"}
    for path in (ROOT / "roles").glob("*/defaults/main.yml"):
        expected |= set(yaml.safe_load(path.read_text()))
    text = (school.folder / "inventories/my_school/group_vars/all/main.yml").read_text()
    named = set(re.findall(r"^# ([a-z]\w*_\w+):", text, re.M))
    assert len(named) >= 6
    assert named <= expected


def test_the_request_for_change_can_be_read(school: NewSchool) -> None:
    from fitsom_runner import yamlfile
    from fitsom_runner.changes.draft import RfcDraft

    draft = yamlfile.load(school.folder / "rfc/security-updates.rfc.yml", RfcDraft, reference="x")
    for playbook in (draft.playbook, draft.backout_playbook):
        assert playbook and (school.folder / playbook).is_file()


@pytest.mark.parametrize("kind", ["file inside", "hidden file", "a file", "git"])
def test_what_is_there_is_never_touched(tmp_path: Path, answers: Answers, kind: str) -> None:
    folder = tmp_path / "my-school"
    if kind == "a file":
        folder.write_text("mine")
    else:
        inner = {"file inside": "thesis.txt", "hidden file": ".keep", "git": ".git/HEAD"}[kind]
        (folder / inner).parent.mkdir(parents=True)
        (folder / inner).write_text("mine")
    before = everything(tmp_path)
    with pytest.raises(RefusedError, match="is not empty"):
        repository.make(folder, answers)
    assert everything(tmp_path) == before


@pytest.mark.parametrize("kept", ["kept/vault-password", "records/fitsom.sqlite3"])
def test_another_schools_secrets_and_records_are_never_taken_over(
    tmp_path: Path, answers: Answers, kept: str
) -> None:
    (tmp_path / kept).parent.mkdir()
    (tmp_path / kept).write_text("theirs")
    before = everything(tmp_path)
    with pytest.raises(RefusedError, match="belongs to another school"):
        repository.make(tmp_path / "my-school", answers)
    assert everything(tmp_path) == before
    assert (tmp_path / kept).read_text() == "theirs"


def test_an_empty_folder_is_used_and_stays_the_same_folder(tmp_path: Path, answers: Answers) -> None:
    folder = tmp_path / "my-school"
    folder.mkdir()
    number = folder.stat().st_ino
    repository.make(folder, answers)
    assert folder.stat().st_ino == number
    assert (folder / ".git").is_dir()
    assert {path.name for path in tmp_path.iterdir()} == {"my-school", "kept", "records"}


@pytest.mark.parametrize("step", ["_write", "_commit", "_move_into_place", "vaulted"])
@pytest.mark.parametrize("there", [True, False], ids=["into an empty folder", "new"])
@pytest.mark.parametrize("fault", [OSError("no room"), KeyboardInterrupt()], ids=["no room", "Ctrl-C"])
def test_nothing_is_left_of_a_school_that_could_not_be_made(
    tmp_path: Path,
    answers: Answers,
    monkeypatch: pytest.MonkeyPatch,
    step: str,
    there: bool,
    fault: BaseException,
) -> None:
    if there:
        (tmp_path / "schools/my-school").mkdir(parents=True)
    before = everything(tmp_path)

    def fail(*_words: Any) -> None:
        raise fault

    monkeypatch.setattr(repository, step, fail)
    with pytest.raises(ConfigError if isinstance(fault, OSError) else type(fault)):
        repository.make(tmp_path / "schools/my-school", answers)
    assert everything(tmp_path) == before


def test_settings_of_a_callers_git_have_no_effect(
    tmp_path: Path, answers: Answers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hook, a signature that asks for a pass phrase, an ignore file and GIT_DIR would each spoil the first commit."""
    hooks = tmp_path / "hooks"
    hooks.mkdir()
    (hooks / "pre-commit").write_text("#!/bin/sh\nexit 1\n")
    (hooks / "pre-commit").chmod(0o755)
    (tmp_path / "ignore").write_text("*.yml\n")
    settings = {
        "core.hooksPath": str(hooks),
        "init.templateDir": str(tmp_path),
        "commit.gpgSign": "true",
        "gpg.program": "/bin/false",
        "core.excludesFile": str(tmp_path / "ignore"),
        "user.name": "Jo Field",
        "user.email": "jo@school.test",
    }
    gitconfig = tmp_path / "gitconfig"
    for name, value in settings.items():
        subprocess.run(["git", "config", "--file", str(gitconfig), name, value], check=True)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(gitconfig))
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    result = repository.make(tmp_path / "my-school", answers)
    assert "fitsom.yml" in repository.git(result.folder, "ls-files").split()
    assert repository.git(result.folder, "log", "-1", "--format=%an <%ae>") == "Jo Field <jo@school.test>"
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"school": ""}, "the school's name: it is missing"),
        ({"school": "a\nb"}, "the character U+000A"),
        ({"school": "{{ lookup('pipe', 'id') }}"}, "would be read by Ansible as a template"),
        ({"timezone": "Europe/Milton"}, "is not an IANA time zone"),
        ({"login": "a b"}, "user: 'a b' is not a login"),
        ({"head_login": "jo"}, "jo is the network manager's"),
    ],
)
def test_answers_that_cannot_be_are_refused_before_anything_is_made(
    tmp_path: Path, answers: Answers, changed: dict[str, Any], words: str
) -> None:
    before = everything(tmp_path)
    with pytest.raises(ConfigError) as error:
        repository.make(tmp_path / "my-school", replace(answers, **changed))
    assert words in " ".join(error.value.details)
    assert everything(tmp_path) == before


@pytest.mark.parametrize("name", ["1school", "...", "pilot", "läääää"[1:]])
def test_a_folder_whose_name_is_no_name_is_refused(tmp_path: Path, answers: Answers, name: str) -> None:
    with pytest.raises(ConfigError, match="a school's folder has a name such as my-school"):
        repository.make(tmp_path / name, answers)


@pytest.mark.parametrize("part", ["secret", "state"])
def test_secrets_and_records_are_never_put_into_the_repository(
    tmp_path: Path, answers: Answers, part: str
) -> None:
    inside: dict[str, Any] = {part: tmp_path / "my-school" / part}
    with pytest.raises(ConfigError, match="every push would carry it"):
        repository.make(tmp_path / "my-school", replace(answers, **inside))
    assert not (tmp_path / "my-school").exists()


def test_the_usual_places_are_outside_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    places = repository.places("my_school")
    assert places == (
        tmp_path / ".config/fitsom/my_school/vault-password",
        tmp_path / ".local/share/fitsom/my_school",
    )
    assert [repository._from_home(p) for p in places] == [
        "~/.config/fitsom/my_school/vault-password",
        "~/.local/share/fitsom/my_school",
    ]
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert repository.places("x") == (Path("/etc/fitsom/x/vault-password"), Path("/var/lib/fitsom/x"))


def test_a_path_in_the_settings_may_begin_at_the_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    people = json.dumps([{"id": "a", "name": "A", "role": "head"}])
    (tmp_path / "fitsom.yml").write_text(
        f"school: {{name: X}}\ninventories: [i]\nstate: ~/records\nvault_password_files: [~/pw]\npeople: {people}\n"
    )
    settings = config.load(tmp_path / "fitsom.yml")
    assert (settings.state, settings.vault_password_files) == (tmp_path / "records", (tmp_path / "pw",))


def test_a_place_that_cannot_be_written_to_is_named(tmp_path: Path, answers: Answers) -> None:
    (tmp_path / "file").write_text("no folder")
    before = everything(tmp_path)
    with pytest.raises(ConfigError, match="could not be made") as error:
        repository.make(tmp_path / "file/my-school", answers)
    assert "Nothing is left of it" in error.value.hint
    assert everything(tmp_path) == before
