"""Which tasks are refused: by where they lead, and by what they would do while a plan is taken."""

from typing import Any

import pytest

from fitsom_runner.ansible.bounds import Bounds

BOUNDS = Bounds(
    hosts={"srv1": ("10.0.0.1",), "srv2": ("10.0.0.3", "srv2.lan")},
    accepted=("/x/playbooks/a.yml", "/x/roles/b/"),
    check=True,
)
TASK: dict[str, Any] = {
    "host": "srv1",
    "address": "10.0.0.1",
    "module": "ansible.builtin.command",
    "check_mode": True,
    "source": "/x/playbooks/other.yml",
}


@pytest.mark.parametrize(
    ("moved", "words"),
    [
        ({}, ""),
        ({"address": None}, ""),  # a connection that has no address, as to a container
        ({"address": "10.0.0.2"}, "it would reach 10.0.0.2 under the name of srv1"),
        ({"host": "srv2", "address": "srv2.lan"}, ""),  # its variables name two
        ({"host": "srv2", "address": "10.0.0.2"}, "of srv2, which is 10.0.0.3 or srv2.lan"),
        ({"host": "srv3"}, "it would work on srv3"),
        ({"host": "localhost", "address": None}, ""),
        ({"host": "localhost", "address": "127.0.0.1"}, ""),
        ({"host": "localhost", "address": "10.0.0.1"}, "under the name of the controller"),
        ({"check_mode": False}, "it says 'check_mode: false'"),
        ({"check_mode": False, "module": "ansible.builtin.stat"}, ""),
        ({"check_mode": False, "module": "evil.tools.stat"}, "it says 'check_mode: false'"),
        ({"check_mode": False, "module": "stat"}, "it says 'check_mode: false'"),
        ({"check_mode": False, "source": "/x/playbooks/a.yml"}, ""),
        ({"check_mode": False, "source": "/x/playbooks/a.yml.yml"}, "it says 'check_mode: false'"),
        ({"check_mode": False, "source": "/x/roles/b/tasks/main.yml"}, ""),
        ({"check_mode": False, "source": "/x/roles/b2/tasks/main.yml"}, "it says 'check_mode: false'"),
    ],
)
def test_a_task_is_refused_for_what_it_would_do(moved: dict[str, Any], words: str) -> None:
    objection = BOUNDS.objection(**{**TASK, **moved})
    assert (words in objection) if words else (objection == "")


def test_a_run_does_what_was_approved() -> None:
    bounds = Bounds(hosts=BOUNDS.hosts)
    assert bounds.objection(**{**TASK, "check_mode": False}) == ""


def test_bounds_reach_the_callback_whole() -> None:
    assert Bounds.from_json(BOUNDS.as_json()).as_json() == BOUNDS.as_json()
