"""ansible-lint, all of it, with two things done quickly. Usage: as ansible-lint.

It copies each task for each rule, and Ansible's texts carry their origin with them, so half of its own time went
into copies of what cannot change: here that is not copied. And it starts ansible-playbook for each playbook and role
to check its syntax: here these are forks of one process.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from threading import Lock
from typing import Any, ClassVar

from ansible._internal._datatag import _tags
from ansible.module_utils._internal import _datatag
from ansiblelint.__main__ import _run_cli_entrypoint

UNCHANGEABLE = (
    _datatag._AnsibleTaggedStr,
    _datatag._AnsibleTaggedInt,
    _datatag._AnsibleTaggedFloat,
    _datatag._AnsibleTaggedBytes,
    _datatag._AnsibleTaggedDate,
    _datatag._AnsibleTaggedTime,
    _datatag._AnsibleTaggedDateTime,
    _tags.Origin,
    _tags.TrustedAsTemplate,
)
SYNTAX_CHECK = Path(__file__).with_name("syntax_check.py")
start = subprocess.run


class Checker:
    """Checks syntax in one environment, for one thread at a time."""

    known: ClassVar[dict[tuple[tuple[str, str], ...], Checker]] = {}
    lock = Lock()

    def __init__(self, env: Mapping[str, str]) -> None:
        self.process = subprocess.Popen(
            [sys.executable, SYNTAX_CHECK], env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def ask(self, arguments: list[str]) -> tuple[int, str, str]:
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(json.dumps(arguments) + "\n")
        self.process.stdin.flush()
        code, out, err = json.loads(self.process.stdout.readline())
        return code, out, err


def run(command: list[str], **options: Any) -> subprocess.CompletedProcess[Any]:
    """In place of subprocess.run."""
    if command[:2] != ["ansible-playbook", "--syntax-check"] or options.get("cwd"):
        return start(command, **options)
    with Checker.lock:
        key = tuple(sorted(options["env"].items()))
        if key not in Checker.known:
            Checker.known[key] = Checker(options["env"])
        return subprocess.CompletedProcess(command, *Checker.known[key].ask(command[1:]))


if __name__ == "__main__":
    for each in UNCHANGEABLE:
        each.__deepcopy__ = lambda self, _memo: self
    subprocess.run = run  # type: ignore[assignment]
    sys.argv[0] = "ansible-lint"
    _run_cli_entrypoint()
