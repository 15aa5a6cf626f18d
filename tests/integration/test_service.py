"""Five people with a login of their own at one school's records, which belong to none of them.

The units boot under a real systemd; the content runs on a server over ssh.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator

import pytest
import yaml

from tests.integration.directory_lab import stop
from tests.integration.lab_hosts import NEEDS_LAB
from tests.integration.office import PEOPLE, POWERS, SCHOOL, STRANGER, Office
from tests.school import finished, wait_until

pytestmark = NEEDS_LAB

HOMES = "/home"
RECORDS = "/var/lib/fitsom/records"
GO_ON = "/run/go-on"
SETTINGS = "/etc/fitsom/fitsom.yml"
PLAYBOOK = """\
- name: Put a notice up, and hold on to it
  hosts: all
  gather_facts: false
  tasks:
    - name: Write the notice
      ansible.builtin.copy: {content: "Lessons begin at nine.\\n", dest: /etc/motd.school, mode: "0644"}
    - name: Wait until the notice may come down
      ansible.builtin.command: {cmd: sh -c 'until test -e /run/go-on; do sleep 0.2; done', creates: /run/never}
    - name: Show the file that was named
      ansible.builtin.copy: {content: "{{ lookup('file', fitsom_inputs.words) }}", dest: /etc/words, mode: "0644"}
      when: fitsom_inputs.words is defined
"""
RFC = """\
title: A notice at the school's door
playbook: playbooks/notice.yml
limit: all
reason: It was asked for.
impact: None in lesson time.
backout: Remove the notice by hand.
window: {start: 2026-01-01 00:00, end: 2036-01-01 00:00}
"""


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """A school that Mary made in an hour, and gave to the service."""
    made = Office(folder=tmp_path_factory.mktemp("office"))
    try:
        made.start()
        make_school(made)
        yield made
    finally:
        stop(made.folder)


def make_school(made: Office) -> None:
    lab = yaml.safe_load((made.lab_folder / "inventory/hosts.yml").read_text())
    address = lab["all"]["hosts"]["srv1"]["ansible_host"]
    key = (made.lab_folder / "id_ed25519").read_text()
    made.write(f"{HOMES}/mary/.ssh/id_ed25519", key, "mary", "0600")
    made.write(f"{HOMES}/mary/.ssh/known_hosts", (made.lab_folder / "known_hosts").read_text(), "mary")
    made.write(f"{HOMES}/mary/hosts.csv", f"name,address,groups\nsrv1,{address},servers\n", "mary")
    made.root("install", "-d", "-o", "mary", "/srv/fitsom")
    words = ["--school", "Milton High", "--login", "ansible", "--head", "Helen Head", "--from", "hosts.csv"]
    made.as_("mary", "fitsom", "init", SCHOOL, "--no-input", *words)
    text = made.root("cat", f"{SCHOOL}/fitsom.yml").out.partition("\npeople:")[0] + POWERS
    made.write(f"{SCHOOL}/fitsom.yml", text, "mary")
    made.write(f"{SCHOOL}/playbooks/notice.yml", PLAYBOOK, "mary")
    name = f"{SCHOOL}/inventories/milton/group_vars/all/main.yml"
    made.write(name, made.root("cat", name).out + "\nansible_become: true\n", "mary")
    commit(made)
    made.as_("mary", "fitsom", "change", "list", where=SCHOOL)  # she was alone until now
    made.root("fitsom", "service", "install", SCHOOL)
    for login in PEOPLE:
        made.write(f"{HOMES}/{login}/notice.rfc.yml", RFC, login, "0600")


def commit(made: Office) -> None:
    words = ["-c", "user.name=Mary", "-c", "user.email=mary@school.test", "commit", "-qam", "A notice"]
    made.as_("mary", "git", "add", "--all", where=SCHOOL)
    made.as_("mary", "git", *words, where=SCHOOL)


def planned(office: Office) -> str:
    """A change that Tom raised from a file in his home, submitted and planned."""
    number = str(office.fitsom("tom", "change", "new", "--from", "notice.rfc.yml").value["number"])
    office.fitsom("tom", "change", "submit", number)
    office.fitsom("tom", "change", "plan", number)
    return number


def at_work(office: Office) -> str:
    """What the service's processes are."""
    return office.root("ps", "-u", "fitsom", "-o", "args", code=None).out


def seal(office: Office, number: str) -> str:
    return str(office.fitsom("helen", "change", "show", number).value["plan"]["seal"])[:12]


@pytest.fixture(scope="module")
def key(office: Office) -> str:
    """Helen's own key, which nobody but she can read, confirmed by Mary."""
    office.as_("helen", "mkdir", "-m", "0700", ".ssh")
    office.as_("helen", "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", ".ssh/id_ed25519")
    told = office.fitsom("helen", "key", "enrol", "--key", "~/.ssh/id_ed25519.pub").value
    office.fitsom("mary", "key", "confirm", told["fingerprint"])
    return "~/.ssh/id_ed25519"


def test_the_units_have_booted(office: Office) -> None:
    for unit in ("fitsom-gate.socket", "fitsom-tick.timer", "fitsom-health.timer"):
        assert office.root("systemctl", "is-active", unit).out.strip() == "active"
    assert office.root("systemctl", "list-units", "--failed", "--no-legend", "fitsom*").out == ""


@pytest.mark.parametrize("login", sorted(PEOPLE))
def test_each_is_served_by_their_own_login(office: Office, login: str) -> None:
    assert isinstance(office.fitsom(login, "change", "list").value, list)
    office.fitsom(login, "audit", "verify")


def test_a_stranger_is_not(office: Office) -> None:
    for words in (("change", "list"), ("audit", "show"), ("doctor",)):
        answer = office.as_(STRANGER, "fitsom", *words, code=6)
        assert answer.out == ""
        assert "'paul' is not one of them" in answer.err


@pytest.mark.parametrize("login", [*sorted(PEOPLE), STRANGER])
def test_none_of_them_reaches_the_records(office: Office, login: str) -> None:
    for path in (RECORDS, f"{RECORDS}/fitsom.sqlite3", f"{RECORDS}/audit.anchor", "/etc/fitsom/secrets"):
        assert office.as_(login, "test", "-r", path, code=None).code == 1
        assert office.as_(login, "test", "-w", path, code=None).code == 1
    assert office.as_(login, "test", "-w", SETTINGS, code=None).code == 1
    assert office.as_(login, "test", "-w", "/run/fitsom", code=None).code == 1


def test_no_other_configuration_leads_to_them(office: Office) -> None:
    mine = (
        f"school: {{name: Mine}}\nrepository: {SCHOOL}\nstate: {RECORDS}\ninventories: [inventories/milton]\n"
    )
    mine += "people: [{id: me, name: Tom Technician, role: head, os_user: tom}]\n"
    office.write(f"{HOMES}/tom/mine/fitsom.yml", mine, "tom")
    told = office.as_("tom", "fitsom", "change", "list", "--config", "mine", code=6)
    assert "belong to another account" in told.err
    told = office.as_(
        "tom", "env", f"FITSOM_CONFIG={HOMES}/tom/mine/fitsom.yml", "fitsom", "change", "list", code=6
    )
    assert "Traceback" not in told.err
    # Standing beside it changes nothing: the service answers, with its own people.
    there = office.fitsom("tom", "config", "check", where=f"{HOMES}/tom/mine").value
    assert {person["id"] for person in there["people"]} == {*PEOPLE.values(), "scheduler"}


def test_root_leaves_nothing_behind_that_the_service_cannot_write(office: Office) -> None:
    told = office.root("fitsom", "change", "list", "--config", SETTINGS, code=6)
    assert "belong to the account fitsom" in told.err
    office.root("runuser", "-u", "fitsom", "--", "fitsom", "change", "list", "--config", SETTINGS)
    strange = ["find", RECORDS, "!", "-user", "fitsom"]
    assert office.root(*strange).out == ""


def test_a_stranger_cannot_shut_the_gate_for_everybody(office: Office) -> None:
    """As many calls at once as make systemd give a socket up."""
    script = (
        "import socket\n"
        "for _ in range(400):\n"
        "    s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)\n"
        "    s.settimeout(2)\n"
        "    try: s.connect('/run/fitsom/gate.sock'); s.close()\n"
        "    except OSError: pass\n"
    )
    office.as_(STRANGER, "python3", "-c", script)
    wait_until(lambda: office.as_("ada", "fitsom", "change", "list", code=None).code == 0, "Ada to be served")
    assert office.root("systemctl", "is-active", "fitsom-gate.socket").out.strip() == "active"


def test_what_a_caller_sends_names_no_configuration_and_nobody_else(office: Office) -> None:
    """Their own client left aside: the words themselves are refused."""
    script = "import os, sys\nfrom fitsom_runner.gate import client\nsys.exit(client.call(sys.argv[1:]))\n"
    for words in (("change", "list", "--config", f"{HOMES}/tom/mine"), ("change", "list", "--as", "head")):
        told = office.as_("tom", "/opt/fitsom/bin/python", "-c", script, *words, code=6)
        assert "share" in told.err
    for command in ("init elsewhere", "service install", "upgrade --check x.whl"):
        office.as_("tom", "/opt/fitsom/bin/python", "-c", script, *command.split(), code=6)


def test_a_file_is_opened_with_the_rights_of_whoever_names_it(office: Office) -> None:
    secret = office.root("cat", "/etc/fitsom/secrets/vault-password").out.strip()
    office.as_("tom", "ln", "-sf", "/etc/fitsom/secrets/vault-password", "here.pub")
    for words in (
        ("change", "new", "--from", SETTINGS),
        ("change", "new", "--from", "notice.rfc.yml", "-e", f"@{RECORDS}/audit.anchor"),
        ("key", "enrol", "--key", "/etc/fitsom/secrets/vault-password"),
        ("key", "enrol", "--key", "here.pub"),
        ("key", "enrol", "--key", f"{HOMES}/helen/notice.rfc.yml"),
    ):
        told = office.fitsom("tom", *words, code=2)
        assert "Permission denied" in told.out
        assert secret not in told.out + told.err
    number = planned(office)
    for place in ("/etc/fitsom/report.html", f"{RECORDS}/report.html", f"{HOMES}/helen/report.html"):
        told = office.fitsom("tom", "report", "export", number, "--to", place, code=2)
        assert "Permission denied" in told.out
    office.fitsom("tom", "report", "export", number, "--to", "mine.html")
    assert office.root("stat", "-c", "%U", f"{HOMES}/tom/mine.html").out.strip() == "tom"


def test_an_input_is_nothing_of_the_service(office: Office) -> None:
    secret = office.root("cat", "/etc/fitsom/secrets/vault-password").out.strip()
    office.as_("tom", "mkdir", "-m", "0755", "drop")
    office.root("chmod", "0755", f"{HOMES}/tom")
    office.as_("tom", "ln", "-s", "/etc/fitsom/secrets/vault-password", "drop/words")
    for path in (
        "/etc/fitsom/secrets/vault-password",
        f"{HOMES}/tom/drop/words",
        f"{HOMES}/tom/drop",
        SETTINGS,
        RECORDS,
    ):
        words = ("change", "new", "--from", "notice.rfc.yml", "--input", f"words={path}")
        number = str(office.fitsom("tom", *words).value["number"])
        office.fitsom("tom", "change", "submit", number)
        told = office.fitsom("tom", "change", "plan", number, code=2)
        assert "words" in told.value["error"]
        assert secret not in told.out + told.err
    office.write(f"{HOMES}/tom/mine.txt", "my own words\n", "tom", "0644")
    words = ("change", "new", "--from", "notice.rfc.yml", "--input", "words=mine.txt")
    number = str(office.fitsom("tom", *words).value["number"])
    office.fitsom("tom", "change", "submit", number)
    office.fitsom("tom", "change", "plan", number)


def test_five_people_at_one_change(office: Office, key: str) -> None:
    number = planned(office)
    told = office.fitsom("tom", "change", "approve", number, "--seal", seal(office, number), code=6)
    assert "requested this change" in told.value["error"]
    told = office.fitsom("ada", "change", "approve", number, "--seal", seal(office, number), code=6)
    told = office.fitsom("helen", "change", "approve", number, "--seal", seal(office, number), code=3)
    assert "signed" in told.value["error"]
    signed = office.fitsom("helen", "change", "approve", number, "--seal", seal(office, number), "--key", key)
    assert signed.value["state"] == "scheduled"
    office.fitsom("tom", "run", "start", number, "--detach")
    office.root("rm", "-f", GO_ON, host="srv1")
    watching = office.popen("helen", "fitsom", "run", "watch", number)
    wait_until(
        lambda: office.root("test", "-e", "/etc/motd.school", host="srv1", code=None).code == 0, "the notice"
    )
    for login in PEOPLE:  # also while somebody else's run is on
        states = {each["number"]: each["state"] for each in office.fitsom(login, "change", "list").value}
        assert states[number] == "running"
    told = office.fitsom("ada", "run", "cancel", number, code=6)
    office.root("touch", GO_ON, host="srv1")
    told_helen = finished(watching)
    assert f"fitsom report open {number}" in told_helen.err
    assert RECORDS not in told_helen.out + told_helen.err
    office.fitsom("ada", "audit", "verify")
    entries = office.fitsom("ada", "audit", "show", number, "--last", "500").value
    who = {entry["action"]: entry["os_user"] for entry in entries}
    assert {who["change.submit"], who["change.start"]} == {"tom"}, who
    assert who["change.approve_implement"] == "helen"
    office.fitsom("ada", "report", "show", number)
    assert office.fitsom("ada", "change", "show", number).value["runs"][-1]["status"] == "succeeded"


def test_whoever_leaves_in_the_middle_leaves_nothing(office: Office) -> None:
    office.root("touch", GO_ON, host="srv1")
    number = str(office.fitsom("tom", "change", "new", "--from", "notice.rfc.yml").value["number"])
    office.fitsom("tom", "change", "submit", number)

    def begun() -> subprocess.Popen[str]:
        plan = office.popen("tom", "fitsom", "change", "plan", number)
        wait_until(
            lambda: "ansible-playbook" in at_work(office) or plan.poll() is not None, "the plan to begin"
        )
        return plan

    going = begun()
    while going.poll() is not None:  # it was over before anybody looked
        finished(going)
        going = begun()
    office.root("pkill", "-KILL", "-u", "tom", "-f", "change plan")
    finished(going, None)
    wait_until(lambda: "ansible" not in at_work(office), "its end")
    office.fitsom("tom", "change", "plan", number)


def test_at_a_terminal_they_are_asked(office: Office, key: str) -> None:
    number = planned(office)
    line = f"fitsom change approve {number} --key {key}"
    talk = f"import pty, sys; sys.exit(pty.spawn({['sh', '-c', line]!r}) >> 8)"
    command = ["podman", "exec", "--interactive", "--user", "helen", "--workdir", f"{HOMES}/helen"]
    command += [
        "--env",
        f"HOME={HOMES}/helen",
        "--env",
        "TERM=xterm",
        office.containers["office"],
        "python3",
        "-c",
        talk,
    ]
    done = subprocess.run(command, input="y\n", capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Approve CHG-" in done.stdout
    assert "is scheduled" in done.stdout
    office.fitsom("tom", "change", "cancel", number)


def test_the_timer_starts_what_is_due(office: Office, key: str) -> None:
    office.root("touch", GO_ON, host="srv1")
    number = planned(office)
    office.fitsom("helen", "change", "approve", number, "--seal", seal(office, number), "--key", key)
    office.root("systemctl", "start", "fitsom-tick.service")

    def ended() -> bool:
        state = office.fitsom("ada", "change", "show", number).value["state"]
        assert state in ("scheduled", "running", "succeeded")
        return bool(state == "succeeded")

    wait_until(ended, "the run that the timer started")
    entries = office.fitsom("ada", "audit", "show", number, "--last", "500").value
    assert "scheduler" in {entry["actor"] for entry in entries}


def test_the_daily_look_is_taken(office: Office) -> None:
    office.root("systemctl", "start", "fitsom-health.service", code=None)
    log = office.root("journalctl", "-u", "fitsom-health.service", "--no-pager", "-o", "cat").out
    assert "srv1" in log
    assert "Traceback" not in log


def test_all_is_there_after_a_reboot_and_a_second_installation(office: Office) -> None:
    before = office.root("cat", SETTINGS).out
    numbers = [each["number"] for each in office.fitsom("ada", "change", "list", "--all").value]
    office.root("fitsom", "service", "install", SCHOOL)
    assert office.root("cat", SETTINGS).out == before
    office.lab("kill", "office", "office")
    office.lab("start", "office", "office")
    assert [each["number"] for each in office.fitsom("ada", "change", "list", "--all").value] == numbers
    office.fitsom("ada", "audit", "verify")


def test_the_journal_names_who_was_refused(office: Office) -> None:
    office.as_(STRANGER, "fitsom", "change", "list", code=6)
    journal = office.root("journalctl", "-u", "fitsom-gate@*", "--no-pager", "-o", "cat").out
    assert "paul: refused" in journal
    assert "Traceback" not in journal


def test_a_large_answer_is_whole(office: Office) -> None:
    """An answer larger than a socket takes at once goes by the caller's own file."""
    told = office.as_("ada", "sh", "-c", "fitsom audit show --last 5000 --json > all.json && cat all.json")
    seqs = [entry["seq"] for entry in json.loads(told.out)]
    assert seqs == list(range(1, len(seqs) + 1)) != []
