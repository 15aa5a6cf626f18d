# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What only the controller knows of the rule register: the file that a rule is in, and the
addresses of groups.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable, Mapping
from pathlib import PurePath
from typing import Any

from ansible.errors import AnsibleFilterError

try:  # where a value was read from; not yet part of Ansible's public interface
    from ansible._internal._datatag._tags import Origin
except ImportError:
    Origin = None


def where(value: Any, otherwise: str) -> str:
    """`group_vars/servers.yml:12` for a value from a file, else the name of its variable."""
    origin = Origin.get_tag(value) if Origin else None
    if not origin or not origin.path:
        return otherwise
    path = PurePath(origin.path)
    parts = path.parts
    begin = next((i for i, part in enumerate(parts) if part in ("group_vars", "host_vars")), len(parts) - 1)
    return (
        f"{PurePath(*parts[begin:])}:{origin.line_num}" if origin.line_num else str(PurePath(*parts[begin:]))
    )


def located(layers: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The rules of all layers in their order, each with the file that it is in."""
    entries = []
    for variable, rules in layers.items():
        if not isinstance(rules, list):
            raise AnsibleFilterError(f"{variable} is a list of rules")
        for number, rule in enumerate(rules, start=1):
            entries.append({"rule": rule, "where": where(rule, f"{variable}, rule {number}")})
    return entries


def group_addresses(
    entries: Iterable[Mapping[str, Any]], groups: Mapping[str, list[str]], hostvars: Any, zones: Iterable[str]
) -> dict[str, list[str]]:
    """The addresses of those groups that rules name, from ansible_host or
    firewall_rules_addresses.
    """
    names = {
        name
        for entry in entries
        if isinstance(entry["rule"], Mapping)
        for end in ("from", "to")
        for name in entry["rule"].get(end) or []
    }
    rule_groups = sorted((names - set(zones) - {"any"}) & set(groups))
    return {
        name: [address for host in groups[name] for address in addresses(host, hostvars[host])]
        for name in rule_groups
    }


def addresses(host: str, variables: Mapping[str, Any]) -> list[str]:
    """A host's addresses; a name is not accepted, since what it resolves to may change after
    approval.
    """
    host_addresses = variables.get("firewall_rules_addresses") or [variables.get("ansible_host", host)]
    for address in host_addresses:
        try:
            ipaddress.ip_address(str(address))
        except ValueError:
            raise AnsibleFilterError(
                f"a rule names a group that {host} is in, but {address} is not an address:"
                f" set firewall_rules_addresses of {host}"
            ) from None
    return [str(address) for address in host_addresses]


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"firewall_located": located, "firewall_group_addresses": group_addresses}
