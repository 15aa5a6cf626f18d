"""Runs in the lab's hosts: keeps what Python has made of Ansible's modules.

Ansible sends each task's module and its utilities as source in a zip, and Python compiles them anew, task by task:
a third of a short task's work. Where hosts share two processors with their controller, that is what tests wait for.
So each source is kept compiled under its hash, by root. Nothing else differs from a school's host.
"""

import _imp
import marshal
import os
import sys
import zipimport
from types import CodeType

SHELF = "/var/cache/lab-python"

_compile = zipimport._compile_source  # type: ignore[attr-defined]  # called for every source in a zip


def compiled(path: str, source: bytes, shelf: str = SHELF) -> CodeType:
    """The code of a source, from the shelf if it is there."""
    name = f"{shelf}/{_imp.source_hash(sys.hexversion, source).hex()}"
    try:
        with open(name, "rb") as file:  # load() would ask it byte by byte
            kept: CodeType = marshal.loads(file.read())  # noqa: S302  # written by root, in a lab
            return kept
    except (OSError, EOFError, ValueError, TypeError):
        code: CodeType = _compile(path, source)
    part = f"{name}.{os.getpid()}"
    try:
        with open(part, "wb") as file:
            marshal.dump(code, file)
        os.replace(part, name)  # noqa: PTH105  # every Python of the host starts with this file: it imports little
    except OSError:  # not root
        pass
    return code


def install() -> None:
    zipimport._compile_source = compiled  # type: ignore[attr-defined]
