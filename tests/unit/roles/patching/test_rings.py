"""playbooks/patch.yml goes on to the next ring only when every host before has come through."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[4]
ANSIBLE_PLAYBOOK = str(Path(sys.executable).parent / "ansible-playbook")
INVENTORY = """\
[pilot]
pilot1
pilot2
[servers]
pilot1
server1
server2
[estate]
server2
desk1
[strangers]
printer1
[all:vars]
ansible_connection=local
"""
STANDS_IN = """\
- name: Learn something of this host
  ansible.builtin.set_fact:
    colour: of {{ inventory_hostname }}
    cacheable: true

- name: Check that it is still known of this host
  ansible.builtin.assert:
    that: ansible_facts['colour'] == 'of ' ~ inventory_hostname

- name: Patch
  ansible.builtin.debug:
    msg: patched
  failed_when: inventory_hostname in broken
"""


def patched(folder: Path, broken: list[str], *options: str) -> tuple[int, list[str]]:
    """Run the real playbook, gate and done mark, with a stand-in for the role's work; tells who was patched."""
    tasks = folder / "ansible_collections/fitsom/school/roles/patching/tasks"
    tasks.mkdir(parents=True)
    for name in ("gate.yml", "done.yml"):
        shutil.copy(ROOT / "roles/patching/tasks" / name, tasks)
    (tasks / "main.yml").write_text(STANDS_IN)
    (folder / "hosts").write_text(INVENTORY)
    extra = f"broken={broken}"
    done = subprocess.run(
        [ANSIBLE_PLAYBOOK, "-i", f"{folder}/hosts", "playbooks/patch.yml", "-e", extra, *options],
        cwd=ROOT,
        env={**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(folder), "ANSIBLE_NOCOLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    finished = done.stdout.split("TASK [fitsom.school.patching : This host is done]")[1:]
    return done.returncode, [
        host for part in finished for host in re.findall(r"^ok: \[(\w+)\]", part.split("\nPLAY")[0], re.M)
    ]


def test_each_host_is_patched_once_ring_after_ring(tmp_path: Path) -> None:
    code, hosts = patched(tmp_path, [])
    assert code == 0
    assert (sorted(hosts[:2]), sorted(hosts[2:4]), hosts[4:]) == (
        ["pilot1", "pilot2"],
        ["server1", "server2"],
        ["desk1"],
    )


def test_a_failed_pilot_lets_its_ring_finish_and_the_rest_untouched(tmp_path: Path) -> None:
    code, hosts = patched(tmp_path, ["pilot2"])
    assert (code, hosts) == (2, ["pilot1"])


def test_a_failed_server_leaves_the_estate_untouched(tmp_path: Path) -> None:
    code, hosts = patched(tmp_path, ["server1"])
    assert (code, sorted(hosts)) == (2, ["pilot1", "pilot2", "server2"])


def test_a_failed_host_stops_the_next_batch_of_its_ring(tmp_path: Path) -> None:
    code, hosts = patched(tmp_path, ["pilot1"], "-e", "patching_serial=1")
    assert (code, hosts) == (2, [])


def test_a_plan_is_made_for_every_host_whatever_it_finds_on_the_others(tmp_path: Path) -> None:
    _code, hosts = patched(tmp_path, ["pilot2"], "--check")
    assert sorted(hosts) == ["desk1", "pilot1", "server1", "server2"]


def test_a_limit_leaves_the_other_hosts_out_of_the_question(tmp_path: Path) -> None:
    code, hosts = patched(tmp_path, [], "--limit", "server1,desk1")
    assert (code, hosts) == (0, ["server1", "desk1"])
