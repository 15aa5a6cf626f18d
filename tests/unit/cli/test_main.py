"""The command line: what may stand where, and how errors are told."""

import errno
import io
import json
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError

from fitsom_runner import boot
from fitsom_runner.changes.models import Change
from fitsom_runner.cli import main as command
from fitsom_runner.cli.change import asked
from fitsom_runner.cli.context import OPTIONS, Options
from fitsom_runner.cli.main import complain, hoist
from fitsom_runner.errors import (
    ConfigError,
    ExitCode,
    FitsomError,
    IncompleteError,
    IntegrityError,
    NotAllowedError,
    NotFoundError,
    RefusedError,
)
from tests.unit.conftest import SetClock
from tests.unit.people.cast import NOW

SCHOOL = """\
school: {name: Milton High}
inventories: [inventories/school]
acting_as_allowed: true
people:
  - {id: hale, name: Margaret Hale, role: head}
  - {id: boucher, name: Nicholas Boucher, role: network_manager}
  - {id: higgins, name: Bessy Higgins, role: technician}
"""
FITSOM = [sys.executable, "-m", "fitsom_runner.cli.main"]
Say = Callable[..., tuple[int, str, str]]


@pytest.fixture(autouse=True)
def options() -> Iterator[None]:
    """No option is left over from another test."""
    vars(OPTIONS).update(vars(Options()))
    yield
    vars(OPTIONS).update(vars(Options()))


@pytest.fixture
def say(
    db: None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    set_clock: SetClock,
) -> Say:
    """Says a line to fitsom in a school with empty records; gives the exit code and what was answered."""
    (tmp_path / "fitsom.yml").write_text(SCHOOL)
    monkeypatch.setenv("FITSOM_CONFIG", str(tmp_path / "fitsom.yml"))
    monkeypatch.setattr(boot, "start", lambda _config: None)
    set_clock(NOW)

    def line(*words: str) -> tuple[int, str, str]:
        vars(OPTIONS).update(vars(Options()))
        monkeypatch.setattr(sys, "argv", ["fitsom", *words])
        capsys.readouterr()
        code: Any = 0
        try:
            command.main()
        except SystemExit as end:
            code = end.code
        answer = capsys.readouterr()
        return int(code or 0), answer.out, answer.err

    return line


NEW = ["change", "new", "--title", "Updates", "--playbook", "playbooks/patch.yml"]


@pytest.mark.parametrize(
    ("line", "left", "expected"),
    [
        ("change list", "change list", Options()),
        ("--json change list", "change list", Options(json=True)),
        ("change list --json", "change list", Options(json=True)),
        ("change --as hale list", "change list", Options(acting_as="hale")),
        ("change list --as=hale", "change list", Options(acting_as="hale")),
        ("--config a.yml tick", "tick", Options(config=Path("a.yml"))),
        ("tick --config=a.yml --json", "tick", Options(config=Path("a.yml"), json=True)),
        ("change list --as", "change list", Options(acting_as="")),
        ("change edit 1 -- --json --as x", "change edit 1 -- --json --as x", Options()),
        ("change list --jsonx --asx=1", "change list --jsonx --asx=1", Options()),
    ],
)
def test_json_as_and_config_may_stand_anywhere(line: str, left: str, expected: Options) -> None:
    assert hoist(line.split()) == left.split()
    assert expected == OPTIONS


FAULT = FitsomError("it [red]broke[/]", hint="mend it", details=("one", "two [x]"))


def test_an_error_is_told_in_words_on_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    complain(FAULT)
    answer = capsys.readouterr()
    assert answer.out == ""
    assert answer.err.splitlines() == [
        "error: it [red]broke[/]",
        "  - one",
        "  - two [x]",
        "way out: mend it",
    ]


def test_an_error_is_told_as_json_where_json_was_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    OPTIONS.json = True
    complain(FAULT)
    answer = capsys.readouterr()
    assert answer.err == ""
    assert json.loads(answer.out) == {
        "error": "it [red]broke[/]",
        "details": ["one", "two [x]"],
        "hint": "mend it",
    }


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (FitsomError, 1),
        (ConfigError, 2),
        (NotFoundError, 2),
        (IncompleteError, 2),
        (RefusedError, 3),
        (NotAllowedError, 6),
        (IntegrityError, 7),
    ],
)
def test_each_kind_of_error_has_its_exit_code(
    say: Say, monkeypatch: pytest.MonkeyPatch, fault: type[FitsomError], code: int
) -> None:
    def fail(_arguments: list[str]) -> list[str]:
        raise fault("broken")

    monkeypatch.setattr(command, "hoist", fail)
    assert say("tick")[0] == code


def test_the_exit_codes_are_as_documented() -> None:
    assert {c.name: int(c) for c in ExitCode} == {
        "OK": 0,
        "ERROR": 1,
        "USAGE": 2,
        "REFUSED": 3,
        "RUN_FAILED": 4,
        "INTERRUPTED": 5,
        "NOT_ALLOWED": 6,
        "INTEGRITY": 7,
        "FOUND": 8,
    }


def test_a_change_is_raised_and_told_as_json(say: Say) -> None:
    code, stdout, _err = say(*NEW, "--as", "higgins", "--json", "-e", "a=1", "-e", '{"b": [2]}')
    assert code == 0
    answer = json.loads(stdout)
    assert (answer["number"], answer["state"]) == ("CHG-2026-0001", "draft")
    assert Change.objects.get().extra_vars == {"a": "1", "b": [2]}


def test_a_refusal_ends_with_its_code_and_json(say: Say) -> None:
    say(*NEW, "--as", "higgins")
    code, stdout, err = say("change", "close", "1", "--as", "boucher", "--json")
    assert (code, err) == (ExitCode.REFUSED, "")
    assert json.loads(stdout)["error"] == "a minor change that is draft cannot close"


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["change", "show", "9", "--as", "hale"], ExitCode.USAGE, "no change '9'"),
        ([*NEW, "--as", "hale"], ExitCode.NOT_ALLOWED, "may not request changes"),
        ([*NEW, "--as", "nobody"], ExitCode.USAGE, "no person 'nobody'"),
        ([*NEW, "--as", "higgins", "--start", "2026-11-27 18:00"], ExitCode.USAGE, "a --start and an --end"),
        ([*NEW, "--as", "higgins", "-e", "db_password=hunter2"], ExitCode.USAGE, "--extra-vars: "),
        ([*NEW, "--as", "higgins", "-e", "{broken"], ExitCode.USAGE, "--extra-var: not valid JSON"),
        ([*NEW, "--as", "higgins", "-e", "novalue"], ExitCode.USAGE, "expected name=value"),
        ([*NEW, "--as", "higgins", "--failure-risk", "tiny"], ExitCode.USAGE, "--failure-risk: "),
        ([*NEW, "--as", "higgins", "--type", "huge"], ExitCode.USAGE, "--type: "),
        (["change", "list", "--config", "none.yml"], ExitCode.USAGE, "no such file"),
        (["nonsense"], ExitCode.USAGE, "No such command"),
    ],
)
def test_what_cannot_be_is_refused_with_its_exit_code(
    say: Say, words: list[str], code: int, told: str
) -> None:
    outcome, stdout, err = say(*words)
    assert (outcome, stdout) == (code, "")
    assert told in err
    assert "hunter2" not in err
    assert not Change.objects.exists()


def test_fields_of_a_file_are_overruled_by_options(say: Say, tmp_path: Path) -> None:
    source = tmp_path / "rfc.yml"
    source.write_text("title: From the file\nreason: because\nplaybook: playbooks/patch.yml\n")
    assert say("change", "new", "--from", str(source), "--title", "From the line", "--as", "higgins")[0] == 0
    change = Change.objects.get()
    assert (change.title, change.reason) == ("From the line", "because")


def test_a_fault_in_a_file_is_named_by_line(say: Say, tmp_path: Path) -> None:
    source = tmp_path / "rfc.yml"
    source.write_text("title: A change\ntilte: twice\n")
    code, _out, err = say("change", "new", "--from", str(source), "--as", "higgins")
    assert code == ExitCode.USAGE
    assert f"{source}:2: tilte:" in err


def test_the_version_is_told_without_any_configuration(capsys: pytest.CaptureFixture[str]) -> None:
    process = subprocess.run([*FITSOM, "--version"], capture_output=True, text=True, check=True, cwd="/")
    assert process.stdout.startswith("fitsom ")


def test_a_log_that_was_altered_on_disk_ends_with_code_7(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FITSOM_CONFIG", str(tmp_path / "fitsom.yml"))
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).resolve().parents[3]))
    (tmp_path / "fitsom.yml").write_text(SCHOOL)

    def fitsom(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([*FITSOM, *words], capture_output=True, text=True, check=False, cwd=tmp_path)

    assert fitsom("init", ".").returncode == 0
    assert fitsom(*NEW, "--as", "higgins").returncode == 0
    with sqlite3.connect(tmp_path / "state" / "fitsom.sqlite3") as records:
        records.execute("DROP TRIGGER audit_entry_no_delete")
        records.execute("DELETE FROM audit_entry WHERE seq = 2")
    records.close()
    verdict = fitsom("audit", "verify", "--json")
    assert verdict.returncode == ExitCode.INTEGRITY
    assert json.loads(verdict.stdout)["details"] == [
        "entry 2 was anchored in audit.anchor but is no longer in the log",
        "CHG-2026-0001 is in the records and was never raised according to the log",
    ]


def test_a_mistyped_option_is_told_as_json_where_json_was_asked_for(tmp_path: Path) -> None:
    process = subprocess.run(
        [*FITSOM, "change", "show", "--nope", "--json"],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert process.returncode == ExitCode.USAGE
    assert json.loads(process.stdout)["error"] == "No such option: --nope"


@pytest.mark.parametrize("head", ["1:", "1", "1:abc", ":" + "0" * 16, "one:" + "0" * 16, "1:" + "z" * 16])
def test_a_head_of_the_log_is_named_in_full(say: Say, head: str) -> None:
    code, _out, err = say("audit", "verify", "--head", head)
    assert code == ExitCode.USAGE
    assert "is no entry of a report" in err


def test_a_review_asks_for_what_was_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    left_out = dict.fromkeys(("objective_met", "plan_accurate", "side_effects", "test_evidence"))
    monkeypatch.setattr("sys.stdin", io.StringIO("y\nn\n\nPrinted a page\n"))
    assert asked({**left_out, "notes": ""}) == {
        "objective_met": True,
        "plan_accurate": False,
        "side_effects": "none",
        "test_evidence": "Printed a page",
        "notes": "",
    }
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    given = {"objective_met": False, "plan_accurate": True, "side_effects": "noise", "test_evidence": ""}
    assert asked({**given, "notes": "x"}) == {**given, "notes": "x"}


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (OSError(errno.ENOSPC, "No space left on device", "/srv/state/x"), "/srv/state/x: No space left"),
        (PermissionError(errno.EACCES, "Permission denied", "/srv/state"), "/srv/state: Permission denied"),
        (OSError(errno.EROFS, "Read-only file system"), "Read-only file system"),
        (OperationalError("attempt to write a readonly database"), "the records cannot be used: attempt to"),
    ],
    ids=["full", "another's", "read-only", "database"],
)
def test_what_the_machine_refuses_is_a_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], fault: Exception, words: str
) -> None:
    def fails(*_words: Any, **_settings: Any) -> None:
        raise fault

    monkeypatch.setattr(command, "app", fails)
    assert command.call(["change", "list"]) == ExitCode.ERROR
    told = capsys.readouterr().err
    assert words in told
    assert "way out:" in told
    assert "Traceback" not in told


@pytest.mark.parametrize("fault", [ValueError("ours"), FileNotFoundError(errno.ENOENT, "No such file", "x")])
def test_a_fault_of_our_own_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch, fault: Exception) -> None:
    def fails(*_words: Any, **_settings: Any) -> None:
        raise fault

    monkeypatch.setattr(command, "app", fails)
    with pytest.raises(type(fault)):
        command.call(["change", "list"])
