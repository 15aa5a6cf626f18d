# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The steps as rows for plans and reports, with pseudonyms instead of names."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable

from .model import Action, Group, Role, State, Step, User
from .policy import KIND_FOLDERS

_ROLE_GROUPS = {
    Role.PUPIL.value: "Pupils",
    Role.TEACHER.value: "Teachers",
    Role.STAFF.value: "Staff",
    Role.GUEST.value: "Guests",
    Role.SUPPLIER.value: "Suppliers",
}


def pseudonym(key: bytes, source_id: str) -> str:
    """A person's pseudonym, the same in every report of a school; only the school has the key."""
    digest = hmac.new(key, source_id.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()
    return f"p-{digest[:10]}"


def object_rows(steps: Iterable[Step], current: State, pseudonym_key: bytes) -> list[dict[str, str]]:
    """A row {kind, id, action, group, what} for each change, in the order of the steps.

    A group that gains and loses members has two rows, so that a run which finds half of it done has
    fewer rows, not different ones. No row depends on the day: a plan made again tomorrow shows the
    same rows for the same change.
    """
    rows = []
    for step in steps:
        action, kind = step.action.value.split("_")
        if kind == "user":
            labels = {"id": pseudonym(pseudonym_key, step.key), "group": report_group(step, current)}
            details = [_user_detail(step)]
        elif kind == "group":
            labels, details = {"id": step.key, "group": _folder(step)}, _group_details(step)
        else:
            labels, details = {"id": step.key, "group": "Units"}, [""]
        rows += [{"kind": kind, "action": action, **labels, "what": detail} for detail in details]
    return rows


def report_group(step: Step, current: State) -> str:
    """The heading that counts a user: "Year 7", "Teachers"; a leaver counts under the old one."""
    after, before = step.after, step.before or current.users.get(step.key)
    user = before if isinstance(after, User) and after.left_on else after or before
    if not isinstance(user, User):
        return ""
    year = user.attributes.get("year", "") if user.role == Role.PUPIL.value else ""
    return f"Year {year}" if year else _ROLE_GROUPS.get(user.role, "Others")


def _user_detail(step: Step) -> str:
    before, after = step.before, step.after
    if step.action is Action.CREATE_USER and isinstance(after, User):
        return "/".join(after.unit)
    if step.action is Action.MOVE_USER and isinstance(before, User) and isinstance(after, User):
        if before.unit == after.unit:
            return f"renamed in {'/'.join(after.unit)}"
        return f"{'/'.join(before.unit)} -> {'/'.join(after.unit)}"
    if step.action is Action.UPDATE_USER:
        return ", ".join(name.replace("_", " ") for name in step.changed)
    return "leaver" if isinstance(after, User) and after.left_on else ""


def _folder(step: Step) -> str:
    group = step.after or step.before
    return KIND_FOLDERS.get(group.kind, "Groups") if isinstance(group, Group) else "Groups"


def _group_details(step: Step) -> list[str]:
    if step.action is not Action.UPDATE_GROUP:
        return [_members(len(step.add)) if step.add else ""]
    joining = [f"{_members(len(step.add))} to join"] if step.add else []
    leaving = [f"{_members(len(step.remove))} to leave"] if step.remove else []
    return [*joining, *leaving, *(f"new {name}" for name in step.changed)]


def _members(number: int) -> str:
    return "1 member" if number == 1 else f"{number} members"
