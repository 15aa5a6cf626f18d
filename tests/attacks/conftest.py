"""A school whose hosts answer whatever an attacker likes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.school import School

#: Answers what lies in a file: a cracked host can make any module of its own answer anything.
MODULE = """\
#!/usr/bin/python
import json
import os

from ansible.module_utils.basic import AnsibleModule

module = AnsibleModule(argument_spec={"host": {}}, supports_check_mode=True)
with open(os.environ["TRUTH"] + ".answers") as stream:
    module.exit_json(**json.load(stream)[module.params["host"]])
"""
PLAYBOOK = """\
- name: Ask the hosts
  hosts: rooms
  gather_facts: false
  tasks:
    - name: Ask
      answer:
        host: "{{ inventory_hostname }}"
    - name: Write what was planned, requested and given
      ansible.builtin.copy:
        content: "{{ fitsom_plan.hosts }} {{ notice }} {{ fitsom_inputs.roster }}"
        dest: "{{ truth }}/{{ inventory_hostname }}"
        mode: "0600"
      diff: false
      changed_when: false
      tags: [fitsom_host_done]
"""


@dataclass(frozen=True, kw_only=True)
class Attacked:
    """The school, and a file that exists once an attacker's words were executed."""

    school: School
    proof: Path

    @property
    def template(self) -> str:
        """Words that leave the proof where they are taken for a template."""
        return "{{ lookup('pipe', 'touch " + str(self.proof) + "') }}"

    def answers(self, answers: Mapping[str, Any]) -> None:
        """What each host says from now on."""
        self.school.machines.joinpath("truth.answers").write_text(json.dumps(answers))


@pytest.fixture(scope="module")
def attacked(tmp_path_factory: pytest.TempPathFactory) -> Attacked:
    folder = tmp_path_factory.mktemp("attacked")
    school = School(folder=folder / "school", passed=("API_TOKEN", "TRUTH"))
    school.build({"playbooks/ask.yml": PLAYBOOK, "playbooks/library/answer.py": MODULE})
    return Attacked(school=school, proof=folder / "proof")
