"""Vaulted values: where they are in a text, and opening them with the passwords that Ansible is given."""

from __future__ import annotations

import errno
import json
import re
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from fitsom_runner.ansible.environment import environment
from fitsom_runner.config import Config
from fitsom_runner.errors import ConfigError
from fitsom_runner.yamlfile import VAULTED

HEADER = "$ANSIBLE_VAULT"
TAGS = ("!vault", "!vault-encrypted")
SECONDS_FOR_A_SCRIPT = 60
#: The identity under which every password is given to Ansible, which tries all of them whatever a value is labelled.
IDENTITY = "default"
_SEPARATOR = r"(?:\s|\\[nrt]|\\(?=\n)|['\"+,])"
#: Digits and no beginning of what follows them, such as "c" in the next line's "control: x".
_DIGITS = r"[0-9a-fA-F]{%s}(?![\w.-]|[ \t]*[:=])"
#: A header, line ends as texts of any kind have them, and the digits. A bare header is no vault: code names it too.
_WRITTEN = re.compile(
    rf"\$ANSIBLE_VAULT;[^\n\r\\\"']*?{_SEPARATOR}+{_DIGITS % '16,'}(?:(?:\s|\\[nr]|\\(?=\n))+{_DIGITS % '1,'})*"
)
_PARTS = re.compile(rf"([^\n\r\\]*?){_SEPARATOR}+(?=[0-9a-fA-F]{{16}})(.*)", re.DOTALL)


@dataclass(frozen=True, kw_only=True)
class Vaulted:
    """A vaulted value as it is written, and the line (from 1) where it begins."""

    line: int
    text: str


def found_in(text: str) -> Iterator[Vaulted]:
    """All vaulted values of a text: a vaulted file, YAML, JSON, or one of them inside of anything else."""
    start = text.removeprefix("\ufeff").lstrip()
    if start.startswith(HEADER):
        yield Vaulted(line=1, text=start)
        return
    parsed = [*_tagged(text), *_in_json(text)]
    yield from parsed
    known = {ciphertext(value.text) for value in parsed}
    for match in _WRITTEN.finditer(text):
        if ciphertext(match.group()) not in known:
            yield Vaulted(line=text.count("\n", 0, match.start()) + 1, text=match.group())


def ciphertext(text: str) -> str:
    """A vaulted value with its header in the first line and its digits in the second; else as it is."""
    parts = _PARTS.fullmatch(text.strip())
    if not parts:
        return text
    return f"{parts[1].strip()}\n{re.sub(_SEPARATOR, '', parts[2])}\n"


def nodes(text: str) -> Iterator[yaml.Node]:
    """Every node of a YAML text, each before those in it, up to where the text is no YAML any more."""
    stack: list[yaml.Node] = []
    with suppress(yaml.YAMLError, ValueError, RecursionError):
        stack.extend(filter(None, yaml.compose_all(text, Loader=yaml.CSafeLoader)))
    seen: set[int] = set()
    while stack:
        node = stack.pop()
        if id(node) in seen:  # an alias
            continue
        seen.add(id(node))
        yield node
        if isinstance(node, yaml.MappingNode):
            stack += [part for pair in node.value for part in pair]
        elif isinstance(node, yaml.SequenceNode):
            stack += node.value


def passwords(config: Config, folder: Path) -> list[bytes]:
    """The vault passwords of fitsom.yml; programs that print one are run. Raises ConfigError.

    folder: the extract, where such a program finds itself.
    """
    return [_password(path, config, folder) for path in config.vault_password_files]


class Vault:
    """Opens what the passwords of fitsom.yml open. Raises ConfigError for a password that cannot be read."""

    def __init__(self, config: Config, folder: Path) -> None:
        from ansible.parsing.vault import VaultLib, VaultSecret

        self.passwords = passwords(config, folder)
        self._lib = VaultLib(secrets=[(IDENTITY, VaultSecret(password)) for password in self.passwords])

    def open(self, place: str, value: Vaulted) -> str:
        """The plaintext; bytes that are no text become surrogates. Raises ConfigError that names file and line."""
        from ansible.errors import AnsibleError

        where = f"{place}:{value.line}"
        if not self.passwords:
            raise ConfigError(
                f"{where}: the content holds vaulted values and no vault password is configured",
                hint="Name the password file under 'vault_password_files:' in fitsom.yml.",
            )
        try:
            plaintext: bytes = self._lib.decrypt(ciphertext(value.text).encode())
        except (AnsibleError, ValueError) as fault:  # Ansible's words hold the value
            whole = _is_whole(ciphertext(value.text))
            words = "does not open with a configured password" if whole else "is damaged"
            raise ConfigError(
                f"{where}: a vaulted value {words}",
                hint="Check 'vault_password_files:' in fitsom.yml."
                if whole
                else "Encrypt it again, or take it from an older commit: a merge may have broken it.",
            ) from fault
        return plaintext.decode("utf-8", "surrogateescape")


def _is_whole(text: str) -> bool:
    return bool(re.fullmatch(r"\$ANSIBLE_VAULT;1\.[12];AES256(;[^\n]+)?\n(?:[0-9a-fA-F]{2}){80,}\n", text))


def _tagged(text: str) -> Iterator[Vaulted]:
    if "!" not in text:
        return
    for node in nodes(text):
        if isinstance(node, yaml.ScalarNode) and node.tag in TAGS:
            yield Vaulted(line=node.start_mark.line + 1, text=node.value)


def _in_json(text: str) -> Iterator[Vaulted]:
    """Of JSON, and of YAML that is written so."""
    if VAULTED not in text:
        return
    lines = [text.count("\n", 0, match.start()) + 1 for match in re.finditer(re.escape(VAULTED), text)]
    values: list[str] = []

    def remember(pairs: list[tuple[str, Any]]) -> None:
        values.extend(value for key, value in pairs if key == VAULTED and isinstance(value, str))

    try:
        json.loads(text, object_pairs_hook=remember)
    except (ValueError, RecursionError):
        values = [
            value.value
            for node in nodes(text)
            if isinstance(node, yaml.MappingNode)
            for key, value in node.value
            if key.value == VAULTED and isinstance(value, yaml.ScalarNode)
        ]
    for number, value in enumerate(values):
        yield Vaulted(line=lines[min(number, len(lines) - 1)], text=value)


def _password(path: Path, config: Config, folder: Path) -> bytes:
    """As Ansible reads it: what an executable file prints, else what stands in the file."""
    try:
        program = bool(path.stat().st_mode & 0o111)
        password = _printed_by(path, config, folder) if program else path.read_bytes().strip()
    except OSError as fault:
        no_program = fault.errno == errno.ENOEXEC
        raise ConfigError(
            f"{path}: the vault password cannot be read: {fault.strerror}",
            hint=f"Ansible takes it for a program: chmod a-x {path}" if no_program else "",
        ) from fault
    if not program and password.startswith(b"#!"):
        raise ConfigError(
            f"{path}: a program that nobody may execute would be taken for the vault password",
            hint=f"chmod u+x {path}",
        )
    if not password:
        raise ConfigError(f"{path}: the vault password is empty")
    if password.startswith(HEADER.encode()):
        raise ConfigError(
            f"{path}: the vault password is itself vaulted",
            hint="Name a file with the password as it is, that only its owner may read.",
        )
    return password


def _printed_by(script: Path, config: Config, folder: Path) -> bytes:
    """As Ansible would start it, who is handed what was printed: with the same words, in the same environment."""
    if script.is_relative_to(config.repository):
        raise ConfigError(
            f"{script}: the vault password is printed by a program of the repository's working tree",
            hint="No commit seals what lies there. Put the program elsewhere, writable by its owner alone.",
        )
    words = ["--vault-id", IDENTITY] if script.stem.endswith("-client") else []
    try:
        process = subprocess.run(
            [str(script), *words],
            cwd=folder,
            env=environment(folder, extra_names=config.pass_environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=SECONDS_FOR_A_SCRIPT,
            check=False,
        )
    except subprocess.TimeoutExpired as fault:
        raise ConfigError(
            f"{script}: printed no vault password in {SECONDS_FOR_A_SCRIPT} seconds",
            hint="It cannot ask a person: runs start by themselves, without a terminal.",
        ) from fault
    if process.returncode:
        raise ConfigError(
            f"{script}: the program that prints the vault password ended with code {process.returncode}",
            hint=f"Try it with nothing but this environment: env -i PATH=$PATH HOME=$HOME {script}",
        )
    return process.stdout.strip()
