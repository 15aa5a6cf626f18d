# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The nouns that the roster's readers, the desired state and the directory's engine share. Pure data."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import Enum


class Role(str, Enum):
    """What somebody is to the school; decides the unit they live in and the groups they get."""

    PUPIL = "pupil"
    TEACHER = "teacher"
    STAFF = "staff"
    GUEST = "guest"
    SUPPLIER = "supplier"


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One thing that is wrong with an input file: `line` and `column` count from 1, 0 where there is none."""

    file: str
    line: int = 0
    column: str = ""
    reason: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return f"{place}: {self.column}: {self.reason}" if self.column else f"{place}: {self.reason}"


class FaultyInputError(Exception):
    """Everything that is wrong with an input, all at once; nothing was taken from it."""

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__("\n".join(str(fault) for fault in faults))
        self.faults = faults


@dataclass(frozen=True, kw_only=True)
class Person:
    """Somebody in the roster. `source_id` is the MIS' stable key; names may change, it does not.

    `year` is the pupil's year group as the roster writes it ("7"), `departments` a member of staff's.
    `starts` and `ends`: first and last day of access, where the roster knows them.
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
    """A class with its members' source ids. `dropped`: who is no longer in it, which only a delta needs to say.

    A delta that names a class without bringing it leaves the title empty.
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
    """Who belongs to the school.

    `complete`: somebody who is not in it has left, if their role is among those that it `covers`. A delta is not
    complete: only those in `left` have. Without `with_classes` it says nothing of classes and theirs stay as they are.
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
    """An account, wanted or found. `attributes` holds what else is set, by the names of `ATTRIBUTES`."""

    source_id: str
    username: str
    unit: Unit
    given_name: str
    family_name: str
    display_name: str
    role: str
    enabled: bool = True
    expires: date | None = None
    left_on: date | None = None  # since when a leaver is held
    attributes: Mapping[str, str] = field(default_factory=dict)
    cn: str = ""  # the name of the entry in its unit; empty where the directory names entries otherwise
    dn: str = ""  # only of accounts that were found


# Optional texts of a user that policy may set; the engine maps them for each kind of directory.
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
    """A group that fitsom keeps. `members` are source ids; members that fitsom does not know are left alone."""

    name: str
    unit: Unit
    kind: str  # role, year, class, subject or department
    description: str = ""
    members: frozenset[str] = frozenset()
    unmanaged_members: int = 0  # members that are nobody of ours; only of groups that were found
    dn: str = ""


@dataclass(frozen=True, kw_only=True)
class State:
    """Units, users (by source id) and groups (by name, lower case): of the directory, or as they should be.

    `taken`: every username, lower case, that the directory knows, ours or not.
    """

    units: frozenset[Unit]
    users: Mapping[str, User]
    groups: Mapping[str, Group]
    taken_usernames: frozenset[str] = frozenset()


class Action(str, Enum):
    """What is done to one object; in the order in which it is done."""

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
    """One change to one object. `before` and `after` are the object; None where it is not or will not be.

    For UPDATE_GROUP, `add` and `remove` are source ids. `reason` is plain English without a name.
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
    """A name as it is compared: lower case, white space and punctuation as one dash."""
    return _WORD.sub("-", text.casefold()).strip("-")
