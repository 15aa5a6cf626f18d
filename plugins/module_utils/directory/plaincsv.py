# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Read a roster from one CSV file of any columns: guests, suppliers, small schools."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

from . import bundle, names, tables
from .model import (
    Fault,
    FaultyInputError,
    Person,
    Role,
    Roster,
    TeachingClass,
)
from .oneroster_format import first_year
from .tables import Row, Table

REQUIRED = ("source_id", "given_name", "family_name", "role")
FIELDS = (*REQUIRED, "year", "class", "department", "mail", "starts", "ends", "username")
_CONSTANT = "="
_ROLE_WORDS = {**{role.value: role for role in Role}, "student": Role.PUPIL}


def read(
    path: Path,
    mapping: Mapping[str, str],
    *,
    delimiter: str = ",",
    encoding: str = "utf-8-sig",
    complete: bool = True,
    covers: Collection[Role] | None = None,
) -> Roster:
    """Read the roster in a CSV file. `mapping` is {field: column}; role "=guest" makes all guests.

    `class` and `department` may have several values, separated by semicolons. If the file is
    `complete`, people who are not in it have left, if it `covers` their role (by default the
    constant role, otherwise all roles). FaultyInputError has every fault of the file; ValueError is
    a mistake in the mapping or the options.
    """
    check(mapping, delimiter=delimiter, encoding=encoding)
    faults: list[Fault] = []
    content = _content(path)
    columns = [column for column in mapping.values() if not column.startswith(_CONSTANT)]
    table = tables.parse(path.name, content, faults, required=columns, delimiter=delimiter, encoding=encoding)
    people: dict[str, Person] = {}
    classes: dict[str, list[str]] = {}
    for key, row in tables.rows_by_id(table, mapping["source_id"]):
        people[key] = _person(table, row, key, mapping)
        for code in _split_cell(row, mapping.get("class", "")):
            classes.setdefault(code, []).append(key)
    if not people and not faults:
        faults.append(Fault(file=path.name, reason="has a header and no rows"))
    if faults:
        raise FaultyInputError(sorted(faults, key=lambda fault: (fault.line, fault.column)))
    return Roster(
        people=people,
        classes={code: _class(code, keys, people) for code, keys in classes.items()},
        complete=complete,
        covers=frozenset(covers) if covers is not None else _covers(mapping),
        with_classes="class" in mapping and complete,
        sha256=bundle.digest({"roster": content}),
    )


def check(mapping: Mapping[str, str], *, delimiter: str = ",", encoding: str = "utf-8-sig") -> None:
    """Raise ValueError for a mapping or an option that cannot be used."""
    unknown = sorted(set(mapping) - set(FIELDS))
    missing = [field for field in REQUIRED if not mapping.get(field)]
    if unknown:
        raise ValueError(
            f"the mapping has unknown fields: {', '.join(unknown)}; the fields are {', '.join(FIELDS)}"
        )
    if missing:
        raise ValueError(f"the mapping needs {', '.join(missing)}")
    for field, column in mapping.items():
        if column.startswith(_CONSTANT) and (field != "role" or column[1:].casefold() not in _ROLE_WORDS):
            raise ValueError(
                f"only the role may be a constant, one of {', '.join(_ROLE_WORDS)}; {field} is {column!r}"
            )
    if len(delimiter) != 1 or delimiter in '"\r\n ':
        raise ValueError("the delimiter must be one character, such as ; or a tab")
    try:
        b"a".decode(encoding)
    except UnicodeError:
        return  # a valid encoding, for which a single byte is too short
    except LookupError as error:
        raise ValueError(f"there is no encoding {encoding!r}") from error


def _content(path: Path) -> bytes:
    try:
        if path.stat().st_size > bundle.LARGEST_FILE:
            reason = f"is larger than {bundle.LARGEST_FILE // 1024 // 1024} MB"
            raise FaultyInputError([Fault(file=path.name, reason=reason)])
        return path.read_bytes()
    except OSError as error:
        raise FaultyInputError([Fault(file=path.name, reason="cannot be read")]) from error


def _person(table: Table, row: Row, key: str, mapping: Mapping[str, str]) -> Person:
    starts = tables.parse_date(table, row, mapping.get("starts", ""))
    ends = tables.parse_date(table, row, mapping.get("ends", ""))
    if starts and ends and ends < starts:
        table.fault(row, mapping["ends"], "is before the first day")
    return Person(
        source_id=key,
        given_name=tables.required_text(table, row, mapping["given_name"], names.clean),
        family_name=tables.required_text(table, row, mapping["family_name"], names.clean),
        role=_role(table, row, mapping["role"]),
        year=first_year(row[mapping.get("year", "")]),
        departments=_split_cell(row, mapping.get("department", "")),
        mail=row[mapping.get("mail", "")],
        starts=starts,
        ends=ends,
        username=row[mapping.get("username", "")],
    )


def _role(table: Table, row: Row, column: str) -> Role:
    if column.startswith(_CONSTANT):
        return _ROLE_WORDS[column[1:].casefold()]
    # For an unknown role a fault has been added, so this default is never used.
    return _ROLE_WORDS.get(tables.parse_choice(table, row, column, tuple(_ROLE_WORDS)), Role.GUEST)


def _split_cell(row: Row, column: str) -> tuple[str, ...]:
    parts = (names.clean(part) for part in row[column].split(";"))
    return tuple(dict.fromkeys(part for part in parts if part))


def _class(code: str, keys: list[str], people: Mapping[str, Person]) -> TeachingClass:
    return TeachingClass(
        source_id=code,
        title=code,
        code=code,
        pupils=frozenset(key for key in keys if people[key].role is Role.PUPIL),
        teachers=frozenset(key for key in keys if people[key].role in (Role.TEACHER, Role.STAFF)),
    )


def _covers(mapping: Mapping[str, str]) -> frozenset[Role]:
    role = mapping["role"]
    return frozenset([_ROLE_WORDS[role[1:].casefold()]] if role.startswith(_CONSTANT) else Role)
