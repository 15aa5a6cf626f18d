"""A module that the lab's warm Python runs sees what it would see in a Python of its own."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from fitsom_lab import warm_python

from tests.school import wait_until

SHARED = Path(warm_python.__file__).parents[1]
SEES = """\
import os, sys
umask = os.umask(0)
print(sys.argv, __name__, os.getcwd(), umask, sorted(os.environ.items()), sys.path[0] == "")
print("to standard error", file=sys.stderr)
sys.exit(7)
"""
ENVIRONMENT = {"SUDO_USER": "ansible", "ODD": "a=b\nc", "LANG": "C.UTF-8"}


class Folder:
    """A warm Python in a folder of its own."""

    def __init__(self, path: Path) -> None:
        self.path = path
        code = f"from fitsom_lab import warm_python; warm_python.serve({str(path)!r})"
        self.server = subprocess.Popen(
            [sys.executable, "-c", code],
            env={"PYTHONPATH": str(SHARED), "LANG": "C.UTF-8"},
            stdin=subprocess.DEVNULL,
        )

    def run(self, script: str, **more: str) -> subprocess.CompletedProcess[str]:
        """Have it run a script; code 99 says that it would not."""
        client = (
            "from fitsom_lab import warm_python; code = warm_python._read_all(0);"
            f" warm_python._handed_over({str(self.path)!r}, code); exit(99)"
        )
        return subprocess.run(
            [sys.executable, "-c", client],
            input=script,
            cwd=self.path,
            env={"PYTHONPATH": str(SHARED), **ENVIRONMENT, **more},
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture
def folder() -> Iterator[Folder]:
    with tempfile.TemporaryDirectory() as path:  # short: a socket lies in it
        made = Folder(Path(path))
        wait_until((made.path / "socket").exists, "the server")
        try:
            yield made
        finally:
            made.server.kill()
            made.server.wait()


def test_it_sees_what_it_would_see_in_a_python_of_its_own(folder: Folder) -> None:
    plain = subprocess.run(
        [sys.executable],
        input=SEES,
        cwd=folder.path,
        env={"PYTHONPATH": str(SHARED), **ENVIRONMENT},
        capture_output=True,
        text=True,
        check=False,
    )
    warm = folder.run(SEES)
    assert plain.returncode == 7
    assert (warm.returncode, warm.stdout, warm.stderr) == (plain.returncode, plain.stdout, plain.stderr)


@pytest.mark.parametrize(
    ("script", "code"),
    [("", 0), ("exit()", 0), ("exit('why')", 1), ("1 / 0", 1), ("import os; os.kill(os.getpid(), 9)", 137)],
)
def test_its_end_is_told(folder: Folder, script: str, code: int) -> None:
    assert folder.run(script).returncode == code


def test_one_leaves_nothing_to_the_next(folder: Folder) -> None:
    folder.run("import json, os; json.mark = 1; os.environ['MARK'] = '1'; os.chdir('/')")
    assert folder.run("import json, os; exit(hasattr(json, 'mark') or 'MARK' in os.environ)").returncode == 0


def test_what_python_reads_at_its_start_must_be_the_same(folder: Folder) -> None:
    assert folder.run("print('ran')", LANG="de_DE.UTF-8").returncode == 99
    assert folder.run("print('ran')", PYTHONPATH="/elsewhere:" + str(SHARED)).returncode == 99


def test_without_a_server_nobody_takes_it(tmp_path: Path) -> None:
    assert warm_python._handed_over(str(tmp_path), b"") is False


def test_what_was_read_is_read_again() -> None:
    script = (
        "import sys; from fitsom_lab import warm_python as it; code = it._read_all(0); it._give_back(code);"
        " print(len(code), sys.stdin.read() == code.decode())"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        input="x" * 3_000_000,
        env={"PYTHONPATH": str(SHARED)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "3000000 True\n"


@pytest.mark.parametrize(
    ("name", "own"),
    [
        ("ansible.modules.command", True),
        ("ansible.modules.nft_confirm", False),
        ("ansible_collections.community.general.plugins.modules.command", False),
    ],
)
def test_only_modules_of_ansibles_own_are_taken(name: str, own: bool) -> None:
    wrapper = f"""def _ansiballz_main(): ...
if __name__ == "__main__":
    _ansiballz_main(
ansible_module='it',
module_fqn={name!r},
params='    _ansiballz_main(\\nmodule_fqn=ping',
)
"""
    assert warm_python.is_ansibles_own(wrapper.encode()) is own


def test_what_ansible_did_not_send_is_not_taken() -> None:
    assert warm_python.is_ansibles_own(b"print('hello')") is False


def archive(path: Path, answer: int) -> Path:
    """A module's archive as Ansible packs it, as small as can be; its name is never used twice."""
    package, _, entry = warm_python.ENTRY.rpartition(".")
    parts = package.split(".")
    with zipfile.ZipFile(path, "w") as made:
        for depth in range(1, len(parts) + 1):
            made.writestr("/".join([*parts[:depth], "__init__.py"]), "")
        made.writestr(f"{'/'.join(parts)}/{entry}.py", f"import os\nanswer, at = {answer}, os.getpid()\n")
        made.writestr("ansible/modules/__init__.py", "")
        made.writestr("ansible/modules/own.py", f"own = {answer}\n")
    return path


@pytest.mark.parametrize(("second", "imported_before"), [(42, True), (43, False)])
def test_what_was_imported_before_serves_only_who_carries_the_same(
    folder: Folder, second: int, imported_before: bool
) -> None:
    script = (
        "import os, sys; sys.path.insert(0, {!r});"
        f" from {warm_python.ENTRY} import answer, at; from ansible.modules.own import own;"
        f" import {warm_python.ENTRY} as entry; source = entry.__loader__.get_source(entry.__name__);"
        " print(answer, own, at != os.getpid(), entry.__file__, 'answer' in source)"
    )
    first = archive(folder.path / "first.zip", 42)
    assert folder.run(script.format(str(first))).stdout.startswith("42 42 False")
    other = archive(folder.path / "other.zip", second)
    first.unlink()
    file = f"{other}/{warm_python.ENTRY.replace('.', '/')}.py"
    said = folder.run(script.format(str(other)))
    assert said.stdout == f"{second} {second} {imported_before} {file} True\n", said.stderr


def test_it_ends_once_what_it_executes_from_was_replaced(tmp_path: Path) -> None:
    program = tmp_path / "program"
    program.write_bytes(Path("/bin/sleep").read_bytes())
    program.chmod(0o755)
    with subprocess.Popen([program, "60"]) as process:
        wait_until(lambda: str(program) in Path(f"/proc/{process.pid}/maps").read_text(), "the program")
        before = warm_python.replaced(f"/proc/{process.pid}/maps")
        program.unlink()
        after = warm_python.replaced(f"/proc/{process.pid}/maps")
        process.kill()
    assert (before, after) == (False, True)
