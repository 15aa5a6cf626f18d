"""The supervisor's end of the ledger: one is let in, a line is answered when it is on the disk, nothing is lost."""

import json
import os
import socket
from pathlib import Path
from typing import Any

import pytest

from fitsom_runner.ansible import recorder
from fitsom_runner.ansible.callback.fitsom_ledger import connected

GREETING: dict[str, Any] = {"secrets": ["pässword"], "bounds": {}}


def test_the_first_is_greeted_and_what_it_tells_is_written_down(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    with recorder.recording(path, tmp_path, GREETING):
        ansible = connected(tmp_path / recorder.SOCKET)
        with ansible.makefile("rb") as stream:
            assert json.loads(stream.readline()) == GREETING
        ansible.sendall(b'{"e":"task"}\n!{"e":"touch"}\n')
        assert ansible.recv(1) == b"."
        assert path.read_bytes() == b'{"e":"task"}\n{"e":"touch"}\n'
        assert not (tmp_path / recorder.SOCKET).exists(), "nobody else is let in"
        ansible.sendall(b'{"e":"res"}\n{"e":"ha')
        ansible.close()
    assert path.read_bytes().splitlines()[2:] == [b'{"e":"res"}'], "half a line is no event"
    assert path.stat().st_mode & 0o777 == 0o600


def test_an_ansible_that_never_tells_anything_leaves_an_empty_ledger(tmp_path: Path) -> None:
    with recorder.recording(tmp_path / "ledger.jsonl", tmp_path, GREETING) as empty:
        pass
    assert (tmp_path / "ledger.jsonl").read_bytes() == b""
    assert empty.fault == ""


def test_a_fork_that_keeps_the_connection_does_not_keep_the_run(tmp_path: Path) -> None:
    with recorder.recording(tmp_path / "ledger.jsonl", tmp_path, GREETING):
        ansible = connected(tmp_path / recorder.SOCKET)
        ansible.sendall(b'{"e":"stats"}\n')
    assert (tmp_path / "ledger.jsonl").read_bytes() == b'{"e":"stats"}\n'
    ansible.close()


def test_what_cannot_be_written_is_not_answered(tmp_path: Path) -> None:
    with recorder.recording(Path("/dev/full"), tmp_path, GREETING) as full:
        ansible = connected(tmp_path / recorder.SOCKET)
        with ansible.makefile("rb") as stream:
            stream.readline()
        ansible.sendall(b'!{"e":"touch"}\n')
        assert ansible.recv(1) == b""
    assert "the ledger could not be written" in full.fault


def test_an_event_without_an_end_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder, "LINE_LIMIT", 10)
    with recorder.recording(tmp_path / "ledger.jsonl", tmp_path, GREETING) as flooded:
        ansible = connected(tmp_path / recorder.SOCKET)
        with ansible.makefile("rb") as stream:
            stream.readline()
        ansible.sendall(b"x" * 100)
        assert ansible.recv(1) == b""
    assert "too long" in flooded.fault


def test_a_folder_with_a_long_path_holds_a_socket(tmp_path: Path) -> None:
    folder = tmp_path / ("x" * 100) / ("y" * 100)
    folder.mkdir(parents=True)
    with recorder.recording(tmp_path / "ledger.jsonl", folder, GREETING):
        ansible = connected(folder / recorder.SOCKET)
        assert ansible.family == socket.AF_UNIX
        ansible.close()
    assert os.listdir(folder) == []  # noqa: PTH208 - the names
