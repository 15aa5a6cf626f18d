"""What planning and running share: the extract, the resolved hosts, the seal's parts, a check-mode run."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from fitsom_runner.ansible import (
    collections,
    content,
    dynamic,
    engine,
    installed,
    inventory,
    ledger,
    outside,
    play,
    room,
    secrets,
)
from fitsom_runner.ansible.applied import Applied
from fitsom_runner.ansible.content import Extract
from fitsom_runner.ansible.engine import Engine
from fitsom_runner.ansible.inventory import Resolved
from fitsom_runner.ansible.ledger import LedgerState
from fitsom_runner.ansible.play import Job, PlaybookResult
from fitsom_runner.audit import own_key
from fitsom_runner.changes.models import Change
from fitsom_runner.changes.seal import SealParts
from fitsom_runner.changes.signatures import window_of
from fitsom_runner.changes.statement import digest_of
from fitsom_runner.config import Config
from fitsom_runner.errors import ConfigError
from fitsom_runner.execution import acceptance
from fitsom_runner.facts import HostChanges
from fitsom_runner.workplace import workplace

Pins = dict[str, dict[str, str]]
#: What playbooks are given where no change runs them: a look, a health check.
OF_NO_CHANGE: Mapping[str, Any] = {
    "fitsom_change": "",
    "fitsom_change_id": "",
    "fitsom_plan": {},
    "fitsom_inputs": {},
}


@dataclass(frozen=True, kw_only=True)
class Preparation:
    """Content and hosts of a change, ready to be planned or run."""

    extract: Extract
    resolved: Resolved
    versions: dict[str, str]
    collections: dict[str, str]
    engine: Engine
    secrets: tuple[str, ...]
    accepted: tuple[str, ...]
    sandbox: dict[str, Any]
    environment: dict[str, str]
    variables: dict[str, str]

    def components(
        self, change: Change, hosts: tuple[str, ...], packages: Pins, predictions: Any
    ) -> dict[str, Any]:
        """The seal's components for these hosts; predictions: as the plan holds them, JSON."""
        window = window_of(change)
        return SealParts(
            trees=self.extract.trees,
            versions=self.versions,
            collections=self.collections,
            playbook=change.playbook,
            tags=tuple(change.tags),
            skip_tags=tuple(change.skip_tags),
            inventories=self.extract.inventories,
            hosts={host: self.resolved.hosts[host] for host in hosts if host in self.resolved.hosts},
            extra_vars=change.extra_vars,
            packages=packages,
            window=window.parts() if window else None,
            inputs=self.extract.inputs,
            sandbox=self.sandbox,
            environment=self.environment,
            variables=self.variables,
            request={
                "number": change.number,
                "version": change.version,
                "requester": change.requester,
                "backout_playbook": change.backout_playbook,
                "text": digest_of(change.request()),
            },
            predictions=digest_of(predictions),
            engine=self.engine.words({host: self.resolved.connections[host] for host in hosts}),
        ).components()

    def with_inventory_facts(self, predicted: Mapping[str, HostChanges]) -> dict[str, HostChanges]:
        """The predictions with the inventory's facts on each host."""
        return {
            host: replace(
                changes, groups=self.resolved.groups.get(host, ()), about=self.resolved.about.get(host, {})
            )
            for host, changes in predicted.items()
        }


@contextmanager
def prepare(
    config: Config,
    change: Change,
    name: str,
    *,
    asking: Collection[str],
    commit: str | None = None,
    rehearsal: bool = False,
) -> Iterator[Preparation]:
    """Extract the content and resolve the hosts; the extract is removed at the end.

    name: of the plan or run. asking: who takes the plan, beside the change's requester.
    """
    playbooks = tuple(filter(None, (change.playbook, change.backout_playbook)))
    with prepare_playbooks(
        config,
        name,
        playbooks,
        change.limit,
        inputs=change.inputs,
        extra_vars=change.extra_vars,
        asking={change.requester, *asking},
        commit=commit,
        rehearsal=rehearsal,
    ) as ready:
        yield ready


@contextmanager
def prepare_playbooks(
    config: Config,
    name: str,
    playbooks: tuple[str, ...],
    limit: str,
    *,
    inputs: dict[str, str] | None = None,
    extra_vars: dict[str, Any] | None = None,
    asking: Collection[str],
    commit: str | None = None,
    rehearsal: bool = False,
) -> Iterator[Preparation]:
    """The same without a change; `asking` are the people who take the plan.

    Raises ConfigError for a playbook that is not in the commit.
    """
    with workplace(config.work_dir, name) as place:
        folder = place / "content"
        extract = content.make_extract(config, folder, inputs=inputs, commit=commit, rehearsal=rehearsal)
        extract = dynamic.settled(config, extract)
        for playbook in playbooks:
            if not (folder / playbook).is_file():
                raise ConfigError(
                    f"{playbook} is not in commit {extract.commit[:12]}",
                    hint="Commit it, or name another playbook.",
                )
        outside.require_inside(folder, playbooks, (*config.sandbox.read, *config.sandbox.write))
        loaded_collections = collections.find(folder)
        yield Preparation(
            extract=extract,
            resolved=inventory.resolve(config, extract, limit or "all"),
            versions=loaded_collections.versions,
            collections=loaded_collections.hashes,
            engine=engine.choose(config.engine),
            secrets=tuple(secrets.known_secrets(config, [folder], extra_vars or {})),
            sandbox=room.sealed(config.sandbox),
            environment=installed.environment_hashes(),
            variables={
                name: own_key.keyed_digest(os.environ[name])
                for name in config.pass_environment
                if name in os.environ
            },
            accepted=acceptance.accepted_sources(extract, asking),
        )


def job(
    change: Change,
    ready: Preparation,
    ledger_path: Path,
    *,
    hosts: tuple[str, ...],
    reachable: tuple[str, ...] = (),
    pins: Pins,
    check: bool,
    playbook: str = "",
    facts: Path | None = None,
    applied: Applied | None = None,
) -> Job:
    """The ansible-playbook call for these hosts; with pins, exactly the approved versions."""
    plan = {"hosts": {host: {"packages": packages} for host, packages in pins.items()}}
    return Job(
        extract=ready.extract,
        playbook=playbook or change.playbook,
        hosts=hosts,
        reachable=reachable,
        tags=tuple(change.tags),
        skip_tags=tuple(change.skip_tags),
        extra_vars={
            **change.extra_vars,
            "fitsom_change": change.number,
            "fitsom_change_id": change.identifier,
            "fitsom_plan": plan,
            "fitsom_inputs": ready.extract.input_paths,
        },
        check=check,
        ledger=ledger_path,
        secrets=ready.secrets,
        facts=facts,
        engine=ready.engine,
        keys=ready.resolved.keys,
        addresses=ready.resolved.addresses,
        accepted=ready.accepted,
        applied=applied,
    )


def predict(
    config: Config, play_job: Job, cancelled: Callable[[], bool] = lambda: False
) -> tuple[LedgerState, PlaybookResult, dict[str, str]]:
    """A check-mode run; returns the ledger state, the result and, for each host that could not be planned, why."""
    play_job.ledger.unlink(missing_ok=True)
    result = play.run(config, play_job, cancelled)
    ledger_state = ledger.read(play_job.ledger)
    reasons = problems(ledger_state, play_job.hosts, result)
    place = room.for_settings(config.sandbox, read=(config.work_dir,))
    advised = {host: " ".join(filter(None, (why, place.advice(why)))) for host, why in reasons.items()}
    return ledger_state, result, advised


def problems(ledger_state: LedgerState, hosts: tuple[str, ...], result: PlaybookResult) -> dict[str, str]:
    """{host: why it could not be planned}; every host, where Ansible itself gave up."""
    if not ledger_state.complete:
        words = "\n".join(result.lines[-12:]) or f"ansible-playbook ended with code {result.rc}"
        return dict.fromkeys(hosts, words)
    reasons = {host: why for host in hosts if (why := _own_problem(ledger_state, host))}
    for host in hosts:
        host_state = ledger_state.hosts.get(host)
        if host not in reasons and (ledger_state.cut_short or (host_state and host_state.taken_out)):
            reasons[host] = (
                "Ansible did not take it to the end of the playbook, since another computer failed: "
                "what should follow is not known"
            )
    return reasons


def for_whom(ledger_state: LedgerState) -> str:
    """Whom the plays of a playbook are for, as their author wrote it, and the way out."""
    patterns = list(dict.fromkeys(filter(None, ledger_state.patterns)))
    return (
        f"its plays are for {' and '.join(patterns) or 'nobody'}. Put it into a group of theirs in the inventory, "
        "or leave it out (--limit)."
    )


def planned_anew(ledger_state: LedgerState, hosts: tuple[str, ...]) -> tuple[str, ...]:
    """The hosts to plan again for, without those that failed; none where none failed, or all did.

    A playbook may do something else where a host fails or is not there.
    """
    if not ledger_state.complete:
        return ()
    others = tuple(host for host in hosts if not _own_problem(ledger_state, host))
    return others if others != hosts else ()


def _own_problem(ledger_state: LedgerState, host: str) -> str:
    """Why a host could not be planned, by what happened on itself; "" where nothing did."""
    host_state = ledger_state.hosts.get(host)
    if host_state is None or host_state.stats is None:
        # Where Ansible broke off, one may have been to come.
        words = f"no play of the playbook reaches it: {for_whom(ledger_state)}"
        return "" if ledger_state.cut_short else words
    if host_state.stats["failures"] or host_state.stats["unreachable"]:
        failure = host_state.failures[-1] if host_state.failures else {"task": "?", "error": "?"}
        return f"{failure['task']}: {failure['error']}"
    # Even where the playbook goes on after a refusal: what would have followed is not what a run will do.
    return host_state.refused
