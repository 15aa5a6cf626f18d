"""All records as one file, and back."""

from __future__ import annotations

import io
import shutil
import sqlite3
import tarfile
from pathlib import Path

import pytest

from fitsom_runner.config import Config
from fitsom_runner.errors import ConfigError, FitsomError, RefusedError
from fitsom_runner.setup import backup
from tests.unit.people.cast import config

KEPT = {"fitsom.sqlite3", "audit.anchor", "audit.key", "runs", "runs/r1", "runs/r1/ledger.jsonl.gz"}


@pytest.fixture
def school(tmp_path: Path) -> Config:
    """Records of some sort, with a row that is in the write-ahead log only."""
    settings = config(tmp_path)
    (settings.state / "runs/r1").mkdir(parents=True)
    (settings.state / "work/left").mkdir(parents=True)
    for name in ("audit.anchor", "audit.key", "runs/r1/ledger.jsonl.gz", "runs/r1/lock", "x.before-1"):
        (settings.state / name).write_text(name)
    records = sqlite3.connect(settings.database)
    records.execute("PRAGMA journal_mode=WAL")
    with records:
        records.execute("CREATE TABLE late (word TEXT)")
        records.execute("INSERT INTO late VALUES ('here')")
    return settings


def elsewhere(school: Config, folder: Path) -> Config:
    return school.model_copy(update={"state": folder / "deep" / "state"})


def test_everything_comes_back_and_nothing_else_is_kept(school: Config, tmp_path: Path) -> None:
    target = tmp_path / "records.tar.gz"
    assert backup.save(school, target) == target.stat().st_size
    assert target.stat().st_mode & 0o077 == 0
    with tarfile.open(target) as archive:
        assert set(archive.getnames()) == KEPT
    there = elsewhere(school, tmp_path)
    backup.restore(there, target)
    assert sqlite3.connect(there.database).execute("SELECT word FROM late").fetchone() == ("here",)
    assert (there.state / "runs/r1/ledger.jsonl.gz").read_text() == "runs/r1/ledger.jsonl.gz"
    assert {path.name for path in there.state.iterdir()} == {
        "fitsom.sqlite3",
        "audit.anchor",
        "audit.key",
        "runs",
    }
    assert there.database.stat().st_mode & 0o077 == 0
    assert not list(school.state.glob("fitsom-*"))


def test_nothing_is_overwritten(school: Config, tmp_path: Path) -> None:
    target = tmp_path / "records.tar.gz"
    target.write_text("mine")
    with pytest.raises(RefusedError, match="is there already"):
        backup.save(school, target)
    assert target.read_text() == "mine"
    with pytest.raises(RefusedError, match="there are records"):
        backup.restore(school, target)


def test_what_cannot_be_written_leaves_nothing_behind(school: Config, tmp_path: Path) -> None:
    with pytest.raises(FitsomError, match="could not be written"):
        backup.save(school, tmp_path / "nowhere" / "records.tar.gz")
    shutil.rmtree(school.state / "runs")
    (school.state / "runs").mkdir()
    backup.save(school, tmp_path / "small.tar.gz")
    assert not list(tmp_path.glob("*.partial"))


def archive_of(path: Path, *members: tuple[str, bytes | None]) -> Path:
    """A .tar.gz; without a body, a link to /etc."""
    with tarfile.open(path, "w:gz") as archive:
        for name, body in members:
            member = tarfile.TarInfo(name)
            if body is None:
                member.type, member.linkname = tarfile.SYMTYPE, "/etc"
            else:
                member.size = len(body)
            archive.addfile(member, io.BytesIO(body or b""))
    return path


@pytest.mark.parametrize(
    "members",
    [
        (),
        (("notes.txt", b"x"),),
        (("fitsom.sqlite3", None),),
        (("../fitsom.sqlite3", b"x"),),
    ],
    ids=["empty", "of something else", "a link", "a way out"],
)
def test_what_is_no_backup_is_refused_and_leaves_nothing(
    school: Config, tmp_path: Path, members: tuple[tuple[str, bytes | None], ...]
) -> None:
    there = elsewhere(school, tmp_path)
    with pytest.raises(ConfigError, match="is no backup of records"):
        backup.restore(there, archive_of(tmp_path / "bad.tar.gz", *members))
    assert list(there.state.iterdir()) == []
    (tmp_path / "text.tar.gz").write_text("no archive")
    with pytest.raises(ConfigError, match="is no backup of records"):
        backup.restore(there, tmp_path / "text.tar.gz")


def test_members_that_lead_out_are_left_out(school: Config, tmp_path: Path) -> None:
    there = elsewhere(school, tmp_path)
    evil = archive_of(
        tmp_path / "evil.tar.gz", ("fitsom.sqlite3", b"x"), ("runs/link", None), ("runs/a", b"a")
    )
    backup.restore(there, evil)
    assert [path.name for path in (there.state / "runs").iterdir()] == ["a"]
