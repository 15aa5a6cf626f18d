"""One thing that `fitsom doctor` looks at."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Check:
    """One thing that was looked at. way_out: what to do where it is not ok."""

    name: str
    ok: bool
    detail: str
    way_out: str = ""
