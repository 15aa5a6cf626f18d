# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The classes of a OneRoster bundle, with their members."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date

from . import names, tables
from .model import TeachingClass
from .oneroster_format import (
    ALL_ROLES,
    Manifest,
    first_year,
    is_active,
    split_list,
)
from .tables import Row, Table

Rows = Mapping[str, Mapping[str, Row]]
# The membership that an enrolment gives: an aide needs the same access as the teacher of a class.
_MEMBERSHIPS = {"student": "pupils", "teacher": "teachers", "aide": "teachers"}


def read_classes(
    files: Mapping[str, Table],
    rows: Rows,
    manifest: Manifest,
    today: date | None,
    counts: Callable[[str], bool],
) -> dict[str, TeachingClass]:
    """{source id: class}. `counts` decides whether the user with this id may be a member.

    Classes whose terms are over are skipped: next year's class often has the same code.
    """
    ended_terms = _ended_terms(files, rows, today)
    members = _members(files, rows, manifest, today, counts)
    classes = {}
    for key, row in rows.get("classes", {}).items():
        title = tables.required_text(files["classes"], row, "title", names.clean)
        terms = split_list(row["termSourcedIds"])
        if is_active(row) and not (terms and ended_terms.issuperset(terms)):
            classes[key] = _with_members(_class(key, row, title, rows), members.get(key, {}))
    if manifest.mode("classes") != "bulk":
        class_ids = rows.get("classes", {}).keys()
        other_classes = {key: sets for key, sets in members.items() if key not in class_ids}
        classes |= {
            key: _with_members(TeachingClass(source_id=key, title=""), sets)
            for key, sets in other_classes.items()
        }
    return classes


def _class(key: str, row: Row, title: str, rows: Rows) -> TeachingClass:
    course = rows.get("courses", {}).get(row["courseSourcedId"])
    subjects = split_list(row["subjects"]) or (split_list(course["subjects"]) if course else [])
    return TeachingClass(
        source_id=key,
        title=title,
        code=names.clean(row["classCode"]),
        subjects=tuple(dict.fromkeys(names.clean(text) for text in subjects)),
        years=tuple(dict.fromkeys(first_year(text) for text in split_list(row["grades"]))),
    )


def _with_members(empty: TeachingClass, sets: Mapping[str, set[str]]) -> TeachingClass:
    pupils, teachers, former_members = (
        frozenset(sets.get(membership, ())) for membership in ("pupils", "teachers", "former_members")
    )
    return replace(empty, pupils=pupils, teachers=teachers, former_members=former_members)


def _ended_terms(files: Mapping[str, Table], rows: Rows, today: date | None) -> set[str]:
    ended_terms = set()
    for key, row in rows.get("academicSessions", {}).items():
        table = files["academicSessions"]
        start, end = tables.parse_date(table, row, "startDate"), tables.parse_date(table, row, "endDate")
        _in_order(table, row, "endDate", start, end)
        if today and end and end <= today:
            ended_terms.add(key)
    return ended_terms


def _in_order(table: Table, row: Row, column: str, first: date | None, last: date | None) -> None:
    if first and last and last < first:
        table.fault(row, column, "is before the first day")


def _members(
    files: Mapping[str, Table],
    rows: Rows,
    manifest: Manifest,
    today: date | None,
    counts: Callable[[str], bool],
) -> dict[str, dict[str, set[str]]]:
    """{class: {"pupils" | "teachers" | "former_members": ids}}."""
    members: dict[str, dict[str, set[str]]] = {}
    for row in rows.get("enrollments", {}).values():
        table = files["enrollments"]
        class_id = tables.parse_identifier(table, row, "classSourcedId")
        user = tables.parse_identifier(table, row, "userSourcedId")
        membership = _MEMBERSHIPS.get(tables.parse_choice(table, row, "role", ALL_ROLES))
        begin, end = tables.parse_date(table, row, "beginDate"), tables.parse_date(table, row, "endDate")
        _in_order(table, row, "endDate", begin, end)
        if membership is None or not counts(user):
            continue
        # End dates of OneRoster are exclusive.
        over = not is_active(row) or (today is not None and end is not None and end <= today)
        if over and manifest.mode("enrollments") == "delta":
            members.setdefault(class_id, {}).setdefault("former_members", set()).add(user)
        elif not over and not (today and begin and begin > today):
            members.setdefault(class_id, {}).setdefault(membership, set()).add(user)
    return members
