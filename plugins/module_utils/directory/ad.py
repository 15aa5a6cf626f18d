# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Active Directory, Samba's or Microsoft's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import ClassVar

from . import dn
from .entry import Entry
from .maps import DirectoryMap, Values
from .model import Group, User

NORMAL, DISABLED = 0x200, 0x2
GLOBAL_SECURITY = -2147483646
_EPOCH = datetime(1601, 1, 1, tzinfo=UTC)
_TICKS = 10_000_000
# Both mean never; Microsoft's tools write either.
_NEVER = (0, 0x7FFFFFFFFFFFFFFF)


@dataclass(frozen=True, kw_only=True)
class AdMap(DirectoryMap):
    """`upn_domain` follows the @ of userPrincipalName; if empty, it is the domain's DNS name."""

    upn_domain: str = ""

    texts: ClassVar[Mapping[str, str]] = {
        "given_name": "givenName",
        "family_name": "sn",
        "display_name": "displayName",
        "role": "employeeType",
        "mail": "mail",
        "year": "departmentNumber",
        "department": "department",
        "title": "title",
        "home_directory": "homeDirectory",
        "home_drive": "homeDrive",
        "profile_path": "profilePath",
        "unix_home": "unixHomeDirectory",
        "shell": "loginShell",
    }
    username_attribute: ClassVar[str] = "sAMAccountName"
    user_filter: ClassVar[str] = "(&(objectCategory=person)(objectClass=user)(employeeNumber=*))"
    group_filter: ClassVar[str] = "(objectClass=group)"
    kind_attribute: ClassVar[str] = "info"
    more_user_attributes: ClassVar[tuple[str, ...]] = ("userAccountControl", "accountExpires")
    updates_members: ClassVar[bool] = True
    access_attributes: ClassVar[tuple[str, ...]] = ("userAccountControl",)

    @property
    def domain(self) -> str:
        """The domain's DNS name, from the root's DN."""
        parts, remainder = [], self.root
        while remainder:
            first_part, remainder = dn.split(remainder)
            parts.append(dn.value_of(first_part))
        return ".".join(parts).lower()

    def user_rdn(self, user: User) -> str:
        return dn.rdn("CN", user.cn or user.username)

    def user_entry(self, user: User, password: str, _number: int) -> Values:
        """Password and access are set in the same operation, so no account is half created."""
        return {
            "objectClass": ["top", "person", "organizationalPerson", "user"],
            "sAMAccountName": [user.username],
            "userPrincipalName": [f"{user.username}@{self.upn_domain or self.domain}"],
            "userAccountControl": [str(NORMAL if user.enabled else NORMAL | DISABLED)],
            **self.all_values(user),
            **self.password_values(user, password),
        }

    def access_values(self, user: User, entry: Entry) -> Values:
        control = entry.number("userAccountControl") or NORMAL
        return {"userAccountControl": [str(control & ~DISABLED if user.enabled else control | DISABLED)]}

    def password_values(self, _user: User, password: str) -> Values:
        return {"unicodePwd": [f'"{password}"'.encode("utf-16-le")]}

    def expiry_values(self, user: User) -> Values:
        """The end of the last day in UTC, as Microsoft's tools write it."""
        return {"accountExpires": [str(to_filetime(user.expires + timedelta(days=1)) if user.expires else 0)]}

    def all_values(self, user: User) -> Values:
        values = super().all_values(user)
        if not user.expires:
            del values["accountExpires"]
        return values

    def read_access(self, entry: Entry) -> tuple[bool, date | None]:
        end = entry.number("accountExpires")
        expires = None if end in _NEVER else from_filetime(end - 1).date()
        return not entry.number("userAccountControl") & DISABLED, expires

    def group_entry(self, group: Group, members: Iterable[str]) -> Values:
        values: Values = {
            "objectClass": ["top", "group"],
            "sAMAccountName": [group.name],
            "groupType": [str(GLOBAL_SECURITY)],
            **self.kind_values(group),
        }
        member_values: list[bytes | str] = list(members)
        return {**values, "member": member_values} if member_values else values


def to_filetime(day: date) -> int:
    """The start of a day as a FILETIME: tenths of microseconds since 1601."""
    return (datetime(day.year, day.month, day.day, tzinfo=UTC) - _EPOCH) // timedelta(seconds=1) * _TICKS


def from_filetime(count: int) -> datetime:
    """The time of a FILETIME."""
    return _EPOCH + timedelta(microseconds=count // 10)
