# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Queues and pools of CUPS: existing ones, desired ones, and the steps between.

Pure; CUPS calls a pool a class.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Dict, List, Mapping, Optional

from .ipp import Group

#: What CUPS is asked for, of every queue and pool.
ATTRIBUTES = [
    "printer-name", "printer-type", "printer-info", "printer-location", "printer-make-and-model", "printer-state",
    "printer-state-reasons", "printer-is-accepting-jobs", "printer-is-shared", "device-uri",
    "requesting-user-name-allowed", "requesting-user-name-denied", "job-page-limit", "job-quota-period",
    "job-sheets-default", "sides-default", "print-color-mode-default", "member-names",
]  # fmt: skip
DAY = 86400
_CLASS, _REMOTE = 0x1, 0x2
BOTH_SIDES, ONE_SIDE, MONO = "two-sided-long-edge", "one-sided", "monochrome"


@dataclass(frozen=True)
class Destination:
    """A queue or a pool; `values` by the names that the role's variables have."""

    kind: str
    name: str
    values: Mapping[str, Any]


@dataclass(frozen=True)
class Step:
    """One queue or pool that is made, changed or deleted; `fields` are those that move."""

    action: str
    destination: Destination
    before: Mapping[str, Any] = field(default_factory=dict)
    fields: tuple[str, ...] = ()


def desired_destinations(queues: List[Dict[str, Any]], pools: List[Dict[str, Any]]) -> Dict[str, Destination]:
    """By name. Groups and members are kept sorted: their order means nothing."""
    destinations = {}
    for row in queues:
        values = dict(_common(row), uri=row["uri"], driverless=True, duplex=row["duplex"], mono=row["mono"])
        destinations[row["name"]] = Destination("queue", row["name"], values)
    for row in pools:
        destinations[row["name"]] = Destination(
            "pool", row["name"], dict(_common(row), members=tuple(sorted(row["members"])))
        )
    return destinations


def _common(row: Mapping[str, Any]) -> Dict[str, Any]:
    return {
        "description": row["description"] or row["name"],
        "location": row["location"],
        "groups": tuple(sorted(row["groups"])),
        "shared": row["shared"],
        "quota_pages": row["quota_pages"],
        "quota_days": row["quota_days"] if row["quota_pages"] else 0,
        "banners": False,
    }


def existing_destinations(groups: List[Group]) -> Dict[str, Destination]:
    """What CUPS answered; queues that it learnt of from other servers are left out."""
    destinations = {}
    for group in groups:
        kind_bits = first(group, "printer-type", 0)
        if "printer-name" not in group or kind_bits & _REMOTE:
            continue
        name = first(group, "printer-name", "")
        values = {
            "description": first(group, "printer-info", ""),
            "location": first(group, "printer-location", ""),
            "groups": allowed(group),
            "shared": first(group, "printer-is-shared", False),
            "quota_pages": first(group, "job-page-limit", 0),
            "quota_days": _days(group),
            "banners": set(group.get("job-sheets-default", [])) - {"none"} != set(),
        }
        if kind_bits & _CLASS:
            values["members"] = tuple(sorted(group.get("member-names", [])))
            destinations[name] = Destination("pool", name, values)
            continue
        values.update(
            uri=first(group, "device-uri", ""),
            driverless="IPP Everywhere" in first(group, "printer-make-and-model", ""),
            duplex=first(group, "sides-default", ONE_SIDE) == BOTH_SIDES,
            mono=first(group, "print-color-mode-default", "") == MONO,
        )
        destinations[name] = Destination("queue", name, values)
    return destinations


def first(group: Mapping[str, List[Any]], name: str, default: Any) -> Any:
    """The first value of an attribute."""
    return (group.get(name) or [default])[0]


def _days(group: Group) -> int:
    return int(first(group, "job-quota-period", 0)) // DAY if first(group, "job-page-limit", 0) else 0


def allowed(group: Group) -> tuple[str, ...]:
    """The groups that may print, empty for everybody; a single person is reported as such, and
    corrected.
    """
    if group.get("requesting-user-name-denied"):
        return tuple("not %s" % name for name in sorted(group["requesting-user-name-denied"]))
    names = [name for name in group.get("requesting-user-name-allowed", []) if name != "all"]
    return tuple(sorted(name[1:] if name.startswith("@") else "the person %s" % name for name in names))


def steps(
    existing: Mapping[str, Destination], desired: Mapping[str, Destination], remove: bool
) -> List[Step]:
    """Queues first, so that pools find their members; what is deleted comes last."""
    needed = []
    for name, destination in desired.items():
        old = existing.get(name)
        if old is None:
            needed.append(Step("create", destination, fields=tuple(destination.values)))
            continue
        changed = tuple(key for key in destination.values if destination.values[key] != old.values.get(key))
        if changed:
            needed.append(Step("change", destination, old.values, changed))
    surplus = [destination for name, destination in existing.items() if name not in desired] if remove else []
    needed += [Step("delete", destination) for destination in sorted(surplus, key=lambda t: (t.kind, t.name))]
    return needed


def new_device(step: Step) -> bool:
    """Whether the printer itself is asked while the step is carried out."""
    return (
        step.destination.kind == "queue"
        and step.action != "delete"
        and bool({"uri", "driverless"} & set(step.fields))
    )


def commands(step: Step) -> List[List[str]]:
    """lpadmin's, in order."""
    destination, values = step.destination, step.destination.values
    if step.action == "delete":
        return [["lpadmin", "-x", destination.name]]
    lines = []
    if new_device(step):
        lines.append(["lpadmin", "-p", destination.name, "-E", "-v", values["uri"], "-m", "everywhere"])
    if "members" in step.fields:
        before = step.before.get("members", ())
        lines += [
            ["lpadmin", "-p", member, "-c", destination.name]
            for member in values["members"]
            if member not in before
        ]
        lines += [
            ["lpadmin", "-p", member, "-r", destination.name]
            for member in before
            if member not in values["members"]
        ]
        lines += (
            [["cupsaccept", destination.name], ["cupsenable", destination.name]]
            if step.action == "create"
            else []
        )
    allowed_groups = ",".join("@" + name for name in values["groups"]) or "all"
    settings = ["-D", values["description"], "-L", values["location"], "-u", "allow:" + allowed_groups]
    options = {
        "printer-is-shared": str(values["shared"]).lower(),
        "job-sheets-default": "none,none",
        "job-page-limit": str(values["quota_pages"]),
        "job-quota-period": str(values["quota_days"] * DAY),
    }
    if destination.kind == "queue":
        options["printer-error-policy"] = "retry-job"
        options["sides"] = BOTH_SIDES if values["duplex"] else ONE_SIDE
        if values["mono"]:
            options["print-color-mode"] = MONO
        elif "mono" in step.fields and step.before:
            options["print-color-mode"] = "color"
    settings += [word for key, value in options.items() for word in ("-o", "%s=%s" % (key, value))]
    return [*lines, ["lpadmin", "-p", destination.name, *settings]]


def sentence(step: Step) -> str:
    """A step in words, for the reader of the plan."""
    values = step.destination.values
    if step.action == "delete":
        return "it is in no list"
    fields = [
        key
        for key in step.fields
        if not (step.action == "create" and _goes_without_saying(key, step.destination))
    ]
    return "; ".join(
        _words(key, values[key], step.before.get(key) if step.before else None) for key in fields
    )


def _goes_without_saying(key: str, destination: Destination) -> bool:
    """Whether it goes without saying of a queue that is made."""
    values = destination.values
    return (
        key in ("driverless", "banners")
        or (key in ("quota_pages", "quota_days") and not values["quota_pages"])
        or (key == "description" and values[key] == destination.name)
        or (key == "location" and not values[key])
    )


LABELS = {
    "description": "called",
    "location": "place",
    "groups": "may print",
    "shared": "offered to other computers",
    "quota_pages": "pages for each person",
    "quota_days": "in so many days",
    "banners": "banner pages",
    "uri": "printer",
    "driverless": "driverless",
    "duplex": "both sides",
    "mono": "black and white",
    "members": "printers",
}


def _words(key: str, new: Any, old: Optional[Any]) -> str:
    after = _value(new)
    return "%s: %s" % (LABELS[key], after if old is None else "%s -> %s" % (_value(old), after))


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return ", ".join(value) or "everybody"
    return str(value) or "none"


def text(destinations: Mapping[str, Destination]) -> str:
    """For a difference: each queue and pool with its settings."""
    lines = []
    for name in sorted(destinations):
        destination = destinations[name]
        lines.append("%s %s" % (destination.kind, name))
        lines += ["    " + _words(key, value, None) for key, value in destination.values.items()]
    return "".join(line + "\n" for line in lines)


def missing_features(values: Mapping[str, Any], printer: Group) -> List[str]:
    """Desired features that a printer does not have; sentences with the way out."""
    faults = []
    formats = printer.get("document-format-supported", [])
    if not {"application/pdf", "image/urf", "image/pwg-raster"} & set(formats):
        faults.append("it is not a driverless printer (IPP Everywhere or AirPrint)")
    if values["duplex"] and BOTH_SIDES not in printer.get("sides-supported", []):
        faults.append("it cannot print on both sides: set duplex: false")
    if not values["mono"] and not {"color", "auto"} & set(printer.get("print-color-mode-supported", [])):
        faults.append("it has no colour: set mono: true")
    return faults
