# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Explain errors of a directory server without its message, which may quote DNs and values."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

SUCCESS = 0
SIZE_LIMIT = 4
NO_SUCH_ATTRIBUTE = 16
TYPE_OR_VALUE_EXISTS = 20
NO_SUCH_OBJECT = 32
WRONG_PASSWORD = 49
UNWILLING = 53
EXISTS = 68

# Microsoft's error code at the start of a message, and what it means to a technician.
_CODE = re.compile(r"^(?:\w+: )?([0-9A-Fa-f]{8})\b")
_MEANINGS = {
    "0000052D": "the domain's password policy refuses the new password",
    "00002071": "an entry of that name, or that username, already exists",
    "0000055B": "an entry of that name, or that username, already exists",
    "00000524": "that username is taken",
    "00002098": "fitsom's account has no permission for this",
    "00000005": "fitsom's account has no permission for this",
    "0000202F": "the domain does not allow this",
    "000021C8": "that logon name (userPrincipalName) is taken",
}
_EXPLANATIONS = {
    "insufficientAccessRights": "fitsom's account has no permission for this",
    "sizeLimitExceeded": "the server returns too few entries; raise its size limit for fitsom's account",
    "timeLimitExceeded": "the server took too long and gave up",
    "entryAlreadyExists": "an entry of that name, or that username, already exists",
    "noSuchObject": "the entry, or the unit that it belongs in, does not exist",
    "unwillingToPerform": "the server refuses to do this",
    "constraintViolation": "a value breaks a rule of the directory",
    "busy": "the server is busy",
    "unavailable": "the server is not available",
    "strongerAuthRequired": "the server asks for an encrypted connection",
}


class DirectoryError(Exception):
    """An error of the directory; its text has no name, username or DN of a person."""

    def __init__(self, text: str, code: int = -1) -> None:
        super().__init__(text)
        self.code = code


def explain(result: Mapping[str, Any]) -> DirectoryError:
    """The error for a result of ldap3; of the server's message only Microsoft's code is used."""
    description = str(result.get("description") or "unknown answer")
    match = _CODE.match(str(result.get("message") or ""))
    number = match.group(1).upper() if match else ""
    meaning = _MEANINGS.get(number) or _EXPLANATIONS.get(description, "")
    label = f"{description} {number}".strip()
    code = result.get("result")
    return DirectoryError(f"{meaning} ({label})" if meaning else label, code if isinstance(code, int) else -1)
