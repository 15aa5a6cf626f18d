# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""uidNumber and gidNumber for directories that do not assign them: counted up, never reused."""

from __future__ import annotations

import re
from collections.abc import Sequence

from .connection import Change, Link
from .ldap import ldap3
from .maps import DirectoryMap
from .openldap import OpenLdapMap
from .refusals import DirectoryError

_NEXT = re.compile(r"fitsom: next number (\d+)")


def reserve(link: Link, mapping: DirectoryMap, count: int) -> Sequence[int]:
    """Reserve numbers for `count` accounts, or none if the directory needs none.

    Numbers that an interrupted run reserved are not used again.
    """
    if not isinstance(mapping, OpenLdapMap) or not count:
        return ()
    entry = link.base(mapping.numbers_dn, ["description"])
    if entry is None:
        first = _first(link, mapping)
        description = f"fitsom: next number {first + count}"
        link.add(
            mapping.numbers_dn,
            {"objectClass": ["organizationalRole"], "cn": ["fitsom-numbers"], "description": [description]},
        )
        return range(first, first + count)
    match = _NEXT.fullmatch(entry.text("description"))
    if match is None:
        raise DirectoryError(
            f"the description of {mapping.numbers_dn} does not have the form 'fitsom: next number 20000'"
        )
    first = int(match[1])
    # The old value is deleted by name: if two runs read the same number, one fails here.
    change: list[Change] = [
        (ldap3.MODIFY_DELETE, [match[0]]),
        (ldap3.MODIFY_ADD, [f"fitsom: next number {first + count}"]),
    ]
    link.modify(mapping.numbers_dn, {"description": change})
    return range(first, first + count)


def _first(link: Link, mapping: OpenLdapMap) -> int:
    """The first number above all numbers in use from `first_number` on."""
    entries = link.search(mapping.root, f"(uidNumber>={mapping.first_number})", ["uidNumber", "gidNumber"])
    following = [max(entry.number("uidNumber"), entry.number("gidNumber")) + 1 for entry in entries]
    return max([mapping.first_number, *following])
