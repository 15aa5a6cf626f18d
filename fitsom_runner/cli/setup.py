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
    from fitsom_runner.operations.check import Check

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


def doctor(
    hosts: Annotated[bool, typer.Option("--hosts/--no-hosts", help="Log in to each host, too.")] = True,
) -> None:
    """`fitsom doctor`."""
    from rich.markup import escape

    found = []
    for check in _examine(with_hosts=hosts):
        found.append({"check": check.name, "ok": check.ok, "detail": check.detail, "way_out": check.way_out})
        if OPTIONS.json:
            continue
        answer(
            None,
            f"{'[green]ok[/]     ' if check.ok else '[red]not ok[/] '} {check.name}: {escape(check.detail)}",
        )
        if check.way_out and not check.ok:
            answer(None, f"        {escape(check.way_out)}")
    if OPTIONS.json:
        answer(found)
    if not all(row["ok"] for row in found):
        raise typer.Exit(int(ExitCode.ERROR))


def _examine(*, with_hosts: bool) -> Iterator[Check]:
    """Each check as soon as it is made: those that need no records first."""
    from fitsom_runner.operations.check import Check

    for program in ("git", "ssh", "ansible-playbook"):
        beside = Path(sys.executable).parent / program
        place = shutil.which(program) or (str(beside) if beside.exists() else "")
        yield Check(
            name=program, ok=bool(place), detail=place or "not found", way_out=f"apt install {program}"
        )
    s = Session()
    try:
        settings = s.open()
    except FitsomError as fault:
        yield Check(name="records", ok=False, detail=fault.message, way_out=fault.hint)
        return
    yield Check(name="records", ok=True, detail=str(settings.database))
    from fitsom_runner.operations import readiness
    from fitsom_runner.people import powers

    may_look = True
    try:
        powers.authorise(settings, s.identity, Power.PLAN)
    except FitsomError as fault:
        may_look = False
        yield Check(name="hosts", ok=True, detail=f"not tried: {fault.message}")
    yield from readiness.examine(settings, with_hosts=with_hosts and may_look)


def _warnings(settings: Config) -> Iterator[str]:
    from fitsom_runner.people import signers

    yield from (f"{gap.words}. {gap.way_out}" for gap in signers.missing(settings))
    if settings.acting_as_allowed:
        yield "acting_as_allowed is on: for demo and training only"
    for path in (*settings.inventories, *settings.vault_password_files):
        if not path.exists():
            yield f"{path} does not exist"
