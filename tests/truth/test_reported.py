"""What people reported of Ansible, tried on the record (numbers are issues of ansible/ansible), and what fuzzing found.

Of each, every word of fitsom must be so (trial.py), and the hosts must be called what they are.
"""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

import pytest

from fitsom_runner.ansible.recorder import Recorder
from fitsom_runner.execution.states import Outcome
from tests.truth.machine import Ansible, Machine
from tests.truth.playbooks import END, HOSTS, Drawing, Task
from tests.truth.trial import Tally, Trial

D, F, N, L = Outcome.DONE, Outcome.FAILED, Outcome.UNTOUCHED, Outcome.UNREACHABLE


def mark(number: str, **more: Any) -> Task:
    """A step that check mode predicts; `on` is what goes wrong on which host."""
    faults = more.pop("on", {})
    return {"mark": {"step": number, "faults": faults}, "vars": {"step": number}, **more}


def left(number: str) -> str:
    """A command that leaves a step's mark."""
    return f'echo \'{{"host": "{{{{ inventory_hostname }}}}", "step": "{number}", "turn": 0}}\' >> $MARKS/log'


def command(number: str, ending: str = "", **more: Any) -> Task:
    """One that it passes over."""
    return {"ansible.builtin.raw": left(number) + ending, "vars": {"step": number}, **more}


def play(*tasks: Task, hosts: str = "all", **more: Any) -> dict[str, Any]:
    return {"hosts": hosts, "gather_facts": False, **more, "tasks": list(tasks)}


FAIL = {"how": "fail", "after": False}
GONE = {"how": "gone", "after": True}
LOST_IN_CHECK = {"how": "fail", "after": True, "planned": True}
THE_END = play(mark(END))
#: {what people met: the playbook, each host's word after its run}
REPORTED: dict[str, tuple[Drawing, tuple[Outcome, Outcome, Outcome]]] = {
    "7019 one host of a serial play fails, and nothing follows": (
        Drawing(plays=(play(mark("s1", on={"b": FAIL}), mark("s2"), serial=1), THE_END)),
        (F, F, N),
    ),
    "76915 all of a batch fail": (
        Drawing(plays=(play(mark("s1", on={"a": FAIL, "b": FAIL}), serial=2), THE_END)),
        (F, F, N),
    ),
    "28222 any_errors_fatal, and others go on": (
        Drawing(plays=(play(mark("s1", on={"a": FAIL}), mark("s2"), any_errors_fatal=True), THE_END)),
        (F, F, F),
    ),
    "84117 any_errors_fatal, rescued everywhere, and only one goes on": (
        Drawing(
            plays=(
                play(
                    {"block": [mark("s1", on={"a": FAIL})], "rescue": [mark("s2")]},
                    mark("s3"),
                    any_errors_fatal=True,
                ),
                THE_END,
            )
        ),
        (D, F, F),
    ),
    "82834 a host goes away where any error is fatal": (
        Drawing(plays=(play(mark("s1", on={"a": FAIL, "c": GONE}), mark("s2"), any_errors_fatal=True),)),
        (F, F, L),
    ),
    "73795 unreachable in a batch of one, and the next begins": (
        Drawing(plays=(play(mark("s1", on={"a": GONE}), serial=1, any_errors_fatal=True), THE_END)),
        (L, D, D),
    ),
    "81533 run_once in a block after the first host failed": (
        Drawing(
            plays=(
                play(mark("s1", on={"a": FAIL}), {"block": [mark("s2")], "run_once": True}, mark("s3")),
                THE_END,
            )
        ),
        (F, D, D),
    ),
    "83581 run_once after the first host failed": (
        Drawing(plays=(play(mark("s1", on={"a": FAIL}), command("s2", run_once=True), mark("s3")), THE_END)),
        (F, D, D),
    ),
    "55657 what an include applies to its tasks": (
        Drawing(
            plays=(
                play(
                    {"ansible.builtin.include_tasks": {"file": "tasks0.yml", "apply": {"check_mode": True}}},
                    mark("s1"),
                ),
                THE_END,
            ),
            files={"tasks0.yml": [mark("s2"), command("s3")]},
        ),
        (D, D, D),
    ),
    "71763 ignore_unreachable goes on": (
        Drawing(plays=(play(mark("s1", on={"b": GONE}), mark("s2"), ignore_unreachable=True), THE_END)),
        (D, D, D),
    ),
    "13870 no rescue where a host goes away": (
        Drawing(plays=(play({"block": [mark("s1", on={"b": GONE})], "rescue": [command("s2")]}), THE_END)),
        (D, L, D),
    ),
    "10498 a failure between the file and the handler": (
        Drawing(
            plays=(
                {
                    **play(mark("s1", notify="Follow"), mark("s2", on={"a": FAIL})),
                    "handlers": [mark("s3", name="Follow")],
                },
                THE_END,
            )
        ),
        (F, D, D),
    ),
    "an attempt changes something and fails, the next has nothing left to do": (
        Drawing(
            plays=(
                play(
                    mark(
                        "s1",
                        on={"a": {"how": "fail", "after": True, "once": True}},
                        register="found",
                        until="found is not failed",
                        retries=1,
                        delay=0,
                    )
                ),
                THE_END,
            )
        ),
        (D, D, D),
    ),
    "a module that cannot look in check mode, and failed_when lets that pass": (
        Drawing(
            plays=(
                play(
                    mark("s1", on={"a": LOST_IN_CHECK}, failed_when=False, register="found"),
                    mark("s2", on={"a": LOST_IN_CHECK}, failed_when="found is not defined", loop=[0, 1]),
                ),
                THE_END,
            )
        ),
        (D, D, D),
    ),
    "a handler that there is not, which ends Ansible in the middle": (
        Drawing(
            plays=(
                play(mark("s1", notify="Nobody", when="not ansible_check_mode"), hosts="a"),
                THE_END,
            )
        ),
        (Outcome.UNKNOWN, N, N),
    ),
    **{
        f"29124 a worker that is ended by signal {number}": (
            Drawing(plays=(play(command("s1", f"; kill -{number} $PPID; sleep 1"), hosts="a"), THE_END)),
            (Outcome.UNKNOWN, N, N),
        )
        for number in (2, 9, 15)
    },
    "a play that ends early in the run, and not in its plan": (
        Drawing(
            plays=(
                play(
                    mark("s1"),
                    {"ansible.builtin.meta": "end_play", "when": "not ansible_check_mode"},
                    {"name": "Done", "ansible.builtin.debug": {"msg": "done"}, "tags": ["fitsom_host_done"]},
                ),
                THE_END,
            )
        ),
        (F, F, F),
    ),
    "a handler of a step that only the run takes": (
        Drawing(
            plays=(
                play(
                    mark("s1", when="not ansible_check_mode", notify="Follow"),
                    handlers=[{**mark("s2"), "name": "Follow"}],
                ),
                THE_END,
            )
        ),
        (D, D, D),
    ),
    "a job that takes longer than it is waited for": (
        Drawing(
            plays=(
                play(
                    {
                        "ansible.builtin.command": {"argv": ["sh", "-c", f"{left('s1')}; sleep 600"]},
                        "vars": {"step": "s1"},
                        "async": 1,
                        "poll": 1,
                        "ignore_errors": True,
                    },
                    hosts="a",
                ),
                THE_END,
            )
        ),
        (D, D, D),
    ),
    "31113 a condition on what a command says": (
        Drawing(
            plays=(
                play(
                    command("s1", "; [ {{ inventory_hostname }} = a ]", register="found", ignore_errors=True),
                    mark("s2", when="found.rc | default(1) == 0"),
                ),
                THE_END,
            )
        ),
        (D, D, D),
    ),
}


@pytest.mark.parametrize("name", REPORTED)
def test_what_people_reported_is_told_as_it_is(ansible: Ansible, tmp_path: Path, name: str) -> None:
    drawing, expected = REPORTED[name]
    trial = Trial(Machine(ansible=ansible, folder=tmp_path, drawing=drawing), Tally())
    assert not list(trial.lies())
    assert tuple(trial.words[host][0] for host in "abc") == expected, trial.words


def test_a_turn_that_a_condition_passes_over_is_not_listed(ansible: Ansible, tmp_path: Path) -> None:
    """84676: which of a loop's commands would be run."""
    drawing = Drawing(plays=(play(command("s1", loop=[0, 1, 2], when="item != 1")),))
    _attempt, changes, failing = Machine(ansible=ansible, folder=tmp_path, drawing=drawing).plan(HOSTS)
    assert not failing
    assert {host: [step.position for step in changes[host].blind] for host in HOSTS} == {
        h: [0, 2] for h in HOSTS
    }


def test_variables_that_another_file_brings_in_the_run_are_not_known(
    ansible: Ansible, tmp_path: Path
) -> None:
    for name, way in (("checked", 1), ("run", 2)):
        (tmp_path / f"{name}.yml").write_text(f"way: {way}\n")
    which = "../{{ 'checked' if ansible_check_mode else 'run' }}.yml"
    drawing = Drawing(
        plays=(play({"ansible.builtin.include_vars": which}, mark("s1", when="way == 2")), THE_END)
    )
    trial = Trial(Machine(ansible=ansible, folder=tmp_path, drawing=drawing), Tally())
    assert not list(trial.lies())
    assert [trial.words[host][0] for host in "abc"] == [D, D, D]


@pytest.mark.parametrize("line", [6, 9, 12])
def test_a_record_that_cannot_be_written_any_more_ends_ansible(
    ansible: Ansible, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: int
) -> None:
    """29124, a worker that is ended and a process that waits for it; here, a disc that is full in the middle."""
    drawing = Drawing(plays=(play(mark("s1", loop=list(range(30)))), THE_END))
    machine = Machine(ansible=ansible, folder=tmp_path, drawing=drawing)
    _attempt, changes, failing = machine.plan(HOSTS)
    assert not failing
    written, write = [0], Recorder._write

    def full(recording: Recorder, data: bytes, *, sync: bool) -> None:
        written[0] += 1
        if written[0] > line:
            raise OSError(errno.ENOSPC, "No space left on device")
        write(recording, data, sync=sync)

    monkeypatch.setattr(Recorder, "_write", full)
    attempt = machine.run(changes, HOSTS, None)
    assert not attempt.state.complete
    assert attempt.marks.total() < 90, "it went on as if nothing were"
