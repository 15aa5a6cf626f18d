"""The baseline through the whole house: settings in plain words before they are made, and the way back; no secret."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.integration.directory_lab import run
from tests.integration.lab_hosts import NEEDS_LAB, LabHosts
from tests.integration.test_directory_change import texts
from tests.integration.test_firewall import JSON, changed, objects
from tests.school import School

pytestmark = NEEDS_LAB
FULL_NAME = "Canariola Zwoelfender"
HASH = "$6$canarysalt$canaryhashcanaryhashcanaryhash"
SPEC = """\
hosts:
  old: {image: debian12, groups: [baselined]}
  new: {image: debian13, groups: [baselined]}
"""
PREPARE = """\
- hosts: baselined
  gather_facts: false
  tasks:
    - user: {name: adm-may, groups: [sudo]}
    - user: {name: visitor, groups: [sudo]}
"""
WHAT_THERE_IS = (
    "cat /etc/pam.d/common-* /etc/ssh/sshd_config.d/* /etc/sudoers.d/* /etc/issue /etc/issue.net;"
    " grep -hE '^(adm-|sudo:)' /etc/passwd /etc/shadow /etc/group /etc/gshadow"
)
#: What a run may have written that was killed before the restart or reload, and the task that makes up for it.
WRITTEN_BEFORE_A_KILL = {
    "/etc/systemd/journald.conf.d/fitsom.conf": "Run the journal with these settings",
    "/etc/ssh/sshd_config.d/00-fitsom.conf": "Run sshd with these settings",
}


def listed(hosts: LabHosts) -> str:
    """The lab's inventory, with administrators."""
    found = yaml.safe_load(hosts.inventory.read_text())
    found["all"]["vars"] = {
        "baseline_accounts_administrators": [
            {
                "name": "adm-lee",
                "keys": [(hosts.inventory.parents[1] / "id_ed25519.pub").read_text().strip()],
                "password": HASH,
                "comment": FULL_NAME,
            }
        ],
        "baseline_accounts_absent": ["adm-may"],
    }
    return str(yaml.safe_dump(found))


@pytest.fixture
def school(hosts: LabHosts, plain_school: School) -> School:
    return hosts.school(plain_school, "baseline", ("baseline", "baseline_backout"), listed(hosts))


def play(folder: Path, inventory: str, *more: str) -> dict[str, Any]:
    path = folder / "hosts.yml"
    path.write_text(inventory)
    done = run(
        "ansible-playbook", "-i", str(path), "playbooks/baseline.yml", "--limit", "new", *more, env=JSON
    )
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr
    found: dict[str, Any] = json.loads(done.stdout[done.stdout.index("{\n") :])
    return found


def test_on_a_fresh_host_check_mode_foretells_every_task_and_every_account_and_a_restart_that_is_owed_is_made(
    hosts: LabHosts, tmp_path: Path
) -> None:
    plan = play(tmp_path, listed(hosts), "--check", "--diff")
    assert "libpam-pwquality" not in hosts.on("new", "dpkg-query", "-W")
    done = play(tmp_path, listed(hosts))
    assert changed(plan) == changed(done)
    assert (
        "new",
        "fitsom.school.baseline : Install the password quality check and its dictionary",
    ) in changed(done)
    assert (
        "new",
        "fitsom.school.baseline : Enable the password quality check and the lock-out in PAM",
    ) in changed(done)
    assert objects(plan) == objects(done)
    assert set(objects(done)) == {("new", "add", "adm-lee"), ("new", "lock", "adm-may")}

    for path in WRITTEN_BEFORE_A_KILL:
        hosts.on("new", "sh", "-ec", f"cp -p {path} {path}.new; mv {path}.new {path}")
    again = play(tmp_path, listed(hosts))
    made_up_for = {("new", f"fitsom.school.baseline : {task}") for task in WRITTEN_BEFORE_A_KILL.values()}
    assert (changed(again), objects(again)) == (made_up_for, [])
    nothing = play(tmp_path, listed(hosts), "--check")
    assert (changed(nothing), objects(nothing)) == (set(), [])


def test_the_baseline_is_shown_in_plain_words_made_and_taken_back_and_no_secret_is_on_record(
    school: School, hosts: LabHosts
) -> None:
    before = hosts.on("old", "sh", "-c", WHAT_THERE_IS)
    number = school.approved(
        "playbooks/baseline.yml", limit="old", backout_playbook="playbooks/baseline_backout.yml"
    )
    (proposal,) = (school.state / "runs").glob(f"{number}-*-plan1/report.md")
    shown = proposal.read_text()
    for words in (
        "may log in and become root; 1 key, a password",
        "cannot log in any more, nor become root; its keys are taken away",
        "Enable the password quality check and the lock-out in PAM",
        "+PasswordAuthentication no",
        "An account that nobody listed may become root.",
    ):
        assert words in shown
    assert hosts.on("old", "sh", "-c", WHAT_THERE_IS) == before, "a plan changes nothing"

    school.fitsom("run", "start", number)
    (report,) = (school.state / "runs").glob(f"{number}-run1/report.md")
    assert "not exactly as planned" not in report.read_text()
    assert "adm-lee" in hosts.on("old", "getent", "group", "sudo")
    assert "adm-may" not in hosts.on("old", "getent", "group", "sudo")
    assert FULL_NAME in hosts.on("old", "getent", "passwd", "adm-lee")
    assert HASH in hosts.on("old", "getent", "shadow", "adm-lee")

    school.fitsom("run", "backout", number, "--yes", "-m", "Somebody is locked out")
    assert hosts.on("old", "sh", "-c", WHAT_THERE_IS) == before

    records = [(name, text) for name, text in texts(school.site)]
    assert len(records) > 20
    secrets = [HASH.casefold(), FULL_NAME.casefold(), "canaryhash", "canariola"]
    assert [name for name, text in records for secret in secrets if secret in text] == []
