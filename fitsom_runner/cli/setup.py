"""`fitsom init`, `doctor` and `config check`."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fitsom_runner.cli.context import OPTIONS, Session, answer
from fitsom_runner.errors import ExitCode, FitsomError
from fitsom_runner.roles import Power

if TYPE_CHECKING:
    from fitsom_runner.config import Config

config_app = typer.Typer(no_args_is_help=True)


def init(
    folder: Annotated[Path, typer.Argument(help="The school's folder, empty or not there yet.")] = Path(),
    school: Annotated[str, typer.Option(help="The school's name.")] = "",
    timezone: Annotated[str, typer.Option(help="IANA time zone of windows.")] = "",
    login: Annotated[str, typer.Option(help="Account that Ansible logs in to hosts with.")] = "",
    head: Annotated[str, typer.Option(help="Name of the head, who approves.")] = "",
    head_login: Annotated[str, typer.Option(help="The head's login on this machine.")] = "",
    hosts_from: Annotated[
        Path | None, typer.Option("--from", help="Hosts as CSV: name,address,groups and more.")
    ] = None,
    vault_password: Annotated[
        Path | None, typer.Option(help="Where the vault's pass phrase is put, outside the repository.")
    ] = None,
    state: Annotated[Path | None, typer.Option(help="Folder of the records, outside the repository.")] = None,
    no_input: Annotated[bool, typer.Option("--no-input", help="Ask nothing; options and defaults.")] = False,
    repository: Annotated[
        Path | None, typer.Option(help="Content that is there already: make only a configuration for it.")
    ] = None,
    inventory: Annotated[
        str, typer.Option(help="With --repository: inside it, or beside it.")
    ] = "inventories/demo_school",
) -> None:
    """`fitsom init`."""
    from fitsom_runner import boot
    from fitsom_runner import config as configuration
    from fitsom_runner.cli import init_words

    path = folder / configuration.FILE_NAME
    if path.exists():
        boot.start(configuration.load(path), migrate=True)
        answer(
            {"config": str(path), "made": False},
            f"{path} was there; its records are up to date.",
            "Next: fitsom config check, then fitsom doctor",
        )
        return
    options = init_words.InitOptions(
        school=school,
        timezone=timezone,
        login=login,
        head=head,
        head_login=head_login,
        hosts_from=hosts_from,
        vault_password=vault_password,
        state=state,
    )
    if repository is not None:
        init_words.configuration_only(path, repository, inventory, options)
    else:
        init_words.new_school(folder, options, ask=not no_input and not OPTIONS.json and init_words.can_ask())


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
        place = shutil.which(program) or (str(beside) if beside.exists() else "")
        yield program, bool(place), place or f"not found: install {program}"
    s = Session()
    try:
        settings = s.open()
    except FitsomError as fault:
        yield "records", False, f"{fault.message} {fault.hint}"
        return
    yield "records", True, str(settings.database)
    from fitsom_runner.ansible import content, engine, room
    from fitsom_runner.audit import log

    verdict = log.verify()
    yield "audit log", not verdict.faults, "; ".join(verdict.faults) or f"{verdict.entries} entries, intact"
    try:
        yield (
            "content",
            True,
            f"commit {content.head_commit(settings.repository)[:12]} of {settings.repository}",
        )
    except FitsomError as fault:
        yield "content", False, fault.message
    if settings.sandbox.enabled:
        why_not = room.fault()
        yield "closed room", not why_not, why_not or f"bubblewrap {room.version()}"
    else:
        yield "closed room", False, "switched off in fitsom.yml (sandbox: off): runs see the whole machine"
    chosen_engine = engine.choose(settings.engine)
    yield "engine", not chosen_engine.reason, chosen_engine.words() or "plain Ansible"
    for path in settings.inventories:
        yield "inventory", path.exists(), str(path) if path.exists() else f"{path} does not exist"
    free_mb = shutil.disk_usage(settings.state).free // 2**20
    yield (
        "space for records",
        free_mb >= settings.minimum_free_mb,
        f"{free_mb} MB free, {settings.minimum_free_mb} needed",
    )
    warnings = list(_warnings(settings))
    yield (
        "people",
        not warnings,
        "; ".join(warnings) or f"{len(settings.people)} people, somebody for every signature",
    )


def _warnings(settings: Config) -> Iterator[str]:
    from fitsom_runner.roles import Role

    role_powers = {
        Role.HEAD: {Power.APPROVE_PROCEED, Power.APPROVE_IMPLEMENT},
        Role.NETWORK_MANAGER: {Power.PEER_REVIEW, Power.REQUEST},
    }
    approvers = [
        p
        for p in settings.people
        if Power.APPROVE_IMPLEMENT in (p.powers if p.powers is not None else role_powers.get(p.role, set()))
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
