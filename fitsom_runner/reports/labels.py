"""The names that readers see for the closed sets of kinds.py."""

from enum import StrEnum

from fitsom_runner.changes.prediction import DifferenceKind
from fitsom_runner.changes.states import BackOutClass
from fitsom_runner.execution.states import RunKind
from fitsom_runner.facts import BlindKind
from fitsom_runner.reports.kinds import ApprovalKind, FailureKind, TaskStatus

_NAMES: tuple[tuple[StrEnum, str], ...] = (
    (ApprovalKind.PROCEED, "Approval to proceed"),
    (ApprovalKind.PEER_REVIEW, "Peer review"),
    (ApprovalKind.IMPLEMENT, "Approval to implement"),
    (BackOutClass.REVERSIBLE, "Reversible: can be undone by itself"),
    (BackOutClass.RESTORE, "Restore from backup"),
    (BackOutClass.FORWARD_ONLY, "Forward only: cannot be undone"),
    (DifferenceKind.AS_PREDICTED, "as predicted"),
    (DifferenceKind.NOT_PREDICTED, "not predicted"),
    (DifferenceKind.DID_NOT_HAPPEN, "predicted, did not happen"),
    (DifferenceKind.BLIND, "by a step that could not be predicted"),
    (BlindKind.SKIPPED, "a plan passes over it"),
    (BlindKind.SILENT, "it does not tell what it changes"),
    (BlindKind.DEPENDS, "it depends on another such step"),
    (BlindKind.NOTIFIED, "it may follow another such step"),
    (BlindKind.AFTER_FAILURE, "only if another step fails"),
    (BlindKind.STARTED, "nobody waits for its end"),
    (BlindKind.FAILED, "it fails while a plan is taken"),
    (FailureKind.UNREACHABLE, "Could not be reached"),
    (FailureKind.PACKAGE_FAILED, "A package could not be installed"),
    (FailureKind.SUPERSEDED, "The approved version is no longer offered"),
    (FailureKind.LOCK_HELD, "Another program was installing packages"),
    (FailureKind.NO_SPACE, "No space left"),
    (FailureKind.SERVICE_DOWN, "A service did not start again"),
    (FailureKind.CHECK_FAILED, "A check failed"),
    (FailureKind.INTERRUPTED, "The run was cut short here"),
    (FailureKind.OTHER, "A task failed"),
    (RunKind.BACKOUT, "back-out"),
    (TaskStatus.IGNORED, "failed, ignored"),
    (TaskStatus.REBOOTED, "changed, restarted the host"),
)
# Members of two StrEnums with one value are equal, so the class is part of the key.
_BY_CLASS = {(type(kind), kind.value): name for kind, name in _NAMES}


def label(kind: StrEnum) -> str:
    """The name of a kind for readers."""
    return _BY_CLASS.get((type(kind), kind.value), kind.value.replace("_", " "))
