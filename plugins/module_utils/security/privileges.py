# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Who has power over a host, and whether a school knows that. Pure.

What an account is called: the system's own (number below 1000) and those that firewall_rules_privileged_known names
appear by name, since neither is a pupil's. Any other may be a person, and a report leaves the host: it appears by its
number, which a technician resolves on the host (`getent passwd 1001`). Accounts with uid 0 are root under whatever
name, so they are named.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass, field
from typing import Any, Callable, Collection, Dict, Iterable, List, Mapping, Optional

from ..findings import Finding, finding

#: Groups whose members are root, or may become it.
GROUPS = ("sudo", "wheel", "admin", "docker", "lxd", "incus-admin", "disk")
#: Groups that read what is confidential; system accounts are in them by their packages.
READING = ("adm", "shadow")
PEOPLE = 1000


@dataclass(frozen=True)
class Account:
    """One line of passwd."""

    name: str
    uid: int
    gid: int


@dataclass
class Power:
    """What somebody may do; `who` is an account, a %group, everybody, or a key's fingerprint."""

    who: str
    ways: List[str] = field(default_factory=list)


def accounts(passwd: str) -> List[Account]:
    """The lines of passwd that are sound."""
    rows = (line.split(":") for line in passwd.splitlines())
    return [Account(row[0], int(row[2]), int(row[3])) for row in rows if len(row) == 7 and row[2].isdigit()]


def members(group: str, known: Iterable[Account]) -> Dict[str, List[str]]:
    """Account to the groups with power that it is in, as its first group or as a member."""
    found: Dict[str, List[str]] = {}
    people = list(known)
    uids = {one.name: one.uid for one in people}
    for line in group.splitlines():
        row = line.split(":")
        if len(row) != 4 or row[0] not in (*GROUPS, *READING):
            continue
        inside = {name for name in row[3].split(",") if name}
        inside |= {one.name for one in people if str(one.gid) == row[2]}
        for name in sorted(inside - {"root"}):
            if row[0] in GROUPS or uids.get(name, PEOPLE) >= PEOPLE:
                found.setdefault(name, []).append(row[0])
    return found


def sudoers(told: Mapping[str, Any]) -> List[Power]:
    """What `cvtsudoers -e -f json` says, by whom; root and the groups whose members are looked at left out."""
    found: Dict[str, Power] = {}
    for spec in told.get("User_Specs", []):
        ways = [way for commands in spec.get("Cmnd_Specs", []) for way in _ways(commands)]
        for user in spec.get("User_List", []):
            name = _name(user)
            if name == "root" or (name.lstrip("%") in GROUPS and not any("without" in way for way in ways)):
                continue
            power = found.setdefault(name, Power(name))
            power.ways += [way for way in ways if way not in power.ways]
    return list(found.values())


def _name(user: Mapping[str, Any]) -> str:
    if "usergroup" in user:
        return "%%%s" % user["usergroup"]
    if "userid" in user:
        return "#%s" % user["userid"]
    return str(user.get("username", next(iter(user.values()), "")))


def _ways(commands: Mapping[str, Any]) -> List[str]:
    free = any(option.get("authenticate") is False for option in commands.get("Options", []))
    every = any(one.get("command") == "ALL" for one in commands.get("Commands", []))
    what = "all commands" if every else "some commands"
    return ["sudo: %s%s" % (what, ", without a password" if free else "")]


def keys(authorized: str) -> List[str]:
    """Fingerprints of the keys that log in as root; comments, often people's names, are left out."""
    found = []
    for line in authorized.splitlines():
        for word in [] if line.lstrip().startswith("#") else line.split():
            if word.startswith("AAAA"):
                try:
                    digest = hashlib.sha256(base64.b64decode(word, validate=True)).digest()
                except ValueError:
                    continue
                found.append("SHA256:" + base64.b64encode(digest).decode().rstrip("="))
                break
    return found


def without_password(shadow: str) -> List[str]:
    """Accounts that anybody logs in to without one."""
    rows = (line.split(":") for line in shadow.splitlines())
    return [row[0] for row in rows if len(row) > 2 and row[0] and row[1] == ""]


def locked(shadow: str, known: Iterable[Account]) -> int:
    """How many people's accounts an administrator has locked."""
    people = {one.name for one in known if one.uid >= PEOPLE and one.name != "nobody"}
    rows = (line.split(":") for line in shadow.splitlines())
    return sum(1 for row in rows if len(row) > 2 and row[0] in people and row[1].startswith("!"))


class Names:
    """What accounts are called in a report; see above."""

    def __init__(self, uid_of: Callable[[str], Optional[int]], known: Collection[str]) -> None:
        self.uid_of = uid_of
        self.known = {"root", *known}

    def called(self, who: str) -> str:
        """`the account backup`, `the account with uid 1001`, `the group teachers`."""
        if who == "ALL":
            return "everybody"
        if who.startswith("SHA256:"):
            return "the key %s" % who
        if who.startswith("%") and (who in self.known or (self.uid_of(who[1:]) or 0) < PEOPLE):
            return "the group %s" % who[1:]
        if who.startswith("%"):  # a group of one, called like its person
            return "the group of %s" % self.called(who[1:])
        uid = int(who[1:]) if who.startswith("#") and who[1:].isdigit() else self.uid_of(who)
        if who in self.known or (uid is not None and uid < PEOPLE):
            return "the account %s" % who
        return "an account that is not of this computer" if uid is None else "the account with uid %d" % uid


def powers(passwd: str, group: str, told: Mapping[str, Any], authorized: str) -> List[Power]:
    """Everybody who has power beside root itself."""
    people = accounts(passwd)
    found = {
        name: Power(name, ["group %s" % row for row in rows]) for name, rows in members(group, people).items()
    }
    for power in sudoers(told):
        found.setdefault(power.who, Power(power.who)).ways.extend(power.ways)
    found.update({key: Power(key, ["logs in as root by ssh"]) for key in keys(authorized)})
    return [found[who] for who in sorted(found)]


def findings(ci: str, found: Iterable[Power], names: Names) -> List[Finding]:
    """A finding for each of them that the school does not know."""
    rows = []
    for power in found:
        if power.who in names.known:
            continue
        who, everybody = names.called(power.who), power.who == "ALL"
        what = "%s%s has power over this computer and is not on the list." % (who[0].upper(), who[1:])
        do = "Take it away, or name it in firewall_rules_privileged_known."
        rows.append(
            finding("privilege-unknown", "exception" if everybody else "warning", "%s: %s" % (ci, who), what,
                    "; ".join(power.ways), do)
        )  # fmt: skip
    return rows


def account_findings(ci: str, passwd: str, shadow: str, names: Names) -> List[Finding]:
    """Other accounts that are root, and accounts without a password: never all right, whoever is on the list."""
    rows = []
    for one in accounts(passwd):
        if one.uid == 0 and one.name != "root":
            what = "The account %s is root by another name." % one.name
            do = "Find out who made it; remove it."
            rows.append(
                finding(
                    "privilege-uid0", "exception", "%s: the account %s" % (ci, one.name), what, "uid 0", do
                )
            )
    for name in without_password(shadow):
        who = names.called(name)
        what = "Anybody can log in to %s: it has no password." % who
        do = "Lock it (`usermod --lock`), or set a password."
        rows.append(
            finding(
                "privilege-no-password", "exception", "%s: %s" % (ci, who), what, "empty in /etc/shadow", do
            )
        )
    return rows
