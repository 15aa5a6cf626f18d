"""On a host with a clock and a kernel of its own: a wrong clock is mended, and the kernel records who did what."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import yaml

from fitsom_runner.ansible.engine import choose
from fitsom_runner.config import EngineName
from tests.integration.directory_lab import run
from tests.integration.lab_hosts import LabHosts
from tests.integration.virtual_machine import VirtualMachine, free_port

pytestmark = pytest.mark.lab

SPEC = """\
refresh: false
hosts:
  own: {image: debian13+kernel, groups: [baselined, firewalled]}
  clock: {image: debian13, groups: [clocks]}
"""
PREPARE = """\
- hosts: clocks
  gather_facts: false
  tasks:
    - copy: {src: ROOT/molecule/baseline/files/false_time.py, dest: /run/false_time.py, mode: "0755"}
    - command: systemd-run --unit right-time python3 /run/false_time.py 123 0
"""
PACKAGES = ("auditd", "chrony")
# What a run leaves that was killed between writing the audit rules and loading them.
KILLED_BEFORE_THE_LOAD = """\
cd /etc/audit/rules.d && mv 50-fitsom.rules /root && augenrules --load && mv /root/50-fitsom.rules .
"""
BEHIND = timedelta(minutes=-2)


def told(inventory: dict[str, Any]) -> dict[str, Any]:
    """With what the school says of this host: whom it asks for the time, who may reach it, what is recorded."""
    server = inventory["all"]["hosts"]["clock"]["ansible_host"]
    inventory["all"]["hosts"]["own"].update(
        baseline_time_servers=[server],
        baseline_time_pools=[],
        firewall_rules_audit="auditd",
        firewall_rules_management_port=22,  # as the host sees it
        firewall_rules_zones={"management": {"addresses": ["10.0.2.0/24"]}},
        firewall_rules_host=[
            {
                "name": "manage",
                "from": ["management"],
                "services": ["ssh"],
                "owner": "Head of ICT",
                "reason": "Work on this host",
                "change": "CHG-2026-0001",
                "expires": (date.today() + timedelta(days=30)).isoformat(),  # noqa: DTZ011
            }
        ],
    )
    return inventory


@pytest.fixture(scope="module")
def machine(hosts: LabHosts) -> Iterator[VirtualMachine]:
    made = VirtualMachine(
        hosts=hosts, host="own", folder=hosts.folder / "machine", port=free_port(), packages=PACKAGES
    )
    made.make()
    hosts.folder.joinpath("own.yml").write_text(yaml.safe_dump(told(made.inventory)))
    with made.running(clock_off=BEHIND):
        yield made


def play(machine: VirtualMachine, *more: str) -> str:
    inventory = machine.hosts.folder / "own.yml"
    tags = ("--tags", "baseline_time,firewall_rules_security")
    words = ("ansible-playbook", "-i", str(inventory), "-l", "own", "playbooks/site.yml", *tags, *more)
    # Each Python that starts on an emulated processor takes seconds, and Mitogen starts one.
    done = run(*words, env=choose(EngineName.MITOGEN).environment())
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr
    return done.stdout


def ahead(machine: VirtualMachine) -> float:
    """Seconds that its clock is ahead of this one's; what asking takes is in it."""
    return float(machine.on("date +%s.%N")) - datetime.now(UTC).timestamp()


def test_a_wrong_clock_is_mended_and_the_kernel_records_who_did_what(machine: VirtualMachine) -> None:
    assert ahead(machine) < BEHIND.total_seconds() / 2
    foreseen = play(machine, "--check")
    assert "changed=0" not in foreseen
    assert ahead(machine) < BEHIND.total_seconds() / 2, "a check sets no clock"

    made = play(machine)
    assert changes(made) == changes(foreseen)
    machine.on("chronyc -n waitsync 60 0.1 0 1")
    assert abs(ahead(machine)) < 10
    machine.on(KILLED_BEFORE_THE_LOAD)
    assert "fitsom-time" not in machine.on("auditctl -l")
    assert changes(play(machine)) == 1, "the load that is owed, and nothing else the second time"
    assert "fitsom-time" in machine.on("auditctl -l")

    machine.on("systemctl stop chrony; date -s -90seconds; systemctl start chrony")  # as after a dead battery
    machine.on("chronyc -n waitsync 60 0.1 0 1")
    assert abs(ahead(machine)) < 10

    machine.on("useradd canary-account; userdel canary-account; runuser -u nobody -- sudo -n true || true")
    search = "ausearch --input-logs --interpret"
    accounts = machine.on(f"{search} --key fitsom-accounts")
    assert "comm=useradd" in accounts
    assert "success=yes" in accounts
    power = machine.on(f"{search} --message USER_CMD,USER_AUTH")
    assert "res=success" in power
    assert "res=failed" in power
    logons = machine.on(f"{search} --message USER_ACCT,USER_START,USER_LOGIN")
    assert re.search("sshd.* res=success", logons)
    assert "clock_settime" in machine.on(f"{search} --key fitsom-time")


def changes(told: str) -> int:
    return sum(map(int, re.findall(r"changed=(\d+)", told)))
