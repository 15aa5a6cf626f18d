"""Whether the people of a school are enough for every signature. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

from fitsom_runner import clock
from fitsom_runner.config import Config, Person
from fitsom_runner.roles import Power


@dataclass(frozen=True, kw_only=True)
class Gap:
    """What cannot be finished. is_needed: it stops every change of somebody, not only major ones."""

    words: str
    way_out: str
    is_needed: bool


def missing(config: Config) -> list[Gap]:
    """Every gap, for each person who may request changes: nobody signs what they have requested.

    A major change wants an approval to proceed, and a peer review by somebody else than its last approver.
    """
    today = clock.now().date()
    people = [p for p in config.people if p.has_access(today) and (p.os_user or config.acting_as_allowed)]
    gaps = []
    for requester in (p for p in config.people if p.may(Power.REQUEST)):
        others = [p for p in people if p.id != requester.id]
        major = f"a major change that {requester.name} requests cannot be finished"
        approvers = _with(others, Power.APPROVE_IMPLEMENT)
        if not approvers:
            waiting = _with([p for p in config.people if p.id != requester.id], Power.APPROVE_IMPLEMENT)
            gaps.append(
                Gap(
                    words=f"nobody can approve what {requester.name} requests",
                    way_out=f"Give {waiting[0].name} an os_user, the login on this machine."
                    if waiting
                    else "Add a person with the role head, and an os_user.",
                    is_needed=True,
                )
            )
            continue
        pairs = product(_with(others, Power.PEER_REVIEW), approvers)
        if not any(reviewer.id != approver.id for reviewer, approver in pairs):
            gaps.append(
                Gap(
                    words=f"{major}: nobody is left for its peer review",
                    way_out="Add a third person with the power peer_review, such as a supplier; minor changes need "
                    "none.",
                    is_needed=False,
                )
            )
        elif not _with(others, Power.APPROVE_PROCEED):
            gaps.append(
                Gap(
                    words=f"{major}: nobody may let it proceed",
                    way_out="Give somebody the power approve_proceed.",
                    is_needed=False,
                )
            )
    return gaps


def _with(people: list[Person], power: Power) -> list[Person]:
    return [person for person in people if person.may(power)]
