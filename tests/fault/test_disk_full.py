"""The disk fills up under a run: it stops, and once there is room again the record is true."""

from __future__ import annotations

import errno
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from tests.school import School, kill, wait_until

pytestmark = pytest.mark.fault

HOSTS = [f"pc{n}" for n in range(1, 7)]
SIZE = "24m"


@dataclass(frozen=True, kw_only=True)
class Namespace:
    """A mount namespace of its own: what is mounted in it goes when its last process goes."""

    holder: subprocess.Popen[str]

    def prefix(self) -> tuple[str, ...]:
        """Puts a command into the namespace."""
        user = () if os.geteuid() == 0 else ("--user", "--preserve-credentials")
        return ("nsenter", "--target", str(self.holder.pid), "--mount", *user)

    def inside(self, path: Path) -> Path:
        """How the namespace's `path` is reached from outside."""
        return Path(f"/proc/{self.holder.pid}/root{path}")


def namespace(mounts: str) -> Namespace:
    """Make one and mount in it. Fails the test, with the reason, where that is impossible."""
    flags = ["--mount"] if os.geteuid() == 0 else ["--user", "--map-root-user", "--mount"]
    holder = subprocess.Popen(
        [
            "unshare",
            *flags,
            "--propagation",
            "private",
            "sh",
            "-c",
            f"{mounts} && echo ready && exec sleep 900",
        ],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout is not None
    assert holder.stderr is not None
    if holder.stdout.readline().strip() != "ready":
        pytest.fail(
            "a small file system could not be mounted, and without one a full disk cannot be tried "
            f"(needs root, or user namespaces): {holder.stderr.read().strip()}"
        )
    return Namespace(holder=holder)


@pytest.fixture
def started() -> Iterator[list[Namespace]]:
    """Namespaces of a test; their holders are ended after it."""
    namespaces: list[Namespace] = []
    yield namespaces
    for namespace in namespaces:
        kill(namespace.holder.pid)
        namespace.holder.wait()


def fill(path: Path) -> None:
    """Take all room that is left beside `path`, to the last byte."""
    with path.open("ab", buffering=0) as handle:
        for size in (2**20, 4096, 1):
            try:
                while True:
                    handle.write(b"x" * size)
            except OSError as fault:
                assert fault.errno == errno.ENOSPC


@pytest.mark.parametrize("full", ["ledger", "database"])
def test_a_full_disk_stops_the_run_and_the_record_is_true(
    tmp_path: Path, started: list[Namespace], full: str
) -> None:
    base_school = School(folder=tmp_path / "school").build()
    number = base_school.approved("playbooks/flood.yml")
    run = f"{number}-run1"
    state, keep, runs = base_school.state, tmp_path / "keep", tmp_path / "runs"
    state.rename(keep)
    (keep / "runs").rename(runs)
    state.mkdir()
    (keep / "runs").mkdir()
    # Records and ledgers on file systems of their own: only one of the two is small.
    small, mounts = (
        (state / "runs", f"mount --bind {keep} {state} && mount -t tmpfs -o size={SIZE} none {state}/runs")
        if full == "ledger"
        else (
            state,
            f"mount -t tmpfs -o size={SIZE} none {state} && cp -a {keep}/. {state}/ "
            f"&& mount --bind {runs} {state}/runs",
        )
    )
    space = namespace(mounts)
    started.append(space)
    entering = {"FITSOM_CONFIG": str(base_school.site / "fitsom.yml")}  # nsenter starts in the root folder
    school = replace(base_school, prefix=space.prefix(), extra_env=entering)
    ballast = space.inside(small) / "ballast"

    child_log = space.inside(state) / "runs" / run / "child.log"
    school.fitsom("run", "start", number, "--detach")
    wait_until(lambda: school.steps_done() >= 3, "some steps done")
    fill(ballast)
    at_full = school.steps_done()
    wait_until(lambda: not school.child(run), "the run to stop")
    school.nothing_left()
    stopped_at = school.steps_done()
    words = child_log.read_text(errors="replace") if child_log.exists() else ""
    assert stopped_at < 18, (
        f"the run went on as if nothing were: {at_full} steps when the disk was full\n{words}"
    )
    if full == "ledger":
        # What was in work, and what still found a place in the last block of the file: no more than that.
        assert stopped_at - at_full <= 6, (at_full, stopped_at)
    # With a full database the ledger still tells of every step until Ansible has been stopped.

    crowded = school.fitsom("tick", code=None)
    assert school.steps_done() == stopped_at
    ballast.unlink()
    assert school.fitsom("tick").value == [], crowded
    answer = school.change(number)
    assert answer["state"] == "interrupted"
    outcomes = {host: report["outcome"] for host, report in answer["runs"][0]["hosts"].items()}
    assert sorted(outcomes) == HOSTS
    for host, outcome in outcomes.items():
        lines = school.log(host)
        assert outcome != "done" or lines == ["end 1", "end 2", "end 3"], (host, lines)
        assert outcome != "untouched" or lines == [], (host, lines)
    assert set(outcomes.values()) & {"unknown", "failed"} or stopped_at % 3 == 0, outcomes
    assert school.fitsom("run", "resume", number).value["status"] == "succeeded"
    assert all({"end 1", "end 2", "end 3"} <= set(school.log(host)) for host in HOSTS)
    assert school.fitsom("audit", "verify").value["faults"] == []
    school.nothing_left()
