# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The organisational unit of an account, and the attributes that the policy sets for it."""

from __future__ import annotations

from collections.abc import Mapping

from . import names, templates
from .model import Person, Unit
from .policy import KIND_FOLDERS, Policy


def fill_unit(template: str, values: Mapping[str, str]) -> Unit:
    """The unit from a template such as "Pupils/Year {year}", without parts that are empty."""
    cleaned = {name: unit_name(value) for name, value in values.items()}
    return tuple(
        unit_name(templates.fill(part, cleaned))
        for part in template.split("/")
        if templates.is_filled(part, cleaned)
    )


def unit_name(text: str) -> str:
    """A valid name for a unit: no slash, and no longer than an OU may be."""
    return names.clip(names.clean(text).replace("/", "-"), 64)


def unit_of(policy: Policy, person: Person) -> Unit:
    """The unit of a person's account."""
    return fill_unit(policy.units[person.role], values_of(person))


def values_of(person: Person) -> dict[str, str]:
    return {"year": person.year, "department": person.departments[0] if person.departments else ""}


def leavers_unit(policy: Policy) -> Unit:
    return fill_unit(policy.leavers_unit, {})


def group_unit(policy: Policy, kind: str) -> Unit:
    return fill_unit(policy.groups_unit, {"kind": KIND_FOLDERS[kind]})


def attributes_of(policy: Policy, person: Person, username: str) -> dict[str, str]:
    """The attributes from the policy's templates; a template with an empty field sets nothing."""
    values = {
        **values_of(person),
        "username": username,
        "given": names.fold(person.given_name),
        "family": names.fold(person.family_name),
        "id": person.source_id,
        "mail": person.mail,
        "mail_domain": policy.mail_domain,
    }
    attributes = {"year": values["year"], "department": values["department"]}
    for name, by_role in policy.attributes.items():
        template = by_role.get(person.role, "")
        if template and templates.is_filled(template, values):
            attributes[name] = templates.fill(template, values)
    return {name: text for name, text in attributes.items() if text}
