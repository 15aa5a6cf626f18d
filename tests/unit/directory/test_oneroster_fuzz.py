"""Bundles with random damage are refused, or nothing in them is invented or lost."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from plugins.module_utils.directory import oneroster
from plugins.module_utils.directory.model import FaultyInputError, Roster
from tests.rosters import bundle, make_school, write

SCHOOL = make_school(24, seed=5)
BUNDLES = {version: bundle(SCHOOL, version) for version in ("1.1", "1.2")}
MEMBERSHIPS = sum(
    len(teaching_class.pupils) + len(teaching_class.teachers) for teaching_class in SCHOOL.classes.values()
)
version_and_file = st.sampled_from([(version, name) for version, files in BUNDLES.items() for name in files])
quick = settings(max_examples=150, deadline=None, derandomize=True)


def read(files: dict[str, bytes], target: str = "x") -> Roster | None:
    """None if it is refused; any other exception than FaultyInputError fails the test."""
    with tempfile.TemporaryDirectory() as folder:
        path = write(files, Path(folder) / target)
        try:
            return oneroster.read(path)
        except FaultyInputError as error:
            assert error.faults
            return None


def count_memberships(roster: Roster) -> int:
    return sum(
        len(teaching_class.pupils) + len(teaching_class.teachers)
        for teaching_class in roster.classes.values()
    )


@quick
@given(version_and_file, st.data())
def test_a_byte_changed_anywhere_never_invents_a_person_nor_breaks_the_reader(
    place: tuple[str, str], data: st.DataObject
) -> None:
    version, name = place
    content = bytearray(BUNDLES[version][name])
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    roster = read({**BUNDLES[version], name: bytes(content)})
    if roster is not None and name != "users.csv":
        assert roster.people.keys() <= SCHOOL.people.keys()
    if roster is not None:
        assert all(key.strip() and key.isprintable() for key in roster.people)
        assert len(roster.people) + len(roster.leavers) <= len(SCHOOL.people)


@quick
@given(version_and_file, st.data())
def test_rows_lost_doubled_or_shuffled_never_invent_a_person(
    place: tuple[str, str], data: st.DataObject
) -> None:
    version, name = place
    head, *rows = BUNDLES[version][name].splitlines(keepends=True)
    picked = data.draw(st.lists(st.sampled_from(rows), min_size=1, max_size=len(rows) + 2))
    roster = read({**BUNDLES[version], name: head + b"".join(picked)})
    if roster is not None:
        assert len(set(picked)) == len(picked), "a repeated row was accepted"
        assert roster.people.keys() <= SCHOOL.people.keys()
        if version == "1.2":
            # Users and roles refer to each other, so nobody can get lost.
            assert roster.people.keys() == SCHOOL.people.keys()


@quick
@given(version_and_file, st.data())
def test_a_file_cut_inside_a_row_is_never_complete(place: tuple[str, str], data: st.DataObject) -> None:
    version, name = place
    content = BUNDLES[version][name]
    end = data.draw(st.integers(0, len(content) - 1))
    # After the carriage return, too, a line is complete.
    assume(content[end - 1 : end] not in (b"\r", b"\n"))
    assert read({**BUNDLES[version], name: content[:end]}) is None


@quick
@given(version_and_file, st.data())
def test_a_file_cut_between_two_rows_loses_nobody_in_another_file(
    place: tuple[str, str], data: st.DataObject
) -> None:
    version, name = place
    rows = BUNDLES[version][name].splitlines(keepends=True)
    end = data.draw(st.integers(0, len(rows) - 1))
    roster = read({**BUNDLES[version], name: b"".join(rows[:end])})
    enrolled = set().union(*(c.pupils | c.teachers for c in SCHOOL.classes.values()))
    if roster is not None:
        assert enrolled <= roster.people.keys()
        assert name == "enrollments.csv" or count_memberships(roster) == MEMBERSHIPS


@quick
@given(st.sampled_from(sorted(BUNDLES)), st.floats(0, 0.999))
def test_a_zip_cut_anywhere_is_refused(version: str, share: float) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = write(BUNDLES[version], Path(folder) / "x.zip")
        content = path.read_bytes()
        path.write_bytes(content[: int(len(content) * share)])
        try:
            oneroster.read(path)
        except FaultyInputError:
            return
    raise AssertionError("a truncated archive was accepted")


@quick
@given(st.sampled_from(sorted(BUNDLES)), st.data())
def test_a_zip_with_changed_bytes_is_read_as_before_or_refused(version: str, data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = write(BUNDLES[version], Path(folder) / "x.zip")
        content = bytearray(path.read_bytes())
        for _ in range(data.draw(st.integers(1, 4))):
            content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
        path.write_bytes(content)
        try:
            roster = oneroster.read(path)
        except FaultyInputError:
            return
    assert roster.people == SCHOOL.people
