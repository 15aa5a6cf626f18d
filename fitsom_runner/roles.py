"""The positions that people have, and the powers that these give."""

from __future__ import annotations

from enum import StrEnum


class Role(StrEnum):
    """A person's position as FITS OM section 7 names them; it decides their powers (POWERS_OF_ROLE)."""

    HEAD = "head"
    NETWORK_MANAGER = "network_manager"
    TECHNICIAN = "technician"
    SUPPLIER = "supplier"
    AUDITOR = "auditor"


class Power(StrEnum):
    """One kind of action that a person may take on a change."""

    REQUEST = "request"
    PLAN = "plan"
    APPROVE_PROCEED = "approve_proceed"
    PEER_REVIEW = "peer_review"
    APPROVE_IMPLEMENT = "approve_implement"
    RUN = "run"
    REVIEW = "review"


# FITS: the final approver should be outside technical support, so only a school leader has it by position.
POWERS_OF_ROLE: dict[Role, frozenset[Power]] = {
    Role.HEAD: frozenset({Power.APPROVE_PROCEED, Power.APPROVE_IMPLEMENT, Power.REVIEW}),
    Role.NETWORK_MANAGER: frozenset(
        {Power.REQUEST, Power.PLAN, Power.APPROVE_PROCEED, Power.PEER_REVIEW, Power.RUN, Power.REVIEW}
    ),
    Role.TECHNICIAN: frozenset({Power.REQUEST, Power.PLAN, Power.PEER_REVIEW, Power.RUN}),
    Role.SUPPLIER: frozenset({Power.PEER_REVIEW}),
    Role.AUDITOR: frozenset(),
}
