"""Did it work, and what is left to do? Pure functions, no markup."""

from dataclasses import dataclass
from enum import StrEnum

from fitsom_runner.changes.prediction import DifferenceKind
from fitsom_runner.changes.states import State
from fitsom_runner.execution.states import Outcome, RunKind, RunStatus
from fitsom_runner.reports.facts import Facts, gather, is_backout, noun, reboot_open, services_down, worrying
from fitsom_runner.reports.labels import label
from fitsom_runner.reports.model import EarlierRun, Report
from fitsom_runner.reports.text import count, listed, sentence
from fitsom_runner.reports.times import when
from fitsom_runner.reports.words import MANY_HOSTS_NAMED, host_label, person


class Tone(StrEnum):
    """How a verdict should look: each has its own sign, so that colour is never needed to distinguish them."""

    GOOD = "good"
    WARN = "warn"
    BAD = "bad"
    PLAN = "plan"


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """The one line that answers "did it work?", and the sentence under it."""

    tone: Tone
    title: str
    text: str


MANY_FINDINGS = 5
_ENDED_WITHOUT_RUN = {
    State.REJECTED: ("Rejected: nothing will be done", "This change was rejected."),
    State.CANCELLED: ("Cancelled: nothing will be done", "This change was cancelled."),
    State.EXPIRED: ("Expired: nothing was done", "Its window passed before it was started."),
}


def verdict(report: Report, facts: Facts | None = None) -> Verdict:
    """Did it work?"""
    facts = facts or gather(report)
    if report.run is None:
        return _plan_verdict(report)
    number_done, total = facts.results.get(Outcome.DONE, 0), len(report.hosts)
    state = "taken back" if is_backout(report) else "done"
    share = f"{number_done:,} of {count(total, noun(report.hosts))} {'is' if number_done == 1 else 'are'} {state}."
    outcome = report.run.outcome
    if outcome is RunStatus.SUCCEEDED:
        return _success(report, facts, share)
    share = " ".join(filter(None, (share, _not_done(facts), why_back(report))))
    if outcome is RunStatus.FAILED:
        title = "It worked only in part" if number_done else "It did not work"
        if is_backout(report):
            title = "It was taken back only in part" if number_done else "It could not be taken back"
        return Verdict(tone=Tone.WARN if number_done else Tone.BAD, title=title, text=share)
    if outcome is RunStatus.INTERRUPTED:
        return Verdict(tone=Tone.BAD, title="The run was cut short", text=share)
    if outcome is RunStatus.REFUSED:
        text = f"What was approved no longer fits: {'; '.join(report.run.refusal)}."
        return Verdict(tone=Tone.WARN, title="Refused: nothing was touched", text=text)
    return Verdict(tone=Tone.WARN, title="The run was stopped by hand", text=share)


_NOT_DONE = (
    (Outcome.FAILED, "failed"),
    (Outcome.UNREACHABLE, "could not be reached"),
    (Outcome.UNKNOWN, "must be checked"),
    (Outcome.UNTOUCHED, "not touched"),
)


def _not_done(facts: Facts) -> str:
    parts = [f"{facts.results[result]:,} {text}" for result, text in _NOT_DONE if facts.results.get(result)]
    return sentence(listed(parts))


def _success(report: Report, facts: Facts, share: str) -> Verdict:
    unpredicted = facts.total(DifferenceKind.NOT_PREDICTED)
    blind = facts.total(DifferenceKind.BLIND)
    not_happened = facts.total(DifferenceKind.DID_NOT_HAPPEN)
    title = "It was taken back" if is_backout(report) else "It worked"
    if unpredicted or not_happened:
        parts = [f"{count(unpredicted, 'unpredicted change')} happened"] if unpredicted else []
        parts += [f"{count(not_happened, 'predicted change')} did not happen"] if not_happened else []
        text = f"{share} {sentence(' and '.join(parts))}"
        return Verdict(tone=Tone.WARN, title=f"{title}, but not exactly as planned", text=text)
    if blind:
        came = f"{count(blind, 'change')} came by steps that nobody could predict, as the plan had said"
        share = f"{share} {sentence(came)}"
    if is_backout(report):
        return Verdict(tone=Tone.WARN, title=title, text=f"{share} {why_back(report)}".strip())
    if not blind:
        share = f"{share} All went as planned."
    if set(open_points(report, facts)) - {REVIEW_IS_OPEN}:
        return Verdict(tone=Tone.GOOD, title=f"{title}; something is still open", text=share)
    return Verdict(tone=Tone.GOOD, title=title, text=share)


def why_back(report: Report) -> str:
    """Who had a back-out made, and why; empty where the run is none."""
    if report.run is None or not is_backout(report):
        return ""
    return (
        f"{person(report.run.by)} had it taken back: {sentence(report.run.reason or 'no reason is recorded')}"
    )


def earlier_runs(report: Report) -> list[str]:
    """A line for each run of the change before this one: when, by whom, and how it left its hosts."""
    labels = {host.name: host_label(host) for host in report.hosts}
    return [
        f"{_EARLIER[run.kind]}, {when(run.started, report.shown_zone)}, {person(run.by)}: "
        f"{label(run.outcome)}. {_how_left(run, labels)} ({run.id})"
        for run in report.earlier
    ]


_EARLIER = {RunKind.APPLY: "It ran", RunKind.RESUME: "It was resumed", RunKind.BACKOUT: "A back-out"}


def _how_left(run: EarlierRun, labels: dict[str, str]) -> str:
    if run.refusal:
        return sentence("; ".join(run.refusal))
    names: dict[Outcome, list[str]] = {}
    for host, outcome in run.results:
        names.setdefault(outcome, []).append(labels.get(host, host))
    parts = [f"{label(outcome)}: {listed(hosts, MANY_HOSTS_NAMED)}" for outcome, hosts in names.items()]
    return sentence("; ".join(parts))


def _plan_verdict(report: Report) -> Verdict:
    if report.change.state in _ENDED_WITHOUT_RUN:
        title, text = _ENDED_WITHOUT_RUN[report.change.state]
        return Verdict(tone=Tone.WARN, title=title, text=text)
    if report.awaiting:
        waiting = listed([label(kind).lower() for kind in report.awaiting])
        return Verdict(
            tone=Tone.PLAN, title="This will happen if you approve", text=f"It waits for {waiting}."
        )
    return Verdict(tone=Tone.PLAN, title="This will happen", text="Nothing has been changed yet.")


def open_points(report: Report, facts: Facts | None = None) -> tuple[str, ...]:
    """What still has to be done; empty when nothing has."""
    facts = facts or gather(report)
    open_results = _OPEN_AFTER_BACKOUT if is_backout(report) else _OPEN_RESULTS
    points = [_hosts_point(report, result, text) for result, text in open_results]
    reopened = sum(len(host.reopened) for host in report.hosts)
    without = tuple(host for host in report.hosts if host.reopened)
    restart = [host_label(host) for host in report.hosts if reboot_open(host)]
    services = [f"{name} on {host_label(host)}" for host in report.hosts for name in services_down(host)]
    checks = [f"{c.name} on {host_label(h)}" for h in report.hosts for c in h.checks if not c.ok]
    findings = [f"{group.item.ci}: {group.item.what}" for group in facts.findings if worrying(group.item)]
    incidents = [incident.number for incident in report.incidents if incident.open]
    points += [
        f"{count(reopened, 'security update')} {'is' if reopened == 1 else 'are'} not installed any more on "
        f"{count(len(without), noun(without))}: the holes that {'it closes' if reopened == 1 else 'they close'} "
        "are open again."
        if reopened
        else "",
        f"Still to restart: {listed(restart)}." if restart else "",
        f"Not running after the work: {listed(services)}." if services else "",
        f"{count(len(checks), 'check')} failed: {listed(checks)}." if checks else "",
        *findings[:MANY_FINDINGS],
        f"{count(len(findings) - MANY_FINDINGS, 'further finding is', 'further findings are')} in the list below."
        if len(findings) > MANY_FINDINGS
        else "",
        f"{count(len(incidents), 'incident is', 'incidents are')} open: {listed(incidents)}."
        if incidents
        else "",
        f"Waiting for {listed([label(kind).lower() for kind in report.awaiting])}."
        if report.awaiting
        else "",
        REVIEW_IS_OPEN if report.review_due and not report.review else "",
    ]
    return tuple(point for point in points if point)


REVIEW_IS_OPEN = "The review of this change is still to be written."
_OPEN_RESULTS = (
    (Outcome.FAILED, "failed and need{s} a technician"),
    (Outcome.UNREACHABLE, "could not be reached and still need{s} the change"),
    (Outcome.UNKNOWN, "must be checked: it is not known whether the work finished there"),
    (Outcome.UNTOUCHED, "{was_were} not touched and still need{s} the change"),
)
_OPEN_AFTER_BACKOUT = (
    (Outcome.FAILED, "could not be taken back and need{s} a technician"),
    (Outcome.UNREACHABLE, "could not be reached and {is_are} not taken back"),
    (Outcome.UNKNOWN, "must be checked: it is not known whether the way back finished there"),
    (Outcome.UNTOUCHED, "{is_are} not taken back"),
)


def _hosts_point(report: Report, result: Outcome, text: str) -> str:
    names = [host_label(host) for host in report.hosts if host.result is result]
    if not names:
        return ""
    single = len(names) == 1
    verb = text.format(
        s="s" if single else "", is_are="is" if single else "are", was_were="was" if single else "were"
    )
    return sentence(f"{listed(names)} {verb}")
