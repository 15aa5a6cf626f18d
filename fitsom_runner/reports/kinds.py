"""The closed sets of words a report model uses; their values are the words of the JSON form."""

from enum import StrEnum


class ChangeType(StrEnum):
    """How much approval a change needs."""

    STANDARD = "standard"
    MINOR = "minor"
    MAJOR = "major"
    EMERGENCY = "emergency"


class ChangeState(StrEnum):
    """Where a change stands in its life."""

    DRAFT = "draft"
    SUBMITTED = "submitted"
    PROCEED_APPROVED = "proceed_approved"
    PLANNED = "planned"
    PEER_REVIEWED = "peer_reviewed"
    IMPLEMENT_APPROVED = "implement_approved"
    SCHEDULED = "scheduled"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    BACKED_OUT = "backed_out"
    INTERRUPTED = "interrupted"
    REVIEWED = "reviewed"
    CLOSED = "closed"
    REJECTED = "rejected"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


class BackOutClass(StrEnum):
    """What kind of way back there is."""

    REVERSIBLE = "reversible"
    RESTORE = "restore_from_backup"
    FORWARD_ONLY = "forward_only"


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


class RunKind(StrEnum):
    """Why a run was started."""

    APPLY = "apply"
    BACKOUT = "backout"
    RESUME = "resume"


class RunOutcome(StrEnum):
    """How a run ended."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    CANCELLED = "cancelled"
    REFUSED = "refused"


class HostResult(StrEnum):
    """What a run left on one host."""

    DONE = "done"
    FAILED = "failed"
    UNREACHABLE = "unreachable"
    UNTOUCHED = "untouched"
    UNKNOWN = "unknown"


class DifferenceKind(StrEnum):
    """One predicted or actual change, set against the other side."""

    FORESEEN_AND_CAME = "foreseen_and_came"
    CAME_BESIDES = "came_besides"
    DID_NOT_COME = "did_not_come"


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
