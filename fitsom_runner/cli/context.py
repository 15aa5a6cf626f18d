"""What every command needs: the configuration, the person, and the output."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

    from fitsom_runner.config import Config
    from fitsom_runner.people.powers import Identity


@dataclass
class Options:
    """The options that may be anywhere on the line."""

    json: bool = False
    acting_as: str | None = None
    config: Path | None = None


OPTIONS = Options()


class Session:
    """One command's connection to the records; opened at first use."""

    @cached_property
    def config(self) -> Config:
        """The school's configuration."""
        import os

        from fitsom_runner import config

        path = config.find(OPTIONS.config)
        os.environ["FITSOM_CONFIG"] = str(path)  # a run's child must read the same one
        return config.load(path)

    @cached_property
    def identity(self) -> Identity:
        """The person at the keyboard."""
        self.open()
        from fitsom_runner.people import powers

        return powers.identify(self.config, OPTIONS.acting_as)

    def open(self) -> Config:
        """Connect to the records; ends runs that a crash left open, and reports them."""
        if "_opened" not in self.__dict__:
            from fitsom_runner import boot

            boot.start(self.config)
            self._recover()
            from fitsom_runner.people import settings_log

            settings_log.note(self.config)
            self.__dict__["_opened"] = True
        return self.config

    def _recover(self) -> None:
        from fitsom_runner import workplace
        from fitsom_runner.execution.models import Run
        from fitsom_runner.execution.states import ACTIVE

        workplace.sweep(self.config.work_dir)
        if not Run.objects.filter(status__in=ACTIVE).exists():
            return  # most often; the way to Ansible is long
        from fitsom_runner.execution import recovery

        for run in recovery.recover(self.config):
            note(f"[yellow]{run.id} was found dead and is recorded as {run.status}.[/]")


def open_session() -> Session:
    """A session that is connected to the records; modules that hold models can be imported after this."""
    session = Session()
    session.open()
    return session


def console() -> Console:
    """Where answers go."""
    from fitsom_runner.cli.terminal import SafeConsole

    return SafeConsole(highlight=False, soft_wrap=not sys.stdout.isatty())


def note(text: str) -> None:
    """Print a note beside the answer, on standard error."""
    from fitsom_runner.cli.terminal import SafeConsole

    SafeConsole(stderr=True, highlight=False).print(text)


def as_json(value: Any) -> str:
    """JSON for people and programs: what moves a cursor or turns text around is escaped, letters are as they are."""
    from fitsom_runner.reading import UNSEEN

    text = json.dumps(value, indent=2, ensure_ascii=False, default=str)
    return UNSEEN.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def answer(value: Any, *parts: Any) -> None:
    """The command's answer: `value` with --json, else whatever Rich can print."""
    if OPTIONS.json:
        print(as_json(value))  # noqa: T201 - the answer itself
        return
    for part in parts:
        console().print(part)
