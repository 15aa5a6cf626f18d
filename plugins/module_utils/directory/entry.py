# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""An entry of a directory as it was read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Entry:
    """An entry from a search; attribute names are in lower case."""

    dn: str
    values: Mapping[str, Sequence[bytes]]

    def texts(self, name: str) -> list[str]:
        return [value.decode(errors="replace") for value in self.values.get(name.lower(), ())]

    def text(self, name: str) -> str:
        values = self.values.get(name.lower())
        return values[0].decode(errors="replace") if values else ""

    def number(self, name: str) -> int:
        text = self.text(name)
        return int(text) if text.lstrip("-").isdigit() else 0
