#!/usr/bin/python
# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The daily look at a Linux host; changes nothing."""

from __future__ import annotations

DOCUMENTATION = r"""
module: host_health
short_description: Look whether a Linux host is well
description:
  - Failed units, full file systems, errors in the journal, the clock, how old the updates are, a
    restart that is due and the end of support become findings.
  - Texts of messages are never reported, only units and numbers; names of people in units and mount
    points become C(*).
options:
  ci:
    description: What findings are about, the host's name.
    type: str
    required: true
  space_warning:
    description: A file system that is so full, in per cent, is a warning.
    type: int
    default: 85
  space_exception:
    description: And from here on an exception.
    type: int
    default: 95
  inodes_warning:
    description: The same for inodes, which are what many small files use up.
    type: int
    default: 85
  inodes_exception:
    description: And from here on an exception.
    type: int
    default: 95
  log_hours:
    description: How far back to look into the journal.
    type: int
    default: 24
  log_errors:
    description: So many errors of one unit are a warning; fewer are for information.
    type: int
    default: 20
  clock_seconds:
    description: A clock that is wrong by more is an exception.
    type: float
    default: 60.0
  update_days_warning:
    description: A list of updates that is so many days old is a warning.
    type: int
    default: 3
  update_days_exception:
    description: And from here on an exception.
    type: int
    default: 14
  security_days:
    description: A security update that has waited for so many days is an exception.
    type: int
    default: 14
  support_days:
    description: So many days before the end of support it is a warning.
    type: int
    default: 180
  ignored_units:
    description: Units that may fail. The look itself fails its unit where it finds an exception.
    type: list
    elements: str
    default: [fitsom-health.service]
  first_seen:
    description:
      - For security updates that an earlier look found waiting, C(name version), the day when one
        did first.
      - The command C(fitsom health) remembers this. Without it, how long they have waited is not
        known.
    type: dict
    default: {}
author: The fitsom authors (@fitsom)
attributes:
  check_mode:
    description: Changes nothing in either mode.
    support: full
  diff_mode:
    description: There is no difference to show.
    support: none
"""

EXAMPLES = r"""
- name: Look whether the host is well
  fitsom.school.host_health:
    ci: srv1
    space_exception: 98
  changed_when: false
"""

RETURN = r"""
waiting:
  description: Security updates that are not installed, as C(name version).
  type: list
  elements: str
  returned: success
fitsom:
  description: Findings, and the same list among the facts.
  type: dict
  returned: success
"""

import os
import time
from datetime import date, datetime, timezone
from typing import Any, Dict, List

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.findings import Finding
from ..module_utils.health.host import (
    Programs,
    filesystems,
    is_person,
    mtime,
    names,
    support,
    synchronised,
    system,
)
from ..module_utils.health.rules import (
    Limits,
    clock,
    errors_by_unit,
    failed_units,
    full,
    kernel_findings,
    log_errors,
    reboot,
    system_state,
    update_age,
    updates_waiting,
    waiting,
)
from ..module_utils.health.support import support_findings
from ..module_utils.health.texts import (
    chrony,
    entries,
    offset_of,
    place_without_people,
    security_updates,
    unit_without_people,
    units,
)
from ..module_utils.linux import read_text

NUMBERS = {
    "space_warning": 85,
    "space_exception": 95,
    "inodes_warning": 85,
    "inodes_exception": 95,
    "log_hours": 24,
    "log_errors": 20,
    "update_days_warning": 3,
    "update_days_exception": 14,
    "security_days": 14,
    "support_days": 180,
}
MOST_ENTRIES = "50000"
LISTS = (
    "/var/lib/apt/lists",
    "/var/lib/apt/periodic/update-success-stamp",
    "/var/lib/apt/periodic/update-stamp",
)
#: In memory: a look leaves no cache behind.
SIMULATED = (
    "-o", "Dir::Cache::pkgcache=", "-o", "Dir::Cache::srcpkgcache=", "-o", "Debug::NoLocking=1", "dist-upgrade"
)  # fmt: skip


def services(programs: Programs, params: Dict[str, Any]) -> List[Finding]:
    """systemd."""
    if not programs.has("systemctl"):
        return []
    failed_names = units(
        programs.out("systemctl", "list-units", "--failed", "--plain", "--no-legend", "--full")
    )
    failed = [unit_without_people(u, is_person) for u in failed_names if u not in params["ignored_units"]]
    state = programs.out("systemctl", "is-system-running").strip()
    return failed_units(params["ci"], failed) + system_state(params["ci"], state, bool(failed_names))


def disks(params: Dict[str, Any]) -> List[Finding]:
    """Space and inodes."""
    findings: List[Finding] = []
    space = Limits(params["space_warning"], params["space_exception"])
    inodes = Limits(params["inodes_warning"], params["inodes_exception"])
    for row in filesystems():
        place = place_without_people(row["mount"], is_person)
        remaining = "%s MB of %s MB are free" % (row["free_mb"], row["size_mb"])
        findings += full(params["ci"], place, "space", row["used_percent"], space, remaining)
        remaining = "%s inodes are free" % row["inodes_free"]
        findings += full(params["ci"], place, "inodes", row["inodes_percent"], inodes, remaining)
    return findings


def journal(programs: Programs, params: Dict[str, Any]) -> List[Finding]:
    """Errors by unit, without their texts; of the kernel's messages the categories."""
    since = ["--since=-%dh" % params["log_hours"], "-q", "-o", "json", "-n", MOST_ENTRIES]
    fields = "--output-fields=UNIT,_SYSTEMD_UNIT,SYSLOG_IDENTIFIER,_TRANSPORT"
    errors = errors_by_unit(entries(programs.out("journalctl", "-p", "err", fields, *since)))
    counts: Dict[str, int] = {}
    for unit, number in errors.items():
        unit_name = unit_without_people(unit, is_person)
        counts[unit_name] = counts.get(unit_name, 0) + number
    # Not --dmesg: that is this start's alone, and a machine may have been started again for its
    # errors.
    kernel = entries(programs.out("journalctl", "--output-fields=MESSAGE", *since, "_TRANSPORT=kernel"))
    texts = [str(entry.get("MESSAGE", "")) for entry in kernel]
    return log_errors(params["ci"], counts, params["log_errors"], params["log_hours"]) + kernel_findings(
        params["ci"], texts, params["log_hours"]
    )


def time_of(programs: Programs, params: Dict[str, Any]) -> List[Finding]:
    """chrony where it is installed, else the kernel's word and systemd-timesyncd's."""
    if programs.has("chronyc"):
        in_sync, offset = chrony(programs.out("chronyc", "-c", "tracking"))
        return clock(params["ci"], in_sync, offset, params["clock_seconds"], "chronyc tracking")
    offset = offset_of(programs.out("timedatectl", "timesync-status"))
    return clock(params["ci"], synchronised(), offset, params["clock_seconds"], "as the kernel says")


def updates(programs: Programs) -> Dict[str, str]:
    """Security updates that apt would install now."""
    return security_updates(programs.out("apt-get", "-s", *SIMULATED)) if programs.has("apt-get") else {}


def patching(
    programs: Programs, params: Dict[str, Any], waiting_updates: Dict[str, str], today: date
) -> List[Finding]:
    """The age of the package lists, waiting updates, and a restart that is due."""
    ci = params["ci"]
    findings: List[Finding] = []
    if programs.has("apt-get"):
        times = [moment for moment in map(mtime, LISTS) if moment is not None]
        days = int((time.time() - max(times)) // 86400) if times and names(LISTS[0]) else None
        limits = Limits(params["update_days_warning"], params["update_days_exception"])
        findings += update_age(ci, days, limits)
    findings += updates_waiting(ci, waiting_updates, params["first_seen"], today, params["security_days"])
    kernels = [name[len("vmlinuz-") :] for name in names("/boot") if name.startswith("vmlinuz-")]
    asking = read_text("/run/reboot-required.pkgs").split()
    return findings + reboot(ci, os.path.exists("/run/reboot-required"), asking, os.uname().release, kernels)


def main() -> None:
    """Entry point."""
    spec: Dict[str, Any] = {name: {"type": "int", "default": value} for name, value in NUMBERS.items()}
    spec.update(
        ci={"type": "str", "required": True},
        clock_seconds={"type": "float", "default": 60.0},
        ignored_units={"type": "list", "elements": "str", "default": ["fitsom-health.service"]},
        first_seen={"type": "dict", "default": {}},
    )
    module = AnsibleModule(argument_spec=spec, supports_check_mode=True)
    if os.geteuid() != 0:
        module.fail_json(msg="only root can read the whole journal: set ansible_become for this host")
    params, programs, today = module.params, Programs(module), datetime.now(timezone.utc).date()
    waiting_updates = updates(programs)
    findings = (
        services(programs, params) + disks(params) + journal(programs, params) + time_of(programs, params)
    )
    findings += patching(programs, params, waiting_updates, today)
    name = system().get("PRETTY_NAME", "This system")
    findings += support_findings(params["ci"], name, support(), today, params["support_days"])
    module.exit_json(
        changed=False,
        waiting=waiting(waiting_updates),
        fitsom={"findings": findings, "facts": {"security_updates": waiting(waiting_updates)}},
    )


if __name__ == "__main__":
    main()
