"""The closed sets of words that only reports use; their values are the words of the JSON form."""

from enum import StrEnum


class LinkKind(StrEnum):
    """What a change points to."""

    INCIDENT = "incident"
    PROBLEM = "problem"
    CI = "ci"


class ApprovalKind(StrEnum):
    """The three signatures of FITS."""

    PROCEED = "proceed"
    PEER_REVIEW = "peer_review"
    IMPLEMENT = "implement"


class Decision(StrEnum):
    """What the person decided."""

    APPROVED = "approved"
    REJECTED = "rejected"


class TaskStatus(StrEnum):
    """How one task ended on one host. REBOOTED is a change that also restarted the host."""

    OK = "ok"
    CHANGED = "changed"
    REBOOTED = "rebooted"
    SKIPPED = "skipped"
    IGNORED = "ignored"
    FAILED = "failed"
    UNREACHABLE = "unreachable"


class FailureKind(StrEnum):
    """What went wrong, as far as it decides what to do next."""

    UNREACHABLE = "unreachable"
    PACKAGE_FAILED = "package_failed"
    SUPERSEDED = "superseded"
    LOCK_HELD = "lock_held"
    NO_SPACE = "no_space"
    SERVICE_DOWN = "service_down"
    CHECK_FAILED = "check_failed"
    INTERRUPTED = "interrupted"
    OTHER = "other"
