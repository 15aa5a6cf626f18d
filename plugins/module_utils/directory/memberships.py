# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The desired groups and their members."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace

from . import names, places, templates
from .model import Group, Person, Roster, State, TeachingClass
from .policy import GROUP_KINDS, Policy

LONGEST_NAME = 64
LONGEST_DESCRIPTION = 1024
# Kinds made from classes, of which a delta has only a part.
_CLASS_KINDS = ("class", "subject")
_ORDER = ("role", "year", "department", "subject", "class")
_FORBIDDEN = re.compile(r'["/\\\[\]:;|=+*?<>,@#]')  # in the sAMAccountName of a group
# The end of a class group's description, by which a delta finds the group of an existing class.
_CLASS_IDS = re.compile(r"\[(?P<audience>class|teachers of class) (?P<ids>[^\[\]]+)\]$")


@dataclass(kw_only=True)
class _Draft:
    """A group before it is named. `ids` are its classes' source ids, `title` is the first title."""

    name: str
    kind: str
    audience: str = ""
    members: set[str] = field(default_factory=set)
    former_members: set[str] = field(default_factory=set)
    ids: set[str] = field(default_factory=set)
    title: str = ""


class _Drafts:
    """Drafts by kind and name; `by_key` then resolves names that a directory takes for the same."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self.drafts: dict[tuple[str, str, str], _Draft] = {}

    def add(self, kind: str, name: str, members: Iterable[str], *, audience: str = "") -> _Draft:
        full_name = self.policy.group_prefix + name
        # "Maths" and "maths" are one subject, but 7A and 7a may be two classes.
        identity = full_name if kind == "class" else full_name.casefold()
        draft = self.drafts.setdefault(
            (kind, audience, identity), _Draft(name=full_name, kind=kind, audience=audience)
        )
        draft.name = min(draft.name, full_name)
        draft.members.update(members)
        return draft

    def templated(
        self, kind: str, value: str, members: Iterable[str], *, audience: str = ""
    ) -> _Draft | None:
        """None if the policy has no template for this kind, or the name's value is empty."""
        template, value = self.policy.groups.get(kind, ""), names.clean(value)
        if not template or not value:
            return None
        name = templates.fill(template, {GROUP_KINDS[kind][0]: value})
        return self.add(kind.removesuffix("_teachers"), name, members, audience=audience)

    def by_key(self) -> dict[str, _Draft]:
        """{lower-case name: draft}, with names that are valid in a directory."""
        by_name: dict[str, _Draft] = {}
        for draft in sorted(self.drafts.values(), key=_precedence):
            raw, draft.name = draft.name, group_name(draft.name)
            if draft.name.casefold() in by_name:
                draft.name = _with_hash(draft.name, f"{draft.kind} {draft.audience} {raw}")
            by_name[draft.name.casefold()] = draft
        return by_name


def _precedence(draft: _Draft) -> tuple[int, bool, str, str]:
    """Which draft keeps the plain name: the kind with more rights, then a name that was valid."""
    return (_ORDER.index(draft.kind), draft.name != group_name(draft.name), draft.name, draft.audience)


def group_name(text: str) -> str:
    """A valid name for a group; one that is too long ends in a hash and so stays unique."""
    name = _FORBIDDEN.sub("-", names.clean(text)).strip(" .")
    return name if names.utf16_length(name) <= LONGEST_NAME else _with_hash(name, text)


def _with_hash(name: str, raw: str) -> str:
    mark = hashlib.sha256(raw.encode("utf-8", "surrogatepass")).hexdigest()[:6]
    return f"{names.clip(name, LONGEST_NAME - 8)} ~{mark}"


def desired_groups(
    roster: Roster, people: Mapping[str, Person], policy: Policy, current: State, *, leavers: AbstractSet[str]
) -> dict[str, Group]:
    """{lower-case name: Group}. `people` have access, `leavers` no longer do."""
    drafts = _Drafts(policy)
    _by_people(drafts, people)
    # A delta may enrol a person without having a row for that person.
    outside = () if roster.complete else (key for key, user in current.users.items() if user.left_on is None)
    active_people = (people.keys() | outside) - leavers
    unknown = _by_classes(drafts, roster, active_people)
    drafts_by_key = drafts.by_key()
    _add_to_existing(drafts_by_key, unknown, current, active_people)
    complete = roster.complete and roster.with_classes
    groups = {
        key: _merge_group(draft, current.groups.get(key), people, leavers, policy, complete)
        for key, draft in drafts_by_key.items()
    }
    for key, group in current.groups.items():
        if key not in groups:
            remaining = replace(group, members=_remaining_members(group, set(), people, leavers, complete))
            if not (policy.remove_empty_groups and complete and _is_empty(remaining)):
                groups[key] = remaining
    return groups


def _is_empty(group: Group) -> bool:
    return bool(group.kind) and not group.members and not group.unmanaged_members


def _by_people(drafts: _Drafts, people: Mapping[str, Person]) -> None:
    for key, person in people.items():
        for name in drafts.policy.role_groups.get(person.role, ()):
            drafts.add("role", name, [key])
        drafts.templated("year", person.year, [key])
        for department in person.departments:
            drafts.templated("department", department, [key])


def _by_classes(drafts: _Drafts, roster: Roster, active_people: AbstractSet[str]) -> list[TeachingClass]:
    """Add drafts for the classes; return those of which a delta has only enrolments."""
    unknown = []
    for teaching_class in sorted(
        roster.classes.values(), key=lambda teaching_class: teaching_class.source_id
    ):
        if not teaching_class.title:
            unknown.append(teaching_class)
            continue
        code = teaching_class.code or teaching_class.title
        pupils, teachers = teaching_class.pupils & active_people, teaching_class.teachers & active_people
        for kind, audience, members in (
            ("class", "class", pupils),
            ("class_teachers", "teachers of class", teachers),
        ):
            draft = drafts.templated(kind, code, members, audience=audience)
            if draft is not None:
                draft.title = draft.title or teaching_class.title
                draft.ids.add(teaching_class.source_id)
                draft.former_members.update(teaching_class.former_members)
        for subject in teaching_class.subjects:
            drafts.templated("subject", subject, pupils | teachers)
    return unknown


def _add_to_existing(
    drafts_by_key: dict[str, _Draft],
    unknown: list[TeachingClass],
    current: State,
    active_people: AbstractSet[str],
) -> None:
    """Add members to the existing groups of classes of which a delta has only enrolments."""
    index = class_index(current) if unknown else {}
    for teaching_class in unknown:
        for key, audience in index.get(teaching_class.source_id, ()):
            group = current.groups[key]
            draft = drafts_by_key.setdefault(key, _Draft(name=group.name, kind=group.kind, audience=audience))
            draft.members |= (
                teaching_class.pupils if audience == "class" else teaching_class.teachers
            ) & active_people
            draft.former_members |= teaching_class.former_members


def class_index(current: State) -> dict[str, list[tuple[str, str]]]:
    """{source id of a class: [(key of its group, audience)]}, from the groups' descriptions."""
    index: dict[str, list[tuple[str, str]]] = {}
    for key, group in current.groups.items():
        match = _CLASS_IDS.search(group.description)
        for class_id in match["ids"].split("; ") if match else ():
            index.setdefault(class_id, []).append((key, match["audience"] if match else ""))
    return index


def _remaining_members(
    group: Group,
    former_members: AbstractSet[str],
    people: Mapping[str, Person],
    leavers: AbstractSet[str],
    complete: bool,
) -> frozenset[str]:
    """The current members that a group keeps in addition to those from the roster.

    People who are not in the roster stay. If the roster does not have all classes, everybody stays
    in a class except its `former_members`. A group without a kind only loses leavers.
    """
    accounted_for = (
        people.keys() if group.kind and (complete or group.kind not in _CLASS_KINDS) else former_members
    )
    return group.members - leavers - accounted_for


def _merge_group(
    draft: _Draft,
    existing: Group | None,
    people: Mapping[str, Person],
    leavers: AbstractSet[str],
    policy: Policy,
    complete: bool,
) -> Group:
    if existing is None:
        return Group(
            name=draft.name,
            unit=places.group_unit(policy, draft.kind),
            kind=draft.kind,
            description=_description(draft, "", complete),
            members=frozenset(draft.members),
        )
    kind = existing.kind or draft.kind
    remaining = _remaining_members(
        replace(existing, kind=kind), draft.former_members, people, leavers, complete
    )
    return replace(
        existing,
        kind=kind,
        description=_description(draft, existing.description, complete),
        members=remaining | draft.members,
    )


def _description(draft: _Draft, existing: str, complete: bool) -> str:
    """Title and source ids for the group of a class; other groups keep their description."""
    match = _CLASS_IDS.search(existing)
    existing_ids = set(match["ids"].split("; ")) if match else set()
    if not draft.ids or (not complete and draft.ids <= existing_ids):
        return existing
    ids = sorted(draft.ids if complete else draft.ids | existing_ids)
    text = f"{names.clip(names.clean(draft.title), 200)} [{draft.audience} {'; '.join(ids)}]"
    return (
        text if names.utf16_length(text) <= LONGEST_DESCRIPTION else names.clip(names.clean(draft.title), 200)
    )
