# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The desired state of the directory, from a roster, the policy, a day and the current state."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date

from . import names, places
from .memberships import desired_groups
from .model import Person, Role, Roster, State, Unit, User
from .policy import Policy

# Their last day is known from the start, so the account's own expiry date can end access.
_TEMPORARY = (Role.GUEST.value, Role.SUPPLIER.value)
_LONGEST_NAME = 64  # givenName and sn of Active Directory


def desired_state(roster: Roster, policy: Policy, today: date, current: State) -> State:
    """Desired units, users and groups; a unit is never removed.

    A leaver's account is disabled, moved to the leavers' unit and removed from all managed groups.
    Leavers whose hold is over are missing from the users if the policy deletes them and the roster
    is complete. Accounts that the roster does not cover stay as they are.
    """
    people = {
        key: person
        for key, person in roster.people.items()
        if key not in roster.leavers and (person.ends is None or person.ends >= today)
    }
    leavers = _leavers(roster, people, current, today)
    users = dict(current.users)
    users.update(_desired_users(people, policy, today, current))
    users.update(
        {key: _disabled_leaver(current.users[key], policy, today) for key in leavers if key in current.users}
    )
    if roster.complete and policy.delete_after_hold:
        due_for_deletion = {
            key for key, user in users.items() if key not in people and policy.is_due(user.left_on, today)
        }
        leavers |= due_for_deletion
        users = {key: user for key, user in users.items() if key not in due_for_deletion}
    users = _with_common_names(users, current, changed=set(people) | leavers)
    groups = desired_groups(roster, people, policy, current, leavers=leavers)
    return State(
        units=current.units
        | _with_parents([u.unit for u in users.values()] + [g.unit for g in groups.values()]),
        users=users,
        groups=groups,
        taken_usernames=current.taken_usernames | {user.username.casefold() for user in users.values()},
    )


def _leavers(roster: Roster, people: Mapping[str, Person], current: State, today: date) -> set[str]:
    """People listed as leavers, past their last day, or missing from a roster that covers them."""
    leavers = set(roster.leavers) | {key for key, p in roster.people.items() if p.ends and p.ends < today}
    if roster.complete:
        covered = {role.value for role in roster.covers}
        leavers |= {key for key, user in current.users.items() if user.role in covered and key not in people}
    return leavers - set(people)


def _desired_users(
    people: Mapping[str, Person], policy: Policy, today: date, current: State
) -> dict[str, User]:
    usernames = _usernames(people, policy, today, current)
    return {
        key: _user(person, usernames[key], policy, today, current.users.get(key))
        for key, person in people.items()
    }


def _usernames(people: Mapping[str, Person], policy: Policy, today: date, current: State) -> dict[str, str]:
    """Existing accounts keep their usernames; new ones are assigned in the order of source ids."""
    usernames = {key: current.users[key].username for key in people if key in current.users}
    unavailable = (
        {user.username.casefold() for user in current.users.values()}
        | current.taken_usernames
        | policy.reserved
    )
    for key in sorted(set(people) - set(usernames)):
        person = people[key]
        if policy.roster_usernames and person.username:
            candidates = names.roster_candidates(person, limit=policy.username_max)
        else:
            template = policy.usernames[person.role]
            candidates = names.candidates(person, template, today=today, limit=policy.username_max)
        usernames[key] = names.first_free(candidates, unavailable)
        unavailable.add(usernames[key].casefold())
    return usernames


def _user(person: Person, username: str, policy: Policy, today: date, existing: User | None) -> User:
    # An enabled account stays enabled although a new contract begins later.
    enabled = person.starts is None or person.starts <= today or (existing is not None and existing.enabled)
    return User(
        source_id=person.source_id,
        username=username,
        unit=places.unit_of(policy, person),
        given_name=names.clip(names.clean(person.given_name), _LONGEST_NAME),
        family_name=names.clip(names.clean(person.family_name), _LONGEST_NAME),
        display_name=names.display_name(person.given_name, person.family_name),
        role=person.role.value,
        enabled=enabled,
        expires=_expires(person, existing),
        attributes=_attributes(person, username, policy, existing),
        dn=existing.dn if existing else "",
    )


def _expires(person: Person, existing: User | None) -> date | None:
    if person.role.value in _TEMPORARY:
        return person.ends
    # An expiry date that was set by hand on a pupil's account stays; that of a former guest goes.
    return existing.expires if existing is not None and existing.role not in _TEMPORARY else None


def _attributes(person: Person, username: str, policy: Policy, existing: User | None) -> dict[str, str]:
    """The policy's values over the existing ones. An empty value clears: only a year that ended."""
    existing_attributes = dict(existing.attributes) if existing else {}
    attributes = {**existing_attributes, **places.attributes_of(policy, person, username)}
    if existing_attributes.get("year") and not person.year:
        attributes["year"] = ""
    return attributes


def _disabled_leaver(user: User, policy: Policy, today: date) -> User:
    return replace(user, enabled=False, unit=places.leavers_unit(policy), left_on=user.left_on or today)


def _with_common_names(users: Mapping[str, User], current: State, *, changed: set[str]) -> dict[str, User]:
    """The users with their common names; users that are not in `changed` keep theirs."""
    placements = {key: (user.unit, user.display_name) for key, user in users.items() if key in changed}
    common_names = names.common_names(placements, current.users)
    return {key: replace(user, cn=common_names.get(key, user.cn)) for key, user in users.items()}


def _with_parents(units: Iterable[Unit]) -> frozenset[Unit]:
    return frozenset(unit[:depth] for unit in set(units) for depth in range(1, len(unit) + 1))
