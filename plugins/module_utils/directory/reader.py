# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Read a directory: its map, the managed state below the base, and all usernames of the domain."""

from __future__ import annotations

from collections.abc import Iterable

from . import dn
from .ad import AdMap
from .connection import Link
from .entry import Entry
from .maps import DirectoryMap
from .model import State, Unit, User
from .openldap import PPOLICY_CONTROL, OpenLdapMap
from .refusals import DirectoryError

_ROOT = ("defaultNamingContext", "namingContexts", "supportedControl")


def map_for(
    link: Link, kind: str, base: str, *, upn_domain: str = "", first_number: int = 20000
) -> DirectoryMap:
    """The map for a server of kind "ad", "samba" or "openldap".

    DirectoryError if the base does not exist.
    """
    root = link.base("", _ROOT) or Entry(dn="", values={})
    contexts = [root.text("defaultNamingContext"), *root.texts("namingContexts")]
    enclosing = [name for name in contexts if name and dn.unit_of(base, name) is not None]
    if not enclosing or link.base(base, ["objectClass"]) is None:
        raise DirectoryError(
            f"the unit {base} does not exist in this directory, or fitsom's account may not read it"
        )
    if kind == "openldap":
        locks = PPOLICY_CONTROL in root.texts("supportedControl")
        return OpenLdapMap(base=base, root=enclosing[0], locks=locks, first_number=first_number)
    return AdMap(base=base, root=enclosing[0], upn_domain=upn_domain)


def read(link: Link, mapping: DirectoryMap) -> State:
    """The current state of the directory."""
    users = _users(link.search(mapping.base, mapping.user_filter, mapping.user_attributes), mapping)
    ids = {user.dn.casefold(): key for key, user in users.items()}
    # A member's DN may be written differently from the entry's own.
    ids.update({dn.normal(user.dn): key for key, user in users.items()})
    group_entries = link.search(mapping.base, mapping.group_filter, mapping.group_attributes)
    groups = [group for entry in group_entries if (group := mapping.read_group(entry, ids))]
    return State(
        units=_units(link, mapping),
        users=users,
        groups={group.name.casefold(): group for group in groups},
        taken_usernames=_all_usernames(link, mapping),
    )


def _users(entries: Iterable[Entry], mapping: DirectoryMap) -> dict[str, User]:
    users: dict[str, User] = {}
    duplicates = 0
    for entry in entries:
        user = mapping.read_user(entry)
        if user is None:
            continue
        duplicates += user.source_id in users
        users[user.source_id] = user
    if duplicates:
        raise DirectoryError(
            f"{duplicates} accounts below {mapping.base} have the source id (employeeNumber) of another account"
        )
    return users


def _units(link: Link, mapping: DirectoryMap) -> frozenset[Unit]:
    entries = link.search(mapping.base, "(objectClass=organizationalUnit)", ["ou"])
    units = (dn.unit_of(entry.dn, mapping.base) for entry in entries)
    return frozenset(unit for unit in units if unit)


def _all_usernames(link: Link, mapping: DirectoryMap) -> frozenset[str]:
    name = mapping.username_attribute
    entries = link.search(mapping.root, f"({name}=*)", [name])
    return frozenset(text.casefold() for entry in entries for text in entry.texts(name))
