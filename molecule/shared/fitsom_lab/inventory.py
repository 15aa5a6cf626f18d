"""The lab's private inventory: connection data, and nothing a school would write by hand."""

from __future__ import annotations

import hashlib
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from .recipe import USER
from .spec import Host, Spec

# A container shares the kernel, and so the boot id, of its machine: this is when its own init started.
BOOT_TIME_COMMAND = "cut -d' ' -f22 /proc/1/stat"


@dataclass(frozen=True, kw_only=True)
class Address:
    host: str
    port: int = 22

    def known_hosts_line(self, public_key: str) -> str:
        name = self.host if self.port == 22 else f"[{self.host}]:{self.port}"
        kind, key = public_key.split()[:2]
        return f"{name} {kind} {key}\n"


def ssh_options(folder: Path) -> str:
    """Strict host keys against the lab's own list, and no configuration or agent of the person's."""
    known = f'UserKnownHostsFile="{folder / "known_hosts"}"'
    return f"-F none -o IdentitiesOnly=yes -o GlobalKnownHostsFile=/dev/null -o {shlex.quote(known)}"


def control_path(public_key: str) -> str:
    """A new lab may get the address of one just removed: it must not meet that one's open connections."""
    return f"%(directory)s/{hashlib.sha256(public_key.encode()).hexdigest()[:6]}-%%h-%%p"


def host_variables(host: Host, address: Address, folder: Path, public_key: str) -> dict[str, Any]:
    return {
        "ansible_host": address.host,
        "ansible_port": address.port,
        "ansible_user": USER,
        "ansible_become": True,
        "ansible_ssh_private_key_file": str(folder / "id_ed25519"),
        "ansible_ssh_extra_args": ssh_options(folder),
        "ansible_control_path": control_path(public_key),
        "patching_boot_time_command": BOOT_TIME_COMMAND,
        **host.variables,
    }


def inventory(spec: Spec, addresses: Mapping[str, Address], folder: Path, public_key: str) -> dict[str, Any]:
    groups: dict[str, Any] = {}
    for host in spec.hosts:
        for group in host.groups:
            groups.setdefault(group, {"hosts": {}})["hosts"][host.name] = None
    hosts = {host.name: host_variables(host, addresses[host.name], folder, public_key) for host in spec.hosts}
    return {"all": {"hosts": hosts, "children": groups}}


def render(data: Mapping[str, Any]) -> str:
    head = "# Written by molecule/shared/lab.py; changes are lost at the next `lab.py up`.\n---\n"
    return head + yaml.safe_dump(dict(data), sort_keys=False, width=200)
