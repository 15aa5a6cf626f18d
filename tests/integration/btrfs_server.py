"""A server whose root is btrfs.

The lab's hosts live on the engine's own storage, so this one is made by hand: a btrfs file, mounted, that holds the
root of a lab host. Only root may mount; for others conftest.py leaves its tests out.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fitsom_lab.labs import Lab
from fitsom_lab.settings import from_environment

REPOSITORY = Path(__file__).resolve().parents[2]
BOOTED = "until systemctl is-system-running 2>/dev/null | grep -Eq 'running|degraded'; do sleep 1; done"


def call(*command: str | Path, environment: dict[str, str] | None = None) -> str:
    done = subprocess.run(
        [str(word) for word in command],
        capture_output=True,
        text=True,
        check=False,
        cwd=REPOSITORY,
        env=environment,
    )
    assert done.returncode == 0, f"{' '.join(map(str, command))}\n{done.stdout}\n{done.stderr}"
    return done.stdout.strip()


class BtrfsServer:
    """A container of a lab of its own, whose root is the subvolume `root` below `top`."""

    def __init__(self, folder: Path, name: str, spec: str, playbook: str) -> None:
        self.folder, self.top = folder, folder / "top"
        self.spec, self.playbook, self.label = spec, playbook, name
        labs = {"FITSOM_LAB_DIR": str(folder / "labs")}
        self.lab = Lab(from_environment(labs), name)
        self.name = self.lab.container("root")
        self.environment = {
            **self.lab.engine.environment,
            **labs,
            "ANSIBLE_CONFIG": str(REPOSITORY / "ansible.cfg"),
        }

    def make(self) -> None:
        spec, image, root = self.folder / "lab.yml", self.folder / "root.img", self.folder / "root.tar"
        spec.write_text(self.spec)
        program = REPOSITORY / "molecule/shared/lab.py"
        call(sys.executable, program, "up", self.label, "--spec", spec, environment=self.environment)
        engine, host = self.lab.engine, self.lab.container("srv1")
        engine.shell(host, "apt-get -q update; apt-get install -qy --no-install-recommends btrfs-progs")
        engine.run("export", "--output", str(root), host)
        with image.open("wb") as file:
            file.truncate(2 << 30)
        call("mkfs.btrfs", "-q", image)
        self.top.mkdir()
        call("mount", "-o", "loop", image, self.top)
        call("btrfs", "subvolume", "create", self.top / "root")
        call("tar", "-x", "-C", self.top / "root", "-f", root)

    def start(self) -> None:
        self.lab.engine.run(
            "run", "--detach", "--name", self.name, "--systemd=always", "--hostname", "srv1",
            "--label", f"fitsom.lab={self.label}", "--label", f"fitsom.home={self.lab.settings.home}",
            "--cap-add=NET_ADMIN,SYS_ADMIN,SYS_PTRACE", "--rootfs", str(self.top / "root"),
            "/lib/systemd/systemd",
        )  # fmt: skip
        self.lab.engine.shell(self.name, BOOTED)

    def stop(self) -> None:
        self.lab.engine.run("rm", "--force", "--time", "0", self.name)

    def play(self, *more: str) -> str:
        play = self.folder / "play.yml"
        play.write_text(self.playbook)
        inventory = ("-i", f"{self.name},", "-c", "containers.podman.podman")
        return call("ansible-playbook", *inventory, play, *more, environment=self.environment)

    @contextmanager
    def running(self) -> Iterator[BtrfsServer]:
        """Made, started, and gone afterwards."""
        try:
            self.make()
            self.start()
            yield self
        finally:
            self.lab.down()
            subprocess.run(["umount", self.top], capture_output=True, check=False)
