"""What is installed on this machine and decides what Ansible does: its Python, the packages in it, ssh, bubblewrap."""

from __future__ import annotations

import hashlib
import importlib.metadata
import shutil
import sys
from functools import cache
from pathlib import Path

_PROGRAMS = ("ssh", "bwrap")


@cache
def environment_hashes() -> dict[str, str]:
    """{"python", "packages", "ssh", "bwrap": SHA-256}: of the programs' files, and of what each package installed.

    A package's own list (RECORD, PEP 376) has the hash of each of its files; one without a list counts by its version.
    A program that is missing is left out. The same for the life of this process.
    """
    hashes = {"python": _hash_of(Path(sys.executable).resolve()), "packages": _hash_of_packages()}
    for name in _PROGRAMS:
        place = shutil.which(name)
        if place:
            hashes[name] = _hash_of(Path(place).resolve())
    return hashes


def _hash_of(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _hash_of_packages() -> str:
    lines = set()
    for package in importlib.metadata.distributions():
        record = package.read_text("RECORD") or f"{package.version}\n"
        lines.add(f"{package.metadata['Name']}\0{hashlib.sha256(record.encode()).hexdigest()}\n")
    return hashlib.sha256("".join(sorted(lines)).encode()).hexdigest()
