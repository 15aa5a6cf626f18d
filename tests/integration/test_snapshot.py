"""A server whose root is btrfs: the snapshot of the role patching is taken, and putting it in place undoes the updates.

The lab's hosts live on the engine's own storage, so this one is made by hand: a btrfs file, mounted, that holds the
root of a lab host. Only root may mount; for others conftest.py leaves this file out.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from fitsom_lab.labs import Lab
from fitsom_lab.settings import from_environment

REPOSITORY = Path(__file__).resolve().parents[2]
NAME = "btrfs"
SPEC = """
refresh: false
hosts:
  srv1:
    image: debian12
    groups: [servers]
    fixture: {installed: {plain: "1.0", service: "1.0"}, published: {plain: "1.1", service: "1.1"}}
"""
PLAY = """
- hosts: all
  gather_facts: true
  roles: [patching]
"""
OPTIONS = ("patching_snapshot=true", "patching_reboot=never", "fitsom_change=CHG-2026-0007")
BOOTED = (
    "until systemctl is-system-running --wait 2>/dev/null | grep -Eq 'running|degraded'; do sleep 1; done"
)

pytestmark = pytest.mark.lab


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


class Server:
    """A container of a lab of its own, whose root is the subvolume `root` below `top`."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.top = folder, folder / "top"
        labs = {"FITSOM_LAB_DIR": str(folder / "labs")}
        self.lab = Lab(from_environment(labs), NAME)
        self.name = self.lab.container("root")
        self.environment = {
            **self.lab.engine.environment,
            **labs,
            "ANSIBLE_CONFIG": str(REPOSITORY / "ansible.cfg"),
            "ANSIBLE_ROLES_PATH": str(REPOSITORY / "roles"),
        }

    def make(self) -> None:
        spec, image, root = self.folder / "lab.yml", self.folder / "root.img", self.folder / "root.tar"
        spec.write_text(SPEC)
        program = REPOSITORY / "molecule/shared/lab.py"
        call(sys.executable, program, "up", NAME, "--spec", spec, environment=self.environment)
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
            "--label", f"fitsom.lab={NAME}", "--label", f"fitsom.home={self.lab.settings.home}",
            "--cap-add=NET_ADMIN,SYS_ADMIN,SYS_PTRACE", "--rootfs", str(self.top / "root"),
            "/lib/systemd/systemd",
        )  # fmt: skip
        self.lab.engine.shell(self.name, BOOTED)

    def stop(self) -> None:
        self.lab.engine.run("rm", "--force", "--time", "0", self.name)

    def patch(self, *more: str) -> str:
        play = self.folder / "play.yml"
        play.write_text(PLAY)
        extra = [word for option in OPTIONS for word in ("-e", option)]
        inventory = ("-i", f"{self.name},", "-c", "containers.podman.podman")
        return call("ansible-playbook", *inventory, play, *extra, *more, environment=self.environment)

    def version(self) -> str:
        return self.lab.engine.shell(self.name, "cat /usr/share/fitsom-fixture-service/version")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    made = Server(tmp_path)
    try:
        made.make()
        made.start()
        yield made
    finally:
        made.lab.down()
        subprocess.run(["umount", made.top], capture_output=True, check=False)


def test_a_snapshot_is_foreseen_taken_once_and_undoes_the_updates(server: Server) -> None:
    snapshots = server.top / "root/.fitsom-snapshots"
    foreseen = server.patch("--check").split("Take a read-only snapshot", 1)[1].split("TASK", 1)[0]
    assert "changed: [" in foreseen
    assert not snapshots.exists(), "check mode takes none"

    server.patch()
    assert server.version() == "1.1"
    kept = snapshots / "CHG-2026-0007"
    assert (kept / "usr/share/fitsom-fixture-service/version").read_text() == "1.0\n"
    assert call("btrfs", "property", "get", "-t", "subvol", kept, "ro") == "ro=true"
    assert "changed=0" in server.patch(), "the second run takes no other"

    server.stop()  # going back, as the README says: stop, put the snapshot in the root's place, start
    (server.top / "root").rename(server.top / "updated")
    kept = server.top / "updated/.fitsom-snapshots/CHG-2026-0007"
    call("btrfs", "subvolume", "snapshot", kept, server.top / "root")
    server.start()
    assert server.version() == "1.0"
    assert server.lab.engine.shell(server.name, "systemctl is-active fitsom-fixture.service") == "active"
