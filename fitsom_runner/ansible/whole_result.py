"""What of a task's result Ansible does not show to callbacks: who skipped it, and with `no_log` every word.

It works on Ansible's own objects, which have no types.
"""

from __future__ import annotations

from typing import Any

from fitsom_runner.ansible.bounds import REFUSED

_REFUSED_WITHIN = 60  # "Task failed: Refused: ..."


def is_refusal(outcome: Any) -> bool:
    """Whether a task, or a turn of its loop, was refused (bounds.py), which a playbook may take for any failure."""
    return any(
        REFUSED in str(part.msg or "")[:_REFUSED_WITHIN] for part in (_whole(outcome), *_turns(outcome))
    )


def turns_left_out(outcome: Any) -> frozenset[int]:
    """The turns of a loop that a condition passes over."""
    return frozenset(
        number
        for number, part in enumerate(_turns(outcome))
        if part.skipped and part.false_condition is not None
    )


def skipped_by_itself(outcome: Any) -> bool:
    """Whether the module passed over a task, or over a turn of its loop, rather than a condition or an empty loop."""
    parts = _turns(outcome) or (_whole(outcome),)
    return any(part.skipped and part.false_condition is None and not part.skip_reason for part in parts)


def is_failure_let_pass(outcome: Any) -> bool:
    """Whether a task, or a turn of its loop, failed and `failed_when` has called that something else."""
    return any(
        part.failed_when_suppressed_exception is not None for part in (_whole(outcome), *_turns(outcome))
    )


def _whole(outcome: Any) -> Any:
    return outcome._CallbackTaskResult__utr


def _turns(outcome: Any) -> Any:
    return _whole(outcome).loop_results or ()
