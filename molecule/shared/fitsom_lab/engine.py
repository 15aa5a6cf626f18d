"""Talk to podman or docker. Everything we make carries our labels, and only that is ever removed."""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .errors import LabError
from .settings import Settings

LAB_LABEL = "fitsom.lab"
HOME_LABEL = "fitsom.home"
HOST_LABEL = "fitsom.host"
IMAGE_LABEL = "fitsom.image"
WANTED_LIMIT = 1048576


@dataclass(frozen=True, kw_only=True)
class Container:
    """A host of a lab as the engine sees it."""

    name: str
    lab: str
    host: str
    home: str
    state: str
    image: str
    address: str
    port: int


class Engine:
    """One place that starts the engine's program."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.program = settings.engine
        self.is_podman = Path(self.program).name.startswith("podman")
        self.environment = dict(os.environ)
        if self.is_podman and "CONTAINERS_CONF" not in os.environ:
            conf = write_containers_conf(settings.directory)
            if conf:
                self.environment["CONTAINERS_CONF"] = str(conf)

    def run(
        self,
        *arguments: str,
        stdin: bytes | None = None,
        check: bool = True,
        seconds: float | None = None,
    ) -> str:
        """What the engine's program says. Raises LabError where it fails or takes more seconds."""
        command = [self.program, *arguments]
        try:
            done = subprocess.run(
                command,
                input=stdin,
                capture_output=True,
                env=self.environment,
                check=False,
                timeout=seconds,
            )
        except subprocess.TimeoutExpired as error:
            raise LabError(f"{self.program} {arguments[0]} has not ended within {seconds:.0f} s") from error
        except FileNotFoundError as error:
            raise LabError(f"{self.program} is not installed", "run scripts/setup") from error
        if check and done.returncode:
            said = done.stderr.decode(errors="replace").strip()
            raise LabError(f"{self.program} {arguments[0]} failed: {said}")
        return done.stdout.decode(errors="replace").strip()

    def shell(
        self, container: str, script: str, stdin: bytes | None = None, *, seconds: float | None = None
    ) -> str:
        """Run a script as root inside a container."""
        interactive = ["--interactive"] if stdin else []
        return self.run("exec", *interactive, container, "sh", "-euc", script, stdin=stdin, seconds=seconds)

    def call(self, *arguments: str) -> int:
        """Run with this terminal attached, and hand back the exit code."""
        return subprocess.run([self.program, *arguments], env=self.environment, check=False).returncode

    def inspect_network(self, name: str) -> str:
        """The subnet of a network of ours."""
        found = json.loads(self.run("network", "inspect", name))[0]
        return str(found["subnets"][0]["subnet"])

    def containers(self, lab: str | None = None, *, everywhere: bool = False) -> list[Container]:
        ids = self.run("ps", "--all", "--quiet", *self._filters(lab, everywhere)).split()
        if not ids:
            return []
        return [_container(found) for found in json.loads(self.run("inspect", *ids))]

    def networks(self, lab: str | None = None, *, everywhere: bool = False) -> list[str]:
        return self.run("network", "ls", *self._filters(lab, everywhere), "--format", "{{.Name}}").split()

    def volumes(self, lab: str | None = None, *, everywhere: bool = False) -> list[str]:
        return self.run("volume", "ls", *self._filters(lab, everywhere), "--format", "{{.Name}}").split()

    def images(self) -> list[str]:
        ours = ["--filter", f"label={IMAGE_LABEL}=1"]
        return self.run("images", *ours, "--format", "{{.Repository}}:{{.Tag}}").split()

    def _filters(self, lab: str | None, everywhere: bool) -> list[str]:
        filters = ["--filter", f"label={LAB_LABEL}={lab}" if lab else f"label={LAB_LABEL}"]
        return filters if everywhere else [*filters, "--filter", f"label={HOME_LABEL}={self.settings.home}"]

    def remove(self, lab: str | None, *, everywhere: bool = False) -> list[str]:
        """Remove the containers, networks and volumes of one lab, or of all of ours."""
        containers = [found.name for found in self.containers(lab, everywhere=everywhere)]
        if containers:
            self.run("rm", "--force", *(["--time", "0"] if self.is_podman else []), "--volumes", *containers)
        networks = self.networks(lab, everywhere=everywhere)
        if networks:
            self.run("network", "rm", *networks)
        volumes = self.volumes(lab, everywhere=everywhere)
        if volumes:
            self.run("volume", "rm", *volumes)
        return [*containers, *networks, *volumes]


def _container(found: dict[str, Any]) -> Container:
    labels = found["Config"]["Labels"]
    address, port = _where(found["NetworkSettings"])
    return Container(
        name=found["Name"].lstrip("/"),
        lab=labels[LAB_LABEL],
        host=labels.get(HOST_LABEL, ""),
        home=labels.get(HOME_LABEL, ""),
        state=found["State"]["Status"],
        image=found["Config"]["Image"],
        address=address,
        port=port,
    )


def _where(network: dict[str, Any]) -> tuple[str, int]:
    """A published port of this machine, else the container's own address; empty where it does not run."""
    published = (network.get("Ports") or {}).get("22/tcp")
    if published:
        return "127.0.0.1", int(published[0]["HostPort"])
    return next((each["IPAddress"] for each in network["Networks"].values() if each["IPAddress"]), ""), 22


def containers_conf(*, hybrid: bool, systemd: bool, limits: Sequence[int], runc: bool) -> str:
    """What podman must be told where cgroups are not version 2 or hard limits are low; else nothing."""
    low = [limit for limit in limits if 0 <= limit < WANTED_LIMIT]
    containers, engine = [], []
    if low:
        nofile, nproc = (min(limit, 4096) if 0 <= limit < WANTED_LIMIT else 4096 for limit in limits)
        containers.append(f'default_ulimits = ["nofile={nofile}:{nofile}", "nproc={nproc}:{nproc}"]')
    if hybrid and runc:
        engine.append('runtime = "runc"')
    if not systemd:
        engine += ['cgroup_manager = "cgroupfs"', 'events_logger = "file"']
    parts = [("[containers]", containers), ("[engine]", engine)]
    return "\n".join("\n".join([head, *lines, ""]) for head, lines in parts if lines)


def write_containers_conf(directory: Path) -> Path | None:
    """Only where it is needed, and never where the person has a configuration of their own."""
    own = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "containers/containers.conf"
    if own.exists() or Path("/etc/containers/containers.conf").exists():
        return None
    text = containers_conf(
        hybrid=not Path("/sys/fs/cgroup/cgroup.controllers").exists(),
        systemd=Path("/run/systemd/system").is_dir(),
        limits=[resource.getrlimit(kind)[1] for kind in (resource.RLIMIT_NOFILE, resource.RLIMIT_NPROC)],
        runc=shutil.which("runc") is not None,
    )
    if not text:
        return None
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / "containers.conf"
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        draft = path.with_suffix(f".{os.getpid()}")
        draft.write_text(text, encoding="utf-8")
        draft.replace(path)
    return path
