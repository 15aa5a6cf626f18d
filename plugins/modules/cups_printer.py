#!/usr/bin/python
# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Keep the queues and pools of a print server as they are listed."""

from __future__ import annotations

DOCUMENTATION = r"""
module: cups_printer
short_description: Keep the queues and pools of a print server as they are listed
description:
  - Makes driverless (IPP Everywhere) queues and pools (CUPS calls them classes), and changes those
    that are there. CUPS is read over IPP and written with C(lpadmin).
  - A queue is only made when its printer answers and has the desired features, in check mode as
    well; CUPS itself would leave a raw queue that prints rubbish.
options:
  queues:
    description: Every queue.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Its name, without blanks.
        type: str
        required: true
      uri:
        description: The printer's own address, C(ipp://) or C(ipps://).
        type: str
        required: true
      description:
        description: What people are shown; by default the name.
        type: str
        default: ""
      location:
        description: The room.
        type: str
        default: ""
      groups:
        description: Who may print; everybody if empty. The host must know the groups, from the
          directory or its own.
        type: list
        elements: str
        default: []
      duplex:
        description: Print on both sides unless asked otherwise.
        type: bool
        default: true
      mono:
        description: Print black and white unless asked otherwise.
        type: bool
        default: true
      shared:
        description: Offer it to other computers.
        type: bool
        default: true
      quota_pages:
        description: So many pages for each person; 0 for no limit. The job that passes the limit is
          still printed.
        type: int
        default: 0
      quota_days:
        description: In so many days.
        type: int
        default: 7
  pools:
    description: Every pool; a job goes to the member that is free.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Its name.
        type: str
        required: true
      members:
        description: Names of queues.
        type: list
        elements: str
        required: true
      description:
        description: As for a queue.
        type: str
        default: ""
      location:
        description: As for a queue.
        type: str
        default: ""
      groups:
        description: As for a queue.
        type: list
        elements: str
        default: []
      shared:
        description: As for a queue.
        type: bool
        default: true
      quota_pages:
        description: As for a queue.
        type: int
        default: 0
      quota_days:
        description: As for a queue.
        type: int
        default: 7
  default:
    description: The queue or pool that is used where nobody names one; left as it is if empty.
    type: str
    default: ""
  remove:
    description: Delete queues and pools that are in no list, with the jobs that wait there.
    type: bool
    default: false
attributes:
  check_mode:
    description: Asks CUPS and the printers, changes nothing.
    support: full
  diff_mode:
    description: Every queue and pool before and after.
    support: full
author: The fitsom authors (@fitsom)
"""

EXAMPLES = r"""
- name: Keep the queues
  fitsom.school.cups_printer:
    queues:
      - {name: library, uri: "ipp://10.1.4.20/ipp/print", location: Library}
      - {name: room12, uri: "ipp://10.1.4.21/ipp/print", location: Room 12, groups: [teachers]}
    pools:
      - {name: staff, members: [room12], groups: [teachers]}
    default: library
"""

RETURN = r"""
fitsom:
  description: Each queue and pool that is made, changed or deleted.
  type: dict
  returned: success
"""

import grp
import os
import time
from contextlib import suppress
from functools import partial
from typing import Any, Callable, Dict, List, Mapping, Optional, Tuple

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.cups.host import default, destinations, installed, printers
from ..module_utils.cups.ipp import IppError
from ..module_utils.cups.model import (
    Destination,
    Step,
    commands,
    desired_destinations,
    missing_features,
    new_device,
    sentence,
    steps,
    text,
)

PATIENCE = 30  # seconds that a printer gets to describe itself to CUPS
POOL: Dict[str, Any] = {
    "name": {"type": "str", "required": True},
    "description": {"type": "str", "default": ""},
    "location": {"type": "str", "default": ""},
    "groups": {"type": "list", "elements": "str", "default": []},
    "shared": {"type": "bool", "default": True},
    "quota_pages": {"type": "int", "default": 0},
    "quota_days": {"type": "int", "default": 7},
}
QUEUE = dict(
    POOL,
    uri={"type": "str", "required": True},
    duplex={"type": "bool", "default": True},
    mono={"type": "bool", "default": True},
)
SPEC = {
    "queues": {"type": "list", "elements": "dict", "default": [], "options": QUEUE},
    "pools": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": dict(POOL, members={"type": "list", "elements": "str", "required": True}),
    },
    "default": {"type": "str", "default": ""},
    "remove": {"type": "bool", "default": False},
}


def refuse(module: AnsibleModule, faults: List[str]) -> None:
    """Fail with everything that is wrong."""
    if faults:
        module.fail_json(msg="\n".join(["Nothing was touched.", *faults]))


def unknown_groups(desired: Mapping[str, Destination]) -> List[str]:
    """CUPS would accept them, and then let nobody print."""
    faults = []
    for destination in desired.values():
        for name in destination.values["groups"]:
            try:
                grp.getgrnam(name)
            except KeyError:
                faults.append(
                    "%s: this host has no group %s; join it to the directory, or make the group"
                    % (destination.name, name)
                )
    return faults


def unable_printers(todo: List[Step]) -> List[str]:
    """Printers that would be asked and do not answer, or lack a desired feature."""
    new_queues = [step.destination for step in todo if new_device(step)]
    answers, faults = printers(queue.values["uri"] for queue in new_queues), []
    for queue in new_queues:
        answer = answers[queue.values["uri"]]
        if isinstance(answer, IppError):
            faults.append(
                "%s: the printer %s cannot be asked: %s. Switch it on, correct the address, or take the queue out"
                % (queue.name, queue.values["uri"], answer)
            )
        else:
            faults += [
                "%s: the printer %s: %s" % (queue.name, queue.values["uri"], why)
                for why in missing_features(queue.values, answer)
            ]
    return faults


def other_kind(existing: Mapping[str, Destination], desired: Mapping[str, Destination]) -> List[str]:
    """A pool cannot become a queue."""
    return [
        "%s is a %s already, and listed as a %s: rename one, or delete the old one with lpadmin -x"
        % (name, existing[name].kind, destination.kind)
        for name, destination in desired.items()
        if name in existing and existing[name].kind != destination.kind
    ]


Answer = Tuple[int, str, str]


def retried(run: Callable[[], Answer], patience: int = 3) -> Answer:
    """Once more where CUPS was too busy to answer: its tools then fail with "Success"
    (OpenPrinting/cups issue 893).
    """
    answer = run()
    while patience and answer[0] and answer[2].strip().endswith(": Success"):
        time.sleep(1)
        answer, patience = run(), patience - 1
    return answer


def apply(module: AnsibleModule, todo: List[Step]) -> None:
    """Carry the steps out; a queue that came out raw is taken away again."""
    for step in todo:
        for command in commands(step):
            before = description_version(step.destination.name)
            forget(step.destination.name)
            code, out, err = retried(partial(module.run_command, command))
            if not code and command[-1] == "everywhere" and not driverless(step.destination.name, before):
                code, err = 1, "CUPS made no driverless queue of it in %d seconds" % PATIENCE
            if code:
                undo(module, step)
                failure = (" ".join(command[:3]), err.strip() or out.strip())
                module.fail_json(msg="%s %s: %s failed: %s" % (step.action, step.destination.name, *failure))


def forget(name: str) -> None:
    """CUPS keeps what it read of a description, and takes a newer one of the same second for the
    same.
    """
    with suppress(FileNotFoundError):
        os.unlink("/var/cache/cups/%s.data" % name)


def description_version(name: str) -> Optional[Tuple[int, int]]:
    """Which description (PPD) of its printer a queue has; None if none."""
    try:
        status = os.stat("/etc/cups/ppd/%s.ppd" % name)
    except FileNotFoundError:
        return None
    return status.st_ino, status.st_mtime_ns


def driverless(name: str, before: Optional[Tuple[int, int]]) -> bool:
    """Whether it has a new description: CUPS asks the printer in the background, and loses what is
    set before.
    """
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        queue = destinations().get(name)
        if queue and queue.values.get("driverless") and description_version(name) not in (None, before):
            return True
        time.sleep(0.1)
    return False


def undo(module: AnsibleModule, step: Step) -> None:
    """Leave no raw queue behind."""
    if step.action == "create" and step.destination.kind == "queue":
        queue = destinations().get(step.destination.name)
        if queue and not queue.values["driverless"]:
            module.run_command(["lpadmin", "-x", step.destination.name])


def settle(module: AnsibleModule, desired: Mapping[str, Destination], remove: bool) -> None:
    """See that CUPS has taken everything."""
    remaining = steps(destinations(), desired, remove)
    if remaining:
        details = "; ".join("%s: %s" % (step.destination.name, sentence(step)) for step in remaining)
        module.fail_json(msg="CUPS did not accept everything: %s" % details)


def main() -> None:
    """Entry point."""
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    params = module.params
    desired = desired_destinations(params["queues"], params["pools"])
    if not installed() and not module.check_mode:
        module.fail_json(msg="CUPS does not run here: nothing can be made")
    try:
        existing, current_default = (destinations(), default()) if installed() else ({}, None)
    except IppError as error:
        module.fail_json(msg="CUPS cannot be asked: %s" % error)
        raise
    todo = steps(existing, desired, params["remove"])
    refuse(module, unknown_groups(desired) + other_kind(existing, desired) + unable_printers(todo))
    new_default = params["default"] and params["default"] != current_default
    rows = [
        {
            "kind": step.destination.kind,
            "id": step.destination.name,
            "action": step.action,
            "group": "",
            "what": sentence(step),
        }
        for step in todo
    ]
    if new_default:
        what = "used where nobody names a printer; until now %s" % (current_default or "none")
        rows.append(
            {"kind": "default printer", "id": params["default"], "action": "set", "group": "", "what": what}
        )
    after = {**(existing if not params["remove"] else {}), **desired}
    diff = {
        "before": text(existing) + "default: %s\n" % (current_default or "none"),
        "after": text(after) + "default: %s\n" % (params["default"] or current_default or "none"),
    }
    if not module.check_mode:
        apply(module, todo)
        if new_default:
            module.run_command(["lpadmin", "-d", params["default"]], check_rc=True)
        settle(module, desired, params["remove"])
    module.exit_json(changed=bool(rows), diff=diff, fitsom={"objects": rows})


if __name__ == "__main__":
    main()
