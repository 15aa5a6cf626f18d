#!/usr/bin/python
# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Facts about outstanding updates; changes nothing."""

from __future__ import annotations

DOCUMENTATION = r"""
module: apt_updates
short_description: Find out which updates are outstanding and which of them a patch run would
  install
description:
  - Reads what is installed and what the archives offer, on Debian and its relatives, through
    python-apt.
  - Asks apt's own resolver what installing the selected updates would change, dependencies
    included.
  - Nothing that is installed or running is touched. With O(refresh) the package index is fetched
    and with O(read_notes) the new packages are fetched into apt's cache, in check mode too; neither
    counts as a change.
options:
  refresh:
    description: Fetch the package index first. A source that cannot be reached is an error.
    type: bool
    default: true
  read_notes:
    description:
      - Fetch the new packages into apt's cache and read their change notes and scripts.
      - This is where advisories, the day of release and requests for a reboot come from.
    type: bool
    default: true
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
extends_documentation_fragment:
  - fitsom.school.apt_selection
author: The fitsom authors (@fitsom)
"""

EXAMPLES = r"""
- name: Find out which updates are outstanding
  fitsom.school.apt_updates:
    scope: all
    exclude: [mariadb-server]
  register: found
  changed_when: false
  check_mode: false
"""

RETURN = r"""
updates:
  description: Every outstanding update, whatever was selected.
  type: list
  elements: dict
  returned: success
  sample: [{name: openssl, arch: amd64, installed: 3.0.16-1, candidate: 3.0.17-1, security: true,
            origin: Debian-Security, held: false}]
changes:
  description: What a patch run with the same options would change, in the form of the C(fitsom)
    key's packages.
  type: list
  elements: dict
  returned: success
left_out:
  description: Outstanding updates that would not be installed, each with its reason (held, excluded
    or kept back).
  type: list
  elements: dict
  returned: success
holds:
  description: Installed packages that dpkg holds.
  type: list
  elements: str
  returned: success
to_hold:
  description: Names of O(hold) that are installed and that dpkg does not hold yet.
  type: list
  elements: str
  returned: success
services:
  description: Running services that the changes would restart, and by whom.
  type: list
  elements: dict
  returned: success
reboot_reasons:
  description: Packages among the changes that ask for a reboot.
  type: list
  elements: str
  returned: success
fitsom:
  description: What is left out and why, as notes for the reader of the plan.
  type: dict
  returned: success
"""

from typing import Any, Dict, Iterable, List, Mapping, Optional, Tuple

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.apt.debs import asks_for_reboot, changelog, scripts
from ..module_utils.apt.host import (
    SELECTION,
    Apt,
    Plan,
    deb_path,
    make_plan,
    need_python_apt,
    version_of,
)
from ..module_utils.apt.restarts import expected_restarts, service_rows
from ..module_utils.apt.rules import outstanding, package_rows, parse_changelog, reboot_reasons


def describe_new(plan: Plan, read_notes: bool) -> Tuple[List[Dict[str, Any]], Dict[str, str]]:
    """What is known of each new version, and the scripts of those whose .deb is at hand."""
    details: List[Dict[str, Any]] = []
    texts: Dict[str, str] = {}
    notes: Dict[Tuple[Optional[str], Optional[str]], Optional[str]] = {}
    for row in plan.changes:
        if not row["to"]:
            continue
        version = version_of(plan.packages, row["name"], row["to"])
        deb = deb_path(row["name"], version) if version and read_notes else None
        detail = {"name": row["name"], "to": row["to"], "arch": version.get("arch", row["arch"])}
        detail.update(security=version.get("security", False), origin=version.get("origin"))
        if deb:
            texts[row["name"]] = scripts(deb)
            key = (version.get("source"), row["from"])
            if notes.get(key) is None:
                notes[key] = changelog(deb)
        details.append(dict(detail, source=(version.get("source"), row["from"])))
    for detail in details:
        text = notes.get(detail.pop("source"))
        if text:
            installed = next(row["from"] for row in plan.changes if row["name"] == detail["name"])
            detail["advisories"], detail["released"] = parse_changelog(text, installed)
    return details, texts


def left_out_notes(plan: Plan) -> List[str]:
    return [
        "%s stays at %s (%s is offered): %s" % (row["name"], row["installed"], row["offered"], row["reason"])
        for row in sorted(plan.left_out, key=lambda row: row["name"])
    ]


def not_yet_held(packages: Mapping[str, Mapping[str, Any]], names: Iterable[str]) -> List[str]:
    states = {name: packages[name] for name in set(names) if name in packages}
    return sorted(name for name, state in states.items() if state["installed"] and not state["held"])


def main() -> None:
    spec = dict(
        SELECTION,
        refresh={"type": "bool", "default": True},
        read_notes={"type": "bool", "default": True},
        reboot_packages={"type": "list", "elements": "str", "default": []},
        restart_never={"type": "list", "elements": "str", "default": []},
    )
    module = AnsibleModule(argument_spec=spec, supports_check_mode=True)
    need_python_apt(module)
    host = Apt(module)
    if module.params["refresh"]:
        host.refresh(module.params["lock_timeout"])
    plan = make_plan(host, module.params)
    notes = left_out_notes(plan)
    if module.params["read_notes"] and plan.changes:
        error = host.download(plan.arguments, module.params["lock_timeout"])
        if error:
            module.fail_json(msg="the new packages could not be fetched:\n" + error)
    details, texts = describe_new(plan, module.params["read_notes"])
    expected = expected_restarts(plan.changes, texts.values(), module.params["restart_never"])
    asking = [name for name, text in texts.items() if asks_for_reboot(text)]
    module.exit_json(
        changed=False,
        updates=[
            dict(row, origin=version_of(plan.packages, row["name"], row["candidate"]).get("origin"))
            for row in outstanding(plan.packages)
        ],
        changes=package_rows(plan.changes, details),
        left_out=plan.left_out,
        holds=sorted(name for name, state in plan.packages.items() if state["held"] and state["installed"]),
        to_hold=not_yet_held(plan.packages, module.params["hold"]),
        services=service_rows(module, expected),
        reboot_reasons=reboot_reasons(plan.changes, module.params["reboot_packages"], asking),
        fitsom={"notes": notes},
    )


if __name__ == "__main__":
    main()
