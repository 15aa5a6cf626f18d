"""Every kind of broken bundle, and the file, line and column that the fault reports."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from plugins.module_utils.directory import bundle as files_of
from plugins.module_utils.directory import oneroster
from plugins.module_utils.directory.model import Fault, FaultyInputError
from tests.rosters import HEADERS, bundle, cell, make_school, table, write

Files = dict[str, bytes]
SCHOOL = make_school(30, seed=3)
SOUND = {version: bundle(SCHOOL, version) for version in ("1.1", "1.2")}


def text(name: str, old: str, new: str, count: int = 1) -> Callable[[Files], Files]:
    def change(files: Files) -> Files:
        assert old.encode() in files[name], f"{old!r} is not in {name}"
        return {**files, name: files[name].replace(old.encode(), new.encode(), count)}

    return change


def at(name: str, line: int, column: str, value: str) -> Callable[[Files], Files]:
    return lambda files: cell(files, name, line, column, value)


def lines(name: str, change: Callable[[list[bytes]], list[bytes]]) -> Callable[[Files], Files]:
    return lambda files: {**files, name: b"".join(change(files[name].splitlines(keepends=True)))}


def cut(name: str, keep: Callable[[bytes], int]) -> Callable[[Files], Files]:
    return lambda files: {**files, name: files[name][: keep(files[name])]}


def without(name: str) -> Callable[[Files], Files]:
    return lambda files: {key: content for key, content in files.items() if key != name}


def raw(name: str, line: int, old: bytes, new: bytes) -> Callable[[Files], Files]:
    """Bytes changed in one line."""
    return lines(name, lambda rows: [*rows[: line - 1], rows[line - 1].replace(old, new, 1), *rows[line:]])


def parents_only(files: Files) -> Files:
    changed = files["users.csv"]
    for word in (b"student", b"teacher", b"administrator"):
        changed = changed.replace(word, b"parent")
    return {**files, "users.csv": changed}


def not_listed(name: str) -> Callable[[Files], Files]:
    absent = text("manifest.csv", f"{name},bulk", f"{name},absent")
    return lambda files: without(f"{name}.csv")(absent(files))


BROKEN: list[tuple[str, Callable[[Files], Files], tuple[str, int, str, str]]] = [
    ("no manifest", without("manifest.csv"), ("manifest.csv", 0, "", "is missing")),
    ("manifest without values", text("manifest.csv", "value", "val"), ("manifest.csv", 1, "value", "does not have")),
    ("unknown version", text("manifest.csv", "1.1", "1.0"), ("manifest.csv", 3, "value", "one of 1.1, 1.2")),
    ("no version", text("manifest.csv", "oneroster.version", "other"), ("manifest.csv", 0, "value", "must be one of")),
    ("unknown mode", text("manifest.csv", "users,bulk", "users,full"), ("manifest.csv", 6, "value", "one of bulk")),
    ("a property twice", text("manifest.csv", "file.courses", "file.users"),
     ("manifest.csv", 6, "propertyName", "line 4")),
    ("a listed file is missing", without("classes.csv"), ("manifest.csv", 7, "value", "missing")),
    (
        "a listed file that is not read is missing",
        text("manifest.csv", "file.courses,absent", "file.demographics,bulk"),
        ("manifest.csv", 4, "value", "missing"),
    ),
    ("users are absent", text("manifest.csv", "users,bulk", "users,absent"), ("users.csv", 0, "", "not list")),
    ("manifest cut short", cut("manifest.csv", lambda c: c.index(b"file.users")),
     ("users.csv", 0, "", "not list")),
    ("no users at all", not_listed("users"), ("manifest.csv", 0, "", "users.csv")),
    ("empty file", cut("users.csv", lambda _: 0), ("users.csv", 1, "", "no header")),
    ("header only", lines("users.csv", lambda rows: rows[:1]), ("users.csv", 0, "", "no rows")),
    ("header missing", lines("users.csv", lambda rows: rows[1:]), ("users.csv", 1, "sourcedId", "does not have")),
    ("column missing", text("users.csv", "familyName", "surname"), ("users.csv", 1, "familyName", "does not have")),
    ("column twice", text("users.csv", "middleName", "givenName"), ("users.csv", 1, "givenName", "twice")),
    ("roster of parents", parents_only, ("users.csv", 0, "", "no user whose role")),
    ("same id twice", at("users", 4, "sourcedId", "pu-00001"), ("users.csv", 4, "sourcedId", "line 3")),
    ("no id", at("users", 4, "sourcedId", " "), ("users.csv", 4, "sourcedId", "is empty")),
    ("id too long", at("users", 4, "sourcedId", "x" * 256), ("users.csv", 4, "sourcedId", "not a valid id")),
    ("id with a control character", at("users", 4, "sourcedId", "a\x07"),
     ("users.csv", 4, "sourcedId", "not a valid id")),
    ("no given name", at("users", 5, "givenName", ""), ("users.csv", 5, "givenName", "is empty")),
    ("family name without visible characters", at("users", 5, "familyName", "\u200d"),
     ("users.csv", 5, "familyName", "is empty")),
    ("unknown role", at("users", 6, "role", "wizard"), ("users.csv", 6, "role", "must be one of")),
    ("no role", at("users", 6, "role", ""), ("users.csv", 6, "role", "is empty")),
    ("neither enabled nor not", at("users", 6, "enabledUser", "yes"), ("users.csv", 6, "enabledUser", "true, false")),
    ("unknown status", at("users", 6, "status", "gone"), ("users.csv", 6, "status", "tobedeleted")),
    ("bad time of change", at("users", 6, "dateLastModified", "today"), ("users.csv", 6, "dateLastModified", "date")),
    ("unknown organisation", at("users", 6, "orgSourcedIds", "nowhere"),
     ("users.csv", 6, "orgSourcedIds", "orgs.csv")),
    ("unknown parent", at("orgs", 3, "parentSourcedId", "nowhere"), ("orgs.csv", 3, "parentSourcedId", "orgs.csv")),
    ("too few fields", raw("users.csv", 7, b",", b""), ("users.csv", 7, "", "17 fields where the header has 18")),
    ("too many fields", raw("users.csv", 7, b",", b",,"), ("users.csv", 7, "", "19 fields where the header has 18")),
    ("not UTF-8", raw("users.csv", 8, b"pu-", b"\xfc-"), ("users.csv", 8, "", "not UTF-8")),
    ("UTF-16", lambda f: {**f, "users.csv": f["users.csv"].decode().encode("utf-16")},
     ("users.csv", 1, "", "not UTF-8")),
    ("NUL", raw("users.csv", 8, b"pu-", b"\0-"), ("users.csv", 8, "", "NUL")),
    ("quote not closed", raw("users.csv", 9, b",true,", b',"true,'), ("users.csv", 9, "", "quote")),
    ("quote inside", raw("users.csv", 9, b",true,", b',"true"x,'), ("users.csv", 9, "", "quote")),
    ("last line cut", cut("users.csv", lambda c: len(c) - 20), ("users.csv", 31, "", "truncated")),
    ("cut behind the last row", cut("users.csv", lambda c: len(c) - 2), ("users.csv", 31, "", "no newline")),
    (
        "cut between two rows",
        lines("users.csv", lambda rows: rows[:20]),
        ("enrollments.csv", 6, "userSourcedId", "users.csv does not have"),
    ),
    ("enrolment of an unknown user", at("enrollments", 2, "userSourcedId", "x"),
     ("enrollments.csv", 2, "userSourcedId", "users.csv")),
    ("enrolment in an unknown class", at("enrollments", 2, "classSourcedId", "x"),
     ("enrollments.csv", 2, "classSourcedId", "classes.csv")),
    ("enrolment without a class", at("enrollments", 2, "classSourcedId", ""),
     ("enrollments.csv", 2, "classSourcedId", "is empty")),
    ("enrolment with an unknown role", at("enrollments", 3, "role", "cat"),
     ("enrollments.csv", 3, "role", "must be one of")),
    ("bad first day", at("enrollments", 3, "beginDate", "31/12/2026"), ("enrollments.csv", 3, "beginDate", "date")),
    ("a day that does not exist", at("enrollments", 3, "endDate", "2026-02-30"),
     ("enrollments.csv", 3, "endDate", "date")),
    ("a date cut short", at("enrollments", 3, "endDate", "2026-02-3"), ("enrollments.csv", 3, "endDate", "date")),
    ("a date out of range", at("enrollments", 3, "endDate", "0001-01-01"),
     ("enrollments.csv", 3, "endDate", "date")),
    (
        "last day before the first",
        lambda f: cell(cell(f, "enrollments", 3, "endDate", "2026-01-01"), "enrollments", 3, "beginDate", "2026-01-02"),
        ("enrollments.csv", 3, "endDate", "before the first"),
    ),
    ("class without a title", at("classes", 2, "title", ""), ("classes.csv", 2, "title", "is empty")),
    ("class in an unknown school", at("classes", 2, "schoolSourcedId", "x"),
     ("classes.csv", 2, "schoolSourcedId", "orgs.csv")),
    ("class in an unknown term", at("classes", 2, "termSourcedIds", "x"),
     ("classes.csv", 2, "termSourcedIds", "academicSessions")),
    ("term without an end", at("academicSessions", 2, "endDate", "soon"),
     ("academicSessions.csv", 2, "endDate", "date")),
    ("a file that is not listed", lambda f: {**f, "courses.csv": table(HEADERS["courses"], [])},
     ("courses.csv", 0, "", "not list")),
]  # fmt: skip

BROKEN_12: list[tuple[str, Callable[[Files], Files], tuple[str, int, str, str]]] = [
    ("no roles", without("roles.csv"), ("manifest.csv", 10, "value", "missing")),
    ("roles are absent", not_listed("roles"), ("manifest.csv", 0, "", "roles.csv")),
    ("roles cut between two rows", lines("roles.csv", lambda rows: rows[:-1]),
     ("users.csv", 31, "sourcedId", "no role")),
    ("users cut between two rows", lines("users.csv", lambda rows: rows[:-1]),
     ("roles.csv", 31, "userSourcedId", "users.csv")),
    ("role without a type", at("roles", 2, "roleType", ""), ("roles.csv", 2, "roleType", "is empty")),
    ("unknown role", at("roles", 2, "role", "wizard"), ("roles.csv", 2, "role", "must be one of")),
    ("role with a bad date", at("roles", 2, "endDate", "2026"), ("roles.csv", 2, "endDate", "date")),
    ("role column of version 1.1", text("users.csv", "givenName", "role"),
     ("users.csv", 1, "givenName", "does not have")),
]  # fmt: skip


def faults(path: Path) -> list[Fault]:
    with pytest.raises(FaultyInputError) as raised:
        oneroster.read(path)
    return list(raised.value.faults)


def assert_reported(faults_found: list[Fault], expected: tuple[str, int, str, str]) -> None:
    file, line, column, reason = expected
    assert [
        f for f in faults_found if (f.file, f.line, f.column) == (file, line, column) and reason in f.reason
    ], faults_found


@pytest.mark.parametrize("sound", ["1.1", "1.2"])
def test_the_bundle_that_is_broken_below_is_sound(tmp_path: Path, sound: str) -> None:
    assert len(oneroster.read(write(SOUND[sound], tmp_path / "x")).people) == 30


@pytest.mark.parametrize(("change", "expected"), [row[1:] for row in BROKEN], ids=[row[0] for row in BROKEN])
def test_a_broken_bundle_is_refused_with_the_place(
    tmp_path: Path, change: Callable[[Files], Files], expected: tuple[str, int, str, str]
) -> None:
    assert_reported(faults(write(change(SOUND["1.1"]), tmp_path / "x")), expected)


@pytest.mark.parametrize(
    ("change", "expected"), [row[1:] for row in BROKEN_12], ids=[row[0] for row in BROKEN_12]
)
def test_a_broken_bundle_of_version_1_2_is_refused_with_the_place(
    tmp_path: Path, change: Callable[[Files], Files], expected: tuple[str, int, str, str]
) -> None:
    assert_reported(faults(write(change(SOUND["1.2"]), tmp_path / "x")), expected)


def test_all_faults_are_reported_together_in_the_order_of_files_and_lines(tmp_path: Path) -> None:
    files = cell(cell(SOUND["1.1"], "users", 9, "role", "x"), "users", 3, "givenName", "")
    files = cell(files, "enrollments", 2, "endDate", "x")
    faults_found = [(f.file, f.line, f.column) for f in faults(write(files, tmp_path / "x"))]
    assert faults_found == [
        ("enrollments.csv", 2, "endDate"),
        ("users.csv", 3, "givenName"),
        ("users.csv", 9, "role"),
    ]


def test_an_unreadable_row_makes_no_faults_of_rows_that_refer_to_it(tmp_path: Path) -> None:
    files = raw("users.csv", 3, b",", b"")(SOUND["1.1"])
    assert len(faults(write(files, tmp_path / "x"))) == 1


def test_no_fault_shows_a_value_of_the_file(tmp_path: Path) -> None:
    secret = "Wolfgang"
    for name, column in [("users", c) for c in ("sourcedId", "role", "status", "orgSourcedIds")] + [
        ("enrollments", c) for c in ("userSourcedId", "role", "endDate")
    ]:
        files = cell(SOUND["1.1"], name, 3, column, secret)
        assert secret not in str(FaultyInputError(faults(write(files, tmp_path / f"{name}-{column}"))))


# ---- archives


def zipped(tmp_path: Path, name: str, content: bytes = b"", **extra: int) -> Path:
    path = write(SOUND["1.1"], tmp_path / "b.zip")
    with zipfile.ZipFile(path, "a") as archive:
        entry = zipfile.ZipInfo(name)
        for key, value in extra.items():
            setattr(entry, key, value)
        archive.writestr(entry, content)
    return path


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("../evil.csv", "has a path outside"),
        ("/etc/evil.csv", "has a path outside"),
        ("..\\evil.csv", "has a path outside"),
        ("C:\\evil.csv", "has a path outside"),
        ("folder/users.csv", "is inside one"),
        ("folder/", "is inside one"),
    ],
)
def test_an_archive_with_paths_outside_is_refused(tmp_path: Path, name: str, reason: str) -> None:
    assert_reported(
        faults(zipped(tmp_path, name)), ("b.zip", 0, "", f"entry 7 {reason}" if "out" in reason else reason)
    )


def test_a_link_in_an_archive_is_refused(tmp_path: Path) -> None:
    path = zipped(tmp_path, "link.csv", b"/etc/passwd", external_attr=0o120777 << 16)
    assert_reported(faults(path), ("b.zip", 0, "", "is a symbolic link"))


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_file_that_is_twice_in_an_archive_is_refused(tmp_path: Path) -> None:
    assert_reported(faults(zipped(tmp_path, "users.csv")), ("b.zip", 0, "", "name of an earlier entry"))


def test_a_link_in_a_folder_is_refused(tmp_path: Path) -> None:
    folder = write(SOUND["1.1"], tmp_path / "x")
    (folder / "courses.csv").symlink_to(folder / "users.csv")
    assert_reported(faults(folder), ("courses.csv", 0, "", "regular file"))


@pytest.mark.parametrize("target", ["x", "x.zip"])
def test_absurd_sizes_are_refused_unread(
    tmp_path: Path, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(SOUND["1.1"], tmp_path / target)
    monkeypatch.setattr(files_of, "LARGEST_FILE", len(SOUND["1.1"]["enrollments.csv"]) - 1)
    assert_reported(faults(path), ("enrollments.csv", 0, "", "larger than"))
    monkeypatch.setattr(files_of, "LARGEST_FILE", 10**9)
    monkeypatch.setattr(files_of, "LARGEST_BUNDLE", sum(map(len, SOUND["1.1"].values())) - 1)
    assert any("the bundle larger" in fault.reason for fault in faults(path))


def test_an_archive_of_too_many_entries_is_refused(tmp_path: Path) -> None:
    path = write({f"{n}.csv": b"" for n in range(501)}, tmp_path / "x.zip")
    assert_reported(faults(path), ("x.zip", 0, "", "501 entries"))


def test_a_damaged_entry_is_refused(tmp_path: Path) -> None:
    path = write(SOUND["1.1"], tmp_path / "x.zip")
    with zipfile.ZipFile(path) as archive:
        offset = archive.getinfo("users.csv").header_offset
    content = bytearray(path.read_bytes())
    content[offset + 60] ^= 0xFF
    path.write_bytes(content)
    assert_reported(faults(path), ("users.csv", 0, "", "damaged"))


@pytest.mark.parametrize("content", [b"", b"PK", b"sourcedId,role\r\n", b"\x1f\x8b\x08"])
def test_a_file_that_is_not_an_archive_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.zip").write_bytes(content)
    assert_reported(faults(tmp_path / "x.zip"), ("x.zip", 0, "", "neither"))


def test_an_empty_folder_and_a_missing_path_are_refused(tmp_path: Path) -> None:
    assert_reported(faults(tmp_path), (tmp_path.name, 0, "", "no CSV"))
    assert_reported(faults(tmp_path / "not-there"), ("not-there", 0, "", "neither"))
