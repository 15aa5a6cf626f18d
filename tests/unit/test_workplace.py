"""Private folders of plans and runs: held while they are worked in, gone afterwards, swept where that was not to be."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from fitsom_runner import workplace
from fitsom_runner.errors import RefusedError


def test_it_is_private_and_gone_afterwards(tmp_path: Path) -> None:
    with workplace.workplace(tmp_path / "work", "plan1") as folder:
        assert folder == tmp_path / "work" / "plan1"
        assert folder.stat().st_mode & 0o777 == 0o700
        (folder / "roster.csv").touch()
        workplace.sweep(tmp_path / "work")
        assert (folder / "roster.csv").exists(), "it is held"
    assert list((tmp_path / "work").iterdir()) == []


def test_it_is_gone_where_the_work_fails(tmp_path: Path) -> None:
    with pytest.raises(KeyError), workplace.workplace(tmp_path, "plan1"):
        raise KeyError
    assert list(tmp_path.iterdir()) == []


def test_two_do_not_work_in_one(tmp_path: Path) -> None:
    with workplace.workplace(tmp_path, "plan1") as folder:
        (folder / "mine").touch()
        with pytest.raises(RefusedError, match="another process"), workplace.workplace(tmp_path, "plan1"):
            pass
        assert (folder / "mine").exists()
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_process_has_left_is_swept(tmp_path: Path) -> None:
    program = (
        "import os, signal, sys\nfrom pathlib import Path\nfrom fitsom_runner.workplace import workplace\n"
        "with workplace(Path(sys.argv[1]), 'plan1') as folder:\n"
        "    (folder / 'roster.csv').touch()\n    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=False)
    assert (tmp_path / "plan1" / "roster.csv").exists()
    workplace.sweep(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_one_that_is_just_being_made_is_left_alone_and_an_old_one_is_not(tmp_path: Path) -> None:
    young, old = tmp_path / ".new-young", tmp_path / ".new-old"
    young.mkdir()
    old.mkdir()
    os.utime(old, (1, 1))
    workplace.sweep(tmp_path)
    assert list(tmp_path.iterdir()) == [young]


def test_where_nothing_was_planned_yet_there_is_nothing_to_sweep(tmp_path: Path) -> None:
    workplace.sweep(tmp_path / "never")
