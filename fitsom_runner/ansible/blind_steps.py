"""Which steps a plan cannot predict, told from what Ansible says of each in check mode.

A step is blind where check mode passes over it, where it only claims to change nothing, or where it depends on what
another blind step finds. The callback asks about each result of a plan. It works on Ansible's own objects, which have
no types.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from fitsom_runner.ansible.bounds import READ_ONLY_MODULES, Bounds, is_never, source_of
from fitsom_runner.facts import BlindKind

_NAME = re.compile(r"[A-Za-z_]\w*")
_NOTHING = re.compile(r"\s*(\{\{)?\s*(false|not\s+true)\s*(\}\})?\s*", re.IGNORECASE)
#: Methods of HTTP that only ask (RFC 9110, 9.2.1).
_ASKING = frozenset(("GET", "HEAD", "OPTIONS"))
_COMMANDS = frozenset(f"ansible.builtin.{name}" for name in ("command", "shell", "raw", "script", "expect"))
CHECKING = "ansible_check_mode"
#: Parts of a task in which a name changes nothing of what it does: what it is called, and when it counts as failed.
_NO_PART_OF_IT = frozenset(("name", "register", "notify", "listen", "tags", "vars", "failed_when"))
PINS = "fitsom_plan"
#: By this a task asks what other hosts know.
OTHERS = "hostvars"


class BlindSteps:
    """What a plan has seen so far: variables of which only a run knows the value, and failures that it has looked into.

    Each host has its own, so that a plan is the same whichever host comes first (`strategy: free`). What is not known
    on one counts for all where a task runs once for all, and for a task that asks what other hosts know.
    """

    def __init__(self, bounds: Bounds) -> None:
        self._bounds = bounds
        self._unknown: dict[str, set[str]] = {}  # {host: variables}; "" for all
        self._has_once = True
        self._play_values: dict[str, set[str]] = {}  # {variable: the names in its value}
        self._names: dict[str, set[str]] = {}  # of each task
        self._seen: set[tuple[str, str]] = set()

    def begin_play(self, play: Any) -> None:
        """Take in the variables that the play computes from others."""
        self._play_values = _values_in(play.vars)
        self._names.clear()
        # These run each task on every host, whatever it says.
        self._has_once = not any(word in str(play.strategy) for word in ("free", "host_pinned"))

    def after_failure(self, host: str, task: Any) -> Iterator[Any]:
        """Tasks that may do something, only if this one fails or one beside it; of each block once for a host."""
        for block in _blocks_around(task):
            if block.rescue and (host, block._uuid) not in self._seen:
                self._seen.add((host, block._uuid))
                for each in flat(block.rescue):
                    module = each.resolved_action or each.action
                    if is_include(module) or not self._only_reads(each, module):
                        yield each

    def blindness(
        self,
        host: str,
        task: Any,
        result: Mapping[str, Any],
        *,
        skipped: bool,
        by_itself: bool,
        failed: bool,
        let_pass: bool,
    ) -> BlindKind | None:
        """Why nobody can say what this step will do, None where its result says so.

        skipped: nothing was done or predicted; by_itself: the module passed over it, rather than a condition; failed:
        it failed, and a playbook that takes that for granted goes on; let_pass: the same by `failed_when`, where
        accepted content says by `changed_when` what would come.
        """
        module = task.resolved_action or task.action
        depends = self.depends(host, task)
        failed = failed or (let_pass and not self._bounds.accepts(source_of(task)))
        kind = self._kind(task, module, skipped=skipped, by_itself=by_itself, failed=failed, depends=depends)
        if kind or depends or task.ignore_errors or task.ignore_unreachable:
            whose = "" if (task.run_once and self._has_once) or task.delegate_facts else host
            self._unknown.setdefault(whose, set()).update(set_by(task, module), facts_in(result))
        return kind

    def _kind(
        self, task: Any, module: str, *, skipped: bool, by_itself: bool, failed: bool, depends: bool
    ) -> BlindKind | None:
        if is_include(module):
            return BlindKind.DEPENDS if skipped and depends else None  # else what it includes is seen
        if self._only_reads(task, module):
            return None
        if by_itself:
            return BlindKind.SKIPPED
        if failed:
            return BlindKind.FAILED
        if not skipped and hides_changes(task.changed_when):
            return BlindKind.SILENT
        return BlindKind.DEPENDS if depends else None

    def may_hide_a_change(self, task: Any) -> bool:
        """Whether a task always says that it has changed nothing, and nobody vouches for that."""
        module = task.resolved_action or task.action
        known = is_include(module) or self._only_reads(task, module)
        return not known and hides_changes(task.changed_when)

    def _only_reads(self, task: Any, module: str) -> bool:
        return module in READ_ONLY_MODULES or self._is_declared(task) or _only_asks(module, task.args)

    def _is_declared(self, task: Any) -> bool:
        """Whether it was carried out just now, only ever checks, or a second person vouched that it changes nothing.

        A task that has ended in a plan says `check_mode: true` itself, whatever was written: only "false" is telling.
        """
        if (task.get_ds() or {}).get("check_mode") is True:
            return True
        if not is_never(task.changed_when):
            return False
        return task._get_parent_attribute("check_mode") is False or self._bounds.accepts(source_of(task))

    def differs_from_plan(self, task: Any) -> bool:
        """Whether a task uses `fitsom_plan`, which is empty in a plan and holds the approved versions in its run."""
        return PINS in self._names_of(task)

    def depends(self, host: str, task: Any) -> bool:
        """Whether it uses a variable of which only a run knows the value."""
        names = self._names_of(task)
        whose = self._unknown if OTHERS in names else ("", host)
        return CHECKING in names or any(names & self._unknown.get(each, set()) for each in whose)

    def _names_of(self, task: Any) -> set[str]:
        """The names that a task uses, also through variables of its play and its role."""
        if task._uuid not in self._names:
            values = self._play_values | _values_in(task.get_vars())
            if task._role:
                values |= _values_in(task._role._default_vars) | _values_in(task._role._role_vars)
            names, waiting = set(), _names_of(task, is_accepted=self._bounds.accepts(source_of(task)))
            while waiting:
                name = waiting.pop()
                names.add(name)
                waiting |= values.get(name, set()) - names
            self._names[task._uuid] = names
        return self._names[task._uuid]


def _values_in(variables: Mapping[str, Any] | None) -> dict[str, set[str]]:
    return {str(name): names_in(value) for name, value in dict(variables or {}).items()}


def names_in(value: Any) -> set[str]:
    """Every word of a value that could be the name of a variable."""
    return set(_NAME.findall(str(value)))


def _names_of(task: Any, *, is_accepted: bool) -> set[str]:
    """The words in what was written of a task and in its conditions.

    In accepted content `changed_when` is not one of them: somebody vouches that a plan's verdict is that of its run.
    """
    left_out = _NO_PART_OF_IT | {"changed_when"} if is_accepted else _NO_PART_OF_IT
    written = {key: value for key, value in (task.get_ds() or {}).items() if key not in left_out}
    return names_in([written, task.when])


def set_by(task: Any, module: str) -> set[str]:
    """The variables that get their value from a task."""
    registered = task.register or ()
    # ansible-core 2.21 makes a dictionary of a name: {name: what of the result}.
    names = {registered} if isinstance(registered, str) else set(registered)
    if module == "ansible.builtin.set_fact":
        names |= {str(name) for name in task.args if name != "cacheable"}
    return names


def facts_in(result: Mapping[str, Any]) -> set[str]:
    """The variables that a result gives its host by itself, as `include_vars` does, or turns of a loop."""
    parts = [result, *(result.get("results") or [])]
    return {
        str(name) for part in parts if isinstance(part, Mapping) for name in part.get("ansible_facts") or ()
    }


def is_include(module: str) -> bool:
    """Whether the task only brings in others."""
    return module in ("ansible.builtin.include_tasks", "ansible.builtin.include_role")


def is_only_started(task: Any) -> bool:
    """Whether nobody waits for its end (`poll: 0`), by what was written of it."""
    written = task.get_ds() or {}
    return bool(written.get("async")) and str(written.get("poll")) == "0"


def is_lost(task: Any, result: Mapping[str, Any]) -> bool:
    """Whether Ansible gave up waiting for a job that is waited for: it took too long, or could not be found again.

    Of the second it says "finished", and means its own look (modules/async_status.py).
    """
    waits = bool((task.get_ds() or {}).get("async")) and not is_only_started(task)
    return waits and (not result.get("finished") or result.get("msg") == "could not find job")


def hides_changes(changed_when: Any) -> bool:
    """Whether a task always says that it has changed nothing: `changed_when: false`, or a text that says so."""
    conditions = changed_when if isinstance(changed_when, list) else [changed_when]
    return any(_NOTHING.fullmatch(str(condition)) for condition in conditions)


def _only_asks(module: str, arguments: Mapping[str, Any]) -> bool:
    return (
        module == "ansible.builtin.uri"
        and str(arguments.get("method", "GET")).upper() in _ASKING
        and not arguments.get("dest")
    )


def command_of(module: str, arguments: Mapping[str, Any]) -> str:
    """The command that a task runs, "" where it is none."""
    if module not in _COMMANDS:
        return ""
    words = arguments.get("argv")
    if isinstance(words, list):
        return " ".join(map(str, words))
    return str(arguments.get("cmd") or arguments.get("_raw_params") or arguments.get("command") or "")


def handlers_for(task: Any, play: Any) -> list[Any]:
    """The handlers that a task notifies, as far as their names are written out."""
    names = task.notify or []
    # Ansible makes a list of one name only for a task that it does not skip.
    wanted = {names} if isinstance(names, str) else {str(name) for name in names}
    if not wanted:
        return []
    return [
        handler
        for block in play.handlers
        for handler in flat(block.block)
        if wanted & {handler.name, handler.get_name(), *map(str, getattr(handler, "listen", None) or [])}
    ]


def flat(tasks: Sequence[Any]) -> Iterator[Any]:
    """Every task in a list of tasks and blocks."""
    for task in tasks:
        if hasattr(task, "rescue"):
            for section in (task.block, task.rescue, task.always):
                yield from flat(section)
        else:
            yield task


def _blocks_around(task: Any) -> Iterator[Any]:
    parent = task._parent
    while parent is not None:
        if hasattr(parent, "rescue"):
            yield parent
        parent = getattr(parent, "_parent", None)


def includes_around(task: Any) -> Iterator[Any]:
    """The tasks that brought this one in, innermost first."""
    parent = task._parent
    while parent is not None:
        if not hasattr(parent, "rescue"):
            yield parent
        parent = getattr(parent, "_parent", None)


def is_after_failure(task: Any) -> bool:
    """Whether it stands in a block's `rescue`."""
    child = task
    for block in _blocks_around(task):
        if any(each._uuid == child._uuid for each in block.rescue or []):
            return True
        child = block
    return False
