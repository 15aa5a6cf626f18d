"""The walk of a change: proposed, approved, run, reported; and how it ends otherwise."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import subprocess
import time

import pytest

from tests.progress import Patience
from tests.school import PROGRAMS, School, finished, wait_until, window

SERVERS = ["srv1", "srv2", "srv3"]
REVIEW = ("--objective-met", "--plan-accurate", "--side-effects", "none")


def notice(school: School, host: str) -> str:
    """What hangs on a server."""
    path = school.truth / f"{host}.d" / "notice"
    return path.read_text().strip() if path.exists() else ""


def test_proposed_approved_run_and_reported(approved: School) -> None:
    run = approved.fitsom("run", "start", "1")
    assert run.value["status"] == "succeeded"
    assert [notice(approved, host) for host in SERVERS] == ["Welcome"] * 3
    folder = approved.state / "runs" / run.value["id"]
    page, text = (folder / "report.html").read_text(), (folder / "report.md").read_text()
    for form in (page, text, (folder / "report.json").read_text()):
        assert "Henry Head" in form
        assert "srv2" in form
    assert not re.search(
        r"(?:src|href)\s*=\s*[\"']?(?:https?:|//|file:)|@import|url\(\s*[\"']?(?!#|data:)", page
    )
    report = json.loads((folder / "report.json").read_text())
    seal = approved.scalar("select seal from plan")
    assert seal[:12] in page
    again = approved.fitsom("report", "show", "1").value
    assert {**again, "generated": ""} == {**report, "generated": ""}
    approved.fitsom("change", "review", "1", *REVIEW, "--test-evidence", "Logged in and printed a page")
    approved.fitsom("change", "close", "1")
    approved.fitsom("report", "export", "1", "--to", str(approved.folder / "reviewed.md"))
    assert "Logged in and printed a page" in (approved.folder / "reviewed.md").read_text()
    assert approved.scalar("select state from change") == "closed"
    log = approved.fitsom("audit", "show", "CHG").value
    assert [e["action"] for e in log] == [
        "change.new",
        "change.submit",
        "plan.started",
        "change.plan",
        "change.approve_implement",
        "change.schedule",
        "change.start",
        "change.succeed",
        "change.review",
        "change.close",
    ]
    assert approved.fitsom("audit", "verify").value["faults"] == []


@pytest.mark.record_only
def test_a_second_run_of_the_same_approval_is_refused(approved: School) -> None:
    approved.fitsom("run", "start", "1")
    assert "succeeded" in approved.fitsom("run", "start", "1", code=3).error
    assert approved.scalar("select count(*) from run") == 1


def test_a_failing_host_stops_and_is_reported_with_its_error(empty: School) -> None:
    number = empty.approved("playbooks/failing.yml", limit="servers")
    run = empty.fitsom("run", "start", number, code=4).value
    assert run["status"] == "failed"
    assert {host: outcome["outcome"] for host, outcome in run["hosts"].items()} == {
        "srv1": "done",
        "srv2": "failed",
        "srv3": "done",
    }
    assert "driver 7 is too old" in run["hosts"]["srv2"]["reason"]
    assert empty.log("srv2") == ["end 1"], "the host went on after its failure"
    assert empty.log("srv3") == ["end 1", "end 3"]
    folder = empty.state / "runs" / run["id"]
    for form in ("html", "md", "json"):
        report = (folder / f"report.{form}").read_text()
        assert "driver 7 is too old" in report
        assert "INC-" in report
    assert empty.rows("select host from incident") == [("srv2",)]


@pytest.mark.record_only
def test_a_run_outside_the_window_is_refused(empty: School) -> None:
    number = empty.approved("playbooks/notice.yml", limit="servers", minutes=(60, 120))
    answer = empty.fitsom("run", "start", number, code=3)
    assert "only in its window" in answer.error
    assert empty.fitsom("tick").value == []
    assert empty.scalar("select count(*) from run") == 0
    assert list(empty.truth.iterdir()) == []


@pytest.mark.record_only
def test_a_missed_window_expires(empty: School) -> None:
    number = empty.new("playbooks/notice.yml", limit="servers", minutes=(-60, 0.4))
    empty.fitsom("change", "submit", number)
    empty.fitsom("change", "plan", number)
    empty.fitsom("change", "approve", number, acting_as="head")
    end = empty.scalar("select strftime('%s', window_end) from change")
    time.sleep(max(0.0, float(end) - time.time() + 0.5))
    assert "only in its window" in empty.fitsom("run", "start", number, code=3).error
    (tick_result,) = empty.fitsom("tick", code=3).value
    assert "expired" in tick_result["why"]
    assert empty.scalar("select state from change") == "expired"
    assert empty.fitsom("tick").value == []
    assert empty.scalar("select count(*) from run") == 0


@pytest.mark.record_only
def test_tick_starts_what_is_due_exactly_once(approved: School) -> None:
    started, ended = approved.fitsom("tick", "--wait").value
    assert (started["run"], started["ended"]) == (ended["run"], "")
    assert ended["ended"] == "succeeded"
    assert approved.fitsom("tick", "--wait").value == []
    assert approved.scalar("select count(*) from run") == 1
    assert approved.scalar("select state from change") == "succeeded"


@pytest.mark.record_only
def test_two_ticks_at_once_start_it_exactly_once(approved: School) -> None:
    ticks = [approved.popen("tick", "--wait") for _ in range(2)]
    answers = [finished(tick).value for tick in ticks]
    started = [each for answer in answers for each in answer if each["run"] and not each["ended"]]
    assert len(started) == 1, answers
    assert approved.scalar("select count(*) from run") == 1


def test_a_running_change_is_cancelled(empty: School) -> None:
    number = empty.approved()
    run = empty.fitsom("run", "start", number, "--detach").value["id"]
    wait_until(lambda: empty.steps_done() >= 2, "some steps done")
    empty.hold()
    assert empty.fitsom("run", "cancel", number).value["cancel_requested"] is True
    cancelled_run = empty.fitsom("run", "watch", number, code=5).value
    empty.release()
    assert cancelled_run["status"] == "cancelled"
    empty.nothing_left()
    outcomes = empty.outcomes(run)
    assert empty.steps_done() < 18
    assert "untouched" in outcomes.values()
    for host, outcome in outcomes.items():
        assert outcome != "untouched" or empty.log(host) == []
        assert outcome != "done" or empty.log(host)[-1:] == ["end 3"]
    assert empty.scalar("select state from change") == "interrupted"


def test_a_change_is_backed_out_by_its_playbook(approved: School) -> None:
    approved.fitsom("run", "start", "1")
    assert notice(approved, "srv1") == "Welcome"
    predicted = approved.fitsom("run", "backout", "1", "--check").value
    assert sorted(predicted["hosts"]) == SERVERS
    assert all(body["items"] for body in predicted["hosts"].values())
    assert [notice(approved, host) for host in SERVERS] == ["Welcome"] * 3
    back = approved.fitsom("run", "backout", "1", "--yes", "-m", "The notice was wrong").value
    assert back["kind"] == "backout"
    assert back["status"] == "succeeded"
    assert [notice(approved, host) for host in SERVERS] == [""] * 3
    assert approved.scalar("select state from change") == "backed_out"
    assert approved.scalar("select backout_used from change") == 1
    report = json.loads((approved.state / "runs" / back["id"] / "report.json").read_text())
    kinds = {d["kind"] for host in report["hosts"] for d in host["differences"]}
    assert kinds == {"foreseen_and_came"}
    assert report["run"]["reason"] == "The notice was wrong"
    assert [(run["id"], run["outcome"]) for run in report["earlier"]] == [
        (f"{back['change']}-run1", "succeeded")
    ]
    page = (approved.state / "runs" / back["id"] / "report.html").read_text()
    assert "It was taken back" in page
    assert "The notice was wrong" in page
    assert 'class="verdict good"' not in page, "what was undone is no success"


class Terminal:
    """A command at a terminal of its own, and what it has printed there so far."""

    def __init__(self, school: School, *words: str) -> None:
        self._end, inner = pty.openpty()
        self._process = subprocess.Popen(
            [str(PROGRAMS / "fitsom"), *words],
            cwd=school.site,
            env={**school.env(), "TERM": "xterm"},
            stdin=inner,
            stdout=inner,
            stderr=inner,
        )
        os.close(inner)
        self.printed = ""

    def wait_for(self, words: str) -> None:
        """Read until it asks so."""
        limit = Patience(60, f"a question: {words}")
        while words not in self.printed:
            if select.select([self._end], [], [], 1)[0]:
                self.printed += os.read(self._end, 4096).decode()
            limit.check()

    def type(self, line: str) -> None:
        """As a person would."""
        os.write(self._end, f"{line}\n".encode())

    def ended(self) -> int:
        """Read to its end; the exit code."""
        try:
            while data := os.read(self._end, 4096):
                self.printed += data.decode()
        except OSError:  # nobody is at the other end any more
            pass
        os.close(self._end)
        return self._process.wait()


def test_a_back_out_is_shown_and_asked_for_and_does_nothing_else(approved: School) -> None:
    approved.fitsom("run", "start", "1")
    assert "needs a terminal" in approved.fitsom("run", "backout", "1", code=2).error
    refused = Terminal(approved, "run", "backout", "1")
    refused.wait_for("Why is it taken back?")
    refused.type("The notice was wrong")
    refused.wait_for("Take 3 hosts back?")
    refused.type("n")
    assert refused.ended() != 0
    assert [notice(approved, host) for host in SERVERS] == ["Welcome"] * 3
    assert approved.scalar("select count(*) from run") == 1

    hangs = approved.truth / "srv2.d" / "notice"
    hangs.unlink()
    moved = Terminal(approved, "run", "backout", "1", "-m", "The notice was wrong")
    moved.wait_for("Take 3 hosts back?")
    hangs.write_text("Welcome\n")  # the back-out would take this one down too now
    moved.type("y")
    assert moved.ended() == 3, moved.printed
    assert "not as it was shown: srv2" in str(
        approved.scalar("select refusal from run where kind = 'backout'")
    )
    assert [notice(approved, host) for host in SERVERS] == ["Welcome"] * 3

    agreed = Terminal(approved, "run", "backout", "1", "-m", "The notice was wrong")
    agreed.wait_for("Take 3 hosts back?")
    agreed.type("y")
    assert agreed.ended() == 0, agreed.printed
    assert [notice(approved, host) for host in SERVERS] == [""] * 3


@pytest.mark.record_only
def test_without_a_limit_a_change_is_for_whom_its_plays_are(empty: School) -> None:
    number = empty.new("playbooks/notice.yml", limit="")
    empty.fitsom("change", "submit", number)
    planned = empty.fitsom("change", "plan", number).value
    assert sorted(planned["hosts"]) == SERVERS
    assert planned["left_out"] == {}
    empty.fitsom("change", "approve", number, acting_as="head")
    assert sorted(empty.fitsom("run", "start", number).value["hosts"]) == SERVERS

    number = empty.new("playbooks/notice.yml", limit="all")
    empty.fitsom("change", "submit", number)
    told = empty.fitsom("change", "plan", number, code=1).error
    assert "no play of the playbook reaches it: its plays are for servers." in told
    assert "--limit" in told


@pytest.mark.record_only
def test_an_incident_is_seen_assigned_and_closed(empty: School) -> None:
    number = empty.approved("playbooks/failing.yml", limit="servers")
    empty.fitsom("run", "start", number, code=4)
    (incident,) = empty.fitsom("incident", "list").value
    assert (incident["host"], incident["change"], incident["closed_at"]) == ("srv2", number, None)
    told = empty.fitsom("incident", "list", json_answer=False).out
    assert "driver 7 is too old" in told
    assert max(map(len, told.splitlines())) < 200
    empty.fitsom("incident", "assign", "1", "tech")
    assert "what mended" in empty.fitsom("incident", "close", "1", code=2).error
    empty.fitsom("incident", "close", "1", "-m", "A newer driver was installed")
    assert empty.fitsom("incident", "list").value == []
    (closed,) = empty.fitsom("incident", "list", "--all", "--change", number).value
    assert (closed["assigned_to"], closed["resolution"]) == ("tech", "A newer driver was installed")
    report = empty.fitsom("report", "show", number).value
    assert [each["open"] for each in report["incidents"]] == [False]
    assert "1 incident is open" not in empty.fitsom("report", "show", number, json_answer=False).out
    assert empty.fitsom("audit", "verify").value["faults"] == []


@pytest.mark.record_only
def test_without_a_backout_playbook_the_words_of_the_change_are_shown(empty: School) -> None:
    number = empty.approved("playbooks/notice.yml", limit="servers")
    empty.fitsom("run", "start", number)
    assert "by hand" in empty.fitsom("run", "backout", number, "--yes", "-m", "wrong", code=3).error


@pytest.mark.record_only
def test_an_emergency_runs_at_once_and_owes_its_review(empty: School) -> None:
    number = empty.new("playbooks/notice.yml", limit="servers", type="emergency", minutes=(0, 0))
    empty.fitsom("change", "submit", number)
    empty.fitsom("change", "plan", number)
    assert empty.fitsom("run", "start", number, code=3).error
    empty.fitsom("change", "approve", number, acting_as="head")
    assert empty.fitsom("run", "start", number).value["status"] == "succeeded"
    following = empty.new("playbooks/notice.yml", limit="servers")
    assert "not been reviewed" in empty.fitsom("change", "submit", following, code=3).error
    assert "--side-effects" in empty.fitsom("change", "review", number, code=2).error
    empty.fitsom("change", "review", number, *REVIEW, "--notes", "The notice was needed at once")
    empty.fitsom("change", "submit", following)


@pytest.mark.record_only
def test_two_changes_that_share_a_host_do_not_run_at_once(empty: School) -> None:
    first_change = empty.approved()
    second_change = empty.approved(limit="pc5,pc6")
    run = empty.fitsom("run", "start", first_change, "--detach").value["id"]
    answer = empty.fitsom("run", "start", second_change, code=3)
    assert run in answer.error
    assert "pc5" in answer.error
    assert empty.fitsom("run", "watch", first_change).value["status"] == "succeeded"
    assert empty.fitsom("run", "start", second_change).value["status"] == "succeeded"
    assert empty.log("pc5") == ["begin 1", "end 1", "begin 2", "end 2", "begin 3", "end 3"] * 2
    assert empty.log("pc1") == ["begin 1", "end 1", "begin 2", "end 2", "begin 3", "end 3"]


@pytest.mark.record_only
def test_an_edit_moves_the_window_only_with_new_approval(approved: School) -> None:
    edited = approved.fitsom("change", "edit", "1", *window(-30, 200)).value
    assert (edited["state"], edited["version"]) == ("draft", 2)
    assert not [a for a in edited["approvals"] if a["counts"]]
    assert "draft" in approved.fitsom("run", "start", "1", code=3).error
    approved.fitsom("change", "submit", "1")
    approved.fitsom("change", "plan", "1")
    assert "planned" in approved.fitsom("run", "start", "1", code=3).error
    approved.fitsom("change", "approve", "1", acting_as="head")
    assert approved.fitsom("run", "start", "1").value["status"] == "succeeded"


@pytest.mark.record_only
def test_a_look_says_what_would_change_and_changes_nothing(empty: School) -> None:
    seen = empty.fitsom("look", "notice").value
    assert sorted(seen["hosts"]) == SERVERS
    assert all(body["items"] for body in seen["hosts"].values())
    shown = empty.fitsom("look", "playbooks/notice.yml", "--limit", "srv1", "--diff", json_answer=False).out
    assert "will: Write the notice" in shown
    assert "+Welcome" in shown
    assert "srv2" not in shown
    assert list(empty.truth.iterdir()) == []
    assert "no play of the playbook reaches it" in str(
        empty.fitsom("look", "notice", "--limit", "all", code=1).value["left_out"]
    )
    assert "playbooks/nothing.yml is not in commit" in empty.fitsom("look", "nothing", code=2).error
    assert [e["action"] for e in empty.fitsom("audit", "show", "notice").value] == ["look.started"] * 3
    assert empty.scalar("select count(*) from change") == 0


@pytest.mark.record_only
def test_records_are_saved_and_put_back_elsewhere(approved: School) -> None:
    number = approved.fitsom("run", "start", "1").value["change"]
    kept = approved.folder / "records.tar.gz"
    approved.fitsom("backup", str(kept))
    before = approved.fitsom("report", "show", number).value
    head = approved.fitsom("audit", "verify").value["head"]
    assert "already" in approved.fitsom("restore-records", str(kept), code=3).error
    approved.state.rename(approved.folder / "lost")
    back = approved.fitsom("restore-records", str(kept)).value
    assert back["head"] == head
    assert approved.fitsom("audit", "verify").value["faults"] == []
    again = approved.fitsom("report", "show", number).value
    assert {**again, "generated": "", "audit": ""} == {**before, "generated": "", "audit": ""}
    assert "succeeded" in approved.fitsom("run", "start", number, code=3).error
