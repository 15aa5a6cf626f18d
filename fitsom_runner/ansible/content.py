"""The content that runs: taken from a git commit into a private extract, never from the working tree."""

from __future__ import annotations

import hashlib
import io
import shutil
import subprocess
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from fitsom_runner.config import Config
from fitsom_runner.errors import ConfigError, RefusedError

SEALED_PATHS = (
    "playbooks",
    "roles",
    "plugins",
    "meta",
    "ansible_collections",
    "collections",
    "galaxy.yml",
    "ansible.cfg",
)


@dataclass(frozen=True, kw_only=True)
class Extract:
    """A private copy of one commit's content and of the inventories, ready to run from `folder`."""

    folder: Path
    commit: str
    trees: dict[str, str]
    inventories: dict[str, str]
    inventory_paths: tuple[Path, ...]
    inputs: dict[str, str]
    input_paths: dict[str, str]
    dirty: tuple[str, ...]


def git(repository: Path, *arguments: str) -> str:
    """Run git and return what it prints. Raises ConfigError with git's own words."""
    return _git(repository, *arguments).decode("utf-8", "replace").strip()


def head_commit(repository: Path) -> str:
    """The commit that a plan taken now would seal. Raises ConfigError where there is none."""
    try:
        return git(repository, "rev-parse", "--verify", "HEAD^{commit}")
    except ConfigError as fault:
        raise ConfigError(
            f"{repository} is not a git repository with a commit",
            hint="What runs is sealed by its commit: git init && git add -A && git commit.",
        ) from fault


def make_extract(
    config: Config,
    folder: Path,
    *,
    inputs: Mapping[str, str] | None = None,
    commit: str | None = None,
    rehearsal: bool = False,
) -> Extract:
    """Extract `commit` (HEAD if None), copy the inventories and inputs into `folder`, which must not exist.

    Uncommitted content (`Extract.dirty`) is only used for a rehearsal. Raises ConfigError, RefusedError.
    """
    repository = config.repository
    if commit is None:
        commit = head_commit(repository)
    else:
        _require_commit(repository, commit)
    sealed_paths = [path for path in SEALED_PATHS if _has(repository, commit, path)]
    inside = [
        p for p in config.inventories if p.is_relative_to(repository) and _tracked(repository, commit, p)
    ]
    archive_paths = [*sealed_paths, *(str(p.relative_to(repository)) for p in inside)]
    if "playbooks" not in sealed_paths:
        raise ConfigError(f"{repository}: commit {commit[:12]} has no playbooks/ folder")
    untracked = [p for p in SEALED_PATHS if p not in sealed_paths and (repository / p).exists()]
    dirty = _dirty(repository, [*archive_paths, *untracked])
    folder.mkdir(parents=True, mode=0o700)
    if rehearsal and dirty:
        _copy_working_tree(repository, [*archive_paths, *untracked], folder)
    else:
        data = _git(repository, "archive", "--format=tar", commit, "--", *archive_paths)
        with tarfile.open(fileobj=io.BytesIO(data)) as archive:
            archive.extractall(folder, filter="data")
    paths, hashes = _inventories(config, folder, inside)
    copies = {name: _copy_input(name, Path(source), folder) for name, source in (inputs or {}).items()}
    return Extract(
        folder=folder,
        commit=commit,
        trees={path: git(repository, "rev-parse", f"{commit}:{path}") for path in sealed_paths},
        inventories=hashes,
        inventory_paths=tuple(paths),
        inputs={name: hash_folder(copy) for name, copy in copies.items()},
        input_paths={name: str(copy) for name, copy in copies.items()},
        dirty=tuple(dirty),
    )


def discard(folder: Path) -> None:
    """Remove an extract. It can always be made again from its commit."""
    shutil.rmtree(folder, ignore_errors=True)


def hash_folder(folder: Path) -> str:
    """SHA-256 over the paths, executable bits and contents of all files below `folder` (or of one file)."""
    digest = hashlib.sha256()
    files = [folder] if folder.is_file() else sorted(p for p in folder.rglob("*") if p.is_file())
    for path in files:
        name = path.name if path == folder else path.relative_to(folder).as_posix()
        body = hashlib.sha256(path.read_bytes()).hexdigest()
        digest.update(f"{name}\0{bool(path.stat().st_mode & 0o100)}\0{body}\n".encode())
    return digest.hexdigest()


def _inventories(config: Config, folder: Path, inside: list[Path]) -> tuple[list[Path], dict[str, str]]:
    paths, hashes = [], {}
    for number, source in enumerate(config.inventories):
        if source in inside:
            name = source.relative_to(config.repository).as_posix()
            copy = folder / name
        else:
            if not source.exists():
                raise ConfigError(
                    f"inventory {source} does not exist", hint="See 'inventories:' in fitsom.yml."
                )
            name = f"private/{number}"
            copy = folder / "private_inventories" / str(number) / source.name
            _copy_private(source, copy)
        paths.append(copy)
        hashes[name] = hash_folder(copy)
    return paths, hashes


def _copy_input(name: str, source: Path, folder: Path) -> Path:
    """The run reads the copy: a file that changes later has no effect, one that changed before shows in the seal."""
    copy = folder / "inputs" / name / source.name
    try:
        _copy_private(source, copy)
    except OSError as fault:
        raise ConfigError(
            f"the input {name} cannot be read from {source}: {fault.strerror or fault}",
            hint=f"Put it there, or name another: fitsom change edit NUMBER --input {name}=/path",
        ) from fault
    return copy


def _copy_private(source: Path, copy: Path) -> None:
    copy.parent.mkdir(parents=True)
    if source.is_dir():
        shutil.copytree(source, copy, ignore=shutil.ignore_patterns(".git"))
    else:
        shutil.copy2(source, copy)


def _copy_working_tree(repository: Path, names: list[str], folder: Path) -> None:
    for name in names:
        source = repository / name
        if source.is_dir():
            shutil.copytree(
                source, folder / name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__")
            )
        elif source.exists():
            shutil.copy2(source, folder / name)


def _dirty(repository: Path, paths: list[str]) -> list[str]:
    status = _git(repository, "status", "--porcelain", "--untracked-files=all", "--", *paths).decode()
    return [line[3:] for line in status.splitlines()]


def _has(repository: Path, commit: str, path: str) -> bool:
    return _try_git(repository, "cat-file", "-e", f"{commit}:{path}")


def _tracked(repository: Path, commit: str, path: Path) -> bool:
    return _has(repository, commit, path.relative_to(repository).as_posix())


def _require_commit(repository: Path, commit: str) -> None:
    """Check that a sealed commit is still there. Raises RefusedError."""
    if not _try_git(repository, "cat-file", "-e", f"{commit}^{{commit}}"):
        raise RefusedError(
            f"the sealed commit {commit[:12]} is no longer in {repository}",
            hint="Plan and approve the change again.",
        )


def _try_git(repository: Path, *arguments: str) -> bool:
    command = ["git", "-C", str(repository), *arguments]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def _git(repository: Path, *arguments: str) -> bytes:
    command = ["git", "-C", str(repository), *arguments]
    try:
        return subprocess.run(command, capture_output=True, check=True).stdout
    except FileNotFoundError as fault:
        raise ConfigError("git is not installed", hint="apt-get install git") from fault
    except subprocess.CalledProcessError as fault:
        words = fault.stderr.decode("utf-8", "replace").strip()
        raise ConfigError(f"git {arguments[0]} in {repository} failed: {words}") from fault
