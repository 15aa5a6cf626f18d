# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the patching modules decide, as pure functions: no file, no process and no python-apt is
touched here.

A *change* is a dictionary {name, arch, from, to, action}; `from` or `to` is None where nothing was
or will be.
"""

from __future__ import annotations

import fnmatch
import re
from typing import Any, Dict, Iterable, List, Mapping, NamedTuple, Optional, Tuple

from .versions import newer

Change = Dict[str, Any]

SIMULATED = re.compile(
    r"^(?P<verb>Inst|Remv) (?P<name>\S+)(?: \[(?P<old>[^\]]+)\])?(?: \((?P<new>\S+)[^)]*?(?:\[(?P<arch>[^\]]+)\])?\))?"
)
ADVISORY = re.compile(r"\b(?:CVE-\d{4}-\d{4,}|D[SL]A-\d{3,}-\d+)\b")
CHANGELOG_HEAD = re.compile(r"^[a-z0-9][a-z0-9+.-]* \((?P<version>[^)\s]+)\)", re.MULTILINE)
CHANGELOG_FOOT = re.compile(
    r"^ -- .*?  ?\w{3}, +(?P<day>\d{1,2}) (?P<month>\w{3}) (?P<year>\d{4})", re.MULTILINE
)
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class Selection(NamedTuple):
    """What to ask apt for, and what was left out with the reason."""

    targets: Dict[str, Optional[str]]
    left_out: List[Dict[str, str]]


# --- changes --------------------------------------------------------------------------------------


def action_of(before: Optional[str], after: Optional[str]) -> str:
    if before is None:
        return "install"
    if after is None:
        return "remove"
    return "upgrade" if newer(after, before) else "downgrade"


def change(name: str, arch: str, before: Optional[str], after: Optional[str]) -> Change:
    return {"name": name, "arch": arch, "from": before, "to": after, "action": action_of(before, after)}


def parse_simulation(text: str) -> List[Change]:
    """The packages that `apt-get -s` says it would install, change or remove, sorted by name."""
    changes: Dict[str, Change] = {}
    for line in text.splitlines():
        match = SIMULATED.match(line)
        if match is None:
            continue
        new = match["new"] if match["verb"] == "Inst" else None
        if match["old"] != new:
            changes[match["name"]] = change(match["name"], match["arch"] or "", match["old"], new)
    return [changes[name] for name in sorted(changes)]


def actual_changes(
    before: Mapping[str, Mapping[str, str]], after: Mapping[str, Mapping[str, str]]
) -> List[Change]:
    """What really became different between two readings of dpkg's own list."""
    rows = []
    for name in sorted(set(before) | set(after)):
        old, new = before.get(name, {}).get("version"), after.get(name, {}).get("version")
        if old != new:
            arch = (after.get(name) or before.get(name) or {}).get("arch", "")
            rows.append(change(name, arch, old, new))
    return rows


def diff_of(changes: Iterable[Change], header: str = "installed packages") -> Dict[str, str]:
    """Ansible's before and after texts, one `name version` for each package that changes."""
    ordered = sorted(changes, key=lambda row: row["name"])
    return {
        "before_header": header,
        "after_header": header,
        "before": "".join("%s %s\n" % (row["name"], row["from"]) for row in ordered if row["from"]),
        "after": "".join("%s %s\n" % (row["name"], row["to"]) for row in ordered if row["to"]),
    }


def same_set(planned: Iterable[Change], actual: Iterable[Change]) -> bool:
    return {(r["name"], r["from"], r["to"]) for r in planned} == {
        (r["name"], r["from"], r["to"]) for r in actual
    }


def describe(changes: Iterable[Change]) -> str:
    return ", ".join("%s %s -> %s" % (r["name"], r["from"] or "none", r["to"] or "none") for r in changes)


def package_rows(
    changes: Iterable[Change], new_versions: Iterable[Mapping[str, Any]]
) -> List[Dict[str, Any]]:
    """The `packages` list of the fitsom key: the changes with what is known about each new
    version.
    """
    facts = {(row["name"], row["to"]): row for row in new_versions}
    rows = []
    for row in changes:
        fact = facts.get((row["name"], row["to"]), {})
        rows.append(
            dict(
                row,
                arch=row["arch"] or fact.get("arch", ""),
                security=bool(fact.get("security", False)),
                origin=fact.get("origin"),
                advisories=list(fact.get("advisories") or []),
                released=fact.get("released"),
            )
        )
    return rows


# --- which packages -------------------------------------------------------------------------------


def matches(name: str, patterns: Iterable[str]) -> bool:
    bare = name.split(":")[0]
    return any(fnmatch.fnmatchcase(name, p) or fnmatch.fnmatchcase(bare, p) for p in patterns)


def security_version(installed: str, candidate: str, versions: Iterable[Mapping[str, Any]]) -> Optional[str]:
    """The newest version from a security archive that is newer than the installed one and that apt
    may choose.
    """
    best: Optional[str] = None
    for version in versions:
        text = str(version["version"])
        if not version["security"] or not newer(text, installed) or newer(text, candidate):
            continue
        if best is None or newer(text, best):
            best = text
    return best


def outstanding(packages: Mapping[str, Mapping[str, Any]]) -> List[Dict[str, Any]]:
    """Every installed package for which apt's policy has a newer version."""
    rows = []
    for name in sorted(packages):
        state = packages[name]
        installed, candidate = state.get("installed"), state.get("candidate")
        if not installed or not candidate or not newer(candidate, installed):
            continue
        fixed = security_version(installed, candidate, state["versions"])
        rows.append(
            {
                "name": name,
                "arch": state["arch"],
                "installed": installed,
                "candidate": candidate,
                "security_version": fixed,
                "security": fixed is not None,
                "held": bool(state.get("held")),
            }
        )
    return rows


def select(
    rows: Iterable[Mapping[str, Any]], scope: str, hold: Iterable[str], exclude: Iterable[str]
) -> Selection:
    """The versions to ask apt for, when no exact versions were approved."""
    targets: Dict[str, Optional[str]] = {}
    left_out: List[Dict[str, str]] = []
    holds, excludes = list(hold), list(exclude)
    for row in rows:
        version = row["security_version"] if scope == "security" else row["candidate"]
        if version is None:
            continue
        reason = ""
        if row["held"] or matches(row["name"], holds):
            reason = "held"
        elif matches(row["name"], excludes):
            reason = "excluded"
        if reason:
            left_out.append(
                {"name": row["name"], "installed": row["installed"], "offered": version, "reason": reason}
            )
        else:
            targets[row["name"]] = version
    return Selection(targets, left_out)


def select_pins(
    pins: Mapping[str, Optional[str]],
    packages: Mapping[str, Mapping[str, Any]],
    hold: Iterable[str],
    exclude: Iterable[str],
) -> Tuple[Dict[str, Optional[str]], List[str]]:
    """The approved versions that are not there yet, and every reason why they cannot be
    installed.
    """
    targets: Dict[str, Optional[str]] = {}
    problems: List[str] = []
    skipped = list(hold) + list(exclude)
    for name in sorted(pins):
        version = pins[name] or None
        state = packages.get(name, {})
        installed = state.get("installed")
        if version == installed:
            continue
        problem = _pin_problem(name, version, state, skipped)
        if problem:
            problems.append(problem)
        else:
            targets[name] = version
    return targets, problems


def _pin_problem(name: str, version: Optional[str], state: Mapping[str, Any], skipped: List[str]) -> str:
    installed = state.get("installed")
    if state.get("held") or matches(name, skipped):
        return "%s: version %s is approved, but the package is held or excluded on this host" % (
            name,
            version,
        )
    if version is None:
        return ""
    if installed and newer(installed, version):
        return "%s: version %s is approved, but %s is installed already, which is newer" % (
            name,
            version,
            installed,
        )
    offered = [str(entry["version"]) for entry in state.get("versions", [])]
    if version not in offered:
        return "%s: version %s is approved, but the archive offers %s (superseded)" % (
            name,
            version,
            state.get("candidate") or "no version of it",
        )
    return ""


def unapproved(changes: Iterable[Change], pins: Mapping[str, Optional[str]]) -> List[Change]:
    """The changes that apt would make in addition to the approved ones, or instead of them."""
    return [row for row in changes if row["name"] not in pins or (pins[row["name"]] or None) != row["to"]]


def forbidden(changes: Iterable[Change], allow_removals: bool, skipped: Iterable[str]) -> List[str]:
    """Why a simulated set of changes may not be made."""
    patterns = list(skipped)
    problems = []
    for row in changes:
        if row["action"] == "remove" and not allow_removals:
            problems.append("%s would be removed" % row["name"])
        elif row["action"] == "downgrade":
            problems.append("%s would be downgraded" % row["name"])
        elif matches(row["name"], patterns):
            problems.append("%s is held or excluded" % row["name"])
    return problems


def apt_arguments(targets: Mapping[str, Optional[str]]) -> List[str]:
    """`name=version` to install, `name-` to remove."""
    return ["%s=%s" % (n, targets[n]) if targets[n] else "%s-" % n for n in sorted(targets)]


# --- what the archive says ------------------------------------------------------------------------


def parse_changelog(text: str, installed: Optional[str]) -> Tuple[List[str], Optional[str]]:
    """Advisories in the entries newer than the installed version, and the day of the newest
    entry.
    """
    heads = list(CHANGELOG_HEAD.finditer(text))
    end = len(text)
    for head in heads:
        version = head["version"]
        if installed and not newer(version, installed):
            end = head.start()
            break
        if not installed and head is not heads[0]:
            end = head.start()
            break
    fresh = text[:end]
    return sorted(set(ADVISORY.findall(fresh))), changelog_day(fresh)


def changelog_day(text: str) -> Optional[str]:
    foot = CHANGELOG_FOOT.search(text)
    if foot is None or foot["month"] not in MONTHS:
        return None
    return "%s-%02d-%02d" % (foot["year"], MONTHS.index(foot["month"]) + 1, int(foot["day"]))


def deb_name(name: str, version: str, arch: str) -> str:
    """The file name that apt gives a package in its cache."""
    return "%s_%s_%s.deb" % (name.split(":")[0], version.replace(":", "%3a"), arch)


def apt_errors(text: str) -> str:
    """apt's and dpkg's own words about a failure, without the progress around them."""
    lines = [line.rstrip() for line in text.splitlines() if line.strip()]
    first = next((i for i, line in enumerate(lines) if re.match(r"dpkg: error|dpkg-deb: error", line)), None)
    selected = []
    if first is not None:
        start = max(
            (i for i in range(first) if lines[i].startswith(("Setting up", "Unpacking"))), default=first - 1
        )
        selected = lines[max(start, first - 6, 0) : first + 2]
    selected += [
        line
        for line in lines
        if line.startswith(("E: ", "dpkg: error", "W: Failed")) and line not in selected
    ]
    if not selected:
        selected = lines[-8:]
    return "\n".join(selected)


def unmet(text: str) -> str:
    """apt's explanation of an unsolvable request, in one line."""
    lines = [line.strip() for line in text.splitlines()]
    reasons = [line for line in lines if re.match(r"\S+ : |E: |Depends: |Breaks: |Conflicts: ", line)]
    return "; ".join(reasons)


# --- services and reboot --------------------------------------------------------------------------


def parse_needrestart(text: str) -> Tuple[List[str], bool]:
    """Services that `needrestart -b` lists, and whether a newer kernel waits for a reboot."""
    services = sorted(
        {line[len("NEEDRESTART-SVC:") :].strip() for line in text.splitlines() if "RESTART-SVC:" in line}
    )
    return services, "NEEDRESTART-KSTA: 3" in text or "NEEDRESTART-KSTA: 2" in text


def reboot_reasons(changes: Iterable[Change], patterns: Iterable[str], asking: Iterable[str]) -> List[str]:
    """Packages of this change after which the host should be started again."""
    asking_names, names = set(asking), list(patterns)
    return sorted(
        r["name"] for r in changes if r["to"] and (r["name"] in asking_names or matches(r["name"], names))
    )


def seconds_until(at: str, now: Tuple[int, int]) -> int:
    """Seconds until the next HH:MM; a time that passed less than twelve hours ago means at once."""
    match = re.match(r"^([01]?\d|2[0-3]):([0-5]\d)$", at)
    if match is None:
        raise ValueError("'%s' is not a time of day; write it as 22:30" % at)
    minutes = (int(match[1]) * 60 + int(match[2]) - now[0] * 60 - now[1]) % 1440
    return 0 if minutes > 720 else minutes * 60


def reboot_decision(policy: str, reasons: Iterable[str], anything_changed: bool) -> Tuple[bool, bool]:
    """(required, planned) for a reboot policy of never, if_required or always."""
    required = bool(list(reasons))
    if policy == "always":
        return required, required or anything_changed
    return required, required and policy == "if_required"
