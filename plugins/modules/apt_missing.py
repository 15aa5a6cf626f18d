#!/usr/bin/python
# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Say which packages are not installed; changes nothing."""

from __future__ import annotations

DOCUMENTATION = r"""
module: apt_missing
short_description: Say which packages are not installed
description:
  - Asks dpkg once for many packages, where M(ansible.builtin.apt) opens apt's lists for each task,
    which takes a host about a second.
  - Changes nothing.
options:
  names:
    description: Names of packages, without a version.
    type: list
    elements: str
    required: true
author: The fitsom authors (@fitsom)
"""

EXAMPLES = r"""
- name: Look which packages are missing
  fitsom.school.apt_missing:
    names: [chrony, tzdata]
  register: packages
  changed_when: false
  check_mode: false

- name: Install chrony
  ansible.builtin.apt:
    name: chrony
  when: "'chrony' in packages.missing"
"""

RETURN = r"""
missing:
  description: Those of O(names) that are not installed, or only in part.
  type: list
  elements: str
  returned: success
"""

from typing import List

from ansible.module_utils.basic import AnsibleModule

FORMAT = "--showformat=${db:Status-Status} ${Package}\n"


def installed(listing: str) -> List[str]:
    """The names in dpkg-query's answer that are wholly installed."""
    rows = (line.split(" ", 1) for line in listing.splitlines())
    return [row[1] for row in rows if row[0] == "installed" and len(row) > 1]


def main() -> None:
    module = AnsibleModule(
        argument_spec={"names": {"type": "list", "elements": "str", "required": True}},
        supports_check_mode=True,
    )
    names = module.params["names"]
    there: List[str] = []
    if names:
        # Ends with 1 where it does not know one of them, which is no fault.
        code, out, err = module.run_command(["dpkg-query", "--show", FORMAT, "--", *names])
        if code > 1:
            module.fail_json(msg="dpkg-query failed: %s" % err.strip())
        there = installed(out)
    module.exit_json(changed=False, missing=[name for name in names if name not in there])


if __name__ == "__main__":
    main()
