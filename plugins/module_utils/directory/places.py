# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Where somebody's account lives, and the texts that policy sets for it."""

from __future__ import annotations

from collections.abc import Mapping

from . import names, templates
from .model import Person, Unit
from .policy import KIND_FOLDERS, Policy


def fill_unit(template: str, values: Mapping[str, str]) -> Unit:
    """The unit that "Pupils/Year {year}" means for somebody; a part whose field is empty is left out."""
    cleaned = {name: unit_name(value) for name, value in values.items()}
    return tuple(
        unit_name(templates.fill(part, cleaned))
        for part in template.split("/")
        if templates.is_filled(part, cleaned)
    )


def unit_name(text: str) -> str:
    """A text as the name of a unit: no slash, which parts units, and no longer than an OU may be."""
    return names.clip(names.clean(text).replace("/", "-"), 64)


def unit_of(policy: Policy, person: Person) -> Unit:
    """Where somebody's account lives."""
    return fill_unit(policy.units[person.role], values_of(person))


def values_of(person: Person) -> dict[str, str]:
    return {"year": person.year, "department": person.departments[0] if person.departments else ""}


def leavers_unit(policy: Policy) -> Unit:
    return fill_unit(policy.leavers_unit, {})


def group_unit(policy: Policy, kind: str) -> Unit:
    return fill_unit(policy.groups_unit, {"kind": KIND_FOLDERS[kind]})


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
    attributes = {"year": values["year"], "department": values["department"]}
    for name, by_role in policy.attributes.items():
        template = by_role.get(person.role, "")
        if template and templates.is_filled(template, values):
            attributes[name] = templates.fill(template, values)
    return {name: text for name, text in attributes.items() if text}
