# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Strict reader for CSV with a header: faults have line and column, but never show a value.

A misplaced value may be the name of a person in any column; line and column are enough to find it.
"""

from __future__ import annotations

import csv
import io
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from .model import Fault

# A cell beyond this is a missing quote, not a name.
LONGEST_ID = 255
_YEARS = range(1900, 2200)


@dataclass(frozen=True, kw_only=True)
class Table:
    """The rows of a file by column name; all tables of an input share `faults`."""

    file: str
    columns: Sequence[str]
    rows: Sequence[Row]
    faults: list[Fault]

    def fault(self, row: Row, column: str, reason: str) -> None:
        self.faults.append(Fault(file=self.file, line=row.line, column=column, reason=reason))


@dataclass(frozen=True, kw_only=True)
class Row:
    """One record, which starts on `line`. Columns that the file does not have are empty."""

    line: int
    cells: dict[str, str]

    def __getitem__(self, column: str) -> str:
        return self.cells.get(column.casefold(), "")


def parse(
    file: str,
    content: bytes,
    faults: list[Fault],
    *,
    required: Sequence[str],
    delimiter: str = ",",
    encoding: str = "utf-8-sig",
) -> Table:
    """Read the table in a file. Faults are added to `faults`; unreadable rows are skipped."""
    text = _decode(file, content, encoding, faults)
    records = _records(file, text, delimiter, faults)
    first = next(records, None)
    if first is None:
        if text is not None and not any(fault.file == file for fault in faults):
            faults.append(Fault(file=file, line=1, reason="has no header"))
        return Table(file=file, columns=(), rows=(), faults=faults)
    header = [cell.strip() for cell in first[1]]
    columns = [cell.casefold() for cell in header]
    if not _is_header_sound(file, first[0], columns, required, faults):
        return Table(file=file, columns=(), rows=(), faults=faults)
    has_final_newline = content.endswith((b"\n", b"\r"))
    rows = []
    for line, record, is_last in _mark_last(records):
        if len(record) != len(columns):
            is_cut = is_last and not has_final_newline and len(record) < len(columns)
            reason = f"has {len(record)} fields where the header has {len(columns)}"
            faults.append(
                Fault(file=file, line=line, reason=f"is truncated: it {reason}" if is_cut else reason)
            )
            continue
        cells = {column: cell.strip() for column, cell in zip(columns, record, strict=True) if column}
        rows.append(Row(line=line, cells=cells))
    return Table(file=file, columns=header, rows=rows, faults=faults)


def _decode(file: str, content: bytes, encoding: str, faults: list[Fault]) -> str | None:
    try:
        text = content.decode(encoding)
    except UnicodeError as error:
        start = getattr(error, "start", 0)
        reason = f"is not {encoding.removesuffix('-sig').upper()}"
        faults.append(Fault(file=file, line=content.count(b"\n", 0, start) + 1, reason=reason))
        return None
    nul = text.find("\0")
    if nul >= 0:
        faults.append(Fault(file=file, line=text.count("\n", 0, nul) + 1, reason="has a NUL character"))
        return None
    return text


def _records(
    file: str, text: str | None, delimiter: str, faults: list[Fault]
) -> Iterator[tuple[int, list[str]]]:
    """(first line, fields) of each record that is not blank; stops at invalid CSV."""
    reader = csv.reader(io.StringIO(text or "", newline=""), delimiter=delimiter, strict=True)
    line = 1
    while True:
        try:
            record = next(reader)
        except StopIteration:
            return
        except csv.Error:
            faults.append(
                Fault(file=file, line=line, reason="is not well-formed CSV: a quote is missing or misplaced")
            )
            return
        if record:
            yield line, record
        line = reader.line_num + 1


def _mark_last(records: Iterator[tuple[int, list[str]]]) -> Iterator[tuple[int, list[str], bool]]:
    previous: tuple[int, list[str]] | None = None
    for current in records:
        if previous is not None:
            yield (*previous, False)
        previous = current
    if previous is not None:
        yield (*previous, True)


def _is_header_sound(
    file: str, line: int, columns: Sequence[str], required: Sequence[str], faults: list[Fault]
) -> bool:
    missing = [name for name in required if name.casefold() not in columns]
    faults += [
        Fault(file=file, line=line, column=name, reason="the header does not have this column")
        for name in missing
    ]
    duplicates = sorted({name for name in columns if name and columns.count(name) > 1})
    for name in duplicates:
        column = next((r for r in required if r.casefold() == name), "")
        faults.append(Fault(file=file, line=line, column=column, reason="the header has this column twice"))
    return not missing and not duplicates


def rows_by_id(table: Table, column: str) -> Iterator[tuple[str, Row]]:
    """(id, row) of each row with a valid id; a repeated id is a fault."""
    lines_by_id: dict[str, int] = {}
    for row in table.rows:
        key = parse_identifier(table, row, column)
        if key in lines_by_id:
            table.fault(row, column, f"the same id is on line {lines_by_id[key]}")
        elif key:
            lines_by_id[key] = row.line
            yield key, row


def parse_identifier(table: Table, row: Row, column: str) -> str:
    """The id in a column; empty, and a fault, if it is missing or not valid."""
    key = row[column]
    if not key:
        table.fault(row, column, "is empty")
    elif len(key) > LONGEST_ID or not key.isprintable():
        table.fault(row, column, f"is not a valid id: longer than {LONGEST_ID}, or with invisible characters")
        return ""
    return key


def required_text(table: Table, row: Row, column: str, clean: Callable[[str], str]) -> str:
    """A required text; it must have at least one visible character."""
    text = clean(row[column])
    if not text or all(unicodedata.category(c)[0] in "CMZ" for c in text):
        table.fault(row, column, "is empty")
    return text


def parse_date(table: Table, row: Row, column: str) -> date | None:
    """A date such as 2026-09-01, with or without a time; None if it is empty or a fault."""
    text = row[column]
    if not text:
        return None
    try:
        parsed = date.fromisoformat(text) if len(text) <= 10 else datetime.fromisoformat(text).date()
    except ValueError:
        parsed = None
    if parsed is None or len(text) < 10 or text[4] != "-" or parsed.year not in _YEARS:
        table.fault(row, column, "is not a date such as 2026-09-01")
        return None
    return parsed


def parse_choice(
    table: Table, row: Row, column: str, allowed: Sequence[str], *, empty: str | None = None
) -> str:
    """One of the words in `allowed`, in any case.

    `empty` is the meaning of an empty cell; if it is None, an empty cell is a fault.
    """
    text = row[column].casefold()
    if not text and empty is not None:
        return empty
    for word in allowed:
        if word.casefold() == text:
            return word
    table.fault(row, column, f"must be one of {', '.join(allowed)}" if text else "is empty")
    return ""
