"""What a plan and a run see of the machine, whom they may reach, and who writes their record."""

from __future__ import annotations

import re
import signal
from pathlib import Path

import pytest

from tests.school import Answer, School, finished, kill, wait_until

HEAD = """\
- name: Try it
  hosts: rooms
  gather_facts: false
"""
#: Ways for content to take in a file that nobody approved. OUTSIDE is a folder of the machine. Templates, since a
#: path that is written out is refused before the room is entered (ansible/outside.py).
WAYS_OUT = (
    "ansible.builtin.debug: {msg: \"{{ lookup('ansible.builtin.file', '' ~ 'OUTSIDE/task.yml') }}\"}",
    "ansible.builtin.include_tasks: \"{{ '' }}OUTSIDE/task.yml\"",
    "ansible.builtin.include_vars: {file: \"{{ '' }}OUTSIDE/task.yml\"}",
    "ansible.builtin.copy: {src: \"{{ '' }}OUTSIDE/task.yml\", dest: /tmp/x, mode: '0600'}",
    "ansible.builtin.template: {src: \"{{ '' }}OUTSIDE/task.yml\", dest: /tmp/x, mode: '0600'}",
    "ansible.builtin.assemble: {src: \"{{ '' }}OUTSIDE/task.yml\", dest: /tmp/x, mode: '0600', remote_src: false}",
)
#: Ways to work elsewhere than on the hosts of the change.
ELSEWHERE = "vars: {ansible_host: 192.0.2.7, ansible_connection: ssh}"
WAYS_AWAY = (
    "{ansible.builtin.ping: , delegate_to: srv1}",
    '{ansible.builtin.ping: , delegate_to: "{{ groups.servers | first }}"}',
    "{ansible.builtin.ping: , delegate_to: 192.0.2.7}",
    f"{{ansible.builtin.ping: , {ELSEWHERE}}}",
    f"{{ansible.builtin.ping: , delegate_to: localhost, {ELSEWHERE}}}",
    "{ansible.builtin.ping: , delegate_to: pc1, vars: {ansible_host: 192.0.2.7, ansible_connection: ssh}}",
)
APPENDS = """\
- name: Say that all is well, and end Ansible before it says otherwise
  hosts: rooms
  gather_facts: false
  tasks:
    - name: Look for the record, from the room
      ansible.builtin.raw: >-
        { find / -xdev -name "ledger.jsonl*" 2>/dev/null; find / -name record -type s 2>/dev/null;
        cat /proc/[0-9]*/environ 2>/dev/null | tr "\\0" "\\n" | grep FITSOM; ls -l /proc/[0-9]*/fd 2>/dev/null |
        grep socket; } > "{{ truth }}/{{ inventory_hostname }}.found";
        for way in "$LEDGER" /run/fitsom/record; do echo '{"e":"done","h":"pc1"}' >> "$way"; done;
        kill -KILL $PPID; pkill -KILL -f ansible-playbook; exit 1
"""


def plays(tasks: str) -> str:
    return f"{HEAD}  tasks:\n    {tasks}\n"


def one_each(ways: tuple[str, ...]) -> str:
    """Each machine tries another way."""
    tasks = (
        f"    - when: inventory_hostname == 'pc{number}'\n      block:\n        - {way}\n"
        for number, way in enumerate(ways, 1)
    )
    return f"{HEAD}  tasks:\n{''.join(tasks)}"


@pytest.fixture(scope="module")
def outside(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("outside")
    (folder / "task.yml").write_text("{found: canary-of-the-machine}\n")
    return folder


@pytest.fixture(scope="module")
def school(outside: Path, tmp_path_factory: pytest.TempPathFactory) -> School:
    made = School(folder=tmp_path_factory.mktemp("room") / "school")
    files = {
        "playbooks/ways_out.yml": one_each(WAYS_OUT).replace("OUTSIDE", str(outside)),
        "playbooks/ways_away.yml": one_each(WAYS_AWAY),
        "playbooks/vars_files.yml": plays('- ansible.builtin.debug: {msg: "{{ found }}"}').replace(
            "  tasks", f"  vars_files: [\"{{{{ '' }}}}{outside}/task.yml\"]\n  tasks"
        ),
        "playbooks/appends.yml": APPENDS,
    }
    return made.build(files)


def reasons(answer: Answer) -> dict[str, str]:
    """{host: why it could not be planned}."""
    return dict(detail.split(": ", 1) for detail in answer.value["details"])


def test_a_file_of_the_machine_is_not_there_and_the_way_to_have_it_is_told(
    school: School, outside: Path
) -> None:
    answer = school.fitsom("change", "plan", school.new("playbooks/ways_out.yml"), code=1)
    assert "canary-of-the-machine" not in answer.out + answer.err
    advised = {host for host, why in reasons(answer).items() if f"--input NAME={outside}/task.yml" in why}
    assert advised == {f"pc{number}" for number in range(1, len(WAYS_OUT) + 1)}


def test_variables_of_the_machine_are_not_there_either(school: School) -> None:
    answer = school.fitsom("change", "plan", school.new("playbooks/vars_files.yml", limit="pc1"), code=1)
    assert "canary-of-the-machine" not in answer.out + answer.err


def test_no_host_but_those_of_the_change_is_reached(school: School) -> None:
    number = school.new("playbooks/ways_away.yml")
    answer = school.fitsom("change", "plan", number, code=1)
    (entry,) = school.fitsom("audit", "show", f"{number}-v1-plan1").value
    assert entry["action"] == "plan.started", "a plan that failed is on record as well"
    assert entry["detail"] == {
        "commit": school.git("rev-parse", "HEAD"),
        "hosts": [f"pc{n}" for n in range(1, 7)],
    }
    refused = {host for host, why in reasons(answer).items() if "Refused: it would " in why}
    assert refused == {f"pc{number}" for number in range(1, len(WAYS_AWAY) + 1)}


def test_a_host_that_a_playbook_adds_is_not_reached(school: School) -> None:
    second = HEAD.replace("rooms", "made_up")
    added = f"- ansible.builtin.add_host: {{name: srv1, groups: made_up}}\n{second}  tasks: [ansible.builtin.ping: ]"
    school.commit({"playbooks/added.yml": plays(added)})
    number = school.new("playbooks/added.yml", limit="pc1")
    hosts = school.fitsom("change", "plan", number).value["hosts"]
    assert list(hosts) == ["pc1"]


def test_what_a_task_runs_cannot_write_the_record(school: School) -> None:
    number = school.approved("playbooks/appends.yml", limit="pc1")
    run = f"{number}-run1"
    school.extra_env["LEDGER"] = str(school.ledger(run))
    school.fitsom("run", "start", number, code=None)
    found = (school.truth / "pc1.found").read_text()
    assert [line for line in found.splitlines() if not line.startswith("FITSOM_")] == []
    answer = school.change(number)
    assert answer["state"] in ("failed", "interrupted")
    assert answer["runs"][0]["hosts"]["pc1"]["outcome"] in ("failed", "unknown")
    school.nothing_left()


#: Really does something while only a plan is taken, in ways that hide it: each machine another.
REALLY = """ansible.builtin.raw: 'touch "{{ truth }}/{{ inventory_hostname }}.done"', changed_when: false"""
CHECKED = (
    f"{{{REALLY}, check_mode: false}}",
    f'{{{REALLY}, check_mode: "{{{{ 1 == 2 }}}}"}}',
    f"{{{REALLY}, check_mode: false, ignore_errors: true}}",
    f"{{block: [{{{REALLY}}}], check_mode: false, rescue: [ansible.builtin.ping: ]}}",
)


@pytest.mark.parametrize("committed", [True, False])
def test_nothing_is_really_done_for_a_plan(school: School, committed: bool) -> None:
    path = {"playbooks/checked.yml": one_each(CHECKED)}
    if committed:
        school.commit(path)
    else:
        school.commit({"playbooks/checked.yml": plays("- ansible.builtin.ping:")})
        school.write(path)
    number = school.new("playbooks/checked.yml")
    refused = reasons(school.fitsom("change", "plan", number, code=1))
    assert list(school.truth.glob("*.done")) == []
    # Also where the playbook ignores or rescues it.
    assert list(refused) == ["pc1", "pc2", "pc3", "pc4"]
    assert all("Refused: it says 'check_mode: false'" in why for why in refused.values())


def test_the_daily_look_really_does_nothing(school: School) -> None:
    school.commit({"playbooks/health.yml": one_each(CHECKED)})
    school.fitsom("health", code=None)
    assert list(school.truth.glob("*.done")) == []
    assert "health.started" in {entry["action"] for entry in school.fitsom("audit", "show").value}


def test_a_module_in_somebodys_home_is_not_seen(school: School) -> None:
    module = school.folder / "home/.ansible/collections/ansible_collections/odd/one/plugins/modules/touch.py"
    module.parent.mkdir(parents=True)
    module.write_text(f"open({str(school.truth / 'of.home')!r}, 'w')\nprint('{{}}')\n")
    school.commit({"playbooks/of_home.yml": plays("- {odd.one.touch: , check_mode: false}")})
    answer = school.fitsom("change", "plan", school.new("playbooks/of_home.yml", limit="pc1"), code=1)
    assert "odd.one.touch" in answer.error
    assert not (school.truth / "of.home").exists()


def test_it_is_done_once_a_second_person_has_accepted_the_content(school: School) -> None:
    school.commit({"playbooks/accepted.yml": plays(f"- {CHECKED[0]}")})
    number = school.new("playbooks/accepted.yml", limit="pc3")
    school.fitsom("content", "accept")  # the requester's own does not count
    assert "fitsom content accept" in school.fitsom("change", "plan", number, code=1).error
    assert not (school.truth / "pc3.done").exists()
    school.fitsom("content", "accept", acting_as="deputy", code=6)  # an auditor may not
    school.fitsom("content", "accept", acting_as="tech")
    school.fitsom("change", "plan", number)
    assert (school.truth / "pc3.done").exists()
    entries = school.fitsom("audit", "show").value
    actions = [entry["action"] for entry in entries if entry["action"] != "checkpoint.key"]
    assert actions[-3:] == ["content.accepted", "plan.started", "change.rehearsed"]


def test_a_killed_plan_leaves_neither_processes_nor_a_roster(school: School, tmp_path: Path) -> None:
    roster = tmp_path / "roster.csv"
    roster.write_text("canary-pupil\n")
    waiting = "- {ansible.builtin.pause: {seconds: 300}, check_mode: false}"
    school.commit({"playbooks/slow.yml": plays(waiting)})
    number = school.new("playbooks/slow.yml", limit="pc1", input=f"roster={roster}")
    planning = school.popen("change", "plan", number)
    copies = school.state / "work"
    wait_until(lambda: list(copies.rglob("roster.csv")), "the copy of the roster")
    wait_until(school.left_over, "Ansible")
    kill(planning.pid)
    assert finished(planning, None).code == -signal.SIGKILL
    school.nothing_left()
    school.fitsom("change", "list")
    assert list(copies.iterdir()) == []


def test_no_program_runs_in_the_open_unless_the_report_says_so(school: School) -> None:
    text = (school.site / "fitsom.yml").read_text()
    opened = re.sub("(?m)^sandbox: .*", "sandbox: off", text)
    (school.site / "fitsom.yml").write_text(opened)
    try:
        number = school.approved("playbooks/notice.yml", limit="srv1")
        assert school.fitsom("run", "start", number).value["status"] == "succeeded"
        page = school.fitsom("report", "show", number, json_answer=False).out
        assert "could see the whole machine" in page
        findings = {row["check"]: row for row in school.fitsom("doctor", code=None).value}
        assert not findings["closed room"]["ok"]
    finally:
        (school.site / "fitsom.yml").write_text(text)


def test_a_plugin_that_would_write_the_record_itself_is_refused(school: School) -> None:
    school.commit({"playbooks/callback_plugins/other.py": "class CallbackModule: pass\n"})
    number = school.new("playbooks/steps.yml", limit="pc1")
    try:
        assert (
            "playbooks/callback_plugins/other.py" in school.fitsom("change", "plan", number, code=None).error
        )
    finally:
        school.repo.joinpath("playbooks/callback_plugins/other.py").unlink()
        school.commit({})
