"""What `fitsom init` asks and says; the school is made by setup.repository."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import typer
from rich.markup import escape

from fitsom_runner import boot
from fitsom_runner import config as configuration
from fitsom_runner.cli.context import answer, note
from fitsom_runner.errors import RefusedError
from fitsom_runner.setup import hosts as lists
from fitsom_runner.setup import repository
from fitsom_runner.setup.hosts import Host
from fitsom_runner.setup.repository import Answers

DEFAULTS = {"school": "My School", "timezone": "Europe/London", "head": "Head Teacher"}


@dataclass(frozen=True, kw_only=True)
class Given:
    """The options of the command line; empty where nothing was said."""

    school: str
    timezone: str
    login: str
    head: str
    head_login: str
    hosts_from: Path | None
    vault_password: Path | None
    state: Path | None


def can_ask() -> bool:
    """Whether somebody is there: questions are read from standard input, so that is what has to be a terminal."""
    return (
        sys.stdin.isatty() and sys.stderr.isatty() and os.environ.get("CI", "").lower() not in ("1", "true")
    )


def new_school(folder: Path, given: Given, *, ask: bool) -> None:
    """A repository of the school's own. Everything is checked before anything is made."""
    listed = lists.read(given.hosts_from) if given.hosts_from else ()
    answers = _asked(given, listed) if ask else _by_options(given, listed)
    made = repository.make(folder, answers)
    boot.start(configuration.load(made.folder / configuration.FILE_NAME), migrate=True)
    unpatched = [host.name for host in answers.hosts if host.unpatched]
    if unpatched:
        words = ", ".join(unpatched)
        note(
            f"[yellow]In no ring (pilot, servers, estate), so never patched:[/] {escape(words)}. "
            "Give each a ring, or say by the column device what it is."
        )
    answer(
        {
            "config": str(made.folder / configuration.FILE_NAME),
            "made": True,
            "commit": made.commit,
            "vault_password_file": str(made.secret),
            "state": str(made.state),
            "hosts": [host.name for host in answers.hosts],
            "in_no_ring": unpatched,
        },
        escape(
            f"Made {made.folder}, with {len(answers.hosts)} hosts: inventory, playbooks, settings, people."
        ),
        escape(f"The vault's pass phrase: {made.secret}   (print it for the safe; nobody can recover it)"),
        escape(f"Records: {made.state}"),
        escape(f"Next: cd {folder} && fitsom doctor; its README.md has the next three commands."),
    )


def configuration_only(path: Path, content: Path, inventory: str, given: Given) -> None:
    """A fitsom.yml for content that somebody has already, with its records beside it."""
    if given.hosts_from:
        raise RefusedError(
            "--from is for a new school: content that is there already has its inventory",
            hint="Leave out --from, or leave out --repository.",
        )
    repository.configure(path, content, inventory, _by_options(given, ()))
    boot.start(configuration.load(path), migrate=True)
    answer(
        {"config": str(path), "made": True},
        escape(f"Made {path}: name your people in it."),
        "Next: fitsom config check, then fitsom doctor",
    )


def _by_options(given: Given, listed: tuple[Host, ...]) -> Answers:
    return Answers(
        school=given.school or DEFAULTS["school"],
        timezone=given.timezone or DEFAULTS["timezone"],
        login=given.login,
        hosts=listed,
        os_user=configuration.login_name(),
        head=given.head or DEFAULTS["head"],
        head_login=given.head_login,
        secret=given.vault_password.absolute() if given.vault_password else None,
        state=given.state.absolute() if given.state else None,
    )


def _asked(given: Given, listed: tuple[Host, ...]) -> Answers:
    """Ask for what no option said; an empty answer takes the default."""

    def ask(said: str, question: str, default: str) -> str:
        return said or str(typer.prompt(question, default=default, err=True)).strip()

    return Answers(
        school=ask(given.school, "The school's name", DEFAULTS["school"]),
        timezone=ask(given.timezone, "Its time zone", DEFAULTS["timezone"]),
        login=ask(given.login, "Account that Ansible logs in to hosts with", configuration.login_name()),
        hosts=listed or _asked_hosts(lambda question: str(typer.prompt(question, default="", err=True))),
        os_user=configuration.login_name(),
        head=ask(given.head, "The head's name", DEFAULTS["head"]),
        head_login=given.head_login
        or str(
            typer.prompt("The head's login on this machine, if there is one", default="", err=True)
        ).strip(),
        secret=given.vault_password.absolute() if given.vault_password else None,
        state=given.state.absolute() if given.state else None,
    )


def _asked_hosts(ask: Callable[[str], str]) -> tuple[Host, ...]:
    """One host after the other until an empty name; a host with a fault is asked for again."""
    found: list[Host] = []
    while name := ask("A host's name (empty: that is all)").strip():
        cells = {
            "name": name,
            "address": ask(f"  address of {name} (empty: by its name)"),
            "groups": ask(f"  groups of {name} ({', '.join(lists.GROUPS)})"),
        }
        faults = list(lists.faults_of(cells))
        if name.lower() in {host.name.lower() for host in found}:
            faults.append(f"name: {name} is there already")
        if faults:
            for fault in faults:
                note(f"[red]{escape(fault)}[/]")
            continue
        found.append(lists.host_of(cells))
    return tuple(found)
