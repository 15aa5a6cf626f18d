# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Apply steps to a directory, in parallel within one action, and stop at the first error.

Every step can be repeated: an existing entry is compared and corrected, a missing one is not an
error when it is deleted.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby

from . import dn
from .connection import Change, Link
from .ldap import escape_filter_chars, ldap3
from .maps import PLACE, DirectoryMap, Values
from .model import Action, Group, State, Step, User
from .numbers import reserve
from .refusals import (
    EXISTS,
    NO_SUCH_ATTRIBUTE,
    NO_SUCH_OBJECT,
    TYPE_OR_VALUE_EXISTS,
    UNWILLING,
    DirectoryError,
)

_ALREADY = (EXISTS, TYPE_OR_VALUE_EXISTS, NO_SUCH_ATTRIBUTE, UNWILLING)
CHUNK = 1000  # values in one operation; servers limit the size of a request


@dataclass(frozen=True, kw_only=True)
class Report:
    """The result of a run. `error` is empty if all steps were completed; `failed` is its step."""

    completed: tuple[Step, ...]
    remaining: tuple[Step, ...]
    failed: Step | None = None
    error: str = ""


class Engine:
    """Applies the steps of one run. `passwords` is {source id: password} for new accounts."""

    def __init__(
        self,
        links: Sequence[Link],
        mapping: DirectoryMap,
        current: State,
        passwords: Mapping[str, str],
        on_completed: Callable[[Step], None] | None = None,
    ) -> None:
        self.mapping = mapping
        self.passwords = passwords
        self._on_completed = on_completed
        self._links: queue.SimpleQueue[Link] = queue.SimpleQueue()
        for link in links:
            self._links.put(link)
        self._width = len(links)
        self._dns = {key: user.dn for key, user in current.users.items()}
        self._numbers: dict[str, int] = {}
        self._stop = threading.Event()
        self._failure: tuple[Step, str] | None = None
        self._lock = threading.Lock()

    def apply(self, steps: Sequence[Step]) -> Report:
        """Apply the steps, action by action. A DirectoryError is reported, others are raised."""
        completed: list[Step] = []
        for action, action_steps in groupby(steps, key=lambda step: step.action):
            if not self._stop.is_set():
                completed += self._run_action(action, list(action_steps))
        finished = {id(step) for step in completed}
        remaining = tuple(step for step in steps if id(step) not in finished)
        failed, error = self._failure or (None, "")
        return Report(completed=tuple(completed), remaining=remaining, failed=failed, error=error)

    def _run_action(self, action: Action, steps: list[Step]) -> list[Step]:
        if action is Action.CREATE_USER:
            with self._link() as link:
                numbers = reserve(link, self.mapping, len(steps))
            self._numbers = {step.key: number for step, number in zip(steps, numbers, strict=False)}
        # A unit needs its parent first.
        width = 1 if action is Action.CREATE_UNIT else self._width
        with ThreadPoolExecutor(width) as pool:
            outcomes = list(pool.map(self._run_step, steps))
        return [step for step, is_completed in zip(steps, outcomes, strict=True) if is_completed]

    def _run_step(self, step: Step) -> bool:
        if self._stop.is_set():
            return False
        try:
            with self._link() as link:
                _ACTIONS[step.action](self, link, step)
        except DirectoryError as error:
            with self._lock:
                self._failure = self._failure or (step, str(error))
            self._stop.set()
            return False
        except BaseException:
            self._stop.set()
            raise
        if self._on_completed:
            self._on_completed(step)
        return True

    @contextmanager
    def _link(self) -> Iterator[Link]:
        link = self._links.get()
        try:
            yield link
        finally:
            self._links.put(link)

    # one method for each action

    def create_unit(self, link: Link, step: Step) -> None:
        unit = tuple(step.key.split("/"))
        with _ignore_error(EXISTS):
            link.add(self.mapping.unit_dn(unit), self.mapping.unit_entry(unit))

    def create_user(self, link: Link, step: Step) -> None:
        user = _user(step)
        name = self.mapping.user_dn(user)
        password = self.passwords[step.key]
        self._dns[step.key] = name
        try:
            link.add(name, self.mapping.user_entry(user, password, self._numbers.get(step.key, 0)))
        except DirectoryError as error:
            if error.code != EXISTS:
                raise
            self._repair_user(link, user, name, password, error)

    def _repair_user(self, link: Link, user: User, name: str, password: str, error: DirectoryError) -> None:
        """Correct an account that an interrupted run created, and set the new first password."""
        entry = link.base(name, self.mapping.user_attributes)
        if entry is None or entry.text("employeeNumber") != user.source_id:
            raise error
        access = self.mapping.access_values(user, entry)
        access.update(self.mapping.password_values(user, password))
        _write(link, name, self.mapping.all_values(user), access)

    def change_user(self, link: Link, step: Step) -> None:
        """Write the step's fields: access and texts first, then the move to another DN."""
        user, changed = _user(step), set(step.changed)
        name = self._dns[step.key]
        values = self.mapping.user_values(user, changed - set(PLACE))
        access: Values = {}
        if "enabled" in changed:
            entry = link.base(name, self.mapping.access_attributes)
            if entry is None:
                raise DirectoryError("the account no longer exists")
            access = self.mapping.access_values(user, entry)
        _write(link, name, values, access)
        if changed & {"unit", "cn"}:
            self._move(link, step.key, name, user)

    def _move(self, link: Link, key: str, name: str, user: User) -> None:
        new_dn = self.mapping.user_dn(user)
        if new_dn == name:
            return
        if not self.mapping.updates_members:
            # After a move by hand, groups may still have the old DN; it must not match again.
            self._replace_member(link, new_dn, "")
            # Before the move: after an interruption memberships may be missing, but none is stale.
            self._replace_member(link, name, new_dn)
        relative_dn, parent = dn.split(new_dn)
        link.rename(name, relative_dn, parent)
        self._dns[key] = new_dn

    def _replace_member(self, link: Link, before: str, after: str) -> None:
        member_filter = f"(member={escape_filter_chars(before)})"
        for group in list(link.search(self.mapping.base, member_filter, ["cn"])):
            changes: list[Change] = [(ldap3.MODIFY_ADD, [after])] if after else []
            changes.append((ldap3.MODIFY_DELETE, [before]))
            link.modify(group.dn, {"member": changes}, permissive=True)

    def delete_user(self, link: Link, step: Step) -> None:
        name = self._dns[step.key]
        if not self.mapping.updates_members:
            self._replace_member(link, name, "")
        with _ignore_error(NO_SUCH_OBJECT):
            link.delete(name)

    def export_user(self, link: Link, step: Step) -> None:
        """Nothing to do in the directory: the module has written the hand-over already."""

    def create_group(self, link: Link, step: Step) -> None:
        group = _group(step)
        name = self.mapping.group_dn(group)
        members = self._members(step.add)
        try:
            link.add(name, self.mapping.group_entry(group, members[:CHUNK]))
            members = members[CHUNK:]
        except DirectoryError as error:
            if error.code != EXISTS or not self._is_group(link, name):
                raise
            values = self.mapping.kind_values(group)
            if values:
                link.replace(name, values)
        self._add_members(link, name, members)

    def _is_group(self, link: Link, name: str) -> bool:
        return link.base(name, ["cn"]) is not None

    def update_group(self, link: Link, step: Step) -> None:
        group = _group(step)
        name = self.mapping.group_dn(group)
        if "description" in step.changed:
            link.replace(name, {"description": [group.description] if group.description else []})
        self._add_members(link, name, self._members(step.add))
        for part in _chunks(self._members(step.remove)):
            _change_members(link, name, ldap3.MODIFY_DELETE, part)

    def _add_members(self, link: Link, name: str, members: list[str]) -> None:
        for part in _chunks(members):
            _change_members(link, name, ldap3.MODIFY_ADD, part)

    def delete_group(self, link: Link, step: Step) -> None:
        before = step.before
        if isinstance(before, Group):
            with _ignore_error(NO_SUCH_OBJECT):
                link.delete(self.mapping.group_dn(before))

    def _members(self, keys: Collection[str]) -> list[str]:
        unknown = sum(key not in self._dns for key in keys)
        if unknown:
            raise DirectoryError(f"{unknown} new members of the group have no account")
        return [self._dns[key] for key in sorted(keys)]


_ACTIONS: dict[Action, Callable[[Engine, Link, Step], None]] = {
    Action.CREATE_UNIT: Engine.create_unit,
    Action.CREATE_USER: Engine.create_user,
    Action.ENABLE_USER: Engine.change_user,
    Action.MOVE_USER: Engine.change_user,
    Action.UPDATE_USER: Engine.change_user,
    Action.CREATE_GROUP: Engine.create_group,
    Action.UPDATE_GROUP: Engine.update_group,
    Action.DISABLE_USER: Engine.change_user,
    Action.EXPORT_USER: Engine.export_user,
    Action.DELETE_USER: Engine.delete_user,
    Action.DELETE_GROUP: Engine.delete_group,
}


def _user(step: Step) -> User:
    if not isinstance(step.after, User):
        raise TypeError(f"a step {step.action.value} without a user")
    return step.after


def _group(step: Step) -> Group:
    if not isinstance(step.after, Group):
        raise TypeError(f"a step {step.action.value} without a group")
    return step.after


def _write(link: Link, name: str, values: Values, access: Values) -> None:
    """Write in one operation, unless the password changes: ppolicy changes such an account itself.

    Access comes last, so that the next run sees if an account was not yet enabled or disabled.
    """
    secret = access.pop("userPassword", None)
    parts = [values, {"userPassword": secret}, access] if secret else [{**values, **access}]
    for part in filter(None, parts):
        link.replace(name, part)


def _change_members(link: Link, name: str, operation: str, members: list[str]) -> None:
    """Add or remove members; Samba refuses members that are present, or missing, already."""
    try:
        link.modify(name, {"member": [(operation, members)]}, permissive=True)
    except DirectoryError as error:
        group = link.base(name, ["member"]) if error.code in _ALREADY else None
        if group is None:
            raise
        present = {dn.normal(member) for member in group.texts("member")}
        adding = operation == ldap3.MODIFY_ADD
        outstanding = [member for member in members if (dn.normal(member) in present) is not adding]
        if len(outstanding) == len(members):
            raise
        if outstanding:
            link.modify(name, {"member": [(operation, outstanding)]})


def _chunks(members: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(members), CHUNK):
        yield members[start : start + CHUNK]


@contextmanager
def _ignore_error(code: int) -> Iterator[None]:
    """Ignore the error code that means that the step has been done before."""
    try:
        yield
    except DirectoryError as error:
        if error.code != code:
            raise
