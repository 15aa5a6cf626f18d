"""The specification of a lab, from YAML. The README beside this folder documents the format."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from .errors import LabError

NAME = re.compile(r"^[a-z][a-z0-9-]{0,30}$")
HOST_KEYS = {"image", "groups", "vars", "count", "fixture"}
TOP_KEYS = {"hosts", "defaults", "refresh"}

Versions = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, kw_only=True)
class Fixture:
    """Which of our own small packages are installed, and which versions the archive offers."""

    installed: Versions
    published: Versions


@dataclass(frozen=True, kw_only=True)
class Host:
    name: str
    image: str
    groups: tuple[str, ...]
    variables: Mapping[str, Any] = field(default_factory=dict)
    fixture: Fixture | None = None


@dataclass(frozen=True, kw_only=True)
class Spec:
    hosts: tuple[Host, ...]
    refresh: bool = True

    @property
    def images(self) -> set[str]:
        return {host.image for host in self.hosts}


def load(path: Path) -> Spec:
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise LabError(f"cannot read the lab's specification {path}: {error}") from error
    return parse(data, str(path))


def parse(data: Any, where: str = "lab.yml") -> Spec:
    _check_keys(data, TOP_KEYS, where)
    defaults = data.get("defaults") or {}
    _check_keys(defaults, HOST_KEYS - {"count"}, f"{where}: defaults")
    hosts: list[Host] = []
    for name, own in (data.get("hosts") or {}).items():
        hosts += _hosts(str(name), own or {}, defaults, f"{where}: hosts.{name}")
    if not hosts:
        raise LabError(f"{where}: no hosts", "add at least: hosts: {srv1: {image: debian12}}")
    names = [host.name for host in hosts]
    if len(names) != len(set(names)):
        raise LabError(f"{where}: a host is named twice once counts are expanded")
    return Spec(hosts=tuple(hosts), refresh=bool(data.get("refresh", True)))


def _hosts(name: str, own: Mapping[str, Any], defaults: Mapping[str, Any], where: str) -> list[Host]:
    _check_keys(own, HOST_KEYS, where)
    if not NAME.match(name):
        raise LabError(f"{where}: not a host name", "use a to z, 0 to 9 and dashes")
    merged = {**defaults, **own}
    count = merged.get("count")
    width = len(str(count))
    names = [name] if count is None else [f"{name}{index:0{width}}" for index in range(1, count + 1)]
    fixture = merged.get("fixture")
    return [
        Host(
            name=each,
            image=str(merged.get("image") or "debian12"),
            groups=tuple(merged.get("groups") or ("servers",)),
            variables={**(defaults.get("vars") or {}), **(own.get("vars") or {})},
            fixture=_fixture(fixture, where) if fixture else None,
        )
        for each in names
    ]


def _fixture(data: Any, where: str) -> Fixture:
    _check_keys(data, {"installed", "published"}, f"{where}: fixture")
    return Fixture(installed=versions(data.get("installed")), published=versions(data.get("published")))


def versions(data: Mapping[str, Any] | None) -> Versions:
    """{plain: 1.1} and {plain: [1.0, 1.1]} alike."""
    lists = {name: value if isinstance(value, list) else [value] for name, value in (data or {}).items()}
    return {name: tuple(map(str, value)) for name, value in lists.items()}


def _check_keys(data: Any, known: set[str], where: str) -> None:
    if not isinstance(data, Mapping):
        raise LabError(f"{where}: expected a mapping")
    unknown = sorted(set(map(str, data)) - known)
    if unknown:
        raise LabError(f"{where}: unknown key {', '.join(unknown)}", f"known: {', '.join(sorted(known))}")
