"""Find the secrets that a run may see: every vault value, and secret-looking environment variables."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import yaml

from fitsom_runner.config import Config
from fitsom_runner.errors import ConfigError
from fitsom_runner.yamlfile import VAULTED

_INLINE = re.compile(r"^[ \t]*(\$ANSIBLE_VAULT;[^\n]+\n(?:[ \t]*[0-9a-f]+[ \t]*(?:\n|$))+)", re.M)
_SECRET_ENV = re.compile(r"PASS|SECRET|TOKEN|API_?KEY|PRIVATE_?KEY|CREDENTIAL", re.I)
HEADER = "$ANSIBLE_VAULT;"


def known_secrets(config: Config, folders: Iterable[Path], extra_vars: dict[str, Any]) -> list[str]:
    """Plaintexts of all vault values below `folders` and in `extra_vars`, and of secret-looking environment variables.

    Raises ConfigError where there is vaulted content and no password opens it.
    """
    secrets = {value for name, value in os.environ.items() if _SECRET_ENV.search(name)}
    blobs = [*_blobs_in_files(folders), *(("an extra variable", blob) for blob in _blobs_in(extra_vars))]
    if blobs:
        vault = _vault(config)
        for place, blob in blobs:
            secrets |= set(_leaves(_open(vault, place, blob)))
    return sorted(secrets)


def vaulted(text: str, password: str) -> str:
    """The text as ansible-vault writes it."""
    from ansible.parsing.vault import VaultLib, VaultSecret

    vault = VaultLib(secrets=[("default", VaultSecret(password.encode()))])
    return str(vault.encrypt(text).decode())


def _blobs_in_files(folders: Iterable[Path]) -> Iterator[tuple[str, str]]:
    for folder in folders:
        for path in sorted(p for p in folder.rglob("*") if p.is_file() and not p.is_symlink()):
            if path.stat().st_size > 1_000_000:
                continue
            text = path.read_bytes().decode("utf-8", "replace")
            if HEADER not in text:
                continue
            for match in _INLINE.finditer(text):
                blob = "\n".join(line.strip() for line in match.group(1).splitlines() if line.strip())
                yield str(path.relative_to(folder)), blob + "\n"


def _blobs_in(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get(VAULTED), str):
            yield value[VAULTED]
        else:
            for inner in value.values():
                yield from _blobs_in(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _blobs_in(inner)


def _vault(config: Config) -> Any:
    from ansible.parsing.vault import VaultLib, VaultSecret

    if not config.vault_password_files:
        raise ConfigError(
            "the content holds vaulted values and no vault password is configured",
            hint="Name the password file under 'vault_password_files:' in fitsom.yml.",
        )
    passwords = []
    for path in config.vault_password_files:
        try:
            passwords.append(("default", VaultSecret(path.read_bytes().strip())))
        except OSError as fault:
            raise ConfigError(f"{path}: the vault password cannot be read: {fault.strerror}") from fault
    return VaultLib(secrets=passwords)


def _open(vault: Any, place: str, blob: str) -> str:
    from ansible.errors import AnsibleError

    try:
        plaintext: str = vault.decrypt(blob.encode()).decode("utf-8", "replace")
        return plaintext
    except AnsibleError as fault:
        raise ConfigError(
            f"{place}: a vaulted value does not open with the configured password",
            hint="Check 'vault_password_files:' in fitsom.yml.",
        ) from fault


def _leaves(text: str) -> Iterator[str]:
    """A vaulted file is YAML: its values are the secrets, not its keys. A vaulted value is itself one."""
    yield text
    try:
        data = yaml.safe_load(text)
    except yaml.YAMLError:
        return
    stack = [data] if isinstance(data, dict | list) else []
    while stack:
        node = stack.pop()
        for value in node.values() if isinstance(node, dict) else node:
            if isinstance(value, dict | list):
                stack.append(value)
            elif value is not None and not isinstance(value, bool):
                yield str(value)
