"""Tests wait for as long as something moves, and no longer."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from tests.progress import Patience, moved, run_while_it_speaks


@pytest.fixture
def seconds(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Each look at the clock is a second later."""
    ticks = count()
    monkeypatch.setattr(time, "monotonic", lambda: float(next(ticks)))
    yield


def test_what_is_made_written_or_removed_has_moved(tmp_path: Path) -> None:
    file = tmp_path / "a" / "b"
    seen = [moved(tmp_path)]
    file.parent.mkdir()
    seen.append(moved(tmp_path))
    file.touch()
    seen.append(moved(tmp_path))
    file.write_text("more")
    os.utime(file, ns=(1 << 62, 1 << 62))
    seen.append(moved(tmp_path))
    file.unlink()
    seen.append(moved(tmp_path))
    assert len(set(seen)) == 5
    assert moved(tmp_path) == seen[-1]


def test_patience_ends_when_nothing_moves(seconds: None, tmp_path: Path) -> None:
    still = Patience(50, "the end of the world", tmp_path)
    with pytest.raises(AssertionError, match="nothing has moved for 50 s: the end of the world"):
        for _ in range(100):
            still.check()


def test_patience_lasts_while_something_moves(seconds: None, tmp_path: Path) -> None:
    still = Patience(50, "the end of the world", tmp_path)
    for number in range(200):
        (tmp_path / str(number)).touch()
        still.check()


def run(script: str, silence: float) -> tuple[int, list[str]]:
    heard: list[str] = []
    code = run_while_it_speaks(
        [sys.executable, "-uc", script], cwd=Path("/"), env={}, silence=silence, heard=heard.append
    )
    return code, heard


def test_a_program_that_speaks_is_run_to_its_end() -> None:
    assert run("import sys; print('one'); print('two', file=sys.stderr); exit(3)", 60) == (
        3,
        ["one\n", "two\n"],
    )


def test_a_program_that_says_nothing_is_ended(tmp_path: Path) -> None:
    script = (
        f"import os, time; open('{tmp_path}/pid', 'w').write(str(os.getpid())); print(1); time.sleep(600)"
    )
    with pytest.raises(AssertionError, match=r"nothing has been said for 1 s"):
        run(script, 1)
    assert not Path(f"/proc/{(tmp_path / 'pid').read_text()}").exists()
