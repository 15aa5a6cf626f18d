"""The daily look: playbooks/health.yml in check mode, on every host. Operations, no change: nothing is approved."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any

from django.db import transaction

from fitsom_runner import clock
from fitsom_runner.ansible import ledger, play
from fitsom_runner.ansible.ledger import HostTale
from fitsom_runner.ansible.play import Job
from fitsom_runner.audit import log
from fitsom_runner.config import Config
from fitsom_runner.errors import FitsomError
from fitsom_runner.execution.preparation import Prepared, extracted
from fitsom_runner.facts import WORST_FIRST, Finding, Severity
from fitsom_runner.facts_reader import security_updates
from fitsom_runner.people import powers
from fitsom_runner.people.powers import Identity
from fitsom_runner.roles import Power

PLAYBOOK = "playbooks/health.yml"
KEPT = 31
_ERROR_LIMIT = 300

Memory = dict[str, dict[str, str]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Dated(Finding):
    """A finding, and the day when a look first found it."""

    since: str


@dataclass(frozen=True, kw_only=True)
class Seen:
    """One host. state: well, look (somebody should), silent, failed or left out (no Linux host).

    findings: the worst first. observed: facts for the CMDB.
    """

    name: str
    state: str
    findings: tuple[Dated, ...] = ()
    observed: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Look:
    """One look at all hosts; `folder` holds its ledger and is where its reports belong."""

    taken: datetime
    commit: str
    folder: Path
    hosts: tuple[Seen, ...]

    @property
    def findings(self) -> list[tuple[str, Dated]]:
        """(host, finding), the worst first."""
        found = [(host.name, row) for host in self.hosts for row in host.findings]
        return sorted(found, key=lambda row: (WORST_FIRST.index(row[1].severity), row[0], row[1].ci))

    def number(self, severity: Severity) -> int:
        """How many findings of this severity."""
        return sum(row.severity is severity for _host, row in self.findings)


def look(config: Config, who: Identity, limit: str = "all") -> Look:
    """Look at the hosts now, whatever the state of single ones. Raises FitsomError where Ansible itself gave up."""
    powers.authorise(config, who, Power.PLAN)
    now = clock.now()
    today = now.astimezone(config.zone).date()
    looks = config.state / "health"
    looks.mkdir(parents=True, mode=0o700, exist_ok=True)
    folder = looks / f"{now:%Y%m%dT%H%M%SZ}"
    folder.mkdir(mode=0o700, exist_ok=True)
    memory = recall(looks)
    with extracted(config, folder / "content", (PLAYBOOK,), limit) as ready:
        job = _job(ready, folder, memory)
        ended = play.run(config, job)
        tale = ledger.read(job.ledger)
        commit = ready.extract.commit
    if not tale.complete:
        raise FitsomError(
            "the look could not be taken",
            details=ended.lines[-12:] or (f"ansible-playbook ended with code {ended.rc}",),
            hint=f"Try it by hand: ansible-playbook {PLAYBOOK} --check",
        )
    hosts = tuple(judge(name, tale.hosts.get(name), memory.get(name, {}), today) for name in job.hosts)
    remember(looks, memory, hosts, today)
    ledger.compress(job.ledger)
    taken = Look(taken=now, commit=commit, folder=folder, hosts=hosts)
    with transaction.atomic():
        numbers = {severity.value: taken.number(severity) for severity in WORST_FIRST}
        log.append(who.actor, "health.looked", folder.name, hosts=len(hosts), commit=commit, **numbers)
    _prune(looks)
    return taken


def _job(ready: Prepared, folder: Path, memory: Memory) -> Job:
    """Always check mode: a playbook that changes something cannot be run by a look."""
    path = folder / "ledger.jsonl"
    path.unlink(missing_ok=True)
    return Job(
        extract=ready.extract,
        playbook=PLAYBOOK,
        hosts=tuple(ready.resolved.hosts),
        extra_vars={"fitsom_change": "", "fitsom_plan": {}, "fitsom_inputs": {}, "fitsom_seen": memory},
        check=True,
        ledger=path,
        secrets=ready.secrets,
    )


def judge(name: str, told: HostTale | None, memory: Mapping[str, str], today: date) -> Seen:
    """What a ledger tells of one host. Pure."""
    if told is None:
        return Seen(name=name, state="left out")
    rows = [*told.facts.findings, *_own(name, told)]
    rows.sort(key=lambda row: (WORST_FIRST.index(row.severity), row.kind, row.ci))
    findings = tuple(Dated(**asdict(row), since=memory.get(_key(row), today.isoformat())) for row in rows)
    worrying = any(row.severity is not Severity.INFORMATIONAL for row in rows)
    state = "silent" if _gone(told) else "failed" if _broke(told) else "look" if worrying else "well"
    return Seen(name=name, state=state, findings=findings, observed=dict(told.facts.observed))


def _gone(told: HostTale) -> bool:
    return bool(told.stats["unreachable"] if told.stats else told.unreachable)


def _broke(told: HostTale) -> bool:
    return bool(told.stats["failures"] if told.stats else told.failed)


def _own(name: str, told: HostTale) -> list[Finding]:
    """Findings about the look itself."""

    def exception(kind: str, what: str, evidence: str, do: str) -> Finding:
        return Finding(kind=kind, severity=Severity.EXCEPTION, ci=name, what=what, evidence=evidence, do=do)

    found = []
    last = told.failures[-1] if told.failures else {"task": told.last, "error": ""}
    if _gone(told):
        words = "This computer does not answer."
        do = f"Is it switched on and in the network? Then: ansible {name} -m ping"
        found.append(exception("host-silent", words, f"at the task {last['task']}", do))
    elif _broke(told):
        evidence = f"{last['task']}: {last['error'][:_ERROR_LIMIT]}"
        do = f"ansible-playbook {PLAYBOOK} --check --limit {name}"
        found.append(exception("look-failed", "This computer could not be looked at in full.", evidence, do))
    if told.items:
        tasks = ", ".join(sorted({item.task for item in told.items}))
        words = "A task of the look would change this computer; a look must not."
        found.append(
            exception("look-changes", words, tasks, f"Mend {PLAYBOOK}: such a task belongs to a change.")
        )
    return found


# --- what earlier looks found ---------------------------------------------------------------------------------


def recall(folder: Path) -> Memory:
    """{host: {finding or waiting update: the day when a look first found it}}; empty where there was none."""
    try:
        found = json.loads((folder / "seen.json").read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def remember(folder: Path, memory: Memory, hosts: tuple[Seen, ...], today: date) -> None:
    """Keep what is still there and add what is new; of a host that was not seen, all that was known."""
    kept = dict(memory)
    for host in hosts:
        keys = [*map(_key, host.findings), *security_updates(host.observed)]
        old = memory.get(host.name, {})
        blind = old if host.state in ("silent", "failed") else {}
        kept[host.name] = {**blind, **{key: old.get(key, today.isoformat()) for key in keys}}
    partial = folder / "seen.part"
    partial.write_text(json.dumps(kept, indent=1, sort_keys=True, ensure_ascii=False))
    partial.replace(folder / "seen.json")


def _key(found: Finding) -> str:
    return f"{found.kind} {found.ci}"


def _prune(folder: Path) -> None:
    """The looks of a month are enough: what lasts is in the audit log."""
    looks = sorted(path for path in folder.iterdir() if path.is_dir())
    for path in looks[:-KEPT]:
        shutil.rmtree(path, ignore_errors=True)
