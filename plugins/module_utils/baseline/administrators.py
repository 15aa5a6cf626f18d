# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Local administrators: the desired state of each account, and the steps that lead to it.

Pure functions.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from typing import Any, Dict, Iterable, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from ..linux import FIRST_USER_UID

EXPIRED = "1"  # the day since 1970 on which an account that lost its access expired
LOCKED = "!"


class ExistingAccount(NamedTuple):
    """A local account as it is."""

    uid: int
    comment: str
    home: str
    shell: str
    password: str
    expires: str
    member: bool
    keys: Tuple[str, ...]


class DesiredAccount(NamedTuple):
    """An administrator as listed. What is None is left as it is."""

    name: str
    keys: Optional[Tuple[str, ...]]
    password: Optional[str]
    comment: Optional[str]
    shell: str


class Step(NamedTuple):
    """A command with what it reads on stdin (a line), or with `keys` the key file of the
    account.
    """

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


def primary_members(group: str, name: str, passwd: str) -> List[str]:
    """Accounts whose primary group it is; they cannot be removed from it."""
    row = rows(group).get(name)
    return [account for account, fields in rows(passwd).items() if row and fields[3] == row[2]]


def key_parts(line: str) -> Optional[Tuple[str, bytes]]:
    """(kind, the key) of a line of authorized_keys; None if it is not a key."""
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


def faults(desired: Sequence[DesiredAccount], absent: Sequence[str]) -> List[str]:
    """What cannot be right, whatever the host has."""
    names = [account.name for account in desired]
    invalid = [name for name in [*names, *absent] if not re.fullmatch(r"[a-z_][a-z0-9_-]{0,31}", name)]
    problems = ["%s cannot be the name of an account" % name for name in invalid]
    problems += ["%s is listed twice" % name for name in sorted({n for n in names if names.count(n) > 1})]
    problems += ["%s is an administrator and absent" % name for name in sorted(set(names) & set(absent))]
    owners: Dict[str, str] = {}
    for account in desired:
        for key in account.keys or ():
            problems += _key_faults(account.name, key, owners)
        if account.password is not None and not re.fullmatch(r"\$[A-Za-z0-9]+\$[^\s:]+", account.password):
            problems.append("the password of %s is not a hash: make one with mkpasswd" % account.name)
        if account.comment is not None and re.search(r"[:\n]", account.comment):
            problems.append("the full name of %s has a colon or a new line in it" % account.name)
    return problems


def _key_faults(name: str, key: str, owners: Dict[str, str]) -> List[str]:
    parts = key_parts(key)
    if parts is None or "\n" in key or key.startswith("#"):
        return ["a key of %s is not a public key of ssh" % name]
    owner = owners.setdefault(fingerprint(key), name)
    if owner != name:
        return ["%s and %s have the same key; each administrator has one of their own" % (owner, name)]
    return []


def refusals(
    desired: Sequence[DesiredAccount],
    absent: Sequence[str],
    existing: Mapping[str, Optional[ExistingAccount]],
    password_needed: bool,
) -> List[str]:
    """Why this host cannot have these administrators."""
    problems = []
    for account in desired:
        current = existing[account.name]
        if current and current.uid < FIRST_USER_UID:
            problems.append("%s is an account of the system here" % account.name)
        password = account.password or (current.password.lstrip("!") if current else "")
        if password_needed and not password.startswith("$"):
            problems.append(
                "sudo will ask %s for a password, and there is none: give a hash, or set"
                " baseline_accounts_sudo_password to false" % account.name
            )
        if not password.startswith("$") and not (
            current.keys if account.keys is None and current else account.keys
        ):
            problems.append("%s has neither a key nor a password, and could not log in" % account.name)
    for name in absent:
        current = existing[name]
        if current and current.uid < FIRST_USER_UID:
            problems.append("%s is an account of the system, and cannot be absent" % name)
    return problems


def target_account(desired: DesiredAccount, existing: Optional[ExistingAccount]) -> ExistingAccount:
    """The account as it shall be."""
    returning = existing is not None and existing.expires == EXPIRED
    password = (
        (existing.password[1:] if returning and existing.password.startswith("!$") else existing.password)
        if existing
        else LOCKED
    )
    return ExistingAccount(
        uid=existing.uid if existing else -1,
        comment=desired.comment if desired.comment is not None else (existing.comment if existing else ""),
        home=existing.home if existing else "/home/" + desired.name,
        shell=desired.shell,
        password=desired.password or password,
        expires="" if returning or existing is None else existing.expires,
        member=True,
        keys=desired.keys if desired.keys is not None else (existing.keys if existing else ()),
    )


def without_access(existing: ExistingAccount) -> ExistingAccount:
    """The same account when it can no longer log in, nor become root."""
    password = existing.password if existing.password.startswith(("!", "*")) else "!" + existing.password
    return existing._replace(password=password, expires=EXPIRED, member=False, keys=())


def steps(name: str, existing: Optional[ExistingAccount], target: ExistingAccount, group: str) -> List[Step]:
    """What leads from one to the other."""
    needed = []
    if existing is None:
        needed.append(Step(["useradd", "-m", "-s", target.shell, "-c", target.comment, name]))
        existing = target._replace(password=LOCKED, member=False, keys=())
    if (existing.shell, existing.comment) != (target.shell, target.comment):
        needed.append(Step(["usermod", "-s", target.shell, "-c", target.comment, name]))
    if existing.password != target.password:
        needed.append(Step(["chpasswd", "-e"], stdin="%s:%s" % (name, target.password)))
    if existing.expires != target.expires:
        needed.append(Step(["usermod", "-e", "1970-01-02" if target.expires == EXPIRED else "", name]))
    if existing.member != target.member:
        needed.append(Step(["gpasswd", "-a" if target.member else "-d", name, group]))
    if existing.keys != target.keys:
        needed.append(Step([], keys=target.keys))
    return needed


def describe(account: Optional[ExistingAccount], compared: Optional[ExistingAccount] = None) -> str:
    """An account in lines for a difference.

    `compared` is what it is compared with: secrets are never shown.
    """
    if account is None:
        return ""
    lines = ["may become root" if account.member else "may not become root"]
    lines += ["may log in" if account.expires != EXPIRED else "cannot log in"]
    lines += ["shell %s" % account.shell, "password: %s" % _password(account.password)]
    if (
        compared is not None
        and compared.password != account.password
        and _password(compared.password) == _password(account.password)
    ):
        lines[-1] += " (not the one of the other side)"
    if compared is not None and compared.comment != account.comment:
        lines.append("full name: one of its own, not shown" if account.comment else "full name: none")
    return "".join(line + "\n" for line in [*lines, *("key %s" % fingerprint(key) for key in account.keys)])


def _password(text: str) -> str:
    if text.startswith("$"):
        return "set"
    return "locked" if text.startswith("!$") else "none"


def plan_entry(name: str, existing: Optional[ExistingAccount], target: ExistingAccount) -> Dict[str, str]:
    """The change of one account in plain words, for plan and report."""
    keys = "1 key" if len(target.keys) == 1 else "%d keys" % len(target.keys)
    if target.expires == EXPIRED:
        action, what = "lock", "cannot log in any more, nor become root; its keys are taken away"
    else:
        action = "add" if existing is None else "change"
        password = "a password" if target.password.startswith("$") else "no password"
        what = "may log in and become root; %s, %s" % (keys, password)
    return {"kind": "administrator", "id": name, "action": action, "group": "administrators", "what": what}


def unlisted(privileged: Iterable[str], listed: Iterable[str]) -> List[str]:
    """Who may become root without being listed."""
    return sorted(set(privileged) - set(listed) - {"root"})


def uid_zero(passwd: str) -> List[str]:
    """Accounts that are root by another name."""
    return sorted(name for name, fields in rows(passwd).items() if fields[2] == "0" and name != "root")


def needs_no_password(text: str, user: str, groups: Iterable[str]) -> bool:
    """Whether a file of sudoers lets this user become root without being asked."""
    names = "|".join(re.escape(name) for name in (user, *("%" + group for group in groups)))
    return re.search(r"^(%s)\s[^#\n]*NOPASSWD:\s*ALL\b" % names, text, re.MULTILINE) is not None


def desired_account(options: Mapping[str, Any]) -> DesiredAccount:
    keys = options.get("keys")
    return DesiredAccount(
        name=options["name"],
        keys=tuple(key.strip() for key in keys) if keys is not None else None,
        password=options.get("password") or None,
        comment=options.get("comment"),
        shell=options.get("shell") or "/bin/bash",
    )
