# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Filters of the role print_servers: its settings checked, and what its programs and Windows are told."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")


def problems(host: str, own: Mapping[str, Any], everybody: Mapping[str, Any]) -> list[str]:
    """What is wrong with a host's settings, in sentences with the way out; `everybody` is hostvars."""
    wrong = of_server(own) if own["print_servers_server"] else []
    if not own["print_servers_server"] and (own["print_servers_queues"] or own["print_servers_pools"]):
        wrong.append(
            "print_servers_queues and print_servers_pools are for a print server: set print_servers_server"
        )
    return wrong + of_client(host, own, everybody)


def of_server(own: Mapping[str, Any]) -> list[str]:
    """What is wrong with a print server's settings."""
    queues = {each["name"]: each for each in own["print_servers_queues"]}
    pools = {each["name"]: each for each in own["print_servers_pools"]}
    wrong = [*of_names(own), *of_addresses(own["print_servers_queues"])]
    for kind, entries in (("print_servers_queues", queues), ("print_servers_pools", pools)):
        for name, each in entries.items():
            if each.get("quota_pages", 0) < 0 or each.get("quota_days", 7) < 1:
                wrong.append(f"{kind}, {name}: quota_pages is 0 or more, quota_days 1 or more")
    for pool in pools.values():
        wrong += of_pool(pool, queues)
    everything = {**queues, **pools}
    default = own["print_servers_default"]
    if default and default not in everything:
        wrong.append(f"print_servers_default: there is no queue and no pool {default}")
    wrong += [
        f"print_servers_tariffs: there is no queue and no pool {tariff['queue']}"
        for tariff in own["print_servers_tariffs"]
        if tariff["queue"] != "*" and tariff["queue"] not in everything
    ]
    if own["print_servers_certificate"] != own["print_servers_certificate_key"]:
        wrong.append(
            "print_servers_certificate and print_servers_certificate_key belong together: give both or neither"
        )
    return wrong


def of_names(own: Mapping[str, Any]) -> list[str]:
    """Names that CUPS would not take, or that mean two things."""
    names = [each["name"] for each in [*own["print_servers_queues"], *own["print_servers_pools"]]]
    wrong = [
        f"print_servers_queues and print_servers_pools: two are named {name}; rename one"
        for name in sorted({name for name in names if names.count(name) > 1})
    ]
    return wrong + [
        f"{name} is no name for a queue or pool: use a-z, 0-9, - and _"
        for name in names
        if not NAME.fullmatch(name)
    ]


def of_addresses(queues: list[Mapping[str, Any]]) -> list[str]:
    """Addresses that are none of IPP, or stand twice."""
    wrong, seen = [], dict[str, str]()
    for each in queues:
        place, where = urlsplit(each["uri"]), f"print_servers_queues, {each['name']}"
        if place.scheme not in ("ipp", "ipps") or not place.hostname:
            wrong.append(
                f"{where}: {each['uri']} is no address of a driverless printer; write ipp://HOST/ipp/print"
            )
        elif place.hostname == "localhost":
            wrong.append(f"{where}: localhost is CUPS itself; write the printer's own address")
        elif each["uri"] in seen:
            wrong.append(f"{where}: {each['uri']} is {seen[each['uri']]} already; one printer, one queue")
        seen.setdefault(each["uri"], each["name"])
    return wrong


def of_pool(pool: Mapping[str, Any], queues: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """CUPS asks a pool for rights and quota, never its members: a pool may not open what a member closes."""
    where, wrong = f"print_servers_pools, {pool['name']}", []
    if not pool["members"]:
        wrong.append(f"{where}: it has no members")
    for name in pool["members"]:
        if name not in queues:
            wrong.append(f"{where}: there is no queue {name}")
            continue
        only = set(queues[name].get("groups") or [])
        if only and not (pool.get("groups") and set(pool["groups"]) <= only):
            wrong.append(
                f"{where}: {name} is for {', '.join(sorted(only))} only, and the pool would let others print there; "
                "give the pool the same groups"
            )
        if queues[name].get("quota_pages") and not pool.get("quota_pages"):
            wrong.append(f"{where}: {name} has a quota, and the pool has none; give it one")
    return wrong


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
    theirs = everybody[server]
    if not (theirs.get("print_servers_queues") or theirs.get("print_servers_server")):
        return [f"print_servers_use: {server} has no print_servers_queues"]
    return []


def policy(own: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """What the programs on the server go by."""
    return {
        "queues": {
            each["name"]: {"uri": each["uri"], "mono": each.get("mono", True)}
            for each in own["print_servers_queues"]
        },
        "pools": {each["name"]: each["members"] for each in own["print_servers_pools"]},
        "departments": own["print_servers_departments"],
        "tariffs": own["print_servers_tariffs"],
        **more,
    }


def offered(own: Mapping[str, Any], server: str) -> list[dict[str, Any]]:
    """Queues and pools for other computers: name, description, url and groups."""
    rows = []
    for kind, path in (("print_servers_queues", "printers"), ("print_servers_pools", "classes")):
        for each in own[kind]:
            if each.get("shared", True):
                url = f"https://{server}:631/{path}/{each['name']}"
                shown = each.get("description") or each["name"]
                rows.append({"description": shown, "url": url, "groups": each.get("groups") or []})
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
