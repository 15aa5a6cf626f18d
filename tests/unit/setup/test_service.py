"""What `fitsom service install` takes over of a school; with real accounts: tests/integration/test_service.py."""

from __future__ import annotations

import os
import pwd
from pathlib import Path

import pytest

from fitsom_runner import boot, config, migration
from fitsom_runner.errors import ConfigError, NotAllowedError
from fitsom_runner.setup import repository, service
from fitsom_runner.setup.repository import Answers
from fitsom_runner.setup.service import Places

LOGIN = pwd.getpwuid(os.getuid()).pw_name
PEOPLE = """
people:
  - {id: manager, name: Mary Manager, role: network_manager, os_user: mary}
  - {id: head, name: Helen Head, role: head, os_user: helen}
"""


@pytest.fixture
def places(tmp_path: Path) -> Places:
    """As on a machine, below one folder; the account is our own."""
    made = Places(account=LOGIN, home=tmp_path / "lib", settings=tmp_path / "etc", units=tmp_path / "units")
    made.home.mkdir()
    return made


@pytest.fixture
def school(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A fitsom.yml with two vault passwords of one name, a key and settings of ssh."""
    monkeypatch.setattr(os, "chown", lambda *_arguments, **_options: None)
    for name in ("one/vault-password", "two/vault-password", "key", "ssh_config", "known_hosts"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(f"{name}\n")
    answers = Answers(
        school="Milton High",
        login="adm",
        os_user="mary",
        secret=tmp_path / "secret/pw",
        state=tmp_path / "state",
    )
    folder = repository.make(tmp_path / "milton", answers).folder
    text = (folder / "fitsom.yml").read_text().partition("\npeople:")[0] + PEOPLE
    text = text.replace(
        "vault_password_files:\n",
        "vault_password_files:\n  - ../one/vault-password\n  - ../two/vault-password\n",
    )
    text += "ssh: {keys: [../key], config: ../ssh_config, known_hosts: ../known_hosts}\n"
    (folder / "fitsom.yml").write_text(text)
    return folder


def taken_over(school: Path, places: Places) -> config.Config:
    settings = config.load(school / "fitsom.yml")
    list(service._take_over(school / "fitsom.yml", settings, places))
    return config.load(places.config)


def test_the_services_settings_are_those_of_the_school_with_its_own_places(
    school: Path, places: Places
) -> None:
    settings = taken_over(school, places)
    assert settings.gate
    assert settings.repository == school
    assert settings.state == places.records
    assert [person.id for person in settings.people] == ["manager", "head", "scheduler"]
    assert settings.people[-1].os_user == service.ACCOUNT
    assert {path.parent for path in (*settings.vault_password_files, *settings.ssh.keys)} == {places.secrets}
    assert settings.ssh.config == places.settings / "ssh_config"


def test_two_passwords_of_one_name_are_kept_apart(school: Path, places: Places) -> None:
    settings = taken_over(school, places)
    words = [path.read_text() for path in settings.vault_password_files]
    assert words[:2] == ["one/vault-password\n", "two/vault-password\n"]
    assert all(path.stat().st_mode & 0o077 == 0 for path in settings.vault_password_files)
    ours = pwd.getpwuid(os.getuid())
    again = service._secret(school.parent / "two/vault-password", ours.pw_uid, places, ours)
    assert again == settings.vault_password_files[1]


def test_records_move_whole_and_the_old_ones_are_kept(
    school: Path, places: Places, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(migration, "refuse_while_running", lambda *_arguments: None)
    monkeypatch.setattr(migration, "applied", lambda _database: set())
    for name in ("fitsom.sqlite3", "audit.anchor", "runs/CHG-1/report.html", "work/left/over"):
        (tmp_path / "state" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "state" / name).write_text(name)
    taken_over(school, places)
    assert (places.records / "runs/CHG-1/report.html").read_text() == "runs/CHG-1/report.html"
    assert not (places.records / "work").exists()
    assert not (tmp_path / "state").exists()
    assert (tmp_path / "state.moved-to-service/fitsom.sqlite3").exists()


def test_a_key_is_made_where_the_school_has_none(school: Path, places: Places) -> None:
    text = (school / "fitsom.yml").read_text().replace("keys: [../key], ", "")
    (school / "fitsom.yml").write_text(text)
    settings = config.load(school / "fitsom.yml")
    said = "\n".join(service._take_over(school / "fitsom.yml", settings, places))
    assert "ssh-ed25519 " in said
    assert (places.secrets / "id_ed25519").stat().st_mode & 0o077 == 0


def test_somebody_without_a_login_is_named(school: Path) -> None:
    (school / "fitsom.yml").write_text((school / "fitsom.yml").read_text().replace(", os_user: helen", ""))
    with pytest.raises(ConfigError) as refused:
        service._require_people(config.load(school / "fitsom.yml"))
    assert refused.value.details == ("people: head has no os_user",)


def test_only_root_sets_it_up(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(NotAllowedError, match="by root"):
        next(service.install(tmp_path))


def test_records_of_another_account_are_not_opened(
    school: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not by root either: what root leaves behind, their owner could not write any more."""
    (tmp_path / "state/fitsom.sqlite3").touch()
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    with pytest.raises(NotAllowedError, match=f"belong to the account {LOGIN}"):
        boot.start(config.load(school / "fitsom.yml"))
