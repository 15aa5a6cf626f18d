"""A host with a kernel and a clock of its own: what a container shares with its machine can only be seen here.

The root of a lab host (image `+kernel`) on a disk of QEMU's. The processor is emulated, which is slow: not every
machine that has a /dev/kvm starts a kernel by it. One second's work takes twenty here, so the machine is spared what
no test looks at.
Making the disk keeps owners and modes, so only root may: for others conftest.py leaves these tests out.
"""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import yaml
from fitsom_lab.inventory import Address
from fitsom_lab.labs import Lab
from fitsom_lab.settings import from_environment

from tests.integration.btrfs_server import call
from tests.integration.lab_hosts import LabHosts
from tests.progress import Patience

NETWORK = "[Match]\nName=en*\n\n[Network]\nDHCP=yes\n"
#: The emulator translates a program anew for each address that it is found at. Without randomised addresses it does so
#: once: a short program then starts in a third of the time. The other words leave out defences that nobody attacks.
KERNEL = "root=/dev/nvme0n1 rw console=ttyS0 norandmaps mitigations=off init_on_alloc=0 hardened_usercopy=off"
#: What would start with the machine, or while a test has it, though none looks at it.
MASKED = """
dev-hugepages.mount dev-mqueue.mount sys-fs-fuse-connections.mount sys-kernel-config.mount sys-kernel-debug.mount
sys-kernel-tracing.mount
dpkg-db-backup.timer fstrim.timer logrotate.timer systemd-tmpfiles-clean.timer
getty@tty1.service serial-getty@ttyS0.service kmod-static-nodes.service systemd-binfmt.service
modprobe@configfs.service modprobe@drm.service modprobe@efi_pstore.service modprobe@fuse.service
"""
#: Devices are looked for among network cards alone: the kernel finds its disk itself.
COLDPLUG = "[Service]\nExecStart=\nExecStart=-udevadm trigger --action=add --subsystem-match=net\n"
#: Packages come from an archive that has no others: Debian's tens of thousands would be read for each task of apt.
ARCHIVE = """\
get() { apt-get -qy install --no-install-recommends --download-only PACKAGES; }
get || { apt-get -q update && get; }
install -d /srv/archive
mv /var/cache/apt/archives/*.deb /srv/archive
cd /srv/archive
apt-ftparchive packages . > Packages
rm -r /etc/apt/sources.list.d/* /var/lib/apt/lists/*
echo "deb [trusted=yes] file:/srv/archive ./" > /etc/apt/sources.list.d/archive.list
apt-get -q update
"""
SILENCE = 300.0  # emulated, beside other tests


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


@dataclass(kw_only=True)
class VirtualMachine:
    """One that is reached as the lab host is whose root it has: the same keys, another address."""

    hosts: LabHosts
    host: str
    folder: Path
    port: int
    packages: tuple[str, ...]  # that a test may install

    @property
    def console(self) -> str:
        return (self.folder / "console.log").read_text(errors="replace")

    @property
    def inventory(self) -> dict[str, object]:
        """The lab's, with this host at its new address."""
        found = yaml.safe_load(self.hosts.inventory.read_text())
        found["all"]["hosts"][self.host].update(ansible_host="127.0.0.1", ansible_port=self.port)
        return dict(found)

    def make(self) -> None:
        """Its disk; the container that lent its root is stopped."""
        lab = Lab(from_environment({"FITSOM_LAB_DIR": str(self.hosts.folder)}), self.hosts.name)
        root, tar = self.folder / "root", self.folder / "root.tar"
        root.mkdir(parents=True)
        lab.engine.shell(lab.container(self.host), ARCHIVE.replace("PACKAGES", " ".join(self.packages)))
        lab.engine.run("export", "--output", str(tar), lab.container(self.host))
        lab.engine.run("stop", "--time", "0", lab.container(self.host))
        call("tar", "-x", "-C", root, "-f", tar)
        tar.unlink()
        (root / "etc/systemd/network/lab.network").write_text(NETWORK)
        (root / "etc/modules-load.d/lab.conf").write_text("virtio_net\n")
        coldplug = root / "etc/systemd/system/systemd-udev-trigger.service.d/lab.conf"
        coldplug.parent.mkdir(parents=True)
        coldplug.write_text(COLDPLUG)
        call("systemctl", f"--root={root}", "enable", "systemd-networkd.service")
        call("systemctl", f"--root={root}", "mask", *MASKED.split())
        (root / "etc/resolv.conf").unlink(missing_ok=True)
        (root / "etc/resolv.conf").write_text("nameserver 10.0.2.3\n")
        (root / "etc/hostname").write_text(f"{self.host}\n")
        (root / "etc/hosts").write_text(f"127.0.0.1 localhost {self.host}\n")
        (kernel,) = (root / "boot").glob("vmlinuz-*")
        kernel.rename(self.folder / "vmlinuz")
        disk = self.folder / "disk"
        with disk.open("wb") as file:
            file.truncate(3 << 30)
        call("mkfs.ext4", "-q", "-d", root, disk)
        call("rm", "-rf", root)
        key = lab.key(self.host).with_suffix(".pub").read_text()
        with (lab.folder / "known_hosts").open("a") as known:
            known.write(Address(host="127.0.0.1", port=self.port).known_hosts_line(key))

    @contextmanager
    def running(self, clock_off: timedelta) -> Iterator[VirtualMachine]:
        """Booted, with a clock that is wrong; ended afterwards."""
        clock = datetime.now(UTC) + clock_off
        with (self.folder / "console.log").open("w") as console:
            machine = subprocess.Popen(
                [
                    "qemu-system-x86_64", "-accel", "tcg", "-m", "1024",
                    "-kernel", "vmlinuz", "-append", KERNEL,  # what it needs is built in: no initrd
                    "-drive", "file=disk,if=none,id=disk,format=raw,cache=unsafe",
                    "-device", "nvme,drive=disk,serial=lab",
                    "-netdev", f"user,id=net,hostfwd=tcp:127.0.0.1:{self.port}-:22",
                    "-device", "virtio-net-pci,netdev=net", "-rtc", f"base={clock:%Y-%m-%dT%H:%M:%S}",
                    "-display", "none", "-monitor", "none", "-serial", "stdio", "-no-reboot",
                ],
                cwd=self.folder, stdin=subprocess.DEVNULL, stdout=console, stderr=subprocess.STDOUT,
            )  # fmt: skip
            try:
                self.wait(machine)
                yield self
            finally:
                machine.kill()
                machine.wait()

    def wait(self, machine: subprocess.Popen[bytes]) -> None:
        still = Patience(SILENCE, "the machine's console", self.folder)
        while self.ssh("true").returncode:
            assert machine.poll() is None, f"QEMU ended: {self.console[-2000:]}"
            still.check()
            time.sleep(1)

    def ssh(self, script: str) -> subprocess.CompletedProcess[str]:
        lab = self.hosts.inventory.parents[1]
        options = ("-F", "none", "-i", lab / "id_ed25519", "-o", f"UserKnownHostsFile={lab}/known_hosts")
        words = ("ssh", *options, "-o", "ConnectTimeout=10", "-o", "IdentitiesOnly=yes", "-p", self.port)
        return subprocess.run(
            [*map(str, words), "ansible@127.0.0.1", f"sudo sh -c '{script}'"],
            capture_output=True,
            text=True,
            check=False,
        )

    def on(self, script: str) -> str:
        """What it prints; a script without single quotes, as root."""
        done = self.ssh(script)
        assert done.returncode == 0, f"{script}\n{done.stdout}\n{done.stderr}"
        return done.stdout.strip()
