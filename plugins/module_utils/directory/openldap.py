# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""OpenLDAP: inetOrgPerson with posixAccount and shadowAccount, groups as groupOfNames.

A disabled account keeps its password hash behind a scheme that no server supports, which prevents
every bind, whatever the server's configuration. The mark of a disabled account is
pwdAccountLockedTime if the server has the overlay ppolicy (which locks only if a policy sets
pwdLockout), and shadowExpire=1 otherwise. uidNumber and gidNumber are counted up from
`first_number`; the entry `numbers_dn` stores the next one, so a deleted account's number is never
reused. A groupOfNames needs a member: each has the placeholder, which is not an entry.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import ClassVar

from . import dn
from .entry import Entry
from .maps import DirectoryMap, Values
from .model import Group, User

PPOLICY_CONTROL = "1.3.6.1.4.1.42.2.27.8.5.1"
LOCKED_FOR_GOOD = "000001010000Z"
EXPIRED = 1  # the second day of 1970
USELESS = b"{fitsom-locked}"
NO_NAME = "-"  # sn is required, and some people have only one name
_EPOCH = date(1970, 1, 1)


@dataclass(frozen=True, kw_only=True)
class OpenLdapMap(DirectoryMap):
    """`locks`: whether the server has the overlay ppolicy."""

    locks: bool = True
    first_number: int = 20000

    texts: ClassVar[Mapping[str, str]] = {
        "given_name": "givenName",
        "family_name": "sn",
        "display_name": "displayName",
        "role": "employeeType",
        "mail": "mail",
        "year": "departmentNumber",
        "department": "ou",
        "title": "title",
        "unix_home": "homeDirectory",
        "shell": "loginShell",
    }
    username_attribute: ClassVar[str] = "uid"
    user_filter: ClassVar[str] = "(&(objectClass=posixAccount)(employeeNumber=*))"
    group_filter: ClassVar[str] = "(objectClass=groupOfNames)"
    kind_attribute: ClassVar[str] = "businessCategory"
    more_user_attributes: ClassVar[tuple[str, ...]] = ("shadowExpire", "pwdAccountLockedTime")
    updates_members: ClassVar[bool] = False
    placeholder: ClassVar[str] = "cn=fitsom-nobody"
    access_attributes: ClassVar[tuple[str, ...]] = ("userPassword",)

    @property
    def numbers_dn(self) -> str:
        return f"cn=fitsom-numbers,{self.base}"

    def user_rdn(self, user: User) -> str:
        return dn.rdn("uid", user.username)

    def user_entry(self, user: User, password: str, number: int) -> Values:
        return {
            "objectClass": ["top", "inetOrgPerson", "posixAccount", "shadowAccount"],
            "uid": [user.username],
            "uidNumber": [str(number)],
            "gidNumber": [str(number)],
            "homeDirectory": [self._home(user)],
            "loginShell": ["/bin/bash"],
            **self.all_values(user),
            **({} if user.enabled else self._mark(user)),
            **self.password_values(user, password),
        }

    def access_values(self, user: User, entry: Entry) -> Values:
        unlocked = [value.removeprefix(USELESS) for value in entry.values.get("userpassword", ())]
        passwords: list[bytes | str] = [value if user.enabled else USELESS + value for value in unlocked]
        return {**self._mark(user), "userPassword": passwords} if passwords else self._mark(user)

    def _mark(self, user: User) -> Values:
        if self.locks:
            return {"pwdAccountLockedTime": [] if user.enabled else [LOCKED_FOR_GOOD]}
        return self.expiry_values(user)

    def password_values(self, user: User, password: str) -> Values:
        """Hashed by slapd's default scheme, so that account and password are one operation."""
        salt = secrets.token_bytes(16)
        digest = hashlib.sha1(password.encode() + salt).digest()  # noqa: S324 - the scheme is the server's
        hashed = b"{SSHA}" + base64.b64encode(digest + salt)
        return {"userPassword": [hashed if user.enabled else USELESS + hashed]}

    def expiry_values(self, user: User) -> Values:
        if not user.enabled and not self.locks:
            return {"shadowExpire": [str(EXPIRED)]}
        return {"shadowExpire": [str((user.expires - _EPOCH).days + 1)] if user.expires else []}

    def text_values(self, name: str, text: str, user: User) -> Values:
        if name == "family_name":
            return {"sn": [text or NO_NAME]}
        if name == "display_name":
            return {"displayName": [text] if text else [], "cn": [text or user.username]}
        if name == "unix_home":
            return {"homeDirectory": [text or self._home(user)]}
        return super().text_values(name, text, user)

    def read_text(self, name: str, entry: Entry) -> str:
        text = super().read_text(name, entry)
        return "" if name == "family_name" and text == NO_NAME else text

    def read_cn(self, _entry: Entry) -> str:
        """Empty: the RDN of an entry is its uid."""
        return ""

    def read_access(self, entry: Entry) -> tuple[bool, date | None]:
        end = entry.number("shadowExpire")
        locked = entry.text("pwdAccountLockedTime") == LOCKED_FOR_GOOD or end == EXPIRED
        return not locked, _EPOCH + timedelta(days=end - 1) if end > EXPIRED else None

    def group_entry(self, group: Group, members: Iterable[str]) -> Values:
        return {
            "objectClass": ["top", "groupOfNames"],
            "cn": [group.name],
            "member": [self.placeholder_dn, *members],
            **self.kind_values(group),
        }

    @staticmethod
    def _home(user: User) -> str:
        return user.attributes.get("unix_home") or f"/home/{user.username}"
