"""Reading valid OneRoster bundles."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from plugins.module_utils.directory import oneroster
from plugins.module_utils.directory.model import Role, Roster, TeachingClass
from tests.rosters import HEADERS, USERS_12, bundle, cell, make_school, roster_of, table, write

SCHOOL = make_school(60, seed=3)


def is_same(roster: Roster, expected: Roster) -> bool:
    equal: bool = replace(roster, sha256="") == replace(expected, sha256="")
    return equal


@pytest.mark.parametrize("version", ["1.1", "1.2"])
@pytest.mark.parametrize("target", ["folder", "bundle.zip"])
def test_a_written_bundle_is_read_back(tmp_path: Path, version: str, target: str) -> None:
    assert is_same(oneroster.read(write(bundle(SCHOOL, version), tmp_path / target)), SCHOOL)


def test_folder_and_zip_of_one_content_have_one_hash_and_another_content_has_another(tmp_path: Path) -> None:
    files = bundle(SCHOOL)
    folder = oneroster.read(write(files, tmp_path / "a")).sha256
    zipped = oneroster.read(write(dict(reversed(files.items())), tmp_path / "a.zip")).sha256
    changed = oneroster.read(write(cell(files, "users", 2, "grades", "11"), tmp_path / "b")).sha256
    assert folder == zipped != changed
    assert len(folder) == 64


def test_byte_order_mark_unix_line_ends_blank_lines_and_quotes_make_no_difference(tmp_path: Path) -> None:
    files = {
        name: b"\xef\xbb\xbf"
        + content.replace(b"\r\n", b"\n").replace(b"sourcedId", b'"sourcedId"', 1)
        + b"\n\n"
        for name, content in bundle(SCHOOL).items()
    }
    assert is_same(oneroster.read(write(files, tmp_path / "x")), SCHOOL)


def test_columns_are_read_by_name_not_by_position(tmp_path: Path) -> None:
    files = bundle(SCHOOL)
    rows = [line.split(",") for line in files["enrollments.csv"].decode().splitlines()]
    files["enrollments.csv"] = table(rows[0][::-1], [row[::-1] for row in rows[1:]])
    assert is_same(oneroster.read(write(files, tmp_path / "x")), SCHOOL)


def test_files_without_a_final_newline_are_read_if_all_lack_it(tmp_path: Path) -> None:
    files = {name: content.removesuffix(b"\r\n") for name, content in bundle(SCHOOL).items()}
    assert is_same(oneroster.read(write(files, tmp_path / "x")), SCHOOL)


def test_macos_shadow_files_in_a_zip_are_ignored(tmp_path: Path) -> None:
    files = {**bundle(SCHOOL), "__MACOSX/._users.csv": b"\0\1"}
    assert is_same(oneroster.read(write(files, tmp_path / "x.zip")), SCHOOL)


@pytest.mark.parametrize(
    ("word", "role"),
    [
        ("student", Role.PUPIL),
        ("Teacher", Role.TEACHER),
        ("administrator", Role.STAFF),
        ("aide", Role.STAFF),
        ("proctor", Role.STAFF),
        ("principal", Role.STAFF),
        ("guardian", None),
        ("parent", None),
        ("relative", None),
    ],
)
def test_a_role_of_oneroster_is_mapped_or_ignored(tmp_path: Path, word: str, role: Role | None) -> None:
    files = cell(bundle(SCHOOL), "users", 2, "role", word)
    person = oneroster.read(write(files, tmp_path / "x")).people.get("pu-00000")
    assert (person.role if person else None) == role


@pytest.mark.parametrize(
    ("grades", "year"), [("07", "7"), ('"07,08"', "7"), ("10", "10"), ("00", "0"), ("KG", "KG"), ("", "")]
)
def test_the_first_grade_is_the_year(tmp_path: Path, grades: str, year: str) -> None:
    files = cell(bundle(SCHOOL), "users", 2, "grades", "@")
    files["users.csv"] = files["users.csv"].replace(b"@", grades.encode())
    assert oneroster.read(write(files, tmp_path / "x")).people["pu-00000"].year == year


@pytest.mark.parametrize(
    ("column", "value"), [("enabledUser", "false"), ("status", "tobedeleted"), ("status", "inactive")]
)
def test_disabled_or_deleted_users_are_leavers_and_in_no_class(
    tmp_path: Path, column: str, value: str
) -> None:
    roster = oneroster.read(write(cell(bundle(SCHOOL), "users", 2, column, value), tmp_path / "x"))
    assert "pu-00000" not in roster.people
    assert roster.leavers == {"pu-00000"}
    assert roster.complete
    assert not any("pu-00000" in teaching_class.pupils for teaching_class in roster.classes.values())


@pytest.mark.parametrize(
    ("begin", "end", "is_member"),
    [
        ("2026-09-10", "", True),
        ("2026-09-11", "", False),
        ("", "2026-09-11", True),
        ("", "2026-09-10", False),  # end dates of OneRoster are exclusive
    ],
)
def test_an_enrolment_counts_between_its_dates(tmp_path: Path, begin: str, end: str, is_member: bool) -> None:
    files = cell(bundle(SCHOOL), "enrollments", 2, "beginDate", begin)
    files = cell(files, "enrollments", 2, "endDate", end)
    teaching_class, user = (
        next(iter(SCHOOL.classes.values())),
        min(next(iter(SCHOOL.classes.values())).pupils),
    )
    roster = oneroster.read(write(files, tmp_path / "x"), today=date(2026, 9, 10))
    assert (user in roster.classes[teaching_class.source_id].pupils) is is_member


def test_a_class_whose_term_is_over_is_skipped(tmp_path: Path) -> None:
    path = write(bundle(SCHOOL), tmp_path / "x")
    assert oneroster.read(path, today=date(2027, 7, 30)).classes
    assert not oneroster.read(path, today=date(2027, 7, 31)).classes


def test_subjects_come_from_the_course_if_the_class_has_none(tmp_path: Path) -> None:
    files = cell(cell(bundle(SCHOOL), "classes", 2, "subjects", ""), "classes", 2, "courseSourcedId", "k")
    files["courses.csv"] = table(
        HEADERS["courses"], [["k", "", "", "", "Latin", "", "", "school", "Latin,Greek", ""]]
    )
    files["manifest.csv"] = files["manifest.csv"].replace(b"file.courses,absent", b"file.courses,bulk")
    roster = oneroster.read(write(files, tmp_path / "x"))
    assert next(iter(roster.classes.values())).subjects == ("Latin", "Greek")


def test_a_roster_without_classes_is_marked(tmp_path: Path) -> None:
    files = bundle(SCHOOL)
    for name in ("classes", "enrollments"):
        del files[f"{name}.csv"]
        files["manifest.csv"] = files["manifest.csv"].replace(
            f"file.{name},bulk".encode(), f"file.{name},absent".encode()
        )
    roster = oneroster.read(write(files, tmp_path / "x"))
    assert (roster.complete, roster.with_classes, dict(roster.classes)) == (True, False, {})


def roles(*rows: list[str]) -> dict[str, bytes]:
    """A bundle of version 1.2 with one user, u, and these roles.

    A row is (roleType, role, beginDate, endDate, org).
    """
    files = bundle(roster_of([]), "1.2")
    user = {"sourcedId": "u", "givenName": "A", "familyName": "B"}
    files["users.csv"] = table(USERS_12, [[user.get(column, "") for column in USERS_12]])
    role_rows = [[f"r{n}", "", "", "u", *row, ""] for n, row in enumerate(rows)]
    return {**files, "roles.csv": table(HEADERS["roles"], role_rows)}


def test_the_primary_role_counts_unless_it_is_a_parents_or_has_ended(tmp_path: Path) -> None:
    today = date(2026, 9, 10)
    two_roles = roles(["secondary", "teacher", "", "", "school"], ["primary", "aide", "", "", "dept-Office"])
    parent = roles(["primary", "parent", "", "", "school"], ["secondary", "teacher", "", "", "school"])
    over = roles(["primary", "teacher", "", "2026-09-10", "school"], ["secondary", "aide", "", "", "school"])
    rosters = [
        oneroster.read(write(f, tmp_path / str(n)), today=today)
        for n, f in enumerate((two_roles, parent, over))
    ]
    assert [roster.people["u"].role for roster in rosters] == [Role.STAFF, Role.TEACHER, Role.STAFF]
    assert rosters[0].people["u"].departments == ("Office",)


def test_the_dates_of_a_role_are_the_first_and_the_last_day_of_access(tmp_path: Path) -> None:
    files = roles(["primary", "teacher", "2026-09-01", "2027-08-01", "school"])
    person = oneroster.read(write(files, tmp_path / "x")).people["u"]
    assert (person.starts, person.ends) == (date(2026, 9, 1), date(2027, 7, 31))


@pytest.mark.parametrize("version", ["1.1", "1.2"])
def test_a_delta_has_changes_and_leavers_and_is_not_complete(tmp_path: Path, version: str) -> None:
    pupil = SCHOOL.people["pu-00001"]
    teaching_class = TeachingClass(
        source_id="c", title="", pupils=frozenset({"pu-00009"}), former_members=frozenset({"pu-00008"})
    )
    delta = replace(
        roster_of([pupil], [teaching_class], complete=False),
        leavers=frozenset({"pu-00002"}),
        with_classes=False,
    )
    roster = oneroster.read(write(bundle(delta, version, "delta"), tmp_path / "x.zip"))
    assert is_same(roster, delta)
