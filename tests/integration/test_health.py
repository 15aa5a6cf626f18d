"""The daily look at hosts of the lab: what is broken is found, what is mended is gone, and nothing is touched."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.integration.lab_hosts import NEEDS_LAB, LabHosts
from tests.integration.test_directory_change import texts
from tests.school import ROOT, School

pytestmark = NEEDS_LAB
PUPIL = "canarypupil"
#: A person's account, with a home and a unit of its own; backups in a repository on the host itself; an update to come.
SPEC = """\
refresh: false
hosts:
  files: {image: debian12+backups, groups: [backed_up]}
  web:
    image: debian13
    groups: [servers, firewalled, print_servers]
    fixture: {installed: {plain: "1.0"}, published: {plain: "1.0"}}
  dark: {image: debian13, groups: [servers]}
"""
PREPARE = """\
- hosts: files
  gather_facts: false
  tasks:
    - user: {name: canarypupil, shell: /bin/bash}
    - file: {path: "{{ item }}", state: directory}
      loop: [/etc/fitsom/backups, /srv/homes, /srv/scratch]
    - copy:
        dest: /etc/fitsom/backups/sets.json
        content: >-
          {"sets": [{"name": "homes", "paths": ["/srv/homes"], "rpo_hours": 24}],
           "repositories": [{"name": "vault", "device": "vault", "off_site": true, "offline": true}]}
    - copy:
        dest: /etc/fitsom/backups/vault.env
        content: "RESTIC_REPOSITORY=/srv/vault\\nRESTIC_PASSWORD=lab\\n"
    - command: restic -q -r /srv/vault init
      environment: {RESTIC_PASSWORD: lab}
"""
BACKUP = "RESTIC_PASSWORD=lab restic -q -r /srv/vault backup --tag set:homes {} /srv/homes"
FILL = "mkdir -p {0} && mount -t tmpfs -o size=4m tmpfs {0} && dd if=/dev/zero of={0}/big bs=1k count=3950 status=none"
WRONG = "yes '<3>canarypupil has forgotten the password' | head -n 25"
OTHER = "table inet other { chain input { type filter hook input priority 0; tcp dport 8080 drop; }; }"
BROKEN = {
    ("unit-failed", "exception", "files: lesson.service"),
    ("unit-failed", "exception", "files: sync@*.service"),
    ("disk-space", "exception", "files: /srv/scratch"),
    ("disk-space", "exception", "files: /home/*"),
    ("backup-stale", "exception", "files: homes"),
    ("log-errors", "warning", "web: mis-import.service"),
    ("updates-not-looked-for", "exception", "web"),
    ("updates-waiting", "warning", "web"),
    ("reboot-needed", "warning", "web"),
    ("firewall-other-table", "informational", "web: table inet other"),
    ("host-silent", "exception", "dark"),
}


@pytest.fixture
def school(hosts: LabHosts, plain_school: School) -> School:
    plain_school.readable = (str(hosts.inventory.parents[1] / "known_hosts"),)
    content = [ROOT / "playbooks/health.yml", *(ROOT / "roles/firewall_rules").rglob("*")]
    files = {str(path.relative_to(ROOT)): path.read_text() for path in content if path.is_file()}
    return plain_school.build({**files, "inventories/school/hosts.yml": hosts.inventory.read_text()})


def sh(hosts: LabHosts, host: str, text: str) -> str:
    return hosts.on(host, "sh", "-c", text)


def found(told: dict[str, Any]) -> set[tuple[str, str, str]]:
    return {(row["kind"], row["severity"], row["ci"]) for row in told["findings"]}


def look(school: School, code: int) -> dict[str, Any]:
    told: dict[str, Any] = school.fitsom("health", code=code).value
    return told


def break_things(hosts: LabHosts) -> None:
    for unit in ("lesson", f"sync@{PUPIL}"):
        sh(hosts, "files", f"systemd-run -q --unit={unit} --wait false || true")
    for place in ("/srv/scratch", f"/home/{PUPIL}/disc"):
        sh(hosts, "files", FILL.format(place))
    sh(hosts, "files", "rm /srv/vault/snapshots/*")
    sh(hosts, "files", BACKUP.format("--time '2026-01-01 12:00:00'"))
    hosts.on("web", "systemd-run", "-q", "--unit=mis-import", "--wait", "sh", "-c", WRONG)
    hosts.lab("fixture", hosts.name, "web", "publish", "plain=1.1")
    sh(hosts, "web", "touch -d '20 days ago' /var/lib/apt/lists; touch /run/reboot-required")
    hosts.on("web", "nft", OTHER)
    hosts.lab("kill", hosts.name, "dark")


def mend_things(hosts: LabHosts) -> None:
    sh(hosts, "files", "systemctl reset-failed; umount /srv/scratch /home/*/disc")
    sh(hosts, "files", BACKUP.format(""))
    sh(hosts, "web", "journalctl -q --rotate; journalctl -q --vacuum-time=1s; rm /run/reboot-required")
    hosts.lab("fixture", hosts.name, "web", "install", "plain=1.1")
    sh(hosts, "web", "touch /var/lib/apt/lists")
    sh(hosts, "web", "nft delete table inet other")
    hosts.lab("start", hosts.name, "dark")


def test_what_is_broken_is_found_and_what_is_mended_is_gone(hosts: LabHosts, school: School) -> None:
    sh(hosts, "files", BACKUP.format(""))
    before = look(school, code=0)
    assert {row["severity"] for row in before["findings"]} <= {"warning", "informational"}
    assert found(before).isdisjoint(BROKEN)

    break_things(hosts)
    for host in ("files", "web"):
        sh(hosts, host, "sync; touch /etc/mark; sleep 0.1")
    told = look(school, code=8)
    assert found(told) >= BROKEN
    assert told["hosts"]["dark"]["state"] == "silent"
    assert told["hosts"]["web"]["observed"]["configuration_item"]["packages"]["count"] > 100
    for host in ("files", "web"):
        # Logging in leaves its own traces (/run/motd.dynamic), Ansible unpacks its modules in /tmp, restic has a cache
        # and locks.
        touched = sh(hosts, host, "find / -xdev -newer /etc/mark -not -path /tmp").split()
        own = ("/var/log", "/root/.cache", "/srv/vault")
        assert [path for path in touched if not path.startswith(own) and path not in ("/root", "/run")] == []

    remembered = school.state / "health/seen.json"
    memory = json.loads(remembered.read_text())
    memory["web"] = dict.fromkeys(memory["web"], "2026-01-01")
    remembered.write_text(json.dumps(memory))
    again = look(school, code=8)
    assert ("updates-waiting", "exception", "web") in found(again)
    assert {row["since"] for row in again["findings"] if row["kind"] == "reboot-needed"} == {"2026-01-01"}

    mend_things(hosts)
    after = look(school, code=0)
    assert found(after).isdisjoint(BROKEN | {("updates-waiting", "exception", "web")})
    records = list(texts(school.site))
    assert len(records) > 10
    assert [name for name, text in records if PUPIL in text] == []


def test_a_plan_with_the_look_shows_findings_and_hosts_in_its_report(hosts: LabHosts, school: School) -> None:
    sh(hosts, "web", "systemd-run -q --unit=lesson --wait false || true")
    number = school.planned("playbooks/health.yml", limit="web")
    (page,) = (school.state / "runs").glob(f"{number}-*-plan1/report.md")
    shown = page.read_text()
    assert "lesson.service does not run: it has failed." in shown
    assert "| web | Debian GNU/Linux 13 (trixie)" in shown
    school.fitsom("change", "approve", number, acting_as="head")
    school.fitsom("run", "start", number)
    assert school.outcomes(f"{number}-run1") == {"web": "done"}
    told = json.loads((school.state / f"runs/{number}-run1/report.json").read_text())
    (host,) = told["hosts"]
    assert host["observed"]["configuration_item"]["system"]["support"]["lts"] == "2030-06-30"
    assert host["differences"] == []
