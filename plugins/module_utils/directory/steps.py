# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""From the directory as it is to the directory as it should be, one object at a time, in a safe order. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date

from .guards import guard, notes
from .model import Action, Group, State, Step, Unit, User
from .objects import objects
from .policy import Policy

__all__ = ["apply_to", "guard", "notes", "objects", "steps"]

_PLAIN = ("given_name", "family_name", "display_name", "role", "expires")
_ORDER = {action: number for number, action in enumerate(Action)}


def steps(found: State, wanted: State, policy: Policy, today: date) -> list[Step]:
    """What must be done, sorted as `Action` is: what others need comes first, what cannot be undone comes last.

    A step's `before` and `after` are the whole object; `changed` names what this step is about, so that a move and an
    update of one user may be done apart. At most one step of an action for an object. A user who is found but not
    wanted is exported and deleted if policy deletes and the hold is over, and left alone otherwise.
    """
    made = _unit_steps(found.units, wanted.units)
    for key in sorted(found.users.keys() | wanted.users.keys()):
        before, after = found.users.get(key), wanted.users.get(key)
        if after is not None:
            made += _user_steps(before, after)
        elif before is not None:
            made += _end_steps(before, policy, today)
    for key in sorted(found.groups.keys() | wanted.groups.keys()):
        made += _group_steps(found.groups.get(key), wanted.groups.get(key))
    return sorted(made, key=lambda step: _ORDER[step.action])


def _unit_steps(found: Iterable[Unit], wanted: Iterable[Unit]) -> list[Step]:
    missing = sorted(set(wanted) - set(found), key=lambda unit: (len(unit), unit))
    return [
        Step(action=Action.CREATE_UNIT, key="/".join(unit), reason="accounts or groups will live here")
        for unit in missing
    ]


def _user_steps(before: User | None, after: User) -> list[Step]:
    if before is None:
        reason = "new in the roster" if after.enabled else "new in the roster, starts later"
        return [Step(action=Action.CREATE_USER, key=after.source_id, after=after, reason=reason)]
    made = []
    for action, changed, reason in (
        _access(before, after),
        (Action.MOVE_USER, _place(before, after), _move_reason(before, after)),
        (Action.UPDATE_USER, _texts(before, after), "the roster or the policy says otherwise"),
    ):
        if changed:
            made.append(
                Step(
                    action=action,
                    key=after.source_id,
                    before=before,
                    after=after,
                    changed=changed,
                    reason=reason,
                )
            )
    return made


def _access(before: User, after: User) -> tuple[Action, tuple[str, ...], str]:
    """Enabling and disabling; each takes the mark of a leaver along."""
    changed = tuple(name for name in ("enabled", "left") if getattr(before, name) != getattr(after, name))
    if after.enabled and "enabled" in changed:
        return Action.ENABLE_USER, changed, "is back" if before.left else "has access from today on"
    if "enabled" in changed or ("left" in changed and after.left):
        return Action.DISABLE_USER, changed, "has left" if after.left else "has no access yet"
    return Action.UPDATE_USER, (), ""


def _place(before: User, after: User) -> tuple[str, ...]:
    # An engine that does not tell the names of entries leaves them alone.
    names = ("unit", "cn") if before.cn else ("unit",)
    return tuple(name for name in names if getattr(before, name) != getattr(after, name))


def _move_reason(before: User, after: User) -> str:
    if before.unit == after.unit:
        return "the name has changed"
    return "has left" if after.left else f"belongs in {'/'.join(after.unit)} now"


def _texts(before: User, after: User) -> tuple[str, ...]:
    changed = [name for name in _PLAIN if getattr(before, name) != getattr(after, name)]
    if before.left and not after.left and not after.enabled:
        changed.append("left")  # comes back later: no longer a leaver, not enabled yet
    return (*changed, *_attributes(before.attributes, after.attributes))


def _attributes(before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    """Those that differ; what `after` does not name is not ours to change."""
    return sorted(name for name, text in after.items() if before.get(name, "") != text)


def _end_steps(user: User, policy: Policy, today: date) -> list[Step]:
    if not policy.delete_after_hold or not policy.is_due(user.left, today):
        return []
    reason = f"left more than {policy.hold_days} days ago"
    return [
        Step(action=action, key=user.source_id, before=user, reason=reason)
        for action in (Action.EXPORT_USER, Action.DELETE_USER)
    ]


def _group_steps(before: Group | None, after: Group | None) -> list[Step]:
    if after is None:
        if before is None or before.strangers:
            return []
        reason = "nobody belongs in it any more"
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


def apply_to(found: State, done: Iterable[Step]) -> State:
    """The directory after these steps, each of which does only what it names."""
    units, users, groups, taken = set(found.units), dict(found.users), dict(found.groups), set(found.taken)
    for step in done:
        if step.action is Action.CREATE_UNIT:
            units.add(tuple(step.key.split("/")))
        elif isinstance(step.after, User):
            users[step.key] = _user_after(users.get(step.key), step.after, step.changed)
            taken.add(step.after.username.casefold())
        elif isinstance(step.after, Group):
            groups[step.key.casefold()] = _group_after(groups.get(step.key.casefold()), step.after, step)
        elif step.action is Action.DELETE_USER:
            taken.discard(users.pop(step.key).username.casefold())
            groups = {
                key: replace(group, members=group.members - {step.key}) for key, group in groups.items()
            }
        elif step.action is Action.DELETE_GROUP:
            del groups[step.key.casefold()]
    return State(units=frozenset(units), users=users, groups=groups, taken=frozenset(taken))


def _user_after(now: User | None, after: User, changed: tuple[str, ...]) -> User:
    if now is None:
        return replace(after, attributes={name: text for name, text in after.attributes.items() if text})
    plain = {name: getattr(after, name) for name in changed if name not in after.attributes}
    texts = {
        **now.attributes,
        **{name: after.attributes[name] for name in changed if name in after.attributes},
    }
    return replace(now, **plain, attributes={name: text for name, text in texts.items() if text})


def _group_after(now: Group | None, after: Group, step: Step) -> Group:
    if now is None:
        return after
    description = after.description if "description" in step.changed else now.description
    return replace(now, members=(now.members | step.add) - step.remove, description=description)
