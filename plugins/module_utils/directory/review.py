# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Review a directory without changing it: unused accounts, members of privileged groups."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from . import dn
from .ad import AdMap, from_filetime
from .connection import Link
from .entry import Entry
from .ldap import escape_filter_chars
from .maps import DirectoryMap

# Matches nested members too; both Microsoft's servers and Samba support the rule.
_IN_CHAIN = "1.2.840.113556.1.4.1941"
_ADDED = re.compile(
    r"<pszObjectDn>(?P<name>[^<]*)</pszObjectDn>.*?<ftimeCreated>(?P<day>\d{4}-\d\d-\d\d)", re.S
)


@dataclass(frozen=True, kw_only=True)
class StaleAccount:
    """An enabled account that has not logged in since `last` (a day; empty: never)."""

    source_id: str
    last: str


@dataclass(frozen=True, kw_only=True)
class PrivilegedMember:
    """A member of a privileged group.

    `since` is the day on which the member was added if `exact`, else the day of the group's last
    change. `source_id` is empty for accounts that fitsom does not manage.
    """

    group: str
    account: str
    source_id: str
    since: str
    exact: bool
    direct: bool


def find_stale_accounts(link: Link, mapping: DirectoryMap, now: datetime, days: int) -> list[StaleAccount]:
    """Managed accounts that are enabled, older than `days` and unused for at least as long.

    AD writes lastLogonTimestamp up to fourteen days late; OpenLDAP writes authTimestamp or
    pwdLastSuccess if it is configured to.
    """
    names = ("lastLogonTimestamp", "whenCreated", "authTimestamp", "pwdLastSuccess", "createTimestamp")
    since = now - timedelta(days=days)
    accounts = []
    for entry in link.search(mapping.base, mapping.user_filter, (*mapping.user_attributes, *names)):
        last, created = (
            last_use(entry),
            parse_time(entry.text("whenCreated") or entry.text("createTimestamp")),
        )
        if mapping.read_access(entry)[0] and created and created < since and (last is None or last < since):
            day = last.date().isoformat() if last else ""
            accounts.append(StaleAccount(source_id=entry.text("employeeNumber"), last=day))
    return accounts


def last_use(entry: Entry) -> datetime | None:
    """The time of the last login, if the directory has one."""
    count = entry.number("lastLogonTimestamp")
    if count:
        return from_filetime(count)
    return parse_time(entry.text("authTimestamp") or entry.text("pwdLastSuccess"))


def parse_time(text: str) -> datetime | None:
    """A time such as 20261124002727.0Z."""
    match = re.match(r"\d{14}", text)
    return datetime.strptime(match[0], "%Y%m%d%H%M%S").replace(tzinfo=UTC) if match else None


def find_privileged_members(link: Link, mapping: DirectoryMap, group: str) -> list[PrivilegedMember] | None:
    """Direct and indirect members of the group; None if the group does not exist."""
    name = escape_filter_chars(group)
    group_filter = f"(&{mapping.group_filter}(cn={name}))"
    entry = next(link.search(mapping.root, group_filter, _GROUP), None)
    if entry is None:
        return None
    direct = {dn.normal(member) for member in entry.texts("member")}
    added = additions(entry)
    changed = parse_time(entry.text("whenChanged") or entry.text("modifyTimestamp"))
    fallback = changed.date().isoformat() if changed else ""
    members = []
    for member in link.search(mapping.root, _members_filter(mapping, entry), _MEMBER):
        member_dn = dn.normal(member.dn)
        members.append(
            PrivilegedMember(
                group=group,
                account=member.text(mapping.username_attribute) or member.text("cn"),
                source_id=member.text("employeeNumber"),
                since=added.get(member_dn, fallback),
                exact=member_dn in added,
                direct=member_dn in direct,
            )
        )
    return sorted(members, key=lambda member: member.account.casefold())


_GROUP = ("cn", "member", "whenChanged", "modifyTimestamp", "primaryGroupToken", "msDS-ReplValueMetaData")
_MEMBER = ("cn", "sAMAccountName", "uid", "employeeNumber")


def _members_filter(mapping: DirectoryMap, group: Entry) -> str:
    name = escape_filter_chars(group.dn)
    if isinstance(mapping, AdMap):
        chain = f"(memberOf:{_IN_CHAIN}:={name})"
        return f"(&(objectClass=user)(|{chain}(primaryGroupID={group.number('primaryGroupToken')})))"
    uids = [dn.value_of(dn.split(member)[0]) for member in group.texts("member")]
    alternatives = "".join(f"(uid={escape_filter_chars(uid)})(cn={escape_filter_chars(uid)})" for uid in uids)
    return f"(|{alternatives or '(!(objectClass=*))'})"


def additions(group: Entry) -> Mapping[str, str]:
    """{normal DN of a member: day on which it was added}, if the server records it, as AD does."""
    matches = (_ADDED.search(text) for text in group.texts("msDS-ReplValueMetaData"))
    return {dn.normal(match["name"]): match["day"] for match in matches if match}
