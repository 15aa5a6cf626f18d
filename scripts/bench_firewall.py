"""A register of 1,000 rules on a host; a line on 20 routers, by netmiko_config and by a loop over bare netmiko.

Usage: scripts/bench_firewall.py [RULES] [DEVICES] [ROUNDS]   (default: 1000 20 3). Prints figures as JSON.

`check` is reading and checking the register and resolving zones, on the controller; `render` makes the text for nft.
`apply_and_confirm` is a playbook over ssh to a container: trial in a namespace, timer, replacement, new connection.
`again` is one that finds nothing to do. Routers are FRRouting in containers. Ours types a line, reads the configuration
before and after, opens a second connection as proof, and saves. `serial_loop` types the line and saves, and proves
nothing; `serial_proof` does what ours does, one router after another. Compare the three with each other only.
"""

from __future__ import annotations

import json
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "molecule/shared")]

from scripts.bench_tools import figures, say  # noqa: E402
from tests.integration.directory_lab import run, stop  # noqa: E402

# isort: split
from plugins.module_utils.devices.device import settle  # noqa: E402
from plugins.module_utils.firewall.model import dump  # noqa: E402
from plugins.module_utils.firewall.nft import Policy, render  # noqa: E402
from plugins.module_utils.firewall.register import Context, Register, read  # noqa: E402

SPEC = """\
refresh: false
hosts:
  fw: {image: debian12, groups: [hosts]}
  sw: {image: debian12+frr, groups: [routers], count: %d}
"""
ROUTERS = """\
- hosts: routers
  gather_facts: false
  vars:
    lab: "{{ ansible_ssh_private_key_file | dirname }}"
  tasks:
    - fitsom.school.netmiko_config:
        host: "{{ ansible_host }}"
        device_type: cisco_ios
        username: netadmin
        password: "{{ lookup('file', lab ~ '/secrets/router') }}"
        known_hosts: "{{ lab }}/known_hosts"
        lines: ["ip prefix-list BENCH seq {{ seq }} permit 10.{{ seq }}.0.0/16"]
      delegate_to: localhost
      become: false
      vars: {ansible_connection: local, ansible_python_interpreter: "{{ ansible_playbook_python }}"}
"""
PREPARE = "- hosts: routers\n  gather_facts: false\n  tasks: [{import_tasks: %s}]\n"
APPLY = """\
- hosts: hosts
  gather_facts: false
  tasks:
    - fitsom.school.nft_table:
        rules: "{{ lookup('file', rules_file) | from_json }}"
        save_dir: /var/lib/fitsom/firewall/bench
    - wait_for_connection: {timeout: 40, connect_timeout: 3}
    - fitsom.school.nft_confirm: {}
"""


def timed(work: Callable[[], Any]) -> float:
    return measured(work)[0]


def measured(work: Callable[[], Any]) -> tuple[float, float]:
    """Seconds by the clock, and seconds of work for this machine's processors; the routers' own is not in it."""
    began, busy = time.monotonic(), processors()
    work()
    return time.monotonic() - began, processors() - busy


def processors() -> float:
    own, children = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def register(count: int) -> Register:
    """One rule that lets management in, and for each small net one of four services."""
    zones: dict[str, Any] = {"management": {"addresses": ["10.88.0.0/14"]}}
    more = {"owner": "x", "reason": "x", "change": "CHG-1", "expires": date.today() + timedelta(30)}  # noqa: DTZ011
    rules = [{"name": "manage", "from": ["management"], "services": ["ssh"], **more}]
    for number in range(count - 1):
        zones[f"net{number}"] = {
            "addresses": [f"10.{number // 250}.{number % 250}.0/24", f"2001:db8:{number:x}::/64"]
        }
        rules.append(
            {
                "name": f"rule{number}",
                "from": [f"net{number}"],
                "services": ["https", "smb"],
                "log": True,
                **more,
            }
        )
    services = {"ssh": ["tcp/22"], "https": ["tcp/443", "tcp/8443"], "smb": ["tcp/445"]}
    entries = [{"rule": rule, "where": "bench.yml"} for rule in rules]
    return read(entries, Context(zones, services, {}, date.today(), 120))  # noqa: DTZ011


def play(inventory: Path, playbook: Path, *more: str) -> None:
    done = run("ansible-playbook", "-i", str(inventory), "--forks", "25", str(playbook), *more)
    if done.returncode:
        raise SystemExit(done.stdout[-3000:] + done.stderr[-1000:])


def rules_part(lab: Path, folder: Path, count: int, rounds: int) -> dict[str, Any]:
    say(f"{count} rules")
    check = [timed(lambda: register(count)) for _ in range(rounds)]
    found = register(count)
    if found.faults:
        raise SystemExit(found.faults[0])
    rendered = [timed(lambda: render(found.rules, Policy())) for _ in range(rounds)]
    (folder / "rules.json").write_text(json.dumps([dump(rule) for rule in found.rules]))
    (folder / "apply.yml").write_text(APPLY)
    extra = ("-e", f"rules_file={folder}/rules.json")
    apply = timed(lambda: play(lab / "inventory", folder / "apply.yml", *extra))
    (folder / "again.yml").write_text(APPLY.split("    - wait_for")[0])
    again = [timed(lambda: play(lab / "inventory", folder / "again.yml", *extra)) for _ in range(rounds)]
    lines = render(found.rules, Policy()).count("\n")
    return {
        "rules": count,
        "lines": lines,
        "check": figures(check),
        "render": figures(rendered),
        "apply_and_confirm": round(apply, 2),
        "again": figures(again),
    }


def serial(lab: Path, seq: int, proof: bool = False) -> None:
    """One router after another, as a script would; with `proof` all that netmiko_config does."""
    import netmiko

    name_of_list = "PROOF" if proof else "LOOP"
    hosts = yaml.safe_load((lab / "inventory/hosts.yml").read_text())["all"]["hosts"]
    password = (lab / "secrets/router").read_text().strip()
    for name, host in hosts.items():
        if name.startswith("sw"):
            login = {
                "device_type": "cisco_ios",
                "host": host["ansible_host"],
                "username": "netadmin",
                "password": password,
                "ssh_strict": True,
                "alt_host_keys": True,
                "alt_key_file": str(lab / "known_hosts"),
            }
            link = netmiko.ConnectHandler(**login)
            if proof:
                settle(link)
            line = f"ip prefix-list {name_of_list} seq {seq} permit 10.{seq}.0.0/16"
            if proof and line in link.send_command("show running-config"):
                raise SystemExit(f"{line} is there already")
            link.send_config_set([line])
            if proof:
                if line not in link.send_command("show running-config"):
                    raise SystemExit(f"{line} was not taken")
                netmiko.ConnectHandler(**login).disconnect()
                link.send_command("show running-config")
            link.save_config()
            link.disconnect()


def routers_part(lab: Path, folder: Path, devices: int, rounds: int) -> dict[str, Any]:
    say(f"{devices} routers")
    (folder / "routers.yml").write_text(ROUTERS)
    (folder / "prepare.yml").write_text(PREPARE % (ROOT / "molecule/shared/tasks/frr.yml"))
    play(lab / "inventory", folder / "prepare.yml")
    ways: dict[str, list[tuple[float, float]]] = {"ours": [], "serial_loop": [], "serial_proof": []}
    for seq in range(5, 5 + rounds):
        typed = (lab / "inventory", folder / "routers.yml", "-e", f"seq={seq}")
        ways["ours"].append(measured(partial(play, *typed)))
        ways["serial_loop"].append(measured(partial(serial, lab, seq)))
        ways["serial_proof"].append(measured(partial(serial, lab, seq, proof=True)))
    seconds = {name: figures([wall for wall, _busy in found]) for name, found in ways.items()}
    busy = {f"{name}_processor": figures([busy for _wall, busy in found]) for name, found in ways.items()}
    return {"devices": devices, **seconds, **busy}


def main(arguments: list[str]) -> None:
    given = [int(argument) for argument in arguments]
    count, devices, rounds = (*given, *(1000, 20, 3)[len(given) :])
    with tempfile.TemporaryDirectory(prefix="fitsom-bench-") as name:
        folder = Path(name)
        (folder / "lab.yml").write_text(SPEC % devices)
        try:
            lab = [
                sys.executable,
                "molecule/shared/lab.py",
                "up",
                "fwbench",
                "--spec",
                str(folder / "lab.yml"),
            ]
            up = run(*lab, env={"FITSOM_LAB_DIR": name})
            if up.returncode:
                raise SystemExit(up.stderr)
            print(
                json.dumps(
                    {
                        "register": rules_part(folder / "fwbench", folder, count, rounds),
                        "routers": routers_part(folder / "fwbench", folder, devices, rounds),
                    },
                    indent=2,
                )
            )
        finally:
            stop(folder)


if __name__ == "__main__":
    main(sys.argv[1:])
