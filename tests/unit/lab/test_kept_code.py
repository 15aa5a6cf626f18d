"""What the lab's hosts keep of Ansible's modules is what Python would have made of them."""

from __future__ import annotations

from pathlib import Path
from types import CodeType

import pytest
from fitsom_lab import kept_code

SOURCE = b"answer = 6 * 7\r\n"


def answer(code: CodeType) -> object:
    found: dict[str, object] = {}
    exec(code, found)  # noqa: S102  # that is what it is for
    return found["answer"]


def test_a_source_is_compiled_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert answer(kept_code.compiled("a.py", SOURCE, str(tmp_path))) == 42
    monkeypatch.setattr(kept_code, "_compile", None)
    assert answer(kept_code.compiled("/elsewhere/b.py", SOURCE, str(tmp_path))) == 42


def test_another_source_is_other_code(tmp_path: Path) -> None:
    kept_code.compiled("a.py", SOURCE, str(tmp_path))
    assert answer(kept_code.compiled("a.py", b"answer = 43\n", str(tmp_path))) == 43


@pytest.mark.parametrize("broken", [b"", b"half", b"\xff" * 40])
def test_what_can_not_be_read_is_made_again(tmp_path: Path, broken: bytes) -> None:
    kept_code.compiled("a.py", SOURCE, str(tmp_path))
    (kept,) = tmp_path.iterdir()
    kept.write_bytes(broken)
    assert answer(kept_code.compiled("a.py", SOURCE, str(tmp_path))) == 42
    assert kept.read_bytes() != broken


def test_where_nothing_can_be_kept_it_is_compiled_all_the_same(tmp_path: Path) -> None:
    assert answer(kept_code.compiled("a.py", SOURCE, str(tmp_path / "missing"))) == 42
