"""Inventories that are programs or ask a service: asked once, and from then on they are the answer that they gave."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from fitsom_runner.ansible.content import VARIABLES, Extract, hash_inventory
from fitsom_runner.ansible.inventory import ask_ansible
from fitsom_runner.canonical import canonical
from fitsom_runner.config import Config

#: Inventory plugins that compute hosts and groups from what other sources say, and ask nobody.
_COMPUTING = frozenset(
    f"{prefix}{name}" for prefix in ("", "ansible.builtin.") for name in ("constructed", "generator")
)
_PLUGIN = re.compile(r"""(?m)^plugin\s*:\s*["']?([\w.]+)""")
_ANSWER = (
    "#!/bin/sh\n# What the inventory of this name answered when it was asked, once.\ncat <<'END'\n{}\nEND\n"
)


def settled(config: Config, extract: Extract) -> Extract:
    """Put its answer in the place of every dynamic inventory of an extract; the hashes are those of the answers.

    Raises ConfigError where one gives no answer.
    """
    hashes = dict(extract.inventories)
    for name, inventory in zip(extract.inventories, extract.inventory_paths, strict=True):
        sources = list(_dynamic(inventory))
        answers = [_ask(config, extract, source) for source in sources]
        for source, answer in zip(sources, answers, strict=True):
            source.write_text(_ANSWER.format(canonical(answer)))
            source.chmod(0o700)
        if sources:
            hashes[name] = hash_inventory(inventory)
    return replace(extract, inventories=hashes)


def _dynamic(inventory: Path) -> Iterator[Path]:
    files = [inventory] if inventory.is_file() else sorted(p for p in inventory.rglob("*") if p.is_file())
    for path in files:
        if path != inventory and set(path.relative_to(inventory).parts) & set(VARIABLES):
            continue
        if path.stat().st_mode & 0o111 or _plugin_of(path) not in ("", *_COMPUTING):
            yield path


def _plugin_of(path: Path) -> str:
    if path.suffix not in (".yml", ".yaml"):
        return ""
    named = _PLUGIN.search(path.read_text(encoding="utf-8", errors="replace"))
    return named[1] if named else ""


def _ask(config: Config, extract: Extract, source: Path) -> dict[str, Any]:
    """Its groups, hosts and variables, without what group_vars and host_vars add: these stay files."""
    return ask_ansible(
        config,
        extract,
        ["--export"],
        [source],
        settings={"ANSIBLE_VARS_ENABLED": ""},
        pass_names=config.pass_environment,
        fault=f"the inventory {source.relative_to(extract.folder)} gave no answer",
        hint="It runs in the closed room: what it needs is named under 'pass_environment:' and 'sandbox:' of "
        "fitsom.yml.",
    )
