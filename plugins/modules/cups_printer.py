#!/usr/bin/python
# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Keep the queues and pools of a print server as they are listed."""

from __future__ import annotations

DOCUMENTATION = r"""
module: cups_printer
short_description: Keep the queues and pools of a print server as they are listed
description:
  - Makes driverless (IPP Everywhere) queues and pools (CUPS calls them classes), and changes those that are there.
    CUPS is read over IPP and written with C(lpadmin).
  - A queue is only made when its printer answers and can do what is wanted of it, in check mode as well; CUPS itself
    would leave a raw queue that prints rubbish.
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
        description: Who may print; everybody if empty. The host must know the groups, from the directory or its own.
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
        description: So many pages for each person; 0 for no limit. The job that passes the limit is still printed.
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

from ..module_utils.cups.host import default, installed, printers, things
from ..module_utils.cups.ipp import IppError
from ..module_utils.cups.model import (
    Step,
    Thing,
    commands,
    lacks,
    new_device,
    sentence,
    steps,
    text,
    wanted,
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


def refuse(module: AnsibleModule, wrong: List[str]) -> None:
    """End with everything that is wrong at once."""
    if wrong:
        module.fail_json(msg="\n".join(["Nothing was touched.", *wrong]))


def unknown_groups(goal: Mapping[str, Thing]) -> List[str]:
    """CUPS would take them, and then let nobody print."""
    wrong = []
    for thing in goal.values():
        for name in thing.values["groups"]:
            try:
                grp.getgrnam(name)
            except KeyError:
                wrong.append(
                    "%s: this host knows no group %s; join it to the directory, or make the group"
                    % (thing.name, name)
                )
    return wrong


def unable(todo: List[Step]) -> List[str]:
    """Printers that would be asked and do not answer, or cannot do what is wanted."""
    fresh = [step.thing for step in todo if new_device(step)]
    answers, wrong = printers(thing.values["uri"] for thing in fresh), []
    for thing in fresh:
        answer = answers[thing.values["uri"]]
        if isinstance(answer, IppError):
            wrong.append(
                "%s: the printer %s cannot be asked: %s. Switch it on, mend the address, or take the queue out"
                % (thing.name, thing.values["uri"], answer)
            )
        else:
            wrong += [
                "%s: the printer %s: %s" % (thing.name, thing.values["uri"], why)
                for why in lacks(thing.values, answer)
            ]
    return wrong


def other_kind(there: Mapping[str, Thing], goal: Mapping[str, Thing]) -> List[str]:
    """A pool cannot become a queue."""
    return [
        "%s is a %s already, and wanted as a %s: rename one, or delete the old one with lpadmin -x"
        % (name, there[name].kind, thing.kind)
        for name, thing in goal.items()
        if name in there and there[name].kind != thing.kind
    ]


Answer = Tuple[int, str, str]


def told_again(tell: Callable[[], Answer], patience: int = 3) -> Answer:
    """Once more where CUPS was too busy to answer: its tools then fail with "Success" (OpenPrinting/cups issue 893)."""
    answer = tell()
    while patience and answer[0] and answer[2].strip().endswith(": Success"):
        time.sleep(1)
        answer, patience = tell(), patience - 1
    return answer


def apply(module: AnsibleModule, todo: List[Step]) -> None:
    """Carry the steps out; a queue that came out raw is taken away again."""
    for step in todo:
        for command in commands(step):
            before = described(step.thing.name)
            forget(step.thing.name)
            code, out, err = told_again(partial(module.run_command, command))
            if not code and command[-1] == "everywhere" and not driverless(step.thing.name, before):
                code, err = 1, "CUPS made no driverless queue of it in %d seconds" % PATIENCE
            if code:
                undo(module, step)
                told = (" ".join(command[:3]), err.strip() or out.strip())
                module.fail_json(msg="%s %s: %s failed: %s" % (step.action, step.thing.name, *told))


def forget(name: str) -> None:
    """CUPS keeps what it read of a description, and takes a newer one of the same second for the same."""
    with suppress(FileNotFoundError):
        os.unlink("/var/cache/cups/%s.data" % name)


def described(name: str) -> Optional[Tuple[int, int]]:
    """Which description (PPD) of its printer a queue has; None if none."""
    try:
        found = os.stat("/etc/cups/ppd/%s.ppd" % name)
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_mtime_ns


def driverless(name: str, before: Optional[Tuple[int, int]]) -> bool:
    """Whether it has a new description: CUPS asks the printer in the background, and loses what is set before."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        made = things().get(name)
        if made and made.values.get("driverless") and described(name) not in (None, before):
            return True
        time.sleep(0.1)
    return False


def undo(module: AnsibleModule, step: Step) -> None:
    """Leave no raw queue behind."""
    if step.action == "create" and step.thing.kind == "queue":
        made = things().get(step.thing.name)
        if made and not made.values["driverless"]:
            module.run_command(["lpadmin", "-x", step.thing.name])


def settle(module: AnsibleModule, goal: Mapping[str, Thing], remove: bool) -> None:
    """See that CUPS has taken everything."""
    left = steps(things(), goal, remove)
    if left:
        told = "; ".join("%s: %s" % (step.thing.name, sentence(step)) for step in left)
        module.fail_json(msg="CUPS did not take everything: %s" % told)


def main() -> None:
    """Entry point."""
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    given = module.params
    goal = wanted(given["queues"], given["pools"])
    if not installed() and not module.check_mode:
        module.fail_json(msg="CUPS does not run here: nothing can be made")
    try:
        there, now = (things(), default()) if installed() else ({}, None)
    except IppError as error:
        module.fail_json(msg="CUPS cannot be asked: %s" % error)
        raise
    todo = steps(there, goal, given["remove"])
    refuse(module, unknown_groups(goal) + other_kind(there, goal) + unable(todo))
    new_default = given["default"] and given["default"] != now
    rows = [
        {
            "kind": step.thing.kind,
            "id": step.thing.name,
            "action": step.action,
            "group": "",
            "what": sentence(step),
        }
        for step in todo
    ]
    if new_default:
        what = "used where nobody names a printer; until now %s" % (now or "none")
        rows.append(
            {"kind": "default printer", "id": given["default"], "action": "set", "group": "", "what": what}
        )
    after = {**(there if not given["remove"] else {}), **goal}
    shown = {
        "before": text(there) + "default: %s\n" % (now or "none"),
        "after": text(after) + "default: %s\n" % (given["default"] or now or "none"),
    }
    if not module.check_mode:
        apply(module, todo)
        if new_default:
            module.run_command(["lpadmin", "-d", given["default"]], check_rc=True)
        settle(module, goal, given["remove"])
    module.exit_json(changed=bool(rows), diff=shown, fitsom={"objects": rows})


if __name__ == "__main__":
    main()
