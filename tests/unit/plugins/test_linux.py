"""What the modules do alike: files, manifests, users, units, processes."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from plugins.module_utils import linux


def test_a_text_is_read_whatever_bytes_are_in_it_and_nothing_where_there_is_none(tmp_path: Path) -> None:
    (tmp_path / "odd").write_bytes(b"a\xffb")
    assert linux.read_text(str(tmp_path / "odd")) == "a\ufffdb"
    assert linux.read_text(str(tmp_path / "none")) == ""
    assert linux.text_or_none(str(tmp_path / "none")) is None
    assert linux.text_or_none(str(tmp_path)) is None


def test_what_may_be_written_back_is_never_read_otherwise_than_it_is(tmp_path: Path) -> None:
    (tmp_path / "odd").write_bytes(b"a\xffb")
    (tmp_path / "plain").write_text("a\n")
    assert linux.read_exactly(str(tmp_path / "plain")) == "a\n"
    assert linux.read_exactly(str(tmp_path / "none")) == ""
    with pytest.raises(ValueError, match="utf-8"):
        linux.read_exactly(str(tmp_path / "odd"))
    with pytest.raises(IsADirectoryError):
        linux.read_exactly(str(tmp_path))


def test_a_file_is_written_with_its_rights_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "file"
    linux.write_file(str(path), b"text", 0o640, path.parent.stat().st_uid, path.parent.stat().st_gid)
    assert (path.read_bytes(), path.stat().st_mode & 0o7777) == (b"text", 0o640)
    linux.write_file(str(path), b"other", 0o600)
    assert (path.read_bytes(), path.stat().st_mode & 0o7777) == (b"other", 0o600)
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_descriptor: int) -> None:
        raise OSError("no space left")

    path = tmp_path / "file"
    path.write_text("old")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="no space left"):
        linux.write_file(str(path), b"new", 0o600)
    assert path.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]


def test_a_manifest_comes_back_and_one_of_another_format_is_refused(tmp_path: Path) -> None:
    empty: dict[str, Any] = {"format": 1, "files": {}}
    assert linux.load_manifest(str(tmp_path), empty) == empty
    linux.store_manifest(str(tmp_path), {"format": 1, "files": {"/a": {}}})
    assert linux.load_manifest(str(tmp_path), empty) == {"format": 1, "files": {"/a": {}}}
    with pytest.raises(ValueError, match="has format 1; this version reads 2"):
        linux.load_manifest(str(tmp_path), {"format": 2})


def test_an_account_that_is_not_there_has_no_number() -> None:
    assert linux.uid_of("root") == 0
    assert linux.uid_of("nobody-is-called-so") is None
    assert linux.uid_of("a\0b") is None


def test_the_properties_of_a_unit_are_read_by_name() -> None:
    class Module:
        def run_command(self, words: list[str]) -> tuple[int, str, str]:
            assert words == ["systemctl", "show", "--property", "Id,ExecStart", "--", "-x.service"]
            return 0, "Id=-x.service\nExecStart={ path=/bin/x ; argv[]=/bin/x a=b }\n\n", ""

    assert linux.unit_properties(Module(), "-x.service", "Id,ExecStart") == {
        "Id": "-x.service",
        "ExecStart": "{ path=/bin/x ; argv[]=/bin/x a=b }",
    }


def test_a_process_is_found_by_its_parents_whatever_its_name_holds() -> None:
    assert linux.stat_fields("7 (a) b (c) S 1 2") == ["S", "1", "2"]
    assert linux.parent_of(os.getpid()) == os.getppid()
    assert 0 < linux.start_of(os.getpid()) <= linux.ticks_now()
    assert linux.name_of_process(os.getpid())


def test_the_session_is_that_of_the_sshd_above_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    names = {9: "python3", 8: "sh", 7: "sshd-session", 1: "systemd"}
    environments = {8: ["SSH_CONNECTION=fe80::1%eth0 50000 192.0.2.2 22"]}
    monkeypatch.setattr(os, "getpid", lambda: 9)
    monkeypatch.setattr(linux, "parent_of", {9: 8, 8: 7, 7: 1}.get)
    monkeypatch.setattr(linux, "name_of_process", names.get)
    monkeypatch.setattr(linux, "_environment", lambda pid: environments.get(pid, []))
    assert linux.ssh_process() == 7
    assert linux.ssh_connection() == ("fe80::1", "192.0.2.2", 22)
    names[7] = "cron"
    environments.clear()
    assert (linux.ssh_process(), linux.ssh_user(), linux.ssh_connection()) == (0, None, None)
