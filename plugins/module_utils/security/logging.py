# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whether logons, uses of privilege and changes of accounts are logged, success and failure.

Pure.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Dict, List, Tuple

from ..findings import Finding, finding

QUIET_SSH = ("QUIET", "FATAL", "ERROR")
#: journald's levels that leave out what sshd logs at "info".
QUIET_STORE = {"emerg", "alert", "crit", "err", "warning", "notice", "0", "1", "2", "3", "4", "5"}


@dataclass(frozen=True)
class Logging:
    """The settings of a host's logging."""

    persistent: bool
    journal: str  # journald's settings, all files together
    sshd: str  # sshd -T; empty where there is none
    sudo: str  # sudo -V as root; empty where there is none
    pam: str  # all of /etc/pam.d
    policy: str  # journal, auditd or none
    auditd: str = ""  # auditctl -s
    loaded: str = ""  # auditctl -l
    keys: Tuple[str, ...] = ()  # of the audit rules that the policy needs


def setting(text: str, name: str) -> str:
    """The last value of `name=value`; later files win."""
    values = re.findall(r"(?mi)^\s*%s\s*=\s*(\S+)" % re.escape(name), text)
    return str(values[-1]).lower() if values else ""


def gaps(state: Logging) -> Dict[str, List[str]]:
    """What is missing, by what somebody would look for."""
    missing: Dict[str, List[str]] = {
        "logons": [],
        "uses of privilege": [],
        "changes of accounts": [],
        "all of it": [],
    }
    level = re.search(r"(?m)^loglevel (\S+)", state.sshd)
    if level and level[1].upper() in QUIET_SSH:
        missing["logons"].append("sshd's LogLevel is %s" % level[1])
    if re.search(r"(?m)^\s*[^#\n].*\bpam_unix\.so\b.*\bquiet\b", state.pam):
        missing["logons"].append("pam_unix is set to be quiet in /etc/pam.d")
    if state.sudo:
        for word, outcome in (("allowed", "success"), ("denied", "failure")):
            if "Log when a command is %s" % word not in state.sudo:
                missing["uses of privilege"].append("sudo logs no %s" % outcome)
        if "Syslog facility" not in state.sudo:
            missing["uses of privilege"].append("sudo does not write into the journal")
    if setting(state.journal, "MaxLevelStore") in QUIET_STORE:
        missing["all of it"].append("journald keeps no messages of level info (MaxLevelStore)")
    if setting(state.journal, "Storage") == "none":
        missing["all of it"].append("journald keeps nothing (Storage=none)")
    elif not state.persistent:
        missing["all of it"].append("the journal is lost at each start")
    if state.policy == "auditd":
        missing["all of it"] += _auditd(state)
    return missing


def _auditd(state: Logging) -> List[str]:
    if not re.search(r"(?m)^enabled [12]", state.auditd):
        return ["the kernel's audit is off"]
    missing = [
        key for key in state.keys if not re.search(r"(?:-k|key=) ?%s(?:\s|$)" % re.escape(key), state.loaded)
    ]
    return ["audit rules are not loaded: %s" % ", ".join(missing)] if missing else []


def findings(ci: str, missing: Dict[str, List[str]]) -> List[Finding]:
    """A warning for each kind of event that is not logged."""
    do = "Set firewall_rules_audit; sshd and the journal are set by the role baseline."
    return [
        finding("log-missing", "warning", _ci(ci, what), _sentence(what), "; ".join(details), do)
        for what, details in missing.items()
        if details
    ]


def checks(missing: Dict[str, List[str]]) -> List[Dict[str, Any]]:
    """The same for the report's list of checks."""
    common = missing["all of it"]
    return [
        {
            "name": "log of %s, success and failure" % what,
            "ok": not details + common,
            "detail": "; ".join(details + common),
        }
        for what, details in missing.items()
        if what != "all of it"
    ]


def _ci(ci: str, what: str) -> str:
    return "%s: the log" % ci if what == "all of it" else "%s: log of %s" % (ci, what)


def _sentence(what: str) -> str:
    subject = "everything that happened here" if what == "all of it" else "all %s" % what
    return "Not %s can be looked up afterwards." % subject
