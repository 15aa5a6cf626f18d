# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a restore drill takes, and what its outcome means: pure functions."""

from __future__ import annotations

import hashlib
import os
import random
from typing import Any, List, Mapping, Optional, Sequence

from ..findings import Finding, finding
from .rules import in_minutes, size

Node = Mapping[str, Any]


def sample(nodes: Sequence[Node], number: int, seed: str) -> List[Node]:
    """`number` of the files, others with every snapshot (its id is the seed); all of them for 0."""
    files = sorted((n for n in nodes if n["type"] == "file"), key=lambda n: str(n["path"]))
    if not number or number >= len(files):
        return files
    return random.Random(seed).sample(files, number)  # noqa: S311 - nothing to guess


def pattern(path: str) -> str:
    """A path as restic's --include reads it: its wildcards mean themselves."""
    return "".join("\\" + sign if sign in "\\*?[" else sign for sign in path)


def digest(path: str) -> Optional[str]:
    """SHA-256 of a file; None where it cannot be read."""
    sha256 = hashlib.sha256()
    try:
        with open(path, "rb") as handle:
            for block in iter(lambda: handle.read(1 << 20), b""):
                sha256.update(block)
    except OSError:
        return None
    return sha256.hexdigest()


def is_unchanged(node: Node, path: str, seconds: float) -> bool:
    """Whether the live file is still the one that was backed up, by size and time of change in
    whole seconds.
    """
    try:
        state = os.stat(path)
    except OSError:
        return False
    return state.st_size == node.get("size", 0) and int(state.st_mtime) == int(seconds)


def verdict(ci: str, data_set: Mapping[str, Any], drill: Mapping[str, Any]) -> List[Finding]:
    """Findings of one drill: {snapshot, files, bytes, missing, wrong, same, seconds, whole}."""
    rows = []
    faulty = list(drill["missing"]) + list(drill["wrong"])
    if faulty:
        rows.append(
            finding(
                "restore-failed", "exception", ci,
                "%d of %d files of %s did not come back as they were."
                % (len(faulty), drill["files"], data_set["name"]),
                "snapshot %s" % drill["snapshot"],
                "Verify the repository: systemctl start fitsom-backup-verify@HOST on the backup server.",
            )
        )  # fmt: skip
    promised = data_set["rto_minutes"] * 60
    if drill["whole"] and drill["seconds"] > promised:
        rows.append(
            finding(
                "restore-slow", "exception", ci,
                "Bringing %s back took %s; %s were promised."
                % (data_set["name"], in_minutes(drill["seconds"]), in_minutes(promised)),
                "%d files, %s" % (drill["files"], size(drill["bytes"])),
                "Promise less, or restore over a faster way.",
            )
        )  # fmt: skip
    return rows


def sentence(data_set: Mapping[str, Any], drill: Mapping[str, Any]) -> str:
    """The evidence, for the record."""
    intact = drill["files"] - len(drill["missing"]) - len(drill["wrong"])
    return (
        "%s of %s: %d of %d files (%s) came back in %s (%s are allowed); %d were compared by SHA-256 with the live."
        % (
            "The whole" if drill["whole"] else "A sample",
            data_set["name"],
            intact,
            drill["files"],
            size(drill["bytes"]),
            in_minutes(max(drill["seconds"], 1)),
            in_minutes(data_set["rto_minutes"] * 60),
            drill["same"],
        )
    )
