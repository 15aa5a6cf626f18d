# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Steps from the current to the desired state, one object at a time, in a safe order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date

from .guards import notes, refusal_reasons
from .model import Action, Group, State, Step, Unit, User
from .objects import object_rows
from .policy import Policy

__all__ = ["apply_to", "notes", "object_rows", "plan_steps", "refusal_reasons"]

_TEXT_FIELDS = ("given_name", "family_name", "display_name", "role", "expires")
_ORDER = {action: number for number, action in enumerate(Action)}


def plan_steps(current: State, desired: State, policy: Policy, today: date) -> list[Step]:
    """The steps, sorted as `Action` is: prerequisites come first, deletions come last.

    `before` and `after` of a step are the complete object; `changed` names the fields that this
    step writes, so a move and an update of one user are separate steps. An object has at most one
    step of each action. A user who is not in the desired state is exported and deleted if the
    policy deletes leavers and the hold is over; otherwise the account is not touched.
    """
    steps = _unit_steps(current.units, desired.units)
    for key in sorted(current.users.keys() | desired.users.keys()):
        before, after = current.users.get(key), desired.users.get(key)
        if after is not None:
            steps += _user_steps(before, after)
        elif before is not None:
            steps += _deletion_steps(before, policy, today)
    for key in sorted(current.groups.keys() | desired.groups.keys()):
        steps += _group_steps(current.groups.get(key), desired.groups.get(key))
    return sorted(steps, key=lambda step: _ORDER[step.action])


def _unit_steps(current: Iterable[Unit], desired: Iterable[Unit]) -> list[Step]:
    missing = sorted(set(desired) - set(current), key=lambda unit: (len(unit), unit))
    return [
        Step(action=Action.CREATE_UNIT, key="/".join(unit), reason="needed for accounts or groups")
        for unit in missing
    ]


def _user_steps(before: User | None, after: User) -> list[Step]:
    if before is None:
        reason = "new in the roster" if after.enabled else "new in the roster, starts later"
        return [Step(action=Action.CREATE_USER, key=after.source_id, after=after, reason=reason)]
    steps = []
    for action, changed, reason in (
        _access_change(before, after),
        (Action.MOVE_USER, _changed_placement(before, after), _move_reason(before, after)),
        (Action.UPDATE_USER, _changed_texts(before, after), "differs from the roster or the policy"),
    ):
        if changed:
            steps.append(
                Step(
                    action=action,
                    key=after.source_id,
                    before=before,
                    after=after,
                    changed=changed,
                    reason=reason,
                )
            )
    return steps


def _access_change(before: User, after: User) -> tuple[Action, tuple[str, ...], str]:
    """Enable or disable; the leaver's date is written in the same step."""
    changed = tuple(name for name in ("enabled", "left_on") if getattr(before, name) != getattr(after, name))
    if after.enabled and "enabled" in changed:
        return Action.ENABLE_USER, changed, "is back" if before.left_on else "has access from today on"
    if "enabled" in changed or ("left_on" in changed and after.left_on):
        return Action.DISABLE_USER, changed, "has left" if after.left_on else "has no access yet"
    return Action.UPDATE_USER, (), ""


def _changed_placement(before: User, after: User) -> tuple[str, ...]:
    # OpenLDAP entries have no CN as RDN, so there is none to change.
    names = ("unit", "cn") if before.cn else ("unit",)
    return tuple(name for name in names if getattr(before, name) != getattr(after, name))


def _move_reason(before: User, after: User) -> str:
    if before.unit == after.unit:
        return "the name has changed"
    return "has left" if after.left_on else f"belongs in {'/'.join(after.unit)} now"


def _changed_texts(before: User, after: User) -> tuple[str, ...]:
    changed = [name for name in _TEXT_FIELDS if getattr(before, name) != getattr(after, name)]
    if before.left_on and not after.left_on and not after.enabled:
        changed.append("left_on")  # returns later: no longer a leaver, not yet enabled
    return (*changed, *_attributes(before.attributes, after.attributes))


def _attributes(before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    """Names of the attributes that differ; those missing from `after` are not managed."""
    return sorted(name for name, text in after.items() if before.get(name, "") != text)


def _deletion_steps(user: User, policy: Policy, today: date) -> list[Step]:
    if not policy.delete_after_hold or not policy.is_due(user.left_on, today):
        return []
    reason = f"left more than {policy.hold_days} days ago"
    return [
        Step(action=action, key=user.source_id, before=user, reason=reason)
        for action in (Action.EXPORT_USER, Action.DELETE_USER)
    ]


def _group_steps(before: Group | None, after: Group | None) -> list[Step]:
    if after is None:
        if before is None or before.unmanaged_members:
            return []
        reason = "has no members any more"
        return [Step(action=Action.DELETE_GROUP, key=before.name, before=before, reason=reason)]
    if before is None:
        return [
            Step(
                action=Action.CREATE_GROUP,
                key=after.name,
                after=after,
                add=after.members,
                reason="new in the roster",
            )
        ]
    add, remove = after.members - before.members, before.members - after.members
    changed = ("description",) if before.description != after.description else ()
    return _group_update(before, after, add, remove, changed)


def _group_update(
    before: Group, after: Group, add: frozenset[str], remove: frozenset[str], changed: tuple[str, ...]
) -> list[Step]:
    if not (add or remove or changed):
        return []
    return [
        Step(
            action=Action.UPDATE_GROUP,
            key=after.name,
            before=before,
            after=after,
            add=add,
            remove=remove,
            changed=changed,
            reason="its members have changed" if add or remove else "its class has changed",
        )
    ]


def apply_to(current: State, steps: Iterable[Step]) -> State:
    """The state after these steps, each of which writes only the fields in its `changed`."""
    units, users, groups, usernames = (
        set(current.units),
        dict(current.users),
        dict(current.groups),
        set(current.taken_usernames),
    )
    for step in steps:
        if step.action is Action.CREATE_UNIT:
            units.add(tuple(step.key.split("/")))
        elif isinstance(step.after, User):
            users[step.key] = _user_after(users.get(step.key), step.after, step.changed)
            usernames.add(step.after.username.casefold())
        elif isinstance(step.after, Group):
            groups[step.key.casefold()] = _group_after(groups.get(step.key.casefold()), step.after, step)
        elif step.action is Action.DELETE_USER:
            usernames.discard(users.pop(step.key).username.casefold())
            groups = {
                key: replace(group, members=group.members - {step.key}) for key, group in groups.items()
            }
        elif step.action is Action.DELETE_GROUP:
            del groups[step.key.casefold()]
    return State(units=frozenset(units), users=users, groups=groups, taken_usernames=frozenset(usernames))


def _user_after(before: User | None, after: User, changed: tuple[str, ...]) -> User:
    if before is None:
        return replace(after, attributes={name: text for name, text in after.attributes.items() if text})
    plain = {name: getattr(after, name) for name in changed if name not in after.attributes}
    texts = {
        **before.attributes,
        **{name: after.attributes[name] for name in changed if name in after.attributes},
    }
    return replace(before, **plain, attributes={name: text for name, text in texts.items() if text})


def _group_after(before: Group | None, after: Group, step: Step) -> Group:
    if before is None:
        return after
    description = after.description if "description" in step.changed else before.description
    return replace(before, members=(before.members | step.add) - step.remove, description=description)
