"""Hide known secrets in text: raw, base64 and URL-encoded. Standard library only: the callback plugin uses it too."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote, quote_plus

MASK = "********"
_ESCAPED = re.compile("%[0-9A-F]{2}")
SHORTEST = 4  # shorter strings would blot out half of every report, and protect nothing


class Masker:
    """Replaces every form of the given secrets by asterisks."""

    def __init__(self, secrets: Iterable[str]) -> None:
        forms: set[str] = set()
        for secret in secrets:
            if len(secret.strip()) >= SHORTEST:
                forms |= forms_of(secret)
        # Longest first, so that a secret that contains another is hidden completely.
        longest_first = sorted(forms, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, longest_first))) if longest_first else None

    def text(self, value: str) -> str:
        """The text without secrets."""
        return self._pattern.sub(MASK, value) if self._pattern else value

    def value(self, value: Any) -> Any:
        """Any JSON value without secrets, keys included."""
        if self._pattern is None:
            return value
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {self.value(k): self.value(v) for k, v in value.items()}
        if isinstance(value, list | tuple):
            return [self.value(v) for v in value]
        return value


def forms_of(secret: str) -> set[str]:
    """Every way in which a secret may appear in a text."""
    forms: set[str] = set()
    for raw in {secret, secret.strip()}:
        data = raw.encode("utf-8", "surrogateescape")
        forms |= {
            raw,
            quote(raw, safe="", errors="surrogateescape"),
            quote(raw, errors="surrogateescape"),  # Ansible's urlencode filter leaves a slash as it is
            quote_plus(raw, errors="surrogateescape"),
        }
        forms |= {json.dumps(raw)[1:-1], json.dumps(raw, ensure_ascii=False)[1:-1]}
        forms |= {_ESCAPED.sub(lambda match: match.group().lower(), form) for form in forms}
        forms |= _base64_forms(data)
    if "\n" in secret.strip():  # a multi-line secret is also shown line by line, in diffs for one
        forms |= {line.strip() for line in secret.splitlines() if len(line.strip()) >= 8}
    return {form for form in forms if len(form) >= SHORTEST}


def _base64_forms(data: bytes) -> set[str]:
    """Base64 of the secret alone, and its invariant middle at any position inside a longer text."""
    forms: set[str] = set()
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        full = encode(data).decode()
        forms |= {full, full.rstrip("=")}
        for shift in range(3):
            encoded = encode(b"\0" * shift + data).decode().rstrip("=")
            middle = encoded[(shift * 8 + 5) // 6 : (shift + len(data)) * 8 // 6]
            if len(middle) >= SHORTEST:
                forms.add(middle)
    return forms
