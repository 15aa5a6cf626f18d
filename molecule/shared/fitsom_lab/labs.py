"""Start, describe and remove labs."""

from __future__ import annotations

import ipaddress
import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from . import fixture, images
from .engine import HOME_LABEL, HOST_LABEL, LAB_LABEL, Container, Engine
from .errors import LabError
from .inventory import Address, inventory, render
from .keys import ensure_key, host_files
from .limits import ensure_inotify, ensure_rootless
from .locks import locked
from .recipe import USER
from .settings import Settings
from .spec import NAME, Host, Spec

CAPABILITIES = ("NET_ADMIN", "SYS_ADMIN", "SYS_PTRACE", "AUDIT_WRITE")
FIRST_ADDRESS = 10
AT_ONCE = 6
BOOT_SECONDS = 180.0
ASK_SECONDS = 20.0
REFRESH_SECONDS = 300


class Lab:
    """One named lab of this lab directory."""

    def __init__(self, settings: Settings, name: str) -> None:
        if not NAME.match(name):
            raise LabError(f"not a lab's name: {name!r}", "use a to z, 0 to 9 and dashes, at most 31")
        self.settings = settings
        self.name = name
        self.folder = settings.folder(name)
        self.engine = Engine(settings)
        self.network = f"fitsom-{settings.home}-{name}"

    def container(self, host: str) -> str:
        return f"{self.network}-{host}"

    def key(self, host: str) -> Path:
        return self.folder / "hosts" / host / "ssh_host_ed25519_key"

    def ready(self, host: str) -> Path:
        return self.folder / "hosts" / host / "ready"

    # up

    def up(self, spec: Spec) -> None:
        with locked(self.settings.directory, f"lab-{self.name}"):
            if os.geteuid() != 0 and self.engine.is_podman:
                ensure_rootless()
            tags = images.ensure(self.settings, self.engine, spec.images)
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            public = ensure_key(self.folder / "id_ed25519", f"fitsom-lab-{self.name}")
            present = self._drop_strangers(spec, tags)
            said = ensure_inotify(
                len(self.engine.containers(everywhere=True)) + len(spec.hosts) - len(present)
            )
            if said:
                images.say(said)
            self._ensure_network()
            stopped = [found.name for found in present.values() if found.state != "running"]
            _each(stopped, self.start_container)
            free = self._free_addresses()
            missing = [(host, next(free)) for host in spec.hosts if host.name not in present]
            _each(missing, lambda item: self._create(item[0], tags[item[0].image], public, item[1]))
            addresses = self.addresses()
            self._write_connection(spec, addresses, public)
            _each(spec.hosts, lambda host: self._finish(host, addresses[host.name], refresh=spec.refresh))

    def _drop_strangers(self, spec: Spec, tags: dict[str, str]) -> dict[str, Container]:
        """Containers that the specification no longer describes, or whose key we lost, are made again."""
        wanted = {host.name: tags[host.image] for host in spec.hosts}
        keep: dict[str, Container] = {}
        for found in self.engine.containers(self.name):
            if found.image == wanted.get(found.host) and self.key(found.host).exists():
                keep[found.host] = found
            else:
                self.engine.run("rm", "--force", "--volumes", found.name)
                self.ready(found.host).unlink(missing_ok=True)
        return keep

    def _labels(self, host: str = "") -> list[str]:
        labels = [f"{LAB_LABEL}={self.name}", f"{HOME_LABEL}={self.settings.home}"]
        labels += [f"{HOST_LABEL}={host}"] if host else []
        return [part for label in labels for part in ("--label", label)]

    def _ensure_network(self) -> None:
        if self.network not in self.engine.networks(self.name):
            self.engine.run("network", "create", *self._labels(), self.network)

    def _free_addresses(self) -> Iterator[str]:
        """Fixed addresses, since a container that reboots might come back with another."""
        if self.settings.publish or not self.engine.is_podman:
            while True:
                yield ""
        subnet = self.engine.inspect_network(self.network)
        used = {address.host for address in self.addresses().values()}
        for number in ipaddress.ip_network(subnet).hosts():
            if int(number) & 0xFF >= FIRST_ADDRESS and str(number) not in used:
                yield str(number)

    def _create(self, host: Host, tag: str, public: str, address: str) -> None:
        name = self.container(host.name)
        self.ready(host.name).unlink(missing_ok=True)
        key = self.key(host.name)
        ensure_key(key, host.name)
        self.engine.run("create", "--name", name, *self._run_options(host, address), tag)
        files = host_files(public, key, warm=self.settings.warm)
        self.engine.run("cp", "-", f"{name}:/", stdin=files)
        self.engine.run("start", name)

    def _run_options(self, host: Host, address: str) -> list[str]:
        options = ["--hostname", host.name, *self._labels(host.name), "--restart=always"]
        options += ["--network", self.network, "--network-alias", host.name]
        options += [f"--cap-add={capability}" for capability in CAPABILITIES]
        options += ["--ip", address] if address else []
        options += ["--publish", "127.0.0.1::22"] if self.settings.publish else []
        if self.engine.is_podman:
            # A controller makes closed rooms with their own /proc, which the kernel allows only beside a whole one.
            options += ["--security-opt=unmask=ALL"] if "controller" in host.image.split("+") else []
            return [*options, "--systemd=always"]
        return [*options, "--cgroupns=private", "--security-opt=seccomp=unconfined", "--privileged",
                "--tmpfs=/run", "--tmpfs=/run/lock"]  # fmt: skip

    def _write_connection(self, spec: Spec, addresses: dict[str, Address], public: str) -> None:
        known = "".join(
            address.known_hosts_line(ensure_key(self.key(host), host)) for host, address in addresses.items()
        )
        (self.folder / "known_hosts").write_text(known, encoding="utf-8")
        (self.folder / "inventory").mkdir(exist_ok=True)
        text = render(inventory(spec, addresses, self.folder, public))
        (self.folder / "inventory/hosts.yml").write_text(text, encoding="utf-8")

    def addresses(self) -> dict[str, Address]:
        """Where ssh answers, by host."""
        containers = self.engine.containers(self.name)
        return {found.host: Address(host=found.address, port=found.port) for found in containers}

    def _finish(self, host: Host, address: Address, *, refresh: bool) -> None:
        """Wait until the host has booted and answers; a new one gets fresh lists and its fixture."""
        self.wait(host.name, address)
        if self.ready(host.name).exists():
            return
        if refresh:
            self.refresh(host.name)
        if host.fixture:
            fixture.install(self, host.name, host.fixture.installed)
            fixture.publish(self, host.name, host.fixture.published)
        self.ready(host.name).touch()

    def wait(self, host: str, address: Address) -> None:
        """Until ssh answers and systemd has finished booting.

        Asked again and again, since a session that ssh lost while the host booted, or a `--wait` that missed
        systemd's word, would wait for ever.
        """
        until = time.monotonic() + BOOT_SECONDS
        command = self.ssh_command(
            address, "systemctl is-system-running || systemctl list-jobs --no-legend >&2"
        )
        while True:
            try:
                done = subprocess.run(
                    command, capture_output=True, text=True, check=False, timeout=ASK_SECONDS
                )
                said = f"{done.stdout.strip()} {done.stderr.strip()}"
            except subprocess.TimeoutExpired:
                said = f"nothing for {ASK_SECONDS:.0f} s"
            if said.partition(" ")[0] in ("running", "degraded"):
                return
            if time.monotonic() > until:
                raise LabError(
                    f"{host} of lab {self.name} has not booted or does not answer over ssh: {said}"
                )
            time.sleep(0.3)

    def refresh(self, host: str) -> None:
        """Fetch the package lists; once more where the archive or the engine does not come to an end."""
        script = f"timeout {REFRESH_SECONDS} apt-get -q update"
        try:
            self.engine.shell(self.container(host), script, seconds=REFRESH_SECONDS + 10)
        except LabError as error:
            images.say(f"{host} has no package lists yet, once more: {error.message}")
            self.engine.shell(self.container(host), script, seconds=REFRESH_SECONDS + 10)

    def ssh_command(self, address: Address, command: str) -> list[str]:
        options = {
            "BatchMode": "yes",
            "ConnectTimeout": "5",
            "IdentitiesOnly": "yes",
            "StrictHostKeyChecking": "yes",
            "GlobalKnownHostsFile": "/dev/null",
            "UserKnownHostsFile": f'"{self.folder / "known_hosts"}"',
        }
        arguments = [part for name, value in options.items() for part in ("-o", f"{name}={value}")]
        identity = ["-i", str(self.folder / "id_ed25519"), "-p", str(address.port)]
        return ["ssh", "-F", "none", *arguments, *identity, f"{USER}@{address.host}", command]

    # after

    def start_container(self, name: str) -> None:
        self.engine.run("start", name)

    def kill(self, host: str) -> None:
        """As a power cut would."""
        self.engine.run("kill", self.container(host))

    def start(self, host: str) -> None:
        self.start_container(self.container(host))
        self.wait(host, self.addresses()[host])

    def hosts(self) -> list[dict[str, Any]]:
        return [
            {"host": found.host, "container": found.name, "state": found.state, "image": found.image,
             "address": found.address, "port": found.port}
            for found in sorted(self.engine.containers(self.name), key=lambda each: each.host)
        ]  # fmt: skip

    def down(self) -> list[str]:
        with locked(self.settings.directory, f"lab-{self.name}"):
            removed = self.engine.remove(self.name)
            shutil.rmtree(self.folder, ignore_errors=True)
        return removed


def names(settings: Settings) -> list[str]:
    """Labs of this directory, by their containers, their networks or their folders."""
    engine = Engine(settings)
    found = {container.lab for container in engine.containers()}
    for network in engine.networks():
        labels = json.loads(engine.run("network", "inspect", network))[0]
        found.add((labels.get("labels") or labels.get("Labels"))[LAB_LABEL])
    found |= {path.parent.name for path in settings.directory.glob("*/id_ed25519")}
    return sorted(found)


def down_all(settings: Settings, *, everywhere: bool = False) -> list[str]:
    removed = [item for name in names(settings) for item in Lab(settings, name).down()]
    if everywhere:
        removed += Engine(settings).remove(None, everywhere=True)
    for leftover in (settings.directory / ".locks", settings.directory / "containers.conf"):
        shutil.rmtree(leftover) if leftover.is_dir() else leftover.unlink(missing_ok=True)
    if settings.directory.is_dir() and not any(settings.directory.iterdir()):
        settings.directory.rmdir()
    return removed


def remove_images(settings: Settings) -> tuple[list[str], list[str]]:
    """Remove the cached images; those that containers of other labs run on stay. Names of the one and the other."""
    engine = Engine(settings)
    used = {container.image for container in engine.containers(everywhere=True)}
    free: list[str] = []
    kept: list[str] = []
    for image in engine.images():
        (kept if image in used else free).append(image)
    if free:
        engine.run("rmi", *free)
    return free, kept


def _each[T](items: Iterable[T], action: Callable[[T], object]) -> None:
    """A few at once, and every failure told, not only the first."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        waiting = [pool.submit(action, item) for item in items]
    errors = [error for error in (future.exception() for future in waiting) if error]
    if len(errors) == 1 or any(not isinstance(error, LabError) for error in errors):
        raise errors[0]
    if errors:
        raise LabError("\n".join(str(error) for error in errors))
