# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What entries of the record of /etc say. Pure."""

from __future__ import annotations

import re
from typing import List

CHANGE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def changed_files(porcelain: str) -> List[str]:
    """The paths in `git status --porcelain -z`; of a file that was renamed, the new one."""
    paths, parts = [], iter(porcelain.split("\0"))
    for part in parts:
        if len(part) > 3:
            paths.append(part[3:])
            if part[0] in "RC":
                next(parts, None)
    return paths


def message_before(change: str, left_by: str) -> str:
    """The entry of what was there before a change: by hand, unless a change did not come to its
    end.
    """
    if left_by:
        return "By hand, or by %s, which did not come to its end; before %s" % (left_by, change)
    return "By hand, before %s" % change


def message_after(change: str) -> str:
    return "%s: changed by fitsom" % change


def count_files(count: int) -> str:
    return "1 file" if count == 1 else "%d files" % count
