# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The CSV binding of OneRoster: file names, columns, vocabularies, and the manifest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from . import tables
from .model import Fault, Role
from .tables import Row

MANIFEST = "manifest.csv"
VERSIONS = ("1.1", "1.2")
MODES = ("bulk", "delta", "absent")
STATUSES = ("active", "tobedeleted", "inactive")
# Roles that get accounts; the other roles of OneRoster are valid but ignored.
ROLES = {
    "student": Role.PUPIL,
    "teacher": Role.TEACHER,
    **dict.fromkeys(("administrator", "aide", "proctor", "counselor", "principal"), Role.STAFF),
    **dict.fromkeys(("siteAdministrator", "systemAdministrator", "districtAdministrator"), Role.STAFF),
}
IGNORED_ROLES = ("guardian", "parent", "relative")
ALL_ROLES = (*ROLES, *IGNORED_ROLES)
REQUIRED = {
    "orgs": ("sourcedId", "name", "type"),
    "users": ("sourcedId", "givenName", "familyName"),
    "roles": ("sourcedId", "userSourcedId", "roleType", "role", "orgSourcedId"),
    "classes": ("sourcedId", "title"),
    "enrollments": ("sourcedId", "classSourcedId", "userSourcedId", "role"),
    "courses": ("sourcedId", "title"),
    "academicSessions": ("sourcedId", "title", "startDate", "endDate"),
}
REFERENCES = {
    "orgs": {"parentSourcedId": "orgs"},
    "users": {"orgSourcedIds": "orgs", "primaryOrgSourcedId": "orgs"},
    "roles": {"userSourcedId": "users", "orgSourcedId": "orgs"},
    "classes": {
        "courseSourcedId": "courses",
        "schoolSourcedId": "orgs",
        "termSourcedIds": "academicSessions",
    },
    "enrollments": {"classSourcedId": "classes", "schoolSourcedId": "orgs", "userSourcedId": "users"},
    "courses": {"schoolYearSourcedId": "academicSessions", "orgSourcedId": "orgs"},
    "academicSessions": {"parentSourcedId": "academicSessions"},
}


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """The manifest of a bundle: its version, and the mode of each file: {"users": "bulk"}."""

    version: str
    modes: Mapping[str, str]

    def mode(self, name: str) -> str:
        return self.modes.get(name, "absent")

    @property
    def is_complete(self) -> bool:
        """Whether a person who is missing from the bundle has left."""
        return all(self.mode(name) == "bulk" for name in self.people_files)

    @property
    def has_complete_classes(self) -> bool:
        return self.mode("classes") == self.mode("enrollments") == "bulk"

    @property
    def people_files(self) -> tuple[str, ...]:
        return ("users",) if self.version == "1.1" else ("users", "roles")


def read_manifest(files: Mapping[str, bytes], faults: list[Fault]) -> Manifest:
    """Read the manifest and compare it with the files in the bundle."""
    if MANIFEST not in files:
        faults.append(
            Fault(file=MANIFEST, reason="is missing: without it an incomplete bundle cannot be detected")
        )
        return Manifest(version="", modes={})
    table = tables.parse(MANIFEST, files[MANIFEST], faults, required=("propertyName", "value"))
    rows = dict(tables.rows_by_id(table, "propertyName"))
    version = rows["oneroster.version"]["value"] if "oneroster.version" in rows else ""
    if table.columns and version not in VERSIONS:
        line = rows["oneroster.version"].line if version else 0
        reason = f"oneroster.version must be one of {', '.join(VERSIONS)}"
        faults.append(Fault(file=MANIFEST, line=line, column="value", reason=reason))
    modes = {
        key.removeprefix("file."): tables.parse_choice(table, row, "value", MODES)
        for key, row in rows.items()
        if key.startswith("file.")
    }
    manifest = Manifest(version=version, modes=modes)
    if not faults:
        _compare(manifest, rows, files, faults)
    return manifest


def _compare(
    manifest: Manifest, rows: Mapping[str, Row], files: Mapping[str, bytes], faults: list[Fault]
) -> None:
    for name, mode in manifest.modes.items():
        if mode != "absent" and f"{name}.csv" not in files:
            line = rows[f"file.{name}"].line
            reason = "lists a file that is missing"
            faults.append(Fault(file=MANIFEST, line=line, column="value", reason=reason))
    faults += [
        Fault(file=f"{name}.csv", reason="is in the bundle, but the manifest does not list it")
        for name in REQUIRED
        if f"{name}.csv" in files and manifest.mode(name) == "absent"
    ]
    faults += [
        Fault(file=MANIFEST, reason=f"does not list {name}.csv")
        for name in manifest.people_files
        if manifest.mode(name) == "absent" and f"{name}.csv" not in files
    ]


def compare_ends(files: Mapping[str, bytes], faults: list[Fault]) -> None:
    """Either all files end with a newline or none does: a file that differs was truncated."""
    without_newline = [name for name, content in files.items() if not content.endswith((b"\n", b"\r"))]
    if len(without_newline) == len(files):
        return
    for name in without_newline:
        line = files[name].count(b"\n") + 1
        faults.append(
            Fault(
                file=name,
                line=line,
                reason="has no newline after the last row, unlike other files of the bundle: it may be truncated",
            )
        )


def split_list(text: str) -> list[str]:
    """The values of a cell that has a list."""
    return [part for part in (text_part.strip() for text_part in text.split(",")) if part]


def is_active(row: Row) -> bool:
    return row["status"].casefold() in ("", "active")


def first_year(grades: str) -> str:
    """The first of the grades as schools write it: "07,08" is "7"."""
    first = next(iter(split_list(grades)), "")
    return first.lstrip("0") or first[:1]
