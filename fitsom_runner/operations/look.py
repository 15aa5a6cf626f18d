"""A look at what a playbook would change now: in check mode, recorded as a look, and no change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction

from fitsom_runner import clock
from fitsom_runner.ansible.play import Job
from fitsom_runner.audit import log
from fitsom_runner.config import Config
from fitsom_runner.execution import planner
from fitsom_runner.execution.preparation import OF_NO_CHANGE, prepare_playbooks
from fitsom_runner.facts import HostChanges
from fitsom_runner.people import powers
from fitsom_runner.people.powers import Identity
from fitsom_runner.roles import Power


@dataclass(frozen=True, kw_only=True)
class Question:
    """What to look at. playbook: its path, or its name alone; limit: "" for every host that a play is for."""

    playbook: str
    limit: str = ""
    tags: Sequence[str] = ()
    extra_vars: dict[str, Any] = field(default_factory=dict)
    inputs: dict[str, str] = field(default_factory=dict)

    @property
    def path(self) -> str:
        """In the repository."""
        is_name = "/" not in self.playbook and not self.playbook.endswith((".yml", ".yaml"))
        return f"playbooks/{self.playbook}.yml" if is_name else self.playbook


def look(
    config: Config, identity: Identity, question: Question
) -> tuple[dict[str, HostChanges], dict[str, str]]:
    """({host: what would change there now}, {host that could not be looked at: why}).

    What is not committed yet counts too.
    """
    powers.authorise(config, identity, Power.PLAN)
    name = f"look-{clock.now():%Y%m%dT%H%M%S%f}"
    with prepare_playbooks(
        config,
        name,
        (question.path,),
        question.limit,
        inputs=question.inputs,
        extra_vars=question.extra_vars,
        asking=(identity.person.id,),
        rehearsal=True,
    ) as ready:
        hosts = tuple(ready.resolved.hosts)
        with transaction.atomic():  # before anything is asked of a host
            log.append(
                identity.actor,
                "look.started",
                question.path,
                commit=ready.extract.commit,
                hosts=list(hosts),
                tags=list(question.tags),
            )
        job = Job(
            extract=ready.extract,
            playbook=question.path,
            hosts=hosts,
            tags=tuple(question.tags),
            extra_vars={
                **question.extra_vars,
                **OF_NO_CHANGE,
                "fitsom_inputs": ready.extract.input_paths,
            },
            check=True,
            ledger=ready.extract.folder.parent / "look.jsonl",
            secrets=ready.secrets,
            engine=ready.engine,
            keys=ready.resolved.keys,
            addresses=ready.resolved.addresses,
            accepted=ready.accepted,
        )
        return planner.predict_hosts(config, job, ready, leave_out=True, only_reached=not question.limit)
