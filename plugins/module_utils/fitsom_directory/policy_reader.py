# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The policy as it stands in the inventory, checked as a whole: every mistake is told at once."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from typing import Any

from ansible.module_utils.fitsom_directory import names, templates
from ansible.module_utils.fitsom_directory.model import ATTRIBUTES, Role
from ansible.module_utils.fitsom_directory.policy import GROUP_KINDS, PLACE_FIELDS, TEXT_FIELDS, Policy

_DOMAIN = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+", re.I)
# Those that a template may set; year and department come from the roster.
_TEXTS = tuple(name for name in ATTRIBUTES if name not in PLACE_FIELDS)


class PolicyError(ValueError):
    """Every mistake in a policy, a line each; `mistakes` has them as a list."""

    def __init__(self, mistakes: list[str]) -> None:
        super().__init__("\n".join(mistakes))
        self.mistakes = mistakes


def from_mapping(raw: Mapping[str, Any]) -> Policy:
    """A policy from `{knob: value}`; what is left out has its default. PolicyError names every mistake.

    A knob by role takes one text for all roles, or `{role: text}` on top of the default. The attributes of
    `model.ATTRIBUTES` are knobs by role of their own: `home_directory: {pupil: '\\\\srv\\pupils\\{username}'}`.
    """
    mistakes: list[str] = []
    made: dict[str, Any] = {}
    for knob, value in raw.items():
        read = _READERS.get(str(knob))
        if read is None:
            mistakes.append(f"{knob}: no such knob; there are {', '.join(sorted(_READERS))}")
            continue
        try:
            made[str(knob)] = read(value)
        except ValueError as error:
            mistakes.append(f"{knob}: {error}")
    if mistakes:
        raise PolicyError(mistakes)
    return _built(made)


def _built(made: dict[str, Any]) -> Policy:
    default = Policy()
    for knob in ("usernames", "units", "role_groups", "groups"):
        if knob in made:
            made[knob] = {**getattr(default, knob), **made[knob]}
    attributes = {name: made.pop(name) for name in _TEXTS if name in made}
    if made.get("mail_domain") and "mail" not in attributes:
        attributes["mail"] = dict.fromkeys(Role, "{username}@{mail_domain}")
    made["reserved"] = names.RESERVED | made.get("reserved", frozenset())
    return Policy(attributes=attributes, **made)


def _by_role(value: Any, check: Callable[[str], Any]) -> dict[Role, Any]:
    if isinstance(value, str):
        return dict.fromkeys(Role, check(value))
    if not isinstance(value, Mapping):
        raise ValueError("give one text, or a text for each role")
    made = {}
    for role, text in value.items():
        if role not in [known.value for known in Role]:
            raise ValueError(f"no such role {role!r}; there are {', '.join(known.value for known in Role)}")
        made[Role(role)] = check(text)
    return made


def _text(value: Any) -> str:
    if not isinstance(value, str) or value != value.strip() or not value.isprintable():
        raise ValueError(f"{value!r} is not a text of one line without blanks around it")
    return value


def _username(value: Any) -> str:
    names.check_username_template(_text(value))
    return str(value)


def _unit(known: Collection[str]) -> Callable[[Any], str]:
    def read(value: Any) -> str:
        parts = _text(value).split("/")
        for part in parts:
            templates.check(part, known)
        if not all(part.strip() for part in parts):
            raise ValueError(f"the unit {value!r} has an empty part")
        if templates.fields(parts[0]):
            # Otherwise somebody without a year would land in the base itself.
            raise ValueError(f"the first part of the unit {value!r} must be the same for everybody")
        return str(value)

    return read


def _attribute(value: Any) -> str:
    templates.check(_text(value), TEXT_FIELDS)
    return str(value)


def _group_names(value: Any) -> tuple[str, ...]:
    listed = [value] if isinstance(value, str) else value
    if not isinstance(listed, (list, tuple)):
        raise ValueError("give a name, or a list of names")
    for name in listed:
        if not _text(name) or templates.fields(name):
            raise ValueError(f"{name!r} is not a plain name of a group")
    return tuple(listed)


def _groups(value: Any) -> dict[str, str]:
    if not isinstance(value, Mapping):
        raise ValueError(
            f"give a template for each of {', '.join(GROUP_KINDS)}; an empty one switches it off"
        )
    made = {}
    for kind, template in value.items():
        if kind not in GROUP_KINDS:
            raise ValueError(f"no such kind of group {kind!r}; there are {', '.join(GROUP_KINDS)}")
        needed, _ = GROUP_KINDS[kind]
        made[kind] = _text(template or "")
        templates.check(made[kind], [needed])
        if made[kind] and needed not in templates.fields(made[kind]):
            raise ValueError(f"{kind}: the template {template!r} needs {{{needed}}}")
    return made


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
