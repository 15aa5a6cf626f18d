"""What a host remembers of the plans that were applied to it, so that records put back from a copy apply none twice.

A host keeps a line for each run in a file of the account that fitsom logs in as. It is read when the plan is taken
again, and once more, with the run's own line added, before the run's first step that may change the host. A line about
the same plan by a run that the records do not know means that they are an older copy. Only hosts with a shell that are
reached by ssh keep one: a network device, a Windows computer or the controller itself does not.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

_SSH = ("ssh", "paramiko", "paramiko_ssh")
_READ = 'f="$HOME/.local/state/fitsom/applied"; grep -F {plan} "$f" 2>/dev/null; {write} true'
_WRITE = (
    'umask 077; mkdir -p "${{f%/*}}"; grep -qxF "{entry}" "$f" 2>/dev/null || printf "%s\\n" "{entry}" >> "$f"; '
    'if [ "$(wc -l < "$f")" -gt 1000 ]; then tail -n 500 "$f" > "$f.new" && mv "$f.new" "$f"; fi; '
    'sync "$f" 2>/dev/null || sync;'
)


@dataclass(frozen=True, kw_only=True)
class Applied:
    """One run, as hosts note it. plan: 64 hex digits that stand for it; entry: its own line; known: those of earlier
    runs of the plan.
    """

    plan: str
    entry: str
    known: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """For the callback."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Applied:
        """As `as_json` wrote it."""
        return cls(plan=value["plan"], entry=value["entry"], known=tuple(value["known"]))

    def command(self, *, check: bool) -> str:
        """For a host's shell: print what it remembers of this plan and, in a run, add this run."""
        return _READ.format(plan=self.plan, write="" if check else _WRITE.format(entry=self.entry))

    def objection(self, answer: str) -> str:
        """Why the plan may not be applied to a host that answers so, "" where it may."""
        lines = [line.strip() for line in answer.splitlines()]
        known = {self.entry, *self.known}
        unknown = [line for line in lines if line.startswith(self.plan) and line not in known]
        if not unknown:
            return ""
        _plan, run, moment = (*unknown[-1].split(" ", 2), "?", "?")[:3]
        return (
            f"this very plan was applied to this host already, by {run[:40]} at {moment[:32]}, and the records do not "
            "know of it: they are an older copy. Plan the change again: fitsom change plan NUMBER"
        )


def mark_of(seal: str, taken: str) -> str:
    """What stands for a plan: its seal and its moment (ISO 8601, UTC), since one that is taken again may look alike."""
    return hashlib.sha256(f"{seal} {taken}".encode()).hexdigest()


def line_of(plan: str, run: str, claimed: str) -> str:
    """How hosts note a run: its moment (ISO 8601, UTC) tells it from one of the same number in another copy."""
    return f"{plan} {run} {claimed}"


def ask(handler: Any, variables: Mapping[str, Any], command: str) -> str:
    """What the host of a task's handler answers; "" where it keeps nothing, or does not answer: its task tells why."""
    connection = handler._connection
    is_kept = (
        connection.transport in _SSH
        and getattr(connection._shell, "SHELL_FAMILY", "") == "sh"
        and "ansible_network_os" not in variables
    )
    if not is_kept:
        return ""
    try:
        if hasattr(connection, "on_action_run"):  # Mitogen's, which connects by a task's values
            connection._action = handler
            connection.on_action_run(variables, handler._task.delegate_to, handler._loader.get_basedir())
        code, output, _errors = connection.exec_command(command, sudoable=False)
    except Exception:
        return ""
    return output.decode("utf-8", "replace") if code == 0 else ""
