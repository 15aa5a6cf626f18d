"""The configuration file: what it may say, and how its faults are named."""

import os
from pathlib import Path

import pytest

from fitsom_runner import config, yamlfile
from fitsom_runner.changes.states import ChangeType
from fitsom_runner.config import FILE_NAME
from fitsom_runner.errors import ConfigError, ExitCode
from fitsom_runner.roles import Power, Role

SOUND = """\
school:
  name: Milton High
  timezone: Europe/London
repository: content
inventories: [inventories/school]
state: records
people:
  - id: hale
    name: Margaret Hale
    role: head
    os_user: mhale
  - id: higgins
    name: Bessy Higgins
    role: technician
    powers: [plan, run]
    valid_until: 2026-12-31
vault_password_files: [vault.txt]
"""


def config_file(folder: Path, text: str) -> Path:
    path = folder / FILE_NAME
    path.write_text(text, encoding="utf-8")
    return path


def test_a_sound_file_is_read(tmp_path: Path) -> None:
    settings = config.load(config_file(tmp_path, SOUND))
    assert settings.school.name == "Milton High"
    assert [(p.id, p.role) for p in settings.people] == [("hale", Role.HEAD), ("higgins", Role.TECHNICIAN)]
    assert settings.people[1].powers == frozenset({Power.PLAN, Power.RUN})
    assert not settings.acting_as_allowed


@pytest.mark.parametrize(
    ("before", "after", "line", "words"),
    [
        ("state: records", "stat: records", 6, "stat: there is no such setting; did you mean 'state'?"),
        ("role: technician", "role: teacher", 14, "role of Bessy Higgins: must be 'head'"),
        (
            "role: technician",
            "rolle: technician",
            14,
            "rolle of Bessy Higgins: there is no such setting; did you mean 'role'?",
        ),
        ("powers: [plan, run]", "powers: [plan, rule]", 15, "powers of Bessy Higgins: must be"),
        ("Europe/London", "Europe/Milton", 3, "'Europe/Milton' is not an IANA time zone"),
        ("id: higgins", "id: hale", 7, "id hale is given to more than one person"),
        ("id: higgins", "id: Higgins", 12, "id of Bessy Higgins: may have small letters"),
        (
            "inventories: [inventories/school]",
            "inventories: []",
            5,
            "inventories: must not be empty",
        ),
        ("  name: Milton High\n", "", 1, "school.name: is missing"),
        (
            "2026-12-31",
            "tomorrow",
            16,
            "valid_until of Bessy Higgins: must be a day, such as 2026-12-31, not 'tomorrow'",
        ),
        (
            "vault_password_files: [vault.txt]",
            "signatures: {majr: required}",
            17,
            "signatures.majr: there is no such setting; did you mean 'major'?",
        ),
        (
            "vault_password_files: [vault.txt]",
            "signatures:\n  major: always",
            18,
            "signatures.major: must be 'required' or 'optional', not 'always'",
        ),
    ],
)
def test_a_fault_is_named_by_file_and_line(
    tmp_path: Path, before: str, after: str, line: int, words: str
) -> None:
    assert before in SOUND
    path = config_file(tmp_path, SOUND.replace(before, after))
    with pytest.raises(ConfigError) as error:
        config.load(path)
    assert any(d.startswith(f"{path}:{line}: ") and words in d for d in error.value.details)
    assert error.value.exit_code is ExitCode.USAGE


def test_signatures_are_asked_for_by_type_of_change(tmp_path: Path) -> None:
    settings = config.load(config_file(tmp_path, SOUND + "signatures: {major: required, minor: optional}\n"))
    assert [kind for kind in ChangeType if settings.must_sign(kind)] == [ChangeType.MAJOR]
    settings = config.load(config_file(tmp_path, SOUND))
    assert not any(settings.must_sign(kind) for kind in ChangeType)
    assert set(config.SignatureRules.model_fields) == set(ChangeType)


def test_every_fault_is_named_at_once(tmp_path: Path) -> None:
    path = config_file(tmp_path, SOUND.replace("state:", "stat:").replace("role: head", "role: pope"))
    with pytest.raises(ConfigError, match="has 2 faults") as error:
        config.load(path)
    assert sorted(d.split(":")[1] for d in error.value.details) == ["10", "6"]


def test_one_login_is_not_two_people(tmp_path: Path) -> None:
    path = config_file(tmp_path, SOUND.replace("powers: [plan, run]", "os_user: mhale"))
    with pytest.raises(ConfigError) as error:
        config.load(path)
    assert "os_user mhale is given to more than one person" in error.value.details[0]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("school:\n  name: [Milton\n", 3),
        ("school:\n\tname: Milton\n", 2),
        ("school: !custom x\n", 1),
        ("a: b\n  c: d\n", 2),
        (SOUND.replace("2026-12-31", "2026-02-30"), 16),
        (SOUND + "state: elsewhere\n", 18),
    ],
)
def test_what_is_not_yaml_is_named_by_line(tmp_path: Path, text: str, line: int) -> None:
    path = config_file(tmp_path, text)
    with pytest.raises(ConfigError, match="not valid YAML") as error:
        config.load(path)
    assert error.value.message.startswith(f"{path}:{line}: ")


@pytest.mark.parametrize("text", ["", "- a\n- b\n", "just words\n", "42\n"])
def test_what_is_not_a_mapping_is_refused(tmp_path: Path, text: str) -> None:
    path = config_file(tmp_path, text)
    with pytest.raises(ConfigError, match=":1: expected settings such as 'name: value'"):
        config.load(path)
    with pytest.raises(ConfigError, match=":1: expected lines such as 'name: value'"):
        yamlfile.load_mapping(path)


def test_a_file_that_is_not_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / FILE_NAME
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="cannot be read"):
        config.load(path)


def test_a_missing_file_is_refused_with_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such file") as error:
        config.find(tmp_path / "other.yml")
    assert error.value.hint == "Make one with: fitsom init"
    with pytest.raises(ConfigError, match="cannot be read"):
        config.load(tmp_path / "other.yml")


def test_paths_are_relative_to_the_files_own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "content" / "inventories" / "school").mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir()
    path = config_file(tmp_path, SOUND)
    monkeypatch.chdir(tmp_path / "elsewhere")
    settings = config.load(path)
    assert settings.repository == tmp_path / "content"
    assert settings.database == tmp_path / "records" / "fitsom.sqlite3"
    assert settings.run_dir("r1") == tmp_path / "records" / "runs" / "r1"
    assert settings.vault_password_files == (tmp_path / "vault.txt",)
    assert settings.inventories == (tmp_path / "content" / "inventories" / "school",)


def test_an_inventory_that_the_repository_lacks_lies_beside_the_file(tmp_path: Path) -> None:
    assert config.load(config_file(tmp_path, SOUND)).inventories == (tmp_path / "inventories" / "school",)


def test_absolute_paths_stay(tmp_path: Path) -> None:
    settings = config.load(config_file(tmp_path, SOUND.replace("records", "/var/lib/fitsom")))
    assert settings.state == Path("/var/lib/fitsom")


def test_the_file_is_found_above_where_one_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FITSOM_CONFIG", raising=False)
    path = config_file(tmp_path, SOUND)
    (tmp_path / "a" / "b").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "a" / "b")
    assert config.find() == path


def test_the_environment_names_the_file_and_the_command_line_overrules_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    first_path, two = config_file(tmp_path / "one", SOUND), config_file(tmp_path / "two", SOUND)
    monkeypatch.setenv("FITSOM_CONFIG", os.fspath(first_path))
    assert config.find() == first_path
    assert config.find(tmp_path / "two") == two


def test_a_vaulted_value_is_kept_as_ciphertext(tmp_path: Path) -> None:
    path = config_file(tmp_path, "db_password: !vault |\n  $ANSIBLE_VAULT;1.1;AES256\n  3031\n")
    assert yamlfile.load_mapping(path) == {
        "db_password": {"__ansible_vault": "$ANSIBLE_VAULT;1.1;AES256\n3031"}
    }


def test_what_runs_may_see_is_sealed_as_it_is_written(tmp_path: Path) -> None:
    text = SOUND + "sandbox: {read: [ca.pem], write: [/srv]}\n"
    sandbox = config.load(config_file(tmp_path, text)).sandbox
    assert sandbox.read == (tmp_path / "ca.pem",)
    assert [sandbox.as_written(path) for path in (*sandbox.read, *sandbox.write)] == ["ca.pem", "/srv"]


@pytest.mark.parametrize(("word", "enabled"), [("off", False), ("on", True), ("{}", True)])
def test_the_sandbox_is_on_or_off(tmp_path: Path, word: str, enabled: bool) -> None:
    settings = config.load(config_file(tmp_path, f"{SOUND}sandbox: {word}\n"))
    assert settings.sandbox.enabled is enabled
