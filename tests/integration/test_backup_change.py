"""Backups through the whole house: set up, a folder brought back, a drill on record; no key in any record."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest
import yaml

from tests.integration.lab_hosts import NEEDS_LAB, LabHosts
from tests.integration.test_directory_change import texts
from tests.school import School

pytestmark = NEEDS_LAB
PASSPHRASE = "canary-passphrase-for-the-safe"
SPEC = """\
refresh: false
hosts:
  client: {image: debian13+backups, groups: [backed_up]}
  server: {image: debian13+backups, groups: [backup_servers]}
"""
PREPARE = """\
- hosts: backup_servers
  gather_facts: false
  tasks: [{include_tasks: ROOT/molecule/shared/tasks/lab_ca.yml}]
- hosts: backed_up
  gather_facts: false
  tasks:
    - command:
        argv:
          - python3
          - -c
          - |
            import pathlib
            for number in range(120):
                path = pathlib.Path("/srv/office", str(number % 7), "%d.txt" % number)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text("letter %d" % number)
"""
# What a run leaves that was killed between writing the unit and restarting it: rclone has the old port. A file's time
# is that of the kernel's last tick, which may be before the end of a start that has just ended.
UNIT = "/etc/systemd/system/fitsom-backup-server.service"
KILLED_BEFORE_THE_RESTART = f"""\
cd /root && cp -p {UNIT} written && sed -i 's/--addr :[0-9]*/--addr :9999/' {UNIT}
systemctl daemon-reload && systemctl restart fitsom-backup-server && touch restarted
until [ {UNIT} -nt restarted ]; do cp written {UNIT}; done
rm written restarted
systemctl daemon-reload
"""


def listed(hosts: LabHosts) -> str:
    """The lab's inventory, with what a school says about backups."""
    found = yaml.safe_load(hosts.inventory.read_text())
    ca = hosts.inventory.parents[1] / "ca"
    found["all"].setdefault("vars", {}).update(
        backups_escrow_dir=str(hosts.folder / "keys"),
        backups_escrow_passphrase=PASSPHRASE,
        backups_repositories=[{"name": "main", "server": "server"}],
    )
    found["all"]["hosts"]["client"]["backups_sets"] = [
        {"name": "office", "owner": "Bursar", "paths": ["/srv/office"]}
    ]
    found["all"]["hosts"]["server"].update(
        backups_server=True,
        backups_server_clients=["client"],
        backups_server_certificate=(ca / "server.pem").read_text(),
        backups_server_certificate_key=(ca / "server.key").read_text(),
        backups_server_authority=(ca / "ca.pem").read_text(),
    )
    return str(yaml.safe_dump(found))


@pytest.fixture
def school(hosts: LabHosts, plain_school: School) -> School:
    (hosts.folder / "keys").mkdir(exist_ok=True)
    plain_school.writable = (str(hosts.folder / "keys"),)
    return hosts.school(plain_school, "backups", ("backup", "restore", "restore_drill"), listed(hosts))


def test_backups_are_set_up_a_restart_is_made_up_for_a_folder_comes_back_and_the_drill_is_on_record(
    school: School, hosts: LabHosts
) -> None:
    number = school.approved("playbooks/backup.yml", limit="client,server")
    (proposal,) = (school.state / "runs").glob(f"{number}-*-plan1/report.md")
    shown = proposal.read_text()
    assert "settings will be changed on 2 servers" in shown
    assert "Write the backup timer of each data set: `office`, on client" in shown
    assert "+OnCalendar=*-*-* 01:00" in shown, "the difference itself"
    school.fitsom("run", "start", number)
    first = school.fitsom("report", "show", number).value
    assert "There is no backup of office in main." in str(first)

    hosts.on("server", "sh", "-ec", KILLED_BEFORE_THE_RESTART)
    owed = school.approved("playbooks/backup.yml", limit="server", reason="the first was broken off")
    (proposal,) = (school.state / "runs").glob(f"{owed}-*-plan1/report.md")
    why = f"fitsom-backup-server.service is restarted: {UNIT} is newer than what it has read"
    assert why in proposal.read_text()
    school.fitsom("run", "start", owed)
    (report,) = (school.state / "runs").glob(f"{owed}-run1/report.md")
    assert "not exactly as planned" not in report.read_text()

    hosts.on("client", "systemctl", "start", "fitsom-backup-office.service")
    time.sleep(1)  # the command takes whole seconds
    taken = f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S}"
    hosts.on("client", "rm", "-r", "/srv/office/3")
    hosts.on("client", "sh", "-c", "echo ruined > /srv/office/4/4.txt")

    restore = school.fitsom("restore", "client", "/srv/office", "--as-of", taken, "--reason", "deleted").value
    back = restore["number"]
    assert hosts.on("client", "cat", "/srv/office/4/4.txt").strip() == "ruined", "a plan brings nothing back"
    school.fitsom("change", "approve", back, acting_as="head")
    school.fitsom("run", "start", back)
    assert hosts.on("client", "cat", "/srv/office/3/3.txt", "/srv/office/4/4.txt") == "letter 3letter 4"
    kept = hosts.on("client", "sh", "-c", f"echo /srv/office.before-{back}-*").strip()
    assert hosts.on("client", "cat", f"{kept}/4/4.txt").strip() == "ruined"

    drill = school.approved("playbooks/restore_drill.yml", limit="client", extra_var="drill_files=0")
    school.fitsom("run", "start", drill)
    (report,) = (school.state / "runs").glob(f"{drill}-run1/report.md")
    first_page = report.read_text().partition("## For technicians")[0]
    assert "client: The whole of office: 120 of 120 files" in first_page

    key = hosts.on("client", "cat", "/etc/fitsom/backups/key").strip()
    secrets = [secret.casefold() for secret in (key, PASSPHRASE)]
    records = [(name, text) for name, text in texts(school.site)]
    assert len(records) > 20
    assert [name for name, text in records for secret in secrets if secret in text] == []
