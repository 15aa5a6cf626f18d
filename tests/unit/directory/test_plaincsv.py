"""Read a roster from one CSV file by a mapping of its columns."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from plugins.module_utils.directory import bundle, plaincsv
from plugins.module_utils.directory.model import FaultyInputError, Person, Role, Roster

MAPPING = dict(
    zip(
        plaincsv.FIELDS,
        ("No", "Vorname", "Name", "Art", "Jahr", "Kurse", "Fach", "Post", "Von", "Bis", "Konto"),
        strict=True,
    )
)
HEADER = "No;Vorname;Name;Art;Jahr;Kurse;Fach;Post;Von;Bis;Konto"
PUPIL = "1;Jörg;O'Brien-Nunez;pupil;07;7A/Ma;;j@x.uk;2026-09-01;;jb"
TEACHER = "2;Ann;Lee;teacher;;7A/Ma; 7A/En ;Maths;;;2027-07-31;"


def read(tmp_path: Path, *rows: str, header: str = HEADER, encoding: str = "utf-8") -> Roster:
    path = tmp_path / "people.csv"
    path.write_bytes("\r\n".join([header, *rows, ""]).encode(encoding))
    return plaincsv.read(path, MAPPING, delimiter=";", encoding=encoding)


def read_faults(tmp_path: Path, *rows: str, header: str = HEADER) -> list[tuple[int, str, str]]:
    with pytest.raises(FaultyInputError) as raised:
        read(tmp_path, *rows, header=header)
    assert {fault.file for fault in raised.value.faults} == {"people.csv"}
    return [(fault.line, fault.column, fault.reason) for fault in raised.value.faults]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
def test_every_field_of_the_mapping_is_read(tmp_path: Path, encoding: str) -> None:
    teacher = TEACHER.replace("7A/Ma; 7A/En ", '"7A/Ma; 7A/En "')
    roster = read(tmp_path, PUPIL, teacher, encoding=encoding)
    assert roster.people["1"] == Person(
        source_id="1",
        given_name="Jörg",
        family_name="O'Brien-Nunez",
        role=Role.PUPIL,
        year="7",
        mail="j@x.uk",
        starts=date(2026, 9, 1),
        username="jb",
    )
    assert roster.people["2"].departments == ("Maths",)
    classes = {c.code: (set(c.pupils), set(c.teachers)) for c in roster.classes.values()}
    assert classes == {"7A/Ma": ({"1"}, {"2"}), "7A/En": (set(), {"2"})}


def test_a_constant_role_covers_only_that_role(tmp_path: Path) -> None:
    mapping = {"source_id": "No", "given_name": "Vorname", "family_name": "Name", "role": "=guest"}
    path = tmp_path / "guests.csv"
    path.write_text("No,Vorname,Name\n1,A,B\n")
    roster = plaincsv.read(path, mapping)
    assert (roster.people["1"].role, roster.covers) == (Role.GUEST, frozenset({Role.GUEST}))
    assert (roster.complete, roster.with_classes) == (True, False)
    assert plaincsv.read(path, mapping, complete=False, covers=[Role.STAFF]).covers == {Role.STAFF}


def test_faults_have_line_and_column_and_are_reported_together(tmp_path: Path) -> None:
    rows = (
        PUPIL,
        "1;A;B;pupil;;;;;;;",
        ";A;B;pupil;;;;;;;",
        "3;;B;cook;;;;;2026-13-01;;",
        "4;A;B;guest;;;;;2026-02-02;2026-02-01;",
    )
    assert read_faults(tmp_path, *rows) == [
        (3, "No", "the same id is on line 2"),
        (4, "No", "is empty"),
        (5, "Art", "must be one of pupil, teacher, staff, guest, supplier, student"),
        (5, "Von", "is not a date such as 2026-09-01"),
        (5, "Vorname", "is empty"),
        (6, "Bis", "is before the first day"),
    ]


def test_incomplete_files_are_refused(tmp_path: Path) -> None:
    assert read_faults(tmp_path) == [(0, "", "has a header and no rows")]
    assert read_faults(tmp_path, PUPIL, header=HEADER.replace("Bis", "To")) == [
        (1, "Bis", "the header does not have this column")
    ]
    assert read_faults(tmp_path, PUPIL, "2;A;B") == [(3, "", "has 3 fields where the header has 11")]
    (tmp_path / "people.csv").write_bytes(f"{HEADER}\n{PUPIL}\n2;A;B".encode())
    with pytest.raises(FaultyInputError, match="truncated"):
        plaincsv.read(tmp_path / "people.csv", MAPPING, delimiter=";")
    (tmp_path / "people.csv").write_bytes(f"{HEADER}\n{PUPIL}\n".encode("cp1252"))
    with pytest.raises(FaultyInputError, match="2: is not UTF-8"):
        plaincsv.read(tmp_path / "people.csv", MAPPING, delimiter=";")


def test_a_file_that_is_missing_or_absurd_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(FaultyInputError, match="cannot be read"):
        plaincsv.read(tmp_path / "people.csv", MAPPING)
    monkeypatch.setattr(bundle, "LARGEST_FILE", 10)
    assert "larger" in read_faults(tmp_path, PUPIL)[0][2]


@pytest.mark.parametrize(
    ("change", "extra", "words"),
    [
        ({"colour": "x"}, {}, "colour"),
        ({"role": ""}, {}, "needs role"),
        ({"role": "=cook"}, {}, "only the role may be a constant"),
        ({"year": "=7"}, {}, "only the role may be a constant"),
        ({}, {"delimiter": ";;"}, "one character"),
        ({}, {"delimiter": '"'}, "one character"),
        ({}, {"encoding": "klingon"}, "no encoding"),
        ({}, {"encoding": "base64"}, "no encoding"),
    ],
)
def test_a_mistake_in_the_mapping_is_reported_before_the_file_is_opened(
    tmp_path: Path, change: dict[str, str], extra: dict[str, Any], words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        plaincsv.read(tmp_path / "not-there.csv", {**MAPPING, **change}, **extra)
