# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What logons, uses of privilege and changes of accounts come to: counts, never the names of
people. Pure.
"""

from __future__ import annotations

import re
import struct
from collections import Counter
from typing import Callable, Dict, Iterable, List, Mapping, Optional

from ..findings import Finding, finding
from ..linux import FIRST_USER_UID
from .logins import ACCOUNT, LOGON, PRIVILEGE, Event

#: A success so soon after many failures from the same place may be a guess that came true
#: (seconds).
SOON = 3600
UidOf = Callable[[str], Optional[int]]


def counts(events: Iterable[Event]) -> Dict[str, Dict[str, Dict[str, int]]]:
    """How often, by area, outcome and service: `{"logon": {"success": {"ssh": 3}, "failure": {}},
    ...}`.
    """
    by_area: Dict[str, Dict[str, Dict[str, int]]] = {
        area: {"success": {}, "failure": {}} for area in (LOGON, PRIVILEGE, ACCOUNT)
    }
    for event in events:
        by_service = by_area[event.area]["success" if event.ok else "failure"]
        by_service[event.service] = by_service.get(event.service, 0) + 1
    return by_area


def sources(events: Iterable[Event]) -> Dict[str, int]:
    """Failed logons by the address that they came from, the most first; the console is `here`."""
    return dict(Counter(event.source or "here" for event in events if _failed(event)).most_common())


def account_label(account: str, uid: Optional[int]) -> str:
    """What a report calls an account: the system's own by name, people by a number that only this
    host resolves.
    """
    if account == "root" or (uid is not None and uid < FIRST_USER_UID):
        return "the account %s" % account
    return "the account with uid %d" % uid if uid is not None else ""


def findings(ci: str, events: List[Event], uid_of: UidOf, limit: int, days: int) -> List[Finding]:
    """Accounts and places with many failures, and successes that followed many."""
    return [
        *_accounts(ci, events, uid_of, limit, days),
        *_places(ci, events, limit, days),
        *_successes_after_failures(ci, events, uid_of, limit),
    ]


def _failed(event: Event) -> bool:
    return event.area == LOGON and not event.ok


def _accounts(ci: str, events: Iterable[Event], uid_of: UidOf, limit: int, days: int) -> List[Finding]:
    rows = []
    for account, count in Counter(event.account for event in events if _failed(event)).most_common():
        label = account_label(account, uid_of(account)) if account and count >= limit else ""
        if label:
            what = "Somebody failed to log in by %s %d times within %d days." % (label, count, days)
            rows.append(
                finding("logon-failures", "warning", "%s: %s" % (ci, label), what, "%d failed logons" % count,
                        "Ask whose it is; `getent passwd` on the computer shows a number's name.")
            )  # fmt: skip
    return rows


def _places(ci: str, events: Iterable[Event], limit: int, days: int) -> List[Finding]:
    """One finding for all places that guess, since on the Internet they are many."""
    guessing = [
        (source, count) for source, count in sources(events).items() if count >= limit and source != "here"
    ]
    if not guessing:
        return []
    what = "Failed logons came %d times or more within %d days from %s." % (
        limit,
        days,
        _addresses(len(guessing)),
    )
    evidence = ", ".join("%s %d times" % pair for pair in guessing[:5])
    do = "Let in only those who need it (the rule register), or find the computer."
    return [finding("logon-guessing", "warning", "%s: logon" % ci, what, evidence, do)]


def _successes_after_failures(ci: str, events: Iterable[Event], uid_of: UidOf, limit: int) -> List[Finding]:
    rows: Dict[str, Finding] = {}
    failed: Dict[str, List[float]] = {}
    for event in sorted(events, key=lambda entry: entry.at):
        if event.area != LOGON or not event.source:
            continue
        if not event.ok:
            failed.setdefault(event.source, []).append(event.at)
            continue
        lately = [at for at in failed.get(event.source, []) if event.at - at <= SOON]
        if len(lately) >= limit:
            label = account_label(event.account, uid_of(event.account)) or "an account"
            what = "After %d failed logons from %s one succeeded." % (len(lately), event.source)
            do = "Ask whose logon it was; until then lock the account."
            evidence = "%s, by %s" % (label, event.service)
            rows[event.source] = finding(
                "logon-after-failures", "exception", "%s: %s" % (ci, event.source), what, evidence, do
            )
            failed[event.source] = []
    return list(rows.values())


def _addresses(count: int) -> str:
    return "one address" if count == 1 else "%d addresses" % count


def sentence(logon_counts: Mapping[str, Mapping[str, Mapping[str, int]]], days: int) -> str:
    """One line for the report."""
    parts = []
    for area, word in ((LOGON, "logons"), (PRIVILEGE, "uses of privilege"), (ACCOUNT, "changes of accounts")):
        succeeded, failed = (sum(logon_counts[area][outcome].values()) for outcome in ("success", "failure"))
        parts.append("%d %s and %d that failed" % (succeeded, word, failed))
    return "Within %d days: %s." % (days, ", ".join(parts))


def locked_out(tallies: Iterable[bytes], settings: str, now: float) -> int:
    """How many accounts pam_faillock keeps out at this moment; a tally is 64 bytes for each
    failure.
    """
    deny, pause = (_number(settings, name, usual) for name, usual in (("deny", 3), ("unlock_time", 600)))
    count = 0
    for tally in tallies:
        rows = [struct.unpack("=52sHHQ", tally[at : at + 64]) for at in range(0, len(tally) - 63, 64)]
        moments = [row[3] for row in rows if row[2] & 1]  # others were forgiven
        count += len(moments) >= deny and (not pause or max(moments) + pause > now)
    return count


def _number(settings: str, name: str, usual: int) -> int:
    values = re.findall(r"(?m)^\s*%s\s*=\s*(\d+|never)" % name, settings)
    return int(values[-1].replace("never", "0")) if values else usual
