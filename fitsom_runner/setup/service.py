"""`fitsom service install`: records that belong to an account of their own, which people reach through the gate.

Each step does only what is missing, so that the command can be called again after a new version or a failure.
"""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from fitsom_runner import caller, migration
from fitsom_runner import config as configuration
from fitsom_runner.config import Config
from fitsom_runner.errors import ConfigError, NotAllowedError, RefusedError
from fitsom_runner.roles import Power

ACCOUNT = "fitsom"
UNITS = Path(__file__).parent / "units"
#: What the shipped units say where the programs are.
_PROGRAMS_IN_UNITS = "/opt/fitsom/bin"
_STARTED = ("fitsom-gate.socket", "fitsom-tick.timer", "fitsom-health.timer")
_HEADER = """\
# Settings of fitsom's service on this machine: who may do what. Only root writes this file.
# Made of {source} by 'fitsom service install'; that file does not count any more.
# Check it with: fitsom config check. Every setting: docs/reference/config.md
"""
_SCHEDULER = {
    "id": "scheduler",
    "name": "The scheduler",
    "role": "technician",
    "os_user": ACCOUNT,
    "powers": [Power.PLAN.value, Power.RUN.value],
}


@dataclass(frozen=True, kw_only=True)
class Places:
    """Where the service's parts lie. `account` is the OS user; files of root are only read by it."""

    account: str = ACCOUNT
    home: Path = Path("/var/lib/fitsom")
    settings: Path = Path("/etc/fitsom")
    units: Path = Path("/etc/systemd/system")

    @property
    def config(self) -> Path:
        """The service's fitsom.yml."""
        return self.settings / configuration.FILE_NAME

    @property
    def records(self) -> Path:
        """Database, ledgers and reports."""
        return self.home / "records"

    @property
    def secrets(self) -> Path:
        """Vault passwords and ssh keys."""
        return self.settings / "secrets"


def install(school: Path, places: Places | None = None) -> Iterator[str]:
    """Set the service up for the school in a folder that `fitsom init` made; says what it did, step by step.

    Raises NotAllowedError, ConfigError, RefusedError; what was done before stays, and is not done again.
    """
    places = places or Places()
    if os.geteuid() != 0:
        raise NotAllowedError("a service is set up by root", hint="sudo fitsom service install FOLDER")
    programs = _require_programs()
    source = places.config if places.config.exists() else configuration.find(school)
    os.environ["HOME"] = pwd.getpwuid(source.stat().st_uid).pw_dir  # what `~` means in it
    settings = configuration.load(source)
    _require_people(settings)
    if _add_account(places):
        yield f"The account {places.account}, which nobody logs in to."
    _require_readable(settings, places)
    if source != places.config:
        yield from _take_over(source, settings, places)
        yield f"{places.config}: whose powers count from now on. Only root writes it."
    yield from _start(places, programs)


def _require_programs() -> Path:
    """The folder of our programs. Raises RefusedError where somebody else could exchange what the service runs."""
    programs = Path(sys.prefix).resolve() / "bin"
    for path in (programs / "python", programs, *programs.parents):
        status = path.stat()
        others_may_write = status.st_mode & 0o002 or (status.st_gid != 0 and status.st_mode & 0o020)
        if status.st_uid != 0 or others_may_write or not status.st_mode & 0o001:
            raise RefusedError(
                f"{path} is not root's alone, or not open to all: a service cannot rest on it",
                hint="Install fitsom for all first: python3 -m venv /opt/fitsom && "
                "/opt/fitsom/bin/pip install fitsom-*.whl && ln -s /opt/fitsom/bin/fitsom /usr/local/bin/",
            )
    return programs


def _require_people(settings: Config) -> None:
    """Raises ConfigError where nobody could approve through the gate."""
    faults = []
    if settings.acting_as_allowed:
        faults.append("acting_as_allowed: with it, everybody could act as the head")
    faults += [f"people: {person.id} has no os_user" for person in settings.people if person.os_user is None]
    if faults:
        raise ConfigError(
            "these settings do not fit a service that people reach by their own login",
            details=tuple(faults),
            hint="Give each person the login that they have on this machine.",
        )


def _add_account(places: Places) -> bool:
    try:
        pwd.getpwnam(places.account)
    except KeyError:
        words = ["--system", "--user-group", "--create-home", "--home-dir", str(places.home)]
        _call("useradd", *words, "--shell", "/usr/sbin/nologin", places.account)
        places.home.chmod(0o700)
        return True
    return False


def _require_readable(settings: Config, places: Places) -> None:
    """Raises RefusedError where the account cannot read the content."""
    wanted = [settings.repository / ".git/HEAD", *settings.inventories, *settings.sandbox.read]
    hidden = [str(path) for path in wanted if not _may(places.account, "-r", path)]
    hidden += [str(path) for path in settings.sandbox.write if not _may(places.account, "-w", path)]
    if hidden:
        raise RefusedError(
            f"the account {places.account} cannot use what fitsom.yml names",
            details=tuple(hidden),
            hint="Move the school to a place such as /srv/fitsom, or let the account in: "
            f"setfacl -R -m u:{places.account}:rX,d:u:{places.account}:rX FOLDER (and rx on the folders above).",
        )


def _may(account: str, test: str, path: Path) -> bool:
    command = ["test", test, str(path)]
    return subprocess.run(command, user=account, group=account, extra_groups=[], check=False).returncode == 0


def _take_over(source: Path, settings: Config, places: Places) -> Iterator[str]:
    """Copy secrets, move the records, and write the settings last: without them nothing has begun.

    Root reads here what a file names that somebody else wrote: with the rights of whoever owns that file.
    """
    giver = source.stat().st_uid
    owner = pwd.getpwnam(places.account)
    places.settings.mkdir(mode=0o755, exist_ok=True)
    places.secrets.mkdir(mode=0o700, exist_ok=True)
    os.chown(places.secrets, owner.pw_uid, owner.pw_gid)

    passwords = [str(_secret(path, giver, places, owner)) for path in settings.vault_password_files]
    if passwords:
        yield f"Vault passwords: copied to {places.secrets}."
    keys = [str(_secret(path, giver, places, owner)) for path in settings.ssh.keys]
    if not keys:
        keys = [str(_make_key(places, owner))]
        public = Path(f"{keys[0]}.pub").read_text(encoding="ascii").strip()
        yield f"A key that runs log in with. Put it on every host, for the account there: {public}"
    known_hosts = _known_hosts(settings, giver, places)
    if known_hosts is None:
        yield f"No host keys are known yet: put them into {places.settings}/known_hosts (ssh-keyscan, compared)."
    else:
        yield f"Host keys: {known_hosts}."
    ssh_config = {}
    if settings.ssh.config:
        places.settings.joinpath("ssh_config").write_bytes(_read_as(giver, settings.ssh.config))
        ssh_config["config"] = str(places.settings / "ssh_config")
    yield from _move_records(settings, giver, places, owner)
    raw = yaml.safe_load(source.read_text(encoding="utf-8"))
    raw |= {
        "gate": True,
        "repository": str(settings.repository),
        "inventories": [str(path) for path in settings.inventories],
        "state": str(places.records),
        "vault_password_files": passwords,
        "ssh": {"keys": keys, "known_hosts": str(places.settings / "known_hosts"), **ssh_config},
        "people": _with_scheduler(raw["people"]),
    }
    if settings.sandbox.enabled and (settings.sandbox.read or settings.sandbox.write):
        raw["sandbox"] = {
            "read": [str(path) for path in settings.sandbox.read],
            "write": [str(path) for path in settings.sandbox.write],
        }
    text = _HEADER.format(source=source) + yaml.safe_dump(raw, sort_keys=False, allow_unicode=True)
    draft = places.config.with_suffix(".new")
    draft.write_text(text, encoding="utf-8")
    draft.chmod(0o640)
    os.chown(draft, 0, owner.pw_gid)
    configuration.load(draft)
    draft.replace(places.config)


def _read_as(user: int, path: Path) -> bytes:
    """A file that this user can read. Raises ConfigError."""
    done = subprocess.run(
        ["cat", "--", str(path)],
        user=user,
        group=_group_of(user),
        extra_groups=[],
        capture_output=True,
        check=False,
    )
    if done.returncode:
        raise ConfigError(f"{path} cannot be read by {caller.name_of(user)}, whose fitsom.yml names it")
    return done.stdout


def _group_of(user: int) -> int:
    try:
        return pwd.getpwuid(user).pw_gid
    except KeyError:
        return os.getgid()


def _secret(path: Path, giver: int, places: Places, owner: pwd.struct_passwd) -> Path:
    """The account's own copy of a password file or a key; two of one name are kept apart."""
    content = _read_as(giver, path)
    names = (path.name, *(f"{number}-{path.name}" for number in range(2, 100)))
    copies = (places.secrets / name for name in names)
    copy = next(each for each in copies if not each.exists() or each.read_bytes() == content)
    if not copy.exists():
        mode = 0o500 if path.stat().st_mode & 0o100 else 0o400  # a program that prints the password
        with open(os.open(copy, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as stream:
            stream.write(content)
        os.chown(copy, owner.pw_uid, owner.pw_gid)
    return copy


def _with_scheduler(people: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """With the account itself among them: it starts what is due, and looks every morning."""
    there = any(person.get("os_user") == ACCOUNT for person in people)
    return people if there else [*people, _SCHEDULER]


def _make_key(places: Places, owner: pwd.struct_passwd) -> Path:
    key = places.secrets / "id_ed25519"
    if not key.exists():
        comment = f"{places.account}@{socket.gethostname()}"
        _call("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", str(key))
    for path in (key, Path(f"{key}.pub")):
        os.chown(path, owner.pw_uid, owner.pw_gid)
    return key


def _known_hosts(settings: Config, giver: int, places: Places) -> Path | None:
    """The host keys that were accepted so far: those that fitsom.yml names, else of its owner."""
    target = places.settings / "known_hosts"
    source = settings.ssh.known_hosts or Path.home() / ".ssh/known_hosts"
    if not target.exists() and source.is_file():
        target.write_bytes(_read_as(giver, source))
    elif not target.exists():
        target.touch()
    target.chmod(0o644)
    return target if target.stat().st_size else None


def _move_records(settings: Config, giver: int, places: Places, owner: pwd.struct_passwd) -> Iterator[str]:
    """Records become the account's; the old folder keeps a name that nothing uses any more."""
    if places.records.exists() or not settings.database.exists():
        return
    if giver not in (settings.state.stat().st_uid, 0):
        raise RefusedError(f"the records in {settings.state} belong to somebody else than fitsom.yml does")
    migration.refuse_while_running(settings, migration.applied(settings.database))
    draft = places.records.with_suffix(".new")
    shutil.rmtree(draft, ignore_errors=True)
    shutil.copytree(settings.state, draft, ignore=shutil.ignore_patterns("work"), symlinks=True)
    for folder, names, files in os.walk(draft):
        for name in (".", *names, *files):
            os.chown(Path(folder, name), owner.pw_uid, owner.pw_gid, follow_symlinks=False)
    draft.rename(places.records)
    old = settings.state.with_name(f"{settings.state.name}.moved-to-service")
    settings.state.rename(old)
    yield f"Records: now in {places.records}. The old ones are kept as {old}."


def _start(places: Places, programs: Path) -> Iterator[str]:
    """Create the records if there are none, put the units in place, and start them."""
    fitsom = [str(programs / "fitsom"), "--config", str(places.config)]
    done = subprocess.run(
        [*fitsom, "init", str(places.settings)],
        user=places.account,
        group=places.account,
        extra_groups=[],
        env={"HOME": str(places.home), "LANG": "C.UTF-8", "PATH": os.defpath},
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise ConfigError(f"{places.account} cannot open the records: {done.stderr.strip()}")
    for unit in sorted(UNITS.glob("fitsom-*")):
        text = unit.read_text(encoding="utf-8").replace(_PROGRAMS_IN_UNITS, str(programs))
        places.units.joinpath(unit.name).write_text(text, encoding="utf-8")
    yield f"Units in {places.units}: {', '.join(_STARTED)}."
    if not Path("/run/systemd/system").is_dir():
        yield "systemd does not run here, so nothing was started."
        return
    _call("systemctl", "daemon-reload")
    _call("systemctl", "enable", "--now", *_STARTED)
    yield "Started. People call fitsom as themselves: fitsom change list"


def _call(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ConfigError(f"{command[0]} failed: {done.stderr.strip() or done.stdout.strip()}")
