#!/usr/bin/python
# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Checks before a patch run; changes nothing."""

from __future__ import annotations

DOCUMENTATION = r"""
module: apt_ready
short_description: Check that a Debian host is fit to be patched
description:
  - Checks the age of the last backup, free space, dpkg's state, who holds the package system and
    that services run.
  - Fails naming everything that is wrong. Changes nothing.
  - In check mode an old backup is reported and does not fail, since it can still be made before the
    window.
options:
  backup_stamp:
    description:
      - A file whose time of change is the time of the last backup that succeeded.
      - Not read where the role backups cares for the host. Its repository is asked instead.
    type: path
  backup_max_age_hours:
    description: How old that may be. 0 does not ask.
    type: int
    default: 0
  min_free_mb:
    description: Free space that is needed, in MB, on each file system that holds one of O(paths).
    type: int
    default: 1024
  paths:
    description: Where packages are unpacked.
    type: list
    elements: str
    default: [/, /var, /usr, /var/cache/apt/archives]
  services:
    description: Services that must be running before anything is touched.
    type: list
    elements: str
    default: []
  package_state:
    description: Whether half-installed packages are an error. A back-out sets false, since it is
      their cure.
    type: bool
    default: true
  lock_timeout:
    description: Seconds to wait while another process holds a lock of apt or dpkg.
    type: int
    default: 300
author: The fitsom authors (@fitsom)
"""

EXAMPLES = r"""
- name: Check that the host is fit to be patched
  fitsom.school.apt_ready:
    min_free_mb: 2048
    services: [nginx]
  register: ready
  changed_when: false
  check_mode: false
"""

RETURN = r"""
started:
  description: When this was, in seconds since 1970, by the host's clock. Where to begin reading its
    logs afterwards.
  type: int
  returned: success
fitsom:
  description: The checks and how each came out.
  type: dict
  returned: always
"""

import os
import time
from datetime import datetime, timezone
from typing import Any, Dict, Iterable, List, Optional

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.apt.host import wait_for_lock
from ..module_utils.apt.services import show
from ..module_utils.backup.restic import Restic, configured
from ..module_utils.backup.rules import age_hours, snapshots_of

Check = Dict[str, Any]


def check(name: str, ok: bool, detail: str) -> Check:
    return {"name": name, "ok": ok, "detail": detail}


def backup_check(stamp: Optional[str], hours: int, now: float) -> Check:
    """Details name no moment, so that a plan made twice reads the same."""
    name = "a backup succeeded within %d hours" % hours
    try:
        age = (now - os.stat(stamp or "").st_mtime) / 3600
    except OSError:
        return check(name, False, "no backup is recorded in %s" % stamp)
    return check(name, age <= hours, "yes" if age <= hours else "the last one is older than that")


def set_check(name: str, snapshots: Optional[Iterable[Dict[str, Any]]], hours: int, now: datetime) -> Check:
    """One data set; `snapshots` is None where the repository does not answer."""
    what = "a backup of %s succeeded within %d hours" % (name, hours)
    if snapshots is None:
        return check(what, False, "the repository does not answer")
    own = snapshots_of(snapshots, name)
    if not own:
        return check(what, False, "there is no backup of it")
    ok = age_hours(own[-1], now) <= hours
    return check(what, ok, "yes" if ok else "the last one is older than that")


def backup_checks(module: AnsibleModule, stamp: Optional[str], hours: int) -> List[Check]:
    """The repository that the host backs up to knows better than any stamp."""
    policy = configured()
    if not policy or not policy["sets"]:
        return [backup_check(stamp, hours, time.time())]
    snapshots, _why = Restic(module, policy["repositories"][0]["name"]).snapshots()
    now = datetime.now(timezone.utc)
    return [set_check(data_set["name"], snapshots, hours, now) for data_set in policy["sets"]]


def space_checks(paths: Iterable[str], needed: int) -> List[Check]:
    checks: Dict[int, Check] = {}
    for path in paths:
        if not os.path.isdir(path):
            continue
        device, state = os.stat(path).st_dev, os.statvfs(path)
        free = state.f_bavail * state.f_frsize // (1024 * 1024)
        detail = (
            "more than %d MB free" % needed if free >= needed else "%d MB free, %d MB needed" % (free, needed)
        )
        checks.setdefault(device, check("free space on %s" % path, free >= needed, detail))
    return list(checks.values())


def dpkg_check(audit: str, interrupted: bool) -> Check:
    """`dpkg --audit` is silent where all is well."""
    if interrupted:
        return check(
            "packages are in order", False, "dpkg was interrupted; run 'dpkg --configure -a' on the host"
        )
    names = sorted({line.split()[0] for line in audit.splitlines() if line.startswith(" ") and line.split()})
    if audit.strip():
        return check("packages are in order", False, "not completely installed: %s" % ", ".join(names))
    return check("packages are in order", True, "dpkg finds nothing half-installed")


def service_checks(states: Dict[str, Dict[str, str]]) -> List[Check]:
    rows = []
    for name, state in sorted(states.items()):
        active = state.get("ActiveState", "unknown")
        rows.append(check("%s is running" % name, active == "active", active))
    return rows


def package_checks(module: AnsibleModule) -> List[Check]:
    _code, audit, _err = module.run_command(["dpkg", "--audit"])
    interrupted = any(name.isdigit() for name in os.listdir("/var/lib/dpkg/updates"))
    rows = [dpkg_check(audit, interrupted)]
    code, out, err = module.run_command(["apt-get", "-q", "check", "-o", "Debug::NoLocking=1"])
    detail = "no dependency is missing" if not code else (err or out).strip().splitlines()[-1]
    return [*rows, check("dependencies are in order", not code, detail)]


def main() -> None:
    spec = {
        "backup_stamp": {"type": "path"},
        "backup_max_age_hours": {"type": "int", "default": 0},
        "min_free_mb": {"type": "int", "default": 1024},
        "paths": {
            "type": "list",
            "elements": "str",
            "default": ["/", "/var", "/usr", "/var/cache/apt/archives"],
        },
        "services": {"type": "list", "elements": "str", "default": []},
        "package_state": {"type": "bool", "default": True},
        "lock_timeout": {"type": "int", "default": 300},
    }
    module = AnsibleModule(argument_spec=spec, supports_check_mode=True)
    params = module.params
    soft: List[Check] = []
    hours = params["backup_max_age_hours"]
    if hours:
        soft += backup_checks(module, params["backup_stamp"], hours)
    hard = space_checks(params["paths"], params["min_free_mb"])
    holder = wait_for_lock(params["lock_timeout"])
    busy = "held by %s; waited for %d seconds" % (holder, params["lock_timeout"])
    hard.append(check("the package system is free", not holder, busy if holder else "nobody holds it"))
    if params["package_state"]:
        hard += package_checks(module)
    hard += service_checks(show(module, params["services"]))
    failures = [row for row in hard + ([] if module.check_mode else soft) if not row["ok"]]
    facts = {"checks": soft + hard}
    if failures:
        reasons = "".join("\n%s: no, %s" % (row["name"], row["detail"]) for row in failures)
        module.fail_json(
            msg="nothing was touched, since this host is not fit to be patched:" + reasons, fitsom=facts
        )
    notes = ["%s: not yet; it must be so when the run starts" % row["name"] for row in soft if not row["ok"]]
    module.exit_json(changed=False, started=int(time.time()), fitsom=dict(facts, notes=notes))


if __name__ == "__main__":
    main()
