"""What the security review reads on a host, as the host writes it."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from plugins.module_utils.security import host


def test_lines_of_the_journal_are_read_whatever_is_in_them() -> None:
    lines = [
        json.dumps(
            {"MESSAGE": "a", "SYSLOG_IDENTIFIER": "sshd", "_PID": "7", "__REALTIME_TIMESTAMP": "1500000"}
        ),
        json.dumps({"MESSAGE": [115, 255], "SYSLOG_IDENTIFIER": "su", "__REALTIME_TIMESTAMP": "0"}),
        json.dumps({"MESSAGE": None}),
    ]
    assert list(host.entries(lines)) == [
        ("sshd", "7", "a", 1.5),
        ("su", "", "s\ufffd", 0.0),
        ("", "", "", 0.0),
    ]


def test_signatures_are_as_old_as_they_say_or_as_their_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host, "CLAMAV", str(tmp_path))
    (tmp_path / "daily.cvd").write_bytes(b"ClamAV-VDB:16 Sep 2021 08-32 -0400:62:1:90:x" + b"\xff" * 600)
    (tmp_path / "ours.ndb").write_text("Eicar-Lab:0:*:4549\n")
    (tmp_path / "freshclam.dat").write_text("no signatures")
    os.utime(tmp_path / "ours.ndb", (5, 5))
    assert sorted(host.signatures()) == [5, 1_631_795_520]
