"""What plans predict, as Rich shows it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from fitsom_runner.changes import prediction
from fitsom_runner.changes.models import Plan
from fitsom_runner.changes.seal import sandbox_words
from fitsom_runner.facts import BlindKind, HostChanges, Package, Severity
from fitsom_runner.facts_reader import hosts_from_json

#: Why a step cannot be predicted, for people.
BLIND_WORDS = {
    BlindKind.SKIPPED: "check mode passes over it",
    BlindKind.SILENT: "it says that it changes nothing",
    BlindKind.DEPENDS: "it depends on another such step",
    BlindKind.NOTIFIED: "it may follow another such step",
    BlindKind.AFTER_FAILURE: "only if another step fails",
    BlindKind.STARTED: "nobody waits for its end",
    BlindKind.FAILED: "it fails in check mode, and the playbook goes on",
}
SEVERITY_COLOURS = {Severity.EXCEPTION: "red", Severity.WARNING: "yellow", Severity.INFORMATIONAL: "dim"}


def plan_page(plan: Plan) -> RenderableType:
    """What a plan predicts; hosts for which it predicts the same are shown once."""
    parts = hosts_page(hosts_from_json(plan.hosts), plan.left_out)
    seal = f"seal {plan.seal[:16]}" if plan.seal else "[yellow]rehearsal, not sealed[/]"
    parts += [f"[yellow]{escape(note)}[/]" for note in plan.notes]
    if plan.components.get("engine"):
        parts.append(f"[dim]carried out by {escape(plan.components['engine'])}[/]")
    if not (plan.components.get("sandbox") or {}).get("enabled"):
        parts.append(f"[yellow]sandbox {escape(sandbox_words(plan.components))}[/]")
    parts.append(f"[dim]{seal}, commit {plan.commit[:12]}, taken in {plan.seconds:.0f} s[/]")
    return Panel(Group(*parts), title=f"Plan {plan.id}", title_align="left", border_style="blue")


def hosts_page(predicted: Mapping[str, HostChanges], left_out: dict[str, str]) -> list[RenderableType]:
    """What is predicted; hosts for which it is the same are shown once."""
    hosts_by_prediction: dict[str, list[str]] = {}
    for host, changes in predicted.items():
        body = changes.to_json()
        same = json.dumps([body["facts"], body["items"], body["blind"]], sort_keys=True)
        hosts_by_prediction.setdefault(same, []).append(host)
    parts: list[RenderableType] = []
    for hosts in hosts_by_prediction.values():
        names = [f"{host} ({', '.join(predicted[host].groups)})" for host in hosts]
        parts.append(Text(", ".join(names), style="bold"))
        parts.append(_predicted(predicted[hosts[0]]))
    for host, why in left_out.items():
        parts.append(f"[red]left out: {escape(host)}[/]: {escape(why)}")
    return parts


def differences(predicted: Mapping[str, HostChanges]) -> list[RenderableType]:
    """What differs in each file, host by host."""
    return [
        Text(f"{host}, {item.task}:\n{item.diff}")
        for host, changes in predicted.items()
        for item in changes.items
        if item.diff
    ]


def _predicted(changes: HostChanges) -> RenderableType:
    facts = changes.facts
    parts: list[RenderableType] = []
    if facts.packages:
        security = sum(package.security for package in facts.packages)
        words = f"  {len(facts.packages)} packages, {security} of them security updates"
        parts += [words, _packages(facts.packages)]
    batches = Counter(map(prediction.object_batch, facts.objects))
    parts += [f"  {number:>6,}  {escape(batch)}" for batch, number in batches.items()]
    settings = Counter((item.task, item.item) for item in changes.settings)
    for (task, item), number in settings.items():
        label = (f" ({item})" if item else "") + (f", {number} times" if number > 1 else "")
        parts.append(f"  will: {escape(task + label)}")
    parts += _blind(changes)
    for check in facts.checks:
        mark = "[green]ok[/]" if check.ok else "[red]not ok[/]"
        parts.append(f"  check {mark}: {escape(': '.join(filter(None, (check.name, check.detail))))}")
    for finding in facts.findings:
        colour = SEVERITY_COLOURS[finding.severity]
        parts.append(f"  [{colour}]{finding.severity}[/]: {escape(finding.ci)}: {escape(finding.what)}")
    parts += [f"  [yellow]note:[/] {escape(note)}" for note in facts.notes]
    if not changes.items:
        parts.append("  nothing else would change" if changes.blind else "  nothing would change")
    return Group(*parts)


def _blind(changes: HostChanges) -> list[RenderableType]:
    """The steps that nobody can predict, in red, with the commands that they run."""
    if not changes.blind:
        return []
    number = len(changes.blind)
    lines: list[RenderableType] = [
        f"  [red]{number} step{' cannot' if number == 1 else 's cannot'} be predicted[/]:"
    ]
    for step in changes.blind:
        command = f": {step.words}" if step.words else ""
        line = Text.from_markup(
            f"    [red]{escape(step.task)}[/] ({BLIND_WORDS[step.kind]}){escape(command)}"
        )
        line.no_wrap, line.overflow = False, "fold"  # a command is read whole, in a file too
        lines.append(line)
    return lines


def _packages(packages: tuple[Package, ...]) -> Table:
    table = Table(box=None, show_header=False, padding=(0, 1))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold", style="bold")
    table.add_column(overflow="fold")
    table.add_column(overflow="fold")
    for package in packages:
        further = f" +{len(package.advisories) - 1}" if len(package.advisories) > 1 else ""
        why = (
            f"{package.advisories[0]}{further}"
            if package.advisories
            else "security"
            if package.security
            else ""
        )
        versions = f"{package.old or 'new'} -> {package.new or 'removed'}"
        cells = (escape(package.name), escape(versions), f"[red]{escape(why)}[/]" if why else "")
        table.add_row(f"  {package.action}", *cells)
    return table
