"""Who is reached is settled before the run: by a dynamic inventory that is asked once, by addresses computed once."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.school import School

#: Counts how often it was asked. From the second time on it names another machine, with another variable.
COUNTING = """\
#!/bin/sh
[ "$1" = --list ] || { echo '{}'; exit; }  # Ansible asks for each host where there is no _meta
echo asked >> "$TRUTH/asked"
level=approved
hosts='"srv1"'
if [ "$(wc -l < "$TRUTH/asked")" -gt LIMIT ]; then level=evil; hosts='"srv1", "srv2"'; fi
echo '{"servers": {"hosts": ['"$hosts"'], "vars": {"level": "'$level'", "ansible_connection": "local",
  "ansible_python_interpreter": "{{ ansible_playbook_python }}"}}}'
"""
PLAYBOOK = """\
- name: Say the level
  hosts: servers
  gather_facts: false
  tasks:
    - name: Write it down
      ansible.builtin.copy:
        content: "{{ level }} {{ more }}\\n"
        dest: "{{ truth }}/{{ inventory_hostname }}.level"
        mode: "0644"
      tags: [fitsom_host_done]
"""

VARIABLES = """\
more: 5
truth: "{{ (playbook_dir ~ '/../../../../../../machines/truth') | realpath }}"
"""


@pytest.fixture
def school(tmp_path: Path) -> School:
    made = School(folder=tmp_path / "school", inventories=("inventories/dynamic",), passed=("TRUTH",))
    made.build({"playbooks/level.yml": PLAYBOOK, "inventories/dynamic/group_vars/servers.yml": VARIABLES})
    return made


def put(school: School, limit: int) -> None:
    script = school.repo / "inventories/dynamic/hosts.sh"
    script.write_text(COUNTING.replace("LIMIT", str(limit)))
    script.chmod(0o755)
    school.commit({})


def test_what_it_answers_later_reaches_nobody(school: School) -> None:
    put(school, limit=1)
    number = school.planned("playbooks/level.yml", limit="servers")
    assert (school.truth / "asked").read_text().count("asked") == 1
    plan = school.change(number)["plan"]
    assert list(plan["hosts"]) == ["srv1"]
    assert "+approved 5" in json.dumps(plan["hosts"])
    school.fitsom("change", "approve", number, acting_as="head")
    answer = school.fitsom("run", "start", number, code=None)
    assert answer.code != 0
    assert "inventories/dynamic" in answer.out
    assert not list(school.truth.glob("*.level"))


def test_one_that_stays_the_same_is_asked_once_for_a_plan_and_once_for_a_run(school: School) -> None:
    put(school, limit=99)
    number = school.approved("playbooks/level.yml", limit="servers")
    assert school.fitsom("run", "start", number).value["status"] == "succeeded"
    assert (school.truth / "asked").read_text().count("asked") == 2
    assert (school.truth / "srv1.level").read_text() == "approved 5\n"


def test_one_that_fails_is_an_error_and_not_fewer_hosts(school: School) -> None:
    script = school.repo / "inventories/dynamic/hosts.sh"
    script.write_text("#!/bin/sh\necho 'the service is down' >&2\nexit 1\n")
    script.chmod(0o755)
    school.commit({"inventories/dynamic/more.yml": "servers: {hosts: {srv1: }}\n"})
    number = school.new("playbooks/level.yml", limit="servers")
    error = school.fitsom("change", "plan", number, code=None).error
    assert "inventories/dynamic/hosts.sh gave no answer" in error
    assert "the service is down" in error


COMPUTED = """\
servers:
  hosts: {srv1: {where: 192.0.2.1}, srv2: {where: 192.0.2.2}}
  vars: {ansible_host: "ADDRESS", ansible_connection: local}
"""
LED_AWAY = """\
- name: Lead the host's name to another machine
  hosts: servers
  gather_facts: false
  tasks:
    - name: Name the other
      ansible.builtin.set_fact:
        where: 192.0.2.7
      when: inventory_hostname == 'srv1'
    - name: Go there
      ansible.builtin.ping:
      vars:
        ansible_connection: "{{ 'ssh' if inventory_hostname == 'srv1' else 'local' }}"
"""


def test_a_computed_address_is_the_one_that_the_inventory_gives(tmp_path: Path) -> None:
    school = School(folder=tmp_path / "school", inventories=("inventories/computed",)).build(
        {
            "inventories/computed/hosts.yml": COMPUTED.replace("ADDRESS", "{{ where }}"),
            "playbooks/away.yml": LED_AWAY,
        }
    )
    answer = school.fitsom("change", "plan", school.new("playbooks/away.yml", limit="servers"), code=1)
    (reason,) = answer.value["details"]
    assert reason.startswith("srv1: ")
    assert "it would reach 192.0.2.7 under the name of srv1, which is 192.0.2.1" in reason


DELEGATED = """\
- name: Work on the second for the first
  hosts: srv1
  gather_facts: false
  tasks:
    - name: Go to the other host by the inventory's template
      ansible.builtin.ping:
      delegate_to: srv2
      vars: {ansible_connection: ssh}
"""


def test_a_delegated_task_reaches_the_other_host_or_nobody(tmp_path: Path) -> None:
    """Ansible may compute its address by the first host's values (ansible/ansible 14637, 73313, 76868, 30630)."""
    school = School(folder=tmp_path / "school", inventories=("inventories/computed",)).build(
        {
            "inventories/computed/hosts.yml": COMPUTED.replace("ADDRESS", "{{ where }}"),
            "playbooks/delegated.yml": DELEGATED,
        }
    )
    answer = school.fitsom("change", "plan", school.new("playbooks/delegated.yml", limit="servers"), code=1)
    (reason,) = [each for each in answer.value["details"] if each.startswith("srv1: ")]
    assert "it would reach 192.0.2.1 under the name of srv2, which is 192.0.2.2" in reason or (
        "192.0.2.2" in reason and "192.0.2.1" not in reason
    )


def test_an_address_that_only_a_run_could_tell_is_refused(tmp_path: Path) -> None:
    school = School(folder=tmp_path / "school", inventories=("inventories/computed",)).build(
        {
            "inventories/computed/hosts.yml": COMPUTED.replace("ADDRESS", "{{ ansible_facts.fqdn }}"),
            "playbooks/away.yml": LED_AWAY,
        }
    )
    number = school.new("playbooks/away.yml", limit="servers")
    error = school.fitsom("change", "plan", number, code=None).error
    assert "the address of srv1 cannot be computed from the inventory" in error
    assert "Write the address out" in error
