# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Logons, uses of privilege and changes of accounts, read from the lines of the log. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Dict, List, Optional, Pattern, Set, Tuple

LOGON, PRIVILEGE, ACCOUNT = "logon", "privilege", "account"
#: Lines of one program, or of two parts of PAM, so close together are about one event (seconds).
SAME_EVENT_SECONDS = 10
Patterns = Tuple[Pattern[str], Pattern[str]]

_SSH_FROM = r" from (?P<source>\S+) port (?P<port>\d+)"
# A name that somebody made up may hold " from 10.0.0.1 port 22" itself: the last one counts.
SSH_OK = re.compile(r"^Accepted \S+ for (?P<account>.*)" + _SSH_FROM)
SSH_FAILED = re.compile(r"^Failed \S+ for (?P<invalid>invalid user )?(?P<account>.*)" + _SSH_FROM)
SSH_LEFT = re.compile(
    r"^(?:Connection (?:closed|reset) by|Disconnected from) (?P<invalid>invalid|authenticating) user"
    r" (?P<account>.*) (?P<source>\S+) port (?P<port>\d+)"
)
PAM_FAILED = re.compile(
    r"^pam_(?P<by>\w+)\((?P<service>[^:)]+):(?:auth|chauthtok)\): authentication failure;.*?"
    r"rhost=(?P<source>\S*)(?:\s+user=(?P<account>.*))?$"
)
PAM_OK = re.compile(r"^pam_\w+\((?P<service>[^:)]+):auth\): authentication success;")
PAM_OPENED = re.compile(
    r"^pam_\w+\((?P<service>[^:)]+):session\): session opened for user (?P<account>\S+?)(?:\(|\s|$)"
)
#: They have lines of their own, or nobody logs in by them.
OTHERWISE = {
    "sshd", "sudo", "sudo-i", "su", "su-l", "cron", "crond", "atd", "systemd-user", "runuser", "runuser-l",
    "polkit-1", "gdm-launch-environment", "lightdm-greeter", "sddm-greeter",
}  # fmt: skip
SUDO_REFUSED = re.compile(
    r"^\s*(?P<account>\S+) : (?:\d+ incorrect password attempts?|user NOT in sudoers|user NOT authorized on host"
    r"|command not allowed|a password is required|account validation failure|account expired)"
)
SUDO_OK = re.compile(r"^\s*(?P<account>\S+) : .*\bCOMMAND=")
SU_REFUSED = re.compile(r"^FAILED SU \(to [^)]*\) (?P<account>\S+) on ")
SU_OK = re.compile(r"^\(to [^)]*\) (?P<account>\S+) on ")
ACCOUNT_TOOLS = {
    "useradd", "usermod", "userdel", "groupadd", "groupmod", "groupdel", "passwd", "chpasswd", "gpasswd", "chage",
    "newusers", "chsh", "chfn", "chgpasswd",
}  # fmt: skip
PASSWORD_CHANGED = re.compile(r"^pam_\w+\(\w+:chauthtok\): password changed for ")
ACCOUNT_FAILED = re.compile(r"^(?:failed |cannot |can't |.*: (?:Permission denied|Authentication failure))")


@dataclass(frozen=True)
class Event:
    """Somebody tried something; `account` stays on the host."""

    area: str
    ok: bool
    service: str
    at: float
    source: str = ""
    account: str = ""


class Reader:
    """Makes events of lines; a connection that ended without a word of ssh's is known by its
    address and port.
    """

    def __init__(self) -> None:
        self._events: List[Optional[Event]] = []
        self._reported: Set[Tuple[str, str]] = set()
        self._refused: Dict[Tuple[str, str], Tuple[int, str, float]] = {}
        self._tools: Dict[Tuple[str, str, bool], float] = {}

    @property
    def events(self) -> List[Event]:
        """What was found so far."""
        return [event for event in self._events if event]

    def line(self, identifier: str, process: str, message: str, at: float) -> None:
        """One line of the log."""
        if identifier.startswith("sshd"):
            self._ssh(message, at)
        elif identifier == "sudo":
            self._by_lines(message, at, "sudo", (SUDO_REFUSED, SUDO_OK))
        elif identifier in ("su", "su-l"):
            self._by_lines(message, at, "su", (SU_REFUSED, SU_OK))
        elif identifier in ACCOUNT_TOOLS:
            self._account(identifier, process, message, at)
        self._pam(process, message, at)

    def _ssh(self, message: str, at: float) -> None:
        for pattern, ok in ((SSH_OK, True), (SSH_FAILED, False), (SSH_LEFT, False)):
            match = pattern.match(message)
            if not match:
                continue
            link = (match["source"], match["port"])
            if pattern is SSH_LEFT and link in self._reported:
                self._reported.discard(link)
                return
            if pattern is SSH_FAILED:
                self._reported.add(link)
            self._events.append(Event(LOGON, ok, "ssh", at, match["source"], match["account"]))
            return

    def _by_lines(self, message: str, at: float, service: str, pair: Patterns) -> None:
        for pattern, ok in zip(pair, (False, True)):  # noqa: B905 - Python 3.9 knows no strict
            match = pattern.match(message)
            if match:
                if service == "sudo" or match["account"] != "root":  # root may be anybody without asking
                    self._events.append(Event(PRIVILEGE, ok, service, at, account=match["account"]))
                return

    def _account(self, tool: str, process: str, message: str, at: float) -> None:
        """One change for each call of a program, however many lines it writes."""
        failed = bool(ACCOUNT_FAILED.match(message))
        if failed or not message.startswith("pam_") or PASSWORD_CHANGED.match(message):
            key = (tool, process, not failed)
            if at - self._tools.get(key, at - SAME_EVENT_SECONDS - 1) > SAME_EVENT_SECONDS:
                self._events.append(Event(ACCOUNT, not failed, tool, at))
            self._tools[key] = at

    def _pam(self, process: str, message: str, at: float) -> None:
        """Every other service: the console, a desktop, mail, CUPS."""
        failed, succeeded, session = (
            PAM_FAILED.match(message),
            PAM_OK.match(message),
            PAM_OPENED.match(message),
        )
        match = failed or succeeded or session
        if not match or match["service"] in OTHERWISE:
            return
        service, key = match["service"], (process, match["service"])
        if failed and service in ACCOUNT_TOOLS:
            self._events.append(Event(ACCOUNT, False, service, at))
        elif failed:
            _index, by, before = self._refused.get(key, (0, failed["by"], 0.0))
            if (
                by == failed["by"] or at - before > SAME_EVENT_SECONDS
            ):  # else pam_sss reports again what pam_unix has reported
                self._refused[key] = (len(self._events), failed["by"], at)
                self._events.append(
                    Event(LOGON, False, service, at, failed["source"], failed["account"] or "")
                )
        elif succeeded and key in self._refused:
            self._events[self._refused.pop(key)[0]] = None  # pam_unix did not know the account, pam_sss did
        elif session:
            self._refused.pop(key, None)
            self._events.append(Event(LOGON, True, service, at, account=session["account"]))
