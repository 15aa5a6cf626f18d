# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a network device said of itself, in one form. Pure."""

from __future__ import annotations

import re
from typing import Any

FRR = re.compile(r"^FRRouting (\S+) \((\S+)\)", re.MULTILINE)


def is_frr(version: str) -> bool:
    return bool(FRR.search(version))


def from_frr(version: str, interfaces: str) -> dict[str, Any]:
    """From `show version` and `show interface brief` of FRRouting, which has no model and no serial number."""
    found = FRR.search(version)
    rows = [line.split() for line in interfaces.splitlines() if re.match(r"\S+\s+(up|down)\s", line)]
    return _device(
        vendor="FRRouting",
        version=found[1] if found else "",
        hostname=found[2] if found else "",
        interfaces=[{"name": row[0], "state": row[1], "addresses": row[3:]} for row in rows],
    )


def from_templates(version: Any, interfaces: Any) -> dict[str, Any]:
    """From the rows of ntc-templates. Where there is no template netmiko hands back text, which is no row."""
    rows = version if isinstance(version, list) else [{}]
    row = rows[0] if rows else {}
    listed = interfaces if isinstance(interfaces, list) else []
    return _device(
        vendor="Cisco" if row.get("software_image") or row.get("rommon") else "",
        model=_one(row.get("hardware")),
        version=_one(row.get("version")),
        serial=_one(row.get("serial")),
        hostname=_one(row.get("hostname")),
        interfaces=[
            {
                "name": _one(each.get("interface")),
                "state": _one(each.get("status")),
                "addresses": [a for a in [_one(each.get("ip_address"))] if a and a != "unassigned"],
            }
            for each in listed
        ],
    )


def _device(**known: Any) -> dict[str, Any]:
    return {"vendor": "", "model": "", "version": "", "serial": "", "hostname": "", "interfaces": [], **known}


def _one(value: Any) -> str:
    """A stack answers with lists, its first member first."""
    if isinstance(value, list):
        return str(value[0]) if value else ""
    return str(value or "")
