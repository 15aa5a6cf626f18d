"""Content that may really do something while a plan is taken: what fitsom ships, what a second person accepted.

In check mode a task with `check_mode: false` is carried out. An acceptance is an entry of the audit log; it holds for
exactly these files, in whatever commit they are.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from pathlib import Path

from django.db import transaction

from fitsom_runner.ansible import collections, content
from fitsom_runner.ansible.content import Extract
from fitsom_runner.audit import log
from fitsom_runner.audit.models import AuditEntry
from fitsom_runner.canonical import canonical
from fitsom_runner.config import Config
from fitsom_runner.people import powers
from fitsom_runner.people.powers import Identity
from fitsom_runner.roles import Power

ACTION = "content.accepted"
COLLECTION = "fitsom.school"


def accept(config: Config, identity: Identity, commit: str | None = None) -> str:
    """Accept the content of a commit (HEAD if None), as one who may peer-review; the commit.

    Raises NotAllowedError, ConfigError, RefusedError.
    """
    powers.authorise(config, identity, Power.PEER_REVIEW)
    commit = content.resolved_commit(config.repository, commit)
    trees = content.trees_of(config.repository, commit)
    with transaction.atomic():
        log.append(identity.actor, ACTION, key_of(trees), commit=commit, trees=trees)
    return commit


def accepted_sources(extract: Extract, asking: Collection[str]) -> tuple[str, ...]:
    """Files and folders ("/" at the end) of an extract and beside it whose tasks may run in check mode.

    asking: the people who request and take the plan, whose own acceptance does not count.
    """
    sources = list(_shipped_sources(extract.folder))
    if _is_accepted(extract.trees, asking):
        sources.append(f"{extract.folder}/")
    return tuple(sources)


def key_of(trees: Mapping[str, str]) -> str:
    """The SHA-256 (hex) that an acceptance is filed under."""
    return hashlib.sha256(canonical(dict(trees)).encode()).hexdigest()


def _is_accepted(trees: Mapping[str, str], asking: Collection[str]) -> bool:
    entries = AuditEntry.objects.filter(action=ACTION, subject=key_of(trees)).exclude(actor__in=list(asking))
    return any(json.loads(entry.detail).get("trees") == dict(trees) for entry in entries)


def _shipped_sources(extract: Path) -> list[str]:
    """fitsom's own collection where it lies beside the runner, and its unaltered files inside the extract."""
    shipped = collections.folder_of(COLLECTION, collections.beside_the_programs())
    if shipped is None:
        return []
    sources = [f"{shipped}/"]
    inside = extract / "ansible_collections" / COLLECTION.replace(".", "/")
    for name, path in collections.loaded_files(shipped):
        if not name.startswith(("roles/", "playbooks/")):
            continue
        copies = [copy for copy in (extract / name, inside / name) if copy.is_file()]
        if copies and copies[0].read_bytes() == path.read_bytes():
            sources += [str(copy) for copy in copies]
    return sources
