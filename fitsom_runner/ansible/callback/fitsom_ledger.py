# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Write a run down as it happens: one JSON line an event, appended to the file in FITSOM_LEDGER.

Durability: every line is handed to the kernel at once, so that a killed process loses nothing; fsync comes in
batches. The first task that may change a host is the exception: its "touch" line is on the disk before the
task starts, so that even after a power cut a touched host is never taken for an untouched one.
"""

from __future__ import annotations

DOCUMENTATION = r"""
name: fitsom_ledger
type: stdout
short_description: the append-only ledger of a fitsom run
description:
  - Used by fitsom only, which sets FITSOM_LEDGER. It prints nothing.
"""

import fcntl
import hashlib
import json
import os
import time

from ansible.plugins.callback import CallbackBase

from fitsom_runner.ansible.masking import Masker

DONE_TAG = "fitsom_host_done"
MANY_CHANGES = 500
SYNC_SECONDS = 0.5
TEXT_LIMIT = 4000
DIFF_LIMIT = 64 * 1024
READ_ONLY = {
    "add_host", "assert", "command_warnings", "debug", "fail", "find", "gather_facts", "getent", "group_by",
    "import_role", "include_role", "include_tasks", "include_vars", "meta", "package_facts", "pause", "ping",
    "set_fact", "service_facts", "setup", "slurp", "stat", "validate_argument_spec", "wait_for", "wait_for_connection",
}  # fmt: skip
OK, CHANGED, SKIPPED, FAILED, UNREACHABLE, IGNORED = range(6)


class CallbackModule(CallbackBase):
    """Ansible's events, one line each: start, play, task, touch, res, done, stats."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "fitsom_ledger"

    def __init__(self):
        super().__init__()
        path = os.environ["FITSOM_LEDGER"]
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        # Held by this process and its forks: while anybody holds it, Ansible is still at work.
        fcntl.flock(self._file, fcntl.LOCK_SH)
        self._masker = Masker(self._secrets())
        self._check = False
        self._numbers = {}
        self._started = {}
        self._touched = set()
        self._synced = 0.0
        self._zero = time.time()
        self._write({"e": "start", "at": self._zero, "pid": os.getpid(), "v": 1}, sync=True)

    @staticmethod
    def _secrets():
        """Secrets to hide come through a pipe, so that they never lie in a file."""
        pipe = os.environ.pop("FITSOM_SECRETS", None)
        if not pipe:
            return []
        with open(pipe) as handle:
            return json.load(handle)

    # -- writing ------------------------------------------------------------------------------------------

    def _write(self, event, sync=False):
        event.setdefault("t", round((time.time() - self._zero) * 1000))
        line = json.dumps(event, ensure_ascii=False, separators=(",", ":"), default=str) + "\n"
        data = line.encode("utf-8", "replace")
        try:
            written = os.write(self._file, data)
            while written < len(data):
                data = data[written:]
                written = os.write(self._file, data)
            now = time.monotonic()
            if sync or now - self._synced > SYNC_SECONDS:
                os.fsync(self._file)
                self._synced = now
        except OSError as fault:
            # What cannot be written down must not be done. Ansible swallows exceptions of callbacks, not this one.
            raise KeyboardInterrupt("the ledger cannot be written: %s" % fault) from fault

    # -- plays and tasks ----------------------------------------------------------------------------------

    def v2_playbook_on_play_start(self, play):
        self._check = bool(getattr(play, "check_mode", False)) or _cli_check()
        self._write({"e": "play", "n": self._masker.text(play.get_name().strip())})

    def v2_playbook_on_task_start(self, task, is_conditional):  # noqa: ARG002 - Ansible passes it
        self._number(task)

    def v2_playbook_on_handler_task_start(self, task):
        self._number(task)

    def _number(self, task):
        if task._uuid not in self._numbers:
            number = len(self._numbers)
            role = task._role.get_name(include_role_fqcn=False) if task._role else ""
            name = self._masker.text((task.name or task.get_name()).strip())
            self._write(
                {"e": "task", "i": number, "n": name, "a": task.resolved_action or task.action, "r": role}
            )
            self._numbers[task._uuid] = number
        return self._numbers[task._uuid]

    def v2_runner_on_start(self, host, task):
        self._started[host.name, task._uuid] = time.time()
        if self._check or host.name in self._touched or _read_only(task):
            return
        self._touched.add(host.name)
        self._write({"e": "touch", "h": host.name, "i": self._number(task)}, sync=True)

    # -- results ------------------------------------------------------------------------------------------

    def v2_runner_on_ok(self, result):
        self._result(result, CHANGED if result.result.get("changed") else OK)

    def v2_runner_on_skipped(self, result):
        self._result(result, SKIPPED)

    def v2_runner_on_unreachable(self, result):
        self._result(result, UNREACHABLE)

    def v2_runner_on_failed(self, result, ignore_errors=False):
        self._result(result, IGNORED if ignore_errors else FAILED)

    def _result(self, outcome, status):
        host, task, result = outcome.host.name, outcome.task, outcome.result
        now = time.time()
        started = self._started.pop((host, task._uuid), now)
        event = {
            "e": "res",
            "h": host,
            "i": self._number(task),
            "s": status,
            "b": round((started - self._zero) * 1000),
            "d": round((now - started) * 1000),
        }
        try:
            detail = self._masker.value(self._detail(result, status))
        except Exception as fault:  # whatever a module answers: that it answered is written down
            detail = self._unread(fault, status)
        if detail:
            event["x"] = detail
        self._write(event)
        if DONE_TAG in task.tags and status in (OK, CHANGED, SKIPPED):
            self._write({"e": "done", "h": host}, sync=True)

    def _unread(self, fault, status):
        """In place of what could not be read; the runner takes a text under `fitsom` for an exception on the host."""
        words = self._masker.text("the result could not be read: %s" % fault)[:TEXT_LIMIT]
        key = hashlib.sha256(words.encode("utf-8", "replace")).hexdigest()[:16]
        return {"msg": words, "fitsom": words, "changes": [{"k": key}] if status == CHANGED else []}

    def _detail(self, result, status):
        """What is worth keeping of a result: nothing of a quiet success."""
        detail = {}
        facts = _facts(result)
        if facts:
            detail["fitsom"] = facts
        if status in (FAILED, UNREACHABLE, IGNORED):
            for key in ("msg", "stderr", "stdout", "rc", "module_stderr", "censored", "failed_when_result"):
                if result.get(key) not in (None, ""):
                    detail[key] = _cut(result[key])
            failed = [r for r in _items(result) if r.get("failed")]
            if failed:
                detail["items"] = [
                    {"item": _label(r), "msg": _cut(r.get("msg", "")), "stderr": _cut(r.get("stderr", ""))}
                    for r in failed[:50]
                ]
        if status == CHANGED:
            changed = [r for r in _items(result) if r.get("changed")] or [result]
            detail["changes"] = _shortened([self._change(r) for r in changed])
        return detail

    def _change(self, result):
        """One changed item: its label, the difference as text, and a digest of it for comparing plan and run."""
        text = self._masker.text(self._difference(result))
        change = {"k": hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:16]}
        label = self._masker.text(_label(result))
        if label:
            change["item"] = label
        if text:
            change["diff"] = text[:DIFF_LIMIT]
        facts = result.get("fitsom")
        if isinstance(facts, dict) and (facts.get("packages") or facts.get("objects")):
            change["p"] = 1  # its packages or objects speak for it, one by one
        return change

    def _difference(self, result):
        diff = result.get("diff")
        if not diff:
            return ""
        try:
            return self._get_diff([_settled(part, result.get("dest")) for part in _parts(diff)])
        except Exception as fault:
            return "(the module's difference could not be shown: %s)" % fault

    def v2_playbook_on_stats(self, stats):
        summary = {host: stats.summarize(host) for host in sorted(stats.processed)}
        self._write({"e": "stats", "hosts": summary}, sync=True)


def _shortened(changes):
    """Many in full; the others by one digest, so that another of them is another plan."""
    rest = changes[MANY_CHANGES:]
    if not rest:
        return changes
    text = "\n".join("%s %s" % (change["k"], change.get("item", "")) for change in rest)
    digest = hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:16]
    return [*changes[:MANY_CHANGES], {"k": digest, "item": "and %d more" % len(rest)}]


def _items(result):
    """The results of a loop's items; a module without a loop may call anything `results`, dnf5 its texts."""
    found = result.get("results")
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def _facts(result):
    """What a module tells fitsom; of a loop, what it told for each item. Whether it fits is for its reader to say."""
    if "fitsom" in result:
        return result["fitsom"]
    return [each["fitsom"] for each in _items(result) if each.get("fitsom")]


def _parts(diff):
    return diff if isinstance(diff, list) else [diff]


def _settled(part, dest):
    """A template's difference names the file that was rendered, in a temporary folder which is another each time."""
    if not isinstance(part, dict) or not os.path.isabs(str(part.get("after_header", ""))):
        return part
    return dict(part, after_header=part.get("before_header") or dest or "as wanted")


def _cli_check():
    from ansible import context

    return bool(context.CLIARGS.get("check"))


def _read_only(task):
    """Whether a task says of itself that it changes nothing."""
    name = (task.resolved_action or task.action).rpartition(".")[2]
    return name in READ_ONLY or task.check_mode is True or list(task.changed_when or []) == [False]


def _label(result):
    if "ansible_loop_var" not in result:
        return ""
    label = result.get("_ansible_item_label", result.get(result["ansible_loop_var"], ""))
    return _cut(label if isinstance(label, str) else json.dumps(label, sort_keys=True, default=str))


def _cut(value):
    text = value if isinstance(value, (str, int)) else json.dumps(value, default=str)
    return text if isinstance(text, int) else text[:TEXT_LIMIT]
