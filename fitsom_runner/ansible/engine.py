"""Which engine carries out tasks: Ansible's own, or Mitogen's strategy inside Ansible, where it can."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from fitsom_runner.config import EngineName

#: Our strategy plugin around Mitogen's. Part of the runner, like the callback: a school's content cannot change it.
STRATEGIES = Path(__file__).parent / "strategy"
#: The ansible-core that the tests run under Mitogen. It changes parts of Ansible itself, so others are not guessed.
TRIED_CORE = (2, 21)
#: The connections that Mitogen replaces; a host with another is reached by Ansible's own.
REPLACED_CONNECTIONS = frozenset(
    [
        "buildah",
        "docker",
        "jail",
        "kubectl",
        "local",
        "lxc",
        "lxd",
        "machinectl",
        "podman",
        "setns",
        "smart",
        "ssh",
    ]
)
INSTALL_HINT = "install it with: pip install 'fitsom[mitogen]'"


@dataclass(frozen=True, kw_only=True)
class Engine:
    """The engine in use. `version` is Mitogen's; `reason` says why plain Ansible is used although Mitogen was asked."""

    name: EngineName = EngineName.ANSIBLE
    version: str = ""
    reason: str = ""

    def words(self, connections: Mapping[str, str] | None = None) -> str:
        """A line for plan, seal and report; "" where nothing but plain Ansible was asked for.

        connections: {host: its connection plugin}; those that Mitogen does not replace are named.
        """
        if self.reason:
            return f"plain Ansible: {self.reason}"
        if self.name is EngineName.ANSIBLE:
            return ""
        plain = sorted(
            host for host, plugin in (connections or {}).items() if plugin not in REPLACED_CONNECTIONS
        )
        exceptions = f"; plain Ansible for {', '.join(plain)} (their connection)" if plain else ""
        return f"Mitogen {self.version}{exceptions}"

    def environment(self) -> dict[str, str]:
        """The variables that make ansible-playbook use it."""
        if self.name is EngineName.ANSIBLE:
            return {}
        return {
            "ANSIBLE_STRATEGY_PLUGINS": str(STRATEGIES),
            "ANSIBLE_STRATEGY": "fitsom_mitogen",
            # Each run would print that strategies of others will leave Ansible; docs/decisions/0034 says so once.
            "ANSIBLE_DEPRECATION_WARNINGS": "0",
        }


PLAIN = Engine()


def choose(wanted: EngineName) -> Engine:
    """The engine for this machine: Mitogen where it was asked for, is installed, and was tried with this Ansible."""
    if wanted is EngineName.ANSIBLE:
        return PLAIN
    try:
        version = importlib.metadata.version("mitogen")
    except importlib.metadata.PackageNotFoundError:
        return Engine(reason=f"Mitogen is not installed; {INSTALL_HINT}")
    core = importlib.metadata.version("ansible-core")
    if tuple(map(int, core.split(".")[:2])) != TRIED_CORE:
        tried = ".".join(map(str, TRIED_CORE))
        return Engine(reason=f"Mitogen {version} was tried with ansible-core {tried}, this is {core}")
    return Engine(name=EngineName.MITOGEN, version=version)
