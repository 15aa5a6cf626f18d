#!/usr/bin/python
# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Check the rule register of a host and resolve it; on the controller, changing nothing."""

from __future__ import annotations

DOCUMENTATION = r"""
module: firewall_register
short_description: Check a host's firewall rules and resolve their zones
description:
  - Reports all faults together, each with the rule and the file that it is in. Sends nothing to the
    host.
  - Reports which rules expire in the coming term.
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
    description: For C(ios) the rules are made into access lists, too. What a platform cannot do is
      a fault.
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
  description: For C(ios), C(parents) and C(lines) of each list, for
    M(fitsom.school.netmiko_config).
  type: list
  elements: dict
  returned: success
expiring:
  description: >-
    The table for the term's review, C({rule, owner, reason, change, expires, file, days}) of each
    rule that has expired or will within O(remind_days), those that end first in front. C(days) is
    below zero where it has expired.
  type: list
  elements: dict
  returned: always
fitsom:
  description: Rules that have expired or soon will, as findings and as RV(expiring), which so gets
    into a run's record.
  type: dict
  returned: always
"""

import datetime
from typing import Any, Callable, Sequence

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.findings import Finding, finding
from ..module_utils.firewall.acl import access_lists
from ..module_utils.firewall.acl import faults as unfit_for_ios
from ..module_utils.firewall.model import Rule, dump, parse_network
from ..module_utils.firewall.overlap import Packet
from ..module_utils.firewall.register import Context, Register, management_faults, read
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
    result = []
    for row in rows:
        expired = row["days"] < 0
        result.append(
            finding(
                "firewall-rule-expired" if expired else "firewall-rule-expires",
                "exception" if expired else "warning",
                "%s: rule %s" % (ci, row["rule"]),
                "The firewall rule %s (owner: %s) %s on %s."
                % (
                    row["rule"],
                    row["owner"] or "not known",
                    "expired" if expired else "expires",
                    english(datetime.date.fromisoformat(row["expires"])),
                ),
                "; ".join(filter(None, (words.get(row["rule"], ""), origin(row)))),
                "Ask the owner whether it is still needed; renew it by a change, or take it out.",
            )
        )
    return result


def origin(row: dict[str, Any]) -> str:
    """A rule's reason and change, and the file that it is in."""
    return "%s, by %s, in %s" % tuple(row[key] or "not known" for key in ("reason", "change", "file"))


def management(params: dict[str, Any], rules: list[Rule]) -> list[str]:
    """What would keep those out who administer this host."""
    if params["management_zones"] is None:
        return []
    if not params["management_zones"]:
        return ["firewall_rules_management_zones is empty: name the zones that administer this host"]
    faults = []
    for name in params["management_zones"]:
        zone = params["zones"].get(name) or {"addresses": params["groups"].get(name)}
        if not zone.get("addresses"):
            faults.append("management zone %s has no addresses; see firewall_rules_zones" % name)
            continue
        packet = Packet(
            "tcp",
            params["management_port"],
            target=params["management_address"],
            interface=(zone.get("interfaces") or [""])[0],
        )
        networks = [parse_network(address) for address in zone["addresses"]]
        faults += management_faults(rules, packet, networks, "the management path from %s" % name)
    return faults


def main() -> None:
    """Entry point."""
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    params = module.params
    try:
        today = datetime.date.fromisoformat(params["today"]) if params["today"] else datetime.date.today()  # noqa: DTZ011
    except ValueError:
        module.fail_json(msg="firewall_rules_today is a date such as 2026-09-01, not %s" % params["today"])
    register = read(
        params["entries"],
        Context(params["zones"], params["services"], params["groups"], today, params["longest_days"]),
    )
    ending = expiring(register, today, params["remind_days"])
    facts = {"findings": findings(ending, register.words, params["ci"]), "expiring": ending}
    unfit = UNFIT.get(params["platform"])
    faults = register.faults or [
        *management(params, register.rules),
        *(unfit(register.rules) if unfit else ()),
    ]
    if faults:
        module.fail_json(
            msg="The rule register is not sound; nothing was sent to this host:\n- %s" % "\n- ".join(faults),
            faults=faults,
            expiring=ending,
            fitsom=facts,
        )
    module.exit_json(
        changed=False,
        rules=[dump(rule) for rule in register.rules],
        access_lists=access_lists(register.rules) if params["platform"] == "ios" else [],
        expiring=ending,
        fitsom=facts,
    )


if __name__ == "__main__":
    main()
