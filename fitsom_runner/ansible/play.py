"""Start Ansible through ansible-runner: the only place that does. All results come back in the ledger."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from fitsom_runner.ansible import approved_changes, recorder, room, ssh_agent, vaults
from fitsom_runner.ansible.applied import Applied
from fitsom_runner.ansible.bounds import Bounds
from fitsom_runner.ansible.content import Extract
from fitsom_runner.ansible.engine import PLAIN, Engine
from fitsom_runner.ansible.environment import environment
from fitsom_runner.ansible.masking import Masker
from fitsom_runner.ansible.room import Room
from fitsom_runner.ansible.ssh_agent import Agent
from fitsom_runner.config import Config
from fitsom_runner.facts import HostChanges
from fitsom_runner.reading import ESCAPES
from fitsom_runner.yamlfile import VAULTED

_LINES_KEPT = 60
#: Part of the runner, not of what a school may change: it writes the record.
CALLBACKS = Path(__file__).parent / "callback"


@dataclass(frozen=True, kw_only=True)
class Job:
    """One ansible-playbook: what, on which hosts, with which extra variables, into which ledger.

    `facts` is a folder that the facts of hosts are kept in, None to gather them anew; `keys` are the private keys that
    the inventory names; `addresses` and `accepted` are bounds of its tasks (bounds.py); `applied` is what hosts note;
    `approved`: what it may change, None where nothing was predicted. `reachable`: hosts of the change that it does not
    run on, but that its tasks may be delegated to.
    """

    extract: Extract
    playbook: str
    hosts: tuple[str, ...]
    reachable: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    skip_tags: tuple[str, ...] = ()
    extra_vars: dict[str, Any] = field(default_factory=dict)
    check: bool = False
    ledger: Path
    secrets: tuple[str, ...] = ()
    facts: Path | None = None
    engine: Engine = PLAIN
    keys: tuple[Path, ...] = ()
    addresses: Mapping[str, Sequence[str]] = field(default_factory=dict)
    accepted: tuple[str, ...] = ()
    applied: Applied | None = None
    approved: Mapping[str, HostChanges] | None = None

    @property
    def bounds(self) -> Bounds:
        """What its tasks may do."""
        hosts = {host: self.addresses.get(host, (host,)) for host in (*self.hosts, *self.reachable)}
        return Bounds(hosts=hosts, accepted=self.accepted, check=self.check)


@dataclass(frozen=True, kw_only=True)
class PlaybookResult:
    """How ansible-playbook ended. `lines` is what it printed beside its events, without secrets."""

    rc: int
    cancelled: bool
    lines: tuple[str, ...]

    @property
    def was_killed(self) -> bool:
        """Whether a signal ended it: bubblewrap tells of one as a shell does, by 128 and its number."""
        return self.rc < 0 or 128 < self.rc < 128 + signal.NSIG


def arguments(job: Job, work: Path) -> list[str]:
    """The command line of ansible-playbook. Pure."""
    line = [job.playbook, "--limit", f"@{work / 'hosts'}", "-e", f"@{work / 'extra_vars.yml'}"]
    for path in job.extract.inventory_paths:
        line += ["-i", str(path)]
    if job.check:
        # A run has no --diff: its differences were taken a moment ago, and each costs two more modules on the host.
        line += ["--check", "--diff"]
    if job.tags:
        line += ["--tags", ",".join(job.tags)]
    if job.skip_tags:
        line += ["--skip-tags", ",".join(job.skip_tags)]
    return line


def greeting(job: Job, *, closed: bool) -> dict[str, Any]:
    """What the callback must know before the first task. closed: whether it is in a room of its own. Pure."""
    return {
        "secrets": job.secrets,
        "bounds": job.bounds.as_json(),
        "applied": job.applied.as_json() if job.applied else None,
        "approved": approved_changes.as_json(job.approved) if job.approved is not None else None,
        "closed": closed,
    }


def run(config: Config, job: Job, cancelled: Callable[[], bool] = lambda: False) -> PlaybookResult:
    """Run to the end, or until `cancelled` answers True. Blocks."""
    from ansible_runner.config.command import CommandConfig
    from ansible_runner.runner import Runner

    work = Path(tempfile.mkdtemp(prefix="fitsom-", dir=job.extract.folder.parent))
    services = work / "services"
    output = _Output(Masker(job.secrets))
    try:
        services.mkdir(mode=0o700)
        (services / "agent").touch()  # the room mounts the agent of whoever starts the run there
        (work / "hosts").write_text("\n".join(job.hosts) + "\n")
        (work / "extra_vars.yml").write_text(_extra_vars(job.extra_vars))
        if job.facts:
            job.facts.mkdir(mode=0o700, exist_ok=True)
        with ExitStack() as stack:
            stack.enter_context(
                recorder.recording(job.ledger, services, greeting(job, closed=config.sandbox.enabled))
            )
            agent = stack.enter_context(ssh_agent.serving(_keys(config, job), services))
            passwords = stack.enter_context(
                _handed_over(vaults.passwords(config, job.extract.folder), services)
            )
            place = _room(config, job, work, agent)
            inside = place.services or services
            settings = CommandConfig(
                private_data_dir=str(work),
                ident="run",
                settings={
                    "pexpect_timeout": 1,
                    "suppress_output_file": True,
                    "suppress_ansible_output": True,
                },
                suppress_env_files=True,
                quiet=True,
            )
            # ansible-runner gives it a terminal. Nothing may read from one: a question would wait for ever.
            silent = ("/bin/sh", "-c", 'exec "$@" < /dev/null', "sh")
            line = place.command(
                [*silent, "ansible-playbook", *arguments(job, work)], job.extract.folder, work
            )
            settings.prepare_run_command(line[0], cmdline_args=line[1:])
            settings.cwd = str(job.extract.folder)
            settings.suppress_output_file = True
            # ansible-runner would pass the whole environment and its own, slower, callback: ours is short and sealed.
            settings.env = place.environment(_environment(config, job, inside, agent, passwords))
            runner = Runner(
                config=settings,
                cancel_callback=cancelled,
                event_handler=output.handle_event,
                remove_partials=False,
            )
            runner.run()
        if job.ledger.stat().st_size == 0:
            room.require_made(output.lines)
        rc = -1 if runner.rc is None else int(runner.rc)
        return PlaybookResult(rc=rc, cancelled=bool(runner.canceled), lines=tuple(output.lines))
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _keys(config: Config, job: Job) -> tuple[Path, ...]:
    """Without the room, ssh reads them itself."""
    return tuple(dict.fromkeys((*config.ssh.keys, *job.keys))) if config.sandbox.enabled else ()


def _room(config: Config, job: Job, work: Path, agent: Agent) -> Room:
    """The room of one ansible-playbook: the extract, this job's own files, the run's sockets and host keys."""
    services = work / "services"
    sockets = [(room.SERVICES, services)]
    if agent.socket and agent.socket.parent != services:
        sockets.append((room.SERVICES / "agent", agent.socket))
    files = room.ssh_files(config.ssh)
    return room.for_settings(
        config.sandbox,
        read=(job.extract.folder, work / "hosts", work / "extra_vars.yml"),
        write=(job.facts,) if job.facts else (),
        files=(*sockets, *files, *agent.public),
    )


class _Output:
    """Keeps the last lines that ansible-playbook printed: warnings, syntax errors."""

    def __init__(self, masker: Masker) -> None:
        self._masker = masker
        self.lines: list[str] = []

    def handle_event(self, event: dict[str, Any]) -> bool:
        """ansible-runner's event handler; False keeps it from writing the event to a file."""
        for line in str(event.get("stdout", "")).splitlines():
            text = ESCAPES.sub("", line).strip()
            if text:
                self.lines.append(self._masker.text(text)[:500])
        del self.lines[:-_LINES_KEPT]
        return False


def _environment(
    config: Config, job: Job, services: Path, agent: Agent, passwords: tuple[str, ...]
) -> dict[str, str]:
    extra = {
        "ANSIBLE_CALLBACK_PLUGINS": str(CALLBACKS),
        "ANSIBLE_STDOUT_CALLBACK": "fitsom_ledger",
        "FITSOM_LEDGER": str(job.ledger),  # tells the processes of a run from others
        "FITSOM_RECORD": str(services / recorder.SOCKET),
        **job.engine.environment(),
    }
    if job.facts:
        extra |= {"ANSIBLE_CACHE_PLUGIN": "jsonfile", "ANSIBLE_CACHE_PLUGIN_CONNECTION": str(job.facts)}
    if passwords:
        extra["ANSIBLE_VAULT_IDENTITY_LIST"] = ",".join(f"default@{services / name}" for name in passwords)
    if config.ssh.keys and not config.sandbox.enabled:
        extra["ANSIBLE_PRIVATE_KEY_FILE"] = str(config.ssh.keys[0])
    if agent.socket:
        extra["SSH_AUTH_SOCK"] = str(services / "agent" if config.sandbox.enabled else agent.socket)
    return environment(job.extract.folder, extra, config.pass_environment)


@contextmanager
def _handed_over(passwords: list[bytes], folder: Path) -> Iterator[tuple[str, ...]]:
    """The vault passwords as named pipes in `folder`, each read once: what a task runs finds nothing in them."""
    stop = threading.Event()
    names = tuple(f"vault{number}" for number, _password in enumerate(passwords))
    for name, data in zip(names, passwords, strict=True):
        os.mkfifo(folder / name, 0o600)
        threading.Thread(target=_feed, args=(folder / name, data, stop), daemon=True).start()
    try:
        yield names
    finally:
        stop.set()


def _feed(pipe: Path, data: bytes, stop: threading.Event) -> None:
    while not stop.wait(0.02):
        try:
            handle = os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
        except OSError:
            continue  # nobody reads yet
        os.set_blocking(handle, True)
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
        return


class _Vaulted(str):
    """A vault value on its way into a YAML file."""


_TEXT = "tag:yaml.org,2002:str"


class _Literal(str):
    """A text on its way into a YAML file, which Ansible takes as it is: it is no template, whatever is in it."""


class _Dumper(yaml.SafeDumper):
    """Writes vault values and texts with their tags, as Ansible reads them."""


_Dumper.add_representer(
    _Vaulted, lambda dumper, value: dumper.represent_scalar("!vault", str(value) + "\n", style="|")
)


def _literal(dumper: Any, value: str) -> Any:
    """Under its tag, Ansible would read "1.1" as a number and "" as nothing; such a text is no template anyway."""
    kind = dumper.resolve(yaml.ScalarNode, value, (True, False))
    tag = "!unsafe" if kind == _TEXT else _TEXT
    return dumper.represent_scalar(tag, str(value), style='"')


_Dumper.add_representer(_Literal, _literal)


def _extra_vars(values: dict[str, Any]) -> str:
    """The file of extra variables. None of them is sealed content: hosts reported them, or somebody typed them.

    A text is therefore never evaluated. Ansible does not evaluate what it decrypts either, nor keys.
    """

    def tagged(value: Any) -> Any:
        if isinstance(value, str):
            return _Literal(value)
        if isinstance(value, dict):
            return (
                _Vaulted(value[VAULTED].strip())
                if VAULTED in value
                else {k: tagged(v) for k, v in value.items()}
            )
        return [tagged(v) for v in value] if isinstance(value, list) else value

    return yaml.dump(tagged(values), Dumper=_Dumper, allow_unicode=True, sort_keys=True)
