"""Real keys of OpenSSH, and signatures made past fitsom."""

from __future__ import annotations

import subprocess
from pathlib import Path


def make_key(path: Path, *options: str, passphrase: str = "") -> Path:
    """A private key, ed25519 unless the options say otherwise, with its .pub beside it."""
    words = options or ("-t", "ed25519")
    line = ["ssh-keygen", "-q", *words, "-N", passphrase, "-C", "somebody", "-f", str(path)]
    subprocess.run(line, check=True, capture_output=True)
    return path


def fingerprint_of(key: Path) -> str:
    """As ssh-keygen prints it."""
    line = ["ssh-keygen", "-l", "-f", f"{key}.pub"]
    return subprocess.run(line, check=True, capture_output=True, text=True).stdout.split()[1]


def signed(key: Path, text: bytes, *, namespace: str) -> str:
    """A signature over the text, by OpenSSH itself."""
    line = ["ssh-keygen", "-Y", "sign", "-n", namespace, "-f", str(key)]
    return subprocess.run(line, input=text, check=True, capture_output=True).stdout.decode()
