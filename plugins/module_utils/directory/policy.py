# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A school's policy for its accounts: every setting, with its default and its check."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from . import names, templates
from .model import ATTRIBUTES, Role

PLACE_FIELDS = ("year", "department")
TEXT_FIELDS = ("username", "given", "family", "id", "year", "department", "mail", "mail_domain")
# For each kind of group: the field that its name needs, and the unit of its groups.
GROUP_KINDS = {
    "year": ("year", "Years"),
    "class": ("code", "Classes"),
    "class_teachers": ("code", "Classes"),
    "subject": ("subject", "Subjects"),
    "department": ("department", "Departments"),
}
KIND_FOLDERS = {"role": "Roles", **{kind: folder for kind, (_field, folder) in GROUP_KINDS.items()}}
_DOMAIN = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+", re.I)
# Attributes that a template may set; year and department come from the roster.
_TEXTS = tuple(name for name in ATTRIBUTES if name not in PLACE_FIELDS)


def _for_all_roles(text: str) -> dict[Role, str]:
    return dict.fromkeys(Role, text)


@dataclass(frozen=True, kw_only=True)
class Policy:
    """Templates are by role; an attribute without a template for a role is not managed for it.

    `groups` has a template for each kind in `GROUP_KINDS`; a kind without one makes no groups.
    `attributes` is by the names in `model.ATTRIBUTES`, then by role. `roster_usernames` uses the
    roster's username if it has one.
    """

    usernames: Mapping[Role, str] = field(
        default_factory=lambda: {
            **_for_all_roles("{given:1}{family}"),
            Role.PUPIL: "{year2}{family}{given:1}",
        }
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

    def is_due(self, left_on: date | None, today: date) -> bool:
        """Whether the hold of a leaver is over."""
        return left_on is not None and today >= left_on + timedelta(days=self.hold_days)


class PolicyError(ValueError):
    """All mistakes in a policy, one a line; `mistakes` has them as a list."""

    def __init__(self, mistakes: list[str]) -> None:
        super().__init__("\n".join(mistakes))
        self.mistakes = mistakes


def from_mapping(raw: Mapping[str, Any]) -> Policy:
    """A policy from `{setting: value}`; missing settings have their defaults.

    A setting by role takes one text for all roles, or `{role: text}` over the default. Each
    attribute in `model.ATTRIBUTES` is a setting by role:
    `home_directory: {pupil: '\\\\srv\\pupils\\{username}'}`. PolicyError has every mistake.
    """
    mistakes: list[str] = []
    settings: dict[str, Any] = {}
    for setting, value in raw.items():
        reader = _READERS.get(str(setting))
        if reader is None:
            mistakes.append(f"{setting}: is not a setting; the settings are {', '.join(sorted(_READERS))}")
            continue
        try:
            settings[str(setting)] = reader(value)
        except ValueError as error:
            mistakes.append(f"{setting}: {error}")
    if mistakes:
        raise PolicyError(mistakes)
    return _build(settings)


def _build(settings: dict[str, Any]) -> Policy:
    default = Policy()
    for setting in ("usernames", "units", "role_groups", "groups"):
        if setting in settings:
            settings[setting] = {**getattr(default, setting), **settings[setting]}
    attributes = {name: settings.pop(name) for name in _TEXTS if name in settings}
    if settings.get("mail_domain") and "mail" not in attributes:
        attributes["mail"] = dict.fromkeys(Role, "{username}@{mail_domain}")
    for role, template in settings.get("usernames", default.usernames).items():
        digits = templates.split(template)[-1].length if template.endswith("}") else 0
        if digits + 3 > settings.get("username_max", default.username_max) and "number" in templates.fields(
            template
        ):
            raise PolicyError(
                [f"usernames: {role.value}: the number leaves no room for a name in username_max"]
            )
    settings["reserved"] = names.RESERVED | settings.get("reserved", frozenset())
    return Policy(attributes=attributes, **settings)


def _by_role(value: Any, check: Callable[[str], Any]) -> dict[Role, Any]:
    if isinstance(value, str):
        return dict.fromkeys(Role, check(value))
    if not isinstance(value, Mapping):
        raise ValueError("give one text, or a text for each role")
    by_role = {}
    for role, text in value.items():
        if role not in [member.value for member in Role]:
            raise ValueError(
                f"{role!r} is not a role; the roles are {', '.join(member.value for member in Role)}"
            )
        by_role[Role(role)] = check(text)
    return by_role


def _text(value: Any) -> str:
    if not isinstance(value, str) or value != value.strip() or not value.isprintable():
        raise ValueError(f"{value!r} is not a text of one line without spaces around it")
    return value


def _username(value: Any) -> str:
    names.check_username_template(_text(value))
    return str(value)


def _unit(allowed_fields: Collection[str]) -> Callable[[Any], str]:
    def read(value: Any) -> str:
        parts = _text(value).split("/")
        for part in parts:
            templates.check(part, allowed_fields)
        if not all(part.strip() for part in parts):
            raise ValueError(f"the unit {value!r} has an empty part")
        if templates.fields(parts[0]):
            # Otherwise the account of a person without a year would be in the base itself.
            raise ValueError(f"the first part of the unit {value!r} must be the same for everybody")
        return str(value)

    return read


def _attribute(value: Any) -> str:
    templates.check(_text(value), TEXT_FIELDS)
    return str(value)


def _group_names(value: Any) -> tuple[str, ...]:
    group_names = [value] if isinstance(value, str) else value
    if not isinstance(group_names, (list, tuple)):
        raise ValueError("give a name, or a list of names")
    for name in group_names:
        if not _text(name) or templates.fields(name):
            raise ValueError(f"{name!r} is not a group name without fields")
    return tuple(group_names)


def _groups(value: Any) -> dict[str, str]:
    if not isinstance(value, Mapping):
        raise ValueError(
            f"give a template for each of {', '.join(GROUP_KINDS)}; an empty one switches it off"
        )
    group_templates = {}
    for kind, template in value.items():
        if kind not in GROUP_KINDS:
            raise ValueError(f"{kind!r} is not a kind of group; the kinds are {', '.join(GROUP_KINDS)}")
        field_name = GROUP_KINDS[kind][0]
        group_templates[kind] = _text(template or "")
        templates.check(group_templates[kind], [field_name])
        if group_templates[kind] and field_name not in templates.fields(group_templates[kind]):
            raise ValueError(f"{kind}: the template {template!r} needs {{{field_name}}}")
    return group_templates


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"{value!r} is neither true nor false")
    return value


def _domain(value: Any) -> str:
    if value and not _DOMAIN.fullmatch(_text(value)):
        raise ValueError(f"{value!r} is not the name of a domain")
    return str(value)


def _number(low: int, high: int, kind: type = int) -> Callable[[Any], float]:
    def read(value: Any) -> float:
        fits = isinstance(value, (int, kind)) and not isinstance(value, bool)
        if not fits or not low <= value <= high:
            raise ValueError(f"{value!r} is not a number from {low} to {high}")
        return float(value) if kind is float else int(value)

    return read


def _reserved(value: Any) -> frozenset[str]:
    if not isinstance(value, (list, tuple)):
        raise ValueError("give a list of usernames; they are added to those that are always reserved")
    return frozenset(_text(name).casefold() for name in value)


_READERS: dict[str, Callable[[Any], Any]] = {
    "usernames": lambda value: _by_role(value, _username),
    "roster_usernames": _flag,
    "username_max": _number(4, names.LONGEST_USERNAME),
    "reserved": _reserved,
    "units": lambda value: _by_role(value, _unit(PLACE_FIELDS)),
    "leavers_unit": _unit(()),
    "groups_unit": _unit(("kind",)),
    "role_groups": lambda value: _by_role(value, _group_names),
    "groups": _groups,
    "group_prefix": lambda value: value if isinstance(value, str) and value.isprintable() else _text(value),
    "remove_empty_groups": _flag,
    "upn_domain": _domain,
    "mail_domain": _domain,
    **{name: lambda value: _by_role(value, _attribute) for name in _TEXTS},
    "hold_days": _number(0, 3650),
    "delete_after_hold": _flag,
    "max_disappearing_percent": _number(0, 100, float),
}
