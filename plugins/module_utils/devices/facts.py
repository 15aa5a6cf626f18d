# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a network device said of itself, in one form: its dialect, and its answers read by
ntc-templates.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Mapping, Sequence

FRR = re.compile(r"^FRRouting (\S+) \((\S+)\)", re.MULTILINE)


@dataclass(frozen=True)
class Dialect:
    """How a kind of device is asked. `platform` is its name in ntc-templates."""

    platform: str
    vendor: str
    about: str = "show version"
    interfaces: str = "show ip interface brief"


#: netmiko's name begins so; the first that fits is taken.
DIALECTS = {
    "cisco_nxos": Dialect("cisco_nxos", "Cisco"),
    "cisco": Dialect("cisco_ios", "Cisco"),
    "hp_procurve": Dialect("hp_procurve", "HP", "show system", "show interfaces brief"),
    "aruba_procurve": Dialect("hp_procurve", "Aruba", "show system", "show interfaces brief"),
    "aruba_aoscx": Dialect("aruba_aoscx", "Aruba", "show system", "show interface"),
    "huawei": Dialect("huawei_vrp", "Huawei", "display version", "display interface brief"),
    "arista_eos": Dialect("arista_eos", "Arista"),
}
#: The templates' names for the same field.
NAMES = {
    "model": ("hardware", "platform", "model", "product"),
    "version": ("version", "os", "image", "software_version", "vrp_version"),
    "serial": ("serial", "serial_number"),
    "hostname": ("hostname", "name"),
}
PORT = {
    "name": ("interface", "port"),
    "state": ("status", "phy", "link_status"),
    "addresses": ("ip_address", "ipv4_address"),
}
NO_ADDRESS = ("unassigned", "forward-enabled", "")


def dialect_of(device_type: str) -> Dialect:
    """For an unknown kind of device, Cisco's commands: many understand them."""
    for start, dialect in DIALECTS.items():
        if device_type.startswith(start):
            return dialect
    return Dialect(re.sub(r"_(telnet|serial|ssh)$", "", device_type), "")


def rows(platform: str, command: str, answer: str) -> list[Mapping[str, Any]]:
    """The answer as rows; none where there is no template, or it does not fit."""
    from ntc_templates.parse import ParsingException, parse_output  # type: ignore[import-untyped]  # has no types
    from textfsm.parser import TextFSMError  # type: ignore[import-untyped]  # has no types

    try:
        return list(parse_output(platform=platform, command=command, data=answer))
    except (ParsingException, TextFSMError):
        return []


def is_frr(version: str) -> bool:
    return bool(FRR.search(version))


def from_frr(version: str, interfaces: str) -> dict[str, Any]:
    """From `show version` and `show interface brief` of FRRouting, which has no model and no serial
    number.
    """
    match = FRR.search(version)
    ports = [line.split() for line in interfaces.splitlines() if re.match(r"\S+\s+(up|down)\s", line)]
    return {
        "vendor": "FRRouting",
        "model": "",
        "version": match[1] if match else "",
        "serial": "",
        "hostname": match[2] if match else "",
        "interfaces": [{"name": row[0], "state": row[1], "addresses": row[3:]} for row in ports],
    }


def from_answers(dialect: Dialect, about: str, interfaces: str) -> dict[str, Any]:
    """From the two answers of a device. What they do not hold is left empty."""
    about_rows = rows(dialect.platform, dialect.about, about)
    row = about_rows[0] if about_rows else {}
    return {
        "vendor": dialect.vendor,
        **{name: _first(row, keys) for name, keys in NAMES.items()},
        "interfaces": [
            _port(port_row) for port_row in rows(dialect.platform, dialect.interfaces, interfaces)
        ],
    }


def _port(row: Mapping[str, Any]) -> dict[str, Any]:
    port: dict[str, Any] = {name: _first(row, keys) for name, keys in PORT.items()}
    address = port["addresses"]
    return {
        **port,
        "state": re.sub(r"^[*^]|.*-", "", port["state"].lower()),
        "addresses": [] if address in NO_ADDRESS else [address],
    }


def _first(row: Mapping[str, Any], keys: Sequence[str]) -> str:
    """The first of these that is known. A stack answers with lists, its first member first."""
    for key in keys:
        value = row.get(key)
        value = value[0] if isinstance(value, list) and value else value
        if value:
            return str(value)
    return ""
