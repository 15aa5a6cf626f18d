"""An account or a group, written as an entry and read again, is the same."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from plugins.module_utils.directory import ad, maps
from plugins.module_utils.directory.maps import DirectoryMap
from plugins.module_utils.directory.model import State, User
from plugins.module_utils.directory.passwords import LENGTH, contains_name, generate
from tests.unit.directory_engine.people import AD, CLASS, LDAP, MAPS, UNLOCKING, ZOE, entry

EVERY = pytest.mark.parametrize("mapping", MAPS.values(), ids=MAPS)
PASSWORD = "Maple-otter-tango-river-47"
USERS = {
    "as usual": ZOE,
    "disabled": replace(ZOE, enabled=False),
    "leaver": replace(ZOE, enabled=False, left_on=date(2026, 7, 31), unit=("Leavers",)),
    "of one name": replace(ZOE, family_name="", display_name="Zoë"),
    "with an end": replace(ZOE, role="guest", expires=date(2027, 2, 28), attributes={}),
    "with special characters": replace(ZOE, cn="#Zoë, (a+b)* \\", display_name="🦊 <Zoë>"),
}


def read_back(mapping: DirectoryMap, user: User) -> User | None:
    """The user as it would be read after it was added."""
    name = mapping.user_dn(user)
    values = mapping.user_entry(user, PASSWORD, 20001)
    # A server fills this in from the DN.
    values.setdefault("cn", [user.cn])
    return mapping.read_user(entry(name, values))


def expected(mapping: DirectoryMap, user: User) -> User:
    user_read = replace(user, dn=mapping.user_dn(user))
    if isinstance(mapping, ad.AdMap):
        return user_read
    home = {"unix_home": f"/home/{user.username}", "shell": "/bin/bash"}
    # Without ppolicy, the expiry date also marks a disabled account, so it is not read back.
    return replace(user_read, cn="", attributes={**user.attributes, **home})


@EVERY
@pytest.mark.parametrize("user", USERS.values(), ids=USERS)
def test_added_user_is_read_back_unchanged(mapping: DirectoryMap, user: User) -> None:
    assert read_back(mapping, user) == expected(mapping, user)


@EVERY
def test_added_group_is_read_back_unchanged(mapping: DirectoryMap) -> None:
    members = {mapping.user_dn(ZOE): "id-7", "CN=Stranger,DC=school,DC=test": ""}
    values = mapping.group_entry(CLASS, members)
    values["cn"] = [CLASS.name]
    name = mapping.group_dn(CLASS)
    ids = {key.casefold(): source for key, source in members.items() if source}
    group = mapping.read_group(entry(name, values), ids)
    assert group == replace(CLASS, members=frozenset({"id-7"}), unmanaged_members=1, dn=name)


@EVERY
def test_entries_outside_the_base_are_ignored(mapping: DirectoryMap) -> None:
    values = mapping.user_entry(ZOE, PASSWORD, 1)
    assert mapping.read_user(entry("CN=Zoë,OU=Other,DC=school,DC=test", values)) is None


def test_new_ad_account_has_password_and_access_in_one_operation() -> None:
    values = AD.user_entry(ZOE, "pä", 0)
    assert values["unicodePwd"] == ['"pä"'.encode("utf-16-le")]
    assert (values["userAccountControl"], values["userPrincipalName"]) == (["512"], ["26obrienz@school.test"])


def test_upn_domain_can_be_set() -> None:
    mapping = replace(AD, upn_domain="school.example")
    assert mapping.user_entry(ZOE, "x", 0)["userPrincipalName"] == ["26obrienz@school.example"]


def test_disabling_leaves_the_other_flags_alone() -> None:
    existing = entry("CN=x", {"userAccountControl": ["66048"]})  # normal, password never expires
    assert AD.access_values(replace(ZOE, enabled=False), existing) == {"userAccountControl": ["66050"]}
    assert AD.access_values(ZOE, entry("CN=x", {"userAccountControl": ["66050"]})) == {
        "userAccountControl": ["66048"]
    }


def test_both_values_for_never_mean_never() -> None:
    for text in ("0", "9223372036854775807"):
        existing = entry("CN=x", {"accountExpires": [text], "userAccountControl": ["512"]})
        assert AD.read_access(existing) == (True, None)


def test_account_ends_after_its_last_day() -> None:
    values = AD.expiry_values(replace(ZOE, expires=date(2026, 11, 24)))
    assert values == {"accountExpires": [str(ad.to_filetime(date(2026, 11, 25)))]}
    assert ad.from_filetime(ad.to_filetime(date(2026, 11, 25))).isoformat() == "2026-11-25T00:00:00+00:00"


def test_openldap_never_sees_a_plain_password() -> None:
    values = LDAP.user_entry(ZOE, PASSWORD, 20001)
    (hashed,) = values["userPassword"]
    assert isinstance(hashed, bytes) and hashed.startswith(b"{SSHA}") and PASSWORD.encode() not in hashed
    assert values["uidNumber"] == values["gidNumber"] == ["20001"]


def test_disabled_account_keeps_its_password_and_cannot_use_it() -> None:
    disabled, existing = replace(ZOE, enabled=False), entry("uid=x", {"userPassword": ["{SSHA}abc"]})
    assert LDAP.access_values(disabled, existing) == {
        "pwdAccountLockedTime": ["000001010000Z"],
        "userPassword": [b"{fitsom-locked}{SSHA}abc"],
    }
    assert UNLOCKING.access_values(disabled, existing)["shadowExpire"] == ["1"]
    locked = entry("uid=x", {"userPassword": ["{fitsom-locked}{SSHA}abc"]})
    assert LDAP.access_values(disabled, locked)["userPassword"] == [b"{fitsom-locked}{SSHA}abc"]
    assert LDAP.access_values(ZOE, locked) == {"pwdAccountLockedTime": [], "userPassword": [b"{SSHA}abc"]}
    (hashed,) = LDAP.user_entry(disabled, PASSWORD, 1)["userPassword"]
    assert isinstance(hashed, bytes) and hashed.startswith(b"{fitsom-locked}{SSHA}")


def test_only_the_named_fields_are_written() -> None:
    user = replace(ZOE, attributes={"year": "8", "mail": "new"})
    assert AD.user_values(user, ["year"]) == {"departmentNumber": ["8"]}
    assert AD.user_values(replace(ZOE, left_on=None), ["left_on"]) == {"description": []}
    assert AD.user_values(replace(ZOE, attributes={"year": ""}), ["year"]) == {"departmentNumber": []}


def test_unsupported_attributes_are_not_desired() -> None:
    user = replace(ZOE, attributes={"year": "7", "home_drive": "H:"})
    desired = State(units=frozenset(), users={"id-7": user}, groups={})
    assert maps.without_unsupported(LDAP, desired).users["id-7"].attributes == {"year": "7"}
    assert maps.without_unsupported(AD, desired) is desired


def test_first_passwords_are_long_and_contain_no_name() -> None:
    passwords = {generate(ZOE) for _ in range(50)}
    assert len(passwords) == 50 and all(len(password) >= LENGTH for password in passwords)
    assert contains_name("Maple-otter", replace(ZOE, display_name="Al Otter"))
    assert not contains_name("Maple-otter", replace(ZOE, display_name="Al Ot", username="al"))


def test_a_password_with_a_name_is_discarded() -> None:
    words = iter(["otter", "apple", "apple", "apple", "2", "2", "river", "apple", "apple", "apple", "2", "3"])
    user = replace(ZOE, display_name="Otter")
    assert generate(user, lambda _: next(words)) == "River-apple-apple-apple-23"
