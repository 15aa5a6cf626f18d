"""A program for the closed room: where each host of an inventory is reached, as JSON, from the inventory alone.

`python -m fitsom_runner.ansible.rendered SOURCE ...` prints `{host: [address, ...]}` for the hosts whose variables
compute an address. It ends with an error that names the host where an address needs more than the inventory.
"""

from __future__ import annotations

import json
import sys
from typing import Any

ADDRESSES = ("ansible_host", "ansible_ssh_host", "ansible_winrm_host", "ansible_psrp_host")


def is_computed(address: str) -> bool:
    """Whether a value is a template rather than an address."""
    return "{{" in address or "{%" in address


def main(sources: list[str]) -> None:
    """Print the addresses; exit code 1 and a sentence for one that cannot be computed."""
    from ansible.errors import AnsibleError
    from ansible.inventory.manager import InventoryManager
    from ansible.parsing.dataloader import DataLoader
    from ansible.plugins.loader import init_plugin_loader
    from ansible.template import Templar
    from ansible.vars.manager import VariableManager

    init_plugin_loader()
    loader = DataLoader()
    inventory = InventoryManager(loader=loader, sources=sources)
    manager = VariableManager(loader=loader, inventory=inventory)
    found: dict[str, list[str]] = {}
    for host in inventory.get_hosts():
        variables: dict[str, Any] = manager.get_vars(host=host)
        named = {name: variables[name] for name in ADDRESSES if variables.get(name)}
        if not any(is_computed(str(value)) for value in named.values()):
            continue
        templar = Templar(loader=loader, variables=variables)
        try:
            found[host.name] = sorted({str(templar.template(value)) for value in named.values()})
        except AnsibleError as fault:
            sys.exit(f"the address of {host.name} cannot be computed from the inventory: {fault}")
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1:])
