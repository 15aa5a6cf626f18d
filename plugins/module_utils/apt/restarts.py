# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which running services a set of package changes will restart, read before the packages are
touched.
"""

from __future__ import annotations

from typing import Any, Dict, Iterable, List, Mapping

from ansible.module_utils.basic import AnsibleModule

from .debs import restarts
from .rules import Change
from .services import files_of, restartable, running, show


def expected_restarts(changes: Iterable[Change], texts: Iterable[str], never: List[str]) -> Dict[str, str]:
    """Service to who will restart it: its own `package`, or the `run` because it executes replaced
    files.
    """
    replaced = set()
    for row in changes:
        if row["from"]:
            replaced |= files_of(row["name"], row["arch"])
    units = running(deleted=False) if replaced else {}
    services = {unit: "run" for unit in restartable(units, never) if units[unit] & replaced}
    for text in texts:
        services.update(dict.fromkeys(restarts(text), "package"))
    return services


def service_rows(module: AnsibleModule, expected: Mapping[str, str]) -> List[Dict[str, Any]]:
    """Those of them that run now, with their start times, which show later whether they were
    restarted.
    """
    states = show(module, expected)
    return [
        {
            "name": name,
            "by": expected[name],
            "before": states[name].get("ActiveState", "unknown"),
            "started": states[name].get("ExecMainStartTimestampMonotonic", "0"),
        }
        for name in sorted(expected)
        if states[name].get("ActiveState") == "active"
    ]
