#!/usr/bin/python
# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Look for live firewall rules that the register does not know; changes nothing."""

from __future__ import annotations

DOCUMENTATION = r"""
module: nft_review
short_description: Find firewall rules that nobody approved
description:
  - Compares the table C(inet fitsom) with what was last confirmed, and names other tables that
    filter packets.
options:
  ci:
    description: What findings are about, the host's name.
    type: str
    required: true
  known_tables:
    description: Tables of others that are all right, such as C(ip nat).
    type: list
    elements: str
    default: []
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
- name: Look for live rules that the register does not know
  fitsom.school.nft_review:
    ci: srv1
    known_tables: [ip nat]
"""

RETURN = r"""
fitsom:
  description: Findings, each with the live rule, its counters and, where nft keeps it, its last
    match.
  type: dict
  returned: success
"""

import os
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.findings import finding
from ..module_utils.firewall.drift import findings
from ..module_utils.firewall.host import RULES, Host, stored
from ..module_utils.firewall.nft import filtering_tables

SPEC = {
    "ci": {"type": "str", "required": True},
    "known_tables": {"type": "list", "elements": "str", "default": []},
}


def main() -> None:
    """Entry point."""
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    host = Host(module)
    if not host.nft:
        module.exit_json(changed=False, fitsom={"findings": []})
    ci: str = module.params["ci"]
    rows: list[dict[str, Any]] = []
    live = host.live(counters=True)
    if os.path.exists(RULES):
        applied = stored(RULES)
        if live is None and applied:
            rows.append(
                finding(
                    "firewall-off",
                    "exception",
                    ci,
                    "The firewall of this computer is switched off.",
                    "the table inet fitsom is not loaded",
                    "systemctl status fitsom-firewall; the next approved run loads it again",
                )
            )
        else:
            rows += findings(live or [], applied, ci)
    else:
        rows += findings(live or [], [], ci)
    known_names = {"inet fitsom", *module.params["known_tables"]}
    for name, rules in filtering_tables(host.all_tables()).items():
        if name not in known_names:
            rows.append(
                finding(
                    "firewall-other-table",
                    "informational",
                    "%s: table %s" % (ci, name),
                    "Firewall rules other than the register's are in force on this computer.",
                    "nftables table %s filters packets with %d rules" % (name, rules),
                    "If it belongs there (containers, VMs), put it into firewall_rules_known_tables.",
                )
            )
    module.exit_json(changed=False, fitsom={"findings": rows})


if __name__ == "__main__":
    main()
