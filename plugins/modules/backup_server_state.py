#!/usr/bin/python
# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Look at a backup server: space, growth, and whether what it keeps was read through; changes
nothing.
"""

from __future__ import annotations

DOCUMENTATION = r"""
module: backup_server_state
short_description: Look at a backup server
description:
  - Reads free space, the history of use that the server writes down daily, and how the last
    verification of each client's backups ended.
options:
  ci:
    description: What findings are about, the host's name.
    type: str
    required: true
  root:
    description: The folder of all repositories.
    type: path
    required: true
  folder:
    description: The folder of the server's settings and stamps.
    type: path
    required: true
  clients:
    description: Whose backups are kept here.
    type: list
    elements: str
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
- name: Look at the backup server
  fitsom.school.backup_server_state:
    ci: backup1
    root: /srv/backups
    folder: /etc/fitsom/backup-server
    clients: [srv1]
"""

RETURN = r"""
space:
  description: "C({free, total, daily, days, clients}); bytes, bytes a day, days until full or
    null."
  type: dict
  returned: success
fitsom:
  description: Findings, and a sentence about space.
  type: dict
  returned: success
"""

import os
import time
from typing import Any, Dict, List, Optional

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.backup.capacity import Used, days_until_full, findings, growth, note

SPEC = {
    "ci": {"type": "str", "required": True},
    "root": {"type": "path", "required": True},
    "folder": {"type": "path", "required": True},
    "clients": {"type": "list", "elements": "str", "required": True},
}
#: Three months show the present growth, not that of another year.
LINES = 90


def used(path: str) -> List[Used]:
    """The history that fitsom-backup-space.service writes: seconds and bytes in each line."""
    try:
        with open(path, encoding="utf-8") as handle:
            rows = [line.split() for line in handle.readlines()[-LINES:]]
    except FileNotFoundError:
        return []
    return [(float(row[0]), float(row[1])) for row in rows if len(row) == 2]


def bytes_used(path: str) -> int:
    """Bytes of all files below a folder; one that is removed meanwhile counts nothing."""
    total = 0
    for folder, _folders, names in os.walk(path):
        for name in names:
            try:
                total += os.lstat(os.path.join(folder, name)).st_size
            except OSError:
                continue
    return total


def verified_days(path: str) -> Optional[float]:
    try:
        return (time.time() - os.stat(path).st_mtime) / 86400
    except OSError:
        return None


def main() -> None:
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    params = module.params
    if not os.path.isdir(params["root"]):
        module.exit_json(changed=False, space={}, fitsom={})
    clients: Dict[str, Any] = {}
    for name in params["clients"]:
        unit = "fitsom-backup-verify@%s.service" % name
        code = module.run_command(["systemctl", "is-failed", "--quiet", unit])[0]
        clients[name] = {
            "bytes": bytes_used(os.path.join(params["root"], name)),
            "failed": code == 0,
            "verified": verified_days(os.path.join(params["folder"], "verified-" + name)),
        }
    disk = os.statvfs(params["root"])
    daily = growth(used(os.path.join(params["folder"], "space")))
    free = disk.f_bavail * disk.f_frsize
    facts: Dict[str, Any] = {"free": free, "total": disk.f_blocks * disk.f_frsize, "daily": daily}
    facts.update(days=days_until_full(free, daily), clients=clients)
    notes = [] if module.check_mode else [note(facts)]
    module.exit_json(
        changed=False, space=facts, fitsom={"findings": findings(params["ci"], facts), "notes": notes}
    )


if __name__ == "__main__":
    main()
