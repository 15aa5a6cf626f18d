"""Whether success and failure are logged, and whether audit rules are sound."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from plugins.module_utils.security.audit_rules import faults, keys
from plugins.module_utils.security.logging import Logging, checks, findings, gaps

SUDO = """\
Syslog facility if syslog is being used for logging: authpriv
Log when a command is allowed by sudoers
Log when a command is denied by sudoers
"""
GOOD = Logging(
    persistent=True,
    journal="[Journal]\n#Storage=auto\n#MaxLevelStore=debug\n",
    sshd="port 22\nloglevel INFO\n",
    sudo=SUDO,
    pam="auth [success=1 default=ignore] pam_unix.so nullok\n",
    policy="journal",
)


@pytest.mark.parametrize(
    ("change", "subject", "word"),
    [
        ({"sshd": "loglevel QUIET\n"}, "logons", "LogLevel is QUIET"),
        ({"sshd": "loglevel error\n"}, "logons", "LogLevel is error"),
        ({"pam": "auth required pam_unix.so nullok quiet\n"}, "logons", "quiet"),
        ({"sudo": SUDO.replace("allowed", "x")}, "uses of privilege", "logs no success"),
        ({"sudo": SUDO.replace("denied", "x")}, "uses of privilege", "logs no failure"),
        ({"sudo": SUDO.replace("Syslog facility", "x")}, "uses of privilege", "into the journal"),
        ({"persistent": False}, "all of it", "lost at each start"),
        ({"journal": "Storage=none\n"}, "all of it", "keeps nothing"),
        ({"journal": "MaxLevelStore=warning\n"}, "all of it", "MaxLevelStore"),
        ({"policy": "auditd"}, "all of it", "audit is off"),
    ],
)
def test_what_is_not_logged_is_reported(change: dict[str, Any], subject: str, word: str) -> None:
    result = gaps(replace(GOOD, **change))
    assert {name for name, outcome in result.items() if outcome} == {subject}
    assert word in result[subject][0]
    (row,) = findings("srv1", result)
    ci = "srv1: the log" if subject == "all of it" else f"srv1: log of {subject}"
    assert (row["kind"], row["severity"], row["ci"]) == ("log-missing", "warning", ci)
    said_no = [check["name"] for check in checks(result) if not check["ok"]]
    assert len(said_no) == (3 if subject == "all of it" else 1)


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"sshd": "", "sudo": ""},
        {"sshd": "loglevel VERBOSE\n"},
        {"pam": "# auth required pam_unix.so quiet\nsession required pam_x.so quiet\n"},
        {"journal": "MaxLevelStore=notice\n[Journal]\nMaxLevelStore=info\n"},
        {"policy": "none"},
    ],
)
def test_what_is_logged_is_no_finding(change: dict[str, Any]) -> None:
    result = gaps(replace(GOOD, **change))
    assert findings("srv1", result) == []
    assert all(check["ok"] for check in checks(result))


AUDIT = replace(GOOD, policy="auditd", auditd="enabled 1\nfailure 1\npid 9\n", keys=("identity", "logins"))


@pytest.mark.parametrize(
    ("loaded", "expected"),
    [
        ("-w /etc/passwd -p wa -k identity\n-a always,exit -F arch=b64 -S execve -F key=logins\n", []),
        (
            "-w /etc/passwd -p wa -k identity\n-w /x -p wa -k logins2\n",
            ["audit rules are not loaded: logins"],
        ),
        ("No rules\n", ["audit rules are not loaded: identity, logins"]),
    ],
)
def test_audit_rules_must_be_loaded(loaded: str, expected: list[str]) -> None:
    assert gaps(replace(AUDIT, loaded=loaded))["all of it"] == expected


@pytest.mark.parametrize(
    "line",
    [
        "", "# a comment", "-D", "-b 8192", "-f 1", "-e 2", "--backlog_wait_time 60000",
        "-w /etc/passwd -p wa -k identity",
        "-a always,exit -F arch=b64 -S adjtimex,settimeofday -k time",
        "-a always,exit -F arch=b32 -S execve -F euid=0 -F auid>=1000 -F auid!=unset -k power",
        "-a always,exit -F path=/usr/bin/su -F perm=x -F auid>=1000 -F auid!=unset -k power",
        "-a never,exclude -F msgtype=CWD -k quiet",
    ],
)  # fmt: skip
def test_a_sound_rule_is_taken(line: str) -> None:
    assert faults(line) == []


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ("-w etc/passwd -p wa -k identity", "a watch is"),
        ("-w /etc/passwd -p xyz -k identity", "a watch is"),
        ("-w /etc/passwd -p wa", "a watch is"),
        ("-a always -F path=/usr/bin/su -F perm=x -k p", "an action and a list"),
        ("-a always,exits -F path=/usr/bin/su -k p", "an action and a list"),
        ("-a always,exit -S execve -k p", "needs its arch before"),
        ("-a always,exit -F arch=b16 -S execve -k p", "arch is b32 or b64"),
        ("-a always,exit -F arch=b64 -S execve -F uid=>5 -k p", "uid=>5 is not a condition"),
        ("-a always,exit -F arch=b64 -S execve -F colour=red -k p", "is not a condition"),
        ("-a always,exit -F arch=b64 -S execve", "needs a key"),
        ("-a always,exit -F arch=b64 -Q x -k p", "-Q is not an option"),
        ("-a always,exit -F", "is not an audit rule"),
        ("rm -rf /", "is not an audit rule"),
    ],
)
def test_a_rule_that_is_none_is_reported_with_its_line(line: str, word: str) -> None:
    (fault,) = faults(f"-D\n{line}\n")
    assert fault.startswith("line 2: ")
    assert word in fault


def test_keys_are_reported_once_each() -> None:
    text = "# -k no\n-w /a -p wa -k one\n-w /b -p wa -k one\n-a always,exit -F arch=b64 -S x -F key=two\n"
    assert keys(text) == ("one", "two")
