"""What a plan says of steps that it cannot predict, and a run's record of whatever else Ansible does.

The machines write into the folder `truth`; the first tasks are what people reported of other runners.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.school import School, wait_until

HEAD = """\
- name: {name}
  hosts: {hosts}
  gather_facts: false
{more}  tasks:
"""
DONE = "    - {name: Done, ansible.builtin.debug: {msg: done}, tags: [fitsom_host_done]}\n"
#: Says beforehand that it changes nothing, and changes something.
LIAR = """\
#!/usr/bin/python
from ansible.module_utils.basic import AnsibleModule

module = AnsibleModule(argument_spec={"path": {}}, supports_check_mode=True)
if not module.check_mode:
    with open(module.params["path"], "a") as stream:
        stream.write("lied\\n")
module.exit_json(changed=not module.check_mode)
"""


def write(name: str, word: str, more: str = "") -> str:
    """A task that check mode predicts: a file of the machine."""
    path = f'"{{{{ truth }}}}/{{{{ inventory_hostname }}}}.{word}"'
    return (
        f"    - name: {name}\n      ansible.builtin.copy:\n"
        f'        {{dest: {path}, content: "", mode: "0600"}}\n'
        + "".join(f"      {line}\n" for line in more.splitlines())
    )


def shell(name: str, word: str, more: str = "") -> str:
    """A task that it does not predict."""
    return (
        f"    - name: {name}\n"
        f'      ansible.builtin.shell: echo {word} >> "{{{{ truth }}}}/{{{{ inventory_hostname }}}}"\n'
        + "".join(f"      {line}\n" for line in more.splitlines())
    )


def play(*tasks: str, name: str = "The play", hosts: str = "rooms", more: str = "") -> str:
    return HEAD.format(name=name, hosts=hosts, more=more) + "".join(tasks)


BLIND = play(
    write("Predicted", "predicted"),
    shell("Empty the old homes", "emptied", "register: emptied"),
    shell("Say that nothing changes", "silently", "changed_when: false"),
    write("Write it up", "written", "when: emptied is changed"),
    shell("Not in a plan", "really", "when: not ansible_check_mode"),
    "    - name: Try\n      block:\n        - {name: Look, ansible.builtin.command: 'false', check_mode: true}\n"
    "      rescue:\n"
    "        - name: Put it back\n"
    '          ansible.builtin.shell: echo back >> "{{ truth }}/{{ inventory_hostname }}"\n',
    write("Notify", "notified", "notify: Follow"),
    DONE,
    more="  handlers:\n" + shell("Follow", "followed"),
)
LOOP = play(
    "    - name: Remove accounts\n"
    "      ansible.builtin.file: {path: '{{ truth }}/{{ inventory_hostname }}.{{ item }}', state: absent}\n"
    "      loop: [leaver, teacher, head]\n      loop_control: {label: account}\n",
    "    - name: Write secrets\n"
    "      ansible.builtin.copy:\n"
    "        {content: x, dest: '{{ truth }}/{{ inventory_hostname }}.{{ item }}.key', mode: '0600'}\n"
    "      loop: [one, two]\n      no_log: true\n",
    DONE,
)
LIES = play(
    "    - {name: Look around, liar: {path: '{{ truth }}/{{ inventory_hostname }}'}}\n",
    write("Next", "next"),
    DONE,
)
TORN = play(
    "    - name: Make files\n"
    '      ansible.builtin.shell: echo {{ item }} >> "{{ truth }}/{{ inventory_hostname }}"; [ {{ item }} != c ]\n'
    "      loop: [a, b, c, d]\n",
    DONE,
)
FATAL = play(
    write("First", "first"),
    "    - {name: Fail on one, ansible.builtin.raw: 'false', when: inventory_hostname == 'pc2'}\n",
    write("Last", "last"),
    more="  any_errors_fatal: true\n",
)
TWO_PLAYS = play(write("Once", "one"), DONE, name="One") + play(
    write("Again", "two"),
    "    - name: Hold\n      ansible.builtin.raw: 'while [ -e \"{{ truth }}.hold\" ]; do sleep 0.05; done'\n",
    write("And again", "three"),
    DONE,
    name="Two",
)
OWED = play(
    write("Change the settings", "settings", "notify: Restart the service"),
    "    - {name: Fail, ansible.builtin.raw: 'false'}\n",
    DONE,
    more="  handlers:\n" + shell("Restart the service", "restarted"),
)
BACKGROUND = play(
    "    - name: Wait for it\n"
    '      ansible.builtin.file: {path: "{{ truth }}/{{ inventory_hostname }}.waited", state: touch}\n'
    "      async: 60\n      poll: 1\n",
    "    - name: Start it only\n      ansible.builtin.command: sleep 1\n      async: 60\n      poll: 0\n",
    DONE,
)
NOBODY = play(write("Elsewhere", "elsewhere"), name="For the servers", hosts="servers") + play(
    write("Here", "here"), DONE
)
PAUSE = play("    - {name: Ask, ansible.builtin.pause: {prompt: Are the lessons over?}}\n", DONE)
VARS_PROMPT = play(DONE, more="  vars_prompt: [{name: room, prompt: Which room?}]\n")
PLAYBOOKS = {
    "blind": BLIND,
    "loop": LOOP,
    "lies": LIES,
    "torn": TORN,
    "fatal": FATAL,
    "two_plays": TWO_PLAYS,
    "owed": OWED,
    "background": BACKGROUND,
    "nobody": NOBODY,
    "pause": PAUSE,
    "vars_prompt": VARS_PROMPT,
}


@pytest.fixture(scope="module")
def school(tmp_path_factory: pytest.TempPathFactory) -> School:
    files = {f"playbooks/{name}.yml": text for name, text in PLAYBOOKS.items()}
    made = School(folder=tmp_path_factory.mktemp("blind") / "school")
    return made.build({**files, "playbooks/library/liar.py": LIAR})


@pytest.fixture(autouse=True)
def blank(school: School) -> None:
    for path in school.truth.iterdir():
        path.unlink()


def written(school: School, host: str = "pc1") -> set[str]:
    """The files of a machine."""
    return {path.suffix[1:] for path in school.truth.glob(f"{host}.*")}


def run(school: School, playbook: str, limit: str = "pc1", code: int | None = 0) -> tuple[str, Any]:
    """Plan, approve and run; the change's number and what `run start` said."""
    number = school.approved(f"playbooks/{playbook}.yml", limit=limit)
    return number, school.fitsom("run", "start", number, code=code).value


def report(school: School, number: str) -> Any:
    return school.fitsom("report", "show", number).value


def differences(school: School, number: str, host: str = "pc1") -> dict[tuple[str, str], int]:
    """{(what, which sort of difference): how many} of a host's report."""
    hosts = {each["name"]: each for each in report(school, number)["hosts"]}
    return {(d["what"], d["kind"]): d["number"] for d in hosts[host]["differences"]}


def test_a_plan_lists_the_steps_that_nobody_can_predict(school: School, tmp_path: Path) -> None:
    number = school.planned("playbooks/blind.yml", limit="pc1")
    plan = school.change(number)["plan"]["hosts"]["pc1"]
    assert {(step["task"], step["kind"]) for step in plan["blind"]} == {
        ("Empty the old homes", "skipped"),
        ("Say that nothing changes", "skipped"),
        ("Write it up", "depends"),
        ("Not in a plan", "depends"),
        ("Put it back", "after_failure"),
        ("Follow", "skipped"),
    }
    page = school.fitsom("change", "show", number, json_answer=False).out
    assert "steps cannot be predicted" in page
    assert "echo emptied" in page.replace("\n", "")
    school.fitsom("report", "export", number, "--to", str(tmp_path / "proposal.md"))
    proposal = (tmp_path / "proposal.md").read_text()
    assert "What nobody can predict" in proposal
    assert "no package will change" not in proposal.lower()
    school.fitsom("change", "approve", number, acting_as="head")
    school.fitsom("run", "start", number)
    assert school.log("pc1") == ["emptied", "silently", "really", "followed"]
    assert written(school) == {"predicted", "written", "notified"}
    school.fitsom("report", "export", number, "--to", str(tmp_path / "report.md"))
    assert "done. 4 changes came by steps that nobody could predict" in (tmp_path / "report.md").read_text()
    assert differences(school, number) == {
        ("Predicted", "foreseen_and_came"): 1,
        ("Notify", "foreseen_and_came"): 1,
        ("Empty the old homes", "could_not_be_predicted"): 1,
        ("Write it up", "could_not_be_predicted"): 1,
        ("Not in a plan", "could_not_be_predicted"): 1,
        ("Follow", "could_not_be_predicted"): 1,
    }


def test_one_more_of_the_same_was_not_approved(school: School) -> None:
    """https://github.com/ansible/ansible/issues/57128"""
    (school.truth / "pc1.leaver").touch()
    number = school.approved("playbooks/loop.yml", limit="pc1")
    for name in ("teacher", "head"):
        (school.truth / f"pc1.{name}").touch()
    refused = school.fitsom("run", "start", number, code=None).value
    assert refused["status"] == "refused"
    assert (
        len([line for line in refused["refusal"] if "account (Remove accounts) is predicted now" in line])
        == 2
    )
    assert sorted(path.name for path in school.truth.iterdir()) == ["pc1.head", "pc1.leaver", "pc1.teacher"]


def test_things_of_one_name_and_of_none_are_counted(school: School) -> None:
    """https://github.com/ansible/ansible/issues/80258"""
    for name in ("leaver", "teacher", "head"):
        (school.truth / f"pc1.{name}").touch()
    number, answer = run(school, "loop")
    assert answer["status"] == "succeeded"
    assert differences(school, number) == {
        ("account, 3 times", "foreseen_and_came"): 3,
        ("Write secrets, 2 times", "foreseen_and_came"): 2,
    }


def test_a_host_that_is_changed_by_what_nobody_predicted_goes_no_further(school: School) -> None:
    number, answer = run(school, "lies", code=None)
    assert answer["status"] == "failed"
    assert school.log("pc1") == ["lied"]
    assert "'Look around' was neither predicted nor listed" in answer["hosts"]["pc1"]["reason"]
    assert differences(school, number)["Look around", "came_besides"] == 1


def test_what_a_failing_loop_has_done_is_kept(school: School) -> None:
    """https://github.com/ansible/ansible/issues/16688"""
    number, answer = run(school, "torn", code=None)
    assert answer["hosts"]["pc1"]["outcome"] == "failed"
    came = {what for what, kind in differences(school, number) if kind == "could_not_be_predicted"}
    assert came == {"a", "b", "c", "d"}, "a failing command has changed something as well"
    assert school.log("pc1") == ["a", "b", "c", "d"]


def test_hosts_that_are_taken_out_for_another_are_not_done(school: School) -> None:
    """https://github.com/ansible/ansible/issues/57138"""
    _number, answer = run(school, "fatal", limit="pc1:pc2:pc3", code=None)
    assert [written(school, host) for host in ("pc1", "pc2", "pc3")] == [{"first"}] * 3
    assert {each["outcome"] for each in answer["hosts"].values()} == {"failed"}
    assert "Ansible did not take it to the end" in answer["hosts"]["pc1"]["reason"]


def test_a_mark_of_an_earlier_play_is_not_the_end(school: School) -> None:
    number = school.approved("playbooks/two_plays.yml", limit="pc1")
    school.hold()
    started = school.popen("run", "start", number)
    wait_until(lambda: "two" in written(school), "the second play")
    school.fitsom("run", "cancel", number)
    started.communicate()
    school.release()
    assert school.outcomes(f"{number}-run1") == {"pc1": "unknown"}
    assert school.fitsom("run", "resume", number).value["status"] == "succeeded"
    assert written(school) == {"one", "two", "three"}


def test_what_is_owed_after_a_failure_is_told(school: School) -> None:
    """https://github.com/ansible/ansible/issues/10498"""
    number, answer = run(school, "owed", code=None)
    assert answer["status"] == "failed"
    page = report(school, number)
    (finding,) = [f for host in page["hosts"] for f in host["findings"] if f["kind"] == "handler-owed"]
    assert finding["what"] == "'Restart the service' was to follow a change, and did not run."


def test_work_in_the_background_can_be_planned_and_one_without_end_is_told(school: School) -> None:
    """https://github.com/ansible/ansible/issues/41427"""
    number, answer = run(school, "background")
    assert answer["status"] == "succeeded"
    assert written(school) == {"waited"}
    page = report(school, number)
    (finding,) = [f for host in page["hosts"] for f in host["findings"] if f["kind"] == "only-started"]
    assert finding["what"] == "'Start it only' was started, and nobody saw its end."


def test_a_play_that_reaches_nobody_is_told(school: School) -> None:
    """https://github.com/ansible/awx/issues/4109"""
    number = school.planned("playbooks/nobody.yml", limit="pc1")
    (finding,) = school.change(number)["plan"]["hosts"]["pc1"]["facts"]["findings"]
    assert (finding["kind"], finding["ci"]) == ("reaches-nobody", "For the servers")


@pytest.mark.parametrize(
    ("playbook", "words"),
    [
        ("pause", "it would ask a person, and nobody sits at a run"),
        ("vars_prompt", "the play asks for room (vars_prompt), and nobody sits at a run"),
    ],
)
def test_a_question_is_refused_when_the_plan_is_taken(school: School, playbook: str, words: str) -> None:
    """https://github.com/ansible/awx/issues/1897"""
    answer = school.fitsom("change", "plan", school.new(f"playbooks/{playbook}.yml", limit="pc1"), code=1)
    assert words in " ".join(answer.error.split())


def test_a_password_that_is_asked_for_is_none(school: School, tmp_path: Path) -> None:
    """Ansible itself would ask, before anything else; there is no terminal to wait at."""
    asking = School(folder=tmp_path / "school").build({"playbooks/nobody.yml": NOBODY})
    settings = (asking.repo / "ansible.cfg").read_text().replace("[defaults]", "[defaults]\nask_pass = true")
    asking.commit({"ansible.cfg": settings})
    number = asking.planned("playbooks/nobody.yml", limit="pc1")
    assert list(asking.change(number)["plan"]["hosts"]) == ["pc1"]
