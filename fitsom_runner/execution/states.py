"""What a run can be, and what can be known of a host after it. Pure; knows no database."""

from __future__ import annotations

from enum import StrEnum


class RunKind(StrEnum):
    """Why a run was started."""

    APPLY = "apply"
    BACKOUT = "backout"
    RESUME = "resume"


class RunStatus(StrEnum):
    """The state of a run; the first four are under way."""

    CLAIMED = "claimed"
    VERIFYING = "verifying"
    REPLANNING = "replanning"
    APPLYING = "applying"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    REFUSED = "refused"
    CANCELLED = "cancelled"
    INTERRUPTED = "interrupted"


ACTIVE = (RunStatus.CLAIMED, RunStatus.VERIFYING, RunStatus.REPLANNING, RunStatus.APPLYING)


class Outcome(StrEnum):
    """What is known of a host after a run.

    done: every step ran. untouched: nothing that changes anything was started. unknown: something was
    started and its end is not known. failed, unreachable: as Ansible reports it.
    """

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    UNREACHABLE = "unreachable"
    UNTOUCHED = "untouched"
    UNKNOWN = "unknown"
