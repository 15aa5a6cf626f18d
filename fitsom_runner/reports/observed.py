"""What a host is, in one plain row: from the facts that modules observed for the CMDB."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from fitsom_runner.facts import ConfigurationItem, FileSystem
from fitsom_runner.facts_reader import configuration_item

NOT_SAID = "not reported"
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
    items = ((name, configuration_item(observed)) for name, observed in hosts)
    return tuple(_row(name, item) for name, item in items if item)


def _row(host: str, item: ConfigurationItem) -> Row:
    kernel = f", kernel {item.kernel}" if item.kernel else ""
    return Row(
        host=host,
        system=f"{item.system or NOT_SAID}{kernel}",
        support=item.supported_until or "not known",
        boot=(item.last_boot or NOT_SAID).replace("T", " ").replace("Z", " UTC"),
        serial=item.serial or NOT_SAID,
        space=_least_free_space(item.filesystems),
    )


def _least_free_space(filesystems: tuple[FileSystem, ...]) -> str:
    """The file system that is fullest by share."""
    if not filesystems:
        return NOT_SAID
    fullest = max(filesystems, key=lambda row: row.used_percent)
    free_mb = fullest.free_mb
    room = f"{free_mb / 1024:,.1f} GB" if free_mb >= 1024 else f"{free_mb} MB"
    return f"{room} on {fullest.mount} ({fullest.used_percent:.0f} % used)"
