# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Reasons to refuse what a roster would do, and what a head should know besides. Pure; no names in any sentence."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date

from .memberships import class_index
from .model import Action, Role, Roster, State, Step, User
from .policy import Policy

# Fewer than these are no sign of a broken export, whatever their share in a small school.
_FEW = 3
_CIRCLES: tuple[tuple[str, tuple[Role, ...]], ...] = (
    ("people", tuple(Role)),
    ("pupils", (Role.PUPIL,)),
    ("staff", (Role.TEACHER, Role.STAFF)),
)
_DELETIONS = (Action.DELETE_USER, Action.DELETE_GROUP, Action.EXPORT_USER)


def guard(found: State, steps: Sequence[Step], roster: Roster, policy: Policy) -> list[str]:
    """Why these steps must not be taken; empty if nothing speaks against them."""
    reasons = []
    if not roster.people and not roster.left and not roster.classes:
        reasons.append("the roster is empty")
    if not roster.complete and any(step.action in _DELETIONS for step in steps):
        reasons.append("the roster is only a part of the school: it must not delete anything")
    reasons += _disappearing(found, steps, policy)
    reasons += _classes(found, roster)
    return reasons


def _disappearing(found: State, steps: Sequence[Step], policy: Policy) -> list[str]:
    """Too many of those who can log in today could not tomorrow: all, pupils and staff each for themselves."""
    ending = {step.key for step in steps if step.action in (Action.DISABLE_USER, Action.DELETE_USER)}
    reasons = []
    for name, roles in _CIRCLES:
        circle = _enabled(found.users.values(), roles)
        lost = len(circle & ending)
        if lost >= _FEW and lost * 100 > policy.max_disappearing_percent * len(circle):
            reasons.append(
                f"{lost} of {len(circle)} {name} would lose their access ({lost * 100 / len(circle):.1f} %); "
                f"the limit is {policy.max_disappearing_percent:g} %"
            )
    return reasons


def _enabled(users: Iterable[User], roles: tuple[Role, ...]) -> set[str]:
    names = {role.value for role in roles}
    return {user.source_id for user in users if user.enabled and user.role in names}


def _classes(found: State, roster: Roster) -> list[str]:
    """A roster whose enrolments are missing would empty every class; a delta may name classes that nobody knows."""
    members = sum(len(group.members) for group in found.groups.values() if group.kind == "class")
    enrolled = any(lesson.pupils or lesson.teachers for lesson in roster.classes.values())
    if roster.complete and roster.with_classes and members and not enrolled:
        return [f"the roster has nobody in any class; memberships of classes that would end: {members}"]
    named = {lesson.source_id for lesson in roster.classes.values() if not lesson.title}
    strange = len(named - class_index(found).keys()) if named else 0
    if strange:
        return [f"the roster names classes that it does not bring and that the directory lacks: {strange}"]
    return []


def notes(found: State, policy: Policy, today: date) -> list[str]:
    """What is worth knowing, though nothing is done about it."""
    due = sum(policy.is_due(user.left, today) for user in found.users.values())
    if not due or policy.delete_after_hold:
        return []
    return [f"leavers past the {policy.hold_days} days of hold, whom the policy does not delete: {due}"]
