#!/usr/bin/python
# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Make a restic repository where there is none yet."""

from __future__ import annotations

DOCUMENTATION = r"""
module: backup_repository
short_description: Make a restic repository where there is none yet
description:
  - Opens the repository with the settings in C(/etc/fitsom/backups/NAME.env) and makes it if it is
    not there. Nothing in a repository that is there is touched. One that does not answer, or that
    another key locks, is an error.
options:
  name:
    description: Name of the repository.
    type: str
    required: true
author: The fitsom authors (@fitsom)
attributes:
  check_mode:
    description: Predicts the repository, also where restic and its settings are still to come.
    support: full
  diff_mode:
    description: Shows whether it is there.
    support: full
"""

EXAMPLES = r"""
- name: Make the repository
  fitsom.school.backup_repository:
    name: main
"""

RETURN = r"""
created:
  description: Whether it was made, or would be.
  type: bool
  returned: success
"""

import os

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.backup.restic import FOLDER, Restic, last_error


def main() -> None:
    module = AnsibleModule(
        argument_spec={"name": {"type": "str", "required": True}}, supports_check_mode=True
    )
    name = module.params["name"]
    ready = module.get_bin_path("restic") and os.path.exists(os.path.join(FOLDER, name + ".env"))
    if not ready and not module.check_mode:
        module.fail_json(msg="restic or %s/%s.env is missing: run the role backups first" % (FOLDER, name))
    missing = not ready or not Restic(module, name).exists()
    if missing and not module.check_mode:
        code, _out, err = Restic(module, name).run("init")
        if code:
            module.fail_json(msg="the repository %s could not be made: %s" % (name, last_error(err)))
    words = "repository %s: %s\n"
    diff = {"before": words % (name, "none" if missing else "there"), "after": words % (name, "there")}
    module.exit_json(changed=missing, created=missing, diff=diff)


if __name__ == "__main__":
    main()
