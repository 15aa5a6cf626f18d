"""What a head teacher reads."""

from dataclasses import replace

import pytest

from fitsom_runner.changes.prediction import DifferenceKind
from fitsom_runner.changes.states import State
from fitsom_runner.execution.states import Outcome, RunKind, RunStatus
from fitsom_runner.facts import Finding, Object, Reboot, Severity
from fitsom_runner.reports import verdict as verdicts
from fitsom_runner.reports import words
from fitsom_runner.reports.facts import gather
from fitsom_runner.reports.kinds import FailureKind
from fitsom_runner.reports.model import Difference, EarlierRun, PredictedSetting, Report
from fitsom_runner.reports.verdict import Tone
from tests.unit.reports import samples


def test_a_plan_reads_as_one_sentence() -> None:
    assert words.summary(samples.plan_only()) == (
        "19 security updates will be installed on 2 servers; the file server restarts once, "
        "about 5 minutes without files, Friday 6 November, 18:00\u201319:00."
    )


def settings(*tasks: str) -> tuple[PredictedSetting, ...]:
    return tuple(PredictedSetting(task=task) for task in tasks)


def test_a_plan_without_updates_says_how_many_settings_it_changes() -> None:
    hosts = (
        replace(
            samples.web_server(), result=None, packages=(), differences=(), foreseen=settings("One", "Two")
        ),
        replace(
            samples.file_server(), result=None, packages=(), differences=(), reboot=Reboot(), foreseen=()
        ),
    )
    report = replace(samples.plan_only(), hosts=hosts)
    assert words.summary(report).startswith("2 settings will be changed on 1 server, ")
    assert words.planned_work(report, gather(report)) == [
        "One, on the intranet server",
        "Two, on the intranet server",
    ]


def test_a_run_without_updates_says_how_many_settings_it_changed() -> None:
    came = (
        Difference(task="One", what="One", kind=DifferenceKind.AS_PREDICTED),
        Difference(task="Two", what="Two", kind=DifferenceKind.DID_NOT_HAPPEN),
    )
    host = replace(samples.web_server(), packages=(), differences=came)
    assert words.summary(replace(samples.succeeded(), hosts=(host,))) == "1 setting was changed on 1 server."


def test_a_run_that_only_proves_something_says_what_it_showed() -> None:
    host = replace(samples.web_server(), packages=(), differences=(), notes=("50 of 50 files came back.",))
    report = replace(samples.succeeded(), hosts=(host,))
    assert words.evidence(report, gather(report)) == ["the intranet server: 50 of 50 files came back."]
    updated = replace(samples.succeeded(), hosts=(replace(host, packages=samples.packages(1)),))
    assert words.evidence(updated, gather(updated)) == []


def test_of_many_tasks_the_first_are_named_and_the_others_counted() -> None:
    host = replace(samples.web_server(), foreseen=settings(*(f"Task {number}" for number in range(30))))
    report = replace(samples.plan_only(), hosts=(host,))
    lines = words.planned_work(report, gather(report))
    assert len(lines) == 13
    assert lines[-1] == "and 18 more, in the list below"


def test_a_run_is_told_in_the_past() -> None:
    assert words.summary(samples.succeeded()) == (
        "19 security updates were installed on 2 servers; the file server restarted once, "
        "about 2 minutes without files."
    )


def test_one_update_on_one_server_is_singular() -> None:
    host = replace(samples.web_server(), packages=samples.packages(1))
    assert (
        words.summary(replace(samples.succeeded(), hosts=(host,)))
        == "1 security update was installed on 1 server."
    )


def test_other_updates_are_counted_apart_from_security() -> None:
    host = replace(samples.web_server(), packages=samples.packages(3, security=1))
    text = words.summary(replace(samples.succeeded(), hosts=(host,)))
    assert text == "1 security update and 2 other updates were installed on 1 server."


def test_without_hosts_nothing_is_claimed() -> None:
    assert words.summary(replace(samples.succeeded(), hosts=())) == "No package was changed."
    assert words.summary(replace(samples.plan_only(), hosts=())).startswith("No package will change")


def test_two_restarts_name_both_and_four_are_counted() -> None:
    host = replace(samples.web_server(), packages=(), reboot=Reboot(done=True, seconds=90))
    two = words.summary(replace(samples.succeeded(), hosts=(host, replace(host, label="the print server"))))
    assert "the intranet server and the print server restarted once each, about 2 minutes without" in two
    four = words.summary(replace(samples.succeeded(), hosts=(host,) * 4))
    assert "4 servers restarted once each" in four


def test_mixed_devices_are_machines() -> None:
    hosts = (samples.file_server(), replace(samples.web_server(), device="computer"))
    assert "2 machines" in words.summary(replace(samples.succeeded(), hosts=hosts))


def test_a_backout_says_that_packages_went_back() -> None:
    assert "10 packages were taken back to the earlier version on 1 server" in words.summary(
        samples.backed_out()
    )


def test_an_interrupted_run_does_not_claim_to_know() -> None:
    report = samples.interrupted()
    assert words.summary(report).endswith("what was done on the file server is not known.")
    assert words.affected(report, gather(report))[0] == "No restart was recorded."
    assert "its end was not recorded" in words.timing(report)


def with_incident(report: Report) -> Report:
    """More is open than the review, which is owed after every success."""
    return replace(report, incidents=samples.failed().incidents)


@pytest.mark.parametrize(
    ("report", "tone", "title"),
    [
        (samples.reviewed(), Tone.GOOD, "It worked"),
        (samples.succeeded(), Tone.GOOD, "It worked"),
        (with_incident(samples.succeeded()), Tone.GOOD, "It worked; something is still open"),
        (samples.failed(), Tone.WARN, "It worked only in part"),
        (samples.backed_out(), Tone.WARN, "It was taken back"),
        (samples.interrupted(), Tone.BAD, "The run was cut short"),
        (samples.plan_only(), Tone.PLAN, "This will happen if you approve"),
        (samples.big(10, 10), Tone.WARN, "It worked only in part"),
    ],
)
def test_the_verdict_answers_whether_it_worked(report: Report, tone: Tone, title: str) -> None:
    verdict = verdicts.verdict(report)
    assert (verdict.tone, verdict.title) == (tone, title)


def test_the_verdict_counts_what_did_not_get_done() -> None:
    assert verdicts.verdict(samples.failed()).text == (
        "1 of 4 servers is done. 1 failed, 1 could not be reached and 1 not touched."
    )


def test_no_host_done_means_it_did_not_work() -> None:
    hosts = tuple(replace(host, result=Outcome.FAILED) for host in samples.failed().hosts)
    assert verdicts.verdict(replace(samples.failed(), hosts=hosts)).title == "It did not work"


def test_a_success_beside_the_plan_is_not_called_a_plain_success() -> None:
    surprised = replace(samples.succeeded(), hosts=samples.failed().hosts[:1])
    verdict = verdicts.verdict(surprised)
    assert (verdict.tone, "1 unpredicted change happened" in verdict.text) == (
        Tone.WARN,
        True,
    )


def test_a_rejected_plan_does_not_ask_for_approval() -> None:
    report = replace(samples.plan_only(), change=samples.change(State.REJECTED))
    assert verdicts.verdict(report).title == "Rejected: nothing will be done"


def backup_finding(severity: Severity, number: int = 1) -> Finding:
    return Finding(kind="backup-stale", severity=severity, ci=f"set{number}", what="The last backup is old.")


def test_what_was_found_is_open_worst_first_and_the_merely_informational_is_not() -> None:
    host = replace(
        samples.web_server(),
        findings=(
            backup_finding(Severity.INFORMATIONAL, 1),
            backup_finding(Severity.WARNING, 2),
            backup_finding(Severity.EXCEPTION, 3),
        ),
    )
    report = replace(samples.reviewed(), hosts=(host,))
    assert verdicts.open_points(report) == ("set3: The last backup is old.", "set2: The last backup is old.")
    assert verdicts.verdict(report).title.endswith("something is still open")
    assert gather(report).notable, "somebody should look at this host"


def test_many_findings_are_counted() -> None:
    host = replace(
        samples.web_server(), findings=tuple(backup_finding(Severity.WARNING, number) for number in range(8))
    )
    points = verdicts.open_points(replace(samples.reviewed(), hosts=(host,)))
    assert len(points) == 6
    assert points[-1] == "3 further findings are in the list below."


def test_open_points_name_hosts_restarts_services_incidents_and_the_review() -> None:
    assert verdicts.open_points(samples.failed()) == (
        "The file server failed and needs a technician.",
        "The print server could not be reached and still needs the change.",
        "dns1 was not touched and still needs the change.",
        "Still to restart: the file server.",
        "Not running after the work: smbd.service on the file server.",
        "2 incidents are open: INC-2026-0031 and INC-2026-0032.",
        "The review of this change is still to be written.",
    )
    assert verdicts.open_points(samples.reviewed()) == ()


def test_many_open_hosts_are_counted_not_listed() -> None:
    assert "and 7 others failed and need a technician" in verdicts.open_points(samples.big(1000, 1000))[0]


def test_a_delegated_approval_names_both() -> None:
    text = words.approval(samples.approvals()[2], "Europe/London")
    assert "by John Thornton (Deputy head) on behalf of Margaret Hale (Head teacher)" in text


def test_work_outside_the_window_is_said() -> None:
    early = samples.change()
    changed_report = replace(early, window=samples.window(samples.START.replace(hour=20)))
    assert "outside the approved window" in words.timing(replace(samples.succeeded(), change=changed_report))
    assert "outside" not in words.timing(samples.succeeded())


@pytest.mark.parametrize("kind", list(FailureKind))
def test_every_failure_has_steps(kind: FailureKind) -> None:
    steps = words.next_steps(kind, "srv1", "CHG-2026-0001")
    assert len(steps) >= 2
    assert any("srv1" in step.text + step.command for step in steps)


def test_advice_quotes_what_goes_into_a_command() -> None:
    commands = [step.command for step in words.next_steps(FailureKind.UNREACHABLE, "a; reboot", "C")]
    assert "ping -c 3 'a; reboot'" in commands


def test_accounts_are_counted_by_what_is_done_to_them() -> None:
    objects = [
        Object(kind=kind, id=f"p-{number}", action=action, group=group)
        for number, (kind, action, group) in enumerate(
            [("user", "create", "Year 7")] * 3
            + [("group", "create", "Classes")]
            + [("user", "disable", "Leavers")]
        )
    ]
    host = replace(samples.web_server(), packages=(), differences=(), reboot=Reboot(), objects=tuple(objects))
    assert words.summary(replace(samples.succeeded(), hosts=(host,))) == (
        "3 accounts and 1 group were created; 1 account was switched off."
    )
    planned = words.summary(replace(samples.plan_only(), hosts=(host,)))
    assert planned.startswith(
        "3 accounts and 1 group will be created; 1 account will be switched off, Friday"
    )


def test_what_a_plan_does_to_each_thing_is_said_where_they_are_few() -> None:
    queue = Object(kind="queue", id="library", action="create", what="place: Library; may print: teachers")
    rule = Object(kind="firewall rule", id="web", action="add")
    odd = Object(kind="queue", id="attic", action="paint")
    host = replace(samples.web_server(), packages=(), reboot=Reboot(), objects=(queue, rule, odd))
    report = replace(samples.plan_only(), hosts=(host,))
    assert words.planned_work(report, gather(report)) == [
        f"Create the queue library (place: Library; may print: teachers), on {words.host_label(host)}",
        f"Add the firewall rule web, on {words.host_label(host)}",
        f"Paint the queue attic, on {words.host_label(host)}",
    ]
    assert words.summary(report).startswith(
        "1 queue will be created; 1 firewall rule will be added; 1 queue will be touched (paint)"
    )
    identity = replace(rule, what="Let in: pupils, for https")
    past = [
        replace(identity, id=number, action=action) for number, action in (("1", "remove"), ("2", "change"))
    ]
    report = replace(report, hosts=(replace(host, objects=(queue, identity, *past)),))
    assert words.planned_work(report, gather(report))[:3] == [
        f"{lines}et in: pupils, for https, on {words.host_label(host)}"
        for lines in ("L", "No longer l", "From now on l")
    ]
    many_objects = tuple(replace(queue, id=f"q{number}") for number in range(words.MANY_TASKS + 1))
    report = replace(report, hosts=(replace(host, objects=many_objects),))
    assert words.planned_work(report, gather(report)) == []
    many_objects = tuple(
        replace(identity, what=f"Let in: zone{number}") for number in range(words.MANY_TASKS + 5)
    )
    report = replace(report, hosts=(replace(host, objects=many_objects),))
    assert words.planned_work(report, gather(report))[-1] == "and 5 more, in the list below"


def test_a_back_out_says_who_why_and_what_is_open_again() -> None:
    (host,) = samples.backed_out().hosts
    report = replace(samples.backed_out(), hosts=(replace(host, reopened=samples.packages(3)),))
    assert report.run is not None
    told = replace(report, run=replace(report.run, reason="printing stopped"))
    text = verdicts.verdict(told).text
    assert text.startswith("1 of 1 server is taken back.")
    assert text.endswith("had it taken back: Printing stopped.")
    assert "3 security updates are not installed any more on 1 server" in verdicts.open_points(told)[0]
    assert "no reason is recorded" in verdicts.verdict(report).text.lower()
    failed = replace(told, run=replace(report.run, outcome=RunStatus.FAILED))
    nobody = replace(failed, hosts=(replace(host, result=Outcome.FAILED),))
    assert verdicts.verdict(failed).title == "It was taken back only in part"
    assert verdicts.verdict(nobody).title == "It could not be taken back"
    assert "could not be taken back and needs a technician" in verdicts.open_points(nobody)[0]


def test_the_runs_before_are_told_with_how_they_left_each_host() -> None:
    run = samples.succeeded().run
    assert run is not None
    before = EarlierRun(
        id="CHG-2026-0001-run1",
        kind=RunKind.APPLY,
        outcome=RunStatus.FAILED,
        started=run.started,
        by=run.by,
        results=(("files1", Outcome.DONE), ("print1", Outcome.UNREACHABLE)),
    )
    (line,) = verdicts.earlier_runs(replace(samples.succeeded(), earlier=(before,)))
    assert line.startswith("It ran, Friday 6 November 2026, ")
    assert "failed. Done: " in line
    assert "unreachable: print1. (CHG-2026-0001-run1)" in line
    refused = replace(
        before, kind=RunKind.RESUME, outcome=RunStatus.REFUSED, refusal=("a package has moved",)
    )
    (line,) = verdicts.earlier_runs(replace(samples.succeeded(), earlier=(refused,)))
    assert "refused. A package has moved. (" in line


def test_who_has_to_decide_reads_how_and_until_when() -> None:
    report = samples.plan_only()
    lines = words.how_to_answer(report)
    assert lines[0].startswith("Before Friday 6 November 2026, 18:00")
    assert f"fitsom change approve {report.change.number}" in lines[1]
    assert f"fitsom change reject {report.change.number}" in lines[2]
    assert words.how_to_answer(replace(report, awaiting=())) == []


def test_a_condition_of_an_approver_is_in_plain_english() -> None:
    signature = replace(samples.approvals()[0], comment="Tell the exams office before you start")
    assert words.approval(signature, "Europe/London").endswith(
        "not signed. \u201cTell the exams office before you start\u201d"
    )
