"""What Ansible sends to a Windows host: which modules, which arguments, in which order. No Windows is in it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.integration.directory_lab import run
from tests.integration.winrm_double import PASSWORD, Call, Windows, serving

# isort: split
JSON = {"ANSIBLE_LOAD_CALLBACK_PLUGINS": "1", "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json"}
END = date.today() + timedelta(days=30)  # noqa: DTZ011
OLD = {
    "name": "fitsom old (in, tcp)",
    "group": "fitsom",
    "description": "Let in: pupils, for smb",
    "direction": 1,
    "action": 1,
    "enabled": True,
    "profiles": 0x7FFFFFFF,
    "local": "*",
    "remote": "10.20.0.0/255.255.0.0",
    "protocol": 6,
    "localports": "445",
    "remoteports": "*",
    "icmp": None,
}
STRANGER = {**OLD, "name": "TeamThing", "group": None, "remote": "*", "localports": "5938"}
BUILT_IN = {**OLD, "name": "Core Networking - DHCP", "group": "@FirewallAPI.dll,-25000"}


def rule(name: str, source: str, *services: str, **more: Any) -> dict[str, Any]:
    return {
        "name": name,
        "from": [source],
        "services": list(services),
        "owner": "Head of ICT",
        "reason": "Lessons",
        "change": "CHG-2026-0001",
        "expires": END.isoformat(),
        **more,
    }


class Host:
    """A Windows host of the group `firewalled`, and playbooks/firewall.yml run against it."""

    def __init__(self, windows: Windows, folder: Path, login: dict[str, Any]):
        self.windows = windows
        self.folder = folder
        self.variables: dict[str, Any] = {
            **login,
            "firewall_rules_platform": "windows",
            "firewall_rules_confirm_seconds": 30,
            "firewall_rules_zones": {
                "management": {"addresses": ["10.0.9.0/24", "2001:db8:9::/64"]},
                "pupils": {"addresses": ["10.20.0.0/16"]},
            },
            "firewall_rules_services": {
                "web": ["tcp/443", "tcp/80"],
                "own": [f"tcp/{login['ansible_port']}"],
            },
            "firewall_rules_school": [
                rule("manage", "management", "own", "ping"),
                rule("web", "pupils", "web"),
            ],
        }

    def play(self, *words: str, code: int = 0) -> tuple[list[Call], str]:
        """What was sent, and all that Ansible wrote."""
        inventory = {"firewalled": {"hosts": {"win1": self.variables}}}
        path = self.folder / "hosts.yml"
        path.write_text(yaml.safe_dump(inventory))
        self.windows.calls = []
        done = run("ansible-playbook", "-i", str(path), "playbooks/firewall.yml", *words, env=JSON)
        assert (done.returncode != 0) == bool(code), done.stdout[-4000:] + done.stderr
        return self.windows.calls, done.stdout + done.stderr


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    windows = Windows(rules={str(one["name"]): one for one in (OLD, STRANGER, BUILT_IN)})
    with serving(windows, tmp_path) as login:
        yield Host(windows, tmp_path, login)


def told(output: str) -> tuple[list[str], list[dict[str, Any]]]:
    """The tasks that changed something, and the `fitsom` facts."""
    whole = json.loads(output[output.index("{\n") : output.rindex("}") + 1])
    tasks = [task for play in whole["plays"] for task in play["tasks"] if "win1" in task["hosts"]]
    changed = [task["task"]["name"] for task in tasks if task["hosts"]["win1"].get("changed")]
    facts = [task["hosts"]["win1"]["fitsom"] for task in tasks if "fitsom" in task["hosts"]["win1"]]
    return changed, facts


def short(call: Call) -> tuple[str, str]:
    """A call by its module and by what tells it from others."""
    given = call.arguments
    script = given.get("script", "")
    words = next((w for w in ("HNetCfg", "advfirewall export", "advfirewall import") if w in script), "")
    return call.module.rpartition(".")[2], words or given.get("state") or given.get("name", "")


RULE = {
    "group": "fitsom",
    "action": "allow",
    "direction": "in",
    "localip": "any",
    "profiles": ["domain", "private", "public"],
    "enabled": True,
    "state": "present",
}
CHANGES = [
    ("win_powershell", "HNetCfg"),
    ("win_file", "directory"),
    ("win_powershell", "advfirewall export"),
    ("win_scheduled_task", "present"),
    *[("win_firewall_rule", "present")] * 4,
    ("win_firewall_rule", "absent"),
    ("win_firewall", "enabled"),
]
LOGGING = [("win_regedit", name) for name in ("LogDroppedPackets", "LogSuccessfulConnections")] * 3
PROOF = [("win_ping", ""), ("win_scheduled_task", "absent"), ("win_powershell", "HNetCfg")]


def test_check_mode_foretells_all_and_changes_nothing(host: Host) -> None:
    before = dict(host.windows.rules)
    calls, output = host.play("--check", "--diff")
    assert [call for call in calls if not call.check] == calls[:1]
    assert short(calls[0]) == ("win_powershell", "HNetCfg")
    assert [short(call) for call in calls] == [*CHANGES, ("win_scheduled_task", "absent"), *LOGGING]
    assert (host.windows.rules, host.windows.tasks, host.windows.paths) == (before, set(), set())
    plan = told(output)
    assert plan == told(host.play()[1])
    objects = [(o["action"], o["id"], o["what"]) for fact in plan[1] for o in fact.get("objects", [])]
    until = f"until {END.day} {END:%B %Y}"
    assert ("add", "fitsom web (in, tcp)", f"Let in: pupils, for web, {until}") in objects
    assert ("remove", "fitsom old (in, tcp)", "Let in: pupils, for smb") in objects
    found = {f["ci"]: f["severity"] for fact in plan[1] for f in fact.get("findings", [])}
    assert found["win1: TeamThing"] == "warning"
    assert found["win1"] == "informational"


def test_each_module_gets_its_arguments_and_the_way_back_stands_before_the_first_rule(host: Host) -> None:
    calls, output = host.play()
    assert [short(call) for call in calls] == [*CHANGES, *PROOF, *LOGGING]
    sent = {call.arguments.get("name", ""): call.arguments for call in calls if not call.check}
    assert sent["fitsom web (in, tcp)"] == {
        **RULE,
        "name": "fitsom web (in, tcp)",
        "description": f"Let in: pupils, for web, until {END.day} {END:%B %Y}",
        "protocol": "tcp",
        "remoteip": "10.20.0.0/16",
        "localport": "80,443",
    }
    ping = sent["fitsom manage (in, icmpv6)"]
    assert (ping["protocol"], ping["icmp_type_code"]) == ("icmpv6", ["128:*"])
    assert ping["remoteip"] == "10.0.9.0/24,2001:db8:9::/64"
    assert "localport" not in ping
    gone = sent["fitsom old (in, tcp)"]
    assert gone == {"name": "fitsom old (in, tcp)", "group": "fitsom", "state": "absent"}
    back = next(call.arguments for call in calls if short(call) == ("win_scheduled_task", "present"))
    assert back["triggers"] == [{"type": "registration", "delay": "PT55S"}, {"type": "boot"}]
    saved = "C:\\ProgramData\\fitsom\\firewall\\manual\\before.wfw"
    assert back["actions"] == [{"path": "netsh.exe", "arguments": f'advfirewall import "{saved}"'}]
    assert sorted(host.windows.rules) == [
        "Core Networking - DHCP",
        "TeamThing",
        "fitsom manage (in, icmp)",
        "fitsom manage (in, icmpv6)",
        "fitsom manage (in, tcp)",
        "fitsom web (in, tcp)",
    ]
    assert PASSWORD not in output
    calls, output = host.play()
    assert [short(call) for call in calls] == [("win_powershell", "HNetCfg"), *LOGGING]
    assert told(output)[0] == []


def test_a_rule_that_is_refused_and_a_host_that_is_cut_off_end_with_the_old_rules(host: Host) -> None:
    before = dict(host.windows.rules)
    host.windows.refuses = "fitsom web (in, tcp)"
    calls, output = host.play(code=2)
    assert "could not be confirmed" in output
    assert "The old rules are back. Nothing has changed." in output
    assert short(calls[-2]) == ("win_scheduled_task", "absent")
    assert told(output)[1][-1]["undone"] == ["firewall rule"]
    assert (host.windows.rules, host.windows.tasks) == (before, set())

    host.windows.refuses = ""
    host.windows.deaf_seconds = 12
    host.variables["firewall_rules_confirm_seconds"] = 6
    calls, output = host.play(code=2)
    assert "The old rules are back. Nothing has changed." in output
    assert [short(call) for call in calls][-4:] == [
        ("win_ping", ""),
        ("win_powershell", "advfirewall import"),
        ("win_scheduled_task", "absent"),
        ("win_powershell", "HNetCfg"),
    ]
    assert (host.windows.rules, host.windows.tasks) == (before, set())


def test_what_windows_can_not_do_is_told_before_anything_is_sent(host: Host) -> None:
    host.variables["firewall_rules_host"] = [
        rule("on", "pupils", "ssh", direction="forward", to=["management"])
    ]
    calls, output = host.play(code=2)
    assert calls == []
    assert "on (host_vars" in output or "on (hosts.yml" in output
    assert "Windows passes nothing on" in output
