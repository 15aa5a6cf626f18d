"""SIGKILL at random moments: the record never lies, nothing is run again by itself, resume completes."""

from __future__ import annotations

import json
import random
import signal
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.school import School, finished, kill, wait_until

pytestmark = pytest.mark.fault

SEED = 20261123
STEPS = ["begin 1", "end 1", "begin 2", "end 2", "begin 3", "end 3"]
HOSTS = [f"pc{n}" for n in range(1, 7)]
AT_ONCE = 3


def moments(count: int, seed: int) -> list[tuple[int, float]]:
    """Random moments of a run: after so many ended steps, and so many seconds more. All before the last steps."""
    chance = random.Random(seed)  # noqa: S311 - repeatable on purpose
    pairs = [(chance.randint(0, 14), chance.uniform(0, 0.2)) for _ in range(count)]
    print(f"seed {seed}: {', '.join(f'{n} steps + {delay:.3f} s' for n, delay in pairs)}")  # noqa: T201
    return pairs


def at_random_moments(
    school: Callable[[str], School], todo: Callable[[School, int, float], str], seed: int
) -> set[str]:
    """Do it at ten moments, some at a time, each in a school of its own; under the second engine at four."""
    schools = [school("moment0")]
    count = 10 if schools[0].engine == "ansible" else 4
    schools += [school(f"moment{number}") for number in range(1, count)]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        waiting = [
            pool.submit(todo, each, steps, delay)
            for each, (steps, delay) in zip(schools, moments(count, seed), strict=True)
        ]
        return {future.result() for future in waiting}


def number_of(school: School) -> str:
    """The one change of the school."""
    return str(school.scalar("select number from change"))


def at_moment(school: School, steps: int, delay: float, victim: Callable[[], int]) -> None:
    """Kill whatever `victim` names at the moment."""
    pid = wait_until(victim, "the process to be killed")
    wait_until(lambda: school.steps_done() >= steps, f"{steps} steps done")
    time.sleep(delay)
    school.hold()  # an Ansible that lost its supervisor must not reach its end before anybody looks
    kill(pid)


def check_record(school: School, run: str) -> dict[str, str]:
    """Compare what the record says of each host with what was done there."""
    school.nothing_left()
    outcomes = school.outcomes(run)
    assert sorted(outcomes) == HOSTS
    for host, outcome in outcomes.items():
        log = school.log(host)
        assert outcome in {"done", "untouched", "unknown", "failed"}, (host, outcome)
        if outcome == "done":
            assert log == STEPS, (host, log)
        if outcome == "untouched":
            assert log == [], (host, log)
        if outcome == "failed":
            assert log != STEPS, (host, log)
    return outcomes


def check_aftermath(school: School, number: str, run: str) -> str:
    """After a kill: the next command records, nothing starts by itself, resume completes."""
    assert school.fitsom("tick").value == []
    school.release()
    outcomes = check_record(school, run)
    before = {host: school.log(host) for host in HOSTS}
    state = str(school.scalar("select state from change"))
    assert state == "interrupted", state
    assert school.scalar("select status from run where id = ?", run) == "interrupted"
    noted = dict(school.rows("select host, task from incident where change = ?", number))
    assert "(the run itself)" in noted
    assert {host for host, outcome in outcomes.items() if outcome == "unknown"} <= set(noted)

    assert school.fitsom("tick").value == []
    assert school.scalar("select count(*) from run") == 1, "something was run again by itself"
    assert {host: school.log(host) for host in HOSTS} == before

    resumed: Any = school.fitsom("run", "resume", number).value
    assert resumed["status"] == "succeeded", resumed
    assert resumed["kind"] == "resume"
    assert sorted(school.outcomes(resumed["id"])) == sorted(h for h, o in outcomes.items() if o != "done")
    for host in HOSTS:
        assert set(school.log(host)) == set(STEPS)
        if outcomes[host] == "done":
            assert school.log(host) == STEPS, "a host that was done was done again"
    folder = school.state / "runs" / resumed["id"]
    report = json.loads((folder / "report.json").read_text())
    assert {host["name"]: host["result"] for host in report["hosts"]} == dict.fromkeys(HOSTS, "done")
    assert [each["id"] for each in report["earlier"]] == [run], (
        "the report is of the change, not of its last run"
    )
    assert list(folder.glob("replan.jsonl*")), "unknown hosts are planned again before they are touched"
    assert school.scalar("select state from change") == "succeeded"
    assert school.fitsom("audit", "verify").value["faults"] == []
    school.nothing_left()
    return state


def test_the_child_is_killed_at_ten_random_moments(copies: Callable[[str], School]) -> None:
    def killed(school: School, steps: int, delay: float) -> str:
        number = number_of(school)
        run = school.fitsom("run", "start", number, "--detach").value["id"]
        wait_until(lambda: school.playbook(run), "the run's Ansible")
        at_moment(school, steps, delay, lambda: school.child(run))
        return check_aftermath(school, number, run)

    assert at_random_moments(copies, killed, SEED) == {"interrupted"}


def test_ansible_is_killed_at_ten_random_moments(copies: Callable[[str], School]) -> None:
    def killed(school: School, steps: int, delay: float) -> str:
        number = number_of(school)
        run = school.fitsom("run", "start", number, "--detach").value["id"]
        at_moment(school, steps, delay, lambda: school.playbook(run))
        # Its supervisor lives, and writes the end down without being asked.
        wait_until(lambda: not school.child(run), "the child to end")
        assert school.scalar("select state from change") == "interrupted"
        return check_aftermath(school, number, run)

    assert at_random_moments(copies, killed, SEED + 1) == {"interrupted"}


def test_whoever_watches_is_killed_at_ten_random_moments_and_the_run_goes_on(
    copies: Callable[[str], School],
) -> None:
    def killed(school: School, steps: int, delay: float) -> str:
        number = number_of(school)
        watching = school.popen("run", "start", number, json_answer=steps % 2 == 0)
        at_moment(school, steps, delay, lambda: watching.pid)
        assert finished(watching, None).code == -signal.SIGKILL
        school.release()
        assert school.fitsom("run", "watch", number).value["status"] == "succeeded"
        outcomes = check_record(school, f"{number}-run1")
        assert set(outcomes.values()) == {"done"}
        assert [school.log(host) for host in HOSTS] == [STEPS] * len(HOSTS)
        assert school.scalar("select count(*) from run") == 1
        return str(school.scalar("select state from change"))

    assert at_random_moments(copies, killed, SEED + 2) == {"succeeded"}
