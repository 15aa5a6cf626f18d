"""Homes on btrfs may hold so much and no more; who is nearly full is counted and never named."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.btrfs_server import BtrfsServer

SPEC = """
refresh: false
hosts: {srv1: {image: debian12, groups: [servers]}}
"""
PLAY = """
- hosts: all
  gather_facts: false
  vars:
    backups_quotas: [{path: /srv/homes, gb: 0.02}]
  roles: [fitsom.school.backups]
"""
HOMES = """
set -e
mkdir -p /srv/homes/canary-plain
for name in canary-anna canary-ben; do btrfs -q subvolume create /srv/homes/$name; done
"""
WRITE = "dd if=/dev/urandom of=/srv/homes/{home}/film bs=1M count={size} conv=fsync 2>&1 || true; sync"

pytestmark = pytest.mark.lab


@pytest.fixture
def server(tmp_path: Path) -> Iterator[BtrfsServer]:
    with BtrfsServer(tmp_path, "quota", SPEC, PLAY).running() as made:
        yield made


def test_a_home_holds_what_it_may_and_no_more(server: BtrfsServer) -> None:
    def on(script: str) -> str:
        return server.lab.engine.shell(server.name, script)

    def told() -> str:
        return " ".join(server.play("-v").split())  # Ansible wraps long sentences

    on(HOMES)
    foreseen = server.play("--check", "--diff")
    assert "limited to 20000000 bytes: 2 of 2" in foreseen
    assert "No space" not in on(WRITE.format(home="canary-ben", size=30)), "check mode limits nothing"
    on("rm /srv/homes/canary-ben/film; sync")

    assert "changed=1" in server.play()
    again = told()
    assert "changed=0" in again
    assert "1 folder under /srv/homes can hold as much as there is room." in again
    assert "nine tenths" not in again

    assert "Disk quota exceeded" in on(WRITE.format(home="canary-anna", size=30))
    assert "exceeded" not in on(WRITE.format(home="canary-ben", size=5))
    full = told()
    assert "1 folder under /srv/homes holds nine tenths of the 0.02 GB that each may hold, or more." in full
    assert "canary" not in foreseen + again + full, "a home is called after a person"
