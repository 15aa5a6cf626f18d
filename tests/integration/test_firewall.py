"""The firewall on hosts of the lab: what check mode foretells on a fresh host, and a power cut in the wrong moment."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.integration.directory_lab import run, stop
from tests.integration.lab_hosts import NEEDS_LAB

pytestmark = NEEDS_LAB
JSON = {"ANSIBLE_LOAD_CALLBACK_PLUGINS": "1", "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json"}
CUT = """\
- hosts: fw2
  gather_facts: false
  tasks:
    - fitsom.school.nft_table: {rules: [], guard: false, confirm_seconds: 600, save_dir: /var/lib/fitsom/firewall/cut}
"""


class Hosts:
    """Debian 12 and 13, the latter without nftables."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.inventory = str(folder / "firewall/inventory")

    def lab(self, *words: str) -> str:
        done = run(sys.executable, "molecule/shared/lab.py", *words, env={"FITSOM_LAB_DIR": str(self.folder)})
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def play(self, playbook: str, *more: str) -> dict[str, Any]:
        done = run("ansible-playbook", "-i", self.inventory, playbook, *more, env=JSON)
        found: dict[str, Any] = json.loads(done.stdout[done.stdout.index("{\n") :])
        assert done.returncode == 0, done.stdout[-5000:]
        return found

    def rules(self, host: str) -> str:
        return self.lab("exec", "firewall", host, "--", "nft", "-s", "list", "table", "inet", "fitsom")


@pytest.fixture(scope="module")
def hosts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hosts]:
    folder = tmp_path_factory.mktemp("firewall")
    found = Hosts(folder)
    try:
        found.lab("up", "firewall", "--spec", "molecule/firewall_rules/lab.yml")
        found.play("molecule/firewall_rules/prepare.yml")
        yield found
    finally:
        stop(folder)


def changed(told: dict[str, Any]) -> set[tuple[str, str]]:
    tasks = [task for play in told["plays"] for task in play["tasks"]]
    return {
        (host, task["task"]["name"])
        for task in tasks
        for host, result in task["hosts"].items()
        if result.get("changed")
    }


def objects(told: dict[str, Any]) -> list[tuple[str, str, str]]:
    tasks = [task for play in told["plays"] for task in play["tasks"]]
    return sorted(
        (host, thing["action"], thing["id"])
        for task in tasks
        for host, result in task["hosts"].items()
        for thing in result.get("fitsom", {}).get("objects", [])
    )


def test_on_a_fresh_host_check_mode_foretells_every_task_and_every_rule(hosts: Hosts) -> None:
    plan = hosts.play("playbooks/firewall.yml", "--check", "--diff")
    with pytest.raises(AssertionError):
        hosts.rules("fw1")
    done = hosts.play("playbooks/firewall.yml")
    assert changed(plan) == changed(done)
    assert ("fw2", "fitsom.school.firewall_rules : Install nftables") in changed(done)
    assert objects(plan) == objects(done)
    assert ("fw2", "add", "lessons") in objects(done)
    again = hosts.play("playbooks/firewall.yml")
    assert (changed(again), objects(again)) == (set(), [])


def test_after_a_power_cut_before_the_confirmation_the_old_rules_are_there(hosts: Hosts) -> None:
    before = hosts.rules("fw2")
    (hosts.folder / "cut.yml").write_text(CUT)
    hosts.play(str(hosts.folder / "cut.yml"))
    assert "fitsom:manage" not in hosts.rules("fw2")
    hosts.lab("kill", "firewall", "fw2")
    hosts.lab("start", "firewall", "fw2")
    assert hosts.rules("fw2") == before
    hosts.play("playbooks/firewall.yml", "--check")


def test_a_wrong_register_is_told_with_its_file_and_line(hosts: Hosts, tmp_path: Path) -> None:
    wrong = tmp_path / "group_vars/wrong.yml"
    wrong.parent.mkdir()
    rules = [{"name": "old", "from": ["any"], "services": ["ssh"], "expires": "2020-01-01"}]
    wrong.write_text(yaml.safe_dump({"firewall_rules_host": rules}))
    done = run("ansible-playbook", "-i", hosts.inventory, "playbooks/firewall.yml", "-e", f"@{wrong}")
    assert done.returncode != 0
    assert "old (group_vars/wrong.yml:2): it expired on 2020-01-01" in done.stdout + done.stderr
    assert "old (group_vars/wrong.yml:2): `owner` is missing" in done.stdout + done.stderr
