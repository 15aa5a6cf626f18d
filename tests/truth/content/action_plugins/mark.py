"""A step that leaves a mark by a way which fitsom does not see: a line in the file log of the folder MARKS.

Check mode predicts it, and it does nothing where it was done before. `faults` says what goes wrong on which host:
{host: {how: "fail" or "gone", after: whether the mark is left first, once: whether only the first try is hit,
planned: whether check mode meets it too}}.
"""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleConnectionFailure
from ansible.plugins.action import ActionBase

MARKS = Path(os.environ["MARKS"])


class ActionModule(ActionBase):  # type: ignore[misc]  # Ansible has no types
    """mark: step, turn; faults; lies: changes what check mode does not predict."""

    def run(self, tmp: object = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        super().run(tmp, task_vars)
        given = self._task.args
        host = str((task_vars or {})["inventory_hostname"])
        turn = int(given.get("turn", 0))
        state = f"{self._task.delegate_to or host}.{given['step']}.{turn}"
        is_new = not (MARKS / "done" / state).exists()
        fault = given.get("faults", {}).get(host, {})
        if self._task.check_mode:
            failed = bool(fault.get("planned"))
            return {"changed": is_new and not given.get("lies") and not failed, "failed": failed}
        hit = bool(fault) and not (fault.get("once") and (MARKS / "tried" / state).exists())
        if hit:
            (MARKS / "tried" / state).touch()
        if is_new and not (hit and not fault.get("after")):
            leave({"host": host, "step": given["step"], "turn": turn})
            (MARKS / "done" / state).touch()
        if hit and fault["how"] == "gone":
            raise AnsibleConnectionFailure("the host has gone away")
        return {"changed": is_new and not (hit and not fault.get("after")), "failed": hit}


def leave(mark: dict[str, Any]) -> None:
    """Write one line, at once; where it is the one that the run is to be killed at, kill Ansible."""
    line = (json.dumps(mark) + "\n").encode()
    log = os.open(MARKS / "log", os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
    limit = int(os.environ.get("KILL_AT_MARK", "0"))
    is_last = 0 < limit <= (MARKS / "log").read_bytes().count(b"\n") + 1
    if is_last and os.environ.get("KILL_BEFORE") == "1":
        kill_ansible()
    os.write(log, line)
    os.close(log)
    if is_last:
        kill_ansible()


def kill_ansible() -> None:
    """This worker is ended too, by whoever started Ansible."""
    os.kill(int(os.environ["ANSIBLE_PID"]), signal.SIGKILL)
    while True:
        signal.pause()
