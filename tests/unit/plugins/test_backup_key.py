"""The key of a host's backups: made once, opened by the passphrase alone, never replaced."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from plugins.module_utils.vault import VaultError
from plugins.modules import backup_key

PASSPHRASE = "canary-passphrase"


def test_a_key_is_written_closed_and_opens_again(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "srv1.txt"
    key = backup_key.make(path, "srv1", PASSPHRASE, "")
    text = path.read_text()
    assert len(key) >= 43, "256 bits"
    assert "The key of the backups of srv1" in text
    assert key not in text
    assert PASSPHRASE not in text
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert backup_key.read_key(path, PASSPHRASE) == key
    assert [row.name for row in path.parent.iterdir()] == ["srv1.txt"], "no draft stays behind"


def test_two_hosts_have_two_keys(tmp_path: Path) -> None:
    created = {backup_key.make(tmp_path / f"{host}.txt", host, PASSPHRASE, "") for host in ("srv1", "srv2")}
    assert len(created) == 2


def test_whoever_comes_second_gets_the_key_of_the_first(tmp_path: Path) -> None:
    first = backup_key.make(tmp_path / "srv1.txt", "srv1", PASSPHRASE, "")
    assert backup_key.make(tmp_path / "srv1.txt", "srv1", PASSPHRASE, "") == first


def test_a_lost_print_out_is_made_again_from_the_hosts_key(tmp_path: Path) -> None:
    assert backup_key.make(tmp_path / "srv1.txt", "srv1", PASSPHRASE, "the-hosts-own") == "the-hosts-own"
    assert backup_key.read_key(tmp_path / "srv1.txt", PASSPHRASE) == "the-hosts-own"


def test_another_passphrase_does_not_open_it_and_is_not_reported(tmp_path: Path) -> None:
    backup_key.make(tmp_path / "srv1.txt", "srv1", PASSPHRASE, "")
    before = (tmp_path / "srv1.txt").read_bytes()
    with pytest.raises(VaultError, match=r"srv1\.txt does not open") as refused:
        backup_key.read_key(tmp_path / "srv1.txt", "wrong-canary")
    assert "wrong-canary" not in str(refused.value)
    assert (tmp_path / "srv1.txt").read_bytes() == before


def test_a_file_that_is_no_print_out_is_reported(tmp_path: Path) -> None:
    (tmp_path / "srv1.txt").write_text("shopping list")
    with pytest.raises(VaultError, match="has no key in it"):
        backup_key.read_key(tmp_path / "srv1.txt", PASSPHRASE)
