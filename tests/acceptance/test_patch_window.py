"""The patch window on real Debian servers of the lab: what was approved is installed, and what is not is refused."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.school import ROOT, School

pytestmark = pytest.mark.lab
SPEC = """\
hosts:
  srv1: {image: debian12, groups: [pilot]}
  srv2: {image: debian13, groups: [servers]}
defaults:
  fixture:
    installed: {plain: "1.0", service: "1.0", broken: "1.0", question: "1.0"}
    published: {plain: ["1.0", "1.1"], service: ["1.0", "1.1"], broken: ["1.0"], question: ["1.0", "1.1"]}
  vars: {patching_min_free_mb: 100}
"""
PLAYBOOK = "playbooks/patch.yml"
HOSTS = ("srv1", "srv2")
CONFIGURATION = "/etc/fitsom-fixture-plain.conf"


class Lab:
    """Two servers of the lab, through its own command."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.spec = folder / "lab.yml"
        self.spec.write_text(SPEC)

    def __call__(self, *words: str) -> str:
        program = [sys.executable, str(ROOT / "molecule/shared/lab.py"), *words]
        environment = {**os.environ, "FITSOM_LAB_DIR": str(self.folder)}
        process = subprocess.run(program, env=environment, capture_output=True, text=True, check=False)
        assert process.returncode == 0, f"{words}: {process.stdout}\n{process.stderr}"
        return process.stdout

    def version(self, host: str, package: str) -> str:
        """What dpkg says is installed."""
        name = f"fitsom-fixture-{package}"
        return self("exec", "window", host, "--", "dpkg-query", "-W", "-f", "${Version}", name).strip()

    def publish(self, *offers: str) -> None:
        """Make both servers' archive offer exactly these."""
        for host in HOSTS:
            self("fixture", "window", host, "publish", *offers)


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    servers = Lab(tmp_path_factory.mktemp("lab"))
    try:
        servers("up", "window", "--spec", str(servers.spec))
        yield servers
    finally:
        servers("down", "window")


@pytest.fixture(scope="module")
def school(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[School]:
    inventory = str(lab.folder / "window" / "inventory")
    new_school = School(
        folder=tmp_path_factory.mktemp("school") / "school",
        inventories=(inventory,),
        readable=(str(lab.folder / "window/known_hosts"),),
    )
    with tempfile.TemporaryDirectory() as home:  # a short path, for ssh's control socket
        new_school.extra_env["HOME"] = home
        new_school.build()
        for part in ("playbooks", "roles"):
            shutil.copytree(ROOT / part, new_school.repo / part, symlinks=True, dirs_exist_ok=True)
        new_school.commit({})
        yield new_school


def examined(school: School) -> dict[str, dict[str, str | bool]]:
    """What `fitsom doctor` found, by its names."""
    return {row["check"]: row for row in school.fitsom("doctor", code=None).value}


def test_doctor_logs_in_to_each_host_and_knows_the_way_out(lab: Lab, school: School) -> None:
    lab("exec", "window", "srv2", "--", "systemctl", "stop", "ssh.socket", "ssh.service")
    found = examined(school)
    lab("exec", "window", "srv2", "--", "systemctl", "start", "ssh.service")
    assert found["host srv1"]["ok"], found["host srv1"]
    assert not found["host srv2"]["ok"]
    assert "refused" in str(found["host srv2"]["detail"])
    assert "ssh running" in str(found["host srv2"]["way_out"])
    assert str(found["inventory"]["detail"]).startswith("2 hosts in ")

    (lab.folder / "window/known_hosts").rename(lab.folder / "window/known_hosts.away")
    (lab.folder / "window/known_hosts").touch()
    found = examined(school)
    (lab.folder / "window/known_hosts.away").replace(lab.folder / "window/known_hosts")
    assert "Host key verification failed" in str(found["host srv1"]["detail"])
    assert "known_hosts" in str(found["host srv1"]["way_out"])
    assert all(examined(school)[f"host {host}"]["ok"] for host in HOSTS)


def test_approved_updates_are_installed_and_taken_back(lab: Lab, school: School) -> None:
    number = school.approved(PLAYBOOK, limit="all", backout_playbook="playbooks/patch_backout.yml")
    predicted = school.change(number)["plan"]["components"]["packages"]
    assert predicted["srv1"]["fitsom-fixture-plain"] == "1.1"
    assert lab.version("srv1", "plain") == "1.0"
    lab("exec", "window", "srv1", "--", "sh", "-c", f"echo ours >> {CONFIGURATION}")

    run = school.fitsom("run", "start", number).value

    assert {name: outcome["outcome"] for name, outcome in run["hosts"].items()} == {
        "srv1": "done",
        "srv2": "done",
    }
    assert [lab.version(host, "plain") for host in HOSTS] == ["1.1", "1.1"]
    page = (school.state / "runs" / run["id"] / "report.html").read_text()
    assert "fitsom-fixture-plain" in page
    assert "0 changes not predicted, 0 predicted changes did not happen" in (
        (school.state / "runs" / run["id"] / "report.md").read_text()
    )

    # What was edited here is kept, and the report says where the new one is; where it was not, nothing is said.
    assert CONFIGURATION in page
    assert ".dpkg-dist" in page
    assert "fitsom-fixture-question/colour" in page
    assert "fitsom-fixture-question/shade" not in page, "nobody would have been asked"
    kept = lab("exec", "window", "srv1", "--", "cat", CONFIGURATION, f"{CONFIGURATION}.dpkg-dist")
    assert kept.split() == ["version", "=", "1.0", "ours", "version", "=", "1.1"]

    school.fitsom("run", "backout", number, "--yes", "-m", "A printer stopped")

    assert [lab.version(host, "plain") for host in HOSTS] == ["1.0", "1.0"]
    assert [lab.version(host, "service") for host in HOSTS] == ["1.0", "1.0"]
    assert school.change(number)["state"] == "backed_out"


def test_superseded_package_is_refused_and_planned_again(lab: Lab, school: School) -> None:
    number = school.approved(PLAYBOOK, limit="all")
    lab.publish("plain=1.2", "service=1.0", "broken=1.0")

    school.fitsom("run", "start", number, code=3)

    change = school.change(number)
    assert change["state"] == "submitted"
    assert "fitsom-fixture-plain" in " ".join(change["runs"][-1]["refusal"])
    assert "1.1" in " ".join(change["runs"][-1]["refusal"])
    assert [lab.version(host, "plain") for host in HOSTS] == ["1.0", "1.0"]

    school.fitsom("change", "plan", number)
    school.fitsom("change", "approve", number, acting_as="head")
    school.fitsom("run", "start", number)

    assert [lab.version(host, "plain") for host in HOSTS] == ["1.2", "1.2"]


def test_update_that_came_out_after_approval_waits_for_its_own_change(lab: Lab, school: School) -> None:
    lab.publish("plain=1.2", "service=1.1", "broken=1.0")
    number = school.approved(PLAYBOOK, limit="all")
    lab.publish("plain=1.2", "service=1.1", "broken=2.0")

    school.fitsom("run", "start", number)

    assert [lab.version(host, "service") for host in HOSTS] == ["1.1", "1.1"]
    assert [lab.version(host, "broken") for host in HOSTS] == ["1.0", "1.0"]


def test_package_that_fails_stops_its_host_and_the_next_ring(lab: Lab, school: School) -> None:
    number = school.approved(PLAYBOOK, limit="all", backout_playbook="playbooks/patch_backout.yml")

    school.fitsom("run", "start", number, code=4)

    outcome = school.change(number)["runs"][-1]["hosts"]
    assert outcome["srv1"]["outcome"] == "failed"
    assert "fitsom-fixture-broken" in outcome["srv1"]["reason"]
    assert outcome["srv2"]["outcome"] == "untouched"
    assert lab.version("srv2", "broken") == "1.0"
    run = school.change(number)["runs"][-1]["id"]
    report = (school.state / "runs" / run / "report.md").read_text()
    assert "fitsom-fixture-broken" in report
    assert school.scalar("select count(*) from incident where host = 'srv1'") == 1

    school.fitsom("run", "backout", number, "--yes", "-m", "A printer stopped")

    assert lab.version("srv1", "broken") == "1.0"
