# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Mitogen's linear strategy, corrected where a task would end otherwise than under plain Ansible."""

from __future__ import annotations

import ctypes
import fcntl
import json
import os
import signal
import termios
from contextlib import suppress
from pathlib import Path
from typing import Any

import ansible.modules
import ansible_mitogen.loaders
import ansible_mitogen.strategy
from ansible._internal._errors._task_timeout import TaskTimeoutError
from ansible.module_utils.common.json import Direction, get_module_encoder
from ansible_mitogen import planner, transport_config
from ansible_mitogen.connection import Connection
from ansible_mitogen.mixins import ActionModuleMixin
from ansible_mitogen.planner import NewStylePlanner
from mitogen.core import CallError

DOCUMENTATION = r"""
name: fitsom_mitogen
short_description: Mitogen, as fitsom runs it
description:
  - Used by fitsom only, where fitsom.yml says C(engine) is C(mitogen).
"""

PR_SET_PDEATHSIG = 1
OF_ANSIBLE_CORE = Path(ansible.modules.__file__).parent
OURS = "/ansible_collections/fitsom/school/"
#: https://github.com/mitogen-hq/mitogen/issues/849
NEEDS_OTHER_PYTHON = (
    "it must start again under the system's Python, which Mitogen cannot do."
    " Set ansible_python_interpreter to /usr/bin/python3 for this host, or engine: ansible in fitsom.yml."
)

_invoke = planner.invoke
_read_response = ActionModuleMixin._postprocess_response
_run = ActionModuleMixin.run
_discover_python = transport_config.run_interpreter_discovery_if_necessary
_spawn_isolated_child = Connection.spawn_isolated_child
_run_worker = ansible_mitogen.strategy.wrap_worker__run


def invoke(invocation: Any) -> Any:
    """Run a module. Mitogen's own JSON stops at a date, which YAML makes of an unquoted 2026-07-20."""
    encoder = get_module_encoder("legacy", Direction.CONTROLLER_TO_MODULE)
    invocation.module_args = json.loads(json.dumps(invocation.module_args, cls=encoder))
    detach_terminal(invocation.connection.context)
    return _invoke(invocation)


def detach_terminal(python: Any) -> None:
    """Have the host's Python give up the terminal that sudo gave it: a program that asks there would wait for ever."""
    try:
        terminal = python.call(os.open, "/dev/tty", os.O_RDWR)
    except CallError:
        return  # there is none, or it was given up before
    with suppress(CallError):  # a task of another host, in the same local Python, may just have done it
        python.call(fcntl.ioctl, terminal, termios.TIOCNOTTY)
    python.call(os.close, terminal)


def spawn_isolated_child(connection: Any) -> Any:
    """A fork for one module, without a terminal as well."""
    child = _spawn_isolated_child(connection)
    detach_terminal(child)
    return child


def should_fork(module: Any) -> bool:
    """Whether a module gets a process of its own, since it may leave umask, folder or memory as others do not want.

    Those of ansible-core clean up, but for a umask that they are given (mitogen-hq/mitogen issue 744); so do ours.
    A fork beside threads can wait for ever (issue 472), so there are no more than are needed.
    """
    call = module._inv
    cleans_up = Path(call.module_path).parent == OF_ANSIBLE_CORE or OURS in call.module_path
    return bool(call.wrap_async or not cleans_up or call.module_args.get("umask") is not None)


def read_response(action: Any, response: dict[str, Any]) -> Any:
    """What a module answered. Of one that raised, plain Ansible tells the reason; Mitogen, that there was no JSON."""
    traceback = str(response.get("stderr") or "").strip()
    if not str(response.get("stdout") or "").strip() and "Traceback (most recent call last)" in traceback:
        kind, _, words = traceback.splitlines()[-1].partition(": ")
        reason = NEEDS_OTHER_PYTHON if kind == "AttributeError" and "respawn" in traceback else words or kind
        answer = {"failed": True, "msg": f"Task failed: Module failed: {reason}", "exception": traceback}
        response = {**response, "stdout": json.dumps(answer), "stderr": ""}
    return _read_response(action, response)


def run(action: Any, *arguments: Any, **options: Any) -> Any:
    """Run a task. After its `timeout` the module still runs there: on the same connection all others would wait."""
    try:
        return _run(action, *arguments, **options)
    except TaskTimeoutError:
        action._connection.reset()
        raise


def discover_python(wish: str, candidates: Any, variables: Any, action: Any, again: bool) -> Any:
    """The interpreter of the host that a task runs on; for a delegated one, Mitogen takes the delegating host's."""
    host = action._connection.delegate_to_hostname
    if host is None:
        return _discover_python(wish, candidates, variables, action, again)
    theirs = variables.get("ansible_delegated_vars", {}).get(host, {})
    interpreter = _discover_python(wish, candidates, theirs, action, again)
    action._discovered_interpreter_key = None  # else it would be a fact of the delegating host
    return interpreter


def run_worker(worker: Any) -> Any:
    """Run a worker, which ends when ansible-playbook does: it would wait for an answer that no one is left to bring."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    return _run_worker(worker)


planner.invoke = invoke
NewStylePlanner.should_fork = should_fork
ActionModuleMixin._postprocess_response = read_response
ActionModuleMixin.run = run
Connection.spawn_isolated_child = spawn_isolated_child
transport_config.run_interpreter_discovery_if_necessary = discover_python
ansible_mitogen.strategy.wrap_worker__run = run_worker
_Linear = ansible_mitogen.loaders.strategy_loader.get("linear", class_only=True)


class StrategyModule(ansible_mitogen.strategy.StrategyMixin, _Linear):  # type: ignore[misc, valid-type]  # untyped
    """Task by task on all hosts, like Ansible's `linear`."""
