# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Findings: what was noticed about a host and somebody should know, in one form for all roles."""

from __future__ import annotations

import re
from typing import Dict

Finding = Dict[str, str]

#: ITIL's kinds of event, the worst last. An exception found by a run is noted as an incident.
SEVERITIES = ("informational", "warning", "exception")


def finding(kind: str, severity: str, ci: str, what: str, evidence: str = "", do: str = "") -> Finding:
    """One finding for the `fitsom` key of a module's result (docs/architecture.md).

    kind: a lasting slug, `backup-stale`; with `ci` it names the finding from one day to the next.
    ci: the configuration item: a host, a queue, `srv1: homes`.
    what: one sentence in plain English for a head teacher. evidence: the fact behind it. do: what
    to do next. Raises ValueError for an invalid severity or kind.
    """
    if severity not in SEVERITIES:
        raise ValueError("severity is one of %s, not %s" % (", ".join(SEVERITIES), severity))
    if not re.fullmatch(r"[a-z][a-z0-9-]*", kind):
        raise ValueError("kind is lower case words with hyphens, not %s" % kind)
    return {"kind": kind, "severity": severity, "ci": ci, "what": what, "evidence": evidence, "do": do}
