# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Data classes shared by the roster readers, the desired state and the directory engine."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import Enum


class Role(str, Enum):
    """A person's role at the school; it decides their organisational unit and their groups."""

    PUPIL = "pupil"
    TEACHER = "teacher"
    STAFF = "staff"
    GUEST = "guest"
    SUPPLIER = "supplier"


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One fault in an input file. `line` counts from 1 and is 0 where no line applies."""

    file: str
    line: int = 0
    column: str = ""
    reason: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return f"{place}: {self.column}: {self.reason}" if self.column else f"{place}: {self.reason}"


class FaultyInputError(Exception):
    """All faults of an input, reported together; nothing of it is used."""

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__("\n".join(str(fault) for fault in faults))
        self.faults = faults


@dataclass(frozen=True, kw_only=True)
class Person:
    """A person in the roster. `source_id` is the MIS' stable key; it stays when names change.

    `year` is a pupil's year group as the roster writes it ("7"); `departments` are those of a
    member of staff. `starts` and `ends` are the first and last day of access, if the roster has
    them.
    """

    source_id: str
    given_name: str
    family_name: str
    role: Role
    year: str = ""
    departments: tuple[str, ...] = ()
    mail: str = ""
    starts: date | None = None
    ends: date | None = None
    username: str = ""  # only where the roster prescribes one


@dataclass(frozen=True, kw_only=True)
class TeachingClass:
    """A class with its members' source ids. Only a delta lists `former_members`.

    The title is empty if a delta has enrolments for a class without a row for the class itself.
    """

    source_id: str
    title: str
    code: str = ""
    subjects: tuple[str, ...] = ()
    years: tuple[str, ...] = ()
    pupils: frozenset[str] = frozenset()
    teachers: frozenset[str] = frozenset()
    former_members: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True)
class Roster:
    """The people and classes of the school.

    In a `complete` roster, a person who is missing has left, if the roster `covers` their role. A
    delta is not complete: only the people in `leavers` have left. Without `with_classes` the roster
    has no classes, and memberships of classes stay as they are.
    """

    people: Mapping[str, Person]
    classes: Mapping[str, TeachingClass]
    complete: bool
    leavers: frozenset[str] = frozenset()
    covers: frozenset[Role] = frozenset(Role)
    with_classes: bool = True
    sha256: str = ""


# A unit is a path below the base, outermost first: ("Pupils", "Year 7").
Unit = tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class User:
    """An account, current or desired. `attributes` has further values, keyed as in `ATTRIBUTES`."""

    source_id: str
    username: str
    unit: Unit
    given_name: str
    family_name: str
    display_name: str
    role: str
    enabled: bool = True
    expires: date | None = None
    left_on: date | None = None  # first day as a leaver
    attributes: Mapping[str, str] = field(default_factory=dict)
    cn: str = ""  # common name, unique in its unit; empty if the RDN is not the CN
    dn: str = ""  # only for existing accounts


# Optional values of a user that the policy may set; each kind of directory maps them.
ATTRIBUTES = (
    "mail",
    "year",
    "department",
    "title",
    "home_directory",
    "home_drive",
    "profile_path",
    "unix_home",
    "shell",
)


@dataclass(frozen=True, kw_only=True)
class Group:
    """A group that fitsom manages. `members` are source ids; unmanaged members are not touched."""

    name: str
    unit: Unit
    kind: str  # role, year, class, subject or department
    description: str = ""
    members: frozenset[str] = frozenset()
    unmanaged_members: int = 0  # members without a source id; only for existing groups
    dn: str = ""


@dataclass(frozen=True, kw_only=True)
class State:
    """Units, users (by source id) and groups (by lower-case name), current or desired.

    `taken_usernames` has every username of the domain in lower case, managed or not.
    """

    units: frozenset[Unit]
    users: Mapping[str, User]
    groups: Mapping[str, Group]
    taken_usernames: frozenset[str] = frozenset()


class Action(str, Enum):
    """What a step does to one object; steps run in this order."""

    CREATE_UNIT = "create_unit"
    CREATE_USER = "create_user"
    ENABLE_USER = "enable_user"
    MOVE_USER = "move_user"
    UPDATE_USER = "update_user"
    CREATE_GROUP = "create_group"
    UPDATE_GROUP = "update_group"
    DISABLE_USER = "disable_user"
    EXPORT_USER = "export_user"
    DELETE_USER = "delete_user"
    DELETE_GROUP = "delete_group"


@dataclass(frozen=True, kw_only=True)
class Step:
    """One change to one object.

    `before` is None for a new object, `after` for one to be deleted. For UPDATE_GROUP, `add` and
    `remove` are source ids. `reason` is plain English without the name of a person.
    """

    action: Action
    key: str  # source id, group name, or unit as "Pupils/Year 7"
    before: User | Group | None = None
    after: User | Group | None = None
    add: frozenset[str] = frozenset()
    remove: frozenset[str] = frozenset()
    changed: tuple[str, ...] = ()  # which fields or attributes differ
    reason: str = ""


_WORD = re.compile(r"\W+")


def key_of(text: str) -> str:
    """A name in the form used for comparison: lower case, spaces and punctuation as one dash."""
    return _WORD.sub("-", text.casefold()).strip("-")
