#!/usr/bin/python
# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Our nftables table, replaced in one step; the old one comes back unless somebody confirms."""

from __future__ import annotations

DOCUMENTATION = r"""
module: nft_table
short_description: Replace fitsom's own nftables table, to be confirmed or undone automatically
description:
  - Makes the table C(inet fitsom) what the rules say, in one step. No other table is touched.
  - Before that a timer of systemd is started which brings the old table back.
    M(fitsom.school.nft_confirm) stops it, from a new connection.
  - What the rules come out as is found by loading them in a network namespace of their own, in
    check mode too.
  - Lines that somebody added to the table by hand are reported, and kept unless O(by_hand) says
    otherwise.
options:
  rules:
    description: Rules with their zones resolved, as M(fitsom.school.firewall_register) returns
      them.
    type: list
    elements: dict
    default: []
  restore:
    description: Instead of rules, a file with the table to go back to.
    type: path
  outbound_denied:
    description: Whether connections that this host begins need a rule.
    type: bool
    default: false
  forward_denied:
    description: Whether packets that this host forwards need a rule.
    type: bool
    default: false
  log_denied:
    description: Whether refused packets are logged, ten a second at most.
    type: bool
    default: true
  by_hand:
    description: What is done with lines that somebody added to our table by hand.
    type: str
    choices: [keep, refuse, remove]
    default: keep
  guard:
    description: Whether rules are refused that would not let in the connection which this module
      came by.
    type: bool
    default: true
  confirm_seconds:
    description: After how many seconds the old table comes back automatically.
    type: int
    default: 60
  save_dir:
    description: The folder that keeps the table as it was before this change; what is there already
      is kept.
    type: path
    required: true
author: The fitsom authors (@fitsom)
attributes:
  check_mode:
    description: Reports what would be changed. Where nft is not installed yet, it is not asked how
      it writes the rules.
    support: full
  diff_mode:
    description: The table before and after.
    support: full
"""

EXAMPLES = r"""
- name: Replace the firewall rules
  fitsom.school.nft_table:
    rules: "{{ register.rules }}"
    save_dir: /var/lib/fitsom/firewall/CHG-2026-0001
"""

RETURN = r"""
waiting:
  description: Whether M(fitsom.school.nft_confirm) is to follow.
  type: bool
  returned: success
fitsom:
  description: Each rule that is added, changed or removed.
  type: dict
  returned: success
"""

import json
import os
from typing import Any, Optional

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.firewall.drift import by_hand, merge, objects
from ..module_utils.firewall.host import (
    RULES,
    STATE,
    Host,
    file_text,
    stored,
)
from ..module_utils.firewall.model import Rule, load, parse_network
from ..module_utils.firewall.nft import Block, Policy, parse, render, text_of
from ..module_utils.firewall.overlap import Packet
from ..module_utils.firewall.register import management_faults
from ..module_utils.firewall.words import parse_header
from ..module_utils.linux import read_exactly, ssh_connection, ticks_now

SPEC = {
    "rules": {"type": "list", "elements": "dict", "default": []},
    "restore": {"type": "path"},
    "outbound_denied": {"type": "bool", "default": False},
    "forward_denied": {"type": "bool", "default": False},
    "log_denied": {"type": "bool", "default": True},
    "by_hand": {"type": "str", "choices": ["keep", "refuse", "remove"], "default": "keep"},
    "guard": {"type": "bool", "default": True},
    "confirm_seconds": {"type": "int", "default": 60},
    "save_dir": {"type": "path", "required": True},
}


def desired_table(module: AnsibleModule, host: Host) -> tuple[Optional[list[Block]], dict[str, str]]:
    """The table as the register, or the file to go back to, says, and what its rules mean; None for
    no table.
    """
    params = module.params
    if params["restore"]:
        if not os.path.exists(params["restore"]):
            module.fail_json(msg="%s is not there: this change was never made here" % params["restore"])
        return stored(params["restore"]) or None, parse_header(read_exactly(params["restore"]))
    rules = [load(rule) for rule in params["rules"]]
    if params["guard"]:
        guard(module, host, rules)
    policy = Policy(
        outbound_denied=params["outbound_denied"],
        forward_denied=params["forward_denied"],
        log_denied=params["log_denied"],
        last=bool(host.nft) and host.knows_last(),
    )
    text = render(rules, policy)
    return host.as_loaded(text) if host.nft else parse(text), {rule.name: rule.words for rule in rules}


def guard(module: AnsibleModule, host: Host, rules: list[Rule]) -> None:
    """Refuse to cut off the connection of this run."""
    connection = ssh_connection()
    if connection is None:
        return
    client, server, port = connection
    packet = Packet("tcp", port, target=server, interface=host.interface_to(client))
    faults = management_faults(rules, packet, [parse_network(client)], "the connection of this run")
    if faults:
        module.fail_json(msg="%s. Nothing was touched." % faults[0])


def target_of(
    module: AnsibleModule, desired: Optional[list[Block]], live: list[Block]
) -> Optional[list[Block]]:
    """The desired table, together with what was added by hand."""
    applied = stored(RULES)
    strange = by_hand(live, applied)
    if not strange or module.params["by_hand"] == "remove":
        return desired
    if module.params["by_hand"] == "refuse":
        lines = [line for block in strange for line in block.lines or (block.head,)]
        module.fail_json(
            msg="Somebody added to the firewall by hand; nothing was touched. Put it into the register, or set"
            " firewall_rules_by_hand to keep or remove: %s" % "; ".join(lines)
        )
    return merge(desired or [], live, applied)


def apply(
    host: Host, live: Optional[list[Block]], target: Optional[list[Block]], params: dict[str, Any]
) -> None:
    """The old table to a file, the timer that brings it back, and only then the new one."""
    before, after = (os.path.join(STATE, name) for name in ("before.nft", "after.nft"))
    host.write(before, file_text(live, {}))
    host.write(after, file_text(target, {}))
    host.arm(before, params["confirm_seconds"])
    host.load(after)


def main() -> None:
    """Entry point."""
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    host = Host(module)
    params = module.params
    if not host.nft and not module.check_mode:
        module.fail_json(msg="nft is not installed (Debian: nftables)")
    if host.nft and (host.armed() or host.reverting()):
        module.fail_json(
            msg="A change before this one still waits to be confirmed or undone. Try again in a minute."
        )
    live = host.live()
    words_before = parse_header(read_exactly(RULES))
    desired, words_after = desired_table(module, host)
    target = target_of(module, desired, live or [])
    changed_rules = target != live
    keep = file_text(desired, words_after)
    if not changed_rules and read_exactly(RULES) == keep:
        module.exit_json(changed=False, waiting=False, fitsom={"objects": []})
    if not module.check_mode:
        saved = os.path.join(params["save_dir"], "before.nft")
        if not os.path.exists(saved):
            host.write(saved, file_text(stored(RULES) or live, words_before))
        if changed_rules:
            apply(host, live, target, params)
        host.write(
            os.path.join(STATE, "pending.json"),
            json.dumps({"moved": changed_rules, "keep": keep, "since": ticks_now()}),
        )
    texts = [text_of(blocks) if blocks else "" for blocks in (live, target)]
    module.exit_json(
        changed=True,
        waiting=True,
        diff={"before": texts[0], "after": texts[1]},
        fitsom={"objects": objects(live or [], target or [], words_before, words_after)},
    )


if __name__ == "__main__":
    main()
