"""The questions and answers of `fitsom init`; the school is made by setup.repository."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import typer
from rich.markup import escape

from fitsom_runner import boot, caller
from fitsom_runner import config as configuration
from fitsom_runner.cli.context import answer, note
from fitsom_runner.errors import RefusedError
from fitsom_runner.setup import hosts as lists
from fitsom_runner.setup import repository
from fitsom_runner.setup.hosts import Host
from fitsom_runner.setup.repository import Answers

DEFAULTS = {"school": "My School", "timezone": "Europe/London", "head": "Head Teacher"}


@dataclass(frozen=True, kw_only=True)
class InitOptions:
    """The options of the command line; empty where an option was not given."""

    school: str
    timezone: str
    login: str
    head: str
    head_login: str
    hosts_from: Path | None
    vault_password: Path | None
    state: Path | None


def can_ask() -> bool:
    """Whether there is a terminal: questions are read from standard input."""
    return (
        sys.stdin.isatty() and sys.stderr.isatty() and os.environ.get("CI", "").lower() not in ("1", "true")
    )


def new_school(folder: Path, options: InitOptions, *, ask: bool) -> None:
    """A repository of the school's own. Everything is checked before anything is made."""
    hosts = lists.read(options.hosts_from) if options.hosts_from else ()
    answers = _answers_by_questions(options, hosts) if ask else _answers_by_options(options, hosts)
    school = repository.make(folder, answers)
    boot.start(configuration.load(school.folder / configuration.FILE_NAME), migrate=True)
    unpatched = [host.name for host in answers.hosts if host.unpatched]
    if unpatched:
        words = ", ".join(unpatched)
        note(
            f"[yellow]In no ring (pilot, servers, estate), so never patched:[/] {escape(words)}. "
            "Give each a ring, or state in the column device what it is."
        )
    counted = "1 host" if len(answers.hosts) == 1 else f"{len(answers.hosts)} hosts"
    answer(
        {
            "config": str(school.folder / configuration.FILE_NAME),
            "made": True,
            "commit": school.commit,
            "vault_password_file": str(school.secret),
            "state": str(school.state),
            "hosts": [host.name for host in answers.hosts],
            "in_no_ring": unpatched,
        },
        escape(f"Made {school.folder}, with {counted}: inventory, playbooks, settings, people."),
        escape(f"The vault's pass phrase: {school.secret}   (print it for the safe; nobody can recover it)"),
        escape(f"Records: {school.state}"),
        escape(f"Next: cd {folder} && fitsom doctor; its README.md has the next three commands."),
    )


def configuration_only(path: Path, content: Path, inventory: str, options: InitOptions) -> None:
    """A fitsom.yml for existing content, with its records beside it."""
    if options.hosts_from:
        raise RefusedError(
            "--from is for a new school: existing content has its inventory",
            hint="Leave out --from, or leave out --repository.",
        )
    repository.configure(path, content, inventory, _answers_by_options(options, ()))
    boot.start(configuration.load(path), migrate=True)
    answer(
        {"config": str(path), "made": True},
        escape(f"Made {path}: name your people in it."),
        "Next: fitsom config check, then fitsom doctor",
    )


def _answers_by_options(options: InitOptions, hosts: tuple[Host, ...]) -> Answers:
    return Answers(
        school=options.school or DEFAULTS["school"],
        timezone=options.timezone or DEFAULTS["timezone"],
        login=options.login,
        hosts=hosts,
        os_user=caller.current().login(),
        head=options.head or DEFAULTS["head"],
        head_login=options.head_login,
        secret=options.vault_password.absolute() if options.vault_password else None,
        state=options.state.absolute() if options.state else None,
    )


def _answers_by_questions(options: InitOptions, hosts: tuple[Host, ...]) -> Answers:
    """Ask for what no option gave; an empty answer takes the default."""

    def ask(value: str, question: str, default: str) -> str:
        return value or str(typer.prompt(question, default=default, err=True)).strip()

    return Answers(
        school=ask(options.school, "The school's name", DEFAULTS["school"]),
        timezone=ask(options.timezone, "Its time zone", DEFAULTS["timezone"]),
        login=ask(options.login, "Account that Ansible logs in to hosts with", caller.current().login()),
        hosts=hosts
        or _hosts_by_questions(lambda question: str(typer.prompt(question, default="", err=True))),
        os_user=caller.current().login(),
        head=ask(options.head, "The head's name", DEFAULTS["head"]),
        head_login=options.head_login
        or str(
            typer.prompt("The head's login on this machine, if there is one", default="", err=True)
        ).strip(),
        secret=options.vault_password.absolute() if options.vault_password else None,
        state=options.state.absolute() if options.state else None,
    )


def _hosts_by_questions(ask: Callable[[str], str]) -> tuple[Host, ...]:
    """One host after the other until an empty name; for a host with a fault the questions are repeated."""
    hosts: list[Host] = []
    while name := ask("A host's name (empty: that is all)").strip():
        cells = {
            "name": name,
            "address": ask(f"  address of {name} (empty: by its name)"),
            "groups": ask(f"  groups of {name} ({', '.join(lists.GROUPS)})"),
        }
        faults = list(lists.faults_of(cells))
        if name.lower() in {host.name.lower() for host in hosts}:
            faults.append(f"name: {name} is there already")
        if faults:
            for fault in faults:
                note(f"[red]{escape(fault)}[/]")
            continue
        hosts.append(lists.host_of(cells))
    return tuple(hosts)
