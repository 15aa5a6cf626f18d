# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What packages would have asked somebody while they were installed, and nobody was there. Pure."""

from __future__ import annotations

import re
from typing import Dict, Iterable, List

from ..findings import Finding, finding

NAMES_SHOWN = 20


def kept_configuration(text: str) -> List[str]:
    """The configuration files of which dpkg kept the host's own, though a package brought a new
    one: that lies beside it, as FILE.dpkg-dist.
    """
    kept, path = [], ""
    for line in text.splitlines():
        asked = re.match(r"Configuration file '([^']+)'", line)
        if asked:
            path = asked.group(1)
        elif path and re.search(r"==> (Keeping old config file|Using current old file)", line):
            kept.append(path)
            path = ""
    return kept


def undecided(text: str, by_default: Iterable[str], ci: str) -> Dict[str, List[Finding]]:
    """What nobody was asked about, as findings for the `fitsom` key; nothing where there was nothing.

    by_default: questions of packages that took their defaults. A new default of a configuration file that was kept may
    be the fix itself; it lies beside the file that is in force.
    """
    findings = []
    files = kept_configuration(text)
    if files:
        what = "%d configuration files stay as they were edited here, though their packages brought others."
        do = (
            "Compare each with the one beside it (its name ends in .dpkg-dist), and take over what is needed."
        )
        findings.append(finding("configuration-kept", "warning", ci, what % len(files), _first(files), do))
    questions = sorted(by_default)
    if questions:
        what = "%d questions of packages were answered by their defaults, since nobody was there to be asked."
        do = "See whether the defaults suit this school; dpkg-reconfigure PACKAGE asks again."
        findings.append(
            finding("answered-by-default", "warning", ci, what % len(questions), _first(questions), do)
        )
    return {"findings": findings} if findings else {}


def _first(names: List[str]) -> str:
    return ", ".join(names[:NAMES_SHOWN]) + (" and more" if len(names) > NAMES_SHOWN else "")
