"""Which collections Ansible loads for an extract, where from, and the hash of their files.

Ansible looks in the extract first, then beside the runner (the wheel brings fitsom.school), then beside the package
ansible; never in the home of the user who starts a run. What is inside the extract is sealed with it; of every other
collection that the content names, or that a named one needs, the files are sealed here.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

import fitsom_runner
from fitsom_runner.errors import ConfigError, RefusedError

#: What Ansible loads of a collection. Its prose, tests and change logs decide nothing.
LOADED_PATHS = ("plugins", "roles", "playbooks", "meta", "galaxy.yml", "MANIFEST.json")
_PROSE = re.compile(r"roles/[^/]+/README\.\w+")
_TEXT_LIMIT = 1_000_000
_NAME = re.compile(rb"\b[a-z]\w*\.[a-z]\w*")
_IMPORTED = re.compile(rb"ansible_collections\.([a-z]\w*\.[a-z]\w*)\b")
_PART_OF_ANSIBLE = {"ansible.builtin", "ansible.legacy"}


@dataclass(frozen=True, kw_only=True)
class LoadedCollections:
    """`versions`: of ansible-core and of each collection outside the extract; `hashes`: of the files of the latter."""

    versions: dict[str, str]
    hashes: dict[str, str]


def beside_the_programs() -> tuple[Path, ...]:
    """Folders outside the extract that hold ansible_collections: the runner's, then that of the package ansible."""
    import ansible

    homes = (Path(package.__file__ or "").resolve().parents[1] for package in (fitsom_runner, ansible))
    return tuple(dict.fromkeys(home for home in homes if (home / "ansible_collections").is_dir()))


def paths(extract: Path) -> tuple[Path, ...]:
    """Where Ansible looks for collections, in its order; the value of ANSIBLE_COLLECTIONS_PATH."""
    return (extract, extract / "collections", *beside_the_programs())


def folder_of(name: str, roots: Iterable[Path]) -> Path | None:
    """The folder that Ansible loads a collection from: the first that is there."""
    namespace, _, collection = name.partition(".")
    candidates = (root / "ansible_collections" / namespace / collection for root in roots)
    return next((path for path in candidates if path.is_dir()), None)


def _places(roots: Iterable[Path]) -> dict[str, Path]:
    """{collection: the folder that Ansible loads it from}, of all that there are: as `folder_of`, for many names."""
    places: dict[str, Path] = {}
    for root in roots:
        for folder in (root / "ansible_collections").glob("*/*"):
            if folder.is_dir():
                places.setdefault(f"{folder.parent.name}.{folder.name}", folder)
    return places


def find(extract: Path) -> LoadedCollections:
    """Follow the names from the content on. Raises RefusedError for a link that leads out of a collection."""
    roots = (extract / "playbooks/collections", *paths(extract))
    versions = {"ansible-core": importlib.metadata.version("ansible-core")}
    hashes: dict[str, str] = {}
    waiting: set[str] = set()
    for path in _files(extract):
        if path.stat().st_size <= _TEXT_LIMIT:
            waiting |= _names(path.read_bytes())
    places = _places(roots)
    checked_names = set(_PART_OF_ANSIBLE)
    while waiting:
        name = waiting.pop()
        # Most names are no collection's, but a file's or a module's.
        if name in checked_names or name not in places:
            continue
        checked_names.add(name)
        folder = places[name]
        if folder.resolve().is_relative_to(extract.resolve()):
            continue  # sealed with the extract
        versions[name] = version(folder)
        hashes[name], mentioned = _hash_and_names(folder)
        waiting |= mentioned
    return LoadedCollections(versions=dict(sorted(versions.items())), hashes=dict(sorted(hashes.items())))


def version(folder: Path) -> str:
    """A collection's version; empty where it states none."""
    return str(_about(folder).get("version", ""))


def hash_of(folder: Path) -> str:
    """SHA-256 over the files of a collection that Ansible loads. Raises RefusedError."""
    return _hash_and_names(folder)[0]


def _hash_and_names(folder: Path) -> tuple[str, set[str]]:
    """The hash of a collection, and the names of others that it mentions."""
    digest = hashlib.sha256()
    needs = _about(folder).get("dependencies") or {}
    mentioned = set(needs) if isinstance(needs, dict) else set()
    for name, path in loaded_files(folder):
        with open(path, "rb") as stream:
            body = stream.read()
            executable = bool(os.fstat(stream.fileno()).st_mode & 0o100)
        digest.update(line_of(name, executable, body))
        # Names in the Python of others are mostly prose about their neighbours; what they import is not.
        mentioned |= _names(body) if name.startswith(("roles/", "playbooks/")) else _imports(body)
    return digest.hexdigest(), mentioned


def line_of(name: str, executable: bool, body: bytes) -> bytes:
    """What one file adds to the hash of its collection; files are taken in the order of their names."""
    return f"{name}\0{executable}\0{hashlib.sha256(body).hexdigest()}\n".encode()


def is_loaded(name: str) -> bool:
    """Whether Ansible could load a file of a collection, by its path in there."""
    parts = name.split("/")
    return parts[0] in LOADED_PATHS and "__pycache__" not in parts and not _PROSE.fullmatch(name)


def loaded_files(folder: Path) -> list[tuple[str, Path]]:
    """(name, path) of each file that is hashed, in order. Links are followed inside the collection only.

    Raises RefusedError.
    """
    base = folder.resolve()
    candidates: list[Path] = []
    for part in LOADED_PATHS:
        path = base / part
        candidates += [path] if path.is_file() else _files(path)
    # resolve() asks for each folder on the way, which is slow: of the files only links need it.
    for path in {path.parent for path in candidates} | {path for path in candidates if path.is_symlink()}:
        if not path.resolve().is_relative_to(base):
            raise RefusedError(
                f"{path} is a link that leads out of its collection: what it leads to cannot be sealed",
                hint="Put the file itself there.",
            )
    length = len(str(base)) + 1
    by_name = sorted((str(path)[length:], path) for path in candidates)
    return [(name, path) for name, path in by_name if is_loaded(name)]


def _files(folder: Path) -> list[Path]:
    """All files that Ansible could load, through links to folders as it goes, each folder once."""
    all_files: list[Path] = []
    visited: set[tuple[int, int]] = set()
    for directory, folders, files in folder.walk(follow_symlinks=True):
        state = directory.stat()
        if (state.st_dev, state.st_ino) in visited:
            folders.clear()
            continue
        visited.add((state.st_dev, state.st_ino))
        folders[:] = [name for name in folders if name not in ("__pycache__", ".git")]
        all_files += [path for path in (directory / name for name in files) if path.is_file()]
    return all_files


def _names(body: bytes) -> set[str]:
    return {name.decode() for name in _NAME.findall(body)} | _imports(body)


def _imports(body: bytes) -> set[str]:
    if b"ansible_collections." not in body:
        return set()
    return {name.decode() for name in _IMPORTED.findall(body)}


def _about(folder: Path) -> dict[str, Any]:
    """The collection's metadata, from MANIFEST.json or galaxy.yml. Raises ConfigError for one that cannot be read."""
    try:
        if (folder / "MANIFEST.json").is_file():
            description = json.loads((folder / "MANIFEST.json").read_bytes())["collection_info"]
        elif (folder / "galaxy.yml").is_file():
            description = yaml.safe_load((folder / "galaxy.yml").read_bytes())
        else:
            return {}
    except (ValueError, KeyError, TypeError, yaml.YAMLError) as fault:
        raise ConfigError(f"{folder}: the collection's description cannot be read: {fault}") from fault
    return description if isinstance(description, dict) else {}
