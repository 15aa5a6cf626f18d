"""A real run of ansible-playbook with the callback plugin, on made-up hosts of which nothing is ever touched."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from fitsom_runner.ansible import recorder
from fitsom_runner.ansible.bounds import Bounds
from fitsom_runner.ansible.environment import environment
from fitsom_runner.ansible.ledger import Status
from fitsom_runner.ansible.play import CALLBACKS

#: Values of `changed_when` and `check_mode` with which nobody knows that a task only reads.
MAY_CHANGE: tuple[dict[str, Any], ...] = (
    {"changed_when": True},
    {"changed_when": False},
    {"changed_when": [False]},
    {"changed_when": "false"},
    {"changed_when": "{{ false }}", "check_mode": False},
    {"changed_when": ["false", False], "check_mode": False},
    {"changed_when": "x is defined"},
    {"changed_when": [True, "true"], "check_mode": False},
    {"check_mode": "{{ inventory_hostname == 'nobody' }}"},
    {"check_mode": "no"},
)
TOUCHED = tuple(f"touched{number}" for number in range(len(MAY_CHANGE)))
HOSTS = ("odd", "a", "b", "away", "dry", *TOUCHED)
SECRET = "canary-s3cret-of-nobody"
OK, CHANGED, SKIPPED, FAILED, UNREACHABLE, IGNORED = (int(status) for status in Status)

#: Returns what it is told to, as an action plugin may: also what JSON cannot hold. Nothing is done on any machine.
SAYS = """
import ast

from ansible.errors import AnsibleConnectionFailure
from ansible.plugins.action import ActionBase


class ActionModule(ActionBase):
    def run(self, tmp=None, task_vars=None):
        if self._task.args.get("unreachable"):
            raise AnsibleConnectionFailure("nobody answers")
        return ast.literal_eval(self._task.args["result"])
"""
#: The same as a module, which Ansible reads by another way.
MODULE_SAYS = """
from ansible.module_utils.basic import AnsibleModule

module = AnsibleModule({"result": {"type": "dict"}})
module.exit_json(**module.params["result"])
"""


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


CHANGE = {"k": digest("")}
UNREADABLE = "the result could not be read"
DIFFERENCE = "--- before\n+++ after: /etc/x\n@@ -1 +1 @@\n-a\n+b\n\n"
NO_DIFFERENCE = "(the module's difference could not be shown: argument of type 'int' is not iterable)"
LOOPED = {"ansible_loop_var": "item"}

#: {task: (what it returns, the status in the ledger, what is kept of it)}
RESULTS: dict[str, tuple[dict[Any, Any], int, dict[str, Any]]] = {
    "quiet": ({"changed": False, "stdout": "much"}, OK, {}),
    "changed": ({"changed": True}, CHANGED, {"changes": [CHANGE]}),
    "skipped": ({"skipped": True}, SKIPPED, {}),
    "failed": (
        {"failed": True, "msg": "no", "stderr": "e", "rc": 2, "stdout": ""},
        IGNORED,
        {"msg": "no", "stderr": "e", "rc": 2},
    ),
    "failed after a change": (
        {"failed": True, "changed": True, "msg": "no"},
        IGNORED,
        {"msg": "no", "changed": True, "changes": [CHANGE]},
    ),
    "facts": (
        {"changed": True, "fitsom": {"packages": [{"name": "a"}], "reboot": {"required": True}}},
        CHANGED,
        {
            "fitsom": {"packages": [{"name": "a"}], "reboot": {"required": True}},
            "changes": [{**CHANGE, "p": 1}],
        },
    ),
    "facts as a list": (
        {"changed": True, "fitsom": ["a"]},
        CHANGED,
        {"fitsom": ["a"], "changes": [CHANGE]},
    ),
    "facts as a text": ({"changed": False, "fitsom": "a"}, OK, {"fitsom": "a"}),
    "facts as a number": ({"changed": False, "fitsom": 5}, OK, {"fitsom": 5}),
    "facts with a set": ({"changed": False, "fitsom": {"a": {7}}}, OK, {"fitsom": {"a": "{7}"}}),
    "facts with a tuple for a key": (
        {"changed": True, "fitsom": {("a", "b"): 1}},
        CHANGED,
        {"msg": UNREADABLE, "fitsom": UNREADABLE, "changes": [CHANGE]},
    ),
    "results as texts": ({"changed": True, "results": ["Installed: x"]}, CHANGED, {"changes": [CHANGE]}),
    "results as a text": ({"changed": True, "results": "x"}, CHANGED, {"changes": [CHANGE]}),
    "results as nothing": ({"failed": True, "results": None, "msg": "no"}, IGNORED, {"msg": "no"}),
    "results without a change": (
        {"changed": True, "results": [{"name": "x"}]},
        CHANGED,
        {"changes": [CHANGE]},
    ),
    "results of another loop": (
        {"changed": True, "results": [{"changed": 1, "item": "x", **LOOPED}, "text", {"changed": False}]},
        CHANGED,
        {"changes": [{**CHANGE, "item": "x"}]},
    ),
    "items without labels": (
        {"changed": True, "results": [{"changed": True, **LOOPED}, {"changed": "yes"}]},
        CHANGED,
        {"changes": [CHANGE, CHANGE]},
    ),
    "a label of a strange kind": (
        {"changed": True, "ansible_loop_var": ["item"]},
        CHANGED,
        {"changes": [CHANGE]},
    ),
    "changed as a text": ({"changed": "yes"}, CHANGED, {"changes": [CHANGE]}),
    "changed as a list": ({"changed": []}, OK, {}),
    "stdout as a list": (
        {"changed": True, "stdout": ["a"]},
        CHANGED,
        {"msg": UNREADABLE, "fitsom": UNREADABLE, "changes": [CHANGE]},
    ),
    "stdout as a number": ({"failed": True, "stdout": 5}, IGNORED, {"msg": UNREADABLE, "fitsom": UNREADABLE}),
    "a difference": (
        {"changed": True, "dest": "/etc/x", "diff": {"before": "a\n", "after": "b\n", "after_header": "/scratch/x"}},
        CHANGED,
        {"changes": [{"k": digest(DIFFERENCE), "diff": DIFFERENCE}]},
    ),
    "a difference that is none": (
        {"changed": True, "diff": 5},
        CHANGED,
        {"changes": [{"k": digest(NO_DIFFERENCE), "diff": NO_DIFFERENCE}]},
    ),
}  # fmt: skip


def says(name: str, result: dict[Any, Any] | str, **keywords: Any) -> dict[str, Any]:
    """A task that returns this: a dictionary, or a template of one."""
    text = result if isinstance(result, str) else repr(result)
    return {"name": name, "says": {"result": text}, **keywords}


def plays(folder: Path) -> list[dict[str, Any]]:
    """Odd results on one host, a story with all that Ansible counts on others, and one that is only foretold."""
    change = {"changed": True}
    item = "{{ {'fitsom': item} | string }}"
    odd = [says(name, row[0], ignore_errors=True) for name, row in RESULTS.items()]
    odd += [
        {"name": "a module", "module_says": {"result": {"changed": True, "results": ["Installed: x"]}}},
        says("labels", change, loop="{{ [{1: 2, 'b': 3}, 'two'] }}"),
        says("facts of a loop", item, loop=[{"notes": ["a"]}, {"notes": "b"}, "text", 5]),
        says(f"hides {SECRET}", {"changed": True, "diff": {"prepared": f"password {SECRET}"}}),
        says("hides in labels", change, loop=[SECRET]),
        says(
            "hides in texts", {"failed": True, "msg": "x", "stderr": "-" * 3990 + SECRET}, ignore_errors=True
        ),
        says("hides in junk", {"changed": True, "fitsom": {(SECRET, 1): SECRET}}),
        says("hides all", {"changed": True, "msg": "nobody reads this"}, no_log=True),
        says("hides all of a loop", change, no_log=True, loop=[1, 2]),
        says("hides a failed loop", {"failed": True}, no_log=True, loop=[1, 2], ignore_errors=True),
    ]
    for name, text in (("action_plugins/says.py", SAYS), ("library/module_says.py", MODULE_SAYS)):
        (folder / name).parent.mkdir()
        (folder / name).write_text(text)
    (folder / "included.yml").write_text(json.dumps([says("included", change)]))
    return [
        {"hosts": "odd", "gather_facts": False, "tasks": odd},
        {"name": "The story", "hosts": "a,b,away", "gather_facts": False, **story(change)},
        {
            "hosts": "dry",
            "gather_facts": False,
            "check_mode": True,
            "tasks": [says("foretold", change), says("looked at in earnest", change, check_mode=False)],
        },
        *(
            {"hosts": host, "gather_facts": False, "tasks": [says(host, change, **keywords)]}
            for host, keywords in zip(TOUCHED, MAY_CHANGE, strict=True)
        ),
    ]


def story(change: dict[str, Any]) -> dict[str, Any]:
    """All ways in which Ansible counts a task as changed, or does not."""
    failure = {"failed": True, "changed": True, "msg": "no"}
    by_item = "{{ {'changed': item != 'same', 'failed': item == 'bad', 'msg': item} | string }}"
    return {
        "handlers": [says("handler", change)],
        "tasks": [
            {"name": "fact", "ansible.builtin.set_fact": {"x": 1}},
            says("read for the plan", {}, changed_when=False, check_mode=False),
            {"name": "away", "says": {"unreachable": True}, "when": "inventory_hostname == 'away'"},
            says("first", change, notify="handler"),
            {"block": [says("broken", failure)], "rescue": [says("mended", change)], "always": [says("then", {})]},
            says("ignored", failure, ignore_errors=True),
            says("ignored and unchanged", {"failed": True}, ignore_errors=True),
            {"name": "ignored and away", "says": {"unreachable": True}, "when": "inventory_hostname == 'a'",
             "ignore_unreachable": True},
            says("loop", by_item, loop=["one", "same", "two"]),
            says("torn loop", by_item, loop=["one", "bad", "same"], ignore_errors=True),
            says("loop of nothing", change, loop=[]),
            says("left out", change, when=False),
            says("said to be unchanged", change, changed_when=False),
            says("again and again", change, until=False, retries=1, delay=0, ignore_errors=True),
            says("once", change, run_once=True),
            says("elsewhere", change, delegate_to="b"),
            {"name": "include", "ansible.builtin.include_tasks": "included.yml"},
            says("fatal", failure, when="inventory_hostname == 'b'"),
            says("mark", {}, tags=["fitsom_host_done"]),
        ],
    }  # fmt: skip


def without_places(line: dict[str, Any]) -> dict[str, Any]:
    """A result without what tells its items apart: digests of their arguments, and their turns."""
    if "changes" not in line.get("x", {}):
        return line
    changes = [{k: v for k, v in change.items() if k not in "cn"} for change in line["x"]["changes"]]
    return {**line, "x": {**line["x"], "changes": changes}}


@dataclass
class RunOutput:
    """A run: the lines of its ledger, and what ansible-playbook printed."""

    events: list[dict[str, Any]]
    text: str
    printed: str
    path: Path

    def of(self, kind: str, host: str | None = None) -> list[dict[str, Any]]:
        return [e for e in self.events if e["e"] == kind and host in (None, e.get("h"))]

    def line(self, name: str, host: str = "odd") -> dict[str, Any]:
        """The one result of a task on a host."""
        (number,) = (e["i"] for e in self.of("task") if e["n"] == name)
        (result,) = (e for e in self.of("res", host) if e["i"] == number)
        return without_places(result)


def run(folder: Path) -> RunOutput:
    """ansible-playbook on made-up hosts, with the callback and nothing else of fitsom."""
    (folder / "play.yml").write_text(json.dumps(plays(folder)))
    (folder / "ansible.cfg").touch()
    variables = environment(
        folder,
        {
            "ANSIBLE_CALLBACK_PLUGINS": str(CALLBACKS),
            "ANSIBLE_STDOUT_CALLBACK": "fitsom_ledger",
            "ANSIBLE_HOME": str(folder / "home"),
            "ANSIBLE_REMOTE_TMP": str(folder / "remote"),
            "FITSOM_RECORD": str(folder / recorder.SOCKET),
        },
    )
    interpreter = ("-e", f"ansible_python_interpreter={sys.executable}")
    path = folder / "ledger.jsonl"
    bounds = Bounds(hosts={host: (host,) for host in HOSTS})
    greeting = {
        "secrets": [SECRET],
        "bounds": bounds.as_json(),
        "closed": False,
        "applied": None,
        "approved": None,
    }
    with recorder.recording(path, folder, greeting):
        process = subprocess.run(
            ["ansible-playbook", "play.yml", "--diff", "-i", ",".join(HOSTS), "-c", "local", *interpreter],
            cwd=folder,
            env=variables,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    text = path.read_text()
    return RunOutput(
        [json.loads(line) for line in text.splitlines()], text, process.stdout + process.stderr, path
    )


class Supervisor:
    """Stands in for the other end of the callback's connection; with `answer` empty it is gone."""

    def __init__(self, answer: bytes = b".", secrets: tuple[str, ...] = ()) -> None:
        self._answer = answer
        self._greeting = {
            "secrets": secrets,
            "bounds": Bounds().as_json(),
            "closed": False,
            "applied": None,
            "approved": None,
        }
        self.told = b""

    def makefile(self, _mode: str) -> BytesIO:
        return BytesIO(json.dumps(self._greeting).encode() + b"\n")

    def sendall(self, data: bytes) -> None:
        self.told += data.removeprefix(b"!")

    def recv(self, _size: int) -> bytes:
        return self._answer

    def meets(self, module: Any, patched: pytest.MonkeyPatch) -> None:
        """The next callback of the module is connected to it, and puts no bounds into this process's Ansible."""
        patched.setenv("FITSOM_RECORD", "/nowhere/record")
        patched.setattr(module, "connected", lambda _path: self)
        patched.setattr(module, "enforce", lambda *_bounds: None)
        patched.setattr(module.Batches, "_follow", lambda _batches: None)
