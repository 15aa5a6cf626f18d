"""Find the secrets that a run may see: every vault value, and secrets in the environment.

What cannot be found is refused: a secret that is not known cannot be hidden from the record.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import yaml

from fitsom_runner.ansible.masking import worth_hiding
from fitsom_runner.ansible.vaults import HEADER, Vault, Vaulted, ciphertext, found_in, nodes
from fitsom_runner.config import Config
from fitsom_runner.errors import ConfigError
from fitsom_runner.yamlfile import VAULTED

_SECRET_ENV = re.compile(r"PASS|SECRET|TOKEN|API_?KEY|PRIVATE_?KEY|CREDENTIAL", re.I)
#: How a file with a vaulted value may betray itself; a tag can be written with escapes, or under another handle.
_MARKS = (HEADER.encode(), b"!vault", VAULTED.encode(), b"!%", b"%TAG")
#: A line of settings that are no YAML: NAME=value, name = "value", export NAME='value'.
_SETTING = re.compile(r"[ \t]*(?:export[ \t]+)?[\w.-]+[ \t]*[=:][ \t]*(.+?)[ \t]*")
#: Vaults in vaults in vaults: nobody writes them, and a fault of ours must not run for ever.
_DEEPEST = 5


def known_secrets(config: Config, folders: Iterable[Path], extra_vars: dict[str, Any]) -> list[str]:
    """Plaintexts of all vault values below `folders` and in `extra_vars`, and secrets of the environment.

    Raises ConfigError that names file and line where a vaulted value does not open.
    """
    folders = list(folders)
    values = [*_in_files(folders), *_in_variables(extra_vars)]
    secrets = set(_of_environment())
    if values or config.vault_password_files:
        vault = Vault(config, folders[0] if folders else config.repository)
        secrets |= {password.decode("utf-8", "surrogateescape") for password in vault.passwords}
        opened: set[str] = set()
        for place, value in values:
            secrets |= set(_opened(vault, place, value, opened))
    return sorted(filter(worth_hiding, secrets))


def vaulted(text: str, password: str) -> str:
    """The text as ansible-vault writes it."""
    from ansible.parsing.vault import VaultLib, VaultSecret

    vault = VaultLib(secrets=[("default", VaultSecret(password.encode()))])
    return str(vault.encrypt(text).decode())


def _of_environment() -> Iterator[str]:
    for name, value in os.environ.items():
        if _SECRET_ENV.search(name):
            yield value
        if "@" in value and "://" in value:  # http_proxy=http://user:password@proxy
            try:
                password = urlsplit(value).password
            except ValueError:
                continue
            yield from (password, unquote(password)) if password else ()


def _in_files(folders: Iterable[Path]) -> Iterator[tuple[str, Vaulted]]:
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            name = str(path.relative_to(folder))
            if path.is_symlink():
                _require_inside(folder, path, name)
            elif path.is_file():
                body = path.read_bytes()
                if any(mark in body for mark in _MARKS):
                    for value in found_in(body.decode("utf-8", "replace")):
                        yield name, value


def _require_inside(folder: Path, link: Path, name: str) -> None:
    """What a link inside leads to is read where it lies."""
    if not link.resolve().is_relative_to(folder.resolve()):
        raise ConfigError(
            f"{name} is a link that leads out of the content: secrets behind it cannot be found",
            hint="Put the file itself there.",
        )


def _in_variables(extra_vars: dict[str, Any]) -> Iterator[tuple[str, Vaulted]]:
    stack: list[Any] = [extra_vars]
    while stack:
        value = stack.pop()
        if isinstance(value, dict):
            stack += value.values()
        elif isinstance(value, list):
            stack += value
        elif isinstance(value, str):
            for each in found_in(value):
                yield "an extra variable", each


def _opened(vault: Vault, place: str, value: Vaulted, opened: set[str], depth: int = 0) -> Iterator[str]:
    """What is in a vaulted value, and in those inside of it. Values that were opened before are left out."""
    if ciphertext(value.text) in opened:
        return
    opened.add(ciphertext(value.text))
    text = vault.open(place, value)
    yield from _contents(text)
    if depth < _DEEPEST:
        for inner in found_in(text):
            yield from _opened(vault, f"{place}, decrypted", inner, opened, depth + 1)


def _contents(text: str) -> Iterator[str]:
    """A vaulted value is itself a secret, and so are the values of a vaulted file, and what its lines set."""
    yield from _spellings(text)
    yield from _values(text)
    if "\n" in text.strip():
        for line in text.splitlines():
            setting = _SETTING.fullmatch(line)
            if setting:
                yield from (setting[1], setting[1].strip("'\""))


def _values(text: str) -> Iterator[str]:
    """The values of JSON or YAML that is a mapping or a list, each in all its spellings. Keys are no secrets."""
    try:
        stack = [json.loads(text, parse_int=str, parse_float=str)]
    except (ValueError, RecursionError):
        yield from _values_of_yaml(text)
        return
    while stack:
        value = stack.pop()
        if isinstance(value, dict):
            stack += value.values()
        elif isinstance(value, list):
            stack += value
        elif isinstance(value, str):
            yield from _spellings(value)


def _values_of_yaml(text: str) -> Iterator[str]:
    keys: set[int] = set()
    inside = False
    for node in nodes(text):  # each before what is in it
        if isinstance(node, yaml.MappingNode):
            keys |= {id(key) for key, _value in node.value}
        if isinstance(node, yaml.ScalarNode):
            if inside and id(node) not in keys:
                yield from _spellings(node.value)
        else:
            inside = True


def _spellings(text: str) -> Iterator[str]:
    """A value as it is written, and as Python prints what YAML or JSON makes of it: 0x1F, 1_000, 1e5, a date."""
    yield text
    written = text.strip()
    if len(written) > 40 or not any(character.isdigit() for character in written):
        return
    for read in (_as_yaml, int if written.isdigit() else float):
        try:
            value = read(written)
        except (ValueError, yaml.YAMLError):
            continue
        yield from (str(value), json.dumps(value, default=str).strip('"'))
        if isinstance(value, date):
            yield value.isoformat()


def _as_yaml(text: str) -> Any:
    """A plain scalar only: it is never a mapping, whatever is in it."""
    loader = yaml.SafeLoader("")
    kind = loader.resolve(yaml.ScalarNode, text, (True, False))  # type: ignore[no-untyped-call]
    return loader.construct_object(yaml.ScalarNode(kind, text))
