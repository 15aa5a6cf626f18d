# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which groups there should be and who belongs to them. Pure."""

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
# Kinds that follow from classes: a delta tells only part of them.
_OF_CLASSES = ("class", "subject")
_ORDER = ("role", "year", "department", "subject", "class")
_FORBIDDEN = re.compile(r'["/\\\[\]:;|=+*?<>,@#]')  # in the sAMAccountName of a group
# How a class group's description ends: by it a delta finds the group of a class that it does not bring.
_IDS = re.compile(r"\[(?P<whose>class|teachers of class) (?P<ids>[^\[\]]+)\]$")


@dataclass(kw_only=True)
class _Draft:
    """A group in the making. `ids` are the classes that it stands for, `title` that of the first."""

    name: str
    kind: str
    whose: str = ""
    members: set[str] = field(default_factory=set)
    dropped: set[str] = field(default_factory=set)
    ids: set[str] = field(default_factory=set)
    title: str = ""


class _Drafts:
    """The drafts by kind and name, before two names that are the same to a directory are told apart."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self.made: dict[tuple[str, str, str], _Draft] = {}

    def add(self, kind: str, name: str, members: Iterable[str], *, whose: str = "") -> _Draft:
        full = self.policy.group_prefix + name
        # "Maths" and "maths" are one subject; 7A and 7a may well be two classes.
        same = full if kind == "class" else full.casefold()
        draft = self.made.setdefault((kind, whose, same), _Draft(name=full, kind=kind, whose=whose))
        draft.name = min(draft.name, full)
        draft.members.update(members)
        return draft

    def templated(self, kind: str, value: str, members: Iterable[str], *, whose: str = "") -> _Draft | None:
        """None where the policy makes no such groups, or there is nothing to name one by."""
        template, value = self.policy.groups.get(kind, ""), names.clean(value)
        if not template or not value:
            return None
        name = templates.fill(template, {GROUP_KINDS[kind][0]: value})
        return self.add(kind.removesuffix("_teachers"), name, members, whose=whose)

    def by_key(self) -> dict[str, _Draft]:
        """{name in lower case: draft}, with names that a directory takes."""
        chosen: dict[str, _Draft] = {}
        for draft in sorted(self.made.values(), key=_precedence):
            raw, draft.name = draft.name, group_name(draft.name)
            if draft.name.casefold() in chosen:
                draft.name = _marked(draft.name, f"{draft.kind} {draft.whose} {raw}")
            chosen[draft.name.casefold()] = draft
        return chosen


def _precedence(draft: _Draft) -> tuple[int, bool, str, str]:
    """Who keeps the plain name: the kind that says more about rights, then the name that needed no mending."""
    return (_ORDER.index(draft.kind), draft.name != group_name(draft.name), draft.name, draft.whose)


def group_name(text: str) -> str:
    """A text as the name of a group; one that is too long ends in a mark, so that no two long ones become one."""
    name = _FORBIDDEN.sub("-", names.clean(text)).strip(" .")
    return name if names.units_of(name) <= LONGEST_NAME else _marked(name, text)


def _marked(name: str, raw: str) -> str:
    mark = hashlib.sha256(raw.encode("utf-8", "surrogatepass")).hexdigest()[:6]
    return f"{names.clip(name, LONGEST_NAME - 8)} ~{mark}"


def wanted_groups(
    roster: Roster, people: Mapping[str, Person], policy: Policy, found: State, *, gone: AbstractSet[str]
) -> dict[str, Group]:
    """{name in lower case: Group}. `people` are those who have access, `gone` those who have none any more."""
    drafts = _Drafts(policy)
    _by_people(drafts, people)
    # A delta may put somebody into a class whom it does not bring, having no news of them.
    outside = () if roster.complete else (key for key, user in found.users.items() if user.left is None)
    there = (people.keys() | outside) - gone
    unknown = _by_classes(drafts, roster, there)
    fresh = drafts.by_key()
    _into_found(fresh, unknown, found, there)
    whole = roster.complete and roster.with_classes
    wanted = {
        key: _merged(draft, found.groups.get(key), people, gone, policy, whole)
        for key, draft in fresh.items()
    }
    for key, group in found.groups.items():
        if key not in wanted:
            rest = replace(group, members=_kept(group, set(), people, gone, whole))
            if not (policy.remove_empty_groups and whole and _is_spent(rest)):
                wanted[key] = rest
    return wanted


def _is_spent(group: Group) -> bool:
    return bool(group.kind) and not group.members and not group.strangers


def _by_people(drafts: _Drafts, people: Mapping[str, Person]) -> None:
    for key, person in people.items():
        for name in drafts.policy.role_groups.get(person.role, ()):
            drafts.add("role", name, [key])
        drafts.templated("year", person.year, [key])
        for department in person.departments:
            drafts.templated("department", department, [key])


def _by_classes(drafts: _Drafts, roster: Roster, there: AbstractSet[str]) -> list[TeachingClass]:
    """Drafts for the classes; those that a delta names without bringing them are handed back."""
    unknown = []
    for lesson in sorted(roster.classes.values(), key=lambda one: one.source_id):
        if not lesson.title:
            unknown.append(lesson)
            continue
        code = lesson.code or lesson.title
        pupils, teachers = lesson.pupils & there, lesson.teachers & there
        for kind, whose, members in (
            ("class", "class", pupils),
            ("class_teachers", "teachers of class", teachers),
        ):
            draft = drafts.templated(kind, code, members, whose=whose)
            if draft is not None:
                draft.title = draft.title or lesson.title
                draft.ids.add(lesson.source_id)
                draft.dropped.update(lesson.dropped)
        for subject in lesson.subjects:
            drafts.templated("subject", subject, pupils | teachers)
    return unknown


def _into_found(
    fresh: dict[str, _Draft], unknown: list[TeachingClass], found: State, there: AbstractSet[str]
) -> None:
    """The members of classes that a delta does not bring, into the groups that the directory has for them."""
    index = class_index(found) if unknown else {}
    for lesson in unknown:
        for key, whose in index.get(lesson.source_id, ()):
            group = found.groups[key]
            draft = fresh.setdefault(key, _Draft(name=group.name, kind=group.kind, whose=whose))
            draft.members |= (lesson.pupils if whose == "class" else lesson.teachers) & there
            draft.dropped |= lesson.dropped


def class_index(found: State) -> dict[str, list[tuple[str, str]]]:
    """{class' source id: [(key of its group, whose group it is)]}, read from the groups' descriptions."""
    index: dict[str, list[tuple[str, str]]] = {}
    for key, group in found.groups.items():
        match = _IDS.search(group.description)
        for one in match["ids"].split("; ") if match else ():
            index.setdefault(one, []).append((key, match["whose"] if match else ""))
    return index


def _kept(
    group: Group, dropped: AbstractSet[str], people: Mapping[str, Person], gone: AbstractSet[str], whole: bool
) -> frozenset[str]:
    """The members that a group keeps besides those whom the roster puts there.

    Of people whom the roster does not know it says nothing; a roster without all classes says nothing of who is no
    longer in one, but for those `dropped`. A group of no kind of ours only loses leavers.
    """
    known = people.keys() if group.kind and (whole or group.kind not in _OF_CLASSES) else dropped
    return group.members - gone - known


def _merged(
    draft: _Draft,
    now: Group | None,
    people: Mapping[str, Person],
    gone: AbstractSet[str],
    policy: Policy,
    whole: bool,
) -> Group:
    if now is None:
        return Group(
            name=draft.name,
            unit=places.group_unit(policy, draft.kind),
            kind=draft.kind,
            description=_description(draft, "", whole),
            members=frozenset(draft.members),
        )
    kind = now.kind or draft.kind
    kept = _kept(replace(now, kind=kind), draft.dropped, people, gone, whole)
    return replace(
        now, kind=kind, description=_description(draft, now.description, whole), members=kept | draft.members
    )


def _description(draft: _Draft, now: str, whole: bool) -> str:
    """Title and ids for the group of a class; of other groups what is there stays."""
    match = _IDS.search(now)
    before = set(match["ids"].split("; ")) if match else set()
    if not draft.ids or (not whole and draft.ids <= before):
        return now
    ids = sorted(draft.ids if whole else draft.ids | before)
    text = f"{names.clip(names.clean(draft.title), 200)} [{draft.whose} {'; '.join(ids)}]"
    return text if names.units_of(text) <= LONGEST_DESCRIPTION else names.clip(names.clean(draft.title), 200)
