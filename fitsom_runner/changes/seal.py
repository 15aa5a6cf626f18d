"""The seal: one SHA-256 over everything that decides what will run. Pure; others gather the parts."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from fitsom_runner.canonical import canonical

FORMAT = 1
_ABSENT = object()


@dataclass(frozen=True, kw_only=True)
class SealParts:
    """Everything under the seal.

    trees: {"playbooks": git tree hash, ...}; versions: {"ansible-core": "2.21.5", collection: version};
    collections: {collection outside the repository: SHA-256 of the files that Ansible loads};
    inventories: {path: SHA-256 of its files}; hosts: {host: SHA-256 of its variables, vault values by
    ciphertext}; packages: {host: {name: version}}; inputs: {name: SHA-256};
    window: (start, end, zone), ISO 8601 in UTC; engine: what carries out tasks, in words, "" for plain Ansible;
    sandbox: {"enabled": bool, "read": {path: SHA-256 of its files}, "write": [path]}, what runs see of the machine;
    environment: {"python", "ssh", ...: SHA-256}, the programs that carry it out; request: {"number", "version",
    "requester", "backout_playbook", "text": SHA-256 of the RfC}; predictions: SHA-256 of what was predicted;
    variables: {variable of the environment that playbooks see: keyed digest of its value}.
    """

    trees: Mapping[str, str]
    versions: Mapping[str, str]
    playbook: str
    tags: tuple[str, ...]
    skip_tags: tuple[str, ...]
    inventories: Mapping[str, str]
    hosts: Mapping[str, str]
    extra_vars: Mapping[str, Any]
    packages: Mapping[str, Mapping[str, str]]
    window: tuple[str, str, str] | None
    sandbox: Mapping[str, Any]
    inputs: Mapping[str, str] = field(default_factory=dict)
    collections: Mapping[str, str] = field(default_factory=dict)
    engine: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    request: Mapping[str, Any] = field(default_factory=dict)
    predictions: str = ""
    variables: Mapping[str, str] = field(default_factory=dict)

    def components(self) -> dict[str, Any]:
        """The parts as JSON values, as they are stored with the plan."""
        parts: dict[str, Any] = json.loads(canonical({"format": FORMAT, **asdict(self)}))
        for part in (
            "inputs",
            "collections",
            "engine",
            "environment",
            "request",
            "predictions",
            "variables",
        ):
            if not parts[part]:
                del parts[part]  # plans from before there were any keep their seal
        return parts


def seal_of(components: Mapping[str, Any]) -> str:
    """The seal, 64 hex digits."""
    return hashlib.sha256(canonical(components).encode()).hexdigest()


def sandbox_words(components: Mapping[str, Any]) -> str:
    """What of the machine the plan's run can see beside its content, for people."""
    sandbox = components.get("sandbox")
    if sandbox is None:
        return "none: it could see the whole machine, as before fitsom had closed rooms"
    if not sandbox["enabled"]:
        return "switched off: it could see the whole machine"
    seen = [
        f"it could {verb} {', '.join(sorted(sandbox[verb]))}"
        for verb in ("read", "write")
        if sandbox.get(verb)
    ]
    return "; ".join(["a closed room", *seen])


def differences(sealed: Mapping[str, Any], current: Mapping[str, Any]) -> list[str]:
    """What differs between two sets of components, a plain sentence each; empty when nothing does."""
    sentences = []
    for part in sorted(set(sealed) | set(current)):
        before, after = sealed.get(part, _ABSENT), current.get(part, _ABSENT)
        if part == "collections":
            sentences += _collection_changes(sealed, current)
        elif part == "environment":
            sentences += _environment_changes(sealed.get(part, {}), current.get(part, {}))
        elif part == "variables":
            sentences += _variable_changes(sealed.get(part, {}), current.get(part, {}))
        elif isinstance(before, dict) and isinstance(after, dict):
            sentences += [
                _part_change(f"{part} {key}", before.get(key, _ABSENT), after.get(key, _ABSENT))
                for key in sorted(set(before) | set(after))
                if not _equal(before.get(key, _ABSENT), after.get(key, _ABSENT))
            ]
        elif not _equal(before, after):
            sentences.append(_part_change(part.replace("_", " "), before, after))
    return sentences


def _collection_changes(sealed: Mapping[str, Any], current: Mapping[str, Any]) -> list[str]:
    """The collections whose files differ, in words: nobody can read anything from a hash."""
    before, after = sealed.get("collections", {}), current.get("collections", {})
    sentences = []
    for name in sorted(set(before) | set(after)):
        approved, installed = (parts.get("versions", {}).get(name) or "?" for parts in (sealed, current))
        if name not in before:
            sentences.append(f"the collection {name} ({installed}) was not part of what was approved")
        elif name not in after:
            sentences.append(f"the collection {name} ({approved}) that was approved is no longer used")
        elif before[name] != after[name]:
            versions = approved if approved == installed else f"{approved}, now {installed}"
            sentences.append(f"the collection {name} is not the one that was approved ({versions})")
    return sentences


def _environment_changes(before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    """Nobody can read anything from these hashes either."""
    names = {
        "python": "the Python that runs Ansible",
        "packages": "what is installed in the Python that runs Ansible",
    }
    return [
        f"{names.get(name, f'the program {name}')} on this machine is not what it was when the plan was taken: "
        "it was updated or replaced"
        for name in sorted(set(before) | set(after))
        if before.get(name) != after.get(name)
    ]


def _variable_changes(before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    """Of a variable only the digest is known: its value may be a secret."""
    return [
        f"the environment variable {name} "
        + (
            "was not set when the plan was taken"
            if name not in before
            else "is not set now"
            if name not in after
            else "has another value than when the plan was taken"
        )
        for name in sorted(set(before) | set(after))
        if before.get(name) != after.get(name)
    ]


def _equal(before: Any, after: Any) -> bool:
    """Compared as they are sealed: to Python 1 == True, and a null is like nothing; to Ansible they differ."""
    if before is _ABSENT or after is _ABSENT:
        return before is after
    return canonical(before) == canonical(after)


def _part_change(part: str, before: Any, after: Any) -> str:
    if before is _ABSENT or (before is None and after is not _ABSENT):
        return f"{part}: added ({_abbreviate(after)})"
    if after is _ABSENT or after is None:
        return f"{part}: removed ({_abbreviate(before)})"
    return f"{part}: {_abbreviate(before)} became {_abbreviate(after)}"


def _abbreviate(value: Any) -> str:
    text = value if isinstance(value, str) else canonical(value)
    if len(text) in (40, 64) and set(text) <= set("0123456789abcdef"):
        return text[:12]
    return text if len(text) <= 80 else text[:77] + "..."
