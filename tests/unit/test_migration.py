"""Records follow the program, once, with a copy kept; those of a newer one are left alone."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from fitsom_runner import __version__, migration
from fitsom_runner.config import Config
from tests.unit.people.cast import config

ROOT = Path(__file__).resolve().parents[2]
LATEST = {("processes", "0001_initial"), ("processes", "0002_incident_care")}
START = """\
import sys
from pathlib import Path
from fitsom_runner import boot, config
from fitsom_runner.errors import FitsomError
try:
    boot.start(config.load(Path(sys.argv[1])), migrate=len(sys.argv) > 2)
except FitsomError as fault:
    sys.exit(f"{fault.message} / {fault.hint}")
"""
SCHOOL = """\
school: {name: Milton High}
inventories: [inventories/school]
people: [{id: hale, name: Margaret Hale, role: head}]
"""
Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A school with records of today, to be copied."""
    folder = tmp_path_factory.mktemp("fresh")
    (folder / "fitsom.yml").write_text(SCHOOL)
    assert output_of(start(folder, "create")) == ""
    return folder


@pytest.fixture
def school(fresh: Path, tmp_path: Path) -> Config:
    """A school with records of today."""
    shutil.copytree(fresh, tmp_path, dirs_exist_ok=True)
    return config(tmp_path).model_copy(update={"state": tmp_path / "state"})


def start(folder: Path, *more: str) -> subprocess.Popen[str]:
    """A start of fitsom in a process of its own: Django is set up once in each."""
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    env.pop("FITSOM_DATABASE", None)
    line = [sys.executable, "-c", START, str(folder / "fitsom.yml"), *more]
    return subprocess.Popen(line, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def output_of(process: subprocess.Popen[str]) -> str:
    """What a start said; empty where it went well."""
    stdout, _ = process.communicate(timeout=120)
    assert bool(stdout) == bool(process.returncode), stdout
    return stdout


def change(school: Config, *statements: str) -> None:
    records = sqlite3.connect(school.database)
    with records:
        for statement in statements:
            records.execute(statement)
    records.close()


def older(school: Config) -> None:
    """The records as they were before incidents."""
    change(
        school,
        "DROP TABLE incident",
        "DELETE FROM django_migrations WHERE app = 'processes'",
    )


def copies(school: Config) -> list[Path]:
    return sorted(school.state.glob("fitsom.sqlite3.before-*"))


def test_the_list_of_migrations_is_the_one_that_django_applies(school: Config) -> None:
    assert migration.applied(school.database) == migration.shipped()
    assert migration.shipped() >= LATEST
    assert migration.last_writer(school) == __version__


def test_records_of_today_are_left_as_they_are(school: Config) -> None:
    assert output_of(start(school.state.parent)) == ""
    assert copies(school) == []


def test_older_records_are_brought_up_to_date_and_a_copy_is_kept(school: Config) -> None:
    older(school)
    assert output_of(start(school.state.parent)) == ""
    assert migration.applied(school.database) == migration.shipped()
    (copy,) = copies(school)
    assert re.fullmatch(rf"fitsom\.sqlite3\.before-{__version__}-\d{{8}}T\d{{6}}Z", copy.name)
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    assert migration.applied(copy) == migration.shipped() - LATEST
    assert sqlite3.connect(copy).execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_the_copy_has_the_anchor_of_its_log_beside_it(school: Config) -> None:
    anchor = school.state / "audit.anchor"
    anchor.write_text("1 abc\n")
    older(school)
    assert output_of(start(school.state.parent)) == ""
    (copy,) = copies(school)
    kept = copy.with_name(copy.name.replace("fitsom.sqlite3", "audit.anchor"))
    assert kept.read_text() == "1 abc\n"


def test_the_copy_has_what_still_lies_in_the_write_ahead_log(school: Config) -> None:
    older(school)
    writer = sqlite3.connect(school.database)
    with writer:
        writer.execute("CREATE TABLE late (word TEXT)")
        writer.execute("INSERT INTO late VALUES ('here')")
    copy = migration.keep_copy(school)
    assert school.database.with_name("fitsom.sqlite3-wal").stat().st_size > 0
    assert sqlite3.connect(copy).execute("SELECT word FROM late").fetchone() == ("here",)
    assert not list(school.state.glob("*.partial"))
    writer.close()


def test_two_at_once_migrate_once(school: Config) -> None:
    older(school)
    both = [start(school.state.parent) for _ in range(2)]
    assert [output_of(process) for process in both] == ["", ""]
    assert migration.applied(school.database) == migration.shipped()
    assert len(copies(school)) == 1


def run_row(school: Config) -> None:
    """A run that is recorded as being under way."""
    change(
        school,
        "INSERT INTO change (id, number, version, type, state, title, created_at, requester, implementer, playbook,"
        " backout_playbook, 'limit', tags, skip_tags, extra_vars, inputs, window_zone, closure_code, backout_used,"
        " review, item_name, item_location, asset_tag, change_text, reason, effect_of_not_changing,"
        " implementation_steps, impact, failure_impact, failure_risk, risk_evidence, backout, backout_class,"
        " communication, test_evidence, incidents, problems, configuration_items)"
        " VALUES (1, 'CHG-2026-0001', 1, 'minor', 'running', 't', '2026-11-20', 'x', '', 'p', '', 'all', '[]', '[]',"
        " '{}', '{}', '', '', 0, '{}', '', '', '', '', '', '', '', '', '', '', '', '', '', '', '', '[]', '[]', '[]')",
        "INSERT INTO plan (id, change_id, version, created_at, created_by, 'commit', seal, components, hosts, left_out,"
        " notes, seconds) VALUES ('p1', 1, 1, '2026-11-20', 'x', 'c', '', '{}', '{}', '{}', '[]', 1)",
        "INSERT INTO run (id, change_id, plan_id, kind, status, started_by, os_user, claimed_at, hosts,"
        " cancel_requested, refusal, messages, ledger_sha256, versions, predicted, left_out, reason)"
        " VALUES ('CHG-2026-0001-run1', 1, 'p1', 'apply', 'applying', 'x', 'x', '2026-11-20', '[]', 0, '[]', '[]', '',"
        " '{}', '{}', '{}', '')",
    )


def test_nothing_is_migrated_while_a_run_is_under_way_and_a_dead_one_does_not_count(school: Config) -> None:
    run_row(school)
    older(school)
    lock = school.run_dir("CHG-2026-0001-run1") / "lock"
    lock.parent.mkdir(parents=True)
    with lock.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        output = output_of(start(school.state.parent))
    assert "CHG-2026-0001-run1 is under way" in output
    assert "Wait until it has ended" in output
    assert LATEST.isdisjoint(migration.applied(school.database))
    assert copies(school) == []
    assert output_of(start(school.state.parent)) == ""
    assert migration.applied(school.database) >= LATEST


@pytest.mark.parametrize("words", [(), ("create",)], ids=["start", "init"])
def test_records_of_a_newer_fitsom_are_refused_and_left_alone(school: Config, words: tuple[str, ...]) -> None:
    (school.state / "fitsom-version").write_text("7.1.0\n")
    change(school, "INSERT INTO django_migrations (app, name, applied) VALUES ('changes', '0099_x', '2030')")
    output = output_of(start(school.state.parent, *words))
    assert f"was written by a newer fitsom (7.1.0) than this one ({__version__})" in output
    assert "Install that version again" in output
    assert migration.last_writer(school) == "7.1.0"
    assert copies(school) == []


def test_where_no_copy_can_be_made_nothing_is_changed(
    school: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    older(school)
    change(school, "CREATE TABLE big (word TEXT)")
    real = sqlite3.connect

    def full(path: object, *more: object, **options: object) -> sqlite3.Connection:
        if str(path).endswith(".partial"):
            raise sqlite3.OperationalError("database or disk is full")
        return real(path, *more, **options)  # type: ignore[call-overload,no-any-return]

    monkeypatch.setattr(sqlite3, "connect", full)
    with pytest.raises(Exception, match="no copy of them could be made: database or disk is full"):
        migration.keep_copy(school)
    assert list(school.state.glob("*before*")) == []


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    (tmp_path / "x.sqlite3").write_text("rubbish " * 200)
    with pytest.raises(Exception, match=r"x\.sqlite3: the records cannot be read"):
        migration.applied(tmp_path / "x.sqlite3")
