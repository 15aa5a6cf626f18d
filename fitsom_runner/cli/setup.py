"""`fitsom init`, `doctor` and `config check`."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fitsom_runner.cli.context import Session, answer
from fitsom_runner.errors import ExitCode, FitsomError
from fitsom_runner.roles import Power

if TYPE_CHECKING:
    from fitsom_runner.config import Config

config_app = typer.Typer(no_args_is_help=True)

TEMPLATE = """\
# Settings of fitsom. Every setting: docs/reference/config.md. Check with: fitsom config check
school:
  name: "{school}"
  timezone: Europe/London

# The git repository with playbooks/, roles/ and plugins/; what runs is sealed by its commits.
repository: {repository}
# In the repository, or private ones beside it. All are sealed by content.
inventories:
  - {inventory}
# Records, ledgers and reports.
state: {state}

# Who may act. Roles: head, network_manager, technician, supplier, auditor.
# The requester of a change never approves it, so you need somebody besides yourself.
people:
  - id: manager
    name: Network Manager
    role: network_manager
    os_user: {os_user}
  - id: head
    name: Head Teacher
    role: head
    # os_user: the login of the head teacher on this machine
"""


def init(
    folder: Annotated[Path, typer.Argument(help="Where fitsom.yml is to lie.")] = Path(),
    school: Annotated[str, typer.Option(help="The school's name.")] = "My School",
    repository: Annotated[Path, typer.Option(help="The repository with playbooks/ and roles/.")] = Path(),
    inventory: Annotated[
        str, typer.Option(help="Inside the repository, or beside it.")
    ] = "inventories/demo_school",
) -> None:
    """`fitsom init`."""
    from fitsom_runner import boot
    from fitsom_runner import config as configuration

    path = folder / configuration.FILE_NAME
    made = not path.exists()
    if made:
        folder.mkdir(parents=True, exist_ok=True)
        text = TEMPLATE.format(
            school=school.replace('"', "'"),
            repository=os.path.relpath(repository.resolve(), folder.resolve()),
            inventory=inventory,
            state="state",
            os_user=configuration.login_name(),
        )
        path.write_text(text, encoding="utf-8")
    settings = configuration.load(path)
    boot.start(settings, migrate=True)
    words = (
        f"Made {path}: name your people in it." if made else f"{path} was there; its records are up to date."
    )
    answer({"config": str(path), "made": made}, words, "Next: fitsom config check, then fitsom doctor")


@config_app.command("check")
def check() -> None:
    """Read the configuration and name every fault by file and line."""
    s = Session()
    settings = s.config
    people = [f"{p.name} ({p.role})" for p in settings.people]
    answer(
        settings.model_dump(mode="json"),
        f"[green]The configuration of {settings.school.name} is sound.[/]",
        f"People: {', '.join(people)}",
        *(f"[yellow]warning:[/] {words}" for words in _warnings(settings)),
    )


def doctor() -> None:
    """`fitsom doctor`."""
    findings: list[dict[str, str | bool]] = []
    for name, ok, words in _examine():
        findings.append({"check": name, "ok": ok, "detail": words})
    lines = [
        f"{'[green]ok[/]     ' if f['ok'] else '[red]not ok[/] '} {f['check']}: {f['detail']}"
        for f in findings
    ]
    answer(findings, *lines)
    if not all(f["ok"] for f in findings):
        raise typer.Exit(int(ExitCode.ERROR))


def _examine() -> Iterator[tuple[str, bool, str]]:
    for program in ("git", "ssh", "ansible-playbook"):
        beside = Path(sys.executable).parent / program
        found = shutil.which(program) or (str(beside) if beside.exists() else "")
        yield program, bool(found), found or f"not found: install {program}"
    s = Session()
    try:
        settings = s.open()
    except FitsomError as fault:
        yield "records", False, f"{fault.message} {fault.hint}"
        return
    yield "records", True, str(settings.database)
    from fitsom_runner.ansible import content
    from fitsom_runner.audit import log

    verdict = log.verify()
    yield "audit log", not verdict.faults, "; ".join(verdict.faults) or f"{verdict.entries} entries, whole"
    try:
        yield (
            "content",
            True,
            f"commit {content.head_commit(settings.repository)[:12]} of {settings.repository}",
        )
    except FitsomError as fault:
        yield "content", False, fault.message
    for path in settings.inventories:
        yield "inventory", path.exists(), str(path) if path.exists() else f"{path} does not exist"
    free = shutil.disk_usage(settings.state).free // 2**20
    yield (
        "space for records",
        free >= settings.minimum_free_mb,
        f"{free} MB free, {settings.minimum_free_mb} needed",
    )
    warnings = list(_warnings(settings))
    yield (
        "people",
        not warnings,
        "; ".join(warnings) or f"{len(settings.people)} people, somebody for every signature",
    )


def _warnings(settings: Config) -> Iterator[str]:
    from fitsom_runner.roles import Role

    own = {
        Role.HEAD: {Power.APPROVE_PROCEED, Power.APPROVE_IMPLEMENT},
        Role.NETWORK_MANAGER: {Power.PEER_REVIEW, Power.REQUEST},
    }
    approvers = [
        p
        for p in settings.people
        if Power.APPROVE_IMPLEMENT in (p.powers if p.powers is not None else own.get(p.role, set()))
    ]
    if not approvers:
        yield "nobody may approve a change to be implemented: add a person with the role head"
    elif not settings.acting_as_allowed and not any(p.os_user for p in approvers):
        yield f"{approvers[0].name} may approve but has no os_user yet"
    if settings.acting_as_allowed:
        yield "acting_as_allowed is on: for demo and training only"
    for path in settings.inventories:
        if not path.exists():
            yield f"inventory {path} does not exist"
