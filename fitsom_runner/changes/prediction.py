"""What a plan predicts for each host, and how two predictions, or a prediction and a run, are compared. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from fitsom_runner.facts import BlindKind, BlindStep, HostChanges, Item, Object, Package

Hosts = Mapping[str, HostChanges]


class DifferenceKind(StrEnum):
    """One predicted or actual change, set against the other side."""

    AS_PREDICTED = "foreseen_and_came"
    NOT_PREDICTED = "came_besides"
    DID_NOT_HAPPEN = "did_not_come"
    BLIND = "could_not_be_predicted"


def to_json(hosts: Hosts) -> dict[str, Any]:
    """As Plan.hosts holds it; facts_reader.hosts_from_json reads it back."""
    return {host: changes.to_json() for host, changes in hosts.items()}


def pins(hosts: Hosts) -> dict[str, dict[str, str]]:
    """{host: {package: version it will have}}: what the seal holds and the run is pinned to."""
    return {
        host: {package.name: package.new for package in changes.facts.packages if package.new}
        for host, changes in hosts.items()
    }


def pins_back(plans: Iterable[Hosts]) -> dict[str, dict[str, str]]:
    """{host: {package: version before, "" where it was not there}}: all that a back-out of these plans, in the order
    of their runs, may change.
    """
    before: dict[str, dict[str, str]] = {}
    for hosts in plans:
        for host, changes in hosts.items():
            for package in changes.facts.packages:
                before.setdefault(host, {}).setdefault(package.name, package.old or "")
    return before


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One change on one host.

    `batch` is what many objects of one kind are counted under in a report, "" for a single change.
    """

    host: str
    task: str
    what: str
    kind: DifferenceKind
    batch: str = ""


@dataclass(frozen=True, kw_only=True)
class _Key:
    """What makes two changes of a host the same one: their place and their content, never only what they are called."""

    task: str
    what: str
    path: str = ""
    content: str = ""
    digest: str = ""
    batch: str = ""


def compare(plan: Hosts, actual: Hosts, *, predicted: bool = False) -> list[Difference]:
    """Every predicted or real change, sorted by host, with whether it was predicted and whether it happened.

    Of several that are alike each counts. Two predictions are compared by their differences too; a run takes none (see
    ansible.play.arguments).
    """
    compared = []
    for host in sorted(set(plan) | set(actual)):
        before, after = (Counter(_keys(hosts.get(host), with_digest=predicted)) for hosts in (plan, actual))
        listed = {_key_of(item) for item in actual[host].settings if item.listed} if host in actual else ()
        for key in dict.fromkeys((*before, *after)):
            besides = DifferenceKind.BLIND if key in listed else DifferenceKind.NOT_PREDICTED
            for kind, number in (
                (DifferenceKind.AS_PREDICTED, min(before[key], after[key])),
                (besides, after[key] - before[key]),
                (DifferenceKind.DID_NOT_HAPPEN, before[key] - after[key]),
            ):
                difference = Difference(host=host, task=key.task, what=key.what, kind=kind, batch=key.batch)
                compared += [difference] * number
    return compared


def unapproved_changes(approved: Hosts, current: Hosts) -> list[str]:
    """Sentences on what a plan taken again predicts that the approved one did not; empty if nothing.

    Something that no longer needs doing is not reported: it was approved and is done already.
    """
    news = [
        f"{d.host}: {d.what} ({d.task}) is predicted now and was not approved"
        for d in compare(approved, current, predicted=True)
        if d.kind is DifferenceKind.NOT_PREDICTED
    ]
    news += unlisted_steps(approved, current)
    # What cannot be read may be anything, so it does not count as approved.
    for host, changes in current.items():
        was_incomplete = host in approved and not approved[host].facts.complete
        news += (
            []
            if changes.facts.complete or was_incomplete
            else [f"{host}: its answer now cannot be read completely"]
        )
    return news


def _keys(changes: HostChanges | None, *, with_digest: bool) -> list[_Key]:
    """What changes on a host: each package and object for itself, other items by the digest of their difference."""
    if changes is None:
        return []
    keys = [_Key(task="packages", what=package_words(package)) for package in changes.facts.packages]
    keys += [
        _Key(task="objects", what=object_words(item), batch=object_batch(item))
        for item in changes.facts.objects
    ]
    keys += [_key_of(item, with_digest=with_digest) for item in changes.settings]
    return keys


def _key_of(item: Item, *, with_digest: bool = False) -> _Key:
    return _Key(
        task=item.task,
        what=item.item or item.task,
        path=item.path,
        content=item.content or f"turn {item.position}",
        digest=item.digest if with_digest else "",
    )


def unlisted_steps(approved: Hosts, current: Hosts) -> list[str]:
    """Sentences on steps that nobody can predict and that the approved plan did not list."""
    news = []
    for host, changes in current.items():
        steps = approved[host].blind if host in approved else ()
        listed, places = Counter(map(_blind_key, steps)), {step.path for step in steps}
        for step in changes.blind:
            key = _blind_key(step)
            listed[key] -= 1
            if listed[key] < 0:
                words = f"{step.task} ({step.words})" if step.words else step.task
                how = " with these arguments" if step.path in places else ""
                news.append(
                    f"{host}: nobody can predict what {words} does, and the plan did not list it{how}"
                )
    return news


def _blind_key(step: BlindStep) -> tuple[BlindKind, str, str]:
    return step.kind, step.path, step.content or f"turn {step.position}"


def effects(hosts: Hosts) -> set[str]:
    """The kinds of what is predicted, without names and versions: "upgrade package", "restart", "task: Write motd"."""
    kinds: set[str] = set()
    for changes in hosts.values():
        facts = changes.facts
        kinds |= {f"{package.action} package" for package in facts.packages}
        kinds |= {f"{service.action} service" for service in facts.services}
        kinds |= {f"{item.action} {item.kind}" for item in facts.objects}
        kinds |= {"restart of the host"} if facts.reboot.planned else set()
        kinds |= {f"task: {': '.join(filter(None, (item.role, item.task)))}" for item in changes.settings}
    return kinds


def package_words(package: Package) -> str:
    """Such as "upgrade openssl 3.0.16-1 -> 3.0.17-1"."""
    return f"{package.action} {package.name} {' -> '.join(filter(None, (package.old, package.new)))}"


def object_words(item: Object) -> str:
    """Such as "move user p-3f2a91c04b: Pupils/Year 7 -> Pupils/Year 8"."""
    return f"{item.action} {item.kind} {item.id}: {item.what}".removesuffix(": ")


def object_batch(item: Object) -> str:
    """Such as "move user, Year 8": the batch that it is counted under."""
    return f"{item.action} {item.kind}, {item.group}".removesuffix(", ")
