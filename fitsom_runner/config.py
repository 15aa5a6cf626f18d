"""The school's configuration file, `fitsom.yml`: read, checked, and complained about by file and line."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import date
from enum import StrEnum
from pathlib import Path
from zoneinfo import ZoneInfo, available_timezones

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, field_validator

from fitsom_runner import yamlfile
from fitsom_runner.errors import ConfigError
from fitsom_runner.roles import POWERS_OF_ROLE, Power, Role

FILE_NAME = "fitsom.yml"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class EngineName(StrEnum):
    """What carries out the tasks of a playbook (ansible/engine.py)."""

    ANSIBLE = "ansible"
    MITOGEN = "mitogen"


class Rule(StrEnum):
    """Whether approvals must be signed with a key."""

    REQUIRED = "required"
    OPTIONAL = "optional"


class SignatureRules(_Strict):
    """For each type of change (changes.states.ChangeType)."""

    standard: Rule = Rule.OPTIONAL
    minor: Rule = Rule.OPTIONAL
    major: Rule = Rule.OPTIONAL
    emergency: Rule = Rule.OPTIONAL


class Sandbox(_Strict):
    """The closed room that runs happen in (ansible/room.py).

    read, write: files and folders of this machine that every run sees besides its content, where they are.
    """

    enabled: bool = True
    read: tuple[Path, ...] = ()
    write: tuple[Path, ...] = ()
    _written: dict[Path, str] = PrivateAttr(default_factory=dict)

    def as_written(self, path: Path) -> str:
        """How fitsom.yml names a path: so it is sealed, and a school that moves to another disk keeps its plans."""
        return self._written.get(path, str(path))

    def resolved(self, place: Callable[[Path], Path]) -> Sandbox:
        """The same with absolute paths; `place` makes one absolute."""
        read, write = tuple(map(place, self.read)), tuple(map(place, self.write))
        sandbox = self.model_copy(update={"read": read, "write": write})
        named = zip((*read, *write), (*self.read, *self.write), strict=True)
        sandbox._written = {path: str(name) for path, name in named}
        return sandbox


class Ssh(_Strict):
    """How runs log in. keys: private keys for the run's own ssh-agent; known_hosts: the host keys that are accepted,
    else those of the account that starts the run; config: a file of ssh's settings, else none is read.
    """

    keys: tuple[Path, ...] = ()
    known_hosts: Path | None = None
    config: Path | None = None


class School(_Strict):
    """Whose records these are. `timezone` is an IANA name, used for windows that name none."""

    name: str = Field(min_length=1)
    timezone: str = "Europe/London"

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        if value not in available_timezones():
            raise ValueError(f"{value!r} is not an IANA time zone such as Europe/London")
        return value


class Person(_Strict):
    """Somebody who may act. `os_user` is the login that identifies them on this machine.

    `groups`: groups and hosts of the inventory that they may decide on; empty for all.
    """

    id: str = Field(pattern=r"^[a-z][a-z0-9_.-]*$")
    name: str = Field(min_length=1)
    role: Role
    os_user: str | None = None
    powers: frozenset[Power] | None = None
    groups: frozenset[str] = frozenset()
    valid_from: date | None = None
    valid_until: date | None = None

    def may(self, power: Power) -> bool:
        """Whether the power is their own."""
        return power in (self.powers if self.powers is not None else POWERS_OF_ROLE[self.role])

    def has_access(self, day: date) -> bool:
        """Whether their access is in force on a day."""
        return (self.valid_from or day) <= day <= (self.valid_until or day)


class Config(_Strict):
    """All settings of one school. Relative paths are relative to the file's own folder."""

    school: School
    repository: Path = Path()
    inventories: tuple[Path, ...] = Field(min_length=1)
    state: Path = Path("state")
    people: tuple[Person, ...] = Field(min_length=1)
    vault_password_files: tuple[Path, ...] = ()
    pass_environment: tuple[str, ...] = ()
    acting_as_allowed: bool = False
    minimum_free_mb: int = Field(default=200, ge=0)
    engine: EngineName = EngineName.ANSIBLE
    signatures: SignatureRules = SignatureRules()
    approvals_valid_days: int = Field(default=30, ge=1, le=366)
    gate: bool = False
    sandbox: Sandbox = Sandbox()
    ssh: Ssh = Ssh()

    @field_validator("sandbox", mode="before")
    @classmethod
    def _sandbox_is_on_or_off(cls, value: object) -> object:
        return {"enabled": value} if isinstance(value, bool) else value

    @field_validator("people")
    @classmethod
    def _people_are_distinct(cls, people: tuple[Person, ...]) -> tuple[Person, ...]:
        for label, values in (
            ("id", [p.id for p in people]),
            ("os_user", [p.os_user for p in people if p.os_user]),
        ):
            twice = sorted({v for v in values if values.count(v) > 1})
            if twice:
                raise ValueError(f"{label} {', '.join(twice)} is given to more than one person")
        return people

    @property
    def zone(self) -> ZoneInfo:
        """The school's time zone."""
        return ZoneInfo(self.school.timezone)

    def must_sign(self, change_type: str) -> bool:
        """Whether approvals of changes of this type must be signed with a key."""
        return getattr(self.signatures, change_type) is Rule.REQUIRED

    @property
    def database(self) -> Path:
        """The SQLite file with all records."""
        return self.state / "fitsom.sqlite3"

    @property
    def work_dir(self) -> Path:
        """Where plans and runs have what they need only while they are under way."""
        return self.state / "work"

    def run_dir(self, run_id: str) -> Path:
        """Where one plan or run keeps its ledger, log and reports."""
        return self.state / "runs" / run_id


def find(explicit: Path | None = None) -> Path:
    """The configuration file: as given, by FITSOM_CONFIG, in this folder or above, in /etc/fitsom.

    Raises ConfigError where there is none.
    """
    chosen_path = explicit or (Path(os.environ["FITSOM_CONFIG"]) if os.environ.get("FITSOM_CONFIG") else None)
    if chosen_path:
        path = chosen_path / FILE_NAME if chosen_path.is_dir() else chosen_path
        if not path.is_file():
            raise ConfigError(f"{path}: no such file", hint="Make one with: fitsom init")
        return path.resolve()
    working_folder = Path.cwd()
    for folder in (working_folder, *working_folder.parents, Path("/etc/fitsom")):
        if (folder / FILE_NAME).is_file():
            return folder / FILE_NAME
    raise ConfigError(
        f"no {FILE_NAME} in this folder, above it, or in /etc/fitsom",
        hint="Make one with: fitsom init   (or point FITSOM_CONFIG at yours)",
    )


def load(path: Path) -> Config:
    """Read and check the file. Raises ConfigError that lists every fault with its line."""
    return _with_absolute_paths(
        yamlfile.load(path, Config, reference="docs/reference/config.md"), path.parent
    )


def _with_absolute_paths(config: Config, base: Path) -> Config:
    def resolve(folder: Path, path: Path) -> Path:
        path = path.expanduser()
        return path if path.is_absolute() else (folder / path).resolve()

    repository = resolve(base, config.repository)
    return config.model_copy(
        update={
            "repository": repository,
            "state": resolve(base, config.state),
            "inventories": tuple(
                resolve(repository, p) if (repository / p).exists() else resolve(base, p)
                for p in config.inventories
            ),
            "vault_password_files": tuple(resolve(base, p) for p in config.vault_password_files),
            "sandbox": config.sandbox.resolved(lambda path: resolve(base, path)),
            "ssh": config.ssh.model_copy(
                update={
                    "keys": tuple(resolve(base, p) for p in config.ssh.keys),
                    "known_hosts": config.ssh.known_hosts and resolve(base, config.ssh.known_hosts),
                    "config": config.ssh.config and resolve(base, config.ssh.config),
                }
            ),
        }
    )
