# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Reasons to refuse a roster, and notes for the report. No sentence has the name of a person."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date

from .memberships import class_index
from .model import Action, Role, Roster, State, Step, User
from .policy import Policy

# Fewer accounts do not suggest a broken export, whatever their share in a small school.
_MINIMUM_COUNT = 3
_POPULATIONS: tuple[tuple[str, tuple[Role, ...]], ...] = (
    ("people", tuple(Role)),
    ("pupils", (Role.PUPIL,)),
    ("staff", (Role.TEACHER, Role.STAFF)),
)
_DELETIONS = (Action.DELETE_USER, Action.DELETE_GROUP, Action.EXPORT_USER)


def refusal_reasons(current: State, steps: Sequence[Step], roster: Roster, policy: Policy) -> list[str]:
    """Why these steps must not run; empty if they may."""
    reasons = []
    if not roster.people and not roster.leavers and not roster.classes:
        reasons.append("the roster is empty")
    if not roster.complete and any(step.action in _DELETIONS for step in steps):
        reasons.append("the roster is not complete, so it must not delete anything")
    reasons += _access_losses(current, steps, policy)
    reasons += _class_problems(current, roster)
    return reasons


def _access_losses(current: State, steps: Sequence[Step], policy: Policy) -> list[str]:
    """Too many losses of access among all people, among pupils, or among staff."""
    ending = {step.key for step in steps if step.action in (Action.DISABLE_USER, Action.DELETE_USER)}
    reasons = []
    for name, roles in _POPULATIONS:
        population = _enabled(current.users.values(), roles)
        losses = len(population & ending)
        percent = losses * 100 / len(population) if population else 0
        if losses >= _MINIMUM_COUNT and losses * 100 > policy.max_disappearing_percent * len(population):
            reasons.append(
                f"{losses} of {len(population)} {name} would lose their access ({percent:.1f} %); "
                f"the limit is {policy.max_disappearing_percent:g} %"
            )
    return reasons


def _enabled(users: Iterable[User], roles: tuple[Role, ...]) -> set[str]:
    names = {role.value for role in roles}
    return {user.source_id for user in users if user.enabled and user.role in names}


def _class_problems(current: State, roster: Roster) -> list[str]:
    """A complete roster without enrolments, or a delta with enrolments in unknown classes."""
    members = sum(len(group.members) for group in current.groups.values() if group.kind == "class")
    enrolled = any(
        teaching_class.pupils or teaching_class.teachers for teaching_class in roster.classes.values()
    )
    if roster.complete and roster.with_classes and members and not enrolled:
        return [f"the roster has no enrolments; class memberships that would be removed: {members}"]
    named_classes = {
        teaching_class.source_id for teaching_class in roster.classes.values() if not teaching_class.title
    }
    unknown_classes = len(named_classes - class_index(current).keys()) if named_classes else 0
    if unknown_classes:
        return [
            f"the roster has enrolments in classes that neither it nor the directory has: {unknown_classes}"
        ]
    return []


def notes(current: State, policy: Policy, today: date) -> list[str]:
    """Notes for the report that need no step."""
    overdue = sum(policy.is_due(user.left_on, today) for user in current.users.values())
    if not overdue or policy.delete_after_hold:
        return []
    return [
        f"leavers held for more than {policy.hold_days} days, which the policy does not delete: {overdue}"
    ]
