"""The daily look as a page and as JSON."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from fitsom_runner import __version__
from fitsom_runner.config import Config
from fitsom_runner.facts import Severity
from fitsom_runner.operations.health import Look, Seen
from fitsom_runner.reports import observed, text, times
from fitsom_runner.reports.render import page
from fitsom_runner.reports.words import Tone, Verdict

SCHEMA = "fitsom-health"
STATES = {
    "well": "well",
    "look": "look at it",
    "silent": "does not answer",
    "failed": "could not be looked at",
    "left out": "left out (no Linux host)",
}


def verdict(look: Look) -> Verdict:
    """The one line that answers "is everything well?"."""
    looked_at = [host for host in look.hosts if host.state != "left out"]
    well = sum(host.state == "well" for host in looked_at)
    share = f"{well:,} of {text.count(len(looked_at), 'host')} {'is' if 1 in (well, len(looked_at)) else 'are'} well."
    exceptions, warnings = look.number(Severity.EXCEPTION), look.number(Severity.WARNING)
    parts = [text.count(exceptions, "exception")] if exceptions else []
    parts += [text.count(warnings, "warning")] if warnings else []
    told = f"{share} {text.sentence(text.listed(parts))}".strip()
    if exceptions:
        return Verdict(tone=Tone.BAD, title="Somebody has to act", text=told)
    if warnings:
        return Verdict(tone=Tone.WARN, title="Nothing is broken; something needs a look", text=told)
    return Verdict(tone=Tone.GOOD, title="All is well", text=told)


def rows(look: Look) -> tuple[observed.Row, ...]:
    """What each host is."""
    return observed.rows((host.name, host.observed) for host in look.hosts)


def value(look: Look) -> dict[str, Any]:
    """The whole look as JSON has it."""
    told = verdict(look)
    return {
        "schema": SCHEMA,
        "schema_version": 1,
        "taken": look.taken.isoformat(timespec="seconds"),
        "commit": look.commit,
        "verdict": {"tone": told.tone.value, "title": told.title, "text": told.text},
        "findings": [{"host": host, **asdict(row)} for host, row in look.findings],
        "hosts": {host.name: _host(host) for host in look.hosts},
    }


def _host(host: Seen) -> dict[str, Any]:
    return {"state": host.state, "observed": host.observed}


def write(config: Config, look: Look) -> Path:
    """health.json and health.html into the look's folder; the page."""
    data = json.dumps(value(look), indent=1, ensure_ascii=False) + "\n"
    (look.folder / "health.json").write_text(text.clean(data), encoding="utf-8")
    path = look.folder / "health.html"
    zone = config.school.timezone
    words = {
        "school": config.school.name,
        "look": look,
        "verdict": verdict(look),
        "rows": rows(look),
        "columns": observed.COLUMNS,
        "states": STATES,
        "taken": times.when(look.taken, zone),
        "zone": zone,
        "version": __version__,
    }
    path.write_text(page("health.html.j2", words), encoding="utf-8")
    return path
