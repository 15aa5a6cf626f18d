# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The hand-over: passwords of new accounts and data of deleted ones, in an encrypted file."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path

from ..vault import VaultError, encrypt
from .model import Action, Group, State, Step, User


class HandoverError(Exception):
    """The file could not be written; the text of the error has none of its content."""


def content(
    steps: Iterable[Step], passwords: Mapping[str, str], current: State, desired: State
) -> dict[str, list[dict[str, str]]]:
    """{"created": [{username, name, year, classes, password}], "deleted": [account data]}."""
    created, deleted = [], []
    for step in steps:
        if step.action is Action.CREATE_USER and isinstance(step.after, User):
            created.append({**_row(step.after, desired.groups.values()), "password": passwords[step.key]})
        elif step.action is Action.EXPORT_USER and isinstance(step.before, User):
            user = step.before
            left_on = user.left_on.isoformat() if user.left_on else ""
            row = {**_row(user, current.groups.values()), "source_id": user.source_id, "left": left_on}
            deleted.append({**row, **user.attributes})
    return {name: rows for name, rows in (("created", created), ("deleted", deleted)) if rows}


def _row(user: User, groups: Iterable[Group]) -> dict[str, str]:
    classes = sorted(
        group.name for group in groups if group.kind == "class" and user.source_id in group.members
    )
    return {
        "username": user.username,
        "name": user.display_name,
        "year": user.attributes.get("year", ""),
        "classes": ", ".join(classes),
    }


def write(
    folder: Path, passphrase: str, rows: Mapping[str, list[dict[str, str]]], now: datetime, *, head: str = ""
) -> Path:
    """Write `rows` to a new file in the format of ansible-vault, and return its path."""
    import yaml  # present wherever Ansible is; the module must be importable without it

    text = head + yaml.safe_dump(dict(rows), allow_unicode=True, sort_keys=False, width=1000)
    try:
        encrypted = encrypt(text.encode(), passphrase)
    except VaultError as error:
        raise HandoverError(f"the hand-over was not written: {error}") from error
    path = folder / f"handover-{now:%Y%m%d-%H%M%S}-{os.getpid()}.yml"
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(encrypted)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise HandoverError(f"the hand-over cannot be written to {folder}: {error.strerror}") from error
    return path
