#!/usr/bin/python
# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Take a host back to the package versions before a change."""

from __future__ import annotations

DOCUMENTATION = r"""
module: apt_backout
short_description: Go back to the package versions that a manifest recorded
description:
  - Installs the saved .debs that M(fitsom.school.apt_save_debs) kept, or the same versions from the
    archive while that has them.
  - Packages that the change had newly installed are removed; the kernel that is running is kept.
  - Works on a host on which the patch run failed half-way. Fails, in check mode too, if any version
    is not available.
options:
  src:
    description: The folder of the change's way back.
    type: path
    required: true
  pins:
    description: The versions that may come back; an empty one stands for a removal.
    type: dict
    default: {}
  pinned:
    description: Whether only what O(pins) names goes back, and all of it has to.
    type: bool
    default: false
  partial:
    description: Go back as far as possible if some old packages are not available.
    type: bool
    default: false
  reboot_packages:
    description: Name patterns of packages after which the host is started again.
    type: list
    elements: str
    default: []
  restart_never:
    description: Name patterns of services that are never restarted.
    type: list
    elements: str
    default: []
  lock_timeout:
    description: Seconds to wait while another process holds a lock of apt or dpkg.
    type: int
    default: 300
  ci:
    description: What findings call this host.
    type: str
    default: ""
author: The fitsom authors (@fitsom)
"""

EXAMPLES = r"""
- name: Go back to the versions before the change
  fitsom.school.apt_backout:
    src: /var/lib/fitsom/backout/CHG-2026-0001
"""

RETURN = r"""
changes:
  description: What was changed, or in check mode would be.
  type: list
  elements: dict
  returned: success
services:
  description: Running services that this restarts, as M(fitsom.school.apt_updates) returns them.
  type: list
  elements: dict
  returned: success
reboot_reasons:
  description: Packages among the changes that ask for a reboot.
  type: list
  elements: str
  returned: success
fitsom:
  description:
    - The packages that went back, or in check mode would; findings on what nobody was asked.
  type: dict
  returned: always
"""

import os
from typing import Any, Dict, List, Tuple

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.apt.backout_files import read_manifest, saved_files
from ..module_utils.apt.backout_rules import (
    WayBack,
    arguments,
    unrecorded_changes,
    unrecorded_pins,
    way_back,
    within,
)
from ..module_utils.apt.debs import asks_for_reboot, scripts
from ..module_utils.apt.host import Apt, need_python_apt
from ..module_utils.apt.restarts import expected_restarts, service_rows
from ..module_utils.apt.rules import (
    Change,
    actual_changes,
    apt_errors,
    describe,
    diff_of,
    package_rows,
    reboot_reasons,
    same_set,
    unapproved,
)
from ..module_utils.apt.undecided import undecided
from ..module_utils.findings import Finding


def running_kernel() -> str:
    return "linux-image-" + os.uname().release


def find_way(host: Apt, folder: str, manifest: Dict[str, Any], now: Dict[str, str]) -> WayBack:
    packages = host.packages([])
    offered = {}
    for name in manifest["packages"]:
        state = packages.get(name)
        offered[name] = [row["version"] for row in state["versions"]] if state is not None else []
    return way_back(manifest, now, saved_files(folder, manifest), offered, [running_kernel()])


def simulate(host: Apt, way: WayBack, manifest: Dict[str, Any]) -> List[Change]:
    """What apt would do, which must be what the manifest says and nothing else."""
    changes, error = host.simulate(arguments(way), bool(way.removals), downgrades=True)
    unrecorded = unrecorded_changes(changes, manifest)
    if error or unrecorded:
        host.module.fail_json(
            msg="nothing was touched, the way back is not possible: "
            + (error or "apt would also change %s" % ", ".join(unrecorded))
        )
    params = host.module.params
    unapproved_changes = unapproved(changes, params["pins"]) if params["pinned"] else []
    if unapproved_changes:
        host.module.fail_json(
            msg="nothing was touched: this was not approved: %s" % describe(unapproved_changes)
        )
    return changes


def go_back(
    host: Apt, way: WayBack, planned: List[Change]
) -> Tuple[List[Change], str, Dict[str, List[Finding]]]:
    """What changed, what went wrong, and what nobody was asked about."""
    params = host.module.params
    automatic, before = host.automatic(), host.installed()
    code, text, by_default = host.install(arguments(way), bool(way.removals), True, params["lock_timeout"])
    findings = undecided(text, by_default, params["ci"])
    after = host.installed()
    actual = actual_changes(before, after)
    host.mark_automatic(n for n in automatic if n in after and n in {row["name"] for row in actual})
    if code:
        error = "going back failed:\n%s\nChanged nevertheless: %s"
        return actual, error % (apt_errors(text), describe(actual) or "nothing"), findings
    if not same_set(planned, actual):
        error = "apt did other than it had predicted. Predicted: %s. Done: %s"
        return actual, error % (describe(planned), describe(actual)), findings
    return actual, "", findings


def main() -> None:
    spec = {
        "src": {"type": "path", "required": True},
        "pins": {"type": "dict", "default": {}},
        "pinned": {"type": "bool", "default": False},
        "partial": {"type": "bool", "default": False},
        "reboot_packages": {"type": "list", "elements": "str", "default": []},
        "restart_never": {"type": "list", "elements": "str", "default": []},
        "lock_timeout": {"type": "int", "default": 300},
        "ci": {"type": "str", "default": ""},
    }
    module = AnsibleModule(argument_spec=spec, supports_check_mode=True)
    need_python_apt(module)
    host, folder = Apt(module), module.params["src"]
    try:
        manifest = read_manifest(folder)
    except ValueError as fault:
        module.fail_json(msg=str(fault))
    now = {name: row["version"] for name, row in host.installed().items()}
    lost = []
    if module.params["pinned"]:
        lost = unrecorded_pins(manifest, module.params["pins"], now)
        manifest = within(manifest, module.params["pins"])
    way = find_way(host, folder, manifest, now)
    notes = ["no way back for %s: the old package is not available" % text for text in way.missing]
    notes += ["no way back for %s: %s does not know it" % (text, folder) for text in lost]
    if not manifest["packages"] and not lost:
        notes.append("nothing is recorded in %s, so there is nothing to go back from" % folder)
    if (way.missing or lost) and not module.params["partial"]:
        module.fail_json(msg="nothing was touched: " + "; ".join(notes), fitsom={"notes": notes})
    changes = simulate(host, way, manifest)
    texts = {name: scripts(path) for name, path in way.files.items()}
    asking = [name for name, text in texts.items() if asks_for_reboot(text)]
    predicted = {
        "services": service_rows(
            module, expected_restarts(changes, texts.values(), module.params["restart_never"])
        ),
        "reboot_reasons": reboot_reasons(changes, module.params["reboot_packages"], asking),
    }
    error, findings = "", undecided("", [], "")
    if changes and not module.check_mode:
        changes, error, findings = go_back(host, way, changes)
    facts = {"packages": package_rows(changes, []), "notes": notes, **findings}
    result = dict(predicted, changed=bool(changes), changes=changes, diff=diff_of(changes), fitsom=facts)
    if error:
        module.fail_json(msg=error, **result)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
