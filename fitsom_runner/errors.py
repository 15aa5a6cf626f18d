"""The one family of errors that fitsom shows to people: what is wrong, and the way out."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """Exit codes of `fitsom`, documented in docs/reference/exit-codes.md."""

    OK = 0
    ERROR = 1
    USAGE = 2
    REFUSED = 3
    RUN_FAILED = 4
    INTERRUPTED = 5
    NOT_ALLOWED = 6
    INTEGRITY = 7
    FOUND = 8


class FitsomError(Exception):
    """Something a person can act on. `hint` is the way out; `exit_code` is what the command ends with."""

    exit_code = ExitCode.ERROR

    def __init__(self, message: str, *, hint: str = "", details: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.details = details


class ConfigError(FitsomError):
    """The configuration cannot be used; the message names file and line."""

    exit_code = ExitCode.USAGE


class NotFoundError(FitsomError):
    """No such change, run or person."""

    exit_code = ExitCode.USAGE


class IncompleteError(FitsomError):
    """A record lacks what the next step needs."""

    exit_code = ExitCode.USAGE


class NotAllowedError(FitsomError):
    """This person may not do this."""

    exit_code = ExitCode.NOT_ALLOWED


class RefusedError(FitsomError):
    """The rules of change management forbid this now (wrong state, changed seal, closed window)."""

    exit_code = ExitCode.REFUSED


class BusyError(RefusedError):
    """Another run is at work on the same hosts: what is refused now may be done as soon as that has ended."""


class IntegrityError(FitsomError):
    """A record was found changed behind our back."""

    exit_code = ExitCode.INTEGRITY
