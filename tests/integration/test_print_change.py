"""Printing through the whole house: a queue in plain words before it is made; no title and no person in any record."""

from __future__ import annotations

import pytest
import yaml

from tests.integration.lab_hosts import NEEDS_LAB, LabHosts
from tests.integration.test_directory_change import texts
from tests.school import School

pytestmark = NEEDS_LAB
TITLE = "canary-title-of-a-letter"
PUPIL = "canarypupil"
SPEC = """\
refresh: false
hosts:
  print: {image: debian13+printing, groups: [print_servers]}
  printer: {image: debian12+printers, groups: [printers]}
"""
PREPARE = """\
- hosts: print_servers
  gather_facts: false
  tasks:
    - group: {name: teachers}
    - user: {name: canarypupil, shell: /bin/bash}
- hosts: printers
  gather_facts: false
  tasks:
    - command: systemd-run --unit=printer{{ item }} ippeveprinter -2 -p 863{{ item }} -r off -d /var/tmp p{{ item }}
      loop: [1, 2]
"""
# What a run leaves that was killed between writing the settings and restarting CUPS. A file's time is that of the
# kernel's last tick, which may be before the end of a restart that has just ended.
KILLED_BEFORE_THE_RESTART = """\
cd /etc/cups && cp -p cupsd.conf written && sed -i 's/^Port 631$/Port 6310/' cupsd.conf
systemctl restart cups && touch restarted
until [ cupsd.conf -nt restarted ]; do cp written cupsd.conf; done
rm written restarted
"""
LISTENS = "import socket; socket.create_connection(('127.0.0.1', 631))"


def listed(hosts: LabHosts) -> str:
    """The lab's inventory, with a queue."""
    found = yaml.safe_load(hosts.inventory.read_text())
    servers = found["all"]["hosts"]
    address = servers["printer"]["ansible_host"]
    servers["print"]["print_servers_queues"] = [
        {"name": "library", "uri": f"ipp://{address}:8631/ipp/print", "location": "Library"},
        {"name": "staff", "uri": f"ipp://{address}:8632/ipp/print", "groups": ["teachers"]},
    ]
    return str(yaml.safe_dump(found))


@pytest.fixture
def school(hosts: LabHosts, plain_school: School) -> School:
    return hosts.school(plain_school, "print_servers", ("print",), listed(hosts))


def test_a_queue_is_shown_made_and_printed_to_and_the_next_run_reports_a_dead_printer_and_makes_a_restart_that_is_owed(
    school: School, hosts: LabHosts
) -> None:
    number = school.approved("playbooks/print.yml", limit="print")
    (proposal,) = (school.state / "runs").glob(f"{number}-*-plan1/report.md")
    shown = proposal.read_text()
    assert "library" in shown
    assert "place: Library" in shown
    assert "may print: teachers" in shown
    school.fitsom("run", "start", number)
    assert "library" in hosts.on("print", "lpstat", "-a")

    hosts.on("print", "sh", "-c", f"echo hello | runuser -u {PUPIL} -- lp -d library -t {TITLE}")
    refused = hosts.on("print", "sh", "-c", f"echo no | runuser -u {PUPIL} -- lp -d staff 2>&1 || true")
    assert "Not allowed to print" in refused
    hosts.on("printer", "systemctl", "stop", "printer1")
    hosts.on("print", "sh", "-ec", KILLED_BEFORE_THE_RESTART)

    again = school.approved("playbooks/print.yml", limit="print", reason="to see what is wrong")
    (proposal,) = (school.state / "runs").glob(f"{again}-*-plan1/report.md")
    owed = "cups.service is restarted: /etc/cups/cupsd.conf is newer than what it has read"
    assert owed in proposal.read_text()
    school.fitsom("run", "start", again)
    (report,) = (school.state / "runs").glob(f"{again}-run1/report.md")
    assert "The printer library (Library) does not answer." in report.read_text()
    assert "not exactly as planned" not in report.read_text()
    hosts.on("print", "python3", "-c", LISTENS)

    records = [(name, text) for name, text in texts(school.site)]
    assert len(records) > 20
    assert [name for name, text in records for canary in (TITLE, PUPIL) if canary in text] == []
