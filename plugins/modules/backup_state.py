#!/usr/bin/python
# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Ask every repository of a host for its backups; changes nothing."""

from __future__ import annotations

DOCUMENTATION = r"""
module: backup_state
short_description: Ask every repository of a host for its backups
description:
  - Reads the data sets that the role backups configured on the host and asks each repository itself
    for its snapshots. What is missing, older than promised, or kept in too few places is a finding.
options:
  ci:
    description: What findings are about, the host's name.
    type: str
    required: true
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
- name: Ask for the backups
  fitsom.school.backup_state:
    ci: srv1
"""

RETURN = r"""
configured:
  description: Whether this host has data sets at all.
  type: bool
  returned: success
sets:
  description: Each data set in each repository, with the age of its last snapshot in hours, or
    null.
  type: list
  elements: dict
  returned: success
fitsom:
  description: Findings, and a check for each data set.
  type: dict
  returned: success
"""

from datetime import datetime, timezone

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.backup.restic import Restic, configured
from ..module_utils.backup.rules import copies, failed, state_of


def main() -> None:
    module = AnsibleModule(argument_spec={"ci": {"type": "str", "required": True}}, supports_check_mode=True)
    host, policy = module.params["ci"], configured()
    if policy is None:
        module.exit_json(changed=False, configured=False, sets=[])
        return
    now, rows = datetime.now(timezone.utc), []
    for place in policy["repositories"]:
        snapshots = Restic(module, place["name"]).snapshots()[0] if module.get_bin_path("restic") else None
        rows += [state_of(host, data_set, snapshots, place["name"], now) for data_set in policy["sets"]]
    findings = [row["finding"] for row in rows if row["finding"]] + copies(host, policy["repositories"])
    for data_set in policy["sets"]:
        unit = "fitsom-backup-%s.service" % data_set["name"]
        if module.run_command(["systemctl", "is-failed", "--quiet", unit])[0] == 0:
            findings.append(failed(host, data_set["name"]))
    checks = [
        {"name": "%s is backed up in %s" % (row["set"], row["repository"]), "ok": row["finding"] is None}
        for row in rows
    ]
    module.exit_json(
        changed=False, configured=True, sets=rows, fitsom={"findings": findings, "checks": checks}
    )


if __name__ == "__main__":
    main()
