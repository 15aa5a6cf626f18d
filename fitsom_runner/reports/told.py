"""What modules told of a host, as the model has it."""

from __future__ import annotations

from datetime import date
from typing import Any

from fitsom_runner.reports import kinds
from fitsom_runner.reports.model import Check, Finding, Foreseen, Object, Package, Reboot, Service


def facts_of(facts: dict[str, list[Any]]) -> dict[str, Any]:
    """A host's `fitsom` results (docs/architecture.md) as fields of Host."""
    reboots = facts.get("reboot", [])
    last = reboots[-1] if reboots else {}  # told before the work and again after it
    return {
        "packages": tuple(
            Package(
                name=p["name"],
                old=p.get("from"),
                new=p.get("to"),
                action=kinds.PackageAction(p.get("action", "upgrade")),
                arch=p.get("arch") or "",
                security=bool(p.get("security")),
                origin=p.get("origin") or "",
                advisories=tuple(p.get("advisories") or ()),
                released=_day(p.get("released")),
            )
            for p in facts.get("packages", [])
        ),
        "objects": tuple(
            Object(**{part: str(o.get(part, "")) for part in ("kind", "id", "action", "group", "what")})
            for o in facts.get("objects", [])
        ),
        "services": tuple(
            Service(name=s["name"], action=s.get("action", ""), before=s.get("before"), after=s.get("after"))
            for s in facts.get("services", [])
        ),
        "reboot": Reboot(
            required=bool(last.get("required")),
            planned=any(r.get("planned") for r in reboots),
            done=any(r.get("done") for r in reboots),
            reasons=tuple(dict.fromkeys(str(x) for r in reboots for x in r.get("reasons", []))),
            seconds=next((r["seconds"] for r in reboots if r.get("seconds")), None),
        ),
        "checks": tuple(
            Check(
                name=c.get("name", ""),
                ok=bool(c.get("ok")),
                detail=str(c.get("detail", "")),
                after=bool(c.get("after")),
            )
            for c in facts.get("checks", [])
        ),
        "findings": tuple(
            Finding(
                severity=kinds.Severity(f["severity"]),
                **{part: str(f.get(part, "")) for part in ("kind", "ci", "what", "evidence", "do")},
            )
            for f in facts.get("findings", [])
        ),
        "notes": tuple(str(n) for n in facts.get("notes", [])),
        "observed": {name: value for told in facts.get("facts", []) for name, value in told.items()},
    }


def foreseen_of(body: dict[str, Any]) -> tuple[Foreseen, ...]:
    """Packages and objects speak for themselves."""
    return tuple(
        Foreseen(task=item["task"], what=item["item"], diff=item["diff"])
        for item in body["items"]
        if not item["packages"]
    )


def _day(text: Any) -> date | None:
    try:
        return date.fromisoformat(str(text)[:10])
    except ValueError:
        return None
