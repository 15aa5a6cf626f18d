#!/usr/bin/python
# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Look at the queues, printers and waiting jobs of a print server; changes nothing."""

from __future__ import annotations

DOCUMENTATION = r"""
module: cups_review
short_description: Look at the queues, printers and waiting jobs of a print server
description:
  - Asks CUPS and every printer itself, by IPP. What is unreachable, jammed, empty, running low,
    stuck, raw or in no list is a finding.
  - Titles of jobs and names of people are never asked for.
options:
  ci:
    description: What findings are about, the host's name.
    type: str
    required: true
  listed:
    description: Names of the queues and pools that are listed; another one is a finding.
    type: list
    elements: str
    default: []
  stuck_minutes:
    description: A job that waits longer is stuck.
    type: int
    default: 30
  supply_percent:
    description: A supply that is down to so much is a finding.
    type: int
    default: 10
  state:
    description: Where the care of the queues writes down what it did.
    type: path
    required: true
attributes:
  check_mode:
    description: Changes nothing in either mode.
    support: full
  diff_mode:
    description: There is no difference to show.
    support: none
author: The fitsom authors (@fitsom)
"""

EXAMPLES = r"""
- name: Look at the printers
  fitsom.school.cups_review:
    ci: print1
    listed: [library, room12]
    state: /var/lib/fitsom/print/care.json
"""

RETURN = r"""
queues:
  description: Each queue, whether its printer answers, and the printer's supplies in per cent.
  type: list
  elements: dict
  returned: success
fitsom:
  description: Findings, and a check for each printer.
  type: dict
  returned: success
"""

import json
import time
from typing import Any, Dict

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.cups.host import installed, printers, queues
from ..module_utils.cups.ipp import GET_JOBS, IppError, every
from ..module_utils.cups.model import existing_destinations, first
from ..module_utils.cups.review import care_findings, printer_findings, queue_findings, stuck_jobs, supplies

JOB = ["job-id", "job-printer-uri", "time-at-creation"]


def care_log(path: str) -> Any:
    """What the care wrote down; None where it has not been running yet."""
    try:
        with open(path, encoding="utf-8") as file:
            return json.load(file)
    except (OSError, ValueError):
        return None


def review(params: Dict[str, Any]) -> Dict[str, Any]:
    """Rows, findings and checks."""
    groups = queues()
    destinations = existing_destinations(groups)
    driverless = [t for t in destinations.values() if t.kind == "queue" and t.values["uri"].startswith("ipp")]
    answers, jobs, now = (
        printers(t.values["uri"] for t in driverless),
        every(GET_JOBS, JOB, which_jobs="not-completed"),
        time.time(),
    )
    findings, rows, checks = [], [], []
    for group in groups:
        name = first(group, "printer-name", "")
        if name in destinations:
            findings += queue_findings(params["ci"], group, name in params["listed"])
    for queue in driverless:
        answer = answers[queue.values["uri"]]
        printer_rows = printer_findings(params["ci"], queue, answer, params["supply_percent"])
        findings += printer_rows
        stopped = [row for row in printer_rows if row["severity"] == "exception"]
        detail = stopped[0]["what"] if stopped else ""
        checks.append({"name": "the printer %s can print" % queue.name, "ok": not stopped, "detail": detail})
        levels = {} if isinstance(answer, IppError) else dict(supplies(answer))
        rows.append({"name": queue.name, "answers": not isinstance(answer, IppError), "supplies": levels})
    findings += stuck_jobs(params["ci"], jobs, now, params["stuck_minutes"])
    findings += care_findings(params["ci"], care_log(params["state"]), now)
    return {"queues": rows, "fitsom": {"findings": findings, "checks": checks}}


def main() -> None:
    """Entry point."""
    module = AnsibleModule(
        argument_spec={
            "ci": {"type": "str", "required": True},
            "listed": {"type": "list", "elements": "str", "default": []},
            "stuck_minutes": {"type": "int", "default": 30},
            "supply_percent": {"type": "int", "default": 10},
            "state": {"type": "path", "required": True},
        },
        supports_check_mode=True,
    )
    if not installed():
        module.exit_json(changed=False, queues=[], fitsom={"notes": ["CUPS does not run here yet."]})
    try:
        module.exit_json(changed=False, **review(module.params))
    except IppError as error:
        module.fail_json(msg="CUPS cannot be asked: %s" % error)


if __name__ == "__main__":
    main()
