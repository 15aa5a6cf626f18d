"""YAML files that people write: read into a pydantic model, with faults named by file and line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from fitsom_runner import yamlfaults
from fitsom_runner.errors import ConfigError

VAULTED = "__ansible_vault"


class _Loader(yaml.SafeLoader):
    """SafeLoader that keeps Ansible's !vault values as {"__ansible_vault": ciphertext}, and takes no name twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Of two lines with one name YAML takes the last, and nobody would know."""
        seen: set[str] = set()
        for key, _value in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value != "<<":
                if key.value in seen:
                    raise yaml.constructor.ConstructorError(
                        None, None, f"{key.value!r} is there twice", key.start_mark
                    )
                seen.add(key.value)
        return super().construct_mapping(node, deep)


def _vault_value(_loader: yaml.SafeLoader, node: yaml.Node) -> dict[str, str]:
    return {VAULTED: str(node.value).strip()}


def _timestamp(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> Any:
    try:
        return yaml.SafeLoader.construct_yaml_timestamp(loader, node)
    except ValueError as fault:  # 30 February
        raise yaml.constructor.ConstructorError(None, None, str(fault), node.start_mark) from fault


_Loader.add_constructor("!vault", _vault_value)
_Loader.add_constructor("tag:yaml.org,2002:timestamp", _timestamp)


Reader = Callable[[Path], bytes]


def load[Model: BaseModel](
    path: Path, model: type[Model], *, reference: str, read: Reader = Path.read_bytes
) -> Model:
    """Read and check a file. Raises ConfigError that lists every fault with its line."""
    node, data = _parse(path, read)
    if not isinstance(data, dict):
        raise ConfigError(f"{path}:1: expected settings such as 'name: value'", hint=f"See {reference}.")
    try:
        return model.model_validate(data)
    except ValidationError as fault:
        details = tuple(
            f"{path}:{line_of(node, error['loc'])}: {yamlfaults.sentence(error, data, model)}"
            for error in fault.errors()
        )
        raise ConfigError(
            f"{path} has {len(details)} fault{'s' if len(details) > 1 else ''}",
            details=details,
            hint=f"Correct these lines; {reference} lists every setting.",
        ) from fault


def load_mapping(path: Path, *, read: Reader = Path.read_bytes) -> dict[str, Any]:
    """Read a file that holds one mapping, such as extra variables. Raises ConfigError."""
    _node, data = _parse(path, read)
    if not isinstance(data, dict):
        raise ConfigError(f"{path}:1: expected lines such as 'name: value'")
    return data


def _parse(path: Path, read: Reader) -> tuple[yaml.Node | None, Any]:
    try:
        text = read(path).decode("utf-8")
        return yaml.compose(text, Loader=_Loader), yaml.load(text, Loader=_Loader)  # noqa: S506 - a SafeLoader
    except yaml.MarkedYAMLError as fault:
        line = fault.problem_mark.line + 1 if fault.problem_mark else 1
        raise ConfigError(
            f"{path}:{line}: not valid YAML: {fault.problem}", hint="Correct that line."
        ) from fault
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as fault:
        raise ConfigError(f"{path}: cannot be read: {fault}") from fault


def line_of(node: yaml.Node | None, loc: tuple[Any, ...]) -> int:
    """The line (from 1) of the deepest part of `loc` that the file has."""
    line = node.start_mark.line + 1 if node else 1
    for part in loc:
        child: yaml.Node | None = None
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                if key.value == str(part):
                    child, line = value, key.start_mark.line + 1
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            child = node.value[part]
            line = child.start_mark.line + 1
        if child is None:
            break
        node = child
    return line
