"""The gate without systemd: one process serves, as it would be started for a connection, and this one calls."""

from __future__ import annotations

import json
import os
import pwd
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from fitsom_runner.gate import client, messages, server
from fitsom_runner.gate.messages import BrokenOffError
from tests.school import ROOT, finished, wait_until
from tests.ssh_keys import make_key

SETTINGS = """\
school: {{name: Milton High}}
repository: {root}
inventories: [inventories/demo_school]
gate: true
people:
  - {{id: manager, name: Mary Manager, role: network_manager, os_user: {login}}}
  - {{id: head, name: Helen Head, role: head, os_user: helen}}
"""
RFC = "title: A notice\nplaybook: playbooks/patch.yml\nlimit: all\nreason: r\nimpact: i\nbackout: b\n"


class Desk:
    """A folder with a configuration, and a socket where whoever calls is served."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.settings = folder / "fitsom.yml"
        self.write(pwd.getpwuid(os.getuid()).pw_name)
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.listener.bind(str(folder / "gate.sock"))
        self.listener.listen()
        self.journal = folder / "journal"
        self.journal.touch()
        threading.Thread(target=self.serve, daemon=True).start()

    def write(self, login: str, **settings: str) -> None:
        more = "".join(f"{name}: {value}\n" for name, value in settings.items())
        self.settings.write_text(SETTINGS.format(root=ROOT, login=login) + more)

    def serve(self) -> None:
        while True:
            try:
                connection, _address = self.listener.accept()
            except OSError:
                return
            command = [
                sys.executable,
                "-I",
                "-m",
                "fitsom_runner.gate.server",
                "--config",
                str(self.settings),
            ]
            with self.journal.open("ab") as journal:
                subprocess.Popen(command, stdin=connection.fileno(), stdout=journal, stderr=journal, cwd="/")
            connection.close()

    def call(self, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """As `fitsom` calls, from a process that has only this socket."""
        return subprocess.run(
            [sys.executable, "-c", CALL, str(self.folder / "gate.sock"), *words],
            cwd=self.folder,
            env={**os.environ, "HOME": str(self.folder), "COLUMNS": "200", **variables},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    def connect(self) -> socket.socket:
        """A client of somebody's own making."""
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        connection.connect(str(self.folder / "gate.sock"))
        return connection


CALL = """\
import sys
from pathlib import Path
from fitsom_runner.gate import client, messages
messages.SOCKET = Path(sys.argv[1])
sys.exit(client.call(sys.argv[2:]))
"""


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path)
    setup = [sys.executable, "-m", "fitsom_runner.cli.main", "init", str(tmp_path)]
    subprocess.run(setup, check=True, capture_output=True)
    yield made
    made.listener.close()


def test_a_command_answers_at_the_callers_terminal_with_its_code(desk: Desk) -> None:
    told = desk.call("change", "list")
    assert (told.returncode, told.stdout.splitlines()[0], told.stderr) == (0, "No changes.", "")
    told = desk.call("change", "show", "7")
    assert told.returncode == 2
    assert "no change '7'" in told.stderr
    assert desk.call("change", "sho").returncode == 2


def test_files_are_read_and_written_from_the_callers_folder(desk: Desk) -> None:
    (desk.folder / "notice.yml").write_text(RFC)
    made = json.loads(
        desk.call("change", "new", "--from", "notice.yml", "--input", "a=b.txt", "--json").stdout
    )
    assert made["inputs"] == {"a": str(desk.folder / "b.txt")}
    told = desk.call("change", "new", "--from", "missing.yml")
    assert "missing.yml: cannot be read" in told.stderr
    assert "No such file" in told.stderr


def test_a_key_stays_with_its_owner(desk: Desk) -> None:
    make_key(desk.folder / "key")
    told = desk.call("key", "enrol", "--key", "key.pub", "--json")
    fingerprint = json.loads(told.stdout)["fingerprint"]
    told = desk.call("change", "approve", "1", "--key", "./key", "--yes")
    assert "no change '1'" in told.stderr
    assert fingerprint in desk.call("key", "list").stdout


def test_only_people_of_the_school_get_in(desk: Desk) -> None:
    desk.write("somebody")
    told = desk.call("change", "list")
    assert told.returncode == 6
    assert "is not one of them" in told.stderr
    wait_until(lambda: "refused" in desk.journal.read_text(), "the journal")


@pytest.mark.parametrize("limit", ["valid_until: 2026-01-31", "valid_from: 2199-01-01"])
def test_whose_time_is_over_reads_nothing_either(desk: Desk, limit: str) -> None:
    login = pwd.getpwuid(os.getuid()).pw_name
    desk.write(f"{login}, {limit}")
    told = desk.call("change", "list")
    assert (told.returncode, told.stdout) == (6, "")
    assert "limited in time" in told.stderr


def test_a_configuration_that_lets_people_act_as_others_is_not_served(desk: Desk) -> None:
    desk.write(pwd.getpwuid(os.getuid()).pw_name, acting_as_allowed="true")
    told = desk.call("change", "list")
    assert told.returncode == 2
    assert "is not for a gate" in told.stderr


@pytest.mark.parametrize(
    "words",
    [
        ("--config", "x", "change", "list"),
        ("change", "list", "--as", "head"),
        ("init", "x"),
        ("service", "install"),
    ],
)
def test_nobody_chooses_another_configuration_or_name(desk: Desk, words: tuple[str, ...]) -> None:
    told = desk.call(*words)
    assert told.returncode == 6
    assert not (desk.folder / "x").exists()


@pytest.mark.parametrize(
    "sent",
    [b"", b"{", b"[]", b"{}", b'{"call": "change"}', b'{"call": [1]}', b'{"call": []}', b"x" * 140_000],
)
def test_what_is_no_call_ends_that_connection_and_no_other(desk: Desk, sent: bytes) -> None:
    with desk.connect() as connection:
        connection.send(sent)
        connection.shutdown(socket.SHUT_WR)
        wait_until(lambda: re.search("no call|has gone|no message", desk.journal.read_text()), "the journal")
    assert desk.call("change", "list").returncode == 0


def test_files_that_nobody_named_are_not_opened(tmp_path: Path) -> None:
    """The other side may ask for what stands on the command line, and for nothing else."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    (tmp_path / "named").write_text("words")
    (tmp_path / "other").write_text("words")
    words = ["change", "new", "--from", str(tmp_path / "named"), "-e", f"@{tmp_path}/vars"]
    for path, is_given in (("named", True), ("other", False), ("vars", True)):
        (tmp_path / "vars").write_text("a: 1")
        messages.send(theirs, {"ask": "read", "path": str(tmp_path / path)})
        client._answer(ours, messages.receive(ours), words)
        answer = messages.receive(theirs)
        assert bool(answer.files) is is_given
        assert ("errno" in answer.content) is not is_given
        answer.close()
    for ask in (
        {"ask": "keygen", "what": "steal", "path": str(tmp_path / "named")},
        {"ask": "show", "name": "x"},
        {"path": str(tmp_path / "named")},
        {"ask": "write", "path": str(tmp_path / "other")},
        {"ask": "fly", "path": str(tmp_path / "named")},
    ):
        messages.send(theirs, ask)
        client._answer(ours, messages.receive(ours), words)
        assert "errno" in messages.receive(theirs).content
    assert (tmp_path / "other").read_text() == "words"


def test_ctrl_c_reaches_the_command(desk: Desk) -> None:
    (desk.folder / "pipe").unlink(missing_ok=True)
    os.mkfifo(desk.folder / "pipe")
    line = [sys.executable, "-c", CALL, str(desk.folder / "gate.sock"), "change", "new", "--from", "pipe"]
    process = subprocess.Popen(line, cwd=desk.folder, stderr=subprocess.PIPE, text=True)
    handle = os.open(desk.folder / "pipe", os.O_WRONLY)  # waits until the client has opened it
    process.send_signal(signal.SIGINT)
    told = finished(process, None)
    os.close(handle)
    assert told.code in (1, 130), told.err
    assert "Traceback" not in told.err


def test_an_interrupt_reaches_a_command_that_waits_for_something() -> None:
    """Also where one signal would have come just before the command began to wait; and it is told once."""
    reader, writer = os.pipe()
    before = signal.signal(signal.SIGINT, server._raise_once)
    try:
        with pytest.raises(KeyboardInterrupt):
            threading.Thread(target=server._interrupt, daemon=True).start()
            while True:
                os.read(reader, 1)
        server._raise_once(signal.SIGINT, None)
    finally:
        signal.signal(signal.SIGINT, before)
        os.close(reader)
        os.close(writer)


def test_a_message_that_is_too_large_is_not_sent() -> None:
    ours, _theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with pytest.raises(BrokenOffError, match="too much"):
        messages.send(ours, {"call": ["x" * messages.LARGEST]})


@pytest.mark.parametrize(
    ("line", "variables", "expected"),
    [
        ("change list", {}, True),
        ("change list --json", {}, True),
        ("", {}, False),
        ("--help", {}, False),
        ("change --help", {}, False),
        ("init my-school", {}, False),
        ("service install", {}, False),
        ("change list --config x", {}, False),
        ("change list --config=x", {}, False),
        ("change list", {"FITSOM_CONFIG": "x"}, False),
        ("", {"_FITSOM_COMPLETE": "complete_bash"}, False),
    ],
)
def test_what_goes_to_the_service(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str, variables: dict[str, str], expected: bool
) -> None:
    monkeypatch.setattr(messages, "SOCKET", tmp_path)
    monkeypatch.setattr(os, "geteuid", lambda: tmp_path.stat().st_uid + 1)
    assert client.is_for_the_gate(line.split(), variables) is expected


def test_its_own_account_and_a_machine_without_one_need_no_gate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(messages, "SOCKET", tmp_path)
    assert not client.is_for_the_gate(["change", "list"], {})
    monkeypatch.setattr(messages, "SOCKET", tmp_path / "none")
    assert not client.is_for_the_gate(["change", "list"], {})


def test_a_service_that_does_not_answer_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(messages, "SOCKET", tmp_path / "none")
    assert client.call(["change", "list"]) == 1
