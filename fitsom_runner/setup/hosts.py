"""A school's hosts as schools have them: a list from a spreadsheet, read completely or not at all."""

from __future__ import annotations

import csv
import difflib
import io
import ipaddress
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from fitsom_runner.errors import ConfigError

#: The groups that the playbooks use, and what membership means.
GROUPS: dict[str, str] = {
    "pilot": "Patched first: machines whose failure only technicians would notice.",
    "servers": "Patched next: what the school works on.",
    "estate": "Patched last: rooms and class sets.",
    "baselined": "Kept in line with the configuration baseline: ssh, administrators, passwords, logs.",
    "firewalled": "Allow what the register of firewall rules lists, and nothing else.",
    "backed_up": "Hosts whose data is backed up.",
    "backup_servers": "Keep the backups of the others.",
    "directory": "One entry for each domain; everything is done from the controller, over LDAPS.",
    "directory_clients": "Computers on which the school's people log in with their domain account.",
    "print_servers": "Run CUPS with the school's queues.",
    "print_clients": "Computers that print through the print servers.",
}
RINGS = ("pilot", "servers", "estate")
COLUMNS = ("name", "address", "groups", "user", "port", "label", "provides", "device")
LARGEST = 1_000_000
_PART = r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_NAME = re.compile(rf"(?=[A-Za-z])(?=.{{1,253}}$){_PART}(\.{_PART})*")
_USER = re.compile(r"[a-z_][a-z0-9_.-]{0,31}")
_RESERVED_NAMES = {"all", "ungrouped", "localhost", *GROUPS}


@dataclass(frozen=True, kw_only=True)
class Host:
    """One host; without an address its name is looked up."""

    name: str
    address: str = ""
    groups: tuple[str, ...] = ()
    user: str = ""
    port: int | None = None
    label: str = ""
    provides: str = ""
    device: str = ""

    @property
    def unpatched(self) -> bool:
        """In no ring, and not marked as a device that is not patched."""
        return not self.device and not set(RINGS) & set(self.groups)


def read(path: Path) -> tuple[Host, ...]:
    """The hosts of a CSV file. Raises ConfigError that names every fault by file and line."""
    rows = list(_rows(path))
    if not rows:
        raise ConfigError(f"{path}: the file is empty", hint=_format_hint())
    line, head = rows[0]
    columns = [cell.strip().lower() for cell in head]
    faults = [f"{path}:{line}: {fault}" for fault in _faults_of_columns(columns)]
    hosts: list[tuple[int, Host]] = []
    if not faults:
        for line, row in rows[1:]:
            row_faults = list(_faults_of_row(columns, row))
            faults += [f"{path}:{line}: {fault}" for fault in row_faults]
            if not row_faults:
                hosts.append((line, host_of(dict(zip(columns, row, strict=False)))))
        faults += [f"{path}:{line}: {fault}" for line, fault in _duplicates(hosts)]
        if len(rows) == 1:
            faults.append(f"{path}:{line}: no host below the headings")
    if faults:
        raise ConfigError(
            f"{path} has {len(faults)} fault{'s' if len(faults) > 1 else ''}; nothing was made",
            details=tuple(faults),
            hint=_format_hint(),
        )
    return tuple(host for _line, host in hosts)


def host_of(cells: Mapping[str, str]) -> Host:
    """A host from cells without faults."""
    words = {column: cells.get(column, "").strip() for column in COLUMNS}
    return Host(
        name=words["name"],
        address=words["address"],
        groups=tuple(dict.fromkeys(split_groups(words["groups"]))),
        user=words["user"],
        port=int(words["port"]) if words["port"] else None,
        label=words["label"],
        provides=words["provides"],
        device=words["device"],
    )


def faults_of(cells: Mapping[str, str]) -> Iterator[str]:
    """What is wrong with one host's cells, a sentence each."""
    for column, text in cells.items():
        character = next(
            (c for c in text if unicodedata.category(c) in ("Cc", "Cf", "Co", "Cs", "Zl", "Zp")), ""
        )
        if character:
            yield f"{column}: the character U+{ord(character):04X} cannot be part of it"
        elif text.strip()[:1] in tuple("=+-@"):
            yield f"{column}: {_quoted(text)} looks like a formula of the spreadsheet"
        elif "{{" in text or "{%" in text:
            yield f"{column}: {_quoted(text)} would be read by Ansible as a template"
        elif len(text) > 253:
            yield f"{column}: longer than 253 characters"
        else:
            yield from _faults_of_cell(column, text.strip())


def split_groups(text: str) -> list[str]:
    """Groups may be separated by blanks, commas, semicolons, plus signs or bars."""
    return [word.lower() for word in re.split(r"[\s,;|+/]+", text) if word]


def _faults_of_cell(column: str, text: str) -> Iterator[str]:
    if column == "name":
        if not text:
            yield "name: it is missing"
        elif text.lower() in _RESERVED_NAMES:
            yield f"name: {text} means something else to Ansible; choose another name"
        elif not _NAME.fullmatch(text):
            yield f"name: {_quoted(text)} is not a host name (letters, digits, hyphens and dots, a letter first)"
    elif column == "address" and text and not _is_address(text):
        yield f"address: {_quoted(text)} is neither an IP address nor a host name"
    elif column == "user" and text and not _USER.fullmatch(text):
        yield f"user: {_quoted(text)} is not a login"
    elif column == "port" and text and not (text.isascii() and text.isdigit() and 0 < int(text) < 65536):
        yield f"port: {_quoted(text)} is not between 1 and 65535"
    elif column == "groups":
        for group in split_groups(text):
            if group not in GROUPS:
                yield f"groups: {_quoted(group)} is not one of them{_suggestion(group, GROUPS)}"
        rings = [group for group in RINGS if group in split_groups(text)]
        if len(rings) > 1:
            yield f"groups: a host is patched in one ring, not in {' and '.join(rings)}"


def _faults_of_columns(columns: Sequence[str]) -> Iterator[str]:
    for column in columns:
        if column not in COLUMNS:
            yield f"there is no column {_quoted(column)}{_suggestion(column, COLUMNS)}"
    for column in sorted({column for column in columns if columns.count(column) > 1}):
        yield f"the column {_quoted(column)} appears twice"
    for column in ("name", "address", "groups"):
        if column not in columns:
            yield f"the column {column} is missing"


def _faults_of_row(columns: Sequence[str], row: Sequence[str]) -> Iterator[str]:
    if len(row) > len(columns):
        yield f"{len(row)} cells, and {len(columns)} headings"
    yield from faults_of(dict.fromkeys(columns, "") | dict(zip(columns, row, strict=False)))


def _duplicates(hosts: Sequence[tuple[int, Host]]) -> Iterator[tuple[int, str]]:
    first_lines: dict[tuple[str, str], int] = {}
    for line, host in hosts:
        endpoint = f"{host.address.lower()} port {host.port}" if host.port else host.address.lower()
        for kind, value in (("name", host.name.lower()), ("address", endpoint)):
            if value and first_lines.setdefault((kind, value), line) != line:
                yield line, f"{kind}: {value} is in line {first_lines[kind, value]} already"


def _rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """(line, cells) of every row that is not blank, whatever the spreadsheet made of separators and encoding."""
    text = _text(path)
    skipped_lines = 0
    lines = text.splitlines()
    separator = _separator(lines[0]) if lines else ","
    if lines and re.fullmatch(r'"?sep=(.)"?', lines[0].strip(" ")):  # written by and for Excel
        separator, skipped_lines = lines[0].strip(' "')[-1], 1
        text = text.split("\n", 1)[1] if "\n" in text else ""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    line = 1
    try:
        for row in reader:
            if any(cell.strip() for cell in row):
                while row and not row[-1].strip():
                    row.pop()  # spreadsheets fill up with empty cells
                yield line + skipped_lines, row
            line = reader.line_num + 1
    except csv.Error as fault:
        raise ConfigError(
            f"{path}:{line + skipped_lines}: not valid CSV: {fault}", hint=_format_hint()
        ) from fault


def _text(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            data = stream.read(LARGEST + 1)
    except OSError as fault:
        raise ConfigError(
            f"{path}: cannot be read: {fault.strerror or fault}", hint=_format_hint()
        ) from fault
    if len(data) > LARGEST:
        raise ConfigError(f"{path}: larger than a list of hosts can be (1 MB)", hint=_format_hint())
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        return data.decode(encoding).replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError as fault:
        line = data[: fault.start].count(b"\n") + 1
        raise ConfigError(
            f"{path}:{line}: not UTF-8", hint="Save it as 'CSV UTF-8'. " + _format_hint()
        ) from fault


def _separator(head: str) -> str:
    return max(",;\t", key=head.count)


def _is_address(text: str) -> bool:
    try:
        return not ipaddress.ip_address(text).is_unspecified
    except ValueError:
        # 10.0.0.300 has the form of a name; a last part of digits is never one.
        return bool(_NAME.fullmatch(text)) and not text.rpartition(".")[2].isdigit()


def _suggestion(word: str, words: Mapping[str, str] | Sequence[str]) -> str:
    matches = difflib.get_close_matches(word, list(words), n=1)
    return f"; did you mean {matches[0]}?" if matches else f" (there are: {', '.join(words)})"


def _quoted(text: str) -> str:
    return repr(text if len(text) <= 40 else text[:37] + "...")


def _format_hint() -> str:
    return (
        f"One host a line, below the headings {','.join(COLUMNS[:3])} and, where you need them, "
        f"{','.join(COLUMNS[3:])}; docs/howto/new-school.md has an example."
    )
