"""The Python of a school's machines: the system's own, which keeps what it has made of Ansible's modules.

As the lab's hosts do (molecule/shared/README.md), and for the same reason: a module on such a machine took 0.35 s of
processor time, most of it for compiling Ansible's utilities out of each task's zip again; so it takes 0.14 s. Nothing
else of a module differs. Inventories that name `ansible_playbook_python` go without.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

from fitsom_lab import kept_code

SYSTEM = Path("/usr/bin/python3")
#: Python runs such lines of a .pth file when it starts. A sitecustomize would be hidden by Debian's own.
BEGIN = "import kept_here\n"
HERE = """\
import kept_code
import zipimport

shelf = __file__.rpartition("/lib/")[0] + "/shelf"
zipimport._compile_source = lambda path, source: kept_code.compiled(path, source, shelf)
"""


def make(folder: Path) -> None:
    """Make bin/python3 and what it needs in `folder`; like a virtual environment it may be copied elsewhere."""
    python, modules = _base()
    packages = folder / modules
    for part in (folder / "bin", folder / "shelf", packages):
        part.mkdir(parents=True)
    (folder / "bin/python3").symlink_to(python)
    (folder / "pyvenv.cfg").write_text(f"home = {python.parent}\n")
    shutil.copy(kept_code.__file__, packages / "kept_code.py")
    (packages / "kept_here.py").write_text(HERE)
    (packages / "kept.pth").write_text(BEGIN)


@cache
def _base() -> tuple[Path, str]:
    """A Python outside of any environment, and the folder of its packages in one."""
    python = SYSTEM if SYSTEM.exists() else Path(sys.executable).resolve()
    asked = "import sys; print('lib/python%d.%d/site-packages' % sys.version_info[:2])"
    answer = subprocess.run([python, "-c", asked], capture_output=True, text=True, check=True).stdout
    return python, answer.strip()
