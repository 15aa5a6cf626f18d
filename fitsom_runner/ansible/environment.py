"""The environment that Ansible runs in: a short allow-list, since ANSIBLE_* of the operator would bypass the seal."""

from __future__ import annotations

import os
import sys
from pathlib import Path

_PASSED = ("HOME", "USER", "LOGNAME", "TZ", "SSH_AUTH_SOCK", "XDG_RUNTIME_DIR", "CONTAINERS_CONF")


def environment(
    folder: Path, extra: dict[str, str] | None = None, passed: tuple[str, ...] = ()
) -> dict[str, str]:
    """Variables for an Ansible program working in the extract `folder`; `passed` adds names from fitsom.yml."""
    kept = {name: os.environ[name] for name in (*_PASSED, *passed) if name in os.environ}
    programs = Path(sys.executable).parent
    return {
        **kept,
        "PATH": f"{programs}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        "LANG": "C.UTF-8",
        "LC_ALL": "C.UTF-8",
        "ANSIBLE_CONFIG": str(folder / "ansible.cfg"),
        "ANSIBLE_NOCOLOR": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        **(extra or {}),
    }
