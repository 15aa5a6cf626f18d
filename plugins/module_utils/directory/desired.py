# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the directory should hold, given a roster, the policy, a day and what it holds now. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date

from . import names, places
from .memberships import wanted_groups
from .model import Person, Role, Roster, State, Unit, User
from .policy import Policy

# Their access ends on a day that is known from the start, so the directory itself may end it.
_TEMPORARY = (Role.GUEST.value, Role.SUPPLIER.value)
_LONGEST_NAME = 64  # givenName and sn of Active Directory


def desired(roster: Roster, policy: Policy, today: date, found: State) -> State:
    """Units, users and groups as they should be; no unit is ever taken away.

    A leaver is kept, disabled, in the leavers' unit and in no group of ours. Who is due for deletion is left out of
    the users, if the policy deletes and the roster is complete. Of whom the roster says nothing stays as they are.
    """
    people = {
        key: person
        for key, person in roster.people.items()
        if key not in roster.left and (person.ends is None or person.ends >= today)
    }
    gone = _gone(roster, people, found, today)
    users = dict(found.users)
    users.update(_present(people, policy, today, found))
    users.update({key: _held(found.users[key], policy, today) for key in gone if key in found.users})
    if roster.complete and policy.delete_after_hold:
        due = {key for key, user in users.items() if key not in people and policy.is_due(user.left, today)}
        gone |= due
        users = {key: user for key, user in users.items() if key not in due}
    users = _named(users, found, changed=set(people) | gone)
    groups = wanted_groups(roster, people, policy, found, gone=gone)
    return State(
        units=found.units
        | _with_parents([u.unit for u in users.values()] + [g.unit for g in groups.values()]),
        users=users,
        groups=groups,
        taken=found.taken | {user.username.casefold() for user in users.values()},
    )


def _gone(roster: Roster, people: Mapping[str, Person], found: State, today: date) -> set[str]:
    """Who has left: named as such, past their last day, or missing from a roster that is complete for their role."""
    gone = set(roster.left) | {key for key, p in roster.people.items() if p.ends and p.ends < today}
    if roster.complete:
        covered = {role.value for role in roster.covers}
        gone |= {key for key, user in found.users.items() if user.role in covered and key not in people}
    return gone - set(people)


def _present(people: Mapping[str, Person], policy: Policy, today: date, found: State) -> dict[str, User]:
    usernames = _usernames(people, policy, today, found)
    return {
        key: _user(person, usernames[key], policy, today, found.users.get(key))
        for key, person in people.items()
    }


def _usernames(people: Mapping[str, Person], policy: Policy, today: date, found: State) -> dict[str, str]:
    """Who has an account keeps its username; the others get theirs in the order of the source ids."""
    chosen = {key: found.users[key].username for key in people if key in found.users}
    avoid = {user.username.casefold() for user in found.users.values()} | found.taken | policy.reserved
    for key in sorted(set(people) - set(chosen)):
        person = people[key]
        if policy.roster_usernames and person.username:
            wanted = names.prescribed(person, limit=policy.username_max)
        else:
            template = policy.usernames[person.role]
            wanted = names.candidates(person, template, today=today, limit=policy.username_max)
        chosen[key] = names.first_free(wanted, avoid)
        avoid.add(chosen[key].casefold())
    return chosen


def _user(person: Person, username: str, policy: Policy, today: date, now: User | None) -> User:
    # Somebody who is at work already is not locked out because a new contract begins later.
    enabled = person.starts is None or person.starts <= today or (now is not None and now.enabled)
    return User(
        source_id=person.source_id,
        username=username,
        unit=places.unit_of(policy, person),
        given_name=names.clip(names.clean(person.given_name), _LONGEST_NAME),
        family_name=names.clip(names.clean(person.family_name), _LONGEST_NAME),
        display_name=names.display_name(person.given_name, person.family_name),
        role=person.role.value,
        enabled=enabled,
        expires=_expires(person, now),
        attributes=_attributes(person, username, policy, now),
        dn=now.dn if now else "",
    )


def _expires(person: Person, now: User | None) -> date | None:
    if person.role.value in _TEMPORARY:
        return person.ends
    # A date that somebody set by hand on a pupil's account is theirs; one of a guest who now works here was ours.
    return now.expires if now is not None and now.role not in _TEMPORARY else None


def _attributes(person: Person, username: str, policy: Policy, now: User | None) -> dict[str, str]:
    """What policy sets, over what is there. An empty text takes away: only the year of somebody who has none now."""
    there = dict(now.attributes) if now else {}
    wanted = {**there, **places.attributes_of(policy, person, username)}
    if there.get("year") and not person.year:
        wanted["year"] = ""
    return wanted


def _held(user: User, policy: Policy, today: date) -> User:
    return replace(user, enabled=False, unit=places.leavers_unit(policy), left=user.left or today)


def _named(users: Mapping[str, User], found: State, *, changed: set[str]) -> dict[str, User]:
    """The users with the names of their entries; who is not `changed` keeps theirs."""
    wanted = {key: (user.unit, user.display_name) for key, user in users.items() if key in changed}
    chosen = names.common_names(wanted, found.users)
    return {key: replace(user, cn=chosen.get(key, user.cn)) for key, user in users.items()}


def _with_parents(units: Iterable[Unit]) -> frozenset[Unit]:
    return frozenset(unit[:depth] for unit in set(units) for depth in range(1, len(unit) + 1))
