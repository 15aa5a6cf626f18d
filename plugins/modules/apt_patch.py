#!/usr/bin/python
# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Install updates on Debian and its relatives."""

from __future__ import annotations

DOCUMENTATION = r"""
module: apt_patch
short_description: Install outstanding updates, or exactly the approved versions
description:
  - In check mode reports exactly the packages that a run would change, dependencies included, by
    apt's own resolver.
  - Packages are fetched before the first is touched. Which were installed by hand and which as a
    dependency stays.
  - Where a package brings a new configuration file and the host's own was edited, the host's own
    stays. Which ones is a finding.
  - If a package fails, the module fails with apt's and dpkg's own words and leaves the host as it
    then is.
options:
  known:
    description: What M(fitsom.school.apt_updates) found out about the new versions, for the report.
    type: list
    elements: dict
    default: []
  reboot_reasons:
    description: Packages that ask for a reboot; noted in C(/run/reboot-required) once they are
      installed.
    type: list
    elements: str
    default: []
  pool:
    description: Keep the installed .debs in this folder, so that they can be gone back to after the
      next patch run.
    type: path
  ci:
    description: What findings call this host.
    type: str
    default: ""
extends_documentation_fragment:
  - fitsom.school.apt_selection
author: The fitsom authors (@fitsom)
"""

EXAMPLES = r"""
- name: Install the security updates
  fitsom.school.apt_patch:
    scope: security

- name: Install what was approved
  fitsom.school.apt_patch:
    pins: {openssl: 3.0.17-1, libssl3: 3.0.17-1}
"""

RETURN = r"""
fitsom:
  description: The packages that changed, or in check mode that would; configuration that was kept.
  type: dict
  returned: always
"""

import os
from typing import Any, Dict, Iterable, List, Mapping

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.apt.backout_files import keep_file, make_folder, remove_outdated
from ..module_utils.apt.host import (
    SELECTION,
    Apt,
    Plan,
    deb_path,
    make_plan,
    need_python_apt,
    version_of,
)
from ..module_utils.apt.rules import (
    Change,
    actual_changes,
    apt_errors,
    deb_name,
    describe,
    diff_of,
    package_rows,
    same_set,
)
from ..module_utils.apt.undecided import undecided

REBOOT_REQUIRED = "/run/reboot-required"


def keep_in_pool(
    pool: str, changes: Iterable[Change], plan: Plan, installed: Mapping[str, Mapping[str, str]]
) -> None:
    """Keep what was just installed, and only .debs of versions that are installed."""
    make_folder(pool)
    for row in changes:
        deb = deb_path(row["name"], version_of(plan.packages, row["name"], row["to"])) if row["to"] else None
        if deb:
            keep_file(deb, pool)
    remove_outdated(pool, [deb_name(name, row["version"], row["arch"]) for name, row in installed.items()])


def note_reboot(reasons: Iterable[str], path: str = REBOOT_REQUIRED) -> None:
    """As Debian's own tools note it: it is gone after the next start."""
    names = list(reasons)
    if not names:
        return
    with open(path, "a", encoding="utf-8") as handle:
        handle.write("*** System restart required ***\n" if not handle.tell() else "")
    listing = path + ".pkgs"
    listed_names: List[str] = []
    if os.path.exists(listing):
        with open(listing, encoding="utf-8") as handle:
            listed_names = handle.read().split()
    with open(listing, "a", encoding="utf-8") as handle:
        handle.writelines(name + "\n" for name in names if name not in listed_names)


def broken(installed: Mapping[str, Mapping[str, str]]) -> List[str]:
    return sorted(name for name, row in installed.items() if row["state"] not in ("ii", "hi"))


def failure(text: str, changes: List[Change], incomplete: List[str]) -> str:
    message = "the updates failed:\n" + apt_errors(text)
    message += "\nChanged nevertheless: %s." % (describe(changes) or "nothing")
    if incomplete:
        message += "\nNot completely installed: %s." % ", ".join(incomplete)
    return message + "\nThe host stays as it is; its back-out brings back the versions before."


def patch(host: Apt, plan: Plan, options: Mapping[str, Any]) -> Dict[str, Any]:
    """Install.

    Returns what really changed; fails the module if apt failed or if something else changed.
    """
    lock = options["lock_timeout"]
    error = host.download(plan.arguments, lock)
    if error:
        host.module.fail_json(msg="nothing was touched: the new packages could not be fetched:\n" + error)
    automatic, before = host.automatic(), host.installed()
    removals = any(row["action"] == "remove" for row in plan.changes)
    code, text, by_default = host.install(plan.arguments, removals, False, lock)
    after = host.installed()
    actual = actual_changes(before, after)
    new = [row["name"] for row in actual if row["action"] == "install"]
    host.mark_automatic([n for n in automatic if n in after and n in {r["name"] for r in actual}] + new)
    note_reboot(name for name in options["reboot_reasons"] if name in {row["name"] for row in actual})
    facts: Dict[str, Any] = {"packages": package_rows(actual, options["known"])}
    facts.update(undecided(text, by_default, options["ci"]))
    incomplete = broken(
        {name: row for name, row in after.items() if name in {r["name"] for r in plan.changes}}
    )
    if code or incomplete:
        host.module.fail_json(
            msg=failure(text, actual, incomplete), changed=bool(actual), diff=diff_of(actual), fitsom=facts
        )
    if not same_set(plan.changes, actual):
        message = "apt did other than it had predicted. Predicted: %s. Done: %s"
        host.module.fail_json(
            msg=message % (describe(plan.changes), describe(actual)),
            changed=True,
            diff=diff_of(actual),
            fitsom=facts,
        )
    if options["pool"]:
        keep_in_pool(options["pool"], actual, plan, after)
    return {"changed": bool(actual), "diff": diff_of(actual), "fitsom": facts}


def main() -> None:
    spec = dict(
        SELECTION,
        known={"type": "list", "elements": "dict", "default": []},
        reboot_reasons={"type": "list", "elements": "str", "default": []},
        pool={"type": "path"},
        ci={"type": "str", "default": ""},
    )
    module = AnsibleModule(argument_spec=spec, supports_check_mode=True)
    need_python_apt(module)
    host = Apt(module)
    plan = make_plan(host, module.params)
    if module.check_mode or not plan.changes:
        module.exit_json(
            changed=bool(plan.changes),
            diff=diff_of(plan.changes),
            fitsom={"packages": package_rows(plan.changes, module.params["known"])},
        )
    module.exit_json(**patch(host, plan, module.params))


if __name__ == "__main__":
    main()
