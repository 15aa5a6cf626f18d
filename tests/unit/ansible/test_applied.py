"""What a host notes of the runs of a plan, by a real shell, and which answers let a run go on."""

from __future__ import annotations

import os
import stat
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from fitsom_runner.ansible.applied import Applied, ask, line_of

PLAN, OTHER = "a" * 64, "b" * 64
FIRST = line_of(PLAN, "CHG-2026-0001-run1", "2026-11-27T10:00:00.000001+00:00")
SECOND = line_of(PLAN, "CHG-2026-0001-run2", "2026-11-27T11:00:00.000001+00:00")


def on_host(home: Path, applied: Applied, *, check: bool) -> str:
    """The answer of a host whose account has this home."""
    done = subprocess.run(
        ["sh", "-c", applied.command(check=check)],
        env={"HOME": str(home), "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def test_a_run_that_the_records_know_may_be_resumed(tmp_path: Path) -> None:
    first = Applied(plan=PLAN, entry=FIRST)
    second = Applied(plan=PLAN, entry=SECOND, known=(FIRST,))
    assert first.objection(on_host(tmp_path, first, check=True)) == ""
    assert not list(tmp_path.iterdir()), "taking a plan leaves nothing on a host"
    assert first.objection(on_host(tmp_path, first, check=False)) == ""
    assert second.objection(on_host(tmp_path, second, check=True)) == ""
    assert second.objection(on_host(tmp_path, second, check=False)) == ""


def test_a_run_that_asks_again_knows_itself_and_is_noted_once(tmp_path: Path) -> None:
    first = Applied(plan=PLAN, entry=FIRST)
    for _turn in range(3):
        assert first.objection(on_host(tmp_path, first, check=False)) == ""
    assert (tmp_path / ".local/state/fitsom/applied").read_text() == f"{FIRST}\n"


def test_one_that_they_do_not_know_stops_the_plan_and_no_other(tmp_path: Path) -> None:
    on_host(tmp_path, Applied(plan=PLAN, entry=FIRST), check=False)
    again = Applied(plan=PLAN, entry=SECOND)
    for check in (True, False):
        objection = again.objection(on_host(tmp_path, again, check=check))
        assert "applied to this host already, by CHG-2026-0001-run1 at 2026-11-27T10:00" in objection
    other = Applied(plan=OTHER, entry=line_of(OTHER, "CHG-2026-0001-run2", "x"))
    assert other.objection(on_host(tmp_path, other, check=True)) == ""


def test_the_same_number_in_another_copy_is_another_run(tmp_path: Path) -> None:
    on_host(tmp_path, Applied(plan=PLAN, entry=FIRST), check=False)
    later = line_of(PLAN, "CHG-2026-0001-run1", "2026-11-28T10:00:00+00:00")
    second = Applied(plan=PLAN, entry=SECOND, known=(later,))
    assert second.objection(on_host(tmp_path, second, check=True))


def test_only_its_account_reads_it_and_it_does_not_grow_for_ever(tmp_path: Path) -> None:
    file = tmp_path / ".local/state/fitsom/applied"
    file.parent.mkdir(parents=True)
    file.write_text(f"{line_of(OTHER, 'CHG-2020-0001-run1', 'x')}\n" * 1000)
    on_host(tmp_path, Applied(plan=PLAN, entry=FIRST), check=False)
    lines = file.read_text().splitlines()
    assert (len(lines), lines[-1]) == (500, FIRST)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    "answer", ["", "Welcome to srv1!\r\n", f"{OTHER} CHG-1-run1 x", f"{FIRST}\r\n", PLAN[:20]]
)
def test_other_words_of_a_host_stop_nothing(answer: str) -> None:
    assert Applied(plan=PLAN, entry=SECOND, known=(FIRST,)).objection(answer) == ""


@pytest.mark.parametrize("answer", [f"{PLAN} ", f"{PLAN} {'x' * 9000}", f"{FIRST} and more"])
def test_a_line_that_is_none_of_ours_is_told_in_few_words(answer: str) -> None:
    objection = Applied(plan=PLAN, entry=SECOND, known=(FIRST,)).objection(answer)
    assert "the records do not know of it" in objection
    assert len(objection) < 300


class Connection:
    """Stands in for a connection of Ansible's."""

    def __init__(self, transport: str, family: str, code: int = 0) -> None:
        self.transport, self._code = transport, code
        self._shell = SimpleNamespace(SHELL_FAMILY=family)
        self.commands: list[str] = []

    def exec_command(self, command: str, *, sudoable: bool) -> tuple[int, bytes, bytes]:
        assert not sudoable
        self.commands.append(command)
        if self._code < 0:
            raise ConnectionError("nobody answers")
        return self._code, b"words", b""


@pytest.mark.parametrize(
    ("connection", "variables", "answer", "asked"),
    [
        (Connection("ssh", "sh"), {}, "words", 1),
        (Connection("paramiko", "sh"), {}, "words", 1),
        (Connection("ssh", "sh", code=127), {}, "", 1),
        (Connection("ssh", "sh", code=-1), {}, "", 1),
        (Connection("ssh", "powershell"), {}, "", 0),
        (Connection("ssh", "sh"), {"ansible_network_os": "cisco.ios.ios"}, "", 0),
        (Connection("local", "sh"), {}, "", 0),
        (Connection("network_cli", "sh"), {}, "", 0),
        (Connection("winrm", "powershell"), {}, "", 0),
    ],
)
def test_only_a_host_with_a_shell_is_asked(
    connection: Connection, variables: dict[str, Any], answer: str, asked: int
) -> None:
    handler = SimpleNamespace(_connection=connection)
    assert ask(handler, variables, "command") == answer
    assert connection.commands == ["command"] * asked
