# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Settings of the OpenSSH server: their text, their effect, and whom they would shut out.

Pure functions.
"""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from typing import Any, Dict, Iterable, List, Mapping, NamedTuple, Sequence

Effective = Dict[str, List[str]]
#: What sshd calls by two names in its answers.
SYNONYMS = {"prohibit-password": "without-password"}


class Login(NamedTuple):
    """Who logged in by ssh, from where, and how: `publickey`, `password` or
    `keyboard-interactive/pam`.
    """

    user: str
    groups: Sequence[str]
    client: str
    by: str


def value_text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (list, tuple)):
        return " ".join(str(item) for item in value)
    return str(value)


def faults(settings: Mapping[str, Any]) -> List[str]:
    """What cannot be in a file of settings for everybody."""
    problems = []
    for name, value in settings.items():
        if not re.fullmatch(r"[A-Za-z][A-Za-z0-9]*", name):
            problems.append("%s is not a keyword of sshd_config" % name)
        elif name.lower() in ("match", "include"):
            problems.append(
                "%s would change what the settings after it mean; use a file of your own for it" % name
            )
        text = value_text(value)
        if not text.strip() or "\n" in text:
            problems.append("%s has no value, or one of several lines" % name)
    return problems


def render(settings: Mapping[str, Any], head: str) -> str:
    lines = ["%s %s\n" % (name, value_text(value)) for name, value in settings.items()]
    return "".join("# %s\n" % line for line in head.splitlines()) + "".join(lines)


def effective(text: str) -> Effective:
    """The answer of `sshd -T`: keyword in lower case, and each of its values."""
    settings: Effective = {}
    for line in text.splitlines():
        name, _space, value = line.strip().partition(" ")
        settings.setdefault(name.lower(), []).extend(value.split())
    return settings


def _plain(words: Iterable[str]) -> List[str]:
    return [SYNONYMS.get(word.strip('"'), word.strip('"')).lower() for word in words]


def overridden(settings: Mapping[str, Any], in_effect: Effective) -> List[str]:
    """Settings that come out as something else, since a file before ours, or none but sshd itself,
    says so.
    """
    problems = []
    for name, value in settings.items():
        expected = value_text(value).split()
        actual = in_effect.get(name.lower())
        if actual is not None and _plain(actual) != _plain(expected) and not _modifies(expected):
            problems.append("%s comes out as %s, not %s" % (name, " ".join(actual), " ".join(expected)))
    return problems


def _modifies(expected: Sequence[str]) -> bool:
    """Lists such as `-hmac-sha1` or `^aes256-ctr`, and times such as 2m, come out in other
    words.
    """
    return expected[0][0] in "+-^" or re.fullmatch(r"(\d+[smhdw])+", expected[0]) is not None


def _matches(patterns: Iterable[str], name: str, client: str = "") -> bool:
    for pattern in patterns:
        user, _at, host = pattern.partition("@")
        if fnmatchcase(name, user) and (not host or fnmatchcase(client, host)):
            return True
    return False


def shut_out(in_effect: Effective, login: Login) -> str:
    """Why this login would be refused from now on; empty if it would not."""
    for reason in (_by_name(in_effect, login), _by_method(in_effect, login)):
        if reason:
            return reason
    return ""


def _by_name(in_effect: Effective, login: Login) -> str:
    if _matches(in_effect.get("denyusers", []), login.user, login.client):
        return "DenyUsers names %s" % login.user
    allowed = in_effect.get("allowusers", [])
    if allowed and not _matches(allowed, login.user, login.client):
        return "AllowUsers (%s) leaves out %s" % (" ".join(allowed), login.user)
    if any(_matches(in_effect.get("denygroups", []), group) for group in login.groups):
        return "DenyGroups has a group of %s" % login.user
    allowed = in_effect.get("allowgroups", [])
    if allowed and not any(_matches(allowed, group) for group in login.groups):
        return "AllowGroups (%s) has no group of %s (%s)" % (
            " ".join(allowed),
            login.user,
            " ".join(login.groups) or "none",
        )
    return ""


def _by_method(in_effect: Effective, login: Login) -> str:
    root = in_effect.get("permitrootlogin", ["yes"])[0]
    if login.user == "root" and (root not in ("yes", "without-password", "prohibit-password")):
        return "PermitRootLogin %s shuts out root" % root
    if login.user == "root" and root != "yes" and login.by != "publickey":
        return "PermitRootLogin %s wants a key of root" % root
    if not _allowed(in_effect, login.by):
        return "%s logs in by %s, which is switched off" % (login.user, login.by)
    methods = in_effect.get("authenticationmethods", ["any"])
    family = login.by.partition("/")[0]
    if methods != ["any"] and not any(m.partition(":")[0] == family for m in methods):
        return "AuthenticationMethods asks for more than %s" % login.by
    return ""


def _allowed(in_effect: Effective, by: str) -> bool:
    def on(name: str) -> bool:
        return in_effect.get(name, ["yes"])[0] == "yes"

    if by == "publickey":
        return on("pubkeyauthentication")
    if by == "password":
        return on("passwordauthentication") or on("kbdinteractiveauthentication")
    return on("kbdinteractiveauthentication") or on("passwordauthentication")
