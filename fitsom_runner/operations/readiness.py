"""Whether everything is there that a run will need, each host included. Changes nothing, and is no change."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from fitsom_runner.ansible import content, engine, ledger, play, room
from fitsom_runner.ansible.play import Job
from fitsom_runner.audit import log
from fitsom_runner.config import Config
from fitsom_runner.errors import FitsomError
from fitsom_runner.execution.preparation import Preparation, prepare_playbooks, problems
from fitsom_runner.operations.check import Check
from fitsom_runner.people import signers

#: Written into the private extract: a school's content need not have it.
_PLAYBOOK = "fitsom_doctor.yml"
_LOOK = """\
- name: Log in, and become root where the inventory says so
  hosts: all
  gather_facts: false
  tasks:
    - name: Log in
      ansible.builtin.command:
        argv: [id, -u]
      changed_when: false
      check_mode: false
      register: who
    - name: Become root
      ansible.builtin.assert:
        that: who.stdout == '0'
        fail_msg: "the login works, and is not root: set ansible_become: true in the inventory"
        quiet: true
"""
_TIMER = "fitsom-tick.timer"


def examine(config: Config, *, with_hosts: bool = True) -> Iterator[Check]:
    """All checks, one after the other, as they are made. with_hosts: log in to each host too."""
    verdict = log.verify()
    yield Check(
        name="audit log",
        ok=not verdict.faults,
        detail="; ".join(verdict.faults) or f"{verdict.entries} entries, intact",
        way_out="Keep the database as it is, and compare it with a backup and with the printed reports.",
    )
    yield _content(config)
    yield _room(config)
    chosen = engine.choose(config.engine)
    yield Check(
        name="engine",
        ok=not chosen.reason,
        detail=chosen.words() or "plain Ansible",
        way_out="pip install 'fitsom[mitogen]', or 'engine: ansible' in fitsom.yml.",
    )
    yield from _inventory(config, with_hosts=with_hosts)
    free_mb = shutil.disk_usage(config.state).free // 2**20
    yield Check(
        name="space for records",
        ok=free_mb >= config.minimum_free_mb,
        detail=f"{free_mb} MB free, {config.minimum_free_mb} needed",
        way_out=f"Make room in {config.state}.",
    )
    yield from _machine()
    yield from _people(config)


def _content(config: Config) -> Check:
    try:
        commit = content.head_commit(config.repository)
    except FitsomError as fault:
        return Check(
            name="content",
            ok=False,
            detail=" ".join((fault.message, *fault.details)),
            way_out=fault.hint,
        )
    return Check(name="content", ok=True, detail=f"commit {commit[:12]} of {config.repository}")


def _room(config: Config) -> Check:
    if not config.sandbox.enabled:
        return Check(
            name="closed room",
            ok=False,
            detail="switched off in fitsom.yml (sandbox: off): runs see the whole machine",
            way_out="Take 'sandbox: off' out.",
        )
    why_not = room.fault()
    return Check(name="closed room", ok=not why_not, detail=why_not or f"bubblewrap {room.version()}")


def _inventory(config: Config, *, with_hosts: bool) -> Iterator[Check]:
    """Inventory and vault, as a plan reads them; then each host."""
    try:
        with prepare_playbooks(config, "doctor", (), "all", asking=(), rehearsal=True) as ready:
            hosts = ready.resolved.hosts
            groups = {group for names in ready.resolved.groups.values() for group in names}
            yield Check(name="inventory", ok=True, detail=f"{len(hosts)} hosts in {len(groups)} groups")
            vaults = len(config.vault_password_files)
            yield Check(
                name="vault",
                ok=True,
                detail=f"every vaulted value opens ({vaults} pass phrases)" if vaults else "none is used",
            )
            if with_hosts:
                yield from _hosts(config, ready)
    except FitsomError as fault:
        words = " ".join((fault.message, *fault.details))
        yield Check(name="inventory and vault", ok=False, detail=words, way_out=fault.hint)


def _hosts(config: Config, ready: Preparation) -> Iterator[Check]:
    connections = ready.resolved.connections
    tried = tuple(host for host in ready.resolved.hosts if connections[host] == "ssh")
    for host in ready.resolved.hosts:
        if host not in tried:
            yield Check(
                name=f"host {host}",
                ok=True,
                detail=f"not tried, since it is reached by {connections[host]}",
            )
    if not tried:
        return
    folder = ready.extract.folder
    (folder / _PLAYBOOK).write_text(_LOOK)
    job = Job(
        extract=ready.extract,
        playbook=_PLAYBOOK,
        hosts=tried,
        check=True,
        ledger=folder.parent / "doctor.jsonl",
        secrets=ready.secrets,
        keys=ready.resolved.keys,
        addresses=ready.resolved.addresses,
        accepted=(str(folder / _PLAYBOOK),),
    )
    result = play.run(config, job)
    failing = problems(ledger.read(job.ledger), tried, result)
    for host in tried:
        why = " ".join(failing.get(host, "").split())
        yield Check(
            name=f"host {host}", ok=not why, detail=why or "login and root", way_out=_way_in(why, host)
        )


def _way_in(why: str, host: str) -> str:
    """What to do about the commonest reasons why a host cannot be managed."""
    reasons = (
        (
            "Host key verification failed",
            f"ssh {host} once, compare the key, and name its file in 'ssh: known_hosts'.",
        ),
        ("Permission denied", "Put your key on it, and name the private key in 'ssh: keys' of fitsom.yml."),
        ("sudo password", "Set ansible_become_password in its vault, or NOPASSWD in its sudoers."),
        ("Could not resolve", "Set ansible_host in the inventory, or mend the name service."),
        ("timed out", "Is it on, and is port 22 open from here?"),
        ("refused", "Is ssh running there, on the port of the inventory?"),
        ("interpreter", "apt install python3 on it, or set ansible_python_interpreter."),
    )
    return next((way for words, way in reasons if words in why), "")


def _machine() -> Iterator[Check]:
    """The clock and the timer of this machine, where systemd runs it."""
    if not Path("/run/systemd/system").is_dir():
        return
    synchronised = _asked("timedatectl", "show", "--property", "NTPSynchronized", "--value")
    if synchronised:
        yield Check(
            name="clock",
            ok=synchronised == "yes",
            detail="synchronised" if synchronised == "yes" else "not synchronised: windows may be missed",
            way_out="timedatectl set-ntp true",
        )
    active = _asked("systemctl", "is-active", _TIMER)
    words = (
        "starts what is due"
        if active == "active"
        else "not installed: a change starts by 'fitsom run start', or by cron"
    )
    installed = _asked("systemctl", "is-enabled", _TIMER) in ("enabled", "disabled")
    yield Check(
        name="timer",
        ok=active == "active" or not installed,
        detail=f"{_TIMER} is {active}: nothing starts by itself"
        if installed and active != "active"
        else words,
        way_out=f"systemctl enable --now {_TIMER}",
    )


def _asked(*command: str) -> str:
    """What a program of systemd answers in a word; "" where it is not there."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return done.stdout.strip()


def _people(config: Config) -> Iterator[Check]:
    """Whether every change can be finished, whoever asks for it."""
    if config.acting_as_allowed:
        yield Check(
            name="people",
            ok=False,
            detail="acting_as_allowed is on: for demo and training only",
            way_out="Take it out of fitsom.yml, and give each person their os_user.",
        )
    missing = signers.missing(config)
    for gap in missing:
        yield Check(name="people", ok=not gap.is_needed, detail=gap.words, way_out=gap.way_out)
    if not missing:
        yield Check(
            name="people",
            ok=True,
            detail=f"{len(config.people)} people: every type of change can be finished, whoever requests it",
        )
