"""The positions that people have, and the powers that these give."""

from __future__ import annotations

from enum import StrEnum


class Role(StrEnum):
    """A person's position as FITS OM section 7 names them; it decides their powers (people/powers.py)."""

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
