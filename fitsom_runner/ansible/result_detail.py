"""What a line of the ledger keeps of a task's result: nothing of a quiet success, and no secret.

A host, or a module of a school's own, may return anything; what cannot be read is kept as an exception.
"""

from __future__ import annotations

import copy
import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from fitsom_runner.ansible.masking import Masker
from fitsom_runner.ansible.privacy import owner_of_private

MANY_CHANGES = 500
MANY_ITEMS = 50
TEXT_LIMIT = 4000
DIFF_LIMIT = 64 * 1024
OK, CHANGED, SKIPPED, FAILED, UNREACHABLE, IGNORED = range(6)
FAILURE_KEYS = ("msg", "message", "stderr", "stdout", "rc", "module_stderr", "censored", "failed_when_result")
#: Ansible's own temporary files have another name each time.
_TEMPORARY = re.compile(r"/\S*/ansible-(?:tmp|local)-[\w.-]+")

Detail = dict[str, Any]
Result = Mapping[str, Any]  # what a module, or one turn of a loop, returned
Arguments = Mapping[str, Any]


class Details:
    """Makes them.

    folder: of the content, which is another for each plan and run; show_difference: Ansible's own; differs_from_plan:
    whether a task's arguments are others in a run than in its plan.
    """

    def __init__(
        self,
        masker: Masker,
        folder: str,
        show_difference: Callable[[Any], str],
        differs_from_plan: Callable[[Any], bool],
    ) -> None:
        self._masker = masker
        self._folder = folder
        self._show_difference = show_difference
        self._differs_from_plan = differs_from_plan

    def of(self, outcome: Any, status: int, turns: Sequence[Arguments]) -> Detail:
        """Of a result; turns: the arguments of each turn of its loop."""
        result = outcome.result
        facts = _facts(result)
        detail: Detail = {"fitsom": facts} if facts else {}
        if status in (FAILED, UNREACHABLE, IGNORED):
            detail |= self._failure(result)
        if status in (FAILED, IGNORED) and outcome.is_changed():
            detail["changed"] = True  # as Ansible counts it, where the failure is ignored
        changed = _changed(result, status, is_changed=outcome.is_changed())
        if changed:
            rows = items_of(result)
            arguments = {id(row): words for row, words in zip(rows, turns, strict=False)}
            arguments[id(result)] = outcome.task.args
            places = {id(row): place for place, row in enumerate(rows)}
            detail["changes"] = shortened(
                [
                    self._change(item, arguments.get(id(item), {}), outcome, places.get(id(item), 0))
                    for item in changed
                ]
            )
        return detail

    def unread(self, fault: Exception, status: int) -> Detail:
        """In place of what cannot be read; the runner takes a text under `fitsom` for an exception on the host."""
        words = self.truncate(f"the result could not be read: {fault!r}")
        detail: Detail = {"msg": words, "fitsom": words}
        if status == CHANGED:
            detail["changes"] = [{"k": digest(str(words))}]
        return detail

    def content(self, task: Any, arguments: Arguments) -> str:
        """A digest of what a task is called with.

        "" where it must not be seen, since a short secret could be guessed; and where it is another in a run.
        """
        if task.no_log or self._differs_from_plan(task):
            return ""
        given = {name: value for name, value in arguments.items() if not str(name).startswith("_ansible_")}
        text = self._masker.text(_text(given, sort_keys=True)).replace(self._folder, ".")
        return digest(_TEMPORARY.sub("", text))

    def truncate(self, value: object) -> str | int:
        """A number, or a text of bounded length. Secrets are hidden first: half of one would be hidden no more."""
        if isinstance(value, int):
            return value
        return self._masker.text(value if isinstance(value, str) else _text(value))[:TEXT_LIMIT]

    def _failure(self, result: Result) -> Detail:
        """What helps a person to see why it failed; of a loop, for each item."""
        detail: Detail = {
            k: self.truncate(result[k]) for k in FAILURE_KEYS if result.get(k) not in (None, "")
        }
        failed = [row for row in items_of(result) if _has_failed(row)]
        items = [
            {
                "item": self._label(row),
                "msg": self.truncate(row.get("msg", "")),
                "stderr": self.truncate(row.get("stderr", "")),
            }
            for row in failed[:MANY_ITEMS]
        ]
        readable = [item for item in items if any(item.values())]  # with no_log, an item holds no text
        if readable:
            detail["items"] = readable
        return detail

    def _change(self, result: Result, arguments: Arguments, outcome: Any, place: int) -> Detail:
        """One changed item: its label, the difference as text, and digests of it and of its arguments."""
        parts = [(part, self._masker.text(text)) for part, text in self._differences(result)]
        change: Detail = {"k": digest("".join(text for _part, text in parts))}
        content = self.content(outcome.task, arguments)
        change |= {"c": content} if content else {}
        change |= {"n": place} if place else {}
        elsewhere = str(self.truncate(_elsewhere(result, outcome.host.name)))
        label = " ".join(filter(None, (self._label(result), elsewhere)))
        if label:
            change["item"] = label
        shown = "".join(
            for_the_record(text, owner_of_private(result, part, arguments)) for part, text in parts
        )
        if shown:
            change["diff"] = shown[:DIFF_LIMIT]
        facts = result.get("fitsom")
        if isinstance(facts, dict) and (facts.get("packages") or facts.get("objects")):
            change["p"] = 1  # its packages or objects speak for it, one by one
        return change

    def _differences(self, result: Result) -> list[tuple[Any, str]]:
        """Each part of what a module returns as its difference, and the same as text."""
        try:
            settled = [_settled(part, result.get("dest")) for part in _parts(result.get("diff") or [])]
            # Ansible's function replaces what is no text by text in the part itself.
            return [(part, str(self._show_difference(copy.deepcopy(part)))) for part in settled]
        except Exception as fault:
            return [({}, f"(the module's difference could not be shown: {fault})")]

    def _label(self, result: Result) -> str:
        """What a turn of a loop is called in the play; "" for what is no turn of a loop."""
        name = result.get("ansible_loop_var")
        if not isinstance(name, str):
            return ""
        label = result.get("_ansible_item_label", result.get(name, ""))
        return str(self.truncate(label if isinstance(label, str) else _text(label, sort_keys=True)))


def shortened(changes: list[Detail]) -> list[Detail]:
    """Many in full; the others by one digest, so that another of them is another plan."""
    excess = changes[MANY_CHANGES:]
    if not excess:
        return changes
    text = "\n".join(f"{change['k']} {change.get('c', '')} {change.get('item', '')}" for change in excess)
    return [
        *changes[:MANY_CHANGES],
        {"k": digest(text), "item": f"and {len(excess)} more", "c": digest(text)},
    ]


def digest(text: str) -> str:
    """16 hex digits of a text."""
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:16]


def items_of(result: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """What each turn of a loop returned. Modules name a list so too, which may hold texts: these are left out."""
    rows = result.get("results")
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, (list, tuple)) else []


def _has_failed(item: Result) -> bool:
    """Ansible keeps an item's `failed` from callbacks, and gives each that failed an `exception`."""
    return bool(item.get("failed") or item.get("exception"))


def _elsewhere(result: Result, host: str) -> str:
    """Such as "[on the controller]" for a delegated task: its change is not on the host that it is counted under."""
    delegated = result.get("_ansible_delegated_vars")
    where = delegated.get("ansible_delegated_host") if isinstance(delegated, dict) else None
    if not isinstance(where, str) or where == host:
        return ""
    return "[on the controller]" if where in ("localhost", "127.0.0.1") else f"[on {where}]"


def _changed(result: Result, status: int, *, is_changed: bool) -> Sequence[Result]:
    """What changed: the changed items, else the whole result. A task that fails may have changed something before."""
    if status != CHANGED and not (status in (FAILED, IGNORED) and is_changed):
        return []
    return [item for item in items_of(result) if item.get("changed")] or [result]


def _facts(result: Result) -> object:
    """What a module reports to fitsom; of a loop, what it reports for each item. The reader checks its form."""
    if "fitsom" in result:
        return result["fitsom"]
    return [item["fitsom"] for item in items_of(result) if item.get("fitsom")]


def _parts(diff: object) -> list[Any]:
    return diff if isinstance(diff, list) else [diff]


def for_the_record(text: str, owner: str) -> str:
    """A difference as people read it, or what stands for one that they may not read."""
    if not owner or not text:
        return text
    lines = text.splitlines(keepends=True)
    heads = lines[:2] if lines[0].startswith("--- before") else []
    return "".join(
        [*heads, f"the content is not shown: only {owner} may read this file ({digest(text)})\n\n"]
    )


def _settled(part: Any, dest: Any) -> Any:
    """A template's difference names the file that was rendered, in a temporary folder which is another each time."""
    if not isinstance(part, dict) or not str(part.get("after_header", "")).startswith("/"):
        return part
    return dict(part, after_header=part.get("before_header") or dest or "as wanted")


def _text(value: object, *, sort_keys: bool = False) -> str:
    """The value as JSON, or as Python writes it where JSON cannot hold it."""
    try:
        return json.dumps(value, sort_keys=sort_keys, default=str)
    except (TypeError, ValueError, RecursionError):
        return repr(value)
