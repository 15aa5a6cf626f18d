"""The one family of errors the lab raises on purpose."""

from __future__ import annotations


class LabError(Exception):
    """Something the person at the keyboard can act on: a message and a hint."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
