"""netmiko_config and netmiko_facts on a real router, FRRouting: by ssh, and by telnet, which can cut us off."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.integration.directory_lab import run, stop
from tests.integration.lab_hosts import NEEDS_LAB

pytestmark = NEEDS_LAB
SPEC = "refresh: false\nhosts: {sw1: {image: debian12+frr, groups: [routers]}}\n"
PREPARE = "- hosts: routers\n  gather_facts: false\n  tasks: [{import_tasks: %s}]\n"
CANARY = "Kanarie7vogel"


@dataclass(kw_only=True)
class Router:
    """The router of this test's own lab."""

    lab: Path
    folder: Path

    @property
    def address(self) -> str:
        hosts = yaml.safe_load((self.lab / "inventory/hosts.yml").read_text())["all"]["hosts"]
        return str(hosts["sw1"]["ansible_host"])

    @property
    def password(self) -> str:
        return (self.lab / "secrets/router").read_text().strip()

    def login(self, telnet: bool = False) -> dict[str, Any]:
        if telnet:
            both = {"password": self.password, "secret": self.password}
            return {
                "host": self.address,
                "port": 2601,
                "device_type": "cisco_ios_telnet",
                "save": False,
                **both,
            }
        return {
            "host": self.address,
            "device_type": "cisco_ios",
            "username": "netadmin",
            "password": self.password,
            "known_hosts": str(self.lab / "known_hosts"),
        }

    def module(self, name: str, *, check: bool = False, **arguments: Any) -> tuple[dict[str, Any], str]:
        """The result of a module on the controller, and everything that Ansible wrote."""
        done = run(
            "ansible", "localhost", "-c", "local", "-m", f"fitsom.school.{name}", "-a", json.dumps(arguments), "-vvv",
            *["-C"] * check,
            env={"ANSIBLE_LOAD_CALLBACK_PLUGINS": "1", "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json"},
        )  # fmt: skip
        text = done.stdout[done.stdout.index("{\n") :]
        found = json.JSONDecoder().raw_decode(text)[0]["plays"][0]["tasks"][0]["hosts"]["localhost"]
        return found, done.stdout.replace(json.dumps(arguments), "") + done.stderr

    def config(self, *lines: str, telnet: bool = False, check: bool = False, **more: Any) -> dict[str, Any]:
        wanted = {**self.login(telnet), "lines": list(lines), **more}
        return self.module("netmiko_config", check=check, **wanted)[0]

    def running(self) -> str:
        """What the router itself says, past netmiko."""
        done = run(sys.executable, "molecule/shared/lab.py", "exec", "network", "sw1", "--", "vtysh", "-c",
                   "show running-config", env={"FITSOM_LAB_DIR": str(self.folder)})  # fmt: skip
        return done.stdout


@pytest.fixture(scope="module")
def router(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Router]:
    folder = tmp_path_factory.mktemp("network")
    (folder / "lab.yml").write_text(SPEC)
    (folder / "prepare.yml").write_text(PREPARE % Path("molecule/shared/tasks/frr.yml").resolve())
    try:
        up = run(sys.executable, "molecule/shared/lab.py", "up", "network", "--spec", str(folder / "lab.yml"),
                 env={"FITSOM_LAB_DIR": str(folder)})  # fmt: skip
        assert up.returncode == 0, up.stderr
        inventory = str(folder / "network/inventory")
        made = run("ansible-playbook", "-i", inventory, str(folder / "prepare.yml"))
        assert made.returncode == 0, made.stdout[-3000:]
        yield Router(lab=folder / "network", folder=folder)
    finally:
        stop(folder)


def test_a_router_tells_what_it_is(router: Router) -> None:
    login = router.login()
    found, _ = router.module("netmiko_facts", **login)
    assert found["device"]["vendor"] == "FRRouting"
    assert found["device"]["hostname"] == "sw1"
    assert router.address in str(found["device"]["interfaces"])


def test_lines_are_foreseen_typed_once_and_saved(router: Router, tmp_path: Path) -> None:
    more: dict[str, Any] = {
        "parents": ["route-map LESSONS permit 10"],
        "backup_dir": str(tmp_path / "backup"),
    }
    lines = ("description pupils", "set metric 20")
    before = router.running()
    plan = router.config(*lines, check=True, **more)
    assert plan["changed"]
    assert router.running() == before
    done = router.config(*lines, **more)
    assert (plan["diff"], plan["fitsom"], plan["commands"]) == (
        done["diff"],
        done["fitsom"],
        done["commands"],
    )
    assert " set metric 20" in router.running()
    assert not router.config(*lines, **more)["changed"]
    kept = Path(done["backup_path"])
    assert kept.stat().st_mode & 0o777 == 0o600
    assert "hostname sw1" in kept.read_text()
    assert "LESSONS" not in kept.read_text()


def test_a_block_is_put_into_order(router: Router) -> None:
    parents = ["route-map ORDER permit 10"]
    assert router.config("match tag 7", "set metric 30", parents=parents)["changed"]
    assert router.config("set metric 30", parents=parents, block=True)["changed"]
    assert "match tag 7" not in router.running()
    assert not router.config("set metric 30", parents=parents, block=True)["changed"]


TEMPLATE = """\
{% for class in classes %}
route-map {{ class }} permit 10
 description {{ class }}
{% if class in slow %}
 set metric {{ 10 * 4 }}
{% endif %}
{% endfor %}
ip prefix-list CLASSES seq 5 permit 10.20.0.0/16
{{ last | default('') }}
"""
PLAY = """\
- hosts: localhost
  gather_facts: false
  tasks:
    - fitsom.school.netmiko_config: "{{ login | combine({'src': 'switch.j2'}) }}"
"""


def test_a_template_of_several_sections_is_one_change(router: Router, tmp_path: Path) -> None:
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates/switch.j2").write_text(TEMPLATE)
    (tmp_path / "play.yml").write_text(PLAY)
    given = {"login": router.login(), "classes": ["SEVEN", "EIGHT"], "slow": ["EIGHT"]}

    def play(*words: str, **more: Any) -> dict[str, Any]:
        done = run(
            "ansible-playbook", str(tmp_path / "play.yml"), "-e", json.dumps({**given, **more}), *words,
            env={"ANSIBLE_LOAD_CALLBACK_PLUGINS": "1", "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json"},
        )  # fmt: skip
        found = json.JSONDecoder().raw_decode(done.stdout[done.stdout.index("{\n") :])[0]
        result: dict[str, Any] = found["plays"][0]["tasks"][0]["hosts"]["localhost"]
        return result

    before = router.running()
    failed = play(last="make it so")
    assert "the device rejected a line" in failed["msg"]
    assert "as it was before" in failed["msg"]
    assert router.running() == before
    plan = play("--check", "--diff")
    assert router.running() == before
    done = play("--diff")
    assert (plan["fitsom"], plan["commands"]) == (done["fitsom"], done["commands"])
    both = [told["diff"]["after"].splitlines() for told in (plan, done)]
    assert sorted(both[0]) == sorted(both[1])  # the router has an order of its own among sections
    assert "route-map EIGHT permit 10\n description EIGHT\n set metric 40" in router.running()
    assert "route-map SEVEN permit 10\n description SEVEN" in router.running()
    assert "ip prefix-list CLASSES seq 5 permit 10.20.0.0/16" in router.running()
    assert not play()["changed"]
    wrong = play(login={**router.login(), "lines": ["hostname sw1"]})
    assert "mutually exclusive" in wrong["msg"]


def test_a_router_without_reload_in_is_told_before_a_line_is_typed(router: Router) -> None:
    before = router.running()
    done = router.config("ip prefix-list SOME seq 5 permit 10.0.0.0/8", guard="reload")
    assert "the device does not support `reload in`; set guard to session" in done["msg"]
    assert router.running() == before


def test_a_rejected_line_fails_and_takes_back_what_was_typed_before_it(router: Router) -> None:
    before = router.running()
    done = router.config("ip prefix-list SOME seq 5 permit 10.0.0.0/8", "make it so")
    assert done["failed"]
    assert "the device rejected a line" in done["msg"]
    assert "as it was before, and nothing was saved" in done["msg"]
    assert router.running() == before


def test_who_cuts_new_connections_off_is_put_back_over_the_old_one(router: Router) -> None:
    assert router.config("access-list NOBODY seq 5 deny any", telnet=True)["changed"]
    before = router.running()
    done = router.config("access-class NOBODY", telnet=True, parents=["line vty"])
    assert done["failed"]
    assert "cannot be reached" in done["msg"]
    assert "as it was before" in done["msg"]
    assert router.running() == before
    assert not router.config("access-list NOBODY seq 5 deny any", telnet=True)["changed"]


def test_without_the_guard_the_same_line_does_cut_us_off(router: Router) -> None:
    done = router.config("access-class NOBODY", telnet=True, parents=["line vty"], guard="none")
    assert done["changed"]
    assert "cannot be reached" in router.config("hostname sw1", telnet=True)["msg"]


def test_another_host_key_is_refused(router: Router, tmp_path: Path) -> None:
    os.close(os.open(tmp_path / "known_hosts", os.O_CREAT))
    done = router.config("hostname sw1", known_hosts=str(tmp_path / "known_hosts"))
    assert done["failed"]
    assert "not found in known_hosts" in done["msg"]


def test_a_secret_is_neither_shown_nor_logged(router: Router) -> None:
    wanted = {**router.login(), "lines": [f"enable password {CANARY}"], "secret": ""}
    done, written = router.module("netmiko_config", **wanted)
    assert done["changed"]
    assert done["commands"] == ["enable password (hidden)"]
    assert CANARY in router.running()
    assert CANARY not in written
    assert router.password not in written
