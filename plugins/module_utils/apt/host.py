# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Reading and driving apt and dpkg on the managed host. Decisions are in fitsom_apt_rules."""

from __future__ import annotations

import fcntl
import os
import struct
import time
from typing import Any, Dict, FrozenSet, Iterable, List, Mapping, NamedTuple, Optional, Tuple

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.common.respawn import has_respawned, respawn_module

from . import debconf
from .rules import (
    Change,
    apt_arguments,
    apt_errors,
    deb_name,
    forbidden,
    matches,
    outstanding,
    parse_simulation,
    select,
    select_pins,
    unapproved,
    unmet,
)

try:
    import apt
except ImportError:  # looked for again under the system's own interpreter
    apt = None

LOCKS = (
    "/var/lib/dpkg/lock-frontend",
    "/var/lib/dpkg/lock",
    "/var/lib/apt/lists/lock",
    "/var/cache/apt/archives/lock",
)
APT_CACHE = "/var/cache/apt/archives"
QUIET = {
    "DEBIAN_FRONTEND": "noninteractive",
    "APT_LISTCHANGES_FRONTEND": "none",
    "NEEDRESTART_SUSPEND": "1",
    "NEEDRESTART_MODE": "l",
    "UCF_FORCE_CONFFOLD": "1",
    "LC_ALL": "C.UTF-8",
    **debconf.SEEN,
}

SELECTION = {
    "scope": {"type": "str", "choices": ["security", "all"], "default": "security"},
    "pins": {"type": "dict", "default": {}},
    "pinned": {"type": "bool"},
    "hold": {"type": "list", "elements": "str", "default": []},
    "exclude": {"type": "list", "elements": "str", "default": []},
    "allow_removals": {"type": "bool", "default": False},
    "security_origins": {"type": "list", "elements": "str", "default": ["Debian-Security", "*-security"]},
    "lock_timeout": {"type": "int", "default": 300},
}


def need_python_apt(module: AnsibleModule) -> None:
    """Run this module again under an interpreter that has python3-apt, or say that none has."""
    if apt is not None:
        return
    if not has_respawned():
        for interpreter in ("/usr/bin/python3", "/usr/libexec/platform-python"):
            if os.path.exists(interpreter):
                respawn_module(interpreter)
    module.fail_json(
        msg="the package python3-apt is missing on this host; it is needed to read what apt would do"
    )


# --- locks ----------------------------------------------------------------------------------------


def lock_holder(paths: Iterable[str] = LOCKS) -> str:
    """Who holds a lock of apt or dpkg, as `apt-get (process 123)`, or nothing."""
    for path in paths:
        try:
            with open(path, "rb") as handle:
                request = struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
                answer = fcntl.fcntl(handle.fileno(), fcntl.F_GETLK, request)
        except OSError:
            continue
        kind, _whence, _start, _length, process = struct.unpack("hhqqi4x", answer)
        if kind != fcntl.F_UNLCK:
            return "%s (process %d)" % (_command_of(process), process)
    return ""


def _command_of(process: int) -> str:
    try:
        with open("/proc/%d/cmdline" % process, "rb") as handle:
            words = handle.read().split(b"\0")
    except OSError:
        return "a process that has ended"
    return " ".join(word.decode("utf-8", "replace") for word in words if word)[:120]


def wait_for_lock(seconds: int) -> str:
    """Wait until no lock is held; whoever still holds one after that time is named."""
    until = time.monotonic() + seconds
    while True:
        holder = lock_holder()
        if not holder or time.monotonic() >= until:
            return holder
        time.sleep(1)


def need_lock(module: AnsibleModule, seconds: int) -> None:
    holder = wait_for_lock(seconds)
    if holder:
        module.fail_json(
            msg="the package system is in use by %s; waited for %d seconds" % (holder, seconds),
            fitsom={
                "checks": [{"name": "package system is free", "ok": False, "detail": "held by " + holder}]
            },
        )


# --- running apt ----------------------------------------------------------------------------------


class Installed(NamedTuple):
    """How apt-get install ended, all that it said, and the questions that took their defaults."""

    code: int
    text: str
    by_default: FrozenSet[str]


class Apt:
    """apt-get and dpkg of this host."""

    def __init__(self, module: AnsibleModule) -> None:
        self.module = module

    def run(self, arguments: List[str], cwd: Optional[str] = None) -> Tuple[int, str, str]:
        code, out, err = self.module.run_command(arguments, environ_update=QUIET, cwd=cwd)
        return int(code), str(out), str(err)

    def refresh(self, lock_timeout: int) -> None:
        """Fetch the archives' indexes. What is installed and what runs stays as it is."""
        need_lock(self.module, lock_timeout)
        code, out, err = self.run(["apt-get", "-q", "-o", "APT::Update::Error-Mode=any", "update"])
        if code or "E: " in err:
            self.module.fail_json(
                msg="the package index could not be refreshed:\n" + apt_errors(out + "\n" + err)
            )

    def installed(self) -> Dict[str, Dict[str, str]]:
        """dpkg's own list: name (with :arch only for foreign ones) to version, architecture and
        state.
        """
        native = self.run(["dpkg", "--print-architecture"])[1].strip()
        form = "${binary:Package}\t${Version}\t${Architecture}\t${db:Status-Abbrev}\n"
        _code, out, _err = self.run(["dpkg-query", "-W", "-f", form])
        packages: Dict[str, Dict[str, str]] = {}
        for line in out.splitlines():
            name, version, arch, state = line.split("\t")
            if version and state[1:2] not in ("n", "c"):
                name = name[: -len(native) - 1] if name.endswith(":" + native) else name
                packages[name] = {"version": version, "arch": arch, "state": state.strip()}
        return packages

    def packages(self, security: Iterable[str]) -> Dict[str, Dict[str, Any]]:
        """What apt knows of each package that is installed, or that could be."""
        patterns = list(security)
        states: Dict[str, Dict[str, Any]] = {}
        for package in apt.Cache():
            if package.installed is None and not package.versions:
                continue
            states[package.name] = _Lazy(package, patterns)
        return states

    def simulate(
        self, arguments: List[str], allow_removals: bool, downgrades: bool = False
    ) -> Tuple[List[Change], str]:
        """What apt's resolver would change, or its reason why it cannot be done."""
        if not arguments:
            return [], ""
        code, out, err = self.run(
            ["apt-get", "-s", *_options(allow_removals, downgrades), "install", *arguments]
        )
        if code:
            return [], unmet(out + "\n" + err) or apt_errors(out + "\n" + err)
        return parse_simulation(out), ""

    def download(self, arguments: List[str], lock_timeout: int) -> str:
        """Fetch into apt's cache without installing anything. Returns apt's error, if any."""
        need_lock(self.module, lock_timeout)
        code, out, err = self.run(
            ["apt-get", "-q", *_options(True, False), "--download-only", "install", *arguments]
        )
        return apt_errors(out + "\n" + err) if code else ""

    def install(
        self, arguments: List[str], allow_removals: bool, downgrades: bool, lock_timeout: int
    ) -> Installed:
        """Run apt-get install.

        The state of dpkg afterwards shows what happened, not this return value.
        """
        need_lock(self.module, lock_timeout)
        wait = ["-o", "DPkg::Lock::Timeout=%d" % lock_timeout]
        before = debconf.answered()
        code, out, err = self.run(
            ["apt-get", "-q", *wait, *_options(allow_removals, downgrades), "install", *arguments]
        )
        return Installed(code, out + "\n" + err, debconf.answered() - before)

    def automatic(self) -> List[str]:
        return self.run(["apt-mark", "showauto"])[1].split()

    def mark_automatic(self, names: Iterable[str]) -> None:
        selected = sorted(set(names))
        if selected:
            self.run(["apt-mark", "auto", *selected])


def _options(allow_removals: bool, downgrades: bool) -> List[str]:
    """The same for the simulation and for the run, so that one predicts the other."""
    options = [
        "-y",
        "-o",
        "Dpkg::Options::=--force-confdef",
        "-o",
        "Dpkg::Options::=--force-confold",
        "-o",
        "APT::Keep-Downloaded-Packages=true",
        "-o",
        "APT::Install-Recommends=false",
        "-o",
        "Dpkg::Use-Pty=0",
    ]
    options += [] if allow_removals else ["--no-remove"]
    return options + (["--allow-downgrades"] if downgrades else [])


class _Lazy(Dict[str, Any]):
    """A package's state as a dictionary; versions are looked up only when asked for."""

    def __init__(self, package: Any, patterns: List[str]) -> None:
        super().__init__(
            arch=(package.candidate or package.installed or package.versions[0]).architecture,
            installed=package.installed.version if package.installed else None,
            candidate=package.candidate.version if package.candidate else None,
            held=_is_held(package),
        )
        self.package, self.patterns = package, patterns

    def __missing__(self, key: str) -> Any:
        if key != "versions":
            raise KeyError(key)
        self["versions"] = [
            _version(version, self.patterns) for version in self.package.versions if _offered(version)
        ]
        return self["versions"]

    def get(self, key: str, default: Any = None) -> Any:
        return self[key] if key in self or key == "versions" else default


def _is_held(package: Any) -> bool:
    return bool(package._pkg.selected_state == 2)  # apt_pkg.SELSTATE_HOLD


def _offered(version: Any) -> bool:
    """In an archive, and not only known because it is installed."""
    return any(origin.archive != "now" for origin in version.origins)


def _version(version: Any, patterns: List[str]) -> Dict[str, Any]:
    origins = [origin for origin in version.origins if origin.archive != "now"]
    security = [
        o for o in origins if any(matches_origin(w, patterns) for w in (o.label, o.archive, o.codename))
    ]
    first = (security or origins)[0]
    return {
        "version": version.version,
        "arch": version.architecture,
        "security": bool(security),
        "origin": first.label or first.origin or first.site or None,
        "source": version.source_name,
        "uri": version.uri,
    }


def matches_origin(word: str, patterns: Iterable[str]) -> bool:
    return bool(word) and matches(word, patterns)


def version_of(packages: Mapping[str, Mapping[str, Any]], name: str, version: str) -> Dict[str, Any]:
    state = packages.get(name)
    rows = state.get("versions") if state is not None else None
    return next((dict(row) for row in rows or [] if row["version"] == version), {})


def deb_path(name: str, row: Mapping[str, Any], folders: Iterable[str] = (APT_CACHE,)) -> Optional[str]:
    """Where the .deb of a version lies on this host, if it does."""
    uri = str(row.get("uri") or "")
    places = [os.path.join(folder, deb_name(name, row["version"], row["arch"])) for folder in folders]
    if uri.startswith("file:"):
        places.append("/" + uri[len("file:") :].lstrip("/"))
    return next((place for place in places if os.path.isfile(place)), None)


# --- the plan -------------------------------------------------------------------------------------


class Plan:
    """What would be changed, and why the rest would not."""

    def __init__(self) -> None:
        self.packages: Dict[str, Dict[str, Any]] = {}
        self.changes: List[Change] = []
        self.arguments: List[str] = []
        self.left_out: List[Dict[str, str]] = []
        self.notes: List[str] = []


def make_plan(host: Apt, options: Mapping[str, Any]) -> Plan:
    """The one way in which planning and patching find what to change.

    Fails the module where it cannot be done.
    """
    plan = Plan()
    plan.packages = host.packages(options["security_origins"])
    pinned = options["pinned"] if options["pinned"] is not None else bool(options["pins"])
    skipped = list(options["hold"]) + list(options["exclude"])
    if pinned:
        targets, problems = select_pins(options["pins"], plan.packages, options["hold"], options["exclude"])
        if problems:
            host.module.fail_json(msg="the approved versions cannot be installed:\n" + "\n".join(problems))
        removals = options["allow_removals"] or any(not version for version in targets.values())
        plan.arguments = apt_arguments(targets)
        plan.changes, error = host.simulate(plan.arguments, removals)
        unapproved_changes = unapproved(plan.changes, options["pins"])
        problems = ["%s %s" % (r["name"], r["to"] or "(removed)") for r in unapproved_changes]
        if error or problems:
            host.module.fail_json(
                msg="the approved versions cannot be installed: "
                + (error or "apt would also change what was not approved: " + ", ".join(problems))
            )
        return plan
    selection = select(outstanding(plan.packages), options["scope"], options["hold"], options["exclude"])
    plan.left_out = selection.left_out
    targets = dict(selection.targets)
    plan.arguments = apt_arguments(targets)
    plan.changes, error = host.simulate(plan.arguments, options["allow_removals"])
    problems = forbidden(plan.changes, options["allow_removals"], skipped)
    if error or problems:
        _keep_back(host, plan, targets, options, skipped)
    return plan


def _keep_back(
    host: Apt, plan: Plan, targets: Dict[str, Any], options: Mapping[str, Any], skipped: List[str]
) -> None:
    """Try each package alone, keep back those that cannot be installed, and plan the others."""
    possible: Dict[str, Any] = {}
    for name in sorted(targets):
        # Removals are let through here, and forbidden below by their names: apt's own refusal names
        # none.
        changes, error = host.simulate(apt_arguments({name: targets[name]}), True)
        reason = error or "; ".join(forbidden(changes, options["allow_removals"], skipped))
        if reason:
            state = plan.packages[name]
            row = {
                "name": name,
                "installed": state["installed"],
                "offered": targets[name],
                "reason": "kept back: " + reason,
            }
            plan.left_out.append(row)
        else:
            possible[name] = targets[name]
    plan.arguments = apt_arguments(possible)
    plan.changes, error = host.simulate(plan.arguments, options["allow_removals"])
    problems = [error] if error else forbidden(plan.changes, options["allow_removals"], skipped)
    if problems:
        host.module.fail_json(msg="apt cannot install these updates together:\n" + "\n".join(problems))
