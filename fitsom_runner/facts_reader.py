"""Reads what is reported of hosts (facts.py): the only place that does, and it never raises.

A host may answer anything. What does not fit is left out, and a finding says so: kind `facts-unreadable`, an exception.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from fitsom_runner.facts import (
    FACTS_UNREADABLE,
    BlindKind,
    BlindStep,
    Check,
    ConfigurationItem,
    Expiring,
    Facts,
    FileSystem,
    Finding,
    HostChanges,
    Item,
    Object,
    Package,
    PackageAction,
    Reboot,
    Service,
    Severity,
)
from fitsom_runner.reading import Faults, Row

DIFF_LIMIT = 64 * 1024  # as the callback plugin keeps it
# As dpkg, rpm and systemd allow them; deb-version(7), systemd.unit(5).
_PACKAGE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9+._:@-]{0,199}")
_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9+.~:_^-]{0,199}")
_UNIT_NAME = re.compile(r"[A-Za-z0-9:_.\\@-]{1,255}")
_PARTS = frozenset(
    "packages services reboot checks objects findings facts undone expiring notes".split()  # noqa: SIM905 - one line
)


def facts_from_json(value: Any, host: str) -> Facts:
    """What a module reported under the key `fitsom` (a list of it, for a loop), or what Facts.to_json wrote."""
    faults, facts = Faults(), Facts()
    for part in value if isinstance(value, list) else [value]:
        facts = facts.plus(_facts(Row(part, "fitsom", faults)))
    return _with_fault_finding(faults, facts, host)


def changes_from_json(value: Any, host: str) -> HostChanges:
    """What HostChanges.to_json wrote."""
    faults = Faults()
    row = Row(value, "record", faults)
    about = row.inner("about")
    return HostChanges(
        items=row.rows("items", _item),
        facts=_with_fault_finding(faults, _facts(row.inner("facts")), host),
        blind=row.rows("blind", _blind_step),
        # Plans from before there was a number only say whether there was a mark.
        marks=int(row.number("marks") or 0) if row.has("marks") else int(row.flag("done")),
        ends_marked=row.flag("ends_marked"),
        plays=int(row.number("plays") or 0),
        groups=row.texts("groups"),
        about={word: text for word in ("label", "provides", "device") if (text := about.text(word))},
    )


def hosts_from_json(value: Any) -> dict[str, HostChanges]:
    """{host: its changes} of a plan's record."""
    hosts = value if isinstance(value, dict) else {}
    return {host: changes_from_json(body, host) for host, body in hosts.items()}


def configuration_item(observed: Mapping[str, Any]) -> ConfigurationItem | None:
    """What the host is, of Facts.observed; None where it was not observed."""
    item = observed.get("configuration_item")
    return _configuration_item(Row(item, "", Faults())) if item and isinstance(item, dict) else None


def security_updates(observed: Mapping[str, Any]) -> tuple[str, ...]:
    """The security updates that wait, of Facts.observed, such as "vim 9"."""
    return Row(dict(observed), "", Faults()).texts("security_updates")


def _with_fault_finding(faults: Faults, facts: Facts, host: str) -> Facts:
    """With a finding that names the first of what did not fit, and the number of the others; once in a record."""
    if not faults.number or any(finding.kind == FACTS_UNREADABLE for finding in facts.findings):
        return facts
    unnamed = faults.number - len(faults.messages)
    finding = Finding(
        kind=FACTS_UNREADABLE,
        severity=Severity.EXCEPTION,
        ci=host,
        what="A part of the facts that were reported of this computer cannot be read, and so is missing here.",
        evidence="; ".join(faults.messages) + (f"; and {unnamed:,} more" if unnamed else ""),
        do="Repair the module or playbook that reports it: docs/architecture.md describes the key fitsom.",
    )
    return replace(facts, findings=(*facts.findings, finding))


def _facts(row: Row) -> Facts:
    row.report_unknown_keys(_PARTS)
    observed = row.observed("facts")
    observed_row = row.with_values(
        observed
    )  # these two are read later, out of `observed`; their faults are of today
    _configuration_item(observed_row.inner("configuration_item"))
    observed_row.texts("security_updates")
    return Facts(
        packages=row.rows("packages", _package),
        services=row.rows("services", _service),
        reboots=row.rows("reboot", _reboot),
        checks=row.rows("checks", _check),
        objects=row.rows("objects", _object),
        findings=row.rows("findings", _finding),
        observed=observed,
        undone=row.texts("undone"),
        expiring=row.rows("expiring", _expiring),
        notes=row.texts("notes"),
    )


def _package(row: Row) -> Package:
    name = row.required("name")
    row.matching("name", _PACKAGE_NAME, "the name of a package")
    return Package(
        name=name,
        old=row.matching("from", _VERSION, "a version"),
        new=row.matching("to", _VERSION, "a version"),
        action=row.enum_value("action", PackageAction.UPGRADE)
        if row.has("action")
        else PackageAction.UPGRADE,
        arch=row.text("arch"),
        security=row.flag("security"),
        origin=row.text("origin"),
        advisories=row.texts("advisories"),
        released=row.day("released"),
    )


def _service(row: Row) -> Service:
    name = row.required("name")
    row.matching("name", _UNIT_NAME, "the name of a unit")
    return Service(
        name=name,
        action=row.text("action"),
        before=row.optional("before"),
        after=row.optional("after"),
    )


def _reboot(row: Row) -> Reboot:
    return Reboot(
        required=row.flag("required"),
        planned=row.flag("planned"),
        done=row.flag("done"),
        reasons=row.texts("reasons"),
        seconds=row.number("seconds"),
    )


def _check(row: Row) -> Check:
    return Check(name=row.text("name"), ok=row.flag("ok"), detail=row.text("detail"), after=row.flag("after"))


def _object(row: Row) -> Object:
    return Object(
        kind=row.required("kind"),
        id=row.required("id"),
        action=row.required("action"),
        group=row.text("group"),
        what=row.text("what"),
    )


def _finding(row: Row) -> Finding:
    return Finding(
        kind=row.required("kind"),
        severity=row.enum_value("severity", Severity.EXCEPTION),  # what cannot be read counts as the worst
        ci=row.text("ci"),
        what=row.text("what"),
        evidence=row.text("evidence"),
        do=row.text("do"),
    )


def _expiring(row: Row) -> Expiring:
    return Expiring(
        rule=row.required("rule"),
        owner=row.text("owner"),
        reason=row.text("reason"),
        change=row.text("change"),
        expires=row.text("expires"),
        file=row.text("file"),
        days=row.number("days"),
    )


def _item(row: Row) -> Item:
    return Item(
        task=row.text("task"),
        role=row.text("role"),
        item=row.text("item"),
        digest=row.text("digest"),
        diff=row.text("diff", DIFF_LIMIT),
        packages=row.flag("packages"),
        path=row.text("path"),
        position=int(row.number("position") or 0),
        content=row.text("content"),
        listed=row.flag("listed"),
    )


def _blind_step(row: Row) -> BlindStep:
    return BlindStep(
        kind=row.enum_value("kind", BlindKind.SKIPPED),
        task=row.text("task"),
        role=row.text("role"),
        words=row.text("words"),
        path=row.text("path"),
        position=int(row.number("position") or 0),
        content=row.text("content"),
    )


def _configuration_item(row: Row) -> ConfigurationItem:
    system = row.inner("system")
    return ConfigurationItem(
        system=system.text("name"),
        kernel=system.text("kernel"),
        supported_until=system.inner("support").text("lts"),
        last_boot=row.text("last_boot"),
        serial=row.inner("hardware").text("serial"),
        filesystems=row.rows("filesystems", _filesystem),
    )


def _filesystem(row: Row) -> FileSystem:
    return FileSystem(
        mount=row.required("mount"),
        free_mb=row.required_number("free_mb"),
        used_percent=row.required_number("used_percent"),
    )
