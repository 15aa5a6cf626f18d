# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Tell the supervisor of a run what happens, as it happens: one JSON line an event, through a socket.

The supervisor alone writes the ledger (fitsom_runner/ansible/recorder.py). The first task that may change a host
waits until its "touch" line is on the disk, so that even after a power cut a touched host is never taken for an
untouched one. Where the supervisor is gone, nothing more is done.
"""

from __future__ import annotations

import copy
import ctypes
import hashlib
import json
import os
import socket
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ansible import context
from ansible.plugins.callback import CallbackBase

from fitsom_runner.ansible.applied import Applied
from fitsom_runner.ansible.bounds import Bounds, enforce, is_read_only
from fitsom_runner.ansible.masking import Masker
from fitsom_runner.ansible.privacy import owner_of_private

if TYPE_CHECKING:
    from ansible.executor.stats import AggregateStats
    from ansible.executor.task_result import CallbackTaskResult
    from ansible.inventory.host import Host
    from ansible.playbook.play import Play
    from ansible.playbook.task import Task

DOCUMENTATION = r"""
name: fitsom_ledger
type: stdout
short_description: the append-only ledger of a fitsom run
description:
  - Used by fitsom only, which sets FITSOM_RECORD. It prints nothing.
"""

DONE_TAG = "fitsom_host_done"
MANY_CHANGES = 500
MANY_ITEMS = 50
PR_SET_DUMPABLE = 4
TEXT_LIMIT = 4000
DIFF_LIMIT = 64 * 1024
OK, CHANGED, SKIPPED, FAILED, UNREACHABLE, IGNORED = range(6)
FAILURE_KEYS = ("msg", "message", "stderr", "stdout", "rc", "module_stderr", "censored", "failed_when_result")

Event = dict[str, Any]  # a line of the ledger
Detail = dict[str, Any]  # what a line keeps of a result
Result = Mapping[str, Any]  # what a module, or one turn of a loop, returned


class CallbackModule(CallbackBase):  # type: ignore[misc]  # Ansible has no types
    """Ansible's events, one line each: start, play, task, touch, res, done, stats."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "fitsom_ledger"

    def __init__(self) -> None:
        super().__init__()
        self._supervisor = connected(Path(os.environ.pop("FITSOM_RECORD")))
        with self._supervisor.makefile("rb") as stream:
            greeting: dict[str, Any] = json.loads(stream.readline())
        if greeting["closed"]:
            hide_from_others()
        self._applied = Applied.from_json(greeting["applied"]) if greeting["applied"] else None
        self._asking: set[tuple[str, str]] = set()  # whose workers ask the host what it remembers
        self._remembered: set[str] = set()
        enforce(Bounds.from_json(greeting["bounds"]), self._applied, self._asking)
        self._masker = Masker(greeting["secrets"])
        self._check = False
        self._numbers: dict[str, int] = {}
        self._started: dict[tuple[str, str], float] = {}
        self._touched: set[str] = set()
        self._turns: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
        self._zero = time.time()
        self._write({"e": "start", "at": self._zero, "v": 1}, sync=True)

    # -- writing ------------------------------------------------------------------------------------------

    def _write(self, event: Event, sync: bool = False) -> None:
        event.setdefault("t", round((time.time() - self._zero) * 1000))
        line = json.dumps(event, ensure_ascii=False, separators=(",", ":"), default=str) + "\n"
        try:
            self._supervisor.sendall((b"!" if sync else b"") + line.encode("utf-8", "replace"))
            if sync and self._supervisor.recv(1) != b".":
                raise OSError("its supervisor is gone")
        except OSError as fault:
            # What cannot be written down must not be done. Ansible swallows exceptions of callbacks, not this one.
            raise KeyboardInterrupt(f"the ledger cannot be written: {fault}") from fault

    # -- plays and tasks ----------------------------------------------------------------------------------

    def v2_playbook_on_play_start(self, play: Play) -> None:
        self._check = bool(getattr(play, "check_mode", False) or context.CLIARGS.get("check"))
        self._write({"e": "play", "n": self._masker.text(play.get_name().strip())})

    def v2_playbook_on_task_start(self, task: Task, is_conditional: bool) -> None:  # noqa: ARG002 - Ansible passes it
        self._number(task)

    def v2_playbook_on_handler_task_start(self, task: Task) -> None:
        self._number(task)

    def _number(self, task: Task) -> int:
        if task._uuid not in self._numbers:
            number = len(self._numbers)
            role = task._role.get_name(include_role_fqcn=False) if task._role else ""
            name = self._masker.text(str(task.name or task.get_name()).strip())
            self._write(
                {"e": "task", "i": number, "n": name, "a": task.resolved_action or task.action, "r": role}
            )
            self._numbers[task._uuid] = number
        return self._numbers[task._uuid]

    def v2_runner_on_start(self, host: Host, task: Task) -> None:
        self._started[host.name, task._uuid] = time.time()
        if not self._check and _is_known_to_read(task):
            return
        if host.name not in self._remembered:
            self._asking.add((host.name, task._uuid))
        if self._check or host.name in self._touched:
            return
        self._touched.add(host.name)
        self._write({"e": "touch", "h": host.name, "i": self._number(task)}, sync=True)

    # -- results ------------------------------------------------------------------------------------------

    def v2_runner_on_ok(self, result: CallbackTaskResult) -> None:
        self._result(result, CHANGED if result.is_changed() else OK)

    def v2_runner_on_skipped(self, result: CallbackTaskResult) -> None:
        self._result(result, SKIPPED)

    def v2_runner_on_unreachable(self, result: CallbackTaskResult) -> None:
        self._result(result, UNREACHABLE)

    def v2_runner_on_failed(self, result: CallbackTaskResult, ignore_errors: bool = False) -> None:
        self._result(result, IGNORED if ignore_errors else FAILED)

    def v2_runner_item_on_ok(self, result: CallbackTaskResult) -> None:
        self._turn(result)

    def v2_runner_item_on_failed(self, result: CallbackTaskResult) -> None:
        self._turn(result)

    def v2_runner_item_on_skipped(self, result: CallbackTaskResult) -> None:
        self._turn(result)

    def _turn(self, turn: CallbackTaskResult) -> None:
        """Of a loop, only here are the arguments of each turn: which file, with which mode."""
        self._turns.setdefault((turn.host.name, turn.task._uuid), []).append(turn.task.args)

    def _result(self, outcome: CallbackTaskResult, status: int) -> None:
        host, task = outcome.host.name, outcome.task
        end = time.time()
        start = self._started.pop((host, task._uuid), end)
        event = {
            "e": "res",
            "h": host,
            "i": self._number(task),
            "s": status,
            "b": round((start - self._zero) * 1000),
            "d": round((end - start) * 1000),
        }
        try:
            self._write_with(event, self._detail(outcome, status))
        except Exception as fault:  # Ansible would swallow it, and the ledger would lack the result
            self._write_with(event, self._unread(fault, status))
        self._turns.pop((host, task._uuid), None)
        if (host, task._uuid) in self._asking and status not in (SKIPPED, UNREACHABLE):
            self._remembered.add(host)
        if DONE_TAG in task.tags and status in (OK, CHANGED, SKIPPED):
            self._write({"e": "done", "h": host}, sync=True)

    def _write_with(self, event: Event, detail: Detail) -> None:
        self._write({**event, "x": self._masker.value(detail)} if detail else dict(event))

    def _detail(self, outcome: CallbackTaskResult, status: int) -> Detail:
        """What is worth keeping of a result: nothing of a quiet success."""
        result = outcome.result
        facts = _facts(result)
        detail: Detail = {"fitsom": facts} if facts else {}
        if status in (FAILED, UNREACHABLE, IGNORED):
            detail |= self._failure(result)
        if status in (FAILED, IGNORED) and outcome.is_changed():
            detail["changed"] = True  # as Ansible counts it, where the failure is ignored
        changed = _changed(result, status)
        if changed:
            turns = self._turns.get((outcome.host.name, outcome.task._uuid), [])
            arguments = {id(row): words for row, words in zip(_items(result), turns, strict=False)}
            arguments[id(result)] = outcome.task.args
            host = outcome.host.name
            detail["changes"] = _shortened(
                [self._change(item, arguments.get(id(item), {}), host) for item in changed]
            )
        return detail

    def _failure(self, result: Result) -> Detail:
        """What helps a person to see why it failed; of a loop, for each item."""
        detail: Detail = {
            k: self._truncate(result[k]) for k in FAILURE_KEYS if result.get(k) not in (None, "")
        }
        failed = [row for row in _items(result) if _has_failed(row)]
        items = [
            {
                "item": self._label(row),
                "msg": self._truncate(row.get("msg", "")),
                "stderr": self._truncate(row.get("stderr", "")),
            }
            for row in failed[:MANY_ITEMS]
        ]
        readable = [item for item in items if any(item.values())]  # with no_log, an item holds no text
        if readable:
            detail["items"] = readable
        return detail

    def _unread(self, fault: Exception, status: int) -> Detail:
        """In place of what cannot be read; the runner takes a text under `fitsom` for an exception on the host."""
        words = self._truncate(f"the result could not be read: {fault!r}")
        detail: Detail = {"msg": words, "fitsom": words}
        if status == CHANGED:
            detail["changes"] = [{"k": _digest(str(words))}]
        return detail

    def _change(self, result: Result, arguments: Mapping[str, Any], host: str) -> Detail:
        """One changed item: its label, the difference as text, and a digest of it for comparing plan and run."""
        parts = [(part, self._masker.text(text)) for part, text in self._differences(result)]
        change: Detail = {"k": _digest("".join(text for _part, text in parts))}
        label = " ".join(filter(None, (self._label(result), str(self._truncate(_elsewhere(result, host))))))
        if label:
            change["item"] = label
        shown = "".join(
            _for_the_record(text, owner_of_private(result, part, arguments)) for part, text in parts
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
            return [(part, str(self._get_diff(copy.deepcopy(part)))) for part in settled]
        except Exception as fault:
            return [({}, f"(the module's difference could not be shown: {fault})")]

    def _label(self, result: Result) -> str:
        """What a turn of a loop is called in the play; "" for what is no turn of a loop."""
        name = result.get("ansible_loop_var")
        if not isinstance(name, str):
            return ""
        label = result.get("_ansible_item_label", result.get(name, ""))
        return str(self._truncate(label if isinstance(label, str) else _text(label, sort_keys=True)))

    def _truncate(self, value: object) -> str | int:
        """A number, or a text of bounded length. Secrets are hidden first: half of one would be hidden no more."""
        if isinstance(value, int):
            return value
        return self._masker.text(value if isinstance(value, str) else _text(value))[:TEXT_LIMIT]

    def v2_playbook_on_stats(self, stats: AggregateStats) -> None:
        """Ansible's own count of what each host did: the ledger's lines are compared with it."""
        summary = {host: stats.summarize(host) for host in sorted(stats.processed)}
        self._write({"e": "stats", "hosts": summary}, sync=True)


def connected(path: Path) -> socket.socket:
    """The connection to the supervisor. A socket's path may have 107 bytes at most, so it is reached by its folder."""
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
    supervisor = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    supervisor.connect(f"/proc/self/fd/{folder}/{path.name}")
    os.close(folder)
    return supervisor


def hide_from_others() -> None:
    """No other process may look into this one: what a task runs could take the connection out of it."""
    ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0)


def _shortened(changes: list[Detail]) -> list[Detail]:
    """Many in full; the others by one digest, so that another of them is another plan."""
    excess = changes[MANY_CHANGES:]
    if not excess:
        return changes
    text = "\n".join(f"{change['k']} {change.get('item', '')}" for change in excess)
    return [*changes[:MANY_CHANGES], {"k": _digest(text), "item": f"and {len(excess)} more"}]


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:16]


def _items(result: Result) -> list[Result]:
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


def _changed(result: Result, status: int) -> Sequence[Result]:
    """What changed: the changed items, else the whole result; of a failed loop, the items that did not fail."""
    changed = [item for item in _items(result) if item.get("changed")]
    if status == CHANGED:
        return changed or [result]
    return [item for item in changed if not _has_failed(item)] if status in (FAILED, IGNORED) else []


def _facts(result: Result) -> object:
    """What a module reports to fitsom; of a loop, what it reports for each item. The reader checks its form."""
    if "fitsom" in result:
        return result["fitsom"]
    return [item["fitsom"] for item in _items(result) if item.get("fitsom")]


def _parts(diff: object) -> list[Any]:
    return diff if isinstance(diff, list) else [diff]


def _for_the_record(text: str, owner: str) -> str:
    """A difference as people read it, or what stands for one that they may not read."""
    if not owner or not text:
        return text
    lines = text.splitlines(keepends=True)
    heads = lines[:2] if lines[0].startswith("--- before") else []
    return "".join(
        [*heads, f"the content is not shown: only {owner} may read this file ({_digest(text)})\n\n"]
    )


def _settled(part: Any, dest: Any) -> Any:
    """A template's difference names the file that was rendered, in a temporary folder which is another each time."""
    if not isinstance(part, dict) or not str(part.get("after_header", "")).startswith("/"):
        return part
    return dict(part, after_header=part.get("before_header") or dest or "as wanted")


def _is_known_to_read(task: Task) -> bool:
    """Ansible would swallow a fault, and the line "touch" would be missing: what cannot be told may change a host."""
    try:
        return is_read_only(task)
    except Exception:
        return False


def _text(value: object, *, sort_keys: bool = False) -> str:
    """The value as JSON, or as Python writes it where JSON cannot hold it."""
    try:
        return json.dumps(value, sort_keys=sort_keys, default=str)
    except (TypeError, ValueError, RecursionError):
        return repr(value)
