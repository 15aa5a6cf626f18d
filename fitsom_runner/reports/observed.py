"""What a host is, in one plain row: from the facts that modules observed for the CMDB."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

NOT_SAID = "not said"
COLUMNS = ("Host", "System", "Supported until", "Last start", "Serial number", "Least free space")


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One host; each field is text for readers."""

    host: str
    system: str
    support: str
    boot: str
    serial: str
    space: str

    @property
    def cells(self) -> tuple[str, ...]:
        """In the order of COLUMNS, without the host."""
        return (self.system, self.support, self.boot, self.serial, self.space)


def rows(hosts: Iterable[tuple[str, Mapping[str, Any]]]) -> tuple[Row, ...]:
    """The rows of those of (name, observed facts) that were observed."""
    found = ((name, observed.get("configuration_item")) for name, observed in hosts)
    return tuple(_row(name, item) for name, item in found if item)


def _row(host: str, item: Mapping[str, Any]) -> Row:
    system = item.get("system") or {}
    support = system.get("support") or {}
    kernel = f", kernel {system['kernel']}" if system.get("kernel") else ""
    return Row(
        host=host,
        system=f"{system.get('name') or NOT_SAID}{kernel}",
        support=support.get("lts") or "not known",
        boot=(item.get("last_boot") or NOT_SAID).replace("T", " ").replace("Z", " UTC"),
        serial=(item.get("hardware") or {}).get("serial") or NOT_SAID,
        space=_least(item.get("filesystems") or []),
    )


def _least(filesystems: list[Mapping[str, Any]]) -> str:
    """The file system that is fullest by share."""
    if not filesystems:
        return NOT_SAID
    fullest = max(filesystems, key=lambda row: row["used_percent"])
    free = fullest["free_mb"]
    room = f"{free / 1024:,.1f} GB" if free >= 1024 else f"{free} MB"
    return f"{room} on {fullest['mount']} ({fullest['used_percent']:.0f} % used)"
