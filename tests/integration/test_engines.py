"""The same tasks under both engines, on real hosts: the ledger tells the same, and nothing is left behind."""

from __future__ import annotations

import gzip
import json
import re
import shutil
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
import yaml

from fitsom_runner.ansible import ledger
from tests.integration.lab_hosts import NEEDS_LAB, LabHosts
from tests.school import School, wait_until

pytestmark = NEEDS_LAB
CANARY = "canary-of-the-engines-7315"
SPEC = """\
hosts:
  ansible1: {image: debian13, groups: [tried]}
  mitogen1: {image: debian13, groups: [tried]}
"""
PREPARE = """\
- hosts: all
  gather_facts: false
  tasks: [{ansible.builtin.user: {name: pupil}}]
"""
PLAYBOOK = """\
- name: What people do
  hosts: tried
  gather_facts: true
  vars:
    due: 2026-07-20
    moment: 2026-07-20 08:30:00
    many: {a: 1, b: [two, 3.5, null, true]}
  tasks:
    # The first that touches a host is a loop: the host is asked what it remembers once.
    - name: Keep folders
      ansible.builtin.file:
        path: "/srv/{{ item }}"
        state: directory
        mode: "0755"
      loop: [maths, music, "art & craft"]
    - name: Give a module dates of YAML
      ansible.builtin.command:
        argv: [sh, -c, 'echo "$0" "$1" > /root/dates', "{{ due }}", "{{ moment }}"]
        creates: /root/dates
    - name: Write what YAML makes of words
      ansible.builtin.copy:
        dest: /root/many
        content: "{{ many }}"
        mode: "0600"
    - name: Render a template
      ansible.builtin.template:
        src: motd.j2
        dest: /etc/motd
        mode: "0644"
    - name: Change a line
      ansible.builtin.lineinfile:
        path: /etc/motd
        line: Ask in room 7
    - name: Fail by an exception of the module, since the file is a mount
      ansible.builtin.lineinfile:
        path: /etc/hosts
        line: "192.0.2.7 printer"
      ignore_errors: true
    - name: Write with a secret
      ansible.builtin.copy:
        dest: /root/secret
        content: "{{ secret }}"
        mode: "0600"
      no_log: true
    - name: Run as somebody else
      ansible.builtin.command: >-
        sh -c 'id -un; umask; echo "${WORD:-unset}"; (true < /dev/tty) 2>/dev/null && echo tty || echo none'
      environment: {WORD: "für Schüler"}
      become: true
      become_user: pupil
      register: somebody
      changed_when: false
      check_mode: false
    - name: Write what was seen
      ansible.builtin.copy:
        dest: /root/seen
        content: "{{ somebody.stdout }}\\n"
        mode: "0600"
    - name: Work in the background
      ansible.builtin.command: sh -c 'echo late > /root/late'
      args: {creates: /root/late}
      async: 60
      poll: 1
      when: not ansible_check_mode
    - name: Fail with words on both outputs
      ansible.builtin.shell: echo out; echo err >&2; exit 3
      check_mode: false
      changed_when: false
      ignore_errors: true
    - name: Take too long
      ansible.builtin.command: sleep 60
      timeout: 2
      check_mode: false
      changed_when: false
      ignore_errors: true
    - name: Fail for some items
      ansible.builtin.command: sh -c 'echo "no {{ item }}" >&2; exit {{ item }}'
      loop: [0, 4, 0]
      check_mode: false
      changed_when: false
      ignore_errors: true
    - name: Run a module that leaves its process in disorder
      leaky:
      changed_when: false
    - name: Write after it
      ansible.builtin.command: sh -c '(umask; echo "${WORD:-unset}"; pwd; date +%B) > after'
      args: {chdir: /root, creates: /root/after}
    - name: Reset the connection
      ansible.builtin.meta: reset_connection
    - name: Work on the controller
      ansible.builtin.command: "true"
      delegate_to: localhost
      become: false
      changed_when: false
      check_mode: false
    - name: Ask the package manager
      ansible.builtin.apt: {name: tzdata, state: present}
    - name: Facts of the packages
      ansible.builtin.package_facts: {}
    - name: Restart a service
      ansible.builtin.systemd_service: {name: cron, state: restarted}
    - name: Look after the restart
      ansible.builtin.service_facts: {}
    - name: Done
      ansible.builtin.debug: {msg: done}
      tags: [always, fitsom_host_done]
"""
#: What modules of a school's own are known to leave behind, which is no harm where each has a process of its own.
LEAKY = """\
#!/usr/bin/python
import locale
import os
import socket
import sys

from ansible.module_utils.basic import AnsibleModule

module = AnsibleModule(argument_spec={}, supports_check_mode=True)
os.umask(0o077)
os.environ["WORD"] = "leaked"
os.chdir("/var/tmp")
locale.setlocale(locale.LC_ALL, "C")
socket.setdefaulttimeout(0.001)
sys.path.insert(0, "/nowhere")
module.exit_json(changed=False)
"""
REBOOT = """\
- name: Restart the computer
  hosts: tried
  gather_facts: false
  tasks:
    - name: Restart
      ansible.builtin.reboot:
        boot_time_command: "{{ patching_boot_time_command }}"
        reboot_timeout: 300
    - name: Write after the restart
      ansible.builtin.copy: {dest: /root/restarted, content: "yes\n", mode: "0600"}
    - name: Done
      ansible.builtin.debug: {msg: done}
      tags: [always, fitsom_host_done]
"""
ONCE = """\
- name: Do something that must not be done twice
  hosts: tried
  gather_facts: false
  tasks:
    - name: Count
      ansible.builtin.shell: echo done >> /root/how-often
      changed_when: true
      tags: [fitsom_host_done]
"""
ENGINES = ("ansible", "mitogen")
#: Temporary files, addresses and moments.
OWN_PLACES = re.compile(r"/\S*tmp\S*|\b10\.[\d.]+\b")


@pytest.fixture(scope="module")
def schools(hosts: LabHosts, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, School]]:
    """A school for each engine, of one host."""
    made = {}
    home = tempfile.TemporaryDirectory()  # a short path, for ssh's control socket
    listed = yaml.safe_load(hosts.inventory.read_text())
    for name in ENGINES:
        files = {
            "playbooks/tasks.yml": PLAYBOOK,
            "playbooks/reboot.yml": REBOOT,
            "playbooks/once.yml": ONCE,
            "playbooks/library/leaky.py": LEAKY,
            "playbooks/templates/motd.j2": "Welcome to {{ ansible_facts.distribution }}\nümlaut\n",
            "inventories/school/hosts.yml": str(yaml.safe_dump(listed)),
            "inventories/school/group_vars/all.yml": f"secret: {CANARY}\n",
        }
        folder = tmp_path_factory.mktemp(name) / "school"
        school = School(
            folder=folder,
            inventories=("inventories/school",),
            engine=name,
            readable=(str(hosts.inventory.parents[1] / "known_hosts"),),
        )
        school.extra_env["HOME"] = home.name
        made[name] = school.build(files)
        school.fitsom("content", "accept", acting_as="tech")  # its tasks run while a plan is taken, too
    yield made
    home.cleanup()


def told(school: School, path: Path) -> list[tuple[str, ...]]:
    """What a ledger says of each task: its result, its changes and its words."""
    state = ledger.read(path)
    (host,) = (name for name in state.hosts if name != "localhost")
    rows: list[tuple[str, ...]] = [
        (state.tasks[each["i"]]["n"], ledger.Status(each["s"]).name) for each in state.results
    ]
    rows += [(item.task, item.item, item.diff) for item in state.hosts[host].items]
    return [tuple(OWN_PLACES.sub("...", part.replace(host, "HOST")) for part in row) for row in rows]


def failures(path: Path) -> list[str]:
    """The words of each failed or ignored result."""
    lines = [json.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines()]
    return [
        OWN_PLACES.sub("...", ledger.error_text(line["x"]))
        for line in lines
        if line["e"] == "res" and line["s"] in (ledger.Status.FAILED, ledger.Status.IGNORED)
    ]


@pytest.fixture(scope="module")
def runs(schools: dict[str, School]) -> dict[str, tuple[Path, Path]]:
    """{engine: (ledger of the plan, ledger of the run)} of the long playbook."""
    ledgers = {}
    for name, school in schools.items():
        number = school.planned("playbooks/tasks.yml", limit=f"{name}1")
        school.fitsom("change", "approve", number, acting_as="head")
        run = school.fitsom("run", "start", number).value
        assert run["status"] == "succeeded", run
        folders = school.state / "runs"
        ledgers[name] = (folders / f"{number}-v1-plan1/plan.jsonl", folders / run["id"] / "ledger.jsonl")
    return ledgers


def test_plan_and_run_are_written_down_alike(
    schools: dict[str, School], runs: dict[str, tuple[Path, Path]]
) -> None:
    for part in (0, 1):
        plain, mitogen = (told(schools[name], runs[name][part]) for name in ENGINES)
        assert plain == mitogen
        assert len(plain) > 25


def test_failures_have_the_same_words(runs: dict[str, tuple[Path, Path]]) -> None:
    plain, mitogen = (failures(runs[name][1].with_suffix(".jsonl.gz")) for name in ENGINES)
    assert len(plain) == 4
    for one, other in zip(plain, mitogen, strict=True):
        assert one.partition(":")[2][:60] == other.partition(":")[2][:60]


def test_what_was_done_is_the_same(hosts: LabHosts, runs: dict[str, tuple[Path, Path]]) -> None:
    command = "cat /root/dates /root/many /root/seen /root/late /root/after /etc/motd; stat -c '%A %n' /root/* /srv/*"
    plain, mitogen = (hosts.on(f"{name}1", "sh", "-c", command) for name in ENGINES)
    assert plain == mitogen
    assert "2026-07-20 2026-07-20" in plain


def mitogen_has_ended(hosts: LabHosts, host: str) -> bool:
    return "mitogen" not in hosts.on(host, "ps", "-eo", "args")


def test_nothing_is_left_behind(
    schools: dict[str, School], hosts: LabHosts, runs: dict[str, tuple[Path, Path]]
) -> None:
    for name, school in schools.items():
        school.nothing_left()
        wait_until(partial(mitogen_has_ended, hosts, f"{name}1"), f"no Python of Mitogen's on {name}1")
        for path in school.state.rglob("*"):
            body = path.read_bytes() if path.is_file() else b""
            assert CANARY.encode() not in (gzip.decompress(body) if path.suffix == ".gz" else body), path


def test_each_report_names_its_engine(schools: dict[str, School], runs: dict[str, tuple[Path, Path]]) -> None:
    for name, words in (("ansible", "plain Ansible"), ("mitogen", "Mitogen 0.3.")):
        page = next(schools[name].state.glob("runs/*-run1/report.md")).read_text()
        assert f"- **Engine**: {words}" in page


def test_a_restarted_computer_is_reached_again(hosts: LabHosts, schools: dict[str, School]) -> None:
    for name, school in schools.items():
        number = school.planned("playbooks/reboot.yml", limit=f"{name}1")
        school.fitsom("change", "approve", number, acting_as="head")
        run = school.fitsom("run", "start", number).value
        assert run["status"] == "succeeded", run
        assert hosts.on(f"{name}1", "cat", "/root/restarted").strip() == "yes"


@pytest.mark.parametrize("engine", ENGINES)
def test_an_older_copy_of_the_records_cannot_apply_a_plan_again(
    hosts: LabHosts, schools: dict[str, School], engine: str, tmp_path: Path
) -> None:
    """The records have forgotten that it was applied; the host has not."""
    school, host = schools[engine], f"{engine}1"
    number = school.planned("playbooks/once.yml", limit=host)
    school.fitsom("change", "approve", number, acting_as="head")
    copy = shutil.copytree(school.state, tmp_path / "copy", symlinks=True)
    assert school.fitsom("run", "start", number).value["status"] == "succeeded"
    school.fitsom("run", "start", number, code=3)
    shutil.rmtree(school.state)
    shutil.copytree(copy, school.state, symlinks=True)
    answer = school.fitsom("run", "start", number, code=None)
    assert answer.code != 0
    assert "this very plan was applied to this host already" in answer.out
    assert hosts.on(host, "cat", "/root/how-often").split() == ["done"]
    # Planned again by the older records it is another plan, of which people know what they approve.
    again = school.fitsom("change", "plan", number).value["seal"]
    school.fitsom("change", "approve", number, "--seal", again, acting_as="head")
    assert school.fitsom("run", "start", number).value["status"] == "succeeded"
