"""Forks one ansible-playbook after another from a process that has Ansible in memory: a start costs little.

It reads a line of JSON for each: {"arguments": [...], "folder": ..., "variables": {...}}, and answers with two lines,
the process id and the exit code (that of the shell for a signal). What the playbook leaves running is ended first.
Its environment holds what Ansible reads when it is imported.
"""

from __future__ import annotations

import ctypes
import gc
import importlib
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

PR_SET_CHILD_SUBREAPER = 36


def serve() -> None:
    """Until nobody asks any more."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)
    load()
    for line in sys.stdin:
        job = json.loads(line)
        started = os.fork()
        if not started:
            play(job)
        answer(started)
        _pid, status = os.waitpid(started, 0)
        end_all()
        answer(os.waitstatus_to_exitcode(status))


def load() -> None:
    """Import what every playbook needs, and read what its plugins say of themselves."""
    import ansible.cli
    import ansible.cli.playbook
    import ansible.executor.playbook_executor
    from ansible.plugins import loader

    import fitsom_runner.ansible.callback.fitsom_ledger  # noqa: F401

    for plugins in (
        loader.become_loader,
        loader.connection_loader,
        loader.shell_loader,
        loader.strategy_loader,
    ):
        list(plugins.all(class_only=True))
    for plugins in (loader.inventory_loader, loader.vars_loader, loader.filter_loader, loader.test_loader):
        list(plugins.all(class_only=True))
    for name in ("ansible.builtin.raw", "ansible.builtin.debug", "ansible.builtin.set_fact"):
        loader.action_loader.get(name, class_only=True)
    # The finder of collections and what ansible.builtin says of its modules; a second time, it would only be a warning.
    loader.init_plugin_loader()
    importlib.import_module("ansible_collections.ansible.builtin")
    ansible.cli.init_plugin_loader = lambda *_words: None
    gc.collect()
    gc.freeze()


def play(job: dict[str, Any]) -> None:
    """Be ansible-playbook."""
    os.setsid()
    os.chdir(job["folder"])
    os.environ.update(job["variables"], ANSIBLE_PID=str(os.getpid()))
    output = os.open(job["output"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for number in (1, 2):
        os.dup2(output, number)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    sys.argv = ["ansible-playbook", *job["arguments"]]
    from ansible.cli.playbook import PlaybookCLI

    PlaybookCLI.cli_executor(sys.argv)


def end_all() -> None:
    """End whatever was left behind; it is ours since its parent died."""
    children = Path("/proc/self/task") / str(os.getpid()) / "children"
    while found := children.read_text().split():
        for pid in map(int, found):
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


def answer(number: int) -> None:
    """One line."""
    os.write(1, f"{number}\n".encode())


if __name__ == "__main__":
    serve()
