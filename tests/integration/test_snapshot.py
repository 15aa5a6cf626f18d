"""A server whose root is btrfs: the snapshot of the role patching is taken, and undoes the updates."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.btrfs_server import BtrfsServer, call

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
  roles: [fitsom.school.patching]
"""
OPTIONS = ("patching_snapshot=true", "patching_reboot=never", "fitsom_change_id=CHG-2026-0007")

pytestmark = pytest.mark.lab


def patch(server: BtrfsServer, *more: str) -> str:
    return server.play(*(word for option in OPTIONS for word in ("-e", option)), *more)


def version(server: BtrfsServer) -> str:
    return server.lab.engine.shell(server.name, "cat /usr/share/fitsom-fixture-service/version")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[BtrfsServer]:
    with BtrfsServer(tmp_path, "btrfs", SPEC, PLAY).running() as made:
        yield made


def test_a_snapshot_is_foreseen_taken_once_and_undoes_the_updates(server: BtrfsServer) -> None:
    snapshots = server.top / "root/.fitsom-snapshots"
    foreseen = patch(server, "--check").split("Take a read-only snapshot", 1)[1].split("TASK", 1)[0]
    assert "changed: [" in foreseen
    assert not snapshots.exists(), "check mode takes none"

    patch(server)
    assert version(server) == "1.1"
    kept = snapshots / "CHG-2026-0007"
    assert (kept / "usr/share/fitsom-fixture-service/version").read_text() == "1.0\n"
    assert call("btrfs", "property", "get", "-t", "subvol", kept, "ro") == "ro=true"
    assert "changed=0" in patch(server), "the second run takes no other"

    server.stop()  # going back, as the README says: stop, put the snapshot in the root's place, start
    (server.top / "root").rename(server.top / "updated")
    kept = server.top / "updated/.fitsom-snapshots/CHG-2026-0007"
    call("btrfs", "subvolume", "snapshot", kept, server.top / "root")
    server.start()
    assert version(server) == "1.0"
    assert server.lab.engine.shell(server.name, "systemctl is-active fitsom-fixture.service") == "active"
