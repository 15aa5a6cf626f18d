"""What the daily look makes of a ledger, and what it remembers from one day to the next."""

import gzip
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from fitsom_runner.ansible.content import Extract
from fitsom_runner.ansible.engine import Engine
from fitsom_runner.ansible.inventory import Resolved
from fitsom_runner.ansible.ledger import Event, Status
from fitsom_runner.ansible.play import Job, PlaybookResult
from fitsom_runner.audit.models import AuditEntry
from fitsom_runner.config import Config
from fitsom_runner.errors import ExitCode, FitsomError, NotAllowedError
from fitsom_runner.execution.preparation import Preparation
from fitsom_runner.operations import health
from fitsom_runner.reports import health as report
from tests.unit.ansible.events import ledger_of, result, start, stats, task
from tests.unit.conftest import SetClock
from tests.unit.people.cast import SUPPLIER, TECHNICIAN, Story, later

TODAY = date(2026, 11, 25)
FULL = {
    "kind": "disk-space",
    "severity": "exception",
    "ci": "srv1: /srv",
    "what": "It is full.",
    "evidence": "",
    "do": "",
}
OLD = {
    "kind": "support-lts",
    "severity": "informational",
    "ci": "srv1",
    "what": "Old.",
    "evidence": "",
    "do": "",
}
TASK_STARTED: list[Event] = [start(), task(1, "Look")]


def judged(*events: Event, memory: dict[str, str] | None = None, host: str = "srv1") -> health.HostHealth:
    return health.judge(host, ledger_of(*TASK_STARTED, *events).hosts.get(host), memory or {}, TODAY)


def test_findings_come_the_worst_first_with_the_day_when_they_were_first_seen() -> None:
    host_health = judged(
        result(
            "srv1", 1, Status.OK, fitsom={"findings": [OLD, FULL], "facts": {"security_updates": ["vim 9"]}}
        ),
        stats(srv1={}),
        memory={"disk-space srv1: /srv": "2026-11-20"},
    )
    assert host_health.state == "look"
    assert [(row.kind, row.since) for row in host_health.findings] == [
        ("disk-space", "2026-11-20"),
        ("support-lts", "2026-11-25"),
    ]
    assert host_health.observed == {"security_updates": ["vim 9"]}


@pytest.mark.parametrize(
    ("events", "state", "kinds"),
    [
        ([result("srv1", 1, Status.OK, fitsom={"findings": [OLD]}), stats(srv1={})], "well", ["support-lts"]),
        ([result("srv1", 1, Status.UNREACHABLE, msg="x"), stats(srv1={"unreachable": 1})], "silent", ["host-silent"]),
        ([result("srv1", 1, Status.FAILED, msg="no restic"), stats(srv1={"failures": 1})], "failed", ["look-failed"]),
        # Rescued: Ansible's own statistics have the last word.
        ([result("srv1", 1, Status.FAILED, msg="x"), stats(srv1={})], "well", []),
        ([result("srv1", 1, Status.CHANGED, changes=[{"k": "1"}]), stats(srv1={})], "look", ["look-changes"]),
        ([], "left out", []),
    ],
)  # fmt: skip
def test_a_host_that_is_silent_failed_or_would_be_changed_is_itself_a_finding(
    events: list[Event], state: str, kinds: list[str]
) -> None:
    host_health = judged(*events)
    assert (host_health.state, [row.kind for row in host_health.findings]) == (state, kinds)


def test_what_was_known_of_a_silent_host_is_kept_and_what_is_mended_is_forgotten(tmp_path: Path) -> None:
    memory = {
        "dark": {"disk-space dark: /": "2026-11-01", "vim 9": "2026-11-02"},
        "srv1": {"disk-space srv1: /srv": "2026-11-01", "vim 9": "2026-11-02"},
    }
    silent = judged(
        result("dark", 1, Status.UNREACHABLE, msg="x"), stats(dark={"unreachable": 1}), host="dark"
    )
    mended = judged(result("srv1", 1, Status.OK, fitsom={"facts": {"security_updates": ["vim 9", "less 6"]}}))
    health.remember(tmp_path, memory, (silent, mended), TODAY)
    assert health.recall(tmp_path) == {
        "dark": {**memory["dark"], "host-silent dark": "2026-11-25"},
        "srv1": {"vim 9": "2026-11-02", "less 6": "2026-11-25"},
    }


@pytest.mark.parametrize("text", ["", "{", "[1]"])
def test_a_memory_that_cannot_be_read_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "seen.json").write_text(text)
    assert health.recall(tmp_path) == {}


Stage = Callable[..., list[Job]]


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Stage:
    """Stands in for Ansible: writes these events; the jobs that were asked for."""

    def set_to(*events: Event) -> list[Job]:
        jobs: list[Job] = []

        @contextmanager
        def prepare_playbooks(
            config: Config, name: str, _playbooks: Any, _limit: str, *, asking: Any
        ) -> Iterator[Preparation]:
            extract = Extract(
                folder=config.work_dir / name, commit="f" * 40, trees={}, inventories={}, inventory_paths=(), inputs={},
                input_paths={}, dirty=(),
            )  # fmt: skip
            resolved = Resolved(
                about={},
                hosts={"srv1": "d" * 64, "srv2": "e" * 64},
                groups={},
                connections={},
                addresses={},
                keys=(),
            )
            yield Preparation(
                extract=extract,
                resolved=resolved,
                versions={},
                collections={},
                engine=Engine(),
                secrets=(),
                accepted=(),
                sandbox={},
                environment={},
                variables={},
            )

        def run(_config: Any, job: Job) -> PlaybookResult:
            jobs.append(job)
            job.ledger.write_text("".join(json.dumps(event) + "\n" for event in events))
            return PlaybookResult(rc=0, cancelled=False, lines=("no hosts matched",))

        monkeypatch.setattr(health, "prepare_playbooks", prepare_playbooks)
        monkeypatch.setattr("fitsom_runner.ansible.play.run", run)
        return jobs

    return set_to


def test_a_look_is_always_a_check_and_is_written_down(
    story: Story, stage: Stage, set_clock: SetClock
) -> None:
    findings = {"findings": [FULL], "facts": {"security_updates": ["vim 9"]}}
    ends = stats(srv1={}, srv2={"unreachable": 1})
    jobs = stage(
        *TASK_STARTED,
        result("srv1", 1, Status.OK, fitsom=findings),
        result("srv2", 1, Status.UNREACHABLE),
        ends,
    )
    health_check = health.run_check(story.config, TECHNICIAN)
    set_clock(later(days=3))
    again = health.run_check(story.config, TECHNICIAN)
    assert [job.check for job in jobs] == [True, True]
    assert jobs[1].extra_vars["fitsom_seen"]["srv1"]["vim 9"] == "2026-11-20"
    assert [row.since for _host, row in again.findings] == ["2026-11-20", "2026-11-20"]
    assert [(host, row.kind) for host, row in health_check.findings] == [
        ("srv1", "disk-space"),
        ("srv2", "host-silent"),
    ]
    first_line = gzip.decompress((health_check.folder / "ledger.jsonl.gz").read_bytes()).splitlines()[0]
    assert json.loads(first_line) == start()
    entry = AuditEntry.objects.filter(action="health.looked").latest("seq")
    assert json.loads(entry.detail)["exception"] == 2


def test_a_look_that_ansible_gave_up_is_an_error(story: Story, stage: Stage) -> None:
    stage(start())
    with pytest.raises(FitsomError, match="could not be run") as fault:
        health.run_check(story.config, TECHNICIAN)
    assert fault.value.details == ("no hosts matched",)
    assert fault.value.exit_code is ExitCode.ERROR


def test_only_who_may_plan_may_look(story: Story, stage: Stage) -> None:
    stage()
    with pytest.raises(NotAllowedError):
        health.run_check(story.config, SUPPLIER)


def test_only_the_last_looks_are_kept(story: Story, stage: Stage, set_clock: SetClock) -> None:
    stage(*TASK_STARTED, result("srv1", 1, Status.OK), stats(srv1={}))
    for day in range(health.CHECKS_KEPT + 2):
        set_clock(later(days=day))
        newest = health.run_check(story.config, TECHNICIAN)
    remaining = sorted(path for path in newest.folder.parent.iterdir() if path.is_dir())
    assert len(remaining) == health.CHECKS_KEPT
    assert remaining[-1] == newest.folder


@pytest.mark.parametrize(
    ("findings", "title"),
    [
        ([FULL], "Action is needed"),
        ([{**FULL, "severity": "warning"}], "Nothing is broken; something needs attention"),
        ([OLD], "All is well"),
    ],
)
def test_the_page_begins_with_its_verdict(
    story: Story, stage: Stage, findings: list[Any], title: str
) -> None:
    stage(*TASK_STARTED, result("srv1", 1, Status.OK, fitsom={"findings": findings}), stats(srv1={}))
    check = health.run_check(story.config, TECHNICIAN)
    page = report.write(story.config, check).read_text()
    assert title in page
    assert "left out (no Linux host)" in page
    body = json.loads((check.folder / "health.json").read_text())
    assert body["verdict"]["title"] == title
    assert [row["host"] for row in body["findings"]] == ["srv1"]


def test_nothing_that_a_host_says_is_markup(story: Story, stage: Stage) -> None:
    hostile = {**FULL, "what": "<script>x</script>", "ci": "<b>srv1", "do": "\x1b[31mred"}
    stage(*TASK_STARTED, result("srv1", 1, Status.OK, fitsom={"findings": [hostile]}), stats(srv1={}))
    page = report.write(story.config, health.run_check(story.config, TECHNICIAN)).read_text()
    assert "<script>" not in page
    assert "<b>srv1" not in page
    assert "\x1b" not in page
