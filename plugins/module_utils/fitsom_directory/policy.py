# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a school has decided about its accounts: every knob, with a default and a check."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ansible.module_utils.fitsom_directory import names, templates
from ansible.module_utils.fitsom_directory.model import Person, Role, Unit

PLACE_FIELDS = ("year", "department")
TEXT_FIELDS = ("username", "given", "family", "id", "year", "department", "mail", "mail_domain")
# Each kind of group: the field that its name needs, and the folder that the groups live in.
GROUP_KINDS = {
    "year": ("year", "Years"),
    "class": ("code", "Classes"),
    "class_teachers": ("code", "Classes"),
    "subject": ("subject", "Subjects"),
    "department": ("department", "Departments"),
}
KIND_FOLDERS = {"role": "Roles", **{kind: folder for kind, (_, folder) in GROUP_KINDS.items()}}


def _each(text: str) -> dict[Role, str]:
    return dict.fromkeys(Role, text)


@dataclass(frozen=True, kw_only=True)
class Policy:
    """Templates are by role; what has no template for a role is not managed for it.

    `groups` is by kind (`GROUP_KINDS`): a kind without a template makes no groups. `attributes` is by the names of
    `model.ATTRIBUTES`, then by role. `roster_usernames` takes the roster's username where it has one.
    """

    usernames: Mapping[Role, str] = field(
        default_factory=lambda: {**_each("{given:1}{family}"), Role.PUPIL: "{year2}{family}{given:1}"}
    )
    roster_usernames: bool = False
    username_max: int = names.LONGEST_SAM
    reserved: frozenset[str] = names.RESERVED
    units: Mapping[Role, str] = field(
        default_factory=lambda: {
            Role.PUPIL: "Pupils/Year {year}",
            Role.TEACHER: "Staff/{department}",
            Role.STAFF: "Staff/{department}",
            Role.GUEST: "Guests",
            Role.SUPPLIER: "Suppliers",
        }
    )
    leavers_unit: str = "Leavers"
    groups_unit: str = "Groups/{kind}"
    role_groups: Mapping[Role, tuple[str, ...]] = field(
        default_factory=lambda: {
            Role.PUPIL: ("All Pupils",),
            Role.TEACHER: ("All Teachers", "All Staff"),
            Role.STAFF: ("All Staff",),
            Role.GUEST: ("All Guests",),
            Role.SUPPLIER: ("All Suppliers",),
        }
    )
    groups: Mapping[str, str] = field(
        default_factory=lambda: {
            "year": "Year {year}",
            "class": "Class {code}",
            "class_teachers": "Class {code} Teachers",
            "subject": "Subject {subject}",
            "department": "Department {department}",
        }
    )
    group_prefix: str = ""
    remove_empty_groups: bool = False
    upn_domain: str = ""
    mail_domain: str = ""
    attributes: Mapping[str, Mapping[Role, str]] = field(default_factory=dict)
    hold_days: int = 90
    delete_after_hold: bool = False
    max_disappearing_percent: float = 5.0


def place(template: str, values: Mapping[str, str]) -> Unit:
    """The unit that "Pupils/Year {year}" means for somebody; a part whose field is empty is left out."""
    plain = {name: segment(value) for name, value in values.items()}
    return tuple(
        segment(templates.fill(part, plain))
        for part in template.split("/")
        if templates.is_filled(part, plain)
    )


def segment(text: str) -> str:
    """A text as the name of a unit: no slash, which parts units, and no longer than an OU may be."""
    return names.clip(names.clean(text).replace("/", "-"), 64)


def unit_of(policy: Policy, person: Person) -> Unit:
    """Where somebody's account lives."""
    return place(policy.units[person.role], values_of(person))


def values_of(person: Person) -> dict[str, str]:
    return {"year": person.year, "department": person.departments[0] if person.departments else ""}


def leavers_unit(policy: Policy) -> Unit:
    return place(policy.leavers_unit, {})


def group_unit(policy: Policy, kind: str) -> Unit:
    return place(policy.groups_unit, {"kind": KIND_FOLDERS[kind]})


def attributes_of(policy: Policy, person: Person, username: str) -> dict[str, str]:
    """What policy sets for somebody; a template of which a field is empty sets nothing."""
    values = {
        **values_of(person),
        "username": username,
        "given": names.fold(person.given_name),
        "family": names.fold(person.family_name),
        "id": person.source_id,
        "mail": person.mail,
        "mail_domain": policy.mail_domain,
    }
    made = {"year": values["year"], "department": values["department"]}
    for name, by_role in policy.attributes.items():
        template = by_role.get(person.role, "")
        if template and templates.is_filled(template, values):
            made[name] = templates.fill(template, values)
    return {name: text for name, text in made.items() if text}
