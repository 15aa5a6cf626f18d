"""CUPS that is too busy to answer is asked again; whatever else it says is final."""

from __future__ import annotations

import pytest

from plugins.modules import cups_printer as module

BUSY = (1, "", "lpadmin: Success\n")
DONE = (0, "", "")


@pytest.mark.parametrize(
    ("answers", "final", "question"),
    [
        ([DONE], DONE, 1),
        ([BUSY, DONE], DONE, 2),
        ([BUSY] * 9, BUSY, 4),
        ([(1, "", "lpadmin: Unable to connect"), DONE], (1, "", "lpadmin: Unable to connect"), 1),
    ],
)
def test_only_a_busy_cups_is_asked_again_and_not_for_ever(
    answers: list[tuple[int, str, str]],
    final: tuple[int, str, str],
    question: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("time.sleep", lambda _seconds: None)
    first = list(answers)
    assert module.retried(lambda: first.pop(0)) == final
    assert len(answers) - len(first) == question
