# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Look at a directory without changing it: accounts that nobody uses, members of groups with power."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from . import dn
from .ad import AdMap, moment
from .connection import Link
from .entry import Entry
from .ldap import escape_filter_chars
from .maps import DirectoryMap

# Members of members too; both Microsoft's servers and Samba know the rule.
_IN_CHAIN = "1.2.840.113556.1.4.1941"
_ADDED = re.compile(
    r"<pszObjectDn>(?P<name>[^<]*)</pszObjectDn>.*?<ftimeCreated>(?P<day>\d{4}-\d\d-\d\d)", re.S
)


@dataclass(frozen=True, kw_only=True)
class Stale:
    """An account that may log in and has not since `last` (a day; empty: never)."""

    source_id: str
    last: str


@dataclass(frozen=True, kw_only=True)
class Privileged:
    """A member of a powerful group. `since` is a day; `exact` tells whether it is this member's own, or the group's
    last change. `source_id` is empty for accounts that are not fitsom's."""

    group: str
    account: str
    source_id: str
    since: str
    exact: bool
    direct: bool


def stale(link: Link, mapping: DirectoryMap, now: datetime, days: int) -> list[Stale]:
    """Accounts of ours that may log in, are older than so many days and were not used within them.

    AD writes lastLogonTimestamp up to fourteen days late; OpenLDAP keeps authTimestamp or pwdLastSuccess if told to.
    """
    names = ("lastLogonTimestamp", "whenCreated", "authTimestamp", "pwdLastSuccess", "createTimestamp")
    since = now - timedelta(days=days)
    found = []
    for entry in link.search(mapping.base, mapping.user_filter, (*mapping.user_attributes, *names)):
        last, made = last_use(entry), when(entry.text("whenCreated") or entry.text("createTimestamp"))
        if mapping.read_access(entry)[0] and made and made < since and (last is None or last < since):
            day = last.date().isoformat() if last else ""
            found.append(Stale(source_id=entry.text("employeeNumber"), last=day))
    return found


def last_use(entry: Entry) -> datetime | None:
    """When somebody last logged in, as far as the directory knows."""
    count = entry.number("lastLogonTimestamp")
    if count:
        return moment(count)
    return when(entry.text("authTimestamp") or entry.text("pwdLastSuccess"))


def when(text: str) -> datetime | None:
    """A time such as 20261124002727.0Z."""
    found = re.match(r"\d{14}", text)
    return datetime.strptime(found[0], "%Y%m%d%H%M%S").replace(tzinfo=UTC) if found else None


def privileged(link: Link, mapping: DirectoryMap, group: str) -> list[Privileged] | None:
    """Who is in the group, also by way of other groups; None where there is no such group."""
    name = escape_filter_chars(group)
    wanted = f"(&{mapping.group_filter}(cn={name}))"
    entry = next(link.search(mapping.root, wanted, _GROUP), None)
    if entry is None:
        return None
    direct = {dn.normal(member) for member in entry.texts("member")}
    added = additions(entry)
    changed = when(entry.text("whenChanged") or entry.text("modifyTimestamp"))
    fallback = changed.date().isoformat() if changed else ""
    found = []
    for member in link.search(mapping.root, _members_filter(mapping, entry), _MEMBER):
        own = dn.normal(member.dn)
        found.append(
            Privileged(
                group=group,
                account=member.text(mapping.username_attribute) or member.text("cn"),
                source_id=member.text("employeeNumber"),
                since=added.get(own, fallback),
                exact=own in added,
                direct=own in direct,
            )
        )
    return sorted(found, key=lambda one: one.account.casefold())


_GROUP = ("cn", "member", "whenChanged", "modifyTimestamp", "primaryGroupToken", "msDS-ReplValueMetaData")
_MEMBER = ("cn", "sAMAccountName", "uid", "employeeNumber")


def _members_filter(mapping: DirectoryMap, group: Entry) -> str:
    name = escape_filter_chars(group.dn)
    if isinstance(mapping, AdMap):
        chain = f"(memberOf:{_IN_CHAIN}:={name})"
        return f"(&(objectClass=user)(|{chain}(primaryGroupID={group.number('primaryGroupToken')})))"
    uids = [dn.value_of(dn.split(member)[0]) for member in group.texts("member")]
    listed = "".join(f"(uid={escape_filter_chars(uid)})(cn={escape_filter_chars(uid)})" for uid in uids)
    return f"(|{listed or '(!(objectClass=*))'})"


def additions(group: Entry) -> Mapping[str, str]:
    """{member: day on which it came}, where the server tells (Microsoft's does)."""
    found = (_ADDED.search(text) for text in group.texts("msDS-ReplValueMetaData"))
    return {dn.normal(match["name"]): match["day"] for match in found if match}
