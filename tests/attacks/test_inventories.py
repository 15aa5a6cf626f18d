"""A dynamic inventory is asked once: what it answers later has no effect on who is reached, and how."""

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
