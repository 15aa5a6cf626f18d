# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How a host logs in to a backup server, and whether the settings of all hosts hang together.

The login is worked out from the key of the host's backups, so that one secret is to be kept.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Callable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError


def password(client: str, key: str) -> str:
    """48 hexadecimal digits.

    Whoever has the key has the backups already; the password does not give the key away.
    """
    return hmac.new(key.encode(), f"fitsom backup login {client}".encode(), hashlib.sha256).hexdigest()[:48]


def login(client: str, keys: Mapping[str, str]) -> str:
    """`files1:{SHA}...`, a line of an htpasswd file.

    Unsalted, so that it stays the same; random passwords bear it.
    """
    digest = hashlib.sha1(password(client, keys[client]).encode()).digest()  # noqa: S324 - what rclone reads
    return f"{client}:{{SHA}}{base64.b64encode(digest).decode()}"


def url(client: str, server: Mapping[str, Any], key: str) -> str:
    """restic's address of the client's own repository on a host of the inventory that serves
    backups.
    """
    if not server.get("backups_server"):
        raise AnsibleFilterError(
            f"{server.get('inventory_hostname', 'the server of a repository')} does not serve backups: "
            "set backups_server for it"
        )
    # The defaults of a role are not among another host's variables; these are the same as in
    # defaults/main.yml.
    name = server.get("backups_server_name") or server.get("ansible_host") or server["inventory_hostname"]
    place = f"{name}:{server.get('backups_server_port', 8000)}"
    return f"rest:https://{client}:{password(client, key)}@{place}/{client}/"


NAME = re.compile(r"[a-z0-9][a-z0-9-]*")


def twice(names: list[str]) -> list[str]:
    """Names that are in the list more than once."""
    return sorted({name for name in names if names.count(name) > 1})


def of_client(host: str, own: Mapping[str, Any], everybody: Mapping[str, Any]) -> list[str]:
    """What is wrong with a client's settings; each with the way out."""
    sets, places = own["backups_sets"], own["backups_repositories"]
    faults = (
        [] if places else ["backups_repositories is empty: say in group_vars/all.yml where backups are kept"]
    )
    faults += of_escrow(own)
    for kind, entries in (("backups_sets", sets), ("backups_repositories", places)):
        names = [entry["name"] for entry in entries]
        faults += [f"{kind}: two are named {name}; rename one" for name in twice(names)]
        faults += [
            f"{kind}: {name} cannot be the name of a unit and a file: use a-z, 0-9 and -"
            for name in names
            if not NAME.fullmatch(name)
        ]
    for entry in sets:
        faults += [
            f"backups_sets, {entry['name']}: {path} does not begin with /"
            for path in entry["paths"]
            if not path.startswith("/")
        ]
        faults += [
            f"backups_sets, {entry['name']}, keep: {key} is not one of daily, weekly, monthly, yearly"
            for key in entry.get("keep") or {}
            if key not in ("daily", "weekly", "monthly", "yearly")
        ]
    for place in places:
        faults += of_place(host, place, everybody)
    return faults


def of_escrow(own: Mapping[str, Any]) -> list[str]:
    """Clients and servers have the keys from there."""
    return [
        f"backups_escrow_{what} is empty: the keys are kept with it; set it for clients and servers alike"
        for what in ("dir", "passphrase")
        if not own[f"backups_escrow_{what}"]
    ]


def of_place(host: str, place: Mapping[str, Any], everybody: Mapping[str, Any]) -> list[str]:
    """What is wrong with one repository."""
    where = f"backups_repositories, {place['name']}"
    if bool(place.get("server")) == bool(place.get("url")):
        return [f"{where}: give either server or url"]
    if place.get("url"):
        return []
    if place["server"] not in everybody:
        return [f"{where}: the inventory has no host {place['server']}"]
    server = everybody[place["server"]]
    if not server.get("backups_server"):
        return [f"{where}: {place['server']} keeps no backups; set backups_server for it"]
    if host not in (server.get("backups_server_clients") or []):
        return [f"{where}: {host} is not in backups_server_clients of {place['server']}; add it"]
    return []


def of_server(host: str, own: Mapping[str, Any], everybody: Mapping[str, Any]) -> list[str]:
    """What is wrong with a server's settings."""
    faults = [
        f"backups_server_{what} is empty: {host} serves backups by TLS only"
        for what in ("certificate", "certificate_key")
        if not own[f"backups_server_{what}"]
    ]
    faults += [] if own["backups_client"] else of_escrow(own)
    faults += [
        f"backups_server_clients: the inventory has no host {name}"
        for name in own["backups_server_clients"]
        if name not in everybody
    ]
    target = own["backups_server_copy_to"]
    if target and target == host:
        faults.append("backups_server_copy_to: a copy on the same host is no copy; name another host")
    elif target and not (target in everybody and everybody[target].get("backups_server")):
        faults.append(f"backups_server_copy_to: {target} is not a host of the inventory that serves backups")
    return faults


def of_quotas(quotas: list[Mapping[str, Any]]) -> list[str]:
    """What is wrong with the limits on homes."""
    faults = [
        f"backups_quotas: {path} is in the list twice" for path in twice([quota["path"] for quota in quotas])
    ]
    faults += [f"backups_quotas, {q['path']}: gb is more than 0" for q in quotas if float(q["gb"]) <= 0]
    return faults + [
        f"backups_quotas: {q['path']} does not begin with /" for q in quotas if not q["path"].startswith("/")
    ]


def problems(host: str, own: Mapping[str, Any], everybody: Mapping[str, Any]) -> list[str]:
    """What is wrong with a host's settings, in sentences; `everybody` is hostvars.

    Empty where all hangs together.
    """
    faults = of_client(host, own, everybody) if own["backups_client"] else []
    faults += of_quotas(own["backups_quotas"])
    return faults + (of_server(host, own, everybody) if own["backups_server"] else [])


class FilterModule:
    """The filters by their names."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """As Ansible asks for them."""
        return {"backup_login": login, "backup_problems": problems, "backup_url": url}
