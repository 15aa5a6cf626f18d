"""Plain English from the model: what a head teacher reads first. Pure functions, no markup."""

from fitsom_runner.changes.states import BackOutClass
from fitsom_runner.execution.states import Outcome
from fitsom_runner.facts import BlindKind, Object
from fitsom_runner.reports.advice import Advice, next_steps
from fitsom_runner.reports.facts import Facts, gather, is_backout, noun
from fitsom_runner.reports.kinds import Decision
from fitsom_runner.reports.labels import label
from fitsom_runner.reports.model import Host, Report, UnpredictableStep
from fitsom_runner.reports.rfc import Approval, Person
from fitsom_runner.reports.text import count, listed, sentence
from fitsom_runner.reports.times import about, duration, short_window, span, when

__all__ = ["Advice", "next_steps", "summary"]


MANY_TASKS = 12
MANY_HOSTS_NAMED = 4


def summary(report: Report, facts: Facts | None = None) -> str:
    """What happened or will happen, in one sentence: updates, restarts, and when."""
    facts = facts or gather(report)
    objects = object_changes(report, facts)
    settings = [] if facts.updates or not facts.settings else [_settings(report, facts)]
    updates = [] if (objects or settings) and not facts.updates else [_updates(report, facts)]
    parts = [*updates, *objects, *settings, *_restarts(report, facts)]
    surely = [step for step in blind_steps(facts) if step.kind not in _PERHAPS]
    if report.run is None and surely:
        parts = [] if parts == ["no package will change"] else parts
        number = count(len({step.task for step in surely}), "step")
        parts.append(
            f"nobody can say beforehand what {number} will do: {listed(_names(surely), MANY_STEPS_NAMED)}"
        )
    unknown = [host_label(host) for host in report.hosts if host.result is Outcome.UNKNOWN]
    if unknown:
        parts.append(f"what was done on {listed(unknown)} is not known")
    if report.run is None and report.change.window:
        parts[-1] += f", {short_window(report.change.window)}"
    return sentence("; ".join(parts))


def blind_steps(facts: Facts) -> list[UnpredictableStep]:
    """The steps that nobody can predict, whatever host they are on."""
    return [group.item for group in facts.blind]


def unpredictable(report: Report, facts: Facts) -> list[str]:
    """A line for each step that nobody can predict: its name, why, and where."""
    labels = {host.name: host_label(host) for host in report.hosts}
    hosts_by_line: dict[str, list[str]] = {}
    for group in facts.blind:
        line = f"{group.item.task} ({label(group.item.kind)})"
        hosts_by_line.setdefault(line, []).extend(group.hosts)
    lines = [
        f"{line}, on {listed([labels[name] for name in dict.fromkeys(names)], MANY_HOSTS_NAMED)}"
        for line, names in hosts_by_line.items()
    ]
    further = len(lines) - MANY_TASKS
    return lines if further <= 1 else [*lines[:MANY_TASKS], f"and {further} more, in the list below"]


def _names(steps: list[UnpredictableStep]) -> list[str]:
    return list(dict.fromkeys(f"'{step.task}'" for step in steps))


#: Steps that come only because of another one: they are listed, and not in the first sentence.
_PERHAPS = (BlindKind.AFTER_FAILURE, BlindKind.NOTIFIED, BlindKind.DEPENDS)
MANY_STEPS_NAMED = 3


def _updates(report: Report, facts: Facts) -> str:
    if not facts.updates:
        quiet = "nothing was changed" if evidence(report, facts) else "no package was changed"
        return "no package will change" if report.run is None else quiet
    hosts = count(facts.hosts_with_updates, noun(report.hosts))
    verb = "will be" if report.run is None else "was" if facts.updates == 1 else "were"
    if is_backout(report):
        return f"{count(facts.updates, 'package')} {verb} taken back to the earlier version on {hosts}"
    other_updates = facts.updates - facts.security
    names = [count(facts.security, "security update")] if facts.security else []
    names += [count(other_updates, "other update" if names else "update")] if other_updates else []
    return f"{' and '.join(names)} {verb} installed on {hosts}"


def _settings(report: Report, facts: Facts) -> str:
    verb = "will be" if report.run is None else "was" if facts.settings == 1 else "were"
    hosts = count(facts.hosts_with_settings, noun(report.hosts))
    return f"{count(facts.settings, 'setting')} {verb} changed on {hosts}"


def planned_work(report: Report, facts: Facts) -> list[str]:
    """What a plan will do besides updates: objects where they are few, then settings in the words of their tasks."""
    labels = {host.name: host_label(host) for host in report.hosts}
    hosts_by_line: dict[str, list[str]] = {}
    object_groups = [entry for entry in facts.object_groups if object_sentence(entry.item)]
    if len(facts.object_groups) <= MANY_TASKS:
        object_groups += [entry for entry in facts.object_groups if not object_sentence(entry.item)]
    for entry in object_groups:
        line = object_sentence(entry.item) or object_words(entry.item)
        hosts_by_line.setdefault(line, []).extend(entry.hosts)
    for group in facts.predicted_settings:
        hosts_by_line.setdefault(group.item.task, []).extend(group.hosts)
    lines = [
        f"{line}, on {listed([labels[name] for name in dict.fromkeys(names)], MANY_HOSTS_NAMED)}"
        for line, names in hosts_by_line.items()
    ]
    further = len(lines) - MANY_TASKS
    return lines if further <= 1 else [*lines[:MANY_TASKS], f"and {further} more, in the list below"]


def object_words(item: Object) -> str:
    """Such as "Create the queue library (place: Library)"."""
    detail = f" ({item.what})" if item.what else ""
    return f"{item.action.capitalize()} the {_KIND_NOUNS.get(item.kind, item.kind)} {item.id}{detail}"


def object_sentence(item: Object) -> str:
    """Such as "No longer let in: pupils, for ssh", of an object whose text says who reaches what; otherwise empty."""
    start = _SENTENCES.get(item.kind, {}).get(item.action)
    if start is None or not item.what:
        return ""
    return f"{start} {item.what[0].lower()}{item.what[1:]}" if start else item.what


def evidence(report: Report, facts: Facts) -> list[str]:
    """What hosts reported of a run that changes nothing and is there to prove something, as a restore drill."""
    if facts.updates or facts.objects or facts.settings:
        return []
    return [f"{host_label(host)}: {note}" for host in report.hosts for note in host.notes][:MANY_TASKS]


_PAST_TENSE = {
    "create": "created",
    "add": "added",
    "enable": "switched on",
    "move": "moved",
    "update": "changed",
    "change": "changed",
    "set": "set",
    "disable": "switched off",
    "export": "exported",
    "remove": "removed",
    "delete": "deleted",
}
_KIND_NOUNS = {
    "user": "account",
    "group": "group",
    "unit": "organisational unit",
    "device line": "configuration line",
}
# Objects whose `what` is a sentence, and how it begins. An approver must see each, however many there are.
_SENTENCES = {"firewall rule": {"add": "", "change": "From now on", "remove": "No longer"}}


def object_changes(report: Report, facts: Facts) -> list[str]:
    """Such as "180 accounts and 12 groups will be created", one part for each action."""
    numbers: dict[str, dict[str, int]] = {participle: {} for participle in _PAST_TENSE.values()}
    for (action, kind, _group), number in facts.objects.items():
        kinds = numbers.setdefault(_PAST_TENSE.get(action, f"touched ({action})"), {})
        kinds[kind] = kinds.get(kind, 0) + number
    parts = []
    for participle, kinds in numbers.items():
        if kinds:
            total = sum(kinds.values())
            verb = "will be" if report.run is None else "was" if total == 1 else "were"
            parts.append(
                f"{listed([count(n, _KIND_NOUNS.get(k, k)) for k, n in kinds.items()])} {verb} {participle}"
            )
    return parts


def _restarts(report: Report, facts: Facts) -> list[str]:
    hosts = facts.restarting
    if not hosts:
        return []
    past = report.run is not None
    verb = "restarted" if past else "restart" + ("s" if len(hosts) == 1 else "")
    if len(hosts) > 3:
        longest = max((host.reboot.seconds or 0 for host in hosts), default=0)
        downtime = f", each away for {about(longest)} at most" if longest else ""
        return [f"{count(len(hosts), noun(hosts))} {verb} once each{downtime}"]
    names = listed([host_label(host) for host in hosts])
    suffix = " each" if len(hosts) > 1 else ""
    return [f"{names} {verb} once{suffix}{_downtime(hosts)}"]


def _downtime(hosts: tuple[Host, ...]) -> str:
    seconds = max((host.reboot.seconds or 0 for host in hosts), default=0)
    without = listed(list(dict.fromkeys(host.provides for host in hosts if host.provides)))
    if seconds:
        return f", {about(seconds)} without {without}" if without else f", away for {about(seconds)}"
    return f", for that time without {without}" if without else ""


def host_label(host: Host) -> str:
    """What people call the host: "the file server", or its name."""
    return host.label or host.name


def timing(report: Report) -> str:
    """When it ran and how long, or when it will."""
    run, window = report.run, report.change.window
    if run is None:
        return sentence(span(window.start, window.end, window.zone)) if window else "No window is set yet."
    if run.ended is None:
        return f"Started {when(run.started, report.shown_zone)}; its end was not recorded."
    seconds = run.wall_seconds if run.wall_seconds is not None else (run.ended - run.started).total_seconds()
    text = f"{span(run.started, run.ended, report.shown_zone)} ({duration(seconds)})."
    if window and (run.started < window.start or run.ended > window.end):
        return f"{text} This was outside the approved window, {short_window(window)}."
    return text


def affected(report: Report, facts: Facts) -> tuple[str, ...]:
    """Who had or will have to do without what."""
    restarts = [sentence(part) for part in _restarts(report, facts)]
    if not restarts:
        unsure = facts.results.get(Outcome.UNKNOWN, 0)
        no_restart = "No restart was recorded." if unsure else "No machine restarted."
        restarts = ["No machine restarts." if report.run is None else no_restart]
    impact = report.change.impact.strip()
    announced = "Expected" if report.run is None else "Announced beforehand"
    return (*restarts, *([f"{announced}: {impact}"] if impact else []))


def way_back(report: Report) -> str:
    """The way back in a few words."""
    possibility = {
        BackOutClass.REVERSIBLE: "It can be undone.",
        BackOutClass.RESTORE: "Undoing it means restoring from backup.",
        BackOutClass.FORWARD_ONLY: "It cannot be undone, only repaired.",
    }[report.change.backout_class]
    return f"{possibility} {sentence(report.change.backout)}".strip()


def person(somebody: Person) -> str:
    """Margaret Hale (Head teacher)."""
    return f"{somebody.name} ({somebody.role})" if somebody.role else somebody.name


def approval(signature: Approval, zone: str) -> str:
    """Who decided what, and when."""
    by = person(signature.person)
    if signature.on_behalf_of:
        by += f" on behalf of {person(signature.on_behalf_of)}"
    verb = "approved by" if signature.decision is Decision.APPROVED else "REJECTED by"
    condition = f" “{signature.comment.strip()}”" if signature.comment.strip() else ""
    return (
        f"{label(signature.kind)}: {verb} {by}, {when(signature.when, zone)}, {signed(signature)}.{condition}"
    )


def how_to_answer(report: Report) -> list[str]:
    """For whoever has to decide: until when, and how to say yes or no. Empty where nobody has to."""
    if not report.awaiting:
        return []
    number, window = report.change.number, report.change.window
    until = [f"Before {when(window.start, report.shown_zone)}, when it is to begin."] if window else []
    return [
        *until,
        f'Yes: fitsom change approve {number}. A condition goes with it: --comment "...".',
        f'No: fitsom change reject {number} --comment "why".',
    ]


def signed(signature: Approval) -> str:
    """Whether a decision is signed with a key."""
    return f"signed with the key {signature.key}" if signature.key else "not signed"
