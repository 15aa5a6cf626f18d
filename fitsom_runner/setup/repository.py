"""A school's own repository: made beside its place, committed, and put there completely or not at all."""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from zoneinfo import available_timezones

from jinja2 import Environment, StrictUndefined

from fitsom_runner import __version__, caller, config
from fitsom_runner.ansible.secrets import vaulted
from fitsom_runner.errors import ConfigError, RefusedError
from fitsom_runner.setup.hosts import GROUPS, Host, faults_of

TEMPLATES = Path(__file__).parent / "templates"
#: Where a template's file goes, if not to its own name; NAME is the school's short name.
_PLACES = {
    "gitignore": ".gitignore",
    "hosts.yml.j2": "inventories/NAME/hosts.yml",
    "main.yml.j2": "inventories/NAME/group_vars/all/main.yml",
    "vault.yml": "inventories/NAME/group_vars/all/vault.yml",
}


@dataclass(frozen=True, kw_only=True)
class Answers:
    """The answers of a school. `login`: the account that Ansible logs in with; `os_user`: who runs fitsom.

    `secret` and `state`: other places than the usual ones for the vault's pass phrase and the records.
    """

    school: str
    timezone: str = "Europe/London"
    login: str = ""
    hosts: tuple[Host, ...] = ()
    manager: str = "Network Manager"
    os_user: str = ""
    head: str = "Head Teacher"
    head_login: str = ""
    secret: Path | None = None
    state: Path | None = None


@dataclass(frozen=True, kw_only=True)
class NewSchool:
    """What was made. `secret` and `state` are outside the repository."""

    folder: Path
    name: str
    secret: Path
    state: Path
    commit: str


def short_name(folder: Path) -> str:
    """The school's short name, from the name of its folder. Raises ConfigError."""
    name = re.sub(r"[^a-z0-9]+", "_", folder.resolve().name.lower()).strip("_")
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,40}", name) or name in GROUPS:
        raise ConfigError(
            f"{folder}: a school's folder has a name such as my-school",
            hint="Begin with a letter; letters, digits and hyphens.",
        )
    return name


def places(name: str) -> tuple[Path, Path]:
    """(vault password file, folder of the records): never in the repository, so that no push carries them."""
    if os.geteuid() == 0:
        return Path("/etc/fitsom", name, "vault-password"), Path("/var/lib/fitsom", name)
    home = Path.home()
    return home / ".config/fitsom" / name / "vault-password", home / ".local/share/fitsom" / name


def make(folder: Path, answers: Answers) -> NewSchool:
    """Make the repository in `folder`, which is empty or not there.

    Raises RefusedError where there is something already, ConfigError where git is missing; either way nothing is
    left behind.
    """
    _check(answers)
    name = short_name(folder)
    default_places = places(name)
    secret, state = answers.secret or default_places[0], answers.state or default_places[1]
    _require_free(folder, secret, state)
    folder = folder.resolve()
    password = secrets.token_urlsafe(32)
    with _undone_on_failure() as undo:
        undo += _folders(folder.parent)
        building = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
        undo.append(building)
        _write(building, name, answers, secret, state, password)
        commit = _commit(building)
        undo += _folders(secret.parent, 0o700)
        with open(os.open(secret, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as stream:
            undo.append(secret)
            stream.write(password + "\n")
        undo += _folders(state, 0o700)
        building.chmod(0o777 & ~_umask())
        _move_into_place(building, folder)
    return NewSchool(folder=folder, name=name, secret=secret, state=state, commit=commit)


def _check(answers: Answers) -> None:
    """Raise ConfigError for answers that would not survive being written down, or would mean something to Ansible."""
    groups = {
        "school": {"the school's name": answers.school},
        "manager": {"the network manager's name": answers.manager},
        "head": {"the head's name": answers.head},
        "logins": {"user": answers.login},
        "head's login": {"user": answers.head_login},
    }
    faults = [fault for cells in groups.values() for fault in faults_of(cells)]
    faults += [
        f"{label}: it is missing"
        for cells in groups.values()
        for label, text in cells.items()
        if label != "user" and not text.strip()
    ]
    if answers.timezone not in available_timezones():
        faults.append(f"time zone: {answers.timezone!r} is not an IANA time zone such as Europe/London")
    if answers.head_login and answers.head_login == answers.os_user:
        faults.append(f"the head's login: {answers.head_login} is the network manager's")
    if faults:
        raise ConfigError("a school cannot be made from these answers", details=tuple(faults))


def _require_free(folder: Path, secret: Path, state: Path) -> None:
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise RefusedError(
            f"{folder} is not empty: a new school is made in a folder of its own",
            hint="Name another folder. For existing content: fitsom init FOLDER --repository THERE",
        )
    for path in (secret, state):
        if path.absolute().is_relative_to(folder.resolve()):
            raise ConfigError(f"{path} is in the repository, where every push would carry it")
        if path.exists() and (path.is_file() or any(path.iterdir())):
            raise RefusedError(
                f"{path} is there already: it belongs to another school called {folder.resolve().name}",
                hint="Choose another name for the folder; or, if that school no longer exists, move it away first.",
            )


@contextmanager
def _undone_on_failure() -> Iterator[list[Path]]:
    """What was made so far is removed again, newest first, whatever goes wrong; what was there before never is."""
    paths: list[Path] = []
    try:
        yield paths
    except BaseException as fault:
        for path in reversed(paths):
            _remove(path)
        if isinstance(fault, OSError):
            words = f"the school could not be made: {fault}"
            raise ConfigError(
                words, hint="Nothing is left of it. Choose a place that you may write to."
            ) from fault
        raise


def _folders(folder: Path, mode: int = 0o777) -> list[Path]:
    """Make a folder and those above it; returns the topmost that was new, if any. One that was there stays as it is."""
    new_folders = [path for path in (folder, *folder.parents) if not path.exists()]
    if new_folders:
        folder.mkdir(parents=True, mode=mode)
    return new_folders[-1:]


def configure(path: Path, content: Path, inventory: str, answers: Answers) -> None:
    """Write only a fitsom.yml, for existing content; its records are beside it."""
    _check(answers)
    path.parent.mkdir(parents=True, exist_ok=True)
    values = {
        **asdict(answers),
        "repository": os.path.relpath(content.resolve(), path.parent.resolve()),
        "inventory": inventory,
        "state": "state",
        "secret": "",
    }
    path.write_text(_rendered(TEMPLATES / "fitsom.yml.j2", values), encoding="utf-8")
    config.load(path)


def _write(building: Path, name: str, answers: Answers, secret: Path, state: Path, password: str) -> None:
    values = {
        **asdict(answers),
        "hosts": answers.hosts,
        "name": name,
        "repository": ".",
        "inventory": f"inventories/{name}",
        "groups": GROUPS,
        "members": {group: [h.name for h in answers.hosts if group in h.groups] for group in GROUPS},
        "secret": _from_home(secret),
        "state": _from_home(state),
        "version": __version__,
    }
    for source in sorted(path for path in TEMPLATES.rglob("*") if path.is_file()):
        relative = source.relative_to(TEMPLATES).as_posix()
        target = building / _PLACES.get(relative, relative.removesuffix(".j2")).replace("NAME", name)
        target.parent.mkdir(parents=True, exist_ok=True)
        text = _rendered(source, values)
        target.write_text(vaulted(text, password) if source.name == "vault.yml" else text, encoding="utf-8")
    config.load(building / config.FILE_NAME)  # what we wrote, we can read


def _rendered(source: Path, values: Mapping[str, Any]) -> str:
    text = source.read_text(encoding="utf-8")
    if source.suffix != ".j2":
        return text
    jinja = Environment(undefined=StrictUndefined, keep_trailing_newline=True, autoescape=False)  # noqa: S701 - YAML
    jinja.filters["quoted"] = lambda value: json.dumps(str(value), ensure_ascii=False)  # as YAML reads it too
    return jinja.from_string(text).render(values)


def _from_home(path: Path) -> str:
    """With ~ where it can be, so that the file is as good on another machine."""
    home = Path.home()
    return f"~/{path.relative_to(home)}" if os.geteuid() and path.is_relative_to(home) else str(path)


def _commit(folder: Path) -> str:
    git(folder, "init", "--quiet", "--template=", "--initial-branch=main")
    git(folder, "add", "--all", "--force")
    identity: list[str] = []
    if not _knows_author(folder):
        identity = ["-c", "user.name=fitsom init", "-c", f"user.email={caller.current().login()}@localhost"]
    message = f"Make the school's repository with fitsom {__version__}"
    git(folder, *identity, "commit", "--quiet", "--no-verify", f"--message={message}")
    return git(folder, "rev-parse", "HEAD")


def _knows_author(folder: Path) -> bool:
    try:
        return bool(git(folder, "-c", "user.useConfigOnly=true", "var", "GIT_AUTHOR_IDENT"))
    except ConfigError:
        return False


def git(folder: Path, *arguments: str) -> str:
    """Run git there, and only there: no hook, no signature that needs a pass phrase, no GIT_DIR of a caller."""
    overrides = [
        "core.hooksPath=/dev/null",
        "core.fsmonitor=false",
        "commit.gpgsign=false",
        "core.autocrlf=false",
    ]
    settings = [word for setting in overrides for word in ("-c", setting)]
    allowed_prefixes = ("GIT_AUTHOR_", "GIT_COMMITTER_", "GIT_CONFIG_")
    environment = {
        k: v for k, v in os.environ.items() if not k.startswith("GIT_") or k.startswith(allowed_prefixes)
    }
    command = ["git", *settings, "-C", str(folder), *arguments]
    try:
        process = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    except FileNotFoundError as fault:
        raise ConfigError("git is not installed", hint="apt-get install git") from fault
    except subprocess.CalledProcessError as fault:
        raise ConfigError(f"git could not make the repository: {fault.stderr.strip()}") from fault
    return process.stdout.strip()


def _move_into_place(building: Path, folder: Path) -> None:
    """A new folder appears at once; an empty one that is there keeps its place, since a shell may be working in it."""
    if not folder.exists():
        building.rename(folder)
        return
    moved_paths: list[Path] = []
    try:
        for path in sorted(building.iterdir()):
            path.rename(folder / path.name)
            moved_paths.append(folder / path.name)
        building.rmdir()
    except BaseException:
        for path in moved_paths:
            _remove(path)
        raise


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
