"""Who may not, and what is not run: signatures, moved content, moved plans, bad requests."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest

from tests.acceptance.test_walk import SERVERS, notice
from tests.school import School, wait_until

PRIVATE = """\
all:
  vars:
    ansible_connection: local
    ansible_python_interpreter: "{{ ansible_playbook_python }}"
    truth: "{{ (playbook_dir ~ '/../../../../../../machines/truth') | realpath }}"
  children:
    servers:
      hosts:
        srv1: {notice: Closed at five}
        srv2: {}
"""


@pytest.mark.record_only
def test_nobody_approves_their_own_change(empty: School) -> None:
    text = (empty.site / "fitsom.yml").read_text()
    # A requester with every power there is: being an administrator changes nothing.
    everything = "request, plan, approve_proceed, peer_review, approve_implement, run, review"
    (empty.site / "fitsom.yml").write_text(
        text.replace("network_manager,", f"network_manager, powers: [{everything}],")
    )
    number = empty.planned("playbooks/notice.yml", limit="servers")
    answer = empty.fitsom("change", "approve", number, code=6)
    assert "Mary Manager requested this change" in answer.error
    assert "Henry Head" in answer.value["hint"]
    plain_answer = empty.fitsom("change", "approve", number, "--yes", code=6, json_answer=False)
    assert "way out:" in plain_answer.err
    assert empty.scalar("select state from change") == "planned"
    assert empty.scalar("select count(*) from approval") == 0
    assert "planned" in empty.fitsom("run", "start", number, code=3).error


@pytest.mark.record_only
def test_who_has_not_the_power_is_told_who_has(planned: School) -> None:
    answer = planned.fitsom("change", "approve", "1", acting_as="tech", code=6)
    assert "may not approve a change to be implemented" in answer.error
    assert "Henry Head" in answer.error


@pytest.mark.record_only
def test_the_login_name_is_not_taken_from_the_environment(planned: School) -> None:
    text = (planned.site / "fitsom.yml").read_text()
    (planned.site / "fitsom.yml").write_text(text.replace("role: head}", "role: head, os_user: henry}"))
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        planned.extra_env = {name: "henry"}
        assert planned.fitsom("change", "approve", "1", code=6).error
    assert planned.scalar("select count(*) from approval") == 0


@pytest.mark.record_only
def test_a_variable_that_playbooks_see_is_sealed_by_its_value(approved: School) -> None:
    number = str(approved.scalar("select number from change"))
    approved.extra_env = {"API_TOKEN": "another-t0ken"}
    told = approved.fitsom("run", "start", number, code=3).value
    assert told["refusal"] == ["the environment variable API_TOKEN was not set when the plan was taken"]
    assert list(approved.truth.iterdir()) == []
    written = [path.read_bytes() for path in approved.state.rglob("*") if path.is_file()]
    assert not any(b"another-t0ken" in text for text in written)


@pytest.mark.record_only
def test_acting_as_somebody_is_off_unless_the_school_allows_it(planned: School) -> None:
    text = (planned.site / "fitsom.yml").read_text()
    (planned.site / "fitsom.yml").write_text(
        text.replace("acting_as_allowed: true", "acting_as_allowed: false")
    )
    assert "switched off" in planned.fitsom("change", "approve", "1", acting_as="head", code=6).error


@pytest.mark.record_only
def test_a_lent_power_is_used_in_the_lenders_name(planned: School) -> None:
    assert planned.fitsom("change", "approve", "1", acting_as="deputy", code=6).error
    answer = planned.fitsom(
        "delegate", "give", "deputy", "--power", "approve_implement", "--reason", "x", code=6
    )
    assert "does not hold" in answer.error
    words = ["--power", "approve_implement", "--reason", "on a journey"]
    lent = planned.fitsom("delegate", "give", "deputy", *words, acting_as="head").value
    planned.fitsom("delegate", "give", "manager", *words, acting_as="head")
    assert planned.fitsom("change", "approve", "1", code=6).error, "the requester used a lent power"
    answer = planned.fitsom("delegate", "give", "tech", *words, acting_as="deputy", code=6)
    assert "does not hold" in answer.error, "what was lent was lent on"
    approved = planned.fitsom("change", "approve", "1", acting_as="deputy").value
    (signature,) = approved["approvals"]
    assert (signature["person"], signature["on_behalf_of"]) == ("deputy", "head")
    planned.fitsom("delegate", "revoke", str(lent["id"]), acting_as="head")
    run = planned.fitsom("run", "start", "1").value
    assert run["status"] == "succeeded"
    report = (planned.state / "runs" / run["id"] / "report.md").read_text()
    assert "Diana Deputy" in report


@pytest.mark.record_only
def test_a_revoked_power_is_gone(planned: School) -> None:
    words = ["--power", "approve_implement", "--reason", "on a journey"]
    lent = planned.fitsom("delegate", "give", "deputy", *words, acting_as="head").value
    planned.fitsom("delegate", "revoke", str(lent["id"]), acting_as="head")
    assert planned.fitsom("change", "approve", "1", acting_as="deputy", code=6).error


@pytest.mark.record_only
def test_exactly_the_approved_commit_runs_though_head_moved_on(approved: School) -> None:
    playbook = (approved.repo / "playbooks" / "notice.yml").read_text()
    approved.commit({"playbooks/notice.yml": playbook.replace("Welcome", "Never approved")})
    approved.write({"playbooks/notice.yml": playbook.replace("Welcome", "Not even committed")})
    assert approved.fitsom("run", "start", "1").value["status"] == "succeeded"
    assert [notice(approved, host) for host in SERVERS] == ["Welcome"] * 3


def test_a_template_is_compared_by_its_text_and_not_by_where_it_was_rendered(empty: School) -> None:
    playbook = (empty.repo / "playbooks" / "notice.yml").read_text()
    before, copy, after = playbook.partition("      ansible.builtin.copy:\n")
    assert copy
    following = after.partition("\n")[2]
    templated = f"{before}      ansible.builtin.template:\n        src: notice.j2\n{following}"
    empty.commit({"playbooks/notice.yml": templated, "playbooks/templates/notice.j2": "{{ notice }}"})
    number = empty.approved("playbooks/notice.yml", limit="servers", extra_var="notice=Closed")
    assert empty.fitsom("run", "start", number).value["status"] == "succeeded"
    assert [notice(empty, host) for host in SERVERS] == ["Closed"] * 3


MANY = """\
- hosts: servers
  gather_facts: false
  vars:
    folder: "{{ truth }}"
  tasks:
    - name: Many things
      ansible.builtin.debug: {msg: "{{ item }}"}
      loop: "{{ range(510) | list + [lookup('ansible.builtin.file', folder ~ '/last')] }}"
      changed_when: true
      tags: [fitsom_host_done]
"""


def test_the_last_of_many_things_is_approved_as_the_first_is(empty: School) -> None:
    empty.commit({"playbooks/many.yml": MANY})
    (empty.truth / "last").write_text("approved")
    number = empty.approved("playbooks/many.yml", limit="srv1")
    (empty.truth / "last").write_text("another")
    answer = empty.fitsom("run", "start", number, code=3).value
    assert answer["refusal"] == ["srv1: and 11 more (Many things) is predicted now and was not approved"]
    (empty.truth / "last").write_text("approved")
    number = empty.approved("playbooks/many.yml", limit="srv1")
    assert empty.fitsom("run", "start", number).value["status"] == "succeeded"


def test_a_private_host_variable_that_changed_is_refused_with_the_difference(tmp_path: Path) -> None:
    school = School(folder=tmp_path / "school", inventories=("../private",))
    school.folder.mkdir()
    (school.folder / "private").mkdir()
    hosts = school.folder / "private" / "hosts.yml"
    hosts.write_text(PRIVATE)
    school.build()
    number = school.approved("playbooks/notice.yml", limit="servers")
    hosts.write_text(PRIVATE.replace("five", "six"))
    answer = school.fitsom("run", "start", number, code=3).value
    assert answer["status"] == "refused"
    words = "\n".join(answer["refusal"])
    assert "hosts srv1" in words
    assert "srv2" not in words
    assert "private/0" in words
    assert notice(school, "srv1") == ""
    assert school.scalar("select state from change") == "submitted"
    assert "submitted" in school.fitsom("run", "start", number, code=3).error
    report = (school.state / "runs" / answer["id"] / "report.md").read_text()
    assert "hosts srv1:" in report
    school.fitsom("change", "plan", number)
    school.fitsom("change", "approve", number, acting_as="head")
    assert school.fitsom("run", "start", number).value["status"] == "succeeded"
    assert notice(school, "srv1") == "Closed at six"


@pytest.mark.record_only
@pytest.mark.parametrize("what", ["components", "components and seal", "playbook", "extra_vars", "commit"])
def test_records_changed_behind_our_back_are_refused(approved: School, what: str) -> None:
    other_commit = approved.commit(
        {
            "playbooks/notice.yml": (approved.repo / "playbooks/notice.yml")
            .read_text()
            .replace("Welcome", "Gotcha")
        }
    )
    components = json.loads(approved.scalar("select components from plan"))
    components["packages"]["srv1"] = {"openssl": "0.1"}
    with approved.database() as database:
        match what:
            case "components":
                database.execute("update plan set components = ?", [json.dumps(components)])
            case "components and seal":
                forged = "ab" * 32
                database.execute("update plan set components = ?, seal = ?", [json.dumps(components), forged])
            case "playbook":
                database.execute("update change set playbook = 'playbooks/take_down.yml'")
            case "extra_vars":
                database.execute("""update change set extra_vars = '{"notice": "Gotcha"}'""")
            case "commit":
                database.execute('update plan set "commit" = ?', [other_commit])
        database.commit()
    code = 3 if what == "components and seal" else 7  # the seal is compared with the approval's first
    answer = approved.fitsom("run", "start", "1", code=code)
    assert "CHG-2026-0001" in answer.error
    assert [notice(approved, host) for host in SERVERS] == [""] * 3
    assert not (approved.truth / "srv1.d").exists()


@pytest.mark.record_only
def test_a_signature_is_looked_at_and_not_only_the_state(planned: School) -> None:
    with planned.database() as database:
        database.execute("update change set state = 'scheduled'")
        database.commit()
    assert "lacks the signature" in planned.fitsom("run", "start", "1", code=3).error


@pytest.mark.record_only
def test_a_rewritten_audit_log_is_noticed(approved: School) -> None:
    forgery = "update audit_entry set actor = 'head' where action = 'change.new'"
    with approved.database() as database:
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            database.execute(forgery)
        for (trigger,) in database.execute(
            "select name from sqlite_master where type = 'trigger'"
        ).fetchall():
            database.execute(f'drop trigger "{trigger}"')  # whoever owns the file can do that
        database.execute(forgery)
        database.commit()
    assert "altered" in approved.fitsom("audit", "verify", code=7).error


def test_a_plan_that_moved_goes_back_to_the_approver(approved: School) -> None:
    for host in ("srv1", "srv2"):
        (approved.truth / f"{host}.d").mkdir()
        (approved.truth / f"{host}.d" / "notice").write_text("Somebody wrote this by hand\n")
    answer = approved.fitsom("run", "start", "1", code=3).value
    assert answer["status"] == "refused"
    words = "\n".join(answer["refusal"])
    assert "srv1" in words
    assert "was not approved" in words
    assert "srv3" not in words
    assert notice(approved, "srv1") == "Somebody wrote this by hand"
    assert not (approved.truth / "srv3.d").exists(), "a refused run touched a host"
    change = approved.change("1")
    assert change["state"] == "planned"
    assert not [a for a in change["approvals"] if a["counts"]]
    assert "planned" in approved.fitsom("run", "start", "1", code=3).error
    assert approved.fitsom("change", "approve", "1", code=6).error
    approved.fitsom("change", "approve", "1", "--seal", change["plan"]["seal"][:12], acting_as="head")
    assert approved.fitsom("run", "start", "1").value["status"] == "succeeded"
    assert [notice(approved, host) for host in SERVERS] == ["Welcome"] * 3


@pytest.mark.record_only
def test_an_approver_names_the_seal_they_saw(planned: School) -> None:
    assert (
        "taken again"
        in planned.fitsom("change", "approve", "1", "--seal", "0" * 12, acting_as="head", code=3).error
    )


@pytest.mark.record_only
@pytest.mark.parametrize("flags", [(), ("--yes",)])
@pytest.mark.parametrize("seal", ["", "0", "zzzzzzzzzzzz"])
def test_a_plan_is_not_approved_without_its_seal(planned: School, seal: str, flags: tuple[str, ...]) -> None:
    answer = planned.fitsom("change", "approve", "1", "--seal", seal, *flags, acting_as="head", code=None)
    assert "approved by its seal" in answer.error
    assert planned.scalar("select count(*) from approval") == 0


@pytest.mark.record_only
def test_uncommitted_content_gives_a_rehearsal_that_cannot_be_approved(empty: School) -> None:
    playbook = (empty.repo / "playbooks" / "notice.yml").read_text()
    empty.write({"playbooks/notice.yml": playbook.replace("Welcome", "In the making")})
    number = empty.new("playbooks/notice.yml", limit="servers")
    empty.fitsom("change", "submit", number)
    rehearsed = empty.fitsom("change", "plan", number).value
    assert rehearsed["seal"] == ""
    assert any("not committed: playbooks/notice.yml" in note for note in rehearsed["notes"])
    assert empty.scalar("select state from change") == "submitted"
    assert empty.fitsom("change", "approve", number, acting_as="head", code=3).error
    assert empty.fitsom("run", "start", number, code=3).error
    assert not (empty.truth / "srv1.d").exists()


@pytest.mark.record_only
def test_resume_refuses_what_was_not_approved(empty: School) -> None:
    number = empty.approved("playbooks/fragile.yml", limit="servers")
    assert empty.fitsom("run", "start", number, code=4).value["status"] == "failed"
    (empty.truth / "srv2.extra").touch()  # now the playbook foresees one thing more there
    answer = empty.fitsom("run", "resume", number, code=3).value
    assert answer["kind"] == "resume"
    assert answer["status"] == "refused"
    assert "srv2" in "\n".join(answer["refusal"])
    assert list(answer["hosts"]) == ["srv2"], "a host that is done is none of a resume's"
    assert not (empty.truth / "srv2.more").exists()


@pytest.mark.record_only
def test_bad_host_names_and_limits(empty: School) -> None:
    for limit in ("nosuchhost", "servers:!servers", "srv1;touch hacked", "--list-hosts", "@/etc/hostname"):
        number = empty.new("playbooks/notice.yml", limit=limit) if not limit.startswith("-") else ""
        if not number:
            new_change = empty.fitsom(
                "change",
                "new",
                "--title",
                "Odd",
                "--playbook",
                "playbooks/notice.yml",
                f"--limit={limit}",
                code=None,
            )
            assert new_change.code in (0, 2)
            continue
        answer = empty.fitsom("change", "plan", number, code=None)
        assert answer.code in (1, 2, 3), (limit, answer)
        assert "Traceback" not in answer.err, answer.err
        assert answer.value["hint"], limit
    assert list(empty.truth.iterdir()) == []


@pytest.mark.record_only
def test_a_broken_playbook_gives_a_clear_error(empty: School) -> None:
    empty.commit({"playbooks/broken.yml": "- name: Broken\n  hosts: servers\n  tasks:\n    - x: [1\n"})
    number = empty.new("playbooks/broken.yml", limit="servers")
    answer = empty.fitsom("change", "plan", number, code=None)
    assert answer.code in (1, 2)
    assert "Traceback" not in answer.err
    assert "broken.yml" in answer.error
    assert "srv1" in answer.error or "syntax" in answer.error.lower()


@pytest.mark.record_only
def test_a_playbook_outside_the_repository_is_no_playbook(empty: School) -> None:
    for playbook in ("/etc/passwd", "playbooks/../../x.yml", "playbooks/missing.yml"):
        answer = empty.fitsom("change", "new", "--title", "Odd one", "--playbook", playbook, code=None)
        if answer.code == 0:
            answer = empty.fitsom("change", "plan", answer.value["number"], code=2)
            assert "not in commit" in answer.error
        else:
            assert answer.code == 2
            assert "playbook" in answer.error


def test_an_input_runs_as_it_was_approved_or_not_at_all(empty: School, tmp_path: Path) -> None:
    text = tmp_path / "text"
    text.write_text("Approved")
    number = empty.approved("playbooks/notice.yml", limit="servers", input=f"text={text}")
    text.write_text("Put there afterwards")
    answer = empty.fitsom("run", "start", number, code=3).value
    assert any(reason.startswith("inputs text: ") for reason in answer["refusal"])
    assert [notice(empty, host) for host in SERVERS] == [""] * 3
    empty.fitsom("change", "plan", number)
    empty.fitsom("change", "approve", number, acting_as="head")
    assert empty.fitsom("run", "start", number).value["status"] == "succeeded"
    assert [notice(empty, host) for host in SERVERS] == ["Put there afterwards"] * 3
    wait_until(lambda: not list(empty.state.rglob("text")), "a copy of the input was left behind")
