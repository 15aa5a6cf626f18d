"""What somebody signs when they approve or reject: one text for one decision. Pure; knows no database."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from typing import Any

from fitsom_runner.canonical import canonical

FORMAT = 1


@dataclass(frozen=True, kw_only=True)
class Statement:
    """One decision of one person, with everything that it is about.

    kind: states.Action; decision: "approved" or "rejected"; seal: of the plan, "" where there is none yet; rfc and
    predictions: digests of the request and of the plan ("" where there is none); at: ISO 8601 in UTC.
    """

    school: str
    number: str
    version: int
    kind: str
    decision: str
    seal: str
    rfc: str
    predictions: str
    comment: str
    person: str
    name: str
    position: str
    on_behalf_of: str
    os_user: str
    at: str

    def text(self) -> bytes:
        """The bytes that are signed: canonical JSON in UTF-8."""
        return canonical({"format": FORMAT, **asdict(self)}).encode()

    def sha256(self) -> str:
        """The statement's digest, 64 hex digits."""
        return hashlib.sha256(self.text()).hexdigest()


def digest_of(value: Any) -> str:
    """SHA-256 (hex) of a JSON value, such as a request or a plan."""
    return hashlib.sha256(canonical(value).encode()).hexdigest()


def differing(before: Statement, after: Statement) -> list[str]:
    """What differs between two statements, in words that follow "the"; empty where nothing does."""
    words = {"rfc": "request for change", "predictions": "plan", "at": "time", "on_behalf_of": "delegation"}
    values = asdict(after)
    return [
        words.get(name, name.replace("_", " "))
        for name, value in asdict(before).items()
        if values[name] != value
    ]
