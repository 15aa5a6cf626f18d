# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Settings of the OpenSSH server: their text, what came of them, and whom they would shut out. Pure functions."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from typing import Any, Dict, Iterable, List, Mapping, NamedTuple, Sequence

Effective = Dict[str, List[str]]
#: What sshd calls by two names in its answers.
SAME = {"prohibit-password": "without-password"}


class Login(NamedTuple):
    """Who came by ssh, from where, and how: `publickey`, `password` or `keyboard-interactive/pam`."""

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
    """What can not stand in a file of settings for everybody."""
    found = []
    for name, value in settings.items():
        if not re.fullmatch(r"[A-Za-z][A-Za-z0-9]*", name):
            found.append("%s is no keyword of sshd_config" % name)
        elif name.lower() in ("match", "include"):
            found.append(
                "%s would change what the settings after it mean; use a file of your own for it" % name
            )
        text = value_text(value)
        if not text.strip() or "\n" in text:
            found.append("%s has no value, or one of several lines" % name)
    return found


def render(settings: Mapping[str, Any], head: str) -> str:
    lines = ["%s %s\n" % (name, value_text(value)) for name, value in settings.items()]
    return "".join("# %s\n" % line for line in head.splitlines()) + "".join(lines)


def effective(text: str) -> Effective:
    """What `sshd -T` says: keyword in lower case, and each of its values."""
    found: Effective = {}
    for line in text.splitlines():
        name, _space, value = line.strip().partition(" ")
        found.setdefault(name.lower(), []).extend(value.split())
    return found


def _plain(words: Iterable[str]) -> List[str]:
    return [SAME.get(word.strip('"'), word.strip('"')).lower() for word in words]


def overruled(settings: Mapping[str, Any], found: Effective) -> List[str]:
    """Settings that come out as something else, since a file before ours, or none but sshd itself, says so."""
    told = []
    for name, value in settings.items():
        wanted = value_text(value).split()
        got = found.get(name.lower())
        if got is not None and _plain(got) != _plain(wanted) and not _modifies(wanted):
            told.append("%s comes out as %s, not %s" % (name, " ".join(got), " ".join(wanted)))
    return told


def _modifies(wanted: Sequence[str]) -> bool:
    """Lists such as `-hmac-sha1` or `^aes256-ctr`, and times such as 2m, come out in other words."""
    return wanted[0][0] in "+-^" or re.fullmatch(r"(\d+[smhdw])+", wanted[0]) is not None


def _matches(patterns: Iterable[str], name: str, client: str = "") -> bool:
    for pattern in patterns:
        who, _at, host = pattern.partition("@")
        if fnmatchcase(name, who) and (not host or fnmatchcase(client, host)):
            return True
    return False


def shut_out(found: Effective, login: Login) -> str:
    """Why this login would be refused from now on; empty if it would not."""
    for reason in (_by_name(found, login), _by_method(found, login)):
        if reason:
            return reason
    return ""


def _by_name(found: Effective, login: Login) -> str:
    if _matches(found.get("denyusers", []), login.user, login.client):
        return "DenyUsers names %s" % login.user
    allowed = found.get("allowusers", [])
    if allowed and not _matches(allowed, login.user, login.client):
        return "AllowUsers (%s) leaves out %s" % (" ".join(allowed), login.user)
    if any(_matches(found.get("denygroups", []), group) for group in login.groups):
        return "DenyGroups has a group of %s" % login.user
    allowed = found.get("allowgroups", [])
    if allowed and not any(_matches(allowed, group) for group in login.groups):
        return "AllowGroups (%s) has no group of %s (%s)" % (
            " ".join(allowed),
            login.user,
            " ".join(login.groups) or "none",
        )
    return ""


def _by_method(found: Effective, login: Login) -> str:
    root = found.get("permitrootlogin", ["yes"])[0]
    if login.user == "root" and (root not in ("yes", "without-password", "prohibit-password")):
        return "PermitRootLogin %s shuts out root" % root
    if login.user == "root" and root != "yes" and login.by != "publickey":
        return "PermitRootLogin %s wants a key of root" % root
    if not _allowed(found, login.by):
        return "%s came by %s, which is switched off" % (login.user, login.by)
    methods = found.get("authenticationmethods", ["any"])
    family = login.by.partition("/")[0]
    if methods != ["any"] and not any(m.partition(":")[0] == family for m in methods):
        return "AuthenticationMethods asks for more than %s" % login.by
    return ""


def _allowed(found: Effective, by: str) -> bool:
    def on(name: str) -> bool:
        return found.get(name, ["yes"])[0] == "yes"

    if by == "publickey":
        return on("pubkeyauthentication")
    if by == "password":
        return on("passwordauthentication") or on("kbdinteractiveauthentication")
    return on("kbdinteractiveauthentication") or on("passwordauthentication")
