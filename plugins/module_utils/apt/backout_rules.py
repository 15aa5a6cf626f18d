# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The record of versions before a change, and what it takes to go back to them: pure functions."""

from __future__ import annotations

from typing import Any, Dict, Iterable, List, Mapping, NamedTuple, Optional

Entry = Dict[str, Any]
FORMAT = 1


class WayBack(NamedTuple):
    """How a host gets back: files and versions for apt, packages to remove, and what is not
    available.
    """

    files: Dict[str, str]
    versions: Dict[str, str]
    removals: List[str]
    missing: List[str]


def empty_manifest() -> Dict[str, Any]:
    return {"format": FORMAT, "packages": {}}


def merged(
    manifest: Mapping[str, Any], changes: Iterable[Mapping[str, Any]], saved: Mapping[str, Optional[str]]
) -> Dict[str, Any]:
    """The manifest with these changes added.

    What was written first stays: it is the state before the change.
    """
    packages: Dict[str, Entry] = {name: dict(row) for name, row in manifest.get("packages", {}).items()}
    for row in changes:
        recorded = packages.get(row["name"])
        if recorded is None:
            packages[row["name"]] = {
                "arch": row["arch"],
                "from": row["from"],
                "to": row["to"],
                "deb": saved.get(row["name"]),
            }
        else:
            recorded["to"] = row["to"]
            if not recorded.get("deb") and recorded["from"] == row["from"]:
                recorded["deb"] = saved.get(row["name"])
    return {"format": FORMAT, "packages": {name: packages[name] for name in sorted(packages)}}


def to_save(manifest: Mapping[str, Any], changes: Iterable[Mapping[str, Any]]) -> List[Mapping[str, Any]]:
    """The changes whose old package is not yet recorded with a file."""
    recorded = manifest.get("packages", {})
    rows = []
    for row in changes:
        entry = recorded.get(row["name"])
        if entry is None or (row["from"] and entry["from"] == row["from"] and not entry.get("deb")):
            rows.append(row)
    return rows


def diff_lines(manifest: Mapping[str, Any]) -> str:
    """One line for each package: what a reader of the plan sees of the manifest."""
    lines = []
    for name, row in sorted(manifest.get("packages", {}).items()):
        if not row["from"]:
            lines.append("%s was not installed" % name)
        else:
            lines.append("%s %s %s" % (name, row["from"], "saved" if row.get("deb") else "NOT saved"))
    return "".join(line + "\n" for line in lines)


def completeness(changes: Iterable[Mapping[str, Any]], unsaved: Iterable[str]) -> Dict[str, Any]:
    """The check that shows an approver whether the way back is complete."""
    replaced = [row["name"] for row in changes if row["from"]]
    missing = sorted(set(unsaved))
    detail = "%d of %d old packages kept" % (len(replaced) - len(missing), len(replaced))
    if missing:
        detail += "; no longer available: " + ", ".join(missing)
    return {"name": "way back for every package", "ok": not missing, "detail": detail}


def way_back(
    manifest: Mapping[str, Any],
    installed: Mapping[str, str],
    files: Mapping[str, str],
    offered: Mapping[str, Iterable[str]],
    keep_new: Iterable[str],
) -> WayBack:
    """What to give apt so that the recorded versions come back; nothing where they are there
    already.
    """
    way = WayBack({}, {}, [], [])
    keep = set(keep_new)
    for name, row in sorted(manifest.get("packages", {}).items()):
        version, current = row["from"], installed.get(name)
        if version == current:
            continue
        if version is None:
            if name not in keep:
                way.removals.append(name)
        elif name in files:
            way.files[name] = files[name]
        elif version in offered.get(name, ()):
            way.versions[name] = version
        else:
            way.missing.append("%s %s" % (name, version))
    return way


def within(manifest: Mapping[str, Any], pins: Mapping[str, Optional[str]]) -> Dict[str, Any]:
    """The manifest without the packages that are not to go back."""
    recorded = manifest.get("packages", {})
    return {"format": FORMAT, "packages": {name: recorded[name] for name in recorded if name in pins}}


def unrecorded_pins(
    manifest: Mapping[str, Any], pins: Mapping[str, Optional[str]], installed: Mapping[str, str]
) -> List[str]:
    """The versions that should come back, and that the manifest does not know: it is not there any
    more, or was never written.
    """
    recorded = manifest.get("packages", {})
    return [
        "%s %s" % (name, pins[name] or "(to be removed)")
        for name in sorted(pins)
        if name not in recorded and installed.get(name) != (pins[name] or None)
    ]


def arguments(way: WayBack) -> List[str]:
    """The arguments for `apt-get install`."""
    return (
        [way.files[name] for name in sorted(way.files)]
        + ["%s=%s" % (name, way.versions[name]) for name in sorted(way.versions)]
        + ["%s-" % name for name in sorted(way.removals)]
    )


def unrecorded_changes(changes: Iterable[Mapping[str, Any]], manifest: Mapping[str, Any]) -> List[str]:
    """Packages that apt would change although the manifest says nothing of them."""
    recorded = manifest.get("packages", {})
    return sorted(
        row["name"]
        for row in changes
        if row["name"] not in recorded or recorded[row["name"]]["from"] != row["to"]
    )
