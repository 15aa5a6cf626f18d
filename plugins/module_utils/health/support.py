# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Until when an operating system is supported. Pure."""

from __future__ import annotations

import csv
import io
from datetime import date
from typing import Dict, List, Mapping, NamedTuple, Optional

from ..findings import Finding, finding


class Support(NamedTuple):
    """The last days of the standard support and of the long-term support (LTS), which is
    narrower.
    """

    standard: date
    lts: date


#: Debian's own dates, as distro-info-data and the LTS team had them in July 2026.
DEBIAN: Dict[str, Support] = {
    "11": Support(date(2024, 8, 14), date(2026, 8, 31)),
    "12": Support(date(2026, 7, 11), date(2028, 6, 30)),
    "13": Support(date(2028, 8, 9), date(2030, 6, 30)),
}


def support_of(system: Mapping[str, str], table: str = "") -> Optional[Support]:
    """The dates for an os-release; `table` is the host's distro-info, asked for releases that are
    not known here.
    """
    version = system.get("VERSION_ID", "")
    if system.get("ID") == "debian" and version in DEBIAN:
        return DEBIAN[version]
    for row in csv.DictReader(io.StringIO(table)):
        # Ubuntu writes "24.04 LTS" for its release 24.04, and calls the end of standard support of
        # servers eol-server.
        standard = _day(row.get("eol-server") or row.get("eol"))
        if version and (row.get("version") or "").split(" ")[0] == version and standard:
            return Support(standard, _day(row.get("eol-lts")) or standard)
    return None


def _day(text: Optional[str]) -> Optional[date]:
    try:
        return date.fromisoformat(text or "")
    except ValueError:
        return None


def support_findings(
    ci: str, name: str, support: Optional[Support], today: date, near_days: int
) -> List[Finding]:
    """What somebody should know about the end of support."""
    if support is None or (today <= support.standard and (support.standard - today).days > near_days):
        return []
    days_left = (support.lts - today).days
    evidence = "standard support until %s, long-term support until %s" % support
    if days_left < 0:
        what = "%s is out of support: its security holes are no longer repaired." % name
        return [finding("support-ended", "exception", ci, what, evidence, "Replace it, or cut it off.")]
    if days_left <= near_days:
        what = "The support of %s ends in %d days." % (name, days_left)
        return [finding("support-ends", "warning", ci, what, evidence, "Plan its replacement as a change.")]
    is_lts_only = today > support.standard
    what = "%s %s long-term support only." % (name, "has" if is_lts_only else "will soon have")
    return [finding("support-lts", "informational", ci, what, evidence, "Plan the next release.")]
