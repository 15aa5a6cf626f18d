"""The content that runs: taken from a git commit into a private extract, never from the working tree."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from fitsom_runner.ansible import git
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


VARIABLES = ("group_vars", "host_vars")


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


def head_commit(repository: Path) -> str:
    """The commit that a plan taken now would seal. Raises ConfigError where there is none."""
    try:
        return git.run(repository, "rev-parse", "--verify", "HEAD^{commit}").decode().strip()
    except ConfigError as fault:
        raise ConfigError(
            f"{repository} is not a git repository with a commit",
            details=(fault.message,),
            hint="What runs is sealed by its commit: git init && git add -A && git commit.",
        ) from fault


def resolved_commit(repository: Path, name: str | None) -> str:
    """The full name of a commit that somebody names; of HEAD if None. Raises ConfigError."""
    if name is None:
        return head_commit(repository)
    try:
        return (
            git.run(repository, "rev-parse", "--verify", "--end-of-options", f"{name}^{{commit}}")
            .decode()
            .strip()
        )
    except ConfigError as fault:
        raise ConfigError(f"{repository} has no commit {name!r}", details=(fault.message,)) from fault


def trees_of(repository: Path, commit: str) -> dict[str, str]:
    """{sealed path: its tree's hash in a commit}, as in `Extract.trees`."""
    names = git.top(repository, commit)
    return {path: names[path] for path in SEALED_PATHS if path in names}


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
    archive_paths = [
        *sealed_paths,
        *(path for inventory in inside for path in _committed(repository, commit, inventory)),
    ]
    if "playbooks" not in sealed_paths:
        raise ConfigError(f"{repository}: commit {commit[:12]} has no playbooks/ folder")
    untracked = [p for p in SEALED_PATHS if p not in sealed_paths and (repository / p).exists()]
    files = git.entries(repository, commit, archive_paths)
    dirty = _dirty(repository, [*archive_paths, *untracked], files)
    folder.mkdir(parents=True, mode=0o700)
    if rehearsal and dirty:
        _copy_working_tree(repository, [*archive_paths, *untracked], folder)
    else:
        git.take_out(repository, files, folder)
    _require_own_record(folder)
    paths, hashes = _inventories(config, folder, inside)
    copies = {
        name: _copy_input(config, name, Path(source), folder) for name, source in (inputs or {}).items()
    }
    trees = {path: git.tree_hash(folder / path, like=commit) for path in sealed_paths}
    if not (rehearsal and dirty):
        _require_trees(repository, commit, trees)
    return Extract(
        folder=folder,
        commit=commit,
        trees=trees,
        inventories=hashes,
        inventory_paths=tuple(paths),
        inputs={name: hash_folder(copy) for name, copy in copies.items()},
        input_paths={name: str(copy) for name, copy in copies.items()},
        dirty=tuple(dirty),
    )


def alterations(extract: Extract) -> list[str]:
    """What in an extract is no longer what was put there, a sentence each."""
    copies = zip(extract.inventories, extract.inventory_paths, strict=True)
    altered = [
        path
        for path, name in extract.trees.items()
        if git.tree_hash(extract.folder / path, like=extract.commit) != name
    ]
    altered += [name for name, copy in copies if hash_inventory(copy) != extract.inventories[name]]
    altered += [
        f"the input {name}"
        for name, copy in extract.input_paths.items()
        if hash_folder(Path(copy)) != extract.inputs[name]
    ]
    return [f"{each} was altered in the copy that was to run" for each in altered]


def with_variables(inventory: Path) -> list[Path]:
    """An inventory and what Ansible reads beside it, if it is a file: group_vars and host_vars."""
    beside = [inventory.parent / name for name in VARIABLES] if not inventory.is_dir() else []
    return [inventory, *(folder for folder in beside if folder.is_dir())]


def hash_inventory(inventory: Path) -> str:
    """SHA-256 over an inventory and the variables beside it."""
    hashes = [hash_folder(part) for part in with_variables(inventory)]
    return hashes[0] if len(hashes) == 1 else hashlib.sha256("\n".join(hashes).encode()).hexdigest()


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
            for part in with_variables(source):
                if config.gate:
                    _require_own_files(part)
                _copy_private(part, copy.parent / part.name)
        paths.append(copy)
        hashes[name] = hash_inventory(copy)
    return paths, hashes


def _copy_input(config: Config, name: str, source: Path, folder: Path) -> Path:
    """The run reads the copy: a file that changes later has no effect, one that changed before shows in the seal.

    Who names an input need not be who reads it, so what is the reader's own is refused.
    """
    copy = folder / "inputs" / name / source.name
    ours = (config.state, *config.vault_password_files, *config.ssh.keys)
    hint = f"Put it there, or name another: fitsom change edit NUMBER --input {name}=/path"

    def copy_file(file: str, target: str) -> str:
        _copy_of_somebody(Path(file), Path(target), owned_by_us=not config.gate)
        return target

    try:
        real = source.resolve()
        if any(real.is_relative_to(path.resolve()) or path.resolve().is_relative_to(real) for path in ours):
            raise PermissionError(errno.EACCES, "it holds records, passwords or keys of fitsom's own")
        copy.parent.mkdir(parents=True, exist_ok=True)
        if real.is_dir():
            ignored = shutil.ignore_patterns(".git")
            shutil.copytree(real, copy, ignore=ignored, copy_function=copy_file)
        else:
            copy_file(str(real), str(copy))
    except shutil.Error as faults:
        file, _copy, why = faults.args[0][0]
        raise ConfigError(f"the input {name} cannot be read from {file}: {why}", hint=hint) from faults
    except OSError as fault:
        raise ConfigError(
            f"the input {name} cannot be read from {source}: {fault.strerror or fault}", hint=hint
        ) from fault
    return copy


def _copy_of_somebody(source: Path, copy: Path, *, owned_by_us: bool) -> None:
    """Copy a file with its executable bit. Raises OSError for a pipe or a device, which would never end.

    Also, unless `owned_by_us`, for a file of this account or of root that others may not read. Asked of the open
    file, since a path can be exchanged meanwhile.
    """
    with open(os.open(source, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as stream:
        status = os.fstat(stream.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "it is neither a file nor a folder")
        is_private = status.st_uid in (os.geteuid(), 0) and not status.st_mode & stat.S_IROTH
        if is_private and not owned_by_us:
            raise PermissionError(
                errno.EACCES,
                "it belongs to fitsom's account or to root, not to a person; chown it to somebody",
            )
        with copy.open("wb") as target:
            shutil.copyfileobj(stream, target)
    copy.chmod(stat.S_IMODE(status.st_mode) | stat.S_IRUSR | stat.S_IWUSR)


def _require_own_files(inventory: Path) -> None:
    """Refuse links that lead out of an inventory: we could read what whoever made them cannot. Raises ConfigError."""
    base = inventory.resolve()
    for path in base.rglob("*") if base.is_dir() else ():
        if path.is_symlink() and not path.resolve().is_relative_to(base):
            raise ConfigError(
                f"{path} is a link that leads out of its inventory", hint="Put the file itself there."
            )


def _copy_private(source: Path, copy: Path) -> None:
    copy.parent.mkdir(parents=True, exist_ok=True)
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
            shutil.copy2(source, folder / name, follow_symlinks=False)


def _dirty(repository: Path, paths: list[str], files: list[git.Entry]) -> list[str]:
    """What differs from the commit. Git's own answer may come from a cache or a program of the repository's."""
    listing = git.run(
        repository, "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *paths
    )
    there = {name for name in listing.decode("utf-8", "surrogateescape").split("\0") if name}
    committed = {file.path for file in files}
    added = {name for name in there - committed if os.path.lexists(repository / name)}
    changed = {file.path for file in files if not git.is_as_committed(repository / file.path, file)}
    return sorted(added | changed)


def _require_trees(repository: Path, commit: str, trees: Mapping[str, str]) -> None:
    """Check that what lies in the extract is what the commit names. Raises RefusedError."""
    names = git.top(repository, commit)
    for path, name in trees.items():
        if names.get(path) != name:
            raise RefusedError(
                f"{path}: what was taken out of commit {commit[:12]} is not what the commit names",
                hint="git fsck names what is damaged; take the repository from a clone that is whole.",
            )


def _require_own_record(folder: Path) -> None:
    """Refuse plugins that Ansible would load into the process that tells what happens. Raises RefusedError."""
    for kind in ("callback", "strategy"):
        for pattern in (f"**/{kind}_plugins/**/*.py", f"**/plugins/{kind}/**/*.py"):
            for path in folder.glob(pattern):
                if path.name != "__init__.py":
                    raise RefusedError(
                        f"{path.relative_to(folder)} is a {kind} plugin: it would run where the record is written, "
                        "and could say of a run whatever it likes",
                        hint="Take it out of the content; what it sends elsewhere can be made of report.json.",
                    )


def _has(repository: Path, commit: str, path: str) -> bool:
    return git.succeeds(repository, "cat-file", "-e", f"{commit}:{path}")


def _committed(repository: Path, commit: str, inventory: Path) -> list[str]:
    """The paths of an inventory in a commit: if it is a file, with the variables beside it."""
    path = inventory.relative_to(repository)
    is_file = git.run(repository, "cat-file", "-t", f"{commit}:{path.as_posix()}").strip() == b"blob"
    beside = [path.parent / name for name in VARIABLES] if is_file else []
    return [each.as_posix() for each in (path, *beside)]


def _tracked(repository: Path, commit: str, path: Path) -> bool:
    return _has(repository, commit, path.relative_to(repository).as_posix())


def _require_commit(repository: Path, commit: str) -> None:
    """Check that a sealed commit is still there. Raises RefusedError."""
    if not git.succeeds(repository, "cat-file", "-e", f"{commit}^{{commit}}"):
        raise RefusedError(
            f"the sealed commit {commit[:12]} is no longer in {repository}",
            hint="Plan and approve the change again.",
        )
