"""The closed room itself: what a program in it sees, and what it leaves behind."""

import subprocess
import sys
from pathlib import Path

import pytest

from fitsom_runner.ansible import room
from fitsom_runner.config import Sandbox, Ssh
from fitsom_runner.errors import ConfigError


def inside(place: room.Room, tmp_path: Path, script: str, **environment: str) -> str:
    scratch = tmp_path / "scratch"
    folder = tmp_path / "folder"
    scratch.mkdir(exist_ok=True)
    folder.mkdir(exist_ok=True)
    done = subprocess.run(
        place.command(["sh", "-c", script], folder, scratch),
        env=place.environment({"PATH": "/usr/bin:/bin", **environment}),
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout + done.stderr


def test_the_machine_is_not_seen_but_for_what_is_named(tmp_path: Path) -> None:
    readable, writable = tmp_path / "readable", tmp_path / "writable"
    for each in (readable, writable):
        each.mkdir()
        (each / "file").write_text("text\n")
    place = room.for_settings(Sandbox(read=(readable,), write=(writable,)))
    script = f"""
        ls -A /root /var /srv /opt /boot {tmp_path.parent} 2>/dev/null | grep -v :
        ls /etc/ssh /etc/shadow /etc/sudoers 2>/dev/null
        cat {readable}/file; echo more >> {readable}/file; echo more >> {writable}/file
        touch /usr/x {tmp_path}/folder/x; echo "$HOME"; ls -A ~; id -un
    """
    answer = inside(place, tmp_path, script)
    assert "text\n" in answer
    assert answer.count("Read-only file system") == 3
    assert "/home/fitsom\n" in answer
    assert "shadow" not in answer
    assert (readable / "file").read_text() == "text\n"
    assert (writable / "file").read_text() == "text\nmore\n"


def test_other_processes_are_not_seen(tmp_path: Path) -> None:
    assert len(inside(room.Room(), tmp_path, "ls -d /proc/[0-9]*").split()) <= 3


def test_what_is_left_in_the_background_ends_with_it(tmp_path: Path) -> None:
    mark = f"sleep 98{Path(tmp_path).name[-1]}.5"
    inside(room.Room(), tmp_path, f"{mark} >/dev/null 2>&1 & true")
    lines = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if path.exists()]
    assert not any(mark.replace(" ", "\0").encode() in line for line in lines)


def test_the_python_of_the_runner_works_inside(tmp_path: Path) -> None:
    program = f"{sys.executable} -c 'import ansible, fitsom_runner, multiprocessing; multiprocessing.Lock(); print(1)'"
    assert inside(room.Room(), tmp_path, program) == "1\n"


def test_this_machine_can_make_one() -> None:
    assert room.fault() == ""


def test_without_bubblewrap_the_way_out_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "apt install bubblewrap" in room.fault()
    with pytest.raises(ConfigError, match="not installed") as fault:
        room.Room().command(["true"], tmp_path, tmp_path)
    assert "sandbox: off" in fault.value.hint


def test_off_is_plain(tmp_path: Path) -> None:
    place = room.for_settings(Sandbox(enabled=False))
    assert place.command(["true"], tmp_path, tmp_path) == ["true"]
    assert place.environment({"HOME": "/root"}) == {"HOME": "/root"}
    assert place.advice(f"no such file: {tmp_path}/x") == ""


def test_a_path_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=f"{tmp_path}/x does not exist"):
        room.for_settings(Sandbox(read=(tmp_path / "x",)))
    with pytest.raises(ConfigError, match=f"{tmp_path}/x does not exist"):
        list(room.ssh_files(Ssh(known_hosts=tmp_path / "x")))


@pytest.mark.parametrize(
    "words", ["Could not find or access '{}'", "{}: not found", "open({!r}) failed", "see {}."]
)
def test_a_hidden_file_is_advised_about_and_a_visible_one_is_not(tmp_path: Path, words: str) -> None:
    hidden, shown = tmp_path / "hidden.csv", tmp_path / "shown.csv"
    hidden.touch()
    shown.touch()
    place = room.for_settings(Sandbox(read=(shown,)))
    assert f"--input NAME={hidden}" in place.advice(words.format(str(hidden)))
    assert place.advice(words.format(str(shown))) == ""
    assert place.advice(words.format(str(tmp_path / "never.csv"))) == ""
    assert place.advice(words.format("/usr/bin/env")) == ""


def test_what_may_be_read_is_sealed_by_its_content(tmp_path: Path) -> None:
    (tmp_path / "keys").write_text("one")
    before = room.sealed(Sandbox(read=(tmp_path / "keys",)))
    (tmp_path / "keys").write_text("two")
    assert room.sealed(Sandbox(read=(tmp_path / "keys",))) != before
