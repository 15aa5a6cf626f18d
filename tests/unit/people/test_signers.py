"""Whether every change of a school can be finished, whoever requests it."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from fitsom_runner.config import Config, Person
from fitsom_runner.people import signers
from fitsom_runner.roles import Power, Role
from tests.unit.people.cast import CAST, config

MANAGER = Person(id="may", name="May Manager", role=Role.NETWORK_MANAGER, os_user="may")
HEAD = Person(id="hal", name="Hal Head", role=Role.HEAD, os_user="hal")
TECHNICIAN = Person(id="tom", name="Tom Technician", role=Role.TECHNICIAN, os_user="tom")
SUPPLIER = Person(id="sue", name="Sue Supplier", role=Role.SUPPLIER, os_user="sue")


def of(folder: Path, *people: Person) -> Config:
    return config(folder, people=people)


def with_powers(person: Person, *more: Power) -> Person:
    """The same person, with further powers beside those of a head."""
    own = {Power.APPROVE_PROCEED, Power.APPROVE_IMPLEMENT, Power.REVIEW, *more}
    return person.model_copy(update={"powers": frozenset(own)})


def test_a_full_school_lacks_nobody(tmp_path: Path) -> None:
    assert signers.missing(of(tmp_path, *(identity.person for identity in CAST))) == []


@pytest.mark.parametrize(
    ("people", "words", "is_needed"),
    [
        ((MANAGER,), "nobody can approve what May Manager requests", True),
        ((MANAGER, HEAD.model_copy(update={"os_user": None})), "nobody can approve what May", True),
        ((MANAGER, HEAD.model_copy(update={"valid_until": date(2026, 1, 1)})), "nobody can approve", True),
        ((MANAGER, HEAD), "nobody is left for its peer review", False),
        # Two pairs of eyes: who approves at the end does not review as well.
        ((MANAGER, with_powers(HEAD, Power.PEER_REVIEW)), "nobody is left for its peer review", False),
    ],
    ids=["alone", "no login", "left", "two", "two, one with both"],
)
def test_a_gap_is_named_with_the_way_out(
    tmp_path: Path, people: tuple[Person, ...], words: str, is_needed: bool
) -> None:
    (gap,) = signers.missing(of(tmp_path, *people))
    assert words in gap.words
    assert gap.is_needed == is_needed
    assert gap.way_out


def test_a_third_person_is_enough_for_who_requests_most(tmp_path: Path) -> None:
    assert signers.missing(of(tmp_path, MANAGER, HEAD, SUPPLIER)) == []
    assert signers.missing(of(tmp_path, MANAGER, HEAD, TECHNICIAN)) == []
