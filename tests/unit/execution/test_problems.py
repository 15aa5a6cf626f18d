"""Why a host could not be planned, and for whom a plan is taken again."""

from __future__ import annotations

from typing import Any

import pytest

from fitsom_runner.ansible.ledger import Event, LedgerState, Status
from fitsom_runner.ansible.play import PlaybookResult
from fitsom_runner.execution.preparation import planned_anew, problems
from tests.unit.ansible.events import ledger_of, result, start, stats, task

HOSTS = ("good", "bad")
ENDED = PlaybookResult(rc=0, cancelled=False, lines=("the last words",))


def ledger(*events: Event, cut: bool = False, **counts: Any) -> LedgerState:
    """Both hosts were seen; `counts` is Ansible's own word on them."""
    end = {**stats(**{"good": {}, "bad": {}, **counts}), "cut": cut}
    return ledger_of(start(), task(1, "Install"), *events, end)


@pytest.mark.parametrize(
    ("state", "expected", "again"),
    [
        (ledger(), {}, ()),
        (
            ledger(result("bad", 1, Status.FAILED, msg="no space"), bad={"failures": 1}),
            {"bad": "Install: no space"},
            ("good",),
        ),
        # A playbook may rescue or ignore a refusal.
        (
            ledger(result("bad", 1, Status.IGNORED, msg="Refused: not here", refused=True)),
            {"bad": "Install: Refused: not here"},
            ("good",),
        ),
        # Another's failure is no reason to leave a host out of the next plan.
        (
            ledger(
                result("bad", 1, Status.FAILED, msg="no space"),
                {"e": "end", "hosts": [], "out": list(HOSTS)},
                bad={"failures": 1},
            ),
            {"good": "what should follow is not known", "bad": "Install: no space"},
            ("good",),
        ),
        (
            ledger(result("bad", 1, Status.FAILED, msg="no space"), bad={"failures": 1}, cut=True),
            {"good": "what should follow is not known", "bad": "Install: no space"},
            ("good",),
        ),
        (
            ledger_of(
                start(),
                {"e": "play", "n": "Pilot", "hosts": "pilot"},
                {"e": "play", "n": "Servers", "hosts": "servers:!pilot"},
                stats(good={}),
            ),
            {"bad": "no play of the playbook reaches it: its plays are for pilot and servers:!pilot."},
            ("good",),
        ),
        (ledger_of(start()), {"good": "the last words", "bad": "the last words"}, ()),
    ],
    ids=["none", "failed", "refused", "taken out", "cut short", "not reached", "given up"],
)
def test_who_could_not_be_planned_and_why(
    state: LedgerState, expected: dict[str, str], again: tuple[str, ...]
) -> None:
    found = problems(state, HOSTS, ENDED)
    assert found.keys() == expected.keys()
    assert all(expected[host] in why for host, why in found.items())
    assert planned_anew(state, HOSTS) == again


def test_where_all_have_failed_nobody_is_planned_again() -> None:
    state = ledger(
        *(result(host, 1, Status.FAILED, msg="no") for host in HOSTS),
        good={"failures": 1},
        bad={"failures": 1},
    )
    assert planned_anew(state, HOSTS) == ()
