"""The resolved inventory: which hosts a change touches, and a hash of each one's variables."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fitsom_runner.ansible import room
from fitsom_runner.ansible.content import Extract, with_variables
from fitsom_runner.ansible.environment import environment
from fitsom_runner.ansible.rendered import ADDRESSES, is_computed
from fitsom_runner.ansible.vaults import HEADER
from fitsom_runner.canonical import canonical
from fitsom_runner.config import Config
from fitsom_runner.errors import ConfigError

_WHICH = re.compile(r"(?m)^\[ERROR\]: Completely failed to parse inventory source (.+)$")
_WHY = re.compile(r"Failed to parse inventory with '(\w+)' plugin: (?:Failed to parse inventory: )?(.+)")
_KEYS = ("ansible_ssh_private_key_file", "ansible_private_key_file")


@dataclass(frozen=True, kw_only=True)
class Resolved:
    """`hosts`: {name: SHA-256 of its variables}; `groups`: {host: its groups}; `about`: {host: words for reports};
    `connections`: {host: the connection plugin that its variables name, else Ansible's default};
    `addresses`: {host: where it is reached; several where its variables name several};
    `keys`: the private keys that variables name.
    """

    hosts: dict[str, str]
    groups: dict[str, tuple[str, ...]]
    about: dict[str, dict[str, str]]
    connections: dict[str, str]
    addresses: dict[str, tuple[str, ...]]
    keys: tuple[Path, ...]


def resolve(config: Config, extract: Extract, limit: str) -> Resolved:
    """Run ansible-inventory. Vault values count by their ciphertext, so no password is needed.

    Raises ConfigError where the inventory cannot be read or `limit` matches nothing.
    """
    view = extract.folder.parent / f"{extract.folder.name}.inventory"
    shutil.rmtree(view, ignore_errors=True)
    try:
        sources = [
            _masked_copy(path, view / str(n) / path.name) for n, path in enumerate(extract.inventory_paths)
        ]
        listing = ask_ansible(
            config,
            extract,
            ["--limit", limit],
            sources,
            read=(view,),
            shown={
                str(view / str(n)): str(path.parent.relative_to(extract.folder))
                for n, path in enumerate(extract.inventory_paths)
            },
            fault="the inventory cannot be read",
            hint=f"Check 'inventories:' in fitsom.yml, and the limit {limit!r}: names of hosts and groups, no file.",
        )
        hostvars: dict[str, Any] = listing.get("_meta", {}).get("hostvars", {})
        named = {host: _named_addresses(variables) for host, variables in hostvars.items()}
        computed = _computed_addresses(config, extract, sources, view, named)
    finally:
        shutil.rmtree(view, ignore_errors=True)
    groups = _groups(listing)
    if not groups:
        raise ConfigError(
            "the inventory has no host yet"
            if limit == "all"
            else f"no host of the inventory matches {limit!r}",
            hint="Add one to the inventory, and commit."
            if limit == "all"
            else "Check --limit and 'inventories:'.",
        )
    return Resolved(
        hosts={host: _hash(hostvars.get(host, {}), computed.get(host)) for host in sorted(groups)},
        groups=groups,
        about={host: _about(hostvars.get(host, {})) for host in groups},
        connections={host: str(hostvars.get(host, {}).get("ansible_connection", "ssh")) for host in groups},
        addresses={host: tuple(computed.get(host) or named.get(host) or [host]) for host in groups},
        keys=tuple(sorted({key for host in groups for key in _keys(hostvars.get(host, {}))})),
    )


def _groups(listing: dict[str, Any]) -> dict[str, tuple[str, ...]]:
    """{host: its groups and those that these belong to}, without `all`."""
    bodies = {name: body for name, body in listing.items() if name != "_meta"}
    parents: dict[str, set[str]] = {}
    for name, body in bodies.items():
        for child in body.get("children", []):
            parents.setdefault(child, set()).add(name)

    def upwards(name: str) -> set[str]:
        return {name}.union(*map(upwards, parents.get(name, ())))

    found: dict[str, set[str]] = {}
    for name, body in bodies.items():
        for host in body.get("hosts", []):
            found.setdefault(host, set()).update(upwards(name))
    return {host: tuple(sorted(names - {"all"})) for host, names in sorted(found.items())}


def _named_addresses(variables: dict[str, Any]) -> list[str]:
    return list(dict.fromkeys(str(variables[name]) for name in ADDRESSES if variables.get(name)))


def _computed_addresses(
    config: Config, extract: Extract, sources: list[Path], view: Path, named: dict[str, list[str]]
) -> dict[str, list[str]]:
    """{host: its addresses}, for hosts whose variables compute one; they are rendered where nothing else is known.

    What a run finds out later cannot lead it to another machine then. Raises ConfigError.
    """
    if not any(is_computed(address) for addresses in named.values() for address in addresses):
        return {}
    answer = _asked(
        config,
        extract,
        [sys.executable, "-m", "fitsom_runner.ansible.rendered", *map(str, sources)],
        read=(view,),
        fault="the inventory cannot be used",
        hint="Write the address out, or compute it from variables of the inventory that are not vaulted.",
    )
    return {host: addresses for host, addresses in answer.items() if host in named}


def _keys(variables: dict[str, Any]) -> list[Path]:
    """A computed path is not known here; it can be named in fitsom.yml."""
    named = [str(variables[name]) for name in _KEYS if variables.get(name)]
    return [Path(name).expanduser() for name in named if "{{" not in name]


def _about(variables: dict[str, Any]) -> dict[str, str]:
    """What reports call a host: fitsom_label "the file server", fitsom_provides "files", fitsom_device "server"."""
    labels = {word: variables.get(f"fitsom_{word}") for word in ("label", "provides", "device")}
    return {word: text for word, text in labels.items() if isinstance(text, str) and text}


def _hash(variables: Any, computed: list[str] | None) -> str:
    held = variables if computed is None else {"variables": variables, "addresses": computed}
    return hashlib.sha256(canonical(held).encode()).hexdigest()


def _masked_copy(source: Path, copy: Path) -> Path:
    """A copy in which a wholly vaulted file is one variable holding the hash of its ciphertext."""
    copy.parent.mkdir(parents=True)
    for part in with_variables(source):
        if part.is_dir():
            shutil.copytree(part, copy.parent / part.name)
        else:
            shutil.copy2(part, copy.parent / part.name)
    for path in copy.parent.rglob("*"):
        if path.is_file() and path.read_bytes()[:20].startswith(HEADER.encode()):
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            path.write_text(json.dumps({f"__fitsom_vaulted_{digest[:16]}": digest}))
    return copy


def ask_ansible(
    config: Config,
    extract: Extract,
    options: list[str],
    sources: list[Path],
    *,
    read: tuple[Path, ...] = (),
    settings: dict[str, str] | None = None,
    pass_names: tuple[str, ...] = (),
    shown: Mapping[str, str] | None = None,
    fault: str,
    hint: str,
) -> dict[str, Any]:
    """What `ansible-inventory --list` answers in the closed room.

    read: paths that it sees besides the extract; settings: more variables of its environment; pass_names: names of
    variables that it sees; shown: {folder: what people know it by}. Raises ConfigError with the words `fault`,
    Ansible's own, and `hint`.
    """
    command = ["ansible-inventory", "--list", *options]
    for source in sources:
        command += ["-i", str(source)]
    return _asked(
        config,
        extract,
        command,
        read=read,
        settings=settings,
        pass_names=pass_names,
        shown=shown,
        fault=fault,
        hint=hint,
    )


def _reason(words: str) -> str:
    """What is wrong with which file, out of what Ansible says once for each of its plugins; else all of it."""
    which = _WHICH.search(words)
    why = dict(_WHY.findall(words))
    if not which:
        return words.strip()[-1500:]
    source = which[1]
    reason = why.get("yaml" if source.endswith((".yml", ".yaml", ".json")) else "ini", "")
    line = re.search(rf"(?m)^Origin: {re.escape(source)}:(\d+)", words)
    return f"{source}{f', line {line[1]}' if line else ''}: {reason}" if reason else words.strip()[-1500:]


def _asked(
    config: Config,
    extract: Extract,
    command: Sequence[str],
    *,
    read: tuple[Path, ...],
    settings: dict[str, str] | None = None,
    pass_names: tuple[str, ...] = (),
    shown: Mapping[str, str] | None = None,
    fault: str,
    hint: str,
) -> dict[str, Any]:
    """The JSON object that a program of Ansible prints in the closed room."""
    place = room.for_settings(config.sandbox, read=(extract.folder, *read))
    with tempfile.TemporaryDirectory(prefix="fitsom-") as scratch:
        process = subprocess.run(
            place.command(command, extract.folder, Path(scratch)),
            cwd=extract.folder,
            env=place.environment(environment(extract.folder, settings, pass_names)),
            capture_output=True,
            text=True,
            check=False,
        )
    if process.returncode != 0:
        room.require_made(process.stderr.splitlines())
        words = process.stderr
        for folder, name in (shown or {}).items():
            words = words.replace(folder, name)
        raise ConfigError(f"{fault}: {_reason(words)}", hint=hint)
    answer: dict[str, Any] = json.loads(process.stdout)
    return answer
