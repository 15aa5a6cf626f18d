"""One pupil and one class for tests of both kinds of directory."""

from __future__ import annotations

from collections.abc import Mapping

from plugins.module_utils.directory.ad import AdMap
from plugins.module_utils.directory.entry import Entry
from plugins.module_utils.directory.maps import DirectoryMap, Values
from plugins.module_utils.directory.model import Group, User
from plugins.module_utils.directory.openldap import OpenLdapMap

AD = AdMap(base="OU=School,DC=school,DC=test", root="DC=school,DC=test")
LDAP = OpenLdapMap(base="ou=School,dc=school,dc=test", root="dc=school,dc=test")
UNLOCKING = OpenLdapMap(base=LDAP.base, root=LDAP.root, locks=False)
MAPS: dict[str, DirectoryMap] = {"ad": AD, "openldap": LDAP, "openldap without ppolicy": UNLOCKING}
ZOE = User(
    source_id="id-7",
    username="26obrienz",
    unit=("Pupils", "Year 7"),
    given_name="Zoë",
    family_name="O'Brien",
    display_name="Zoë O'Brien",
    role="pupil",
    attributes={"year": "7", "mail": "z@school.test"},
    cn="Zoë O'Brien",
)
CLASS = Group(name="Class 7A, old", unit=("Groups", "Classes"), kind="class", description="Maths [class c1]")


def entry(name: str, values: Values | Mapping[str, list[bytes | str]]) -> Entry:
    """The entry that a server would return after adding these values."""
    raw_values = {key.lower(): [as_bytes(value) for value in texts] for key, texts in values.items()}
    raw_values.setdefault("cn", [name.split(",")[0].partition("=")[2].encode()])
    return Entry(dn=name, values=raw_values)


def as_bytes(value: bytes | str) -> bytes:
    return value.encode() if isinstance(value, str) else value
