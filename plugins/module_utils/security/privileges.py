# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Who has power over a host, and whether a school knows that. Pure.

What an account is called: the system's own (number below 1000) and those that
firewall_rules_privileged_known names appear by name, since neither is a pupil's. Any other may be a
person, and a report leaves the host: it appears by its number, which a technician resolves on the
host (`getent passwd 1001`). Accounts with uid 0 are root under whatever name, so they are named.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass, field
from typing import Any, Callable, Collection, Dict, Iterable, List, Mapping, Optional

from ..findings import Finding, finding
from ..linux import FIRST_USER_UID

#: Groups whose members are root, or may become it.
GROUPS = ("sudo", "wheel", "admin", "docker", "lxd", "incus-admin", "disk")
#: Groups that read what is confidential; system accounts are in them by their packages.
READING = ("adm", "shadow")


@dataclass(frozen=True)
class Account:
    """One line of passwd."""

    name: str
    uid: int
    gid: int


@dataclass
class Privilege:
    """What somebody may do; `holder` is an account, a %group, everybody, or a key's fingerprint."""

    holder: str
    ways: List[str] = field(default_factory=list)


def accounts(passwd: str) -> List[Account]:
    """The lines of passwd that are sound."""
    rows = (line.split(":") for line in passwd.splitlines())
    return [Account(row[0], int(row[2]), int(row[3])) for row in rows if len(row) == 7 and row[2].isdigit()]


def members(group: str, all_accounts: Iterable[Account]) -> Dict[str, List[str]]:
    """Account to the groups with power that it is in, as its first group or as a member."""
    groups_by_account: Dict[str, List[str]] = {}
    people = list(all_accounts)
    uids = {account.name: account.uid for account in people}
    for line in group.splitlines():
        row = line.split(":")
        if len(row) != 4 or row[0] not in (*GROUPS, *READING):
            continue
        inside = {name for name in row[3].split(",") if name}
        inside |= {account.name for account in people if str(account.gid) == row[2]}
        for name in sorted(inside - {"root"}):
            if row[0] in GROUPS or uids.get(name, FIRST_USER_UID) >= FIRST_USER_UID:
                groups_by_account.setdefault(name, []).append(row[0])
    return groups_by_account


def sudoers(rules: Mapping[str, Any]) -> List[Privilege]:
    """The answer of `cvtsudoers -e -f json`, by holder; root and the groups whose members are looked
    at left out.
    """
    by_holder: Dict[str, Privilege] = {}
    for spec in rules.get("User_Specs", []):
        ways = [way for commands in spec.get("Cmnd_Specs", []) for way in _ways(commands)]
        for user in spec.get("User_List", []):
            name = _name(user)
            if name == "root" or (name.lstrip("%") in GROUPS and not any("without" in way for way in ways)):
                continue
            power = by_holder.setdefault(name, Privilege(name))
            power.ways += [way for way in ways if way not in power.ways]
    return list(by_holder.values())


def _name(user: Mapping[str, Any]) -> str:
    if "usergroup" in user:
        return "%%%s" % user["usergroup"]
    if "userid" in user:
        return "#%s" % user["userid"]
    return str(user.get("username", next(iter(user.values()), "")))


def _ways(commands: Mapping[str, Any]) -> List[str]:
    free = any(option.get("authenticate") is False for option in commands.get("Options", []))
    every = any(command.get("command") == "ALL" for command in commands.get("Commands", []))
    what = "all commands" if every else "some commands"
    return ["sudo: %s%s" % (what, ", without a password" if free else "")]


def keys(authorized: str) -> List[str]:
    """Fingerprints of the keys that log in as root; comments, often people's names, are left
    out.
    """
    fingerprints = []
    for line in authorized.splitlines():
        for word in [] if line.lstrip().startswith("#") else line.split():
            if word.startswith("AAAA"):
                try:
                    digest = hashlib.sha256(base64.b64decode(word, validate=True)).digest()
                except ValueError:
                    continue
                fingerprints.append("SHA256:" + base64.b64encode(digest).decode().rstrip("="))
                break
    return fingerprints


def without_password(shadow: str) -> List[str]:
    """Accounts that anybody logs in to without one."""
    rows = (line.split(":") for line in shadow.splitlines())
    return [row[0] for row in rows if len(row) > 2 and row[0] and row[1] == ""]


def locked(shadow: str, all_accounts: Iterable[Account]) -> int:
    """How many people's accounts an administrator has locked."""
    people = {
        account.name for account in all_accounts if account.uid >= FIRST_USER_UID and account.name != "nobody"
    }
    rows = (line.split(":") for line in shadow.splitlines())
    return sum(1 for row in rows if len(row) > 2 and row[0] in people and row[1].startswith("!"))


class Names:
    """What accounts are called in a report; see above."""

    def __init__(self, uid_of: Callable[[str], Optional[int]], known: Collection[str]) -> None:
        self.uid_of = uid_of
        self.known = {"root", *known}

    def label(self, holder: str) -> str:
        """`the account backup`, `the account with uid 1001`, `the group teachers`."""
        if holder == "ALL":
            return "everybody"
        if holder.startswith("SHA256:"):
            return "the key %s" % holder
        if holder.startswith("%") and (
            holder in self.known or (self.uid_of(holder[1:]) or 0) < FIRST_USER_UID
        ):
            return "the group %s" % holder[1:]
        if holder.startswith("%"):  # a group of one, called like its person
            return "the group of %s" % self.label(holder[1:])
        uid = int(holder[1:]) if holder.startswith("#") and holder[1:].isdigit() else self.uid_of(holder)
        if holder in self.known or (uid is not None and uid < FIRST_USER_UID):
            return "the account %s" % holder
        return "an account that is not of this computer" if uid is None else "the account with uid %d" % uid


def privileges_of(passwd: str, group: str, rules: Mapping[str, Any], authorized: str) -> List[Privilege]:
    """Everybody who has privileges, except root itself."""
    people = accounts(passwd)
    by_holder = {
        name: Privilege(name, ["group %s" % row for row in rows])
        for name, rows in members(group, people).items()
    }
    for power in sudoers(rules):
        by_holder.setdefault(power.holder, Privilege(power.holder)).ways.extend(power.ways)
    by_holder.update({key: Privilege(key, ["logs in as root by ssh"]) for key in keys(authorized)})
    return [by_holder[holder] for holder in sorted(by_holder)]


def findings(ci: str, privileges: Iterable[Privilege], names: Names) -> List[Finding]:
    """A finding for each of them that the school does not know."""
    rows = []
    for power in privileges:
        if power.holder in names.known:
            continue
        label, everybody = names.label(power.holder), power.holder == "ALL"
        what = "%s%s has power over this computer and is not on the list." % (label[0].upper(), label[1:])
        do = "Take it away, or name it in firewall_rules_privileged_known."
        rows.append(
            finding("privilege-unknown", "exception" if everybody else "warning", "%s: %s" % (ci, label), what,
                    "; ".join(power.ways), do)
        )  # fmt: skip
    return rows


def account_findings(ci: str, passwd: str, shadow: str, names: Names) -> List[Finding]:
    """Other accounts that are root, and accounts without a password: always a finding, whatever is
    on the list.
    """
    rows = []
    for account in accounts(passwd):
        if account.uid == 0 and account.name != "root":
            what = "The account %s is root by another name." % account.name
            do = "Find out who made it; remove it."
            rows.append(
                finding(
                    "privilege-uid0",
                    "exception",
                    "%s: the account %s" % (ci, account.name),
                    what,
                    "uid 0",
                    do,
                )
            )
    for name in without_password(shadow):
        label = names.label(name)
        what = "Anybody can log in to %s: it has no password." % label
        do = "Lock it (`usermod --lock`), or set a password."
        rows.append(
            finding(
                "privilege-no-password", "exception", "%s: %s" % (ci, label), what, "empty in /etc/shadow", do
            )
        )
    return rows
