# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Local administrators: what is wanted of each account, and which steps lead there. Pure functions."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from typing import Any, Dict, Iterable, List, Mapping, NamedTuple, Optional, Sequence, Tuple

GONE = "1"  # the day since 1970 on which an account that lost its access expired
LOCKED = "!"
FIRST_PERSON = 1000


class Found(NamedTuple):
    """A local account as it is."""

    uid: int
    comment: str
    home: str
    shell: str
    password: str
    expires: str
    member: bool
    keys: Tuple[str, ...]


class Wanted(NamedTuple):
    """An administrator as listed. What is None is left as it is."""

    name: str
    keys: Optional[Tuple[str, ...]]
    password: Optional[str]
    comment: Optional[str]
    shell: str


class Step(NamedTuple):
    """A command with what it reads on stdin (a line), or with `keys` the key file of the account."""

    command: List[str]
    stdin: str = ""
    keys: Optional[Tuple[str, ...]] = None


def rows(text: str) -> Dict[str, List[str]]:
    """passwd, shadow or group by name."""
    return {line.split(":")[0]: line.split(":") for line in text.splitlines() if ":" in line}


def members(group: str, name: str) -> List[str]:
    """Who is listed in a group."""
    row = rows(group).get(name, ["", "", "", ""])
    return [member for member in row[3].split(",") if member]


def at_home(group: str, name: str, passwd: str) -> List[str]:
    """Whose first group it is; from there nobody can be removed."""
    row = rows(group).get(name)
    return [account for account, fields in rows(passwd).items() if row and fields[3] == row[2]]


def key_parts(line: str) -> Optional[Tuple[str, bytes]]:
    """(kind, the key) of a line of authorized_keys; None if it is none."""
    for kind, body in re.findall(r"(?:^|\s)([a-z][a-z0-9@.-]+) ([A-Za-z0-9+/]+={0,2})(?=\s|$)", line):
        try:
            blob = base64.b64decode(body, validate=True)
        except (binascii.Error, ValueError):
            continue
        if blob[4 : 4 + len(kind)] == kind.encode() and int.from_bytes(blob[:4], "big") == len(kind):
            return kind, blob
    return None


def fingerprint(line: str) -> str:
    """As ssh-keygen prints it; the comment of a key is often somebody's name."""
    parts = key_parts(line)
    if parts is None:
        return "(no key)"
    return "SHA256:" + base64.b64encode(hashlib.sha256(parts[1]).digest()).decode().rstrip("=")


def faults(wanted: Sequence[Wanted], absent: Sequence[str]) -> List[str]:
    """What can not be right, whatever the host has."""
    names = [one.name for one in wanted]
    odd = [name for name in [*names, *absent] if not re.fullmatch(r"[a-z_][a-z0-9_-]{0,31}", name)]
    told = ["%s is no name for an account" % name for name in odd]
    told += ["%s is listed twice" % name for name in sorted({n for n in names if names.count(n) > 1})]
    told += ["%s is an administrator and absent" % name for name in sorted(set(names) & set(absent))]
    owners: Dict[str, str] = {}
    for one in wanted:
        for key in one.keys or ():
            told += _key_faults(one.name, key, owners)
        if one.password is not None and not re.fullmatch(r"\$[A-Za-z0-9]+\$[^\s:]+", one.password):
            told.append("the password of %s is no hash: make one with mkpasswd" % one.name)
        if one.comment is not None and re.search(r"[:\n]", one.comment):
            told.append("the full name of %s has a colon or a new line in it" % one.name)
    return told


def _key_faults(name: str, key: str, owners: Dict[str, str]) -> List[str]:
    parts = key_parts(key)
    if parts is None or "\n" in key or key.startswith("#"):
        return ["a key of %s is no public key of ssh" % name]
    owner = owners.setdefault(fingerprint(key), name)
    if owner != name:
        return ["%s and %s have the same key; each administrator has one of their own" % (owner, name)]
    return []


def refusals(
    wanted: Sequence[Wanted],
    absent: Sequence[str],
    found: Mapping[str, Optional[Found]],
    password_needed: bool,
) -> List[str]:
    """What this host speaks against."""
    told = []
    for one in wanted:
        now = found[one.name]
        if now and now.uid < FIRST_PERSON:
            told.append("%s is an account of the system here" % one.name)
        password = one.password or (now.password.lstrip("!") if now else "")
        if password_needed and not password.startswith("$"):
            told.append(
                "sudo will ask %s for a password, and there is none: give a hash, or set"
                " baseline_accounts_sudo_password to false" % one.name
            )
        if not password.startswith("$") and not (now.keys if one.keys is None and now else one.keys):
            told.append("%s has neither a key nor a password, and could not log in" % one.name)
    for name in absent:
        now = found[name]
        if now and now.uid < FIRST_PERSON:
            told.append("%s is an account of the system, and can not be absent" % name)
    return told


def to_be(one: Wanted, now: Optional[Found]) -> Found:
    """The account as it shall be."""
    back = now is not None and now.expires == GONE
    kept = (now.password[1:] if back and now.password.startswith("!$") else now.password) if now else LOCKED
    return Found(
        uid=now.uid if now else -1,
        comment=one.comment if one.comment is not None else (now.comment if now else ""),
        home=now.home if now else "/home/" + one.name,
        shell=one.shell,
        password=one.password or kept,
        expires="" if back or now is None else now.expires,
        member=True,
        keys=one.keys if one.keys is not None else (now.keys if now else ()),
    )


def without_access(now: Found) -> Found:
    """The same account when it can no longer log in, nor become root."""
    password = now.password if now.password.startswith(("!", "*")) else "!" + now.password
    return now._replace(password=password, expires=GONE, member=False, keys=())


def steps(name: str, now: Optional[Found], then: Found, group: str) -> List[Step]:
    """What leads from one to the other."""
    found = []
    if now is None:
        found.append(Step(["useradd", "-m", "-s", then.shell, "-c", then.comment, name]))
        now = then._replace(password=LOCKED, member=False, keys=())
    if (now.shell, now.comment) != (then.shell, then.comment):
        found.append(Step(["usermod", "-s", then.shell, "-c", then.comment, name]))
    if now.password != then.password:
        found.append(Step(["chpasswd", "-e"], stdin="%s:%s" % (name, then.password)))
    if now.expires != then.expires:
        found.append(Step(["usermod", "-e", "1970-01-02" if then.expires == GONE else "", name]))
    if now.member != then.member:
        found.append(Step(["gpasswd", "-a" if then.member else "-d", name, group]))
    if now.keys != then.keys:
        found.append(Step([], keys=then.keys))
    return found


def words(now: Optional[Found], other: Optional[Found] = None) -> str:
    """An account in lines for a difference. `other` is what it is compared with: secrets are never shown."""
    if now is None:
        return ""
    lines = ["may become root" if now.member else "may not become root"]
    lines += ["may log in" if now.expires != GONE else "can not log in"]
    lines += ["shell %s" % now.shell, "password: %s" % _password(now.password)]
    if (
        other is not None
        and other.password != now.password
        and _password(other.password) == _password(now.password)
    ):
        lines[-1] += " (not the one of the other side)"
    if other is not None and other.comment != now.comment:
        lines.append("full name: one of its own, not shown" if now.comment else "full name: none")
    return "".join(line + "\n" for line in [*lines, *("key %s" % fingerprint(key) for key in now.keys)])


def _password(text: str) -> str:
    if text.startswith("$"):
        return "set"
    return "locked" if text.startswith("!$") else "none"


def told(name: str, now: Optional[Found], then: Found) -> Dict[str, str]:
    """The change of one account in plain words, for plan and report."""
    keys = "1 key" if len(then.keys) == 1 else "%d keys" % len(then.keys)
    if then.expires == GONE:
        action, what = "lock", "can not log in any more, nor become root; its keys are taken away"
    else:
        action = "add" if now is None else "change"
        password = "a password" if then.password.startswith("$") else "no password"
        what = "may log in and become root; %s, %s" % (keys, password)
    return {"kind": "administrator", "id": name, "action": action, "group": "administrators", "what": what}


def strangers(found: Iterable[str], known: Iterable[str]) -> List[str]:
    """Who may become root without being listed."""
    return sorted(set(found) - set(known) - {"root"})


def uid_zero(passwd: str) -> List[str]:
    """Accounts that are root by another name."""
    return sorted(name for name, fields in rows(passwd).items() if fields[2] == "0" and name != "root")


def needs_no_password(text: str, user: str, groups: Iterable[str]) -> bool:
    """Whether a file of sudoers lets this user become root without being asked."""
    names = "|".join(re.escape(name) for name in (user, *("%" + group for group in groups)))
    return re.search(r"^(%s)\s[^#\n]*NOPASSWD:\s*ALL\b" % names, text, re.MULTILINE) is not None


def load(given: Mapping[str, Any]) -> Wanted:
    keys = given.get("keys")
    return Wanted(
        name=given["name"],
        keys=tuple(key.strip() for key in keys) if keys is not None else None,
        password=given.get("password") or None,
        comment=given.get("comment"),
        shell=given.get("shell") or "/bin/bash",
    )
