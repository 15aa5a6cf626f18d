"""A made-up register for the tests of the firewall."""

from __future__ import annotations

import datetime
from typing import Any

from plugins.module_utils.firewall.register import Context, Register, read

TODAY = datetime.date(2026, 9, 7)
ZONES: dict[str, Any] = {
    "management": {"addresses": ["10.0.9.0/24"]},
    "pupils": {"addresses": ["10.20.0.0/16", "2001:db8:20::/48"]},
    "class-7a": {"addresses": ["10.20.7.0/24"]},
    "staff": {"addresses": ["10.30.0.0/16"]},
    "guests": {"interfaces": ["eth1"]},
    "everybody": {"addresses": ["0.0.0.0/0"]},
}
SERVICES: dict[str, Any] = {
    "ssh": ["tcp/22"],
    "web": ["tcp/80", "tcp/443"],
    "https": ["tcp/443"],
    "dns": ["udp/53", "tcp/53"],
    "high": ["tcp/1024-65535"],
    "ping": ["icmp/echo-request", "icmpv6/echo-request"],
}


def entry(
    name: str, source: str | None = "pupils", service: str = "https", **overrides: Any
) -> dict[str, Any]:
    """One rule of the register, in the file that is called like it."""
    rule: dict[str, Any] = {
        "name": name,
        "from": [source] if source else None,
        "services": [service],
        "owner": "Head of ICT",
        "reason": "Lessons",
        "change": "CHG-2026-0001",
        "expires": "2026-12-18",
        **overrides,
    }
    return {
        "rule": {key: value for key, value in rule.items() if value is not None},
        "where": f"{name}.yml:1",
    }


def register(*entries: dict[str, Any], zones: dict[str, Any] | None = None, **groups: list[str]) -> Register:
    return read(entries, Context(zones or ZONES, SERVICES, groups, TODAY, 120))
