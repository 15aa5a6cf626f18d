"""`fitsom init` and `fitsom upgrade --check`: what is asked and said, as real commands."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from fitsom_runner.errors import ExitCode

ROOT = Path(__file__).resolve().parents[3]
FITSOM = [sys.executable, "-m", "fitsom_runner.cli.main"]
LIST = "name,address,groups\nsrv1,10.0.0.1,pilot\nsw1,10.0.0.9,\n"


class Desk:
    """A folder with a home of its own; fitsom is called there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "home").mkdir()
        self.env = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder / "home"),
            "PYTHONPATH": str(ROOT),
            "LANG": "C.UTF-8",
            "GIT_CONFIG_NOSYSTEM": "1",
        }
        self.elsewhere = ["--vault-password", str(folder / "secret/pw"), "--state", str(folder / "state")]

    def fitsom(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*FITSOM, *words],
            cwd=self.folder,
            env=self.env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    def names(self) -> set[str]:
        return {path.name for path in self.folder.iterdir()}


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_a_school_from_a_list_without_a_question(desk: Desk) -> None:
    (desk.folder / "hosts.csv").write_text(LIST)
    process = desk.fitsom("init", "my-school", "--from", "hosts.csv", "--json", *desk.elsewhere)
    assert process.returncode == 0, process.stderr
    answer = json.loads(process.stdout)
    assert (answer["hosts"], answer["in_no_ring"]) == (["srv1", "sw1"], ["sw1"])
    assert "never patched: sw1" in " ".join(process.stderr.split())
    assert (desk.folder / "state/fitsom.sqlite3").exists()
    # A second time: the records only.
    again = desk.fitsom("init", "my-school", "--json")
    assert json.loads(again.stdout)["made"] is False
    check = desk.fitsom("upgrade", "--check", "--json", "--config", "my-school/fitsom.yml")
    assert check.returncode == 0, check.stderr
    assert json.loads(check.stdout)["migrations"] == []


def test_a_list_with_faults_leaves_nothing(desk: Desk) -> None:
    (desk.folder / "hosts.csv").write_text("name,address,groups\n1,,x\n")
    before = desk.names()
    process = desk.fitsom("init", "my-school", "--from", "hosts.csv", *desk.elsewhere)
    assert process.returncode == ExitCode.USAGE
    assert "hosts.csv:2: name: '1' is not a host name" in process.stderr
    assert "hosts.csv:2: groups: 'x' is not one of them" in process.stderr
    assert "way out:" in process.stderr
    assert desk.names() == before


def test_a_folder_with_files_is_refused(desk: Desk) -> None:
    process = desk.fitsom("init", ".", *desk.elsewhere)
    assert process.returncode == ExitCode.REFUSED
    assert "is not empty" in process.stderr
    assert desk.names() == {"home"}


def test_content_that_is_there_gets_a_configuration_only(desk: Desk) -> None:
    process = desk.fitsom("init", "site", "--school", "St Mary\\s", "--repository", ".", "--inventory", "inv")
    assert process.returncode == 0, process.stderr
    assert {path.name for path in (desk.folder / "site").iterdir()} == {"fitsom.yml", "state"}
    output = desk.fitsom("config", "check", "--json", "--config", "site/fitsom.yml")
    answer = json.loads(output.stdout)
    assert answer["school"]["name"] == "St Mary\\s"
    assert answer["repository"] == str(desk.folder)


def answering(desk: Desk, answers: list[str], *words: str) -> str:
    """Run fitsom on a terminal of its own and type the answers; all that it showed."""
    own_end, terminal_end = pty.openpty()
    process = subprocess.Popen(
        [*FITSOM, *words],
        cwd=desk.folder,
        env={**desk.env, "TERM": "dumb"},
        stdin=terminal_end,
        stdout=terminal_end,
        stderr=terminal_end,
        start_new_session=True,
    )
    os.close(terminal_end)
    os.write(own_end, "".join(f"{answer}\n" for answer in answers).encode())
    output = b""
    try:
        while data := os.read(own_end, 4096):
            output += data
    except OSError:
        pass  # the other end is closed: it has ended
    os.close(own_end)
    assert process.wait(timeout=60) == 0, output.decode()
    return output.decode()


def test_on_a_terminal_it_asks_and_a_host_with_a_fault_is_asked_for_again(desk: Desk) -> None:
    answers = ["Milton High", "", "adm", "srv 1", "", "pilot", "srv1", "10.0.0.5", "pilot, baselined", ""]
    output = answering(desk, [*answers, "Margaret Hale", "hale"], "init", "milton", *desk.elsewhere)
    assert "'srv 1' is not a host name" in output
    settings = (desk.folder / "milton/fitsom.yml").read_text()
    assert '"Milton High"' in settings
    assert 'os_user: "hale"' in settings
    assert "10.0.0.5" in (desk.folder / "milton/inventories/milton/hosts.yml").read_text()


def test_with_no_input_a_terminal_is_not_asked(desk: Desk) -> None:
    output = answering(desk, [], "init", "milton", "--no-input", *desk.elsewhere)
    assert "The school's name" not in output
    assert (desk.folder / "milton/fitsom.yml").exists()


def test_fitsom_does_not_install_itself_and_says_what_does(desk: Desk) -> None:
    process = desk.fitsom("upgrade")
    assert process.returncode == ExitCode.REFUSED
    assert "fitsom upgrade --check WHEEL" in process.stderr
