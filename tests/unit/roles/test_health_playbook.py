"""The playbook of the daily look: no task can change a host, and every limit can be set."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / "playbooks/health.yml").read_text()
((PLAY),) = yaml.safe_load(TEXT)


def tasks(given: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Each task, those that a role brings in the place of their import."""
    for task in given:
        if role := task.get("ansible.builtin.import_role"):
            path = ROOT / "roles" / role["name"].rpartition(".")[2] / "tasks" / f"{role['tasks_from']}.yml"
            yield from tasks(yaml.safe_load(path.read_text()))
        else:
            yield task


TASKS = list(tasks(PLAY["tasks"]))


def test_no_task_changes_anything() -> None:
    looks = [task for task in TASKS if "ansible.builtin.meta" not in task]
    assert len(looks) >= 5
    assert [task["name"] for task in looks if task.get("changed_when") is not False] == []
    assert [task["name"] for task in looks if "check_mode" in task] == []
    assert not any("include" in key for task in TASKS for key in task)


def test_the_security_review_is_the_one_of_the_role() -> None:
    assert [
        task["fitsom.school.security_review"]["ci"]
        for task in TASKS
        if "fitsom.school.security_review" in task
    ]


def test_every_limit_of_the_module_is_a_variable() -> None:
    source = (ROOT / "plugins/modules/host_health.py").read_text()
    options = set(yaml.safe_load(source.split('DOCUMENTATION = r"""')[1].split('"""')[0])["options"])
    ours = {"ci", "first_seen"}
    assert set(re.findall(r"\bhealth_(\w+)", TEXT)) == options - ours


def test_the_last_task_marks_the_host_as_done() -> None:
    assert "fitsom_host_done" in TASKS[-1]["tags"]
