"""The records' own key: it signs checkpoints of the log, and makes digests of secrets that nobody can try out."""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from functools import cache
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from fitsom_runner.audit import log
from fitsom_runner.errors import ConfigError

KEY_FILE = "audit.key"


def own_key() -> Ed25519PrivateKey:
    """The key beside the database, made if there is none."""
    anchor = log.anchor_path()
    if anchor is None:
        return _in_memory()
    path = anchor.with_name(KEY_FILE)
    if not path.exists():
        _write(path, Ed25519PrivateKey.generate().private_bytes_raw().hex())
    try:
        return Ed25519PrivateKey.from_private_bytes(bytes.fromhex(path.read_text(encoding="ascii").strip()))
    except (OSError, ValueError) as fault:
        raise ConfigError(
            f"{path} is no key of fitsom's: {fault}",
            hint="Take it from a backup; or move it away: a new one is made, and the log says so.",
        ) from fault


def _write(path: Path, text: str) -> None:
    """Whole or not at all; whoever comes second uses the first one's."""
    draft = path.with_suffix(f".{os.getpid()}")
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as stream:
        stream.write(f"{text}\n")
    with suppress(FileExistsError):
        path.hardlink_to(draft)
    draft.unlink()


@cache
def _in_memory() -> Ed25519PrivateKey:
    """For records that live in memory only."""
    return Ed25519PrivateKey.generate()


def keyed_digest(text: str) -> str:
    """32 hex digits that tell two texts apart, and a short one by nobody without the key: BLAKE2b with it."""
    key = own_key().private_bytes_raw()
    return hashlib.blake2b(text.encode("utf-8", "surrogateescape"), key=key, digest_size=16).hexdigest()
