# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""OneRoster 1.1 and 1.2 CSV bundles. Anything doubtful is a fault: half a roster must never pass for a whole one."""

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
    listed,
    read_manifest,
)
from .tables import Row, Table

_RANK = (Role.TEACHER, Role.STAFF, Role.PUPIL)


@dataclass(frozen=True, kw_only=True)
class _Post:
    """One role of somebody: `last` is the last day of it."""

    role: Role | None
    is_primary: bool
    first: date | None
    last: date | None
    orgs: tuple[str, ...]

    def preference(self, today: date | None) -> tuple[int, bool, int]:
        """Lower is better: a role that holds today, then the primary one, then teachers before staff and pupils."""
        past = today is not None and self.last is not None and self.last < today
        future = today is not None and self.first is not None and self.first > today
        rank = _RANK.index(self.role) if self.role else len(_RANK)
        return (2 if past else 1 if future else 0, not self.is_primary, rank)


def read(path: Path, *, today: date | None = None) -> Roster:
    """The roster in a bundle, a zip or a folder. FaultyInputError has every fault, and then nothing is taken.

    With `today`, enrolments that have ended or not begun and classes whose terms are over do not count.
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
    """One reading of one bundle; `faults` grows."""

    def __init__(
        self, files: Mapping[str, bytes], manifest: Manifest, faults: list[Fault], today: date | None
    ) -> None:
        self.files, self.manifest, self.faults, self.today = files, manifest, faults, today
        there = [name for name in REQUIRED if f"{name}.csv" in files]
        self.tables = {name: self._table(name) for name in there}
        self.rows = {name: dict(tables.keyed(table, "sourcedId")) for name, table in self.tables.items()}
        self.broken = {fault.file for fault in faults}
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
                tables.choice(table, row, "status", STATUSES, empty="active")
                tables.day(table, row, "dateLastModified")
                for column, target in REFERENCES.get(name, {}).items():
                    self._check_references(table, row, column, target)
            must_have = name in ("orgs", "users", "roles") and self.manifest.mode(name) == "bulk"
            if must_have and table.columns and not table.rows:
                self.faults.append(Fault(file=table.file, reason="has a header and no rows"))

    def _check_references(self, table: Table, row: Row, column: str, target: str) -> None:
        """What a row points to must be there; in a delta it may be in an earlier bundle.

        Of a file with rows that could not be read nobody knows what it has: one fault is told, not a thousand.
        """
        if self.manifest.mode(target) != "bulk" or target not in self.rows or f"{target}.csv" in self.broken:
            return
        if any(key not in self.rows[target] for key in listed(row[column])):
            table.fault(row, column, f"names what {target}.csv does not have")

    def roster(self) -> Roster:
        people, left = self._people()
        if self.manifest.is_whole and not people and not self.faults:
            self.faults.append(Fault(file="users.csv", reason="has nobody who should have an account"))
        # In a delta an enrolment may be of somebody who is in an earlier bundle.
        elsewhere = self.manifest.mode("users") == "delta"
        known = self.rows["users"].keys()
        classes = read_classes(
            self.tables,
            self.rows,
            self.manifest,
            self.today,
            counts=lambda user: user in people or (elsewhere and user not in known),
        )
        return Roster(
            people=people,
            classes=classes,
            complete=self.manifest.is_whole,
            left=left,
            covers=frozenset(_RANK),
            with_classes=self.manifest.has_whole_classes,
            sha256=bundle.digest(self.files),
        )

    def _people(self) -> tuple[dict[str, Person], frozenset[str]]:
        people, left = {}, set()
        posts = self._posts()
        for key, row in self.rows["users"].items():
            table = self.tables["users"]
            given = tables.filled(table, row, "givenName", names.clean)
            family = tables.filled(table, row, "familyName", names.clean)
            enabled = tables.choice(table, row, "enabledUser", ("true", "false"), empty="true") == "true"
            if not enabled or not is_active(row):
                left.add(key)
                continue
            post = self._post(table, row, posts.get(key))
            if post is not None and post.role is not None:
                people[key] = self._person(key, row, (given, family), post, post.role)
            elif post is not None and self.manifest.is_whole:
                left.add(key)
        return people, frozenset(left)

    def _post(self, table: Table, row: Row, posts: list[_Post] | None) -> _Post | None:
        """The role that counts. None, and a fault, where the bundle tells none."""
        if self.manifest.version == "1.1":
            word = tables.choice(table, row, "role", ALL_ROLES)
            orgs = tuple(listed(row["orgSourcedIds"]))
            return _Post(role=ROLES.get(word), is_primary=True, first=None, last=None, orgs=orgs)
        if not posts:
            if "roles.csv" not in self.broken:
                table.fault(row, "sourcedId", "roles.csv has no role for this user")
            return None
        return min(posts, key=lambda post: (post.role is None, *post.preference(self.today)))

    def _posts(self) -> dict[str, list[_Post]]:
        posts: dict[str, list[_Post]] = {}
        for row in self.rows.get("roles", {}).values():
            table = self.tables["roles"]
            user = tables.identifier(table, row, "userSourcedId")
            tables.identifier(table, row, "orgSourcedId")
            word = tables.choice(table, row, "role", ALL_ROLES)
            kind = tables.choice(table, row, "roleType", ("primary", "secondary"))
            first, end = tables.day(table, row, "beginDate"), tables.day(table, row, "endDate")
            if not is_active(row) and self.manifest.mode("roles") == "delta":
                continue
            posts.setdefault(user, []).append(
                _Post(
                    role=ROLES.get(word) if is_active(row) else None,
                    is_primary=kind == "primary",
                    first=first,
                    last=end - timedelta(days=1) if end else None,  # the standard's end dates are exclusive
                    orgs=tuple(listed(row["orgSourcedId"])),
                )
            )
        return posts

    def _person(self, key: str, row: Row, name: tuple[str, str], post: _Post, role: Role) -> Person:
        return Person(
            source_id=key,
            given_name=name[0],
            family_name=name[1],
            role=role,
            year=first_year(row["grades"]) if role is Role.PUPIL else "",
            departments=self._departments(post) if role is not Role.PUPIL else (),
            mail=row["email"],
            starts=post.first,
            ends=post.last,
            username=row["username"],
        )

    def _departments(self, post: _Post) -> tuple[str, ...]:
        orgs = [self.rows.get("orgs", {}).get(key) for key in post.orgs]
        return tuple(
            names.clean(o["name"]) for o in orgs if o is not None and o["type"].casefold() == "department"
        )
