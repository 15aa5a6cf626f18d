"""Every secret that a run may see is known before the run."""

import os
from pathlib import Path

import pytest

from fitsom_runner.ansible import secrets
from fitsom_runner.config import Config
from fitsom_runner.errors import ConfigError
from fitsom_runner.yamlfile import VAULTED
from tests.unit.ansible.repository import inline, vaulted, write
from tests.unit.people.cast import config


@pytest.fixture
def school(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    """A school with a vault password, and no secret in its environment."""
    for name in list(os.environ):
        monkeypatch.delenv(name)
    password = write(tmp_path, "vault.txt", "open sesame\n")
    return config(tmp_path, vault_password_files=(password,))


def test_a_vaulted_value_in_a_file_is_found(school: Config, tmp_path: Path) -> None:
    text = "plain: yes\n" + inline("db_password", "hunter2-db") + "other: 1\n" + inline("pin", "4711-4711")
    write(tmp_path, "vars/all.yml", text)
    assert secrets.known_secrets(school, [tmp_path / "vars"], {}) == ["4711-4711", "hunter2-db"]


def test_a_nested_vaulted_value_is_found(school: Config, tmp_path: Path) -> None:
    body = inline("password", "hunter2-deep").replace("\n", "\n    ").rstrip()
    write(tmp_path, "vars/all.yml", f"users:\n  - name: ann\n    {body}\n")
    assert secrets.known_secrets(school, [tmp_path / "vars"], {}) == ["hunter2-deep"]


def test_the_values_of_a_wholly_vaulted_file_are_found_and_its_keys_are_not(
    school: Config, tmp_path: Path
) -> None:
    plain = "db_password: hunter2-file\nusers:\n  - {token: t0ken-t0ken, active: true, uid: 10042}\n"
    write(tmp_path, "vars/vault.yml", vaulted(plain))
    result = secrets.known_secrets(school, [tmp_path / "vars"], {})
    assert {"hunter2-file", "t0ken-t0ken", "10042"} <= set(result)
    assert not {"db_password", "token", "users", "True"} & set(result)


def test_a_vaulted_extra_variable_is_found(school: Config) -> None:
    values = {"shop": [{"password": {VAULTED: vaulted("hunter2-extra").strip()}}], "n": 1}
    assert secrets.known_secrets(school, [], values) == ["hunter2-extra"]


@pytest.mark.parametrize(
    "name", ["DB_PASSWORD", "api_key", "APIKEY", "GH_TOKEN", "MY_SECRET", "SSH_PRIVATE_KEY"]
)
def test_a_secret_in_the_environment_is_found(
    school: Config, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "hunter2-env")
    monkeypatch.setenv("EDITOR", "vi")
    assert secrets.known_secrets(school, [], {}) == ["hunter2-env"]


def test_content_without_vaults_needs_no_password(school: Config, tmp_path: Path) -> None:
    write(tmp_path, "vars/all.yml", "plain: yes\n")
    open_school = school.model_copy(update={"vault_password_files": ()})
    assert secrets.known_secrets(open_school, [tmp_path / "vars"], {}) == []


def test_vaulted_content_without_a_password_is_refused(school: Config, tmp_path: Path) -> None:
    write(tmp_path, "vars/all.yml", inline("a", "hunter2-db"))
    with pytest.raises(ConfigError, match="no vault password is configured") as error:
        secrets.known_secrets(school.model_copy(update={"vault_password_files": ()}), [tmp_path / "vars"], {})
    assert "vault_password_files" in error.value.hint


def test_a_wrong_password_is_refused_with_the_file(school: Config, tmp_path: Path) -> None:
    write(tmp_path, "vars/deep/all.yml", inline("a", "hunter2-db", password="other"))
    with pytest.raises(ConfigError, match=r"deep/all\.yml: a vaulted value does not open") as error:
        secrets.known_secrets(school, [tmp_path / "vars"], {})
    assert "hunter2" not in str(error.value)


def test_a_password_file_that_is_missing_is_refused(school: Config, tmp_path: Path) -> None:
    write(tmp_path, "vars/all.yml", inline("a", "hunter2-db"))
    without_password = school.model_copy(update={"vault_password_files": (tmp_path / "lost.txt",)})
    with pytest.raises(ConfigError, match=r"lost\.txt: the vault password cannot be read"):
        secrets.known_secrets(without_password, [tmp_path / "vars"], {})


def test_the_second_of_two_passwords_opens_too(school: Config, tmp_path: Path) -> None:
    second = write(tmp_path, "other.txt", "other\n")
    write(tmp_path, "vars/a.yml", inline("a", "hunter2-one"))
    write(tmp_path, "vars/b.yml", inline("b", "hunter2-two", password="other"))
    both = school.model_copy(update={"vault_password_files": (*school.vault_password_files, second)})
    assert secrets.known_secrets(both, [tmp_path / "vars"], {}) == ["hunter2-one", "hunter2-two"]
