"""What another version of the content would change, read from its package without installing it."""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import sqlite3
import tarfile
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from fitsom_runner import migration
from fitsom_runner.ansible import collections
from fitsom_runner.changes.states import State
from fitsom_runner.config import Config
from fitsom_runner.errors import ConfigError

COLLECTION = "fitsom.school"
_PLACE = "ansible_collections/fitsom/school/"
_MIGRATION = re.compile(r"fitsom_runner/(\w+)/migrations/([0-9]\w*)\.py")
_LARGEST = 50_000_000
_WAITING = (State.PLANNED, State.PEER_REVIEWED, State.IMPLEMENT_APPROVED, State.SCHEDULED)
_HINT = "Name a wheel of fitsom, or a folder or .tar.gz of the collection fitsom.school."


@dataclass(frozen=True, kw_only=True)
class File:
    """One file of the collection."""

    body: bytes
    executable: bool = False


@dataclass(frozen=True, kw_only=True)
class Content:
    """A version of the collection; `migrations` is None where it has no runner."""

    files: Mapping[str, File]
    migrations: set[migration.Name] | None = None

    @property
    def version(self) -> str:
        """From its metadata; empty where there is none."""
        return str(self._about.get("version", ""))

    @property
    def sha256(self) -> str:
        """The hash that a seal would have."""
        digest = hashlib.sha256()
        for name, file in sorted(self.files.items()):
            if collections.is_loaded(name):
                digest.update(collections.line_of(name, file.executable, file.body))
        return digest.hexdigest()

    @property
    def _about(self) -> Mapping[str, Any]:
        if "MANIFEST.json" in self.files:
            description = json.loads(self.files["MANIFEST.json"].body)["collection_info"]
        else:
            description = yaml.safe_load(self.files["galaxy.yml"].body)
        return description if isinstance(description, dict) else {}

    def variables(self) -> dict[str, dict[str, Any]]:
        """{role: {variable: its default}} from the roles' argument specifications."""
        by_role: dict[str, dict[str, Any]] = {}
        for name, file in self.files.items():
            match = re.fullmatch(r"roles/(\w+)/meta/argument_specs\.ya?ml", name)
            if match:
                specs = (yaml.safe_load(file.body) or {}).get("argument_specs", {})
                options = [spec.get("options") or {} for spec in specs.values()]
                by_role[match[1]] = {
                    k: (v or {}).get("default") for role_options in options for k, v in role_options.items()
                }
        return by_role

    def entries(self) -> list[str]:
        """The entries of its change log."""
        log = self.files.get("CHANGELOG.md")
        text = log.body.decode("utf-8", "replace") if log else ""
        return [" ".join(part.split()) for part in re.findall(r"^- (.+(?:\n  .+)*)", text, re.M)]


@dataclass(frozen=True, kw_only=True)
class RoleChange:
    """What differs in one role. `defaults`: {variable: (from, to)}."""

    name: str
    new: tuple[str, ...]
    gone: tuple[str, ...]
    defaults: dict[str, tuple[Any, Any]]
    files: int


@dataclass(frozen=True, kw_only=True)
class OpenChange:
    """A change that has a plan and has not run."""

    number: str
    title: str
    state: str


@dataclass(frozen=True, kw_only=True)
class Check:
    """The result of `fitsom upgrade --check`. `migrations` would be applied to the records; None: not known."""

    installed: str
    offered: str | None
    last_writer: str
    log: tuple[str, ...]
    roles: tuple[RoleChange, ...]
    modules: int
    plugins: int
    migrations: tuple[str, ...] | None
    plan_again: tuple[OpenChange, ...]


def check(config: Config, source: Path | None = None) -> Check:
    """Compare `source` with what is installed; without it, what is installed with the records. Changes nothing.

    Raises ConfigError for a source that is not content of fitsom.
    """
    current = installed(config)
    offered = read_content(source) if source else current
    before, after = current.variables(), offered.variables()
    changed_files = {
        name
        for name in set(current.files) | set(offered.files)
        if current.files.get(name) != offered.files.get(name) and collections.is_loaded(name)
    }
    roles = [
        _role(role, before.get(role, {}), after.get(role, {}), changed_files)
        for role in sorted({*before, *after})
    ]
    shipped = offered.migrations if source else migration.shipped()
    applied = migration.applied(config.database) if config.database.exists() else set()
    outstanding = (
        None if shipped is None else tuple(f"{app}.{name}" for app, name in sorted(shipped - applied))
    )
    known_entries = set(current.entries())
    return Check(
        installed=current.version,
        offered=offered.version if source else None,
        last_writer=migration.last_writer(config),
        log=tuple(entry for entry in offered.entries() if entry not in known_entries),
        roles=tuple(role for role in roles if role.new or role.gone or role.defaults or role.files),
        modules=sum(name.startswith("plugins/modules/") for name in changed_files),
        plugins=sum(name.startswith("plugins/") for name in changed_files),
        migrations=outstanding,
        plan_again=tuple(_sealed_otherwise(config, offered.sha256)),
    )


def installed(config: Config) -> Content:
    """The collection that a run would load. Raises ConfigError where there is none."""
    folder = collections.folder_of(COLLECTION, collections.paths(config.repository))
    if folder is None:
        raise ConfigError(
            f"the collection {COLLECTION} is not installed", hint="Install the wheel of fitsom."
        )
    return _of_folder(folder)


def read_content(source: Path) -> Content:
    """The content of a wheel, an archive or a folder; nothing of it is run or written. Raises ConfigError."""
    try:
        if source.is_dir():
            content = _of_folder(source)
        elif source.suffix == ".whl":
            content = _of_wheel(source)
        else:
            content = _of_archive(source)
        if "galaxy.yml" not in content.files and "MANIFEST.json" not in content.files:
            raise ConfigError(f"{source} is not content of fitsom", hint=_HINT)
        content.variables()
        content.version  # noqa: B018 - read here, so that a fault is reported with the file's name
    except (
        OSError,
        EOFError,
        ValueError,
        KeyError,
        AttributeError,
        tarfile.TarError,
        zipfile.BadZipFile,
        yaml.YAMLError,
    ) as fault:
        raise ConfigError(f"{source} cannot be read: {fault}", hint=_HINT) from fault
    return content


def _of_folder(folder: Path) -> Content:
    files = {
        name: File(body=path.read_bytes(), executable=bool(path.stat().st_mode & 0o100))
        for name, path in collections.loaded_files(folder)
    }
    if (folder / "CHANGELOG.md").is_file():
        files["CHANGELOG.md"] = File(body=(folder / "CHANGELOG.md").read_bytes())
    return Content(files=files)


def _of_wheel(path: Path) -> Content:
    files, migrations = {}, set()
    with zipfile.ZipFile(path) as wheel:
        _require_small(path, sum(info.file_size for info in wheel.infolist()))
        for info in wheel.infolist():
            match = _MIGRATION.fullmatch(info.filename)
            if match:
                migrations.add((match[1], match[2]))
            elif info.filename.startswith(_PLACE) and not info.is_dir():
                executable = bool(info.external_attr >> 16 & 0o100)
                files[info.filename.removeprefix(_PLACE)] = File(body=wheel.read(info), executable=executable)
    return Content(files=files, migrations=migrations)


def _of_archive(path: Path) -> Content:
    files = {}
    with tarfile.open(path) as archive:
        size = 0
        for member in archive:
            size += member.size
            _require_small(path, size)
            stream = archive.extractfile(member) if member.isfile() else None
            if stream:
                files[member.name] = File(body=stream.read(), executable=bool(member.mode & 0o100))
    return Content(files=files)


def _require_small(path: Path, size: int) -> None:
    if size > _LARGEST:
        raise ConfigError(f"{path} holds more than 50 MB, more than any version of fitsom", hint=_HINT)


def _role(
    name: str, before: Mapping[str, Any], after: Mapping[str, Any], changed_files: set[str]
) -> RoleChange:
    common = sorted(set(before) & set(after))
    return RoleChange(
        name=name,
        new=tuple(sorted(set(after) - set(before))),
        gone=tuple(sorted(set(before) - set(after))),
        defaults={key: (before[key], after[key]) for key in common if before[key] != after[key]},
        files=sum(path.startswith(f"roles/{name}/") for path in changed_files),
    )


def _sealed_otherwise(config: Config, sha256: str) -> Iterator[OpenChange]:
    """Open changes sealed with other files of the collection. Read without Django: the records may be older."""
    if not config.database.exists():
        return
    marks = ", ".join("?" * len(_WAITING))
    query = (
        "SELECT change.number, change.title, change.state, plan.components FROM change"  # noqa: S608 - marks only
        f" JOIN plan ON plan.id = change.plan_id WHERE plan.seal != '' AND change.state IN ({marks})"
        " ORDER BY change.number"
    )
    try:
        with contextlib.closing(migration.reading(config.database)) as records:
            rows = records.execute(query, _WAITING).fetchall()
    except sqlite3.Error as fault:
        raise ConfigError(f"{config.database}: the records cannot be read: {fault}") from fault
    for number, title, state, components in rows:
        parts = json.loads(components)
        sealed = parts.get("collections", {}).get(COLLECTION)
        # Roles of the repository's own: its commit is what is sealed.
        if sealed != sha256 and not (sealed is None and "roles" in parts.get("trees", {})):
            yield OpenChange(number=number, title=title, state=state)
