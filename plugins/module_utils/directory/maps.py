# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The mapping between accounts or groups and entries that all kinds of directory have in common.

source id: employeeNumber
role: employeeType
year: departmentNumber (from inetOrgPerson, which AD has as well)
first day as a leaver: description, as "fitsom: left 2026-07-31"; it replaces any other text there
kind of a group: info (AD) or businessCategory (OpenLDAP), as "fitsom: year"
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import ClassVar

from . import dn
from .entry import Entry
from .model import ATTRIBUTES, Group, State, Unit, User

Values = dict[str, list[bytes | str]]
PLAIN = ("given_name", "family_name", "display_name", "role", "expires", "left_on")
PLACE = ("unit", "cn", "enabled")
_LEFT_ON = re.compile(r"fitsom: left (\d{4}-\d\d-\d\d)")
_KIND = "fitsom: "


@dataclass(frozen=True, kw_only=True)
class DirectoryMap(ABC):
    """`base` is the unit that fitsom manages; usernames are unique in the whole domain, `root`."""

    base: str
    root: str

    # Field of a user -> attribute of the directory.
    texts: ClassVar[Mapping[str, str]]
    username_attribute: ClassVar[str]
    user_filter: ClassVar[str]
    group_filter: ClassVar[str]
    kind_attribute: ClassVar[str]
    more_user_attributes: ClassVar[tuple[str, ...]]
    # Whether the server itself updates the members of groups when the DN of a member changes.
    updates_members: ClassVar[bool]
    # A member without an entry that every group has, if the schema requires a member.
    placeholder: ClassVar[str] = ""
    access_attributes: ClassVar[tuple[str, ...]]

    @property
    def unsupported_attributes(self) -> frozenset[str]:
        """Fields of a user that this kind of directory has no attribute for."""
        return frozenset(ATTRIBUTES) - self.texts.keys()

    @property
    def user_attributes(self) -> tuple[str, ...]:
        own_attributes = (
            "employeeNumber",
            "description",
            "cn",
            self.username_attribute,
            *self.more_user_attributes,
        )
        return tuple(dict.fromkeys((*own_attributes, *self.texts.values())))

    @property
    def group_attributes(self) -> tuple[str, ...]:
        return ("cn", "description", "member", self.kind_attribute)

    @property
    def placeholder_dn(self) -> str:
        return f"{self.placeholder},{self.base}" if self.placeholder else ""

    def unit_dn(self, unit: Unit) -> str:
        return dn.unit_dn(unit, self.base)

    def unit_entry(self, unit: Unit) -> Values:
        return {"objectClass": ["top", "organizationalUnit"], "ou": [unit[-1]]}

    def user_dn(self, user: User) -> str:
        return f"{self.user_rdn(user)},{self.unit_dn(user.unit)}"

    def group_dn(self, group: Group) -> str:
        return group.dn or f"{dn.rdn('CN', group.name)},{self.unit_dn(group.unit)}"

    @abstractmethod
    def user_rdn(self, user: User) -> str:
        """The RDN of the user."""

    @abstractmethod
    def user_entry(self, user: User, password: str, number: int) -> Values:
        """All attributes of a new account; `number` is its uidNumber, if the directory has one."""

    @abstractmethod
    def access_values(self, user: User, entry: Entry) -> Values:
        """Attributes that enable or disable the account. `entry` has its `access_attributes`."""

    @abstractmethod
    def password_values(self, user: User, password: str) -> Values:
        """Attributes that set a new password; a disabled account stays disabled."""

    @abstractmethod
    def expiry_values(self, user: User) -> Values:
        """Attributes that end access after `user.expires`."""

    @abstractmethod
    def read_access(self, entry: Entry) -> tuple[bool, date | None]:
        """Whether the account may log in, and its last day."""

    @abstractmethod
    def group_entry(self, group: Group, members: Iterable[str]) -> Values:
        """All attributes of a new group."""

    def user_values(self, user: User, names: Collection[str]) -> Values:
        """Attributes of these fields; an empty list removes one. Not placement and access."""
        values: Values = {}
        for name in names:
            if name == "expires":
                values.update(self.expiry_values(user))
            elif name == "left_on":
                values["description"] = [f"fitsom: left {user.left_on.isoformat()}"] if user.left_on else []
            elif name in self.texts:
                values.update(self.text_values(name, self._text(user, name), user))
        return values

    def text_values(self, name: str, text: str, _user: User) -> Values:
        return {self.texts[name]: [text] if text else []}

    def all_values(self, user: User) -> Values:
        """All attributes of an account that have a value, except for DN, access and password."""
        values = self.user_values(user, (*PLAIN, *user.attributes))
        values["employeeNumber"] = [user.source_id]
        return {name: attribute_values for name, attribute_values in values.items() if attribute_values}

    def kind_values(self, group: Group) -> Values:
        values: Values = {self.kind_attribute: [_KIND + group.kind]} if group.kind else {}
        return {**values, "description": [group.description]} if group.description else values

    def read_user(self, entry: Entry) -> User | None:
        """The user of an entry; None if the entry is not in a unit below the base."""
        unit = dn.unit_of(dn.split(entry.dn)[1], self.base)
        if unit is None:
            return None
        enabled, expires = self.read_access(entry)
        left_match = _LEFT_ON.fullmatch(entry.text("description"))
        texts = {name: self.read_text(name, entry) for name in self.texts}
        return User(
            source_id=entry.text("employeeNumber"),
            username=entry.text(self.username_attribute),
            unit=unit,
            given_name=texts["given_name"],
            family_name=texts["family_name"],
            display_name=texts["display_name"],
            role=texts["role"],
            enabled=enabled,
            expires=expires,
            left_on=date.fromisoformat(left_match[1]) if left_match else None,
            attributes={name: texts[name] for name in ATTRIBUTES if texts.get(name)},
            cn=self.read_cn(entry),
            dn=entry.dn,
        )

    def read_text(self, name: str, entry: Entry) -> str:
        return entry.text(self.texts[name])

    def read_cn(self, entry: Entry) -> str:
        return entry.text("cn")

    def read_group(self, entry: Entry, ids: Mapping[str, str]) -> Group | None:
        """The group of an entry. `ids` is {normal DN of an account: source id}."""
        unit = dn.unit_of(dn.split(entry.dn)[1], self.base)
        if unit is None:
            return None
        members = [ids.get(name.casefold()) or ids.get(dn.normal(name), "") for name in self._members(entry)]
        kind = entry.text(self.kind_attribute)
        return Group(
            name=entry.text("cn"),
            unit=unit,
            kind=kind.removeprefix(_KIND) if kind.startswith(_KIND) else "",
            description=entry.text("description"),
            members=frozenset(filter(None, members)),
            unmanaged_members=sum(not member for member in members),
            dn=entry.dn,
        )

    def _members(self, entry: Entry) -> list[str]:
        placeholder_dn = self.placeholder_dn.casefold()
        return [name for name in entry.texts("member") if name.casefold() != placeholder_dn]

    @staticmethod
    def _text(user: User, name: str) -> str:
        return user.attributes.get(name, "") if name in ATTRIBUTES else str(getattr(user, name))


def without_unsupported(mapping: DirectoryMap, state: State) -> State:
    """The state without fields that this kind of directory lacks; every run would set them."""
    if not mapping.unsupported_attributes:
        return state
    users = {
        key: replace(
            user,
            attributes={n: t for n, t in user.attributes.items() if n not in mapping.unsupported_attributes},
        )
        for key, user in state.users.items()
    }
    return replace(state, users=users)
