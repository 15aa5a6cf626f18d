"""What a plan predicts for each host, and how two predictions, or a prediction and a run, are compared. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Hosts = Mapping[str, Mapping[str, Any]]


def packages_of(facts: Mapping[str, list[Any]]) -> dict[str, str]:
    """{package: version it will have}, for what is upgraded, installed or downgraded."""
    return {p["name"]: p["to"] for p in facts.get("packages", []) if p.get("to")}


def pins(hosts: Hosts) -> dict[str, dict[str, str]]:
    """{host: {package: version}}: what the seal holds and the run is pinned to."""
    return {host: packages_of(body["facts"]) for host, body in hosts.items()}


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One thing on one host. `kind`: foreseen_and_came, came_besides or did_not_come.

    `batch` is what many things of one sort are counted under in a report, "" for a thing by itself.
    """

    host: str
    task: str
    what: str
    kind: str
    batch: str = ""


@dataclass(frozen=True, kw_only=True)
class _Key:
    task: str
    what: str
    digest: str = ""
    batch: str = ""


def compare(planned: Hosts, actual: Hosts, *, predicted: bool = False) -> list[Difference]:
    """Every predicted or real change, sorted by host, with what became of it.

    Two predictions are compared by their differences too; a run takes none (see ansible.play.arguments).
    """
    found = []
    for host in sorted(set(planned) | set(actual)):
        before, after = (_keys(hosts.get(host), with_digest=predicted) for hosts in (planned, actual))
        for key in dict.fromkeys((*before, *after)):
            kind = (
                "came_besides"
                if key not in before
                else "foreseen_and_came"
                if key in after
                else "did_not_come"
            )
            found.append(Difference(host=host, task=key.task, what=key.what, kind=kind, batch=key.batch))
    return found


def moved(approved: Hosts, now: Hosts) -> list[str]:
    """Sentences on what a plan taken again predicts that the approved one did not; empty if nothing.

    Something that no longer needs doing is not a move: it was approved and has come about already.
    """
    return [
        f"{d.host}: {d.what} ({d.task}) is predicted now and was not approved"
        for d in compare(approved, now, predicted=True)
        if d.kind == "came_besides"
    ]


def _keys(body: Mapping[str, Any] | None, *, with_digest: bool) -> list[_Key]:
    """What changes on a host: each package and object for itself, other items by the digest of their difference."""
    if body is None:
        return []
    keys = [_Key(task="packages", what=package_words(p)) for p in body["facts"].get("packages", [])]
    keys += [
        _Key(task="objects", what=object_words(o), batch=object_batch(o))
        for o in body["facts"].get("objects", [])
    ]
    keys += [
        _Key(
            task=item["task"],
            what=item["item"] or item["task"],
            digest=item["digest"] if with_digest else "",
        )
        for item in body["items"]
        if not item["packages"]
    ]
    return keys


def package_words(package: Mapping[str, Any]) -> str:
    """Such as "upgrade openssl 3.0.16-1 -> 3.0.17-1"."""
    versions = " -> ".join(v for v in (package.get("from"), package.get("to")) if v)
    return f"{package.get('action', 'upgrade')} {package['name']} {versions}"


def object_words(thing: Mapping[str, Any]) -> str:
    """Such as "move user p-3f2a91c04b: Pupils/Year 7 -> Pupils/Year 8"."""
    return f"{thing['action']} {thing['kind']} {thing['id']}: {thing.get('what', '')}".removesuffix(": ")


def object_batch(thing: Mapping[str, Any]) -> str:
    """Such as "move user, Year 8": what it is counted under."""
    return f"{thing['action']} {thing['kind']}, {thing.get('group', '')}".removesuffix(", ")
