"""The firewall through the whole house: who reaches what is told before and after; who is cut off comes back."""

from __future__ import annotations

import re
import socket
from datetime import date, timedelta
from typing import Any

import pytest
import yaml

from tests.integration.lab_hosts import NEEDS_LAB, LabHosts
from tests.integration.test_directory_change import texts
from tests.school import School

pytestmark = NEEDS_LAB
SPEC = """\
refresh: false
hosts:
  web: {image: debian13, groups: [firewalled]}
  router: {image: debian12+frr, groups: [routers]}
"""
PREPARE = """\
- hosts: firewalled
  gather_facts: false
  tasks:
    - command: systemd-run --unit=web{{ item }} python3 -m http.server {{ item }}
      loop: [8443, 9999]
- hosts: routers
  gather_facts: false
  tasks: [{import_tasks: ROOT/molecule/shared/tasks/frr.yml}]
"""
ENABLE = "Geheim8kanarie"  # the enable password that this change gives to the router
END = date.today() + timedelta(days=30)  # noqa: DTZ011
TODAY = f"{END.day} {END:%B %Y}"


def rule(name: str, source: str, service: str, **more: str) -> dict[str, Any]:
    return {
        "name": name,
        "from": [source],
        "services": [service],
        "owner": "Head of ICT",
        "reason": "Lessons",
        "change": "CHG-2026-0001",
        "expires": END.isoformat(),
        **more,
    }


RULES = [rule("manage", "management", "ssh"), rule("learning", "classrooms", "platform")]


def listed(hosts: LabHosts, rules: list[dict[str, Any]], **more: Any) -> str:
    """The lab's inventory with a register. The router's access-list is what FRRouting knows of one."""
    found = yaml.safe_load(hosts.inventory.read_text())
    servers = found["all"]["hosts"]
    net = servers["web"]["ansible_host"].rpartition(".")[0] + ".0/24"
    lab = hosts.inventory.parents[1]
    secret = "{{ lookup('ansible.builtin.file', '%s/secrets/%s') }}"
    servers["web"].update(
        fitsom_label="the learning platform",
        firewall_rules_zones={
            "management": {"addresses": [net]},
            "classrooms": {"addresses": [net, "2001:db8:20::/64"]},
        },
        firewall_rules_services={"platform": ["tcp/8443"]},
        firewall_rules_host=rules,
        **{"firewall_rules_confirm_seconds": 60, **more},
    )
    servers["router"].update(
        fitsom_label="the router",
        fitsom_device="router",
        firewall_rules_platform="ios",
        firewall_rules_guard=False,
        firewall_rules_device_username="netadmin",
        firewall_rules_device_password=secret % (lab, "router"),
        firewall_rules_device_known_hosts=f"{lab}/known_hosts",
        firewall_rules_device_bindings=[
            {"parents": [], "lines": ["access-list CLASSROOMS seq 5 permit 10.20.0.0/16"]},
            {"parents": [], "lines": ["enable password " + secret % (lab, "enable")]},
        ],
    )
    found["all"]["children"]["firewalled"]["hosts"]["router"] = {}
    return str(yaml.safe_dump(found))


@pytest.fixture
def school(hosts: LabHosts, plain_school: School) -> School:
    secrets = hosts.inventory.parents[1] / "secrets"
    (secrets / "enable").write_text(ENABLE)
    plain_school.readable = (str(secrets),)
    return hosts.school(plain_school, "firewall_rules", ("firewall",), listed(hosts, RULES))


def live(hosts: LabHosts) -> str:
    return hosts.on("web", "nft", "-s", "list", "table", "inet", "fitsom")


def answers(hosts: LabHosts, port: int) -> bool:
    """Whether somebody in the classrooms, where we are, reaches that port."""
    servers = yaml.safe_load(hosts.inventory.read_text())["all"]["hosts"]
    try:
        socket.create_connection((servers["web"]["ansible_host"], port), timeout=2).close()
    except OSError:
        return False
    return True


def paper(school: School, pattern: str, form: str = "md") -> str:
    (found,) = (school.state / "runs").glob(f"{pattern}/report.{form}")
    return found.read_text()


def test_who_reaches_what_is_shown_and_done_and_a_rule_by_hand_is_in_the_next_report(
    school: School, hosts: LabHosts
) -> None:
    number = school.approved("playbooks/firewall.yml", limit="firewalled")
    proposal = paper(school, f"{number}-*-plan1")
    assert f"Let in: classrooms, for platform, until {TODAY}, on the learning platform" in proposal
    assert "Keep out: whatever no rule lets in" in proposal
    line = "Add the configuration line access-list CLASSROOMS seq 5 permit 10.20.0.0/16, on the router"
    assert line in proposal
    school.fitsom("run", "start", number)
    assert school.change(number)["state"] == "succeeded"
    assert f"The firewall rule learning (owner: Head of ICT) expires on {TODAY}." in paper(
        school, f"{number}-run1"
    )
    assert sorted(set(re.findall("fitsom:((?!base-)[a-z-]+)", live(hosts)))) == ["learning", "manage"]
    assert (answers(hosts, 8443), answers(hosts, 9999)) == (True, False)
    router = hosts.on("router", "vtysh", "-c", "show running-config")
    assert "access-list CLASSROOMS seq 5 permit 10.20.0.0/16" in router
    assert ENABLE in router

    hosts.on("web", "nft", "insert", "rule", "inet", "fitsom", "input", "tcp", "dport", "9999", "accept")
    assert answers(hosts, 9999)
    rules = [RULES[0], rule("learning", "any", "platform")]
    school.commit({"inventories/school/hosts.yml": listed(hosts, rules, firewall_rules_by_hand="remove")})
    again = school.approved("playbooks/firewall.yml", limit="web", reason="one for all")
    proposal = paper(school, f"{again}-*-plan1")
    assert "Somebody added a firewall rule by hand that the register does not know." in proposal
    assert "No longer keep: what somebody added by hand" in proposal
    assert f"From now on let in: anybody, for platform, until {TODAY}, on the learning platform" in proposal
    school.fitsom("run", "start", again)
    assert "Somebody added a firewall rule by hand" in paper(school, f"{again}-run1")
    assert not answers(hosts, 9999)

    found = texts(school.site)
    secret = (hosts.inventory.parents[1] / "secrets/router").read_text().strip()
    records = [(name, text) for name, text in found]
    assert len(records) > 20
    canaries = (ENABLE.casefold(), secret.casefold())
    assert [name for name, text in records for canary in canaries if canary in text] == []


def test_who_is_cut_off_comes_back_and_the_record_says_failed(school: School, hosts: LabHosts) -> None:
    school.fitsom("run", "start", school.approved("playbooks/firewall.yml", limit="web"))
    before = live(hosts)
    cut = listed(hosts, [RULES[1]], firewall_rules_guard=False, firewall_rules_confirm_seconds=15)
    school.commit({"inventories/school/hosts.yml": cut})
    number = school.approved("playbooks/firewall.yml", limit="web", reason="a mistake")
    assert f"No longer let in: management, for ssh, until {TODAY}" in paper(school, f"{number}-*-plan1")
    assert school.fitsom("run", "start", number, code=None).code != 0
    assert school.change(number)["state"] == "failed"
    assert school.outcomes(f"{number}-run1") == {"web": "failed"}
    report = paper(school, f"{number}-run1")
    assert "**It did not work.**" in report
    assert "\nNothing was changed.\n" in report
    assert "the learning platform: The old firewall rules came back automatically, all of them." in report
    assert not re.search("remove firewall rule.*as predicted", report)
    assert "The host has restored its old rules by itself" in report
    assert live(hosts) == before
