#!/usr/bin/python
# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Confirm new firewall rules, from a connection that they let in; or report that the old ones are
back.
"""

from __future__ import annotations

DOCUMENTATION = r"""
module: nft_confirm
short_description: Confirm what nft_table did, from a new connection only
description:
  - The host itself checks when the ssh connection of this module began. One that is older
    than the new rules proves nothing, since answers to established connections are let through. It
    is refused.
  - Confirmed rules are written to C(/etc/fitsom/firewall/rules.nft), which is loaded at boot.
options:
  state:
    description:
      - C(confirmed) stops the timer and keeps the rules.
      - C(reverted) waits until the old rules are back, and changes nothing.
    type: str
    choices: [confirmed, reverted]
    default: confirmed
  local:
    description: Whether Ansible runs on this very host, where there is no connection that could be
      cut.
    type: bool
    default: false
  wait:
    description: Seconds to wait for the old rules.
    type: int
    default: 30
author: The fitsom authors (@fitsom)
attributes:
  check_mode:
    description: Says changed, since it is called only where there is something to confirm.
    support: full
  diff_mode:
    description: The difference is that of M(fitsom.school.nft_table).
    support: none
"""

EXAMPLES = r"""
- name: Confirm the new rules
  fitsom.school.nft_confirm:
"""

RETURN = r"""
fitsom:
  description: >-
    The check that the host can be reached under its new rules, or that its old ones are back; then
    the changes of rules that were reported before are C(undone).
  type: dict
  returned: success
"""

import os
import time
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.firewall.host import (
    RULES,
    STATE,
    Host,
    pending,
    stored,
)
from ..module_utils.linux import ssh_process, start_of

SPEC = {
    "state": {"type": "str", "choices": ["confirmed", "reverted"], "default": "confirmed"},
    "local": {"type": "bool", "default": False},
    "wait": {"type": "int", "default": 30},
}


def confirm(module: AnsibleModule, host: Host, waiting: dict[str, Any]) -> None:
    """Stop the timer and keep the rules, if this connection is proof that they let us in."""
    if waiting["moved"]:
        prove(module, host, waiting["since"])
        host.disarm()
        if host.reverting() or host.live() != (stored(os.path.join(STATE, "after.nft")) or None):
            module.fail_json(msg="The old rules came back in the moment of confirming.")
    host.write(RULES, waiting["keep"])
    os.unlink(os.path.join(STATE, "pending.json"))


def prove(module: AnsibleModule, host: Host, since: int) -> None:
    """Fail, and let the timer run, unless this connection is younger than the rules."""
    if not host.armed():
        module.fail_json(msg="Nobody confirmed in time; the old rules are back.")
    process = ssh_process()
    if not process and not module.params["local"]:
        module.fail_json(
            msg="This is not an ssh connection, so it does not prove that the host can be reached."
        )
    if process and start_of(process) <= since:
        module.fail_json(
            msg="This connection is older than the new rules, so it does not prove that they let us in."
            " The old rules come back automatically."
        )


def await_old(module: AnsibleModule, host: Host) -> None:
    """Wait until the timer has fired and the table is as it was."""
    before = stored(os.path.join(STATE, "before.nft")) or None
    until = time.monotonic() + module.params["wait"]
    while host.armed() or host.reverting() or host.live() != before:
        if time.monotonic() > until:
            module.fail_json(msg="The old rules are NOT back. Look at this host on its own screen.")
        time.sleep(0.5)


def main() -> None:
    """Entry point."""
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    host = Host(module)
    confirmed = module.params["state"] == "confirmed"
    if not module.check_mode:
        waiting = pending()
        if not confirmed:
            await_old(module, host)
        elif not waiting:
            module.fail_json(msg="There is nothing to confirm.")
        else:
            confirm(module, host, waiting)
    outcome = "can be reached under the new rules" if confirmed else "the old rules are back"
    checks = [
        {"name": "firewall: %s" % outcome, "ok": not module.check_mode, "detail": "by a new connection"}
    ]
    facts: dict[str, Any] = {"checks": checks}
    if not confirmed:
        facts.update(
            undone=["firewall rule"], notes=["The old firewall rules came back automatically, all of them."]
        )
    module.exit_json(changed=confirmed, fitsom={} if module.check_mode else facts)


if __name__ == "__main__":
    main()
