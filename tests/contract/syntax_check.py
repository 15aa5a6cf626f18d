"""`ansible-playbook` for many syntax checks, each in a fork of one process: Ansible is imported once.

Reads a list of arguments from each line and answers each with a line: exit code, standard output, standard error.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from typing import IO

from ansible.cli.playbook import main
from ansible.plugins.loader import connection_loader


def check(arguments: list[str]) -> tuple[int, str, str]:
    """As the command would."""
    with (
        tempfile.TemporaryFile("w+") as out,
        tempfile.TemporaryFile("w+") as err,
        open(os.devnull) as nothing,
    ):
        child = os.fork()
        if not child:
            _become(arguments, nothing, out, err)
        _, status = os.waitpid(child, 0)
        out.seek(0)
        err.seek(0)
        return os.waitstatus_to_exitcode(status), out.read(), err.read()


def _become(arguments: list[str], *streams: IO[str]) -> None:
    """In the fork: the command, to its end."""
    for number, stream in enumerate(streams):
        os.dup2(stream.fileno(), number)
    code = 1
    try:
        main(["ansible-playbook", *arguments])
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    list(connection_loader.all(class_only=True))  # what takes long to import
    for line in sys.stdin:
        print(json.dumps(check(json.loads(line))), flush=True)  # noqa: T201
