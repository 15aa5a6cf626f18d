"""Who may do what, who lent what to whom, and who somebody is."""

from datetime import date
from pathlib import Path

import pytest

from fitsom_runner import caller
from fitsom_runner.audit.models import AuditEntry
from fitsom_runner.config import Config, Person
from fitsom_runner.errors import NotAllowedError, NotFoundError
from fitsom_runner.people import powers
from fitsom_runner.people.models import Delegation
from fitsom_runner.people.powers import Identity
from fitsom_runner.roles import Power, Role
from tests.unit.conftest import SetClock
from tests.unit.people.cast import CAST, HEAD, MANAGER, SUPPLIER, TECHNICIAN, Story, config, later

APPROVE = Power.APPROVE_IMPLEMENT
HELD = {
    Role.HEAD: {Power.APPROVE_PROCEED, Power.APPROVE_IMPLEMENT, Power.REVIEW},
    Role.NETWORK_MANAGER: set(Power) - {Power.APPROVE_IMPLEMENT},
    Role.TECHNICIAN: {Power.REQUEST, Power.PLAN, Power.PEER_REVIEW, Power.RUN},
    Role.SUPPLIER: {Power.PEER_REVIEW},
    Role.AUDITOR: set[Power](),
}


@pytest.mark.parametrize("identity", CAST, ids=lambda i: i.person.role)
@pytest.mark.parametrize("power", Power)
def test_a_role_has_its_powers_and_no_others(story: Story, identity: Identity, power: Power) -> None:
    if power in HELD[identity.person.role]:
        assert powers.authorise(story.config, identity, power) == ""
    else:
        with pytest.raises(NotAllowedError, match=f"{identity.person.name} .* may not"):
            powers.authorise(story.config, identity, power)


def test_powers_in_the_configuration_replace_those_of_the_role() -> None:
    person = HEAD.person.model_copy(update={"powers": frozenset({Power.RUN})})
    assert person.may(Power.RUN)
    assert not person.may(APPROVE)
    nobody = HEAD.person.model_copy(update={"powers": frozenset()})
    assert not any(nobody.may(power) for power in Power)


def test_a_refusal_names_those_who_can(story: Story) -> None:
    with pytest.raises(NotAllowedError) as error:
        powers.authorise(story.config, SUPPLIER, Power.APPROVE_PROCEED, excluded="boucher")
    assert error.value.hint == "those who can: Margaret Hale."


def test_a_lent_power_is_used_on_behalf_of_its_owner(story: Story) -> None:
    powers.delegate(story.config, HEAD, "higgins", APPROVE, days=7, reason="holiday")
    assert powers.authorise(story.config, TECHNICIAN, APPROVE) == "hale"
    with pytest.raises(NotAllowedError):
        powers.authorise(story.config, TECHNICIAN, Power.REVIEW)
    with pytest.raises(NotAllowedError):
        powers.authorise(story.config, SUPPLIER, APPROVE)


def test_a_lent_power_ends_by_itself(story: Story, set_clock: SetClock) -> None:
    powers.delegate(story.config, HEAD, "higgins", APPROVE, days=7, reason="holiday")
    set_clock(later(days=7, seconds=-1))
    assert powers.authorise(story.config, TECHNICIAN, APPROVE) == "hale"
    set_clock(later(days=7))
    with pytest.raises(NotAllowedError):
        powers.authorise(story.config, TECHNICIAN, APPROVE)


def test_a_lent_power_ends_when_it_is_revoked(story: Story) -> None:
    delegation = powers.delegate(story.config, HEAD, "higgins", APPROVE, days=7, reason="holiday")
    powers.revoke(HEAD, delegation.pk)
    with pytest.raises(NotAllowedError):
        powers.authorise(story.config, TECHNICIAN, APPROVE)
    with pytest.raises(NotFoundError):
        powers.revoke(HEAD, delegation.pk)


def test_only_its_giver_revokes_a_delegation(story: Story) -> None:
    delegation = powers.delegate(story.config, HEAD, "higgins", APPROVE, days=7, reason="holiday")
    for stranger in (TECHNICIAN, MANAGER):
        with pytest.raises(NotFoundError):
            powers.revoke(stranger, delegation.pk)
    assert powers.authorise(story.config, TECHNICIAN, APPROVE) == "hale"


def test_a_lent_power_is_not_lent_on(story: Story) -> None:
    powers.delegate(story.config, HEAD, "boucher", APPROVE, days=7, reason="holiday")
    with pytest.raises(NotAllowedError, match="does not hold 'approve_implement' and so cannot delegate"):
        powers.delegate(story.config, MANAGER, "higgins", APPROVE, days=7, reason="me too")
    assert Delegation.objects.count() == 1


def test_nobody_lends_to_themselves_or_to_strangers(story: Story) -> None:
    with pytest.raises(NotAllowedError, match="to oneself"):
        powers.delegate(story.config, HEAD, "hale", APPROVE, days=7, reason="why not")
    with pytest.raises(NotFoundError, match="no person 'stranger'"):
        powers.delegate(story.config, HEAD, "stranger", APPROVE, days=7, reason="why not")
    assert not Delegation.objects.exists()


def recast(story: Story, giver: Person | None) -> Config:
    """The configuration after the head has changed or left."""
    others = [i.person for i in CAST if i is not HEAD]
    return story.config.model_copy(update={"people": (*others, giver) if giver else tuple(others)})


@pytest.mark.parametrize(
    "giver",
    [
        None,
        HEAD.person.model_copy(update={"powers": frozenset({Power.REVIEW})}),
        HEAD.person.model_copy(update={"role": Role.TECHNICIAN}),
        HEAD.person.model_copy(update={"valid_until": date(2026, 11, 19)}),
    ],
    ids=["left", "powers taken", "role changed", "expired"],
)
def test_what_somebody_no_longer_has_is_no_longer_lent(story: Story, giver: Person | None) -> None:
    powers.delegate(story.config, HEAD, "higgins", APPROVE, days=7, reason="holiday")
    with pytest.raises(NotAllowedError):
        powers.authorise(recast(story, giver), TECHNICIAN, APPROVE)


def test_lending_and_taking_back_are_in_the_audit_log(story: Story) -> None:
    delegation = powers.delegate(story.config, HEAD, "higgins", APPROVE, days=7, reason="holiday")
    powers.revoke(HEAD, delegation.pk)
    entries = AuditEntry.objects.values_list("action", "actor", "subject")
    assert list(entries) == [
        ("delegation.given", "hale", "higgins"),
        ("delegation.revoked", "hale", str(delegation.pk)),
    ]


def test_the_os_user_says_who_somebody_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(caller, "name_of", lambda _uid: "boucher")
    assert powers.identify(config(tmp_path)) == MANAGER


def test_the_environment_does_not_say_who_somebody_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME", "SUDO_USER"):
        monkeypatch.setenv(name, "hale")
    with pytest.raises(NotAllowedError, match="nobody in the configuration has the OS user"):
        powers.identify(config(tmp_path))


def test_an_os_user_of_nobody_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(caller, "name_of", lambda _uid: "root")
    with pytest.raises(NotAllowedError, match="nobody in the configuration has the OS user 'root'"):
        powers.identify(config(tmp_path))


def test_acting_as_another_is_refused_unless_the_configuration_allows_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(caller, "name_of", lambda _uid: "boucher")
    with pytest.raises(NotAllowedError, match="--as is switched off"):
        powers.identify(config(tmp_path), "hale")
    with pytest.raises(NotAllowedError, match="--as is switched off"):
        powers.identify(config(tmp_path), "")


def test_where_it_is_allowed_the_log_still_holds_the_os_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(caller, "name_of", lambda _uid: "trainer")
    identity = powers.identify(config(tmp_path, acting_as_allowed=True), "hale")
    assert (identity.person, identity.actor.person, identity.actor.os_user) == (
        HEAD.person,
        "hale",
        "trainer",
    )
    with pytest.raises(NotFoundError, match="no person 'stranger'"):
        powers.identify(config(tmp_path, acting_as_allowed=True), "stranger")


@pytest.mark.parametrize(
    ("first", "last", "allowed"),
    [
        (None, date(2026, 11, 20), True),
        (None, date(2026, 11, 19), False),
        (date(2026, 11, 20), None, True),
        (date(2026, 11, 21), None, False),
        (date(2026, 11, 1), date(2026, 11, 30), True),
    ],
)
def test_access_is_limited_to_its_days(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    set_clock: SetClock,
    first: date | None,
    last: date | None,
    allowed: bool,
) -> None:
    set_clock(later())
    monkeypatch.setattr(caller, "name_of", lambda _uid: "dixon")
    person = SUPPLIER.person.model_copy(update={"valid_from": first, "valid_until": last})
    settings = config(tmp_path, people=(person,), acting_as_allowed=True)
    for acting_as in (None, "dixon"):
        if allowed:
            assert powers.identify(settings, acting_as).person == person
        else:
            with pytest.raises(NotAllowedError, match="not in force today"):
                powers.identify(settings, acting_as)


def scoped(identity: Identity, *groups: str) -> Identity:
    """The same person, for some groups only."""
    person = identity.person.model_copy(update={"groups": frozenset(groups)})
    return Identity(person=person, os_user=identity.os_user)


@pytest.mark.parametrize(
    ("hosts", "named"),
    [
        ({"srv1": ("pearfield", "servers")}, ""),
        ({"app-srv1": ("applebridge",)}, ""),
        ({"srv1": ("pearfield",), "srv2": ("quincewood", "servers")}, "srv2"),
        ({"srv1": ()}, "srv1"),
    ],
    ids=["their group", "their host", "one is another's", "in no group"],
)
def test_a_decision_stays_within_the_groups_of_who_makes_it(
    story: Story, hosts: dict[str, tuple[str, ...]], named: str
) -> None:
    head = scoped(HEAD, "pearfield", "app-srv1")
    powers.require_scope(story.config, HEAD, "", hosts)
    if not named:
        powers.require_scope(story.config, head, "", hosts)
        return
    with pytest.raises(NotAllowedError, match=f"decides on app-srv1, pearfield only.* {named}"):
        powers.require_scope(story.config, head, "", hosts)


def test_a_lent_power_reaches_no_further_than_its_giver(story: Story) -> None:
    people = tuple(
        person.model_copy(update={"groups": frozenset({"pearfield"})}) if person.id == "hale" else person
        for person in story.config.people
    )
    narrow = story.config.model_copy(update={"people": people})
    powers.require_scope(narrow, MANAGER, "", {"srv1": ("applebridge",)})
    with pytest.raises(NotAllowedError, match="Margaret Hale decides on pearfield only"):
        powers.require_scope(narrow, MANAGER, "hale", {"srv1": ("applebridge",)})
