# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Distinguished names (DNs) of units and accounts, and their parts."""

from __future__ import annotations

import re

from .ldap import escape_rdn
from .model import Unit

_RDN = re.compile(r"(?:\\.|[^\\,])*", re.S)
_ESCAPED = re.compile(rb"\\([0-9a-fA-F]{2}|.)", re.S)
_ROUND_COMMAS = re.compile(r"(?<!\\)\s*([,=])\s*")


def rdn(attribute: str, value: str) -> str:
    """One RDN, its value escaped."""
    return f"{attribute}={escape_rdn(value)}"


def unit_dn(unit: Unit, base: str) -> str:
    """The DN of a unit below the base; the base itself for an empty unit."""
    return ",".join([*(rdn("OU", part) for part in reversed(unit)), base])


def split(dn: str) -> tuple[str, str]:
    """The RDN of an entry, as written, and the DN of its parent."""
    match = _RDN.match(dn)
    end = match.end() if match else 0
    return dn[:end], dn[end + 1 :]


def value_of(part: str) -> str:
    """The unescaped value of an RDN."""
    escaped = part.partition("=")[2].strip().encode()
    return _ESCAPED.sub(_unescape, escaped).decode(errors="replace")


def _unescape(match: re.Match[bytes]) -> bytes:
    text = match.group(1)
    return bytes.fromhex(text.decode()) if len(text) == 2 else text


def unit_of(dn: str, base: str) -> Unit | None:
    """The unit of a DN, outermost first: () for the base, None for a DN outside the base."""
    parts: list[str] = []
    while normal(dn) != normal(base):
        if not dn:
            return None
        part, dn = split(dn)
        parts.append(value_of(part))
    return tuple(reversed(parts))


def normal(dn: str) -> str:
    """A DN in the form used for comparison: servers keep a member's DN as it was first written."""
    return _ROUND_COMMAS.sub(r"\1", dn).casefold()
