# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Filters of the role print_servers: its settings checked, and the settings of its programs and of
Windows.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")


def problems(host: str, own: Mapping[str, Any], everybody: Mapping[str, Any]) -> list[str]:
    """What is wrong with a host's settings, in sentences with the way out; `everybody` is
    hostvars.
    """
    faults = of_server(own) if own["print_servers_server"] else []
    if not own["print_servers_server"] and (own["print_servers_queues"] or own["print_servers_pools"]):
        faults.append(
            "print_servers_queues and print_servers_pools are for a print server: set print_servers_server"
        )
    return faults + of_client(host, own, everybody)


def of_server(own: Mapping[str, Any]) -> list[str]:
    """What is wrong with a print server's settings."""
    queues = {entry["name"]: entry for entry in own["print_servers_queues"]}
    pools = {entry["name"]: entry for entry in own["print_servers_pools"]}
    faults = [*of_names(own), *of_addresses(own["print_servers_queues"])]
    for kind, entries in (("print_servers_queues", queues), ("print_servers_pools", pools)):
        for name, entry in entries.items():
            if entry.get("quota_pages", 0) < 0 or entry.get("quota_days", 7) < 1:
                faults.append(f"{kind}, {name}: quota_pages is 0 or more, quota_days 1 or more")
    for pool in pools.values():
        faults += of_pool(pool, queues)
    everything = {**queues, **pools}
    default = own["print_servers_default"]
    if default and default not in everything:
        faults.append(f"print_servers_default: there is no queue and no pool {default}")
    faults += [
        f"print_servers_tariffs: there is no queue and no pool {tariff['queue']}"
        for tariff in own["print_servers_tariffs"]
        if tariff["queue"] != "*" and tariff["queue"] not in everything
    ]
    if own["print_servers_certificate"] != own["print_servers_certificate_key"]:
        faults.append(
            "print_servers_certificate and print_servers_certificate_key belong together: give both or neither"
        )
    return faults


def of_names(own: Mapping[str, Any]) -> list[str]:
    """Names that CUPS would not take, or that mean two things."""
    names = [entry["name"] for entry in [*own["print_servers_queues"], *own["print_servers_pools"]]]
    faults = [
        f"print_servers_queues and print_servers_pools: two are named {name}; rename one"
        for name in sorted({name for name in names if names.count(name) > 1})
    ]
    return faults + [
        f"{name} cannot be the name of a queue or pool: use a-z, 0-9, - and _"
        for name in names
        if not NAME.fullmatch(name)
    ]


def of_addresses(queues: list[Mapping[str, Any]]) -> list[str]:
    """Addresses that are not IPP, or are listed twice."""
    faults, used_by = [], dict[str, str]()
    for queue in queues:
        place, where = urlsplit(queue["uri"]), f"print_servers_queues, {queue['name']}"
        if place.scheme not in ("ipp", "ipps") or not place.hostname:
            faults.append(
                f"{where}: {queue['uri']} is not the address of a driverless printer; write ipp://HOST/ipp/print"
            )
        elif place.hostname == "localhost":
            faults.append(f"{where}: localhost is CUPS itself; write the printer's own address")
        elif queue["uri"] in used_by:
            faults.append(
                f"{where}: {queue['uri']} is {used_by[queue['uri']]} already; one printer, one queue"
            )
        used_by.setdefault(queue["uri"], queue["name"])
    return faults


def of_pool(pool: Mapping[str, Any], queues: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """CUPS asks a pool for rights and quota, never its members: a pool may not open what a member
    closes.
    """
    where, faults = f"print_servers_pools, {pool['name']}", []
    if not pool["members"]:
        faults.append(f"{where}: it has no members")
    for name in pool["members"]:
        if name not in queues:
            faults.append(f"{where}: there is no queue {name}")
            continue
        only = set(queues[name].get("groups") or [])
        if only and not (pool.get("groups") and set(pool["groups"]) <= only):
            faults.append(
                f"{where}: {name} is for {', '.join(sorted(only))} only, and the pool would let others print there; "
                "give the pool the same groups"
            )
        if queues[name].get("quota_pages") and not pool.get("quota_pages"):
            faults.append(f"{where}: {name} has a quota, and the pool has none; give it one")
    return faults


def of_client(host: str, own: Mapping[str, Any], everybody: Mapping[str, Any]) -> list[str]:
    """What is wrong with the settings of a computer that prints."""
    server = own["print_servers_use"]
    if not server:
        return []
    if own["print_servers_discover"]:
        return [
            "print_servers_use and print_servers_discover: a computer uses one print server, or finds printers itself"
        ]
    if server == host:
        return ["print_servers_use: a print server prints at itself anyway; leave it out"]
    if server not in everybody:
        return [f"print_servers_use: the inventory has no host {server}"]
    server_settings = everybody[server]
    if not (server_settings.get("print_servers_queues") or server_settings.get("print_servers_server")):
        return [f"print_servers_use: {server} has no print_servers_queues"]
    return []


def policy(own: Mapping[str, Any], **extra: Any) -> dict[str, Any]:
    """What the programs on the server go by."""
    return {
        "queues": {
            queue["name"]: {"uri": queue["uri"], "mono": queue.get("mono", True)}
            for queue in own["print_servers_queues"]
        },
        "pools": {queue["name"]: queue["members"] for queue in own["print_servers_pools"]},
        "departments": own["print_servers_departments"],
        "tariffs": own["print_servers_tariffs"],
        **extra,
    }


def offered(own: Mapping[str, Any], server: str) -> list[dict[str, Any]]:
    """Queues and pools for other computers: name, description, url and groups."""
    rows = []
    for kind, path in (("print_servers_queues", "printers"), ("print_servers_pools", "classes")):
        for entry in own[kind]:
            if entry.get("shared", True):
                url = f"https://{server}:631/{path}/{entry['name']}"
                description = entry.get("description") or entry["name"]
                rows.append({"description": description, "url": url, "groups": entry.get("groups") or []})
    return rows


class FilterModule:
    """The filters by their names."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """As Ansible asks for them."""
        return {
            "print_offered": offered,
            "print_policy": policy,
            "print_problems": problems,
        }
