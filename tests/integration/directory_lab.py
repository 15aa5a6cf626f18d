"""The lab's two directories, a Samba domain and an OpenLDAP server, for tests and benchmarks."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any

import yaml

from plugins.module_utils.directory import (
    connection,
    desired,
    engine,
    maps,
    policy,
    reader,
)
from plugins.module_utils.directory import steps as planning
from plugins.module_utils.directory.model import Roster, State, Step
from plugins.module_utils.directory.refusals import DirectoryError
from tests.school import ROOT

TODAY = date(2026, 11, 24)
PASSWORD = "Maple-otter-tango-river-47"
PASSPHRASE = "only-for-this-test"
SPEC = """\
refresh: false
hosts:
  dc1: {image: debian12+samba, groups: [domain_controllers]}
  ldap1: {image: debian12+openldap, groups: [ldap_servers]}
"""
TREE_DELETE = "1.2.840.113556.1.4.805"
PROGRAMS = Path(sys.executable).parent


def run(*words: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    path = f"{PROGRAMS}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        words,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PATH": path, **(env or {})},
    )


def start(folder: Path) -> Path:
    """Start and provision both servers; return the lab's folder."""
    (folder / "lab.yml").write_text(SPEC)
    lab = [sys.executable, "molecule/shared/lab.py"]
    environment = {"FITSOM_LAB_DIR": str(folder)}
    up = run(*lab, "up", "directory", "--spec", str(folder / "lab.yml"), env=environment)
    assert up.returncode == 0, up.stderr
    provisioning = run(
        "ansible-playbook", "-i", str(folder / "directory/inventory"), "molecule/directory_users/prepare.yml"
    )
    assert provisioning.returncode == 0, provisioning.stdout[-4000:] + provisioning.stderr
    return folder / "directory"


def stop(folder: Path) -> None:
    run(sys.executable, "molecule/shared/lab.py", "down", "--all", env={"FITSOM_LAB_DIR": str(folder)})


@dataclass(kw_only=True)
class Directory:
    """One directory of the lab. `rules` is the school's policy."""

    kind: str
    lab: Path
    base: str
    bind_dn: str
    secret: str
    host: str
    rules: dict[str, Any] = field(default_factory=lambda: {"max_disappearing_percent": 100})

    @property
    def login(self) -> connection.Login:
        hosts = yaml.safe_load((self.lab / "inventory/hosts.yml").read_text())["all"]["hosts"]
        return connection.Login(
            servers=(hosts[self.host]["ansible_host"],),
            bind_dn=self.bind_dn,
            password=(self.lab / "secrets" / self.secret).read_text().strip(),
            ca_file=str(self.lab / "ca/ca.pem"),
        )

    def link(self) -> connection.Link:
        return connection.connect(self.login)

    def may_log_in(self, name: str, password: str) -> bool:
        """Whether the server accepts this DN with this password."""
        try:
            connection.connect(replace(self.login, bind_dn=name, password=password)).close()
        except DirectoryError:
            return False
        return True

    def plan(self, roster: Roster) -> tuple[State, State, list[Step]]:
        """The current state, the desired state, and the steps between them."""
        link, rules = self.link(), policy.from_mapping(self.rules)
        mapping = reader.map_for(link, self.kind, self.base)
        current = reader.read(link, mapping)
        target = maps.without_unsupported(mapping, desired.desired_state(roster, rules, TODAY, current))
        link.close()
        return current, target, planning.plan_steps(current, target, rules, TODAY)

    def apply(
        self, current: State, steps: Sequence[Step], *, die_after: int = 0, width: int = 2
    ) -> engine.Report:
        """Apply the steps; with `die_after` kill this process after that number of steps."""
        links = [self.link() for _ in range(width)]
        mapping = reader.map_for(links[0], self.kind, self.base)
        count = 0

        def on_completed(_step: Step) -> None:
            nonlocal count
            count += 1
            if count == die_after:
                os.kill(os.getpid(), signal.SIGKILL)

        secrets = {step.key: PASSWORD for step in steps}
        report = engine.Engine(links, mapping, current, secrets, on_completed).apply(steps)
        for link in links:
            link.close()
        return report

    def follow(self, roster: Roster) -> list[Step]:
        """Plan and apply; return the steps."""
        current, _, steps = self.plan(roster)
        report = self.apply(current, steps)
        assert (report.error, report.remaining) == ("", ())
        return steps

    def follow_and_die(self, roster: Roster, after: int) -> int:
        """The same in a process that is killed after some steps; return how many were planned."""
        current, _, steps = self.plan(roster)
        process = multiprocessing.get_context("fork").Process(
            target=self.apply, args=(current, steps), kwargs={"die_after": after}
        )
        process.start()
        process.join(120)
        return len(steps)

    def wipe(self) -> None:
        """Delete everything below the base."""
        link = self.link()
        if self.kind == "openldap":
            entries = link.search(self.base, "(objectClass=*)", ["1.1"])
            for entry in sorted(entries, key=lambda entry: -entry.dn.count(",")):
                if entry.dn.lower() != self.base.lower():
                    link.delete(entry.dn)
        else:
            raw: Any = link._connection  # ldap3's stubs leave its methods without types
            for entry in list(link.search(self.base, "(objectClass=*)", ["cn"], scope="LEVEL")):
                raw.delete(entry.dn, controls=[(TREE_DELETE, True, None)])
        link.close()

    def module(self, name: str, *flags: str, **options: Any) -> tuple[dict[str, Any], str]:
        """Run one of our modules on the controller; return its result and the whole output."""
        login = self.login
        arguments = {
            "servers": list(login.servers),
            "kind": self.kind,
            "base": self.base,
            "bind_dn": login.bind_dn,
            "bind_password": login.password,
            "ca_file": login.ca_file,
            **options,
        }
        task = {f"fitsom.school.{name}": arguments, "register": "result"}
        play = [{"hosts": "localhost", "gather_facts": False, "tasks": [task]}]
        book = self.lab / f"{name}.yml"
        book.write_text(json.dumps(play))
        callback = {"ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json", "ANSIBLE_DEPRECATION_WARNINGS": "0"}
        playbook_run = run("ansible-playbook", str(book), *flags, env=callback)
        output = playbook_run.stdout + playbook_run.stderr
        result: dict[str, Any] = json.loads(playbook_run.stdout[playbook_run.stdout.index("{\n") :])["plays"][
            0
        ]["tasks"][0]
        return result["hosts"]["localhost"], output


def lab_directories(lab: Path) -> dict[str, Directory]:
    samba = Directory(
        kind="samba",
        lab=lab,
        host="dc1",
        base="OU=School,DC=school,DC=test",
        bind_dn="CN=fitsom,CN=Users,DC=school,DC=test",
        secret="fitsom",
    )
    slapd = Directory(
        kind="openldap",
        lab=lab,
        host="ldap1",
        base="ou=School,dc=school,dc=test",
        bind_dn="cn=fitsom,dc=school,dc=test",
        secret="openldap_fitsom",
    )
    return {"samba": samba, "openldap": slapd}
