"""Usernames, display names and common names."""

from __future__ import annotations

from datetime import date
from itertools import islice

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plugins.module_utils.directory import names
from plugins.module_utils.directory.model import Person, Role, User

TODAY = date(2026, 9, 1)
quick = settings(max_examples=200, deadline=None, derandomize=True)


def person(
    given_name: str = "Anna",
    family_name: str = "Smith",
    key: str = "p1",
    *,
    username: str = "",
    starts: date | None = None,
) -> Person:
    return Person(
        source_id=key,
        given_name=given_name,
        family_name=family_name,
        role=Role.PUPIL,
        username=username,
        starts=starts,
    )


def first(count: int, pupil: Person, template: str, limit: int = 20) -> list[str]:
    return list(islice(names.candidates(pupil, template, today=TODAY, limit=limit), count))


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("Ärger Öl Übel", "aergeroeluebel"),
        ("A\u0308rger", "aerger"),  # the umlaut in two characters
        ("Großmann ẞ", "grossmannss"),
        ("Søren Łukasz Þóra Æther Œuvre", "sorenlukaszthoraaetheroeuvre"),
        ("Đorđević Ħ Ŋ Ŧ \u0131 ð", "dordevichntid"),
        ("O'Brien-Núñez d\u2019Arcy", "obriennunezdarcy"),
        ("Nguyễn Źdźbło Ștefan", "nguyenzdzblostefan"),
        ("\ufb01 \uff21 \u00b2", "fia2"),
        ("李 Мария 🦊 \u202e", ""),
    ],
)
def test_a_name_is_folded_to_ascii(text: str, folded: str) -> None:
    assert names.fold(text) == folded


@pytest.mark.parametrize(
    ("template", "username"),
    [
        ("{given:1}{family}", "asmith"),
        ("{year2}{family}{given:1}", "26smitha"),
        ("{family:3}{given:1}{number}", "smia1"),
        ("{family:3}{number:3}", "smi001"),
        ("{given}.{family}", "anna.smith"),
        ("{id}", "p1"),
        ("x-{family}", "x-smith"),
    ],
)
def test_a_template_makes_the_username(template: str, username: str) -> None:
    names.check_username_template(template)
    assert first(1, person(), template) == [username]


def test_the_year_is_that_of_joining_if_the_roster_has_it() -> None:
    assert first(1, person(starts=date(2021, 9, 1)), "{year2}{family}") == ["21smith"]


def test_homonyms_get_numbers_and_the_name_is_shortened_for_them() -> None:
    assert first(3, person(), "{family}") == ["smith", "smith2", "smith3"]
    assert first(3, person(), "{family}", limit=5) == ["smith", "smit2", "smit3"]
    assert first(11, person(), "{family}", limit=5)[-2:] == ["smi10", "smi11"]
    assert first(3, person(), "{family:2}{number:2}") == ["sm01", "sm02", "sm03"]
    assert first(2, person(given_name="A", family_name="Bcd"), "{given}.{family}", limit=4) == [
        "a.bc",
        "a.b2",
    ]
    assert first(2, person(given_name="Ab", family_name="Bcd"), "{given}.{family}", limit=4) == [
        "ab.b",
        "ab2",
    ]


@pytest.mark.parametrize(
    ("pupil", "username"),
    [
        (person("🦊", "李", "Pu-77"), "upu77"),
        (person("🦊", "Smith"), "smith"),
        (person("🦊", "李", "李"), "uc16667ca"),
    ],
)
def test_a_name_without_ascii_letters_is_replaced_by_the_source_id(pupil: Person, username: str) -> None:
    assert first(1, pupil, "{year2}{given:1}{family}")[0].removeprefix("26") == username


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ("{given", "unbalanced"),
        ("{}", "no valid field name"),
        ("{given.x}", "no valid field name"),
        ("{given!r}", "write {given}"),
        ("{given:>3}", "write {given}"),
        ("{given:0}", "write {given}"),
        ("{surname}", "allowed are family, given"),
        ("{year2}", "needs {given}"),
        ("{given} {family}", "may have only"),
        ("{given}@{family}", "may have only"),
        ("{number}{given}", "must come last"),
        ("{given}{number}x", "must come last"),
    ],
)
def test_a_bad_template_is_refused_with_a_reason(template: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        names.check_username_template(template)


def test_the_rosters_username_is_kept_except_for_invalid_characters() -> None:
    pupil = person(username="Anna.Smith-1_X@school.example")
    assert list(islice(names.roster_candidates(pupil), 2)) == ["anna.smith-1_x", "anna.smith-1_x2"]
    assert next(names.roster_candidates(person(username="李@x"))) == "up1"


def test_an_existing_name_is_avoided_without_regard_to_case() -> None:
    assert names.first_free(iter(["Smith", "SMITH2", "smith3"]), {"smith", "smith2"}) == "smith3"


@quick
@given(st.text(max_size=40), st.text(max_size=40), st.text(min_size=1, max_size=9), st.integers(4, 64))
def test_any_name_gives_usernames_that_are_valid_in_every_directory(
    given_name: str, family: str, key: str, limit: int
) -> None:
    for template in ("{given:1}{family}", "{given}.{family}", "{family:6}{given:1}{number}", "{id}"):
        usernames = first(12, person(given_name, family, key), template, limit)
        assert len(set(usernames)) >= 11  # a name that ends in 2 may come up again
        for name in usernames:
            assert 1 <= len(name) <= limit
            assert set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789._-")
            assert name[0] not in "._-"
            assert name[-1] not in "._-"


# ---- display names


@pytest.mark.parametrize(
    ("given_name", "family", "shown"),
    [
        ("Zoë", "O'Brien-Nunez", "Zoë O'Brien-Nunez"),
        ("👩\u200d🚀", "Groß", "👩\u200d🚀 Groß"),
        (" Mary \t Jane ", "A\u0308rmel", "Mary Jane Ärmel"),
        ("An\u202ena\x07", "Smi\u200bth", "Anna Smith"),
        ("A\nB", "C", "A B C"),
    ],
)
def test_a_display_name_keeps_visible_characters_only(given_name: str, family: str, shown: str) -> None:
    assert names.display_name(given_name, family) == shown


@pytest.mark.parametrize(
    ("text", "limit", "clipped"),
    [
        ("abc", 3, "abc"),
        ("abcd", 3, "abc"),
        ("ab🦊", 3, "ab"),  # an emoji counts twice
        ("ab🦊", 4, "ab🦊"),
        ("a👩\u200d🚀", 4, "a"),
        ("a👍🏽", 4, "a"),
        ("ab cd", 3, "ab"),
        ("aq\u0303", 2, "a"),
    ],
)
def test_a_text_is_cut_between_letters(text: str, limit: int, clipped: str) -> None:
    assert names.clip(text, limit) == clipped


@quick
@given(st.text(max_size=90), st.integers(1, 70))
def test_a_clipped_text_is_a_beginning_that_fits(text: str, limit: int) -> None:
    clipped = names.clip(text, limit)
    assert text.startswith(clipped)
    assert names.utf16_length(clipped) <= limit


# ---- common names


def user(key: str, cn: str, unit: tuple[str, ...] = ("A",)) -> User:
    return User(
        source_id=key,
        username=key,
        unit=unit,
        given_name="",
        family_name="",
        display_name=cn,
        role="pupil",
        cn=cn,
    )


def test_homonyms_in_one_unit_get_numbers_and_in_two_units_do_not() -> None:
    placements = {"1": (("A",), "Anna Smith"), "2": (("A",), "anna smith"), "3": (("B",), "Anna Smith")}
    assert names.common_names(placements, {}) == {"1": "Anna Smith", "2": "anna smith (2)", "3": "Anna Smith"}


def test_an_account_that_stays_keeps_its_name_when_a_lower_id_comes() -> None:
    current = {"5": user("5", "Anna Smith"), "6": user("6", "Anna Smith (3)")}
    placements = dict.fromkeys(("1", "5", "6"), (("A",), "Anna Smith"))
    assert names.common_names(placements, current) == {
        "1": "Anna Smith (2)",
        "5": "Anna Smith",
        "6": "Anna Smith (3)",
    }


def test_names_of_accounts_that_move_out_are_not_reused() -> None:
    current = {"1": user("1", "Anna Smith", ("A",)), "2": user("2", "Anna Smith", ("B",))}
    swapped = {"1": (("B",), "Anna Smith"), "2": (("A",), "Anna Smith")}
    assert names.common_names(swapped, current) == {"1": "Anna Smith (2)", "2": "Anna Smith (2)"}


def test_a_long_name_has_at_most_64_characters_with_its_number() -> None:
    placements = {str(n): (("A",), "N" * 80) for n in range(12)}
    common_names = names.common_names(placements, {})
    assert len(set(common_names.values())) == 12
    assert {len(cn) for cn in common_names.values()} == {64}
    assert all(names.is_numbered_name(cn, "N" * 80) for cn in common_names.values())


@quick
@given(
    st.dictionaries(
        st.text("abc", min_size=1, max_size=3),
        st.tuples(
            st.sampled_from([("A",), ("B",)]), st.sampled_from(["X", "x", "X (2)", "Y" * 70, "🦊" * 40])
        ),
    ),
    st.dictionaries(st.text("abc", min_size=1, max_size=3), st.sampled_from(["X", "X (2)", "Z"])),
)
def test_common_names_are_unique_and_stable(
    placements: dict[str, tuple[tuple[str, ...], str]], existing_cns: dict[str, str]
) -> None:
    current = {key: user(key, f"{cn}{number or ''}") for number, (key, cn) in enumerate(existing_cns.items())}
    common_names = names.common_names(placements, current)
    places = [(unit, common_names[key].casefold()) for key, (unit, _) in placements.items()]
    other_entries = [(u.unit, u.cn.casefold()) for key, u in current.items() if key not in placements]
    assert len({*places, *other_entries}) == len(places) + len(other_entries)
    assert all(0 < names.utf16_length(cn) <= 64 for cn in common_names.values())
    after = {key: user(key, common_names[key], unit) for key, (unit, _) in placements.items()}
    assert names.common_names(placements, {**current, **after}) == common_names
