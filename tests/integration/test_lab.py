"""The lab itself: hosts answer, labs live side by side, and nothing stays behind."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.lab_hosts import NEEDS_LAB

REPOSITORY = Path(__file__).resolve().parents[2]
PROGRAM = REPOSITORY / "molecule/shared/lab.py"
ONE_HOST = """
refresh: false
hosts:
  srv1:
    image: {image}
    groups: [pilot]
    fixture: {{installed: {{plain: "1.0"}}, published: {{plain: "1.1"}}}}
"""

Lab = Callable[..., "subprocess.CompletedProcess[str]"]

pytestmark = NEEDS_LAB


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    """lab.py with a lab directory of its own, so that no lab of the person's is ever in reach."""
    environment = {**os.environ, "FITSOM_LAB_DIR": str(tmp_path / "labs")}

    def run(*arguments: str, ok: bool = True) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, str(PROGRAM), *arguments]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert (done.returncode == 0) is ok, done.stderr
        return done

    yield run
    run("down", "--all")


@pytest.fixture
def spec(tmp_path: Path) -> str:
    path = tmp_path / "lab.yml"
    path.write_text(ONE_HOST.format(image="debian12-outdated"))
    return str(path)


def names(lab: Lab) -> set[str]:
    found: list[dict[str, Any]] = json.loads(lab("status", "--json").stdout)
    return {each["lab"] for each in found}


def ping(folder: Path) -> int:
    command = ["ansible", "--inventory", str(folder / "inventory"), "all", "--module-name", "ping"]
    return subprocess.run(command, cwd=REPOSITORY, capture_output=True, check=False).returncode


def test_a_host_answers_and_has_updates_to_install(lab: Lab, spec: str) -> None:
    folder = Path(lab("up", "one", "--spec", spec).stdout.strip())
    assert ping(folder) == 0
    upgrade = lab("exec", "one", "srv1", "--", "apt-get", "--simulate", "dist-upgrade").stdout
    assert "Inst fitsom-fixture-plain [1.0] (1.1 Debian-Security:lab-security" in upgrade
    assert upgrade.count("Debian-Security") > 1, "the image should have real outstanding updates"


def test_up_again_starts_nothing_new(lab: Lab, spec: str) -> None:
    lab("up", "one", "--spec", spec)
    before = lab("exec", "one", "srv1", "--", "cut", "-d ", "-f22", "/proc/1/stat").stdout
    lab("up", "one", "--spec", spec)
    assert lab("exec", "one", "srv1", "--", "cut", "-d ", "-f22", "/proc/1/stat").stdout == before


def test_a_newer_version_takes_the_older_ones_place(lab: Lab, spec: str) -> None:
    lab("up", "one", "--spec", spec)
    lab("fixture", "one", "srv1", "publish", "plain=1.2")
    policy = lab("exec", "one", "srv1", "--", "apt-cache", "policy", "fitsom-fixture-plain").stdout
    assert "Candidate: 1.2" in policy
    assert " 1.1 " not in policy


def test_two_labs_live_side_by_side(lab: Lab, spec: str) -> None:
    folders = [Path(lab("up", name, "--spec", spec).stdout.strip()) for name in ("one", "two")]
    assert [ping(folder) for folder in folders] == [0, 0]
    lab("down", "one")
    assert names(lab) == {"two"}
    assert ping(folders[1]) == 0


def test_a_killed_host_comes_back_at_its_address(lab: Lab, spec: str) -> None:
    folder = Path(lab("up", "one", "--spec", spec).stdout.strip())
    lab("kill", "one", "srv1")
    assert ping(folder) != 0
    lab("start", "one", "srv1")
    assert ping(folder) == 0


def test_down_leaves_nothing(lab: Lab, spec: str, tmp_path: Path) -> None:
    lab("up", "one", "--spec", spec)
    lab("down", "--all")
    assert not (tmp_path / "labs").exists()
    assert names(lab) == set()


def test_down_leaves_nothing_after_a_failed_up(lab: Lab, tmp_path: Path) -> None:
    path = tmp_path / "broken.yml"
    path.write_text(ONE_HOST.format(image="debian12-outdated").replace('"1.1"', '"9.9"'))
    failed = lab("up", "bad", "--spec", str(path), ok=False)
    assert "no fixture package plain=9.9" in failed.stderr
    assert names(lab) == {"bad"}
    lab("down", "bad")
    assert names(lab) == set()


def test_an_unknown_image_is_refused_before_anything_starts(lab: Lab, tmp_path: Path) -> None:
    path = tmp_path / "unknown.yml"
    path.write_text(ONE_HOST.format(image="windows95"))
    assert "unknown image" in lab("up", "bad", "--spec", str(path), ok=False).stderr
    assert names(lab) == set()
