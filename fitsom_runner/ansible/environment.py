"""The environment that Ansible runs in: a short allow-list, since ANSIBLE_* of the operator would bypass the seal."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from fitsom_runner.ansible import collections

#: ansible-core 2.21 takes no file but one that ends in .cfg.
NO_SETTINGS = Path(__file__).parent / "no_settings.cfg"
_ALLOWED_NAMES = ("HOME", "USER", "LOGNAME", "TZ", "XDG_RUNTIME_DIR", "CONTAINERS_CONF")


def environment(
    folder: Path, extra: dict[str, str] | None = None, extra_names: tuple[str, ...] = ()
) -> dict[str, str]:
    """Variables for an Ansible program working in the extract `folder`; `extra_names` adds names from fitsom.yml."""
    inherited = {name: os.environ[name] for name in (*_ALLOWED_NAMES, *extra_names) if name in os.environ}
    programs = Path(sys.executable).parent
    settings = folder / "ansible.cfg"
    return {
        **inherited,
        "PATH": f"{programs}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        "LANG": "C.UTF-8",
        "LC_ALL": "C.UTF-8",
        # Without the file, Ansible would read ~/.ansible.cfg.
        "ANSIBLE_CONFIG": str(settings if settings.is_file() else NO_SETTINGS),
        "ANSIBLE_COLLECTIONS_PATH": os.pathsep.join(map(str, collections.paths(folder))),
        "ANSIBLE_COLLECTIONS_SCAN_SYS_PATH": "0",
        # A source that cannot be read would be left out with a warning, and its hosts with it.
        "ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED": "1",
        "ANSIBLE_NOCOLOR": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        **(extra or {}),
    }
