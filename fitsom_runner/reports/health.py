"""The daily look as a page and as JSON."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from fitsom_runner import __version__
from fitsom_runner.config import Config
from fitsom_runner.facts import Severity
from fitsom_runner.operations.health import HealthCheck, HostHealth
from fitsom_runner.reports import observed, text, times
from fitsom_runner.reports.render import page
from fitsom_runner.reports.verdict import Tone, Verdict

SCHEMA = "fitsom-health"
STATES = {
    "well": "well",
    "look": "needs attention",
    "silent": "does not answer",
    "failed": "could not be checked",
    "left out": "left out (no Linux host)",
}


def verdict(check: HealthCheck) -> Verdict:
    """The one line that answers "is everything well?"."""
    checked = [host for host in check.hosts if host.state != "left out"]
    well = sum(host.state == "well" for host in checked)
    share = (
        f"{well:,} of {text.count(len(checked), 'host')} {'is' if 1 in (well, len(checked)) else 'are'} well."
    )
    exceptions, warnings = check.number(Severity.EXCEPTION), check.number(Severity.WARNING)
    parts = [text.count(exceptions, "exception")] if exceptions else []
    parts += [text.count(warnings, "warning")] if warnings else []
    summary = f"{share} {text.sentence(text.listed(parts))}".strip()
    if exceptions:
        return Verdict(tone=Tone.BAD, title="Action is needed", text=summary)
    if warnings:
        return Verdict(tone=Tone.WARN, title="Nothing is broken; something needs attention", text=summary)
    return Verdict(tone=Tone.GOOD, title="All is well", text=summary)


def rows(check: HealthCheck) -> tuple[observed.Row, ...]:
    """What each host is."""
    return observed.rows((host.name, host.observed) for host in check.hosts)


def value(check: HealthCheck) -> dict[str, Any]:
    """The health check as JSON."""
    line = verdict(check)
    return {
        "schema": SCHEMA,
        "schema_version": 1,
        "taken": check.taken_at.isoformat(timespec="seconds"),
        "commit": check.commit,
        "verdict": {"tone": line.tone.value, "title": line.title, "text": line.text},
        "findings": [{"host": host, **asdict(row)} for host, row in check.findings],
        "hosts": {host.name: _host(host) for host in check.hosts},
    }


def _host(host: HostHealth) -> dict[str, Any]:
    return {"state": host.state, "observed": host.observed}


def write(config: Config, check: HealthCheck) -> Path:
    """health.json and health.html into the folder of the check; returns the page."""
    data = json.dumps(value(check), indent=1, ensure_ascii=False) + "\n"
    (check.folder / "health.json").write_text(text.clean(data), encoding="utf-8")
    path = check.folder / "health.html"
    zone = config.school.timezone
    words = {
        "school": config.school.name,
        "check": check,
        "verdict": verdict(check),
        "rows": rows(check),
        "columns": observed.COLUMNS,
        "states": STATES,
        "taken": times.when(check.taken_at, zone),
        "zone": zone,
        "version": __version__,
    }
    path.write_text(page("health.html.j2", words), encoding="utf-8")
    return path
