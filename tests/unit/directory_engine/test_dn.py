"""Names with characters that have a meaning in a DN."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugins.module_utils.directory import dn

BASE = "OU=School,DC=school,DC=test"
NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1).filter(
    lambda text: text == text.strip()
)


@given(NAMES, NAMES)
def test_a_unit_is_read_back_from_its_dn(outer: str, inner: str) -> None:
    assert dn.unit_of(dn.unit_dn((outer, inner), BASE), BASE) == (outer, inner)


@given(NAMES)
def test_a_dn_is_split_into_rdn_and_parent(name: str) -> None:
    own, parent = dn.split(f"{dn.rdn('CN', name)},{BASE}")
    assert (dn.value_of(own), parent) == (name, BASE)


def test_the_base_is_an_empty_unit_and_a_dn_outside_is_none() -> None:
    assert dn.unit_of(BASE.lower(), BASE) == ()
    assert dn.unit_of("OU=Other,DC=school,DC=test", BASE) is None


def test_all_forms_of_escaping_are_read() -> None:
    assert dn.value_of(r"CN=a\2Cb \C3\BC\"") == 'a,b ü"'


@pytest.mark.parametrize("text", ["ou=School, dc=school,dc=test", "OU = School,DC=school , DC=test"])
def test_names_are_compared_whatever_their_case_and_blanks(text: str) -> None:
    assert dn.normal(text) == BASE.casefold()
