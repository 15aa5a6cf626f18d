"""Playbooks that mix what people mix, drawn by hypothesis and written as YAML, one task a line.

Each step has a number and leaves its mark by a way that fitsom does not see (content/action_plugins/mark.py). What
hypothesis shrinks is the drawing, so whatever it finds is printed as a short playbook.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st

HOSTS = ("a", "b", "c")
DONE_TAG = "fitsom_host_done"
END = "end"  # the step that only a host leaves which Ansible took to the end

Task = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Kill:
    """When Ansible is killed: at the so-many-th line of its ledger, or just before or after the so-many-th mark."""

    line: int = 0
    mark: int = 0
    before: bool = False


@dataclass(frozen=True, kw_only=True)
class Drawing:
    """Plays as Ansible reads them, the files that they include, and the moment of the kill (None: there is none)."""

    plays: tuple[dict[str, Any], ...]
    files: dict[str, list[Task]] = field(default_factory=dict)
    kill: Kill | None = None

    def __repr__(self) -> str:
        parts = [f"# kill: {self.kill}\n{playbook(self.plays)}"]
        return "\n".join([*parts, *(f"# {name}\n{lines(tasks, 0)}" for name, tasks in self.files.items())])

    @property
    def steps(self) -> dict[str, Task]:
        """{number: the task that leaves its mark}."""
        return {task_step(task): task for task in self.tasks() if task_step(task)}

    def tasks(self) -> Iterator[Task]:
        """Every task, handlers and included ones too."""
        for play in self.plays:
            yield from flat([*play.get("tasks", []), *play.get("handlers", [])])
        for included in self.files.values():
            yield from flat(included)


def every(tasks: list[Task]) -> Iterator[Task]:
    """Tasks, blocks, and what is in them."""
    for task in tasks:
        yield task
        for section in ("block", "rescue", "always"):
            yield from every(task.get(section, []))


def flat(tasks: list[Task]) -> Iterator[Task]:
    """The tasks in tasks and blocks."""
    return (task for task in every(tasks) if "block" not in task)


def task_step(task: Task) -> str:
    """The number of the step that a task is, "" where it leaves no mark."""
    for module in ("mark", "ansible.builtin.raw", "ansible.builtin.command"):
        if module in task:
            return str(task["vars"]["step"])
    return ""


def is_silent(task: Task) -> bool:
    """Whether nothing is to be seen in a run of what it changes."""
    return task.get("changed_when") in (False, "false")


# -- writing ----------------------------------------------------------------------------------------------------------


def playbook(plays: tuple[dict[str, Any], ...]) -> str:
    """As a file."""
    text = ""
    for play in plays:
        head = {k: v for k, v in play.items() if k not in ("tasks", "handlers")}
        text += "- " + "\n  ".join(f"{key}: {json.dumps(value)}" for key, value in head.items()) + "\n"
        for section in ("tasks", "handlers"):
            if play.get(section):
                text += f"  {section}:\n{lines(play[section], 4)}"
    return text


def lines(tasks: list[Task], indent: int) -> str:
    """One line a task, so that its place is known."""
    space, text = " " * indent, ""
    for task in tasks:
        if "block" not in task:
            text += f"{space}- {json.dumps(task)}\n"
            continue
        more = {k: v for k, v in task.items() if k not in ("block", "rescue", "always")}
        text += f"{space}- block:\n{lines(task['block'], indent + 4)}"
        for section in ("rescue", "always"):
            if task.get(section):
                text += f"{space}  {section}:\n{lines(task[section], indent + 4)}"
        text += "".join(f"{space}  {key}: {json.dumps(value)}\n" for key, value in more.items())
    return text


# -- drawing ----------------------------------------------------------------------------------------------------------

SOMETIMES = st.sampled_from([False, False, False, True])
SELDOM = st.sampled_from([False] * 7 + [True])
CONDITIONS = (
    "inventory_hostname == 'a'", "inventory_hostname != 'b'", "not ansible_check_mode", "ansible_check_mode",
    "found is changed", "found is changed", "found is failed", "found is not failed", "found.rc | default(1) == 0",
    "false", "known | default(false)", "item | default(0) != 1",
)  # fmt: skip
WHEN = st.one_of(st.none(), st.none(), st.sampled_from(CONDITIONS))
FAULT = st.fixed_dictionaries(
    {"how": st.sampled_from(["fail", "gone"]), "after": st.booleans()},
    optional={"once": st.just(True), "planned": st.just(True)},
)
FAULTS: st.SearchStrategy[dict[str, Any]] = st.one_of(
    st.just({}), st.just({}), st.just({}), st.dictionaries(st.sampled_from(HOSTS), FAULT, min_size=1, max_size=2)
)  # fmt: skip
NAME = st.sampled_from(["", "The same name", None])
HANDLERS = ("Follow", "Follow also")


class Numbers:
    """Gives each step its own."""

    def __init__(self) -> None:
        self.last = 0

    def __call__(self) -> str:
        self.last += 1
        return f"s{self.last}"


@st.composite
def steps(draw: st.DrawFn, numbers: Numbers, files: dict[str, list[Task]], depth: int = 0) -> Task:
    """One task, block or include."""
    kinds = (
        ["mark"] * 6 + ["raw"] * 3 + ["fact", "meta"] + (["block", "include", "block"] if depth < 2 else [])
    )
    kind = draw(st.sampled_from(kinds))
    if kind == "block":
        return draw(blocks(numbers, files, depth + 1))
    if kind == "include":
        return draw(includes(numbers, files, depth + 1))
    if kind == "meta":
        return {
            "ansible.builtin.meta": draw(
                st.sampled_from(["flush_handlers", "end_host", "end_play", "end_batch", "clear_host_errors"])
            )
        }
    if kind == "fact":
        return {
            "ansible.builtin.set_fact": {"known": draw(st.sampled_from(["{{ found is changed }}", True]))},
            "when": "found is defined",
        }
    return draw(changes(numbers, raw=kind == "raw"))


@st.composite
def changes(draw: st.DrawFn, numbers: Numbers, *, raw: bool, handler: str = "") -> Task:
    """A step that leaves marks: by the action plugin, which check mode predicts, or by a command, which it skips."""
    number = numbers()
    task: Task = {"vars": {"step": number}}
    name = draw(NAME)
    if handler:
        task["name"] = handler
    elif name is not None:
        task["name"] = name or f"Step {number}"
    turns = draw(st.sampled_from([0, 0, 0, 2, 3]))
    turn = "{{ item }}" if turns else "0"
    if raw:
        mark = json.dumps({"host": "HOST", "step": number, "turn": "TURN"})
        mark = mark.replace("HOST", "{{ inventory_hostname }}").replace('"TURN"', turn)
        ending = draw(st.sampled_from(["", "", "", "; exit 1", "; [ {{ inventory_hostname }} != b ]"]))
        text = f"echo '{mark}' >> $MARKS/log{ending}"
        task |= draw(commands(text)) if draw(SELDOM) else {"ansible.builtin.raw": text}
    else:
        task["mark"] = {"step": number, "turn": turn}
        faults = draw(FAULTS)
        if faults:
            task["mark"]["faults"] = faults
        if draw(SELDOM):
            task["mark"]["lies"] = True
    if turns:
        task["loop"] = list(range(turns))
        if draw(st.booleans()):
            task["loop_control"] = {"label": "the same label"}
    when = draw(WHEN)
    if when:
        task["when"] = f"found is defined and {when}" if "found" in when else when
    if draw(SOMETIMES):
        task["changed_when"] = draw(st.sampled_from([False, True, "true", "false"]))
    if draw(SELDOM):
        task["check_mode"] = draw(st.sampled_from([True, "{{ inventory_hostname == 'a' }}"]))
    if draw(SELDOM):
        task["failed_when"] = draw(st.sampled_from([False, "inventory_hostname == 'c'"]))
    if draw(SELDOM):
        task["throttle"] = 1
    for word in ("ignore_errors", "no_log", "run_once"):
        if draw(SELDOM):
            task[word] = True
    if draw(SELDOM):
        task["ignore_unreachable"] = True
    if draw(SELDOM):
        task["delegate_to"] = draw(st.sampled_from(HOSTS))
    if draw(SELDOM) and not raw:
        task |= {"until": "found is not failed", "retries": 1, "delay": 0, "register": "found"}
    elif draw(SOMETIMES):
        task["register"] = "found"
    if not handler and draw(SOMETIMES):
        task["notify"] = draw(st.sampled_from(HANDLERS))
    return task


@st.composite
def commands(draw: st.DrawFn, text: str) -> Task:
    """A module that runs a command: predicted where it says what it `creates`, perhaps in the background."""
    arguments: dict[str, Any] = {"argv": ["sh", "-c", text]}
    if draw(SOMETIMES):
        arguments["creates"] = "/what/never/comes"
    background = {"async": 60, "poll": 0} if draw(st.sampled_from([False, False, True, True])) else {}
    return {"ansible.builtin.command": arguments, **background}


@st.composite
def blocks(draw: st.DrawFn, numbers: Numbers, files: dict[str, list[Task]], depth: int) -> Task:
    """A block, often with what follows a failure and what always follows."""
    some = st.lists(steps(numbers, files, depth), min_size=1, max_size=2)
    block: Task = {"block": draw(some)}
    if draw(st.booleans()):
        block["rescue"] = draw(some)
    if draw(SOMETIMES):
        block["always"] = draw(some)
    if draw(SELDOM):
        block["when"] = draw(st.sampled_from(["inventory_hostname != 'c'", "not ansible_check_mode"]))
    if draw(SELDOM):
        block["check_mode"] = True
    for word in ("ignore_errors", "any_errors_fatal", "run_once"):
        if draw(SELDOM):
            block[word] = True
    return block


@st.composite
def includes(draw: st.DrawFn, numbers: Numbers, files: dict[str, list[Task]], depth: int) -> Task:
    """A file of tasks, included or imported."""
    tasks = draw(st.lists(steps(numbers, files, depth), min_size=1, max_size=2))
    name = f"tasks{len(files)}.yml"
    files[name] = tasks
    dynamic = draw(st.booleans())
    task: Task = {"ansible.builtin.include_tasks" if dynamic else "ansible.builtin.import_tasks": name}
    if draw(SOMETIMES):
        task["when"] = draw(
            st.sampled_from(["inventory_hostname != 'c'", "not ansible_check_mode", "found is defined"])
        )
    return task


@st.composite
def plays(draw: st.DrawFn, numbers: Numbers, files: dict[str, list[Task]]) -> dict[str, Any]:
    """One play on the hosts, or on some of them."""
    play: dict[str, Any] = {
        "hosts": draw(st.sampled_from(["all", "all", "all", "a,b", "c", "nobody"])),
        "gather_facts": False,
    }
    strategy = draw(st.sampled_from(["", "", "free", "host_pinned"]))
    if strategy:
        play["strategy"] = strategy
    elif draw(SOMETIMES):
        play["any_errors_fatal"] = True
    if draw(SOMETIMES):
        play["serial"] = draw(st.sampled_from([1, 2, [1, 2]]))
        if draw(SOMETIMES):
            play["max_fail_percentage"] = draw(st.sampled_from([0, 40]))
    for word in ("force_handlers", "ignore_errors", "ignore_unreachable"):
        if draw(SELDOM):
            play[word] = True
    before = set(files)
    tasks = draw(st.lists(steps(numbers, files), min_size=1, max_size=4))
    if strategy:
        # Each host goes its own way: what another has reached when one ends the play, or registers a variable for all
        # (run_once, which Ansible does not support there), is a matter of luck.
        own = [*tasks, *(each for name in set(files) - before for each in files[name])]
        for task in flat(own):
            if task.get("ansible.builtin.meta") in ("end_play", "end_batch"):
                task["ansible.builtin.meta"] = "noop"
        for each in every(own):
            each.pop("run_once", None)
    if draw(st.booleans()):
        tasks.append({"name": "Done", "ansible.builtin.debug": {"msg": "done"}, "tags": [DONE_TAG]})
    play["tasks"] = tasks
    play["handlers"] = [
        draw(changes(numbers, raw=draw(SOMETIMES), handler=name))
        for name in HANDLERS[: draw(st.integers(0, 2))]
    ]
    # A handler that there is not ends Ansible wherever it is, and then there is little to see.
    if not draw(st.integers(0, 15)):
        return play
    names = {handler["name"] for handler in play["handlers"]}
    own = [*tasks, *play["handlers"], *(each for name in set(files) - before for each in files[name])]
    for task in flat(own):
        if task.get("notify") not in names:
            task.pop("notify", None)
    return play


KILLS = st.one_of(
    st.none(),
    st.none(),
    st.builds(Kill, line=st.integers(1, 30)),
    st.builds(Kill, mark=st.integers(1, 12), before=st.booleans()),
)


@st.composite
def drawings(draw: st.DrawFn) -> Drawing:
    """A playbook of one or two plays, half of them with an end that only those hosts leave a mark at who get there."""
    numbers, files = Numbers(), dict[str, list[Task]]()
    found = draw(st.lists(plays(numbers, files), min_size=1, max_size=2))
    if draw(st.sampled_from([True, True, False])):
        end = {"name": "The end", "mark": {"step": END}, "vars": {"step": END}}
        found.append({"hosts": "all", "gather_facts": False, "tasks": [end]})
    return Drawing(plays=tuple(found), files=files, kill=draw(KILLS))
