"""A small school for tests: a git repository of content, a site, and the real `fitsom` command run on them.

Its machines are local: a task writes into the folder machines/truth, a file for each machine, so that a test knows
what was done without asking fitsom.
"""

from __future__ import annotations

import json
import os
import pwd
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests import forks, machine_python
from tests.progress import Patience

ROOT = Path(__file__).resolve().parents[1]
CONTENT = ROOT / "tests" / "fixtures" / "content"
PROGRAMS = Path(sys.executable).parent
PATIENCE = 180.0
COLUMNS_OF_RFC = {
    "reason": "it was asked for",
    "impact": "none in lesson time",
    "backout": "by hand",
}
CONFIG = """\
school: {{name: "Test School", timezone: Europe/London}}
repository: ../repo
inventories: {inventories}
state: state
acting_as_allowed: true
sandbox: {{write: {writable}, read: {readable}}}
minimum_free_mb: 0
pass_environment: {passed}
vault_password_files: {vault}
engine: {engine}
people:
  - {{id: manager, name: Mary Manager, role: network_manager, os_user: {os_user}}}
  - {{id: head, name: Henry Head, role: head}}
  - {{id: tech, name: Tom Technician, role: technician}}
  - {{id: deputy, name: Diana Deputy, role: auditor}}
"""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What one command said."""

    code: int
    out: str
    err: str

    @property
    def value(self) -> Any:
        """Its --json answer."""
        return json.loads(self.out)

    @property
    def error(self) -> str:
        """Message, details and hint of a refusal, in one text."""
        answer = self.value
        return "\n".join([answer["error"], *answer["details"], answer["hint"]])


def wait_until[T](question: Callable[[], T], what: str, patience: float = PATIENCE) -> T:
    """Ask until the answer is true; the first true answer. Fails the test when nothing moves for so many seconds."""
    limit = Patience(patience, what)
    while not (result := question()):
        limit.check()
        time.sleep(0.01)
    return result


@dataclass(kw_only=True)
class School:
    """One folder with `repo`, `site` and `truth`."""

    folder: Path
    inventories: tuple[str, ...] = ("inventories/rooms",)
    vault: str = "[]"
    engine: str = "ansible"
    prefix: tuple[str, ...] = ()
    extra_env: dict[str, str] = field(default_factory=dict)
    readable: tuple[str, ...] = ()  # what runs see of this machine beside their content
    writable: tuple[str, ...] = ()
    passed: tuple[str, ...] = ("API_TOKEN",)  # variables that runs see; their values are sealed

    @property
    def repo(self) -> Path:
        """The git repository of content."""
        return self.folder / "repo"

    @property
    def site(self) -> Path:
        """Where fitsom.yml lies."""
        return self.folder / "site"

    @property
    def state(self) -> Path:
        """Records, ledgers and reports."""
        return self.site / "state"

    @property
    def machines(self) -> Path:
        """The folder of this machine that runs may write into: `truth`, what holds the machines up, their Python."""
        return self.folder / "machines"

    @property
    def truth(self) -> Path:
        """What was really done, a file for each machine."""
        return self.machines / "truth"

    # -- making one ---------------------------------------------------------------------------------------

    def build(self, files: Mapping[str, str] | None = None) -> School:
        """Make repository, configuration and records; `files` are more content of the first commit."""
        for part in ("machines/truth", "home", "tmp"):
            (self.folder / part).mkdir(parents=True, exist_ok=True)
        machine_python.make(self.machines / "python")
        shutil.copytree(CONTENT, self.repo)
        for part in ("plugins", "meta", "ansible_collections"):
            cache = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / part, self.repo / part, symlinks=True, ignore=cache)
        for part in ("ansible.cfg", "galaxy.yml"):
            shutil.copy2(ROOT / part, self.repo / part)
        self.git("init", "--quiet", "--initial-branch=main")
        self.commit(files or {})
        self.site.mkdir()
        self.configure()
        self.fitsom("init", str(self.site))
        return self

    def configure(self) -> None:
        """Write fitsom.yml."""
        text = CONFIG.format(
            inventories=json.dumps(self.inventories),
            vault=self.vault,
            engine=self.engine,
            readable=json.dumps(self.readable),
            passed=json.dumps(self.passed),
            writable=json.dumps(["../machines", *self.writable]),
            os_user=pwd.getpwuid(os.getuid()).pw_name,
        )
        (self.site / "fitsom.yml").write_text(text)

    def copy(self, folder: Path) -> School:
        """The same school, records and all, somewhere else."""
        shutil.copytree(self.folder, folder, symlinks=True)
        return replace(self, folder=folder)

    def git(self, *words: str) -> str:
        """Run git in the repository."""
        author = ["-c", "user.name=Test", "-c", "user.email=test@school.test", "-c", "commit.gpgsign=false"]
        process = subprocess.run(
            ["git", "-C", str(self.repo), *author, *words],
            capture_output=True,
            text=True,
            check=True,
            env=self.env(),
        )
        return process.stdout.strip()

    def write(self, files: Mapping[str, str]) -> None:
        """Put files into the repository without committing them."""
        for name, text in files.items():
            path = self.repo / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    def commit(self, files: Mapping[str, str]) -> str:
        """Write and commit; the new commit's hash."""
        self.write(files)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message=Content")
        return self.git("rev-parse", "HEAD")

    # -- the command --------------------------------------------------------------------------------------

    def env(self) -> dict[str, str]:
        """A bare environment: nothing of whoever runs the tests reaches fitsom."""
        return {
            "PATH": f"{PROGRAMS}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
            "HOME": str(self.folder / "home"),
            "TMPDIR": str(self.folder / "tmp"),
            "LANG": "C.UTF-8",
            "TRUTH": str(self.truth),
            "GIT_CONFIG_GLOBAL": os.devnull,
            **self.extra_env,
        }

    def popen(self, *words: str, acting_as: str = "", json_answer: bool = True) -> subprocess.Popen[str]:
        """Start a command and do not wait for it."""
        if words[:2] == ("change", "approve") and "--seal" not in words:
            words = (*words, *self._seal(words[2]))
        line = [*self.prefix, str(PROGRAMS / "fitsom"), *words]
        line += ["--json"] if json_answer else []
        line += ["--as", acting_as] if acting_as else []
        return forks.popen(line, cwd=self.site, env=self.env())

    def fitsom(
        self, *words: str, acting_as: str = "", code: int | None = 0, json_answer: bool = True
    ) -> Answer:
        """Run a command to its end; `code` is the exit code that is expected (None: any)."""
        return finished(self.popen(*words, acting_as=acting_as, json_answer=json_answer), code)

    def _seal(self, number: str) -> tuple[str, ...]:
        """What somebody who has just read the change says of its plan."""
        found = self.rows(
            "select plan.seal from change join plan on plan.id = change.plan_id where change.number like ?",
            f"%{number.rpartition('-')[2].zfill(4)}",
        )
        return ("--seal", str(found[0][0])) if found and found[0][0] else ()

    # -- the walk of a change -----------------------------------------------------------------------------

    def new(
        self,
        playbook: str = "playbooks/steps.yml",
        *,
        minutes: tuple[float, float] = (-60, 300),
        **fields: str,
    ) -> str:
        """Raise a change whose window is open, from and to so many minutes from now; its number."""
        words = ["--title", "A change", "--playbook", playbook]
        for name, value in {"limit": "rooms", **COLUMNS_OF_RFC, **fields}.items():
            words += [f"--{name.replace('_', '-')}", value]
        if minutes != (0, 0):
            words += window(*minutes)
        return str(self.fitsom("change", "new", *words).value["number"])

    def planned(self, playbook: str = "playbooks/steps.yml", **fields: Any) -> str:
        """A change that waits for the head's approval."""
        number = self.new(playbook, **fields)
        self.fitsom("change", "submit", number)
        self.fitsom("change", "plan", number)
        return number

    def approved(self, playbook: str = "playbooks/steps.yml", **fields: Any) -> str:
        """A minor change that may run."""
        number = self.planned(playbook, **fields)
        self.fitsom("change", "approve", number, acting_as="head")
        return number

    def change(self, number: str) -> Any:
        """`change show`."""
        return self.fitsom("change", "show", number).value

    # -- looking without fitsom ---------------------------------------------------------------------------

    def rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """Ask the database itself."""
        with self.database() as connection:
            return connection.execute(query, values).fetchall()

    def scalar(self, query: str, *values: Any) -> Any:
        """The only value of the only row."""
        ((value,),) = self.rows(query, *values)
        return value

    @contextmanager
    def database(self) -> Iterator[sqlite3.Connection]:
        """The records, past fitsom."""
        connection = sqlite3.connect(self.state / "fitsom.sqlite3", timeout=30)
        try:
            yield connection
        finally:
            connection.close()

    def outcomes(self, run: str) -> dict[str, str]:
        """{host: outcome} of a run."""
        outcome_rows = self.rows("select host, outcome from host_outcome where run_id = ?", run)
        return {str(host): str(outcome) for host, outcome in outcome_rows}

    def ledger(self, run: str) -> Path:
        """The ledger of a run that has not ended."""
        return self.state / "runs" / run / "ledger.jsonl"

    def log(self, host: str) -> list[str]:
        """What was done on a machine, line by line."""
        path = self.truth / host
        return path.read_text().splitlines() if path.exists() else []

    def hold(self) -> None:
        """No further step of playbooks/steps.yml begins on any machine."""
        self.machines.joinpath("truth.hold").touch()

    def release(self) -> None:
        """Steps begin again."""
        self.machines.joinpath("truth.hold").unlink(missing_ok=True)

    def steps_done(self) -> int:
        """How many steps have ended on all machines together."""
        return sum(line.startswith("end") for path in self.truth.iterdir() for line in self.log(path.name))

    # -- processes ----------------------------------------------------------------------------------------

    def child(self, run: str) -> int:
        """The process id of a run's supervised child; 0 where there is none."""
        for pid, line, environment in processes():
            if (
                b"fitsom_runner.execution.child" in line
                and run.encode() in line
                and b"FITSOM_CONFIG=" + str(self.site / "fitsom.yml").encode() in environment
            ):
                return pid
        return 0

    def playbook(self, run: str) -> int:
        """The process id of a run's ansible-playbook, once its ledger has a first line; 0 before that."""
        path = self.ledger(run)
        if not path.exists() or b"\n" not in path.read_bytes():
            return 0
        mark = b"FITSOM_LEDGER=" + str(path).encode()
        pids = [
            pid
            for pid, line, environment in processes()
            if mark in environment and b"ansible-playbook" in line and b"bwrap" not in line
        ]
        return min(pids, default=0)

    def left_over(self) -> list[int]:
        """Processes that Ansible started for any run or plan of this school, and that live."""
        mark = b"FITSOM_LEDGER=" + str(self.folder).encode() + b"/"
        return [pid for pid, _line, env in processes() if any(e.startswith(mark) for e in env)]

    def nothing_left(self) -> None:
        """Wait for a step that was in work to end by itself; then no process may be left."""
        wait_until(lambda: not self.left_over(), f"processes left over in {self.folder.name}", 20)


def finished(process: subprocess.Popen[str], code: int | None = 0, patience: float = PATIENCE) -> Answer:
    """Wait for a command that popen() started, for as long as anything moves."""
    limit = Patience(patience, f"{process.args!r}")
    while True:
        try:
            stdout, err = process.communicate(timeout=1)
            break
        except subprocess.TimeoutExpired:
            try:
                limit.check()
            except AssertionError:
                process.kill()
                process.communicate()
                raise
    if code is not None:
        assert process.returncode == code, f"{process.args!r}: {process.returncode}\n{stdout}\n{err}"
    return Answer(code=process.returncode, out=stdout, err=err)


def window(begin: float, end: float) -> list[str]:
    """--start, --end and --zone, in minutes from now."""
    moments = [datetime.now(UTC) + timedelta(minutes=m) for m in (begin, end)]
    start, stop = (f"{moment:%Y-%m-%d %H:%M:%S}" for moment in moments)
    return ["--start", start, "--end", stop, "--zone", "UTC"]


def processes() -> Iterator[tuple[int, bytes, list[bytes]]]:
    """(pid, command line, environment) of every living process that we may look into."""
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            environment = (entry / "environ").read_bytes().split(b"\0")
            yield int(entry.name), (entry / "cmdline").read_bytes(), environment
        except OSError:
            continue


def kill(pid: int, how: signal.Signals = signal.SIGKILL) -> None:
    """Send a signal; a process that has ended already is no fault. One that is killed has let go of its locks then."""
    try:
        os.kill(pid, how)
    except ProcessLookupError:
        return
    if how is signal.SIGKILL:
        wait_until(lambda: _has_ended(pid), f"the end of process {pid}")


def _has_ended(pid: int) -> bool:
    """Whether a process is gone, or only waits for its parent to take notice."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return True
