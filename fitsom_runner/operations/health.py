"""The daily look, a health check: playbooks/health.yml in check mode on every host. No change, so no approval."""

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
from fitsom_runner.ansible.ledger import HostState
from fitsom_runner.ansible.play import Job
from fitsom_runner.audit import log
from fitsom_runner.config import Config
from fitsom_runner.errors import FitsomError
from fitsom_runner.execution.preparation import OF_NO_CHANGE, Preparation, prepare_playbooks
from fitsom_runner.facts import WORST_FIRST, Finding, Severity
from fitsom_runner.facts_reader import security_updates
from fitsom_runner.people import powers
from fitsom_runner.people.powers import Identity
from fitsom_runner.roles import Power

PLAYBOOK = "playbooks/health.yml"
CHECKS_KEPT = 31
_ERROR_LIMIT = 300

Memory = dict[str, dict[str, str]]


@dataclass(frozen=True, kw_only=True, slots=True)
class DatedFinding(Finding):
    """A finding, and the day when a check first reported it."""

    since: str


@dataclass(frozen=True, kw_only=True)
class HostHealth:
    """One host. state: well, look (needs attention), silent, failed or left out (no Linux host).

    findings: the worst first. observed: facts for the CMDB.
    """

    name: str
    state: str
    findings: tuple[DatedFinding, ...] = ()
    observed: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class HealthCheck:
    """One health check of all hosts; `folder` holds its ledger and is where its reports belong."""

    taken_at: datetime
    commit: str
    folder: Path
    hosts: tuple[HostHealth, ...]

    @property
    def findings(self) -> list[tuple[str, DatedFinding]]:
        """(host, finding), the worst first."""
        host_findings = [(host.name, row) for host in self.hosts for row in host.findings]
        return sorted(host_findings, key=lambda row: (WORST_FIRST.index(row[1].severity), row[0], row[1].ci))

    def number(self, severity: Severity) -> int:
        """How many findings of this severity."""
        return sum(row.severity is severity for _host, row in self.findings)


def run_check(config: Config, identity: Identity, limit: str = "all") -> HealthCheck:
    """Check the hosts now, whatever the state of single ones. Raises FitsomError where Ansible itself gave up."""
    powers.authorise(config, identity, Power.PLAN)
    moment = clock.now()
    today = moment.astimezone(config.zone).date()
    checks_folder = config.state / "health"
    checks_folder.mkdir(parents=True, mode=0o700, exist_ok=True)
    folder = checks_folder / f"{moment:%Y%m%dT%H%M%SZ}"
    folder.mkdir(mode=0o700, exist_ok=True)
    memory = recall(checks_folder)
    with prepare_playbooks(
        config, f"health-{folder.name}", (PLAYBOOK,), limit, asking=(identity.person.id,)
    ) as ready:
        job = _job(ready, folder, memory)
        with transaction.atomic():  # before anything is asked of a host: a look that fails has asked them too
            log.append(
                identity.actor,
                "health.started",
                folder.name,
                commit=ready.extract.commit,
                hosts=list(job.hosts),
            )
        result = play.run(config, job)
        ledger_state = ledger.read(job.ledger)
        commit = ready.extract.commit
    if not ledger_state.complete:
        raise FitsomError(
            "the health check could not be run",
            details=result.lines[-12:] or (f"ansible-playbook ended with code {result.rc}",),
            hint=f"Try it by hand: ansible-playbook {PLAYBOOK} --check",
        )
    hosts = tuple(
        judge(name, ledger_state.hosts.get(name), memory.get(name, {}), today) for name in job.hosts
    )
    remember(checks_folder, memory, hosts, today)
    ledger.compress(job.ledger)
    health_check = HealthCheck(taken_at=moment, commit=commit, folder=folder, hosts=hosts)
    with transaction.atomic():
        numbers = {severity.value: health_check.number(severity) for severity in WORST_FIRST}
        log.append(identity.actor, "health.looked", folder.name, hosts=len(hosts), commit=commit, **numbers)
    _prune(checks_folder)
    return health_check


def _job(ready: Preparation, folder: Path, memory: Memory) -> Job:
    """Always check mode: a playbook that changes something cannot be run by a health check."""
    path = folder / "ledger.jsonl"
    path.unlink(missing_ok=True)
    return Job(
        extract=ready.extract,
        playbook=PLAYBOOK,
        hosts=tuple(ready.resolved.hosts),
        extra_vars={**OF_NO_CHANGE, "fitsom_seen": memory},
        check=True,
        ledger=path,
        secrets=ready.secrets,
        engine=ready.engine,
        keys=ready.resolved.keys,
        addresses=ready.resolved.addresses,
        accepted=ready.accepted,
    )


def judge(name: str, host_state: HostState | None, memory: Mapping[str, str], today: date) -> HostHealth:
    """The health of one host, from its state in the ledger. Pure."""
    if host_state is None:
        return HostHealth(name=name, state="left out")
    rows = [*host_state.facts.findings, *_check_findings(name, host_state)]
    rows.sort(key=lambda row: (WORST_FIRST.index(row.severity), row.kind, row.ci))
    findings = tuple(
        DatedFinding(**asdict(row), since=memory.get(_key(row), today.isoformat())) for row in rows
    )
    worrying = any(row.severity is not Severity.INFORMATIONAL for row in rows)
    state = (
        "silent"
        if _is_unreachable(host_state)
        else "failed"
        if _has_failed(host_state)
        else "look"
        if worrying
        else "well"
    )
    return HostHealth(name=name, state=state, findings=findings, observed=dict(host_state.facts.observed))


def _is_unreachable(host_state: HostState) -> bool:
    return bool(host_state.stats["unreachable"] if host_state.stats else host_state.unreachable)


def _has_failed(host_state: HostState) -> bool:
    return bool(host_state.stats["failures"] if host_state.stats else host_state.failed)


def _check_findings(name: str, host_state: HostState) -> list[Finding]:
    """Findings about the health check itself."""

    def exception(kind: str, sentence: str, evidence: str, do: str) -> Finding:
        return Finding(
            kind=kind, severity=Severity.EXCEPTION, ci=name, what=sentence, evidence=evidence, do=do
        )

    findings = []
    failure = host_state.failures[-1] if host_state.failures else {"task": host_state.last_task, "error": ""}
    if _is_unreachable(host_state):
        words = "This computer does not answer."
        do = f"Check that it is switched on and connected. Then: ansible {name} -m ping"
        findings.append(exception("host-silent", words, f"at the task {failure['task']}", do))
    elif _has_failed(host_state):
        evidence = f"{failure['task']}: {failure['error'][:_ERROR_LIMIT]}"
        do = f"ansible-playbook {PLAYBOOK} --check --limit {name}"
        findings.append(
            exception("look-failed", "This computer could not be checked completely.", evidence, do)
        )
    if host_state.items:
        tasks = ", ".join(sorted({item.task for item in host_state.items}))
        words = "A task of the health check would change this computer, which it must not do."
        findings.append(
            exception("look-changes", words, tasks, f"Repair {PLAYBOOK}: such a task belongs in a change.")
        )
    return findings


# --- what earlier checks found ---------------------------------------------------------------------------------


def recall(folder: Path) -> Memory:
    """{host: {finding or waiting update: the day when a check first reported it}}; empty where there was none."""
    try:
        memory = json.loads((folder / "seen.json").read_text())
    except (OSError, ValueError):
        return {}
    return memory if isinstance(memory, dict) else {}


def remember(folder: Path, memory: Memory, hosts: tuple[HostHealth, ...], today: date) -> None:
    """Keep what is still there and add what is new; of a host that was not checked, keep everything."""
    new_memory = dict(memory)
    for host in hosts:
        keys = [*map(_key, host.findings), *security_updates(host.observed)]
        host_memory = memory.get(host.name, {})
        unchecked = host_memory if host.state in ("silent", "failed") else {}
        new_memory[host.name] = {
            **unchecked,
            **{key: host_memory.get(key, today.isoformat()) for key in keys},
        }
    partial = folder / "seen.part"
    partial.write_text(json.dumps(new_memory, indent=1, sort_keys=True, ensure_ascii=False))
    partial.replace(folder / "seen.json")


def _key(finding: Finding) -> str:
    return f"{finding.kind} {finding.ci}"


def _prune(folder: Path) -> None:
    """The checks of a month are enough: the audit log keeps their results."""
    folders = sorted(path for path in folder.iterdir() if path.is_dir())
    for path in folders[:-CHECKS_KEPT]:
        shutil.rmtree(path, ignore_errors=True)
