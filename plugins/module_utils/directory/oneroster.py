# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""OneRoster 1.1 and 1.2 CSV bundles. Any doubt is a fault: an incomplete roster must be refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from . import bundle, names, tables
from .model import Fault, FaultyInputError, Person, Role, Roster
from .oneroster_classes import read_classes
from .oneroster_format import (
    ALL_ROLES,
    REFERENCES,
    REQUIRED,
    ROLES,
    STATUSES,
    Manifest,
    compare_ends,
    first_year,
    is_active,
    read_manifest,
    split_list,
)
from .tables import Row, Table

_RANK = (Role.TEACHER, Role.STAFF, Role.PUPIL)


@dataclass(frozen=True, kw_only=True)
class _UserRole:
    """One role of a user; `first` and `last` are its first and last day."""

    role: Role | None
    is_primary: bool
    first: date | None
    last: date | None
    orgs: tuple[str, ...]

    def preference(self, today: date | None) -> tuple[int, bool, int]:
        """Sort key, lowest first: current roles, then primary, then teacher, staff, pupil."""
        past = today is not None and self.last is not None and self.last < today
        future = today is not None and self.first is not None and self.first > today
        rank = _RANK.index(self.role) if self.role else len(_RANK)
        return (2 if past else 1 if future else 0, not self.is_primary, rank)


def read(path: Path, *, today: date | None = None) -> Roster:
    """Read the roster from a bundle, a zip or a folder. FaultyInputError has every fault.

    With `today`, enrolments that have ended or not begun are skipped, and so are classes whose
    terms are over.
    """
    files = bundle.read_files(path)
    faults: list[Fault] = []
    manifest = read_manifest(files, faults)
    if any(f"{name}.csv" not in files for name in manifest.people_files) or not manifest.version:
        raise FaultyInputError(faults)
    roster = _Reader(files, manifest, faults, today).roster()
    compare_ends(files, faults)
    if faults:
        raise FaultyInputError(sorted(faults, key=lambda fault: (fault.file, fault.line, fault.column)))
    return roster


class _Reader:
    """Reads one bundle; faults are added to `faults`."""

    def __init__(
        self, files: Mapping[str, bytes], manifest: Manifest, faults: list[Fault], today: date | None
    ) -> None:
        self.files, self.manifest, self.faults, self.today = files, manifest, faults, today
        present_files = [name for name in REQUIRED if f"{name}.csv" in files]
        self.tables = {name: self._table(name) for name in present_files}
        self.rows = {name: dict(tables.rows_by_id(table, "sourcedId")) for name, table in self.tables.items()}
        self.faulty_files = {fault.file for fault in faults}
        self._check_tables()

    def _table(self, name: str) -> Table:
        required = REQUIRED[name]
        if name == "users" and self.manifest.version == "1.1":
            required = (*required, "role", "orgSourcedIds")
        if self.manifest.mode(name) == "delta":
            required = (*required, "status")
        return tables.parse(f"{name}.csv", self.files[f"{name}.csv"], self.faults, required=required)

    def _check_tables(self) -> None:
        for name, table in self.tables.items():
            for row in table.rows:
                tables.parse_choice(table, row, "status", STATUSES, empty="active")
                tables.parse_date(table, row, "dateLastModified")
                for column, target in REFERENCES.get(name, {}).items():
                    self._check_references(table, row, column, target)
            must_have = name in ("orgs", "users", "roles") and self.manifest.mode(name) == "bulk"
            if must_have and table.columns and not table.rows:
                self.faults.append(Fault(file=table.file, reason="has a header and no rows"))

    def _check_references(self, table: Table, row: Row, column: str, target: str) -> None:
        """The target of a reference must exist; that of a delta may be in an earlier bundle.

        A file with unreadable rows is not checked as a target: its own fault is reported once, not
        again for each row that refers to it.
        """
        if (
            self.manifest.mode(target) != "bulk"
            or target not in self.rows
            or f"{target}.csv" in self.faulty_files
        ):
            return
        if any(key not in self.rows[target] for key in split_list(row[column])):
            table.fault(row, column, f"refers to an id that {target}.csv does not have")

    def roster(self) -> Roster:
        people, leavers = self._people()
        if self.manifest.is_complete and not people and not self.faults:
            self.faults.append(Fault(file="users.csv", reason="has no user whose role gets an account"))
        # In a delta an enrolment may refer to a user of an earlier bundle.
        elsewhere = self.manifest.mode("users") == "delta"
        user_ids = self.rows["users"].keys()
        classes = read_classes(
            self.tables,
            self.rows,
            self.manifest,
            self.today,
            counts=lambda user: user in people or (elsewhere and user not in user_ids),
        )
        return Roster(
            people=people,
            classes=classes,
            complete=self.manifest.is_complete,
            leavers=leavers,
            covers=frozenset(_RANK),
            with_classes=self.manifest.has_complete_classes,
            sha256=bundle.digest(self.files),
        )

    def _people(self) -> tuple[dict[str, Person], frozenset[str]]:
        people, leavers = {}, set()
        user_roles = self._user_roles()
        for key, row in self.rows["users"].items():
            table = self.tables["users"]
            given_name = tables.required_text(table, row, "givenName", names.clean)
            family_name = tables.required_text(table, row, "familyName", names.clean)
            enabled = (
                tables.parse_choice(table, row, "enabledUser", ("true", "false"), empty="true") == "true"
            )
            if not enabled or not is_active(row):
                leavers.add(key)
                continue
            user_role = self._effective_role(table, row, user_roles.get(key))
            if user_role is not None and user_role.role is not None:
                people[key] = self._person(key, row, (given_name, family_name), user_role, user_role.role)
            elif user_role is not None and self.manifest.is_complete:
                leavers.add(key)
        return people, frozenset(leavers)

    def _effective_role(self, table: Table, row: Row, user_roles: list[_UserRole] | None) -> _UserRole | None:
        """The role that decides about the account. None, and a fault, if the bundle has none."""
        if self.manifest.version == "1.1":
            word = tables.parse_choice(table, row, "role", ALL_ROLES)
            orgs = tuple(split_list(row["orgSourcedIds"]))
            return _UserRole(role=ROLES.get(word), is_primary=True, first=None, last=None, orgs=orgs)
        if not user_roles:
            if "roles.csv" not in self.faulty_files:
                table.fault(row, "sourcedId", "roles.csv has no role for this user")
            return None
        return min(
            user_roles, key=lambda user_role: (user_role.role is None, *user_role.preference(self.today))
        )

    def _user_roles(self) -> dict[str, list[_UserRole]]:
        user_roles: dict[str, list[_UserRole]] = {}
        for row in self.rows.get("roles", {}).values():
            table = self.tables["roles"]
            user = tables.parse_identifier(table, row, "userSourcedId")
            tables.parse_identifier(table, row, "orgSourcedId")
            word = tables.parse_choice(table, row, "role", ALL_ROLES)
            kind = tables.parse_choice(table, row, "roleType", ("primary", "secondary"))
            first, end = tables.parse_date(table, row, "beginDate"), tables.parse_date(table, row, "endDate")
            if not is_active(row) and self.manifest.mode("roles") == "delta":
                continue
            user_roles.setdefault(user, []).append(
                _UserRole(
                    role=ROLES.get(word) if is_active(row) else None,
                    is_primary=kind == "primary",
                    first=first,
                    last=end - timedelta(days=1) if end else None,  # end dates of OneRoster are exclusive
                    orgs=tuple(split_list(row["orgSourcedId"])),
                )
            )
        return user_roles

    def _person(self, key: str, row: Row, name: tuple[str, str], user_role: _UserRole, role: Role) -> Person:
        return Person(
            source_id=key,
            given_name=name[0],
            family_name=name[1],
            role=role,
            year=first_year(row["grades"]) if role is Role.PUPIL else "",
            departments=self._departments(user_role) if role is not Role.PUPIL else (),
            mail=row["email"],
            starts=user_role.first,
            ends=user_role.last,
            username=row["username"],
        )

    def _departments(self, user_role: _UserRole) -> tuple[str, ...]:
        orgs = [self.rows.get("orgs", {}).get(key) for key in user_role.orgs]
        return tuple(
            names.clean(o["name"]) for o in orgs if o is not None and o["type"].casefold() == "department"
        )
