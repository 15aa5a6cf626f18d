"""The `fitsom` command."""

from __future__ import annotations

import errno
import sys
from collections.abc import Collection
from pathlib import Path

import typer

from fitsom_runner import __version__
from fitsom_runner.cli.commands import LazyGroup
from fitsom_runner.cli.context import OPTIONS, as_json
from fitsom_runner.errors import ExitCode, FitsomError, NotAllowedError

app = typer.Typer(
    name="fitsom",
    cls=LazyGroup,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # rich costs half of the start, for borders
    help="Run a school's ICT the way FITS OM says: every run is a planned, approved, recorded change.",
    epilog="--version prints the version. These may be anywhere on the line: --json (answers as JSON), --config FILE, "
    "--as PERSON (where the configuration allows it). Exit codes: docs/reference/exit-codes.md",
)


@app.callback()
def root() -> None:
    """Make it a group; its own options would have Typer load pydantic before any command is known."""


def hoist(arguments: list[str]) -> list[str]:
    """Take --json, --as and --config out of the line, wherever they are; --version ends here; the rest is Typer's."""
    typer_words: list[str] = []
    words = iter(arguments)
    for word in words:
        if word == "--":
            return [*typer_words, word, *words]
        name, _, value = word.partition("=")
        if word == "--version" and not typer_words:
            print(f"fitsom {__version__}")  # noqa: T201 - the answer itself
            sys.exit()
        if word == "--json":
            OPTIONS.json = True
        elif name == "--as":
            OPTIONS.acting_as = value or next(words, "")
        elif name == "--config":
            OPTIONS.config = Path(value or next(words, ""))
        else:
            typer_words.append(word)
    return typer_words


def complain(fault: FitsomError) -> None:
    """Print what is wrong and the way out, on standard error; as JSON with --json."""
    if OPTIONS.json:
        problem = {"error": fault.message, "details": list(fault.details), "hint": fault.hint}
        print(as_json(problem))  # noqa: T201 - the answer itself
        return
    from rich.markup import escape

    from fitsom_runner.cli.terminal import SafeConsole

    err = SafeConsole(stderr=True, highlight=False, soft_wrap=True)
    err.print(f"[bold red]error:[/] {escape(fault.message)}")
    for detail in fault.details:
        err.print(f"  - {escape(detail)}")
    if fault.hint:
        err.print(f"[bold]way out:[/] {escape(fault.hint)}")


def main() -> None:
    """Run the command that this process was started with."""
    sys.exit(call(sys.argv[1:]))


def call(arguments: list[str], settings: Path | None = None, refused: Collection[str] = frozenset()) -> int:
    """Parse, run, turn errors into words; the exit code.

    `settings`: the only configuration, for commands of somebody else's (the gate), who may not call `refused` ones.
    """
    try:
        words = hoist(arguments)
        if settings:
            _bind(settings, words, refused)
        # Typer prints usage errors itself, for people; with --json they are JSON.
        return app(words, standalone_mode=not OPTIONS.json) or 0
    except FitsomError as fault:
        complain(fault)
        return int(fault.exit_code)
    except typer.TyperException as fault:
        complain(FitsomError(getattr(fault, "message", str(fault)), hint="fitsom --help"))
        return int(ExitCode.USAGE)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(bool(end.code))
    except Exception as fault:
        refusal = _of_the_machine(fault)
        if refusal is None:
            raise
        complain(refusal)
        return int(ExitCode.ERROR)


#: What the machine may refuse, and what a person can do about it.
_REFUSED_BY_THE_MACHINE = {
    errno.ENOSPC: "Make room on that disc.",
    errno.EDQUOT: "Make room, or have the quota raised.",
    errno.EACCES: "It belongs to another account. Several people on one machine: fitsom service install",
    errno.EPERM: "It belongs to another account. Several people on one machine: fitsom service install",
    errno.EROFS: "That file system is read-only: look at dmesg, it may be a failing disc.",
    errno.EIO: "The disc does not answer: look at dmesg.",
    errno.EMFILE: "Too many files are open: ulimit -n",
    errno.ENOMEM: "There is no memory left.",
}


def _of_the_machine(fault: Exception) -> FitsomError | None:
    """What the system or the database refused, as a sentence; None for a fault of ours, which keeps its traceback."""
    if isinstance(fault, OSError) and fault.errno in _REFUSED_BY_THE_MACHINE:
        where = f"{fault.filename}: " if fault.filename else ""
        return FitsomError(f"{where}{fault.strerror}", hint=_REFUSED_BY_THE_MACHINE[fault.errno])
    if (type(fault).__module__, type(fault).__name__) == ("django.db.utils", "OperationalError"):
        return FitsomError(
            f"the records cannot be used: {fault}",
            hint="Are they there, on a disc with room, and do they belong to this account? fitsom doctor",
        )
    return None


def _bind(settings: Path, words: list[str], refused: Collection[str]) -> None:
    """Raise NotAllowedError for what would be another's records, another's name or this machine's set-up."""
    if OPTIONS.config or OPTIONS.acting_as is not None:
        raise NotAllowedError(
            "--config and --as are not for records that many people share",
            hint="You are who you are logged in as, and the records are the service's.",
        )
    if words and words[0] in refused:
        raise NotAllowedError(
            f"'fitsom {words[0]}' is for whoever looks after this machine", hint="Run it as root there."
        )
    OPTIONS.config = settings


if __name__ == "__main__":
    main()
