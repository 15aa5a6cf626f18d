#!/usr/bin/python
# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Check the rule register of a host and resolve it; on the controller, changing nothing."""

from __future__ import annotations

DOCUMENTATION = r"""
module: firewall_register
short_description: Check a host's firewall rules and resolve their zones
description:
  - Tells every fault at once, each with the rule and the file that it stands in. Sends nothing to the host.
  - Tells which rules expire in the coming term.
options:
  entries:
    description: The rules in their order, each as C(rule) and C(where).
    type: list
    elements: dict
    required: true
  zones:
    description: Name to C(addresses) and C(interfaces).
    type: dict
    default: {}
  services:
    description: Name to a list such as C(tcp/443).
    type: dict
    default: {}
  groups:
    description: Groups of the inventory that rules name, with the addresses of their hosts.
    type: dict
    default: {}
  management_zones:
    description: Zones that must be let in. Where it is left out nobody must.
    type: list
    elements: str
  management_port:
    description: The port at which they must be let in.
    type: int
    default: 22
  management_address:
    description: The address of this host that they reach it at, if it is known.
    type: str
    default: ""
  today:
    description: The day to decide by. Empty is today.
    type: str
    default: ""
  longest_days:
    description: For how many days a rule may be at most.
    type: int
    default: 120
  remind_days:
    description: Rules that expire within so many days are reported.
    type: int
    default: 42
  platform:
    description: For C(ios) the rules are made into access lists, too. What a platform can not do is a fault.
    type: str
    choices: [nftables, ios, windows]
    default: nftables
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
- name: Check the rule register
  fitsom.school.firewall_register:
    entries:
      - where: group_vars/all.yml:3
        rule:
          name: manage
          from: [management]
          services: [ssh]
          owner: Network manager
          reason: Administration
          change: CHG-2026-0001
          expires: 2026-12-18
    zones: {management: {addresses: [10.0.9.0/24]}}
    services: {ssh: [tcp/22]}
    management_zones: [management]
    ci: srv1
  delegate_to: localhost
"""

RETURN = r"""
rules:
  description: The rules with their zones resolved, for M(fitsom.school.nft_table) and others.
  type: list
  elements: dict
  returned: success
access_lists:
  description: For C(ios), C(parents) and C(lines) of each list, for M(fitsom.school.netmiko_config).
  type: list
  elements: dict
  returned: success
expiring:
  description: >-
    The table for the term's review, C({rule, owner, reason, change, expires, file, days}) of each rule that has expired
    or will within O(remind_days), those that end first in front. C(days) is below zero where it has expired.
  type: list
  elements: dict
  returned: always
fitsom:
  description: Rules that have expired or soon will, as findings and as RV(expiring), which so gets into a run's record.
  type: dict
  returned: always
"""

import datetime
from typing import Any, Callable, Sequence

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.findings import Finding, finding
from ..module_utils.firewall.acl import access_lists
from ..module_utils.firewall.acl import faults as unfit_for_ios
from ..module_utils.firewall.model import Rule, dump, parse_net
from ..module_utils.firewall.overlap import Packet
from ..module_utils.firewall.register import Register, Surroundings, management_faults, read
from ..module_utils.firewall.windows import faults as unfit_for_windows
from ..module_utils.firewall.words import english

UNFIT: dict[str, Callable[[Sequence[Rule]], list[str]]] = {"ios": unfit_for_ios, "windows": unfit_for_windows}

SPEC = {
    "entries": {"type": "list", "elements": "dict", "required": True},
    "zones": {"type": "dict", "default": {}},
    "services": {"type": "dict", "default": {}},
    "groups": {"type": "dict", "default": {}},
    "management_zones": {"type": "list", "elements": "str"},
    "management_port": {"type": "int", "default": 22},
    "management_address": {"type": "str", "default": ""},
    "today": {"type": "str", "default": ""},
    "longest_days": {"type": "int", "default": 120},
    "remind_days": {"type": "int", "default": 42},
    "platform": {"type": "str", "choices": ["nftables", "ios", "windows"], "default": "nftables"},
    "ci": {"type": "str", "required": True},
}


def expiring(register: Register, today: datetime.date, days: int) -> list[dict[str, Any]]:
    """The rules that have expired or will within so many days, those that end first in front."""
    rows = [
        {
            "rule": name,
            "owner": term.owner,
            "reason": term.reason,
            "change": term.change,
            "expires": str(term.expires),
            "file": term.where,
            "days": (term.expires - today).days,
        }
        for name, term in register.terms.items()
        if (term.expires - today).days <= days
    ]
    return sorted(rows, key=lambda row: (row["days"], row["rule"]))


def findings(rows: list[dict[str, Any]], words: dict[str, str], ci: str) -> list[Finding]:
    """A finding for each of them; `words` are what the rules say in plain English."""
    found = []
    for row in rows:
        gone = row["days"] < 0
        found.append(
            finding(
                "firewall-rule-expired" if gone else "firewall-rule-expires",
                "exception" if gone else "warning",
                "%s: rule %s" % (ci, row["rule"]),
                "The firewall rule %s (owner: %s) %s on %s."
                % (
                    row["rule"],
                    row["owner"] or "not known",
                    "expired" if gone else "expires",
                    english(datetime.date.fromisoformat(row["expires"])),
                ),
                "; ".join(filter(None, (words.get(row["rule"], ""), origin(row)))),
                "Ask the owner whether it is still needed; renew it by a change, or take it out.",
            )
        )
    return found


def origin(row: dict[str, Any]) -> str:
    """Why and by which change there is the rule, and where it stands."""
    return "%s, by %s, in %s" % tuple(row[key] or "not known" for key in ("reason", "change", "file"))


def management(given: dict[str, Any], rules: list[Rule]) -> list[str]:
    """What would keep those out who administer this host."""
    if given["management_zones"] is None:
        return []
    if not given["management_zones"]:
        return ["firewall_rules_management_zones is empty: name the zones that administer this host"]
    faults = []
    for name in given["management_zones"]:
        zone = given["zones"].get(name) or {"addresses": given["groups"].get(name)}
        if not zone.get("addresses"):
            faults.append("management zone %s has no addresses; see firewall_rules_zones" % name)
            continue
        packet = Packet(
            "tcp",
            given["management_port"],
            target=given["management_address"],
            interface=(zone.get("interfaces") or [""])[0],
        )
        nets = [parse_net(address) for address in zone["addresses"]]
        faults += management_faults(rules, packet, nets, "the management path from %s" % name)
    return faults


def main() -> None:
    """Entry point."""
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    given = module.params
    try:
        today = datetime.date.fromisoformat(given["today"]) if given["today"] else datetime.date.today()  # noqa: DTZ011
    except ValueError:
        module.fail_json(msg="firewall_rules_today is a date such as 2026-09-01, not %s" % given["today"])
    register = read(
        given["entries"],
        Surroundings(given["zones"], given["services"], given["groups"], today, given["longest_days"]),
    )
    ending = expiring(register, today, given["remind_days"])
    told = {"findings": findings(ending, register.words, given["ci"]), "expiring": ending}
    unfit = UNFIT.get(given["platform"])
    faults = register.faults or [
        *management(given, register.rules),
        *(unfit(register.rules) if unfit else ()),
    ]
    if faults:
        module.fail_json(
            msg="The rule register is not sound; nothing was sent to this host:\n- %s" % "\n- ".join(faults),
            faults=faults,
            expiring=ending,
            fitsom=told,
        )
    module.exit_json(
        changed=False,
        rules=[dump(rule) for rule in register.rules],
        access_lists=access_lists(register.rules) if given["platform"] == "ios" else [],
        expiring=ending,
        fitsom=told,
    )


if __name__ == "__main__":
    main()
