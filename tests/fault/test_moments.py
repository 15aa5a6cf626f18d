"""Killed at the moments that matter most: before the first step, after the last one, and by two at once."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.school import School, finished, kill, wait_until

pytestmark = pytest.mark.fault

HOSTS = [f"pc{n}" for n in range(1, 7)]


def start(school: School) -> tuple[str, str]:
    """Start the school's change; its number and its run."""
    number = str(school.scalar("select number from change"))
    return number, school.fitsom("run", "start", number, "--detach").value["id"]


def test_killed_between_the_claim_and_the_first_step(copies: Callable[[str], School]) -> None:
    phases = ["claimed", "verifying", "replanning"]
    with ThreadPoolExecutor() as pool:
        for future in [pool.submit(killed_early, copies(phase), phase) for phase in phases]:
            future.result()


def killed_early(school: School, phase: str) -> None:
    """Kill the child in this phase of its run, and look at what becomes of the change."""
    number, run = start(school)
    child = wait_until(lambda: school.child(run), "the child")
    if phase == "claimed":
        kill(child)  # while it still imports
    else:
        wait_until(lambda: school.scalar("select status from run") == phase, f"the run {phase}")
        if phase == "replanning":
            wait_until((school.state / "runs" / run / "replan.jsonl").exists, "the second plan under way")
        kill(child)
    assert school.fitsom("tick").value == [], "the slot was stamped: it must not be started again"
    assert school.outcomes(run) == dict.fromkeys(HOSTS, "untouched")
    assert school.scalar("select state from change") == "interrupted"
    assert school.scalar("select count(*) from incident") == 1
    assert list(school.truth.iterdir()) == []
    school.nothing_left()
    answer = school.fitsom("run", "start", number, code=3)
    assert "interrupted" in answer.error
    assert school.fitsom("run", "resume", number).value["status"] == "succeeded"
    assert school.steps_done() == 18
    assert school.fitsom("audit", "verify").value["faults"] == []


def test_killed_after_ansible_closed_its_ledger(copies: Callable[[str], School]) -> None:
    school = copies("school")
    number, run = start(school)
    wait_until(lambda: school.steps_done() >= 14, "most steps done")
    child = school.child(run)
    wait_until(lambda: b'"e":"stats"' in school.ledger(run).read_bytes(), "Ansible's statistics")
    kill(child)  # while Ansible ends, before anything is made of it
    answer = school.fitsom("change", "show", number)
    assert answer.value["state"] == "succeeded", "Ansible closed the ledger: everything is known"
    assert school.outcomes(run) == dict.fromkeys(HOSTS, "done")
    assert school.steps_done() == 18
    assert school.fitsom("tick").value == []
    assert "nothing to resume" in school.fitsom("run", "resume", number, code=3).error
    assert school.steps_done() == 18
    assert school.fitsom("audit", "verify").value["faults"] == []


@pytest.mark.record_only
def test_a_ledger_that_cannot_be_packed_keeps_the_record_true(copies: Callable[[str], School]) -> None:
    school = copies("school")
    number = str(school.scalar("select number from change"))
    # A folder where the packed ledger would be written: packing fails, as on a full disk.
    (school.state / "runs" / f"{number}-run1" / "ledger.jsonl.part").mkdir(parents=True)
    school.fitsom("run", "start", number, code=None)
    assert school.scalar("select state from change") == "succeeded"
    assert school.outcomes(f"{number}-run1") == dict.fromkeys(HOSTS, "done")
    assert (school.state / "runs" / f"{number}-run1" / "ledger.jsonl").exists()


@pytest.mark.record_only
def test_several_commands_find_the_same_dead_run_at_once(copies: Callable[[str], School]) -> None:
    school = copies("school")
    number, run = start(school)
    wait_until(lambda: school.steps_done() >= 9, "half of the steps done")
    school.hold()
    kill(school.child(run))
    answers = [finished(p, None) for p in [school.popen("change", "show", number) for _ in range(5)]]
    school.release()
    assert [a.code for a in answers] == [0] * 5, [a.err for a in answers if a.code]
    outcomes = school.outcomes(run)
    assert sorted(outcomes) == HOSTS
    assert {"done", "unknown"} <= set(outcomes.values()), outcomes
    assert school.scalar("select state from change") == "interrupted"
    assert school.scalar("select count(*) from audit_entry where action = 'change.interrupt'") == 1
    assert school.scalar("select max(seen) from incident") == 1, "an incident was noted twice"
    assert school.scalar("select count(*) from task_result") > 0, "the results of the dead run are gone"
    school.nothing_left()


@pytest.mark.record_only
def test_of_several_runners_exactly_one_wins(copies: Callable[[str], School]) -> None:
    rivals = [["start"] * 2, ["start"] * 5, ["tick"] * 3, ["start", "tick"] * 2]
    with ThreadPoolExecutor() as pool:
        for future in [pool.submit(race, copies(f"race{n}"), rival) for n, rival in enumerate(rivals)]:
            future.result()


def race(school: School, commands: list[str]) -> None:
    """Start all the commands at once; one of them may run the change."""
    number = str(school.scalar("select number from change"))
    words = {"start": ["run", "start", number, "--detach"], "tick": ["tick"]}
    answers = [(c, finished(p, None)) for c, p in [(c, school.popen(*words[c])) for c in commands]]
    won = 0
    for command, answer in answers:
        assert "Traceback" not in answer.err, answer.err
        if command == "tick":
            assert answer.code == 0, answer.out
            won += sum(bool(tick_results["run"]) for tick_results in answer.value)
        elif answer.code == 0:
            won += 1
        else:
            assert answer.code == 3, answer
            assert answer.value["error"], answer
    assert won == 1, [a.out for _c, a in answers]
    assert school.fitsom("run", "watch", number).value["status"] == "succeeded"
    assert school.scalar("select count(*) from run") == 1
    for host in HOSTS:
        assert [line for line in school.log(host) if line.startswith("end")] == ["end 1", "end 2", "end 3"]
    assert school.fitsom("audit", "verify").value["faults"] == []
