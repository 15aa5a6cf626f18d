"""The commands by name. Help lists them without importing any; one that is called imports what it needs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command, get_group


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One command: `place` is module:attribute, a Typer app for a group of commands, a function for one."""

    place: str
    help: str


COMMANDS = {
    "init": Entry(
        place="setup:init",
        help="Make a school's own repository and its records. "
        "Where FOLDER has a fitsom.yml, only bring the records up to date.",
    ),
    "upgrade": Entry(
        place="upgrade:upgrade",
        help="Say what another version would change: roles, settings, records, and which open changes need a new plan. "
        "Ends with 8 if there are any.",
    ),
    "backup": Entry(place="backup:backup", help="Write all records into one file."),
    "restore-records": Entry(
        place="backup:restore_records", help="Put the records of a backup back, where there are none."
    ),
    "doctor": Entry(
        place="setup:doctor", help="Check whether everything that fitsom needs is there and works."
    ),
    "tick": Entry(
        place="run:tick",
        help="Start what is approved and due. For cron, or the shipped systemd timer.",
    ),
    "health": Entry(
        place="health:health",
        help="Check every host and change nothing: the daily look. "
        "Ends with 8 where something has to be done at once.",
    ),
    "look": Entry(
        place="look:look",
        help="Say what a playbook would change now, and change nothing. Ends with 8 where something has to be done "
        "at once.",
    ),
    "restore": Entry(
        place="restore:restore",
        help="Request the restore of a file or folder: raises a minor change, and plans it.",
    ),
    "change": Entry(place="change:app", help="Request changes, plan, approve, review and close them."),
    "run": Entry(place="run:app", help="Run approved changes, watch, resume, back out or cancel them."),
    "incident": Entry(
        place="incident:app", help="What runs left for somebody to see to: list, assign, close."
    ),
    "report": Entry(place="report:app", help="Read what runs did."),
    "audit": Entry(place="audit:app", help="Read and verify the audit log."),
    "standard": Entry(place="standard:app", help="Standard changes: pre-approved templates."),
    "content": Entry(place="content:app", help="Accept content whose tasks may run while a plan is taken."),
    "delegate": Entry(place="delegate:app", help="Lend one of your powers to somebody, on record."),
    "key": Entry(place="key:app", help="The keys that approvals are signed with: enrol, confirm, revoke."),
    "service": Entry(
        place="service:app", help="Give the records an account of their own, for several people."
    ),
    "config": Entry(place="setup:config_app", help="Check the configuration."),
}


class LazyGroup(TyperGroup):
    """The root: lists its commands by the table, and imports the one that is called."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self._listing = False
        self._without_options = False
        for name, entry in COMMANDS.items():
            self.add_command(TyperCommand(name=name, help=entry.help))

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command itself; while they are listed, only its name and help."""
        if cmd_name in COMMANDS and not self._listing:
            return load(cmd_name)
        return super().get_command(ctx, cmd_name)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Of the root."""
        with self._by_the_table():
            super().format_help(ctx, formatter)

    def shell_complete(self, ctx: Any, incomplete: str) -> list[Any]:
        """The names that begin like this."""
        with self._by_the_table():
            return super().shell_complete(ctx, incomplete)

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """While a line is completed, the root's own options decide nothing, and Typer would load pydantic for them."""
        self._without_options = bool(ctx.resilient_parsing)
        try:
            rest: list[str] = super().parse_args(ctx, args)
        finally:
            self._without_options = False
        return rest

    def get_params(self, ctx: Any) -> list[Any]:
        """The root's options."""
        return [] if self._without_options else super().get_params(ctx)

    @contextmanager
    def _by_the_table(self) -> Iterator[None]:
        self._listing = True
        try:
            yield
        finally:
            self._listing = False


def load(name: str) -> Any:
    """Import one command, as Typer makes it."""
    entry = COMMANDS[name]
    module, _, attribute = entry.place.partition(":")
    target = getattr(import_module(f"fitsom_runner.cli.{module}"), attribute)
    if isinstance(target, typer.Typer):
        command: Any = get_group(target)
    else:
        app = typer.Typer(add_completion=False)
        app.command(name)(target)
        command = get_command(app)
    command.name, command.help = name, entry.help
    return command
