"""A command that tests begin by a fork does what one does that starts as ever."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests import forks
from tests.school import School, finished

#: What a process can see of how it was begun.
PROBE = """\
import json, os, random, resource, signal, sys, tempfile, time

def status():
    wanted = ("Umask", "SigBlk", "SigIgn", "SigCgt", "NSpid", "Seccomp", "CapEff", "Threads")
    lines = (line.split(":", 1) for line in open("/proc/self/status"))
    return {name: value.split()[1:] if name == "NSpid" else value.strip() for name, value in lines if name in wanted}

def descriptors():
    return sorted(int(name) for name in os.listdir("/proc/self/fd") if os.path.exists("/proc/self/fd/" + name))

print(json.dumps({
    "argv": sys.argv, "name": __name__, "file": __file__, "path": sys.path, "flags": str(sys.flags),
    "program": sys.executable, "main": sys.modules["__main__"].__dict__ is globals(),
    "environment": dict(os.environ), "real": sorted(map(os.fsdecode, os.environb)), "folder": os.getcwd(),
    "parent": os.getppid(), "group": os.getpgrp(), "session": os.getsid(0), "status": status(),
    "streams": [
        (each.name, each.mode, each.encoding, each.errors, each.line_buffering, each.write_through, each.newlines)
        for each in (sys.stdin, sys.stdout, sys.stderr)
    ],
    "kinds": [os.readlink(f"/proc/self/fd/{number}").split(":")[0] for number in range(3)],
    "descriptors": descriptors(), "limits": [resource.getrlimit(each) for each in range(10)],
    "signals": {each.name: str(signal.getsignal(each)) for each in signal.valid_signals() if hasattr(each, "name")},
    "temporary": tempfile.gettempdir(), "zone": time.tzname, "read": sys.stdin.read(),
}))
print("beside", file=sys.stderr)
sys.exit(7)
"""


def begin(program: Path, *words: str, fork: bool, **more: str) -> subprocess.Popen[str]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FITSOM_TEST_FORK", str(int(fork)))
        env = {
            "PATH": os.environ["PATH"],
            "LANG": "C.UTF-8",
            "TMPDIR": str(program.parent),
            "Ä": "ö\udcff",
            **more,
        }
        process = forks.popen([str(program), *words], cwd=program.parent, env=env)
    assert isinstance(process, forks.Forked) == fork
    return process


def script(folder: Path, text: str) -> Path:
    path = folder / "program"
    path.write_text(f"#!{sys.executable}\n{text}")
    path.chmod(0o755)
    return path


def test_it_sees_what_it_would_see(tmp_path: Path) -> None:
    program = script(tmp_path, PROBE)
    before = forks.SERVER.begun
    answers = [finished(begin(program, "one", "two words", "", fork=way), 7) for way in (True, False)]
    assert forks.SERVER.begun == before + 1
    forked, started = (json.loads(each.out) for each in answers)
    assert forked == started
    assert forked["parent"] == os.getpid()
    assert [each.err for each in answers] == ["beside\n"] * 2


@pytest.mark.parametrize(
    ("text", "code", "end"),
    [
        ("", 0, ""),
        ("raise SystemExit('a word')", 1, "a word\n"),
        ("raise ValueError('a fault')", 1, "ValueError: a fault\n"),
        ("import os; os.kill(os.getpid(), 15)", -signal.SIGTERM, ""),
        ("import atexit; atexit.register(print, 'at the end', file=__import__('sys').stderr)", 0, "at the end\n"),
        ("import threading; threading.Timer(0.1, print, ['later'], {'file': __import__('sys').stderr}).start()", 0,
         "later\n"),
        ("import subprocess, sys; subprocess.run(['sh', '-c', 'echo child >&2; exit 3'], check=True)", 1,
         "returned non-zero exit status 3.\n"),
    ],
)  # fmt: skip
def test_it_ends_as_it_would_end(tmp_path: Path, text: str, code: int, end: str) -> None:
    program = script(tmp_path, text)
    for way in (True, False):
        answer = finished(begin(program, fork=way), code)
        assert answer.err.endswith(end) and bool(answer.err) == bool(end)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_a_signal_reaches_it_and_its_end_is_seen(tmp_path: Path, how: signal.Signals) -> None:
    # Whoever runs tests in the background has Ctrl-C ignored, by what they start as well.
    heeds = "import signal, time; signal.signal(signal.SIGINT, signal.default_int_handler)"
    program = script(tmp_path, f"{heeds}; print('here', flush=True); time.sleep(600)")
    ends = []
    for way in (True, False):
        process = begin(program, fork=way)
        assert process.stdout and process.stdout.readline() == "here\n"
        assert process.poll() is None
        os.kill(process.pid, how)
        answer = finished(process, None)
        ends.append((answer.code, answer.err.splitlines()[-1:]))
        assert not Path(f"/proc/{process.pid}").exists()
    assert ends[0] == ends[1]
    assert ends[0][0] == -how


def test_two_forks_have_neither_random_numbers_nor_files_in_common(tmp_path: Path) -> None:
    program = script(
        tmp_path, "import random, uuid, tempfile; print(random.random(), uuid.uuid4(), tempfile.mkdtemp())"
    )
    answers = [finished(begin(program, fork=True)).out.split() for _ in range(3)]
    for values in zip(*answers, strict=True):
        assert len(set(values)) == 3
    assert all(each[2].startswith(str(tmp_path)) for each in answers)


@pytest.mark.parametrize("name", ["PYTHONHASHSEED", "LC_ALL", "TZ", "LD_PRELOAD", "COLUMNS"])
def test_what_is_read_at_the_start_makes_it_start(tmp_path: Path, name: str) -> None:
    program = script(tmp_path, "import sys; print(sys.flags.hash_randomization)")
    env = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", name: ""}
    process = forks.popen([str(program)], cwd=tmp_path, env=env)
    assert not isinstance(process, forks.Forked)
    finished(process)


def test_another_program_before_it_starts(tmp_path: Path) -> None:
    program = script(tmp_path, "print('done')")
    school = School(folder=tmp_path, prefix=("env", "A=b"))
    school.site.mkdir()
    process = school.popen("--version")
    assert not isinstance(process, forks.Forked)
    assert finished(process).out.startswith("fitsom ")
    process = forks.popen(["/usr/bin/env", str(program)], cwd=tmp_path, env={"PATH": os.environ["PATH"]})
    assert not isinstance(process, forks.Forked)
    assert finished(process).out == "done\n"


def test_without_a_server_it_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forks, "SERVER", forks.Server())
    program = script(tmp_path, "print('done')")
    assert finished(begin(program, fork=True)).out == "done\n"
    assert forks.SERVER.process
    forks.SERVER.process.kill()
    forks.SERVER.process.wait()
    assert finished(begin(program, fork=True)).out == "done\n"
    assert forks.SERVER.begun == 1


def test_the_code_that_runs_is_the_newest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forks, "SERVER", forks.Server())
    monkeypatch.setattr(forks, "OURS", tmp_path)
    program = script(tmp_path, "print('done')")
    source = tmp_path / "source.py"
    servers = []
    for second in (1, 1, 2):
        source.touch()
        os.utime(source, (second, second))
        assert finished(begin(program, fork=True)).out == "done\n"
        assert forks.SERVER.process
        servers.append(forks.SERVER.process.pid)
    assert servers[0] == servers[1] != servers[2]


#: Each as people see it, or with --json.
LINES = {
    "--help": False,
    "nonsense": True,
    "change new --titel x": False,
    "change list": False,
    "change show 1": True,
    "change show 9": False,
    "run start 1": True,
    "report show 1": False,
    "audit verify": True,
}


def told(school: School) -> list[tuple[int, str, str]]:
    answers = [school.fitsom(*line.split(), code=None, json_answer=json) for line, json in LINES.items()]
    return [(answer.code, answer.out, answer.err) for answer in answers]


def test_fitsom_says_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    school = School(folder=tmp_path / "school").build()
    school.new()
    before = forks.SERVER.begun
    forked = told(school)
    assert forks.SERVER.begun == before + len(LINES)
    monkeypatch.setenv("FITSOM_TEST_FORK", "0")
    assert told(school) == forked
    assert forks.SERVER.begun == before + len(LINES)
    assert {code for code, _, _ in forked} == {0, 2, 3}
