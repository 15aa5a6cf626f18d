"""The hand-over: its content, and its encryption."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
import yaml

from plugins.module_utils.directory import handover
from plugins.module_utils.directory.model import Action, State, Step
from tests.unit.directory_engine.people import CLASS, ZOE

WRITTEN_AT = datetime(2026, 11, 24, 8, 30, tzinfo=UTC)
GROUPS = {"class 7a, old": replace(CLASS, members=frozenset({"id-7"}))}
STATE = State(units=frozenset(), users={"id-7": ZOE}, groups=GROUPS)
EMPTY = State(units=frozenset(), users={}, groups={})


def test_new_accounts_are_listed_with_class_and_password() -> None:
    steps = [Step(action=Action.CREATE_USER, key="id-7", after=ZOE)]
    (row,) = handover.content(steps, {"id-7": "secret"}, EMPTY, STATE)["created"]
    assert row == {
        "username": "26obrienz",
        "name": "Zoë O'Brien",
        "year": "7",
        "classes": "Class 7A, old",
        "password": "secret",
    }


def test_data_of_deleted_accounts_is_exported() -> None:
    leaver = replace(ZOE, left_on=date(2026, 7, 31))
    rows = handover.content([Step(action=Action.EXPORT_USER, key="id-7", before=leaver)], {}, STATE, EMPTY)
    assert rows["deleted"][0]["source_id"] == "id-7"
    assert (rows["deleted"][0]["left"], rows["deleted"][0]["mail"]) == ("2026-07-31", "z@school.test")


def test_without_new_or_deleted_accounts_there_is_no_content() -> None:
    assert handover.content([Step(action=Action.CREATE_UNIT, key="Pupils")], {}, EMPTY, STATE) == {}


def test_only_the_passphrase_opens_it(tmp_path: Path) -> None:
    path = handover.write(
        tmp_path / "handover", "open sesame", {"created": [{"password": "secret"}]}, WRITTEN_AT, head="# x\n"
    )
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.read_bytes().startswith(b"$ANSIBLE_VAULT;") and b"secret" not in path.read_bytes()
    (tmp_path / "pass").write_text("open sesame\n")
    program = Path(sys.executable).with_name("ansible-vault")
    command: list[str | Path] = [program, "view", "--vault-password-file", tmp_path / "pass", path]
    assert yaml.safe_load(subprocess.check_output(command)) == {"created": [{"password": "secret"}]}


def test_folder_that_cannot_be_written_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(handover.HandoverError, match="cannot be written"):
        handover.write(tmp_path / "file", "x", {"created": []}, WRITTEN_AT)
