#!/usr/bin/python
# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Write into etckeeper's record of /etc what was changed by hand, and what by a change."""

from __future__ import annotations

DOCUMENTATION = r"""
module: etc_history
short_description: Keep what was changed by hand apart from what a change of fitsom changes
description:
  - At the beginning it records what somebody changed in C(/etc) meanwhile, and marks which change
    is on its way. The role's hook puts that number into every entry until the end, also into those
    that apt makes.
  - At the end it writes down what is left, under the number of the change.
  - The record is git's, in C(/etc/.git), and for root alone, since secrets are in C(/etc). Findings
    hold counts, no names of files. Where etckeeper is not installed nothing is done.
options:
  state:
    description: Whether a run begins or ends.
    type: str
    choices: [begin, end]
    required: true
  change:
    description: The number of the change, such as CHG-2026-0001.
    type: str
    required: true
  ci:
    description: What findings call this host.
    type: str
    required: true
author: The fitsom authors (@fitsom)
attributes:
  check_mode:
    description: Writes nothing, and counts what was changed by hand. What the run changes, its
      other tasks report.
    support: full
  diff_mode:
    description: Paths may hold names of people, so there is none.
    support: none
"""

EXAMPLES = r"""
- name: Keep what was changed by hand apart
  fitsom.school.etc_history:
    state: begin
    change: CHG-2026-0001
    ci: "{{ inventory_hostname }}"
"""

RETURN = r"""
entry:
  description: The text of the new entry; empty where there was nothing to record.
  type: str
  returned: success
files:
  description: How many files differ from the last entry.
  type: int
  returned: success
fitsom:
  description: A finding for files that were changed outside of fitsom.
  type: dict
  returned: success
"""

import os
import stat
from typing import Any, Dict, List

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.baseline.etc_history import (
    CHANGE,
    changed_files,
    count_files,
    message_after,
    message_before,
)
from ..module_utils.findings import Finding, finding
from ..module_utils.linux import read_text

RECORD = "/etc/.git"
MARK = os.path.join(RECORD, "fitsom-change")


def unfinished_change() -> str:
    """The change that began and has not ended; empty where there is none."""
    return read_text(MARK).strip()


def mark(change: str) -> None:
    with open(MARK, "w", encoding="utf-8") as handle:
        handle.write(change + "\n")


def unmark() -> None:
    if os.path.exists(MARK):
        os.unlink(MARK)


def git(module: AnsibleModule, *arguments: str) -> str:
    _code, out, _err = module.run_command(["git", "-C", "/etc", *arguments])
    return str(out)


def commit(module: AnsibleModule, message: str) -> bool:
    """Whether there was something to write down; rights that were changed count, which git alone
    does not see.
    """
    before = git(module, "rev-parse", "HEAD")
    _code, out, err = module.run_command(["etckeeper", "commit", message])
    if changed_files(git(module, "status", "--porcelain", "-z")):
        module.fail_json(
            msg="The record of /etc could not be written: %s. Look with `etckeeper vcs status`."
            % (err or out)
        )
    return git(module, "rev-parse", "HEAD") != before


def by_hand(ci: str, count: int, unfinished: str) -> List[Finding]:
    if not count or unfinished:
        return []
    what = "%s in /etc changed outside of fitsom since the last entry of the record." % count_files(count)
    return [
        finding(
            "etc-changed-by-hand", "informational", ci, what, "", "etckeeper vcs log -1 --stat, on the host"
        )
    ]


def run(module: AnsibleModule) -> Dict[str, Any]:
    """Begin or end; a host without a record gets one at the begin, if the program is there."""
    change, begins = module.params["change"], module.params["state"] == "begin"
    if not module.get_bin_path("etckeeper") or not (begins or os.path.isdir(RECORD)):
        return {"changed": False, "entry": "", "files": 0}
    if not os.path.isdir(RECORD):
        if module.check_mode:
            return {"changed": True, "entry": "", "files": 0}
        module.run_command(["etckeeper", "init"], check_rc=True)
    unfinished = unfinished_change()
    count = len(changed_files(git(module, "status", "--porcelain", "-z")))
    message = message_before(change, unfinished) if begins else message_after(change)
    facts = {"findings": by_hand(module.params["ci"], count, unfinished) if begins else []}
    if module.check_mode:
        return {
            "changed": count > 0 and begins,
            "entry": message if count else "",
            "files": count,
            "fitsom": facts,
        }
    os.chmod(RECORD, stat.S_IRWXU)
    if begins:
        unmark()
    committed = commit(module, message)
    if begins:
        mark(change)
    else:
        unmark()
    return {"changed": committed, "entry": message if committed else "", "files": count, "fitsom": facts}


def main() -> None:
    spec = {
        "state": {"type": "str", "choices": ["begin", "end"], "required": True},
        "change": {"type": "str", "required": True},
        "ci": {"type": "str", "required": True},
    }
    module = AnsibleModule(argument_spec=spec, supports_check_mode=True)
    if not CHANGE.fullmatch(module.params["change"]):
        module.fail_json(msg="change is a number such as CHG-2026-0001, not %s" % module.params["change"])
    module.exit_json(**run(module))


if __name__ == "__main__":
    main()
