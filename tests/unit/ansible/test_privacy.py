"""A difference of a file that others may not read is not for the record."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from fitsom_runner.ansible import recorder
from fitsom_runner.ansible.bounds import Bounds
from fitsom_runner.ansible.environment import environment
from fitsom_runner.ansible.play import CALLBACKS
from fitsom_runner.ansible.privacy import owner_of_private

HOMES = "/home"
CONTENT = {"before": "a\n", "after": "b\n"}
KEY = "-----BEGIN OPENSSH PRIVATE KEY-----\n"


@pytest.mark.parametrize(
    "mode",
    [
        "0600",
        "600",
        "0400",
        "0o600",
        0o600,
        "0700",
        "0711",
        "u=rw,g=,o=",
        "u=rw,go=",
        "go-rwx",
        "u=rwX,g-r,o-r",
        "a=,u=r",
    ],
)
def test_a_file_that_only_its_owner_may_read_is_private(mode: Any) -> None:
    for result, part, arguments in (
        ({"mode": mode}, CONTENT, {}),
        ({}, CONTENT, {"mode": mode}),
        ({"invocation": {"module_args": {"mode": mode}}}, CONTENT, {}),
        ({}, {**CONTENT, "mode": mode}, {}),
        ({"diff": [CONTENT, {"before": {"mode": mode}, "after": {"mode": "0644"}}]}, CONTENT, {}),
        ({"diff": {"before": {"mode": "0644"}, "after": {"mode": mode}}}, {"prepared": "+b"}, {}),
    ):
        assert owner_of_private(result, part, arguments) == "root"
    assert owner_of_private({"mode": mode, "owner": "ann"}, CONTENT, {}) == "ann"
    assert owner_of_private({}, CONTENT, {"mode": mode, "owner": 0}) == "root"


@pytest.mark.parametrize(
    "mode",
    [
        "0644",
        "0640",
        "0604",
        0o644,
        "u=rw,g=r,o=",
        "u=rw,go=r",
        "u+x",
        "go-w",
        "g-r",
        "g=u,o=",
        "preserve",
        "",
        None,
        True,
        "{{ m }}",
    ],
)
def test_a_file_that_others_may_read_is_shown(mode: Any) -> None:
    assert owner_of_private({"mode": mode, "owner": "root"}, CONTENT, {"mode": mode}) == ""


@pytest.mark.parametrize(
    "path",
    ["/etc/shadow", "/etc/gshadow-", "/etc/ssl/private/web.key", "/etc/krb5.keytab", "/srv/http.keytab",
     "/etc/ssh/ssh_host_ed25519_key", "/root/.ssh/id_rsa", f"{HOMES}/ann/.ssh/id_ed25519", f"{HOMES}/ann/.pgpass",
     "/var/lib/samba/private/secrets.tdb"],
)  # fmt: skip
def test_some_files_are_private_whatever_is_said_of_them(path: str) -> None:
    for result, part, arguments in (
        ({"dest": path}, CONTENT, {}),
        ({}, CONTENT, {"path": path}),
        ({}, {**CONTENT, "before_header": f"{path} (content)"}, {}),
    ):
        assert owner_of_private(result, part, arguments) == "root"


@pytest.mark.parametrize(
    "path",
    ["/etc/passwd", "/etc/sudoers.d/it", "/etc/ssl/certs/x.pem", "/etc/ssh/ssh_host_rsa_key.pub",
     f"{HOMES}/ann/.ssh/authorized_keys", "/root/.ssh/id_rsa.pub", "/root/.bashrc"],
)  # fmt: skip
def test_what_people_approve_is_shown(path: str) -> None:
    assert owner_of_private({"dest": path}, CONTENT, {"path": path}) == ""


def test_a_private_key_is_never_shown() -> None:
    for part in ({"before": "", "after": KEY}, {"before": f"x\n{KEY}", "after": ""}, {"prepared": f"+{KEY}"}):
        assert owner_of_private({"mode": "0644"}, part, {}) == "root"
    assert owner_of_private({}, {"before": "", "after": "-----BEGIN PUBLIC KEY-----\n"}, {}) == ""


def test_attributes_are_shown() -> None:
    part = {"before": {"mode": "0644"}, "after": {"mode": "0600"}}
    assert owner_of_private({"mode": "0600", "diff": part}, part, {"mode": "0600"}) == ""


@pytest.mark.parametrize("odd", [None, 5, "text", [1], {"before": 1, "after": [2]}])
def test_whatever_a_module_returns_is_no_fault(odd: Any) -> None:
    assert owner_of_private({"mode": odd, "diff": odd, "invocation": odd}, odd, {"mode": [odd]}) == ""


SECRET = "nobody-else-may-read-this"
TASKS = f"""
- name: copy 0600
  ansible.builtin.copy: {{content: "{SECRET} \\n", dest: "{{{{ folder }}}}/copy", mode: "0600"}}
- name: copy again
  ansible.builtin.copy: {{content: "{SECRET} 2\\n", dest: "{{{{ folder }}}}/there", mode: "{{{{ '06' ~ '00' }}}}"}}
- name: template
  ansible.builtin.template: {{src: t.j2, dest: "{{{{ folder }}}}/template", mode: "u=rw,go="}}
- name: lineinfile
  ansible.builtin.lineinfile: {{line: "{SECRET}", path: "{{{{ folder }}}}/there", mode: "0600"}}
- name: blockinfile
  ansible.builtin.blockinfile: {{block: "{SECRET}", path: "{{{{ folder }}}}/new", create: true, mode: "0600"}}
- name: loop
  ansible.builtin.copy:
    content: "{{{{ item.what }}}} {SECRET[:-4]}\\n"
    dest: "{{{{ folder }}}}/{{{{ item.what }}}}"
    mode: "{{{{ item.mode }}}}"
  loop: [{{what: closed, mode: "0600"}}, {{what: also, mode: "0600"}}, {{what: open, mode: "0644"}}]
  loop_control: {{label: "{{{{ item.what }}}}"}}
- name: key
  ansible.builtin.copy: {{content: "{KEY.strip()}\\n{SECRET}\\n", dest: "{{{{ folder }}}}/key", mode: "0644"}}
- name: shown
  ansible.builtin.copy: {{content: "everybody may read this\\n", dest: "{{{{ folder }}}}/shown", mode: "0644"}}
"""


@pytest.fixture(scope="module", params=[True, False], ids=["check mode", "a run"])
def changes(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, list[dict[str, Any]]]:
    """{task: the changes in the ledger of a real ansible-playbook}."""
    folder = tmp_path_factory.mktemp("private")
    (folder / "ansible.cfg").write_text("[defaults]\n")
    (folder / "templates").mkdir()
    (folder / "templates/t.j2").write_text(f"{{{{ folder }}}} {SECRET}\n")
    (folder / "there").write_text(f"{SECRET} 1\n")
    (folder / "there").chmod(0o600)
    play = [
        {
            "hosts": "all",
            "gather_facts": False,
            "vars": {"folder": str(folder)},
            "tasks": yaml.safe_load(TASKS),
        }
    ]
    (folder / "play.yml").write_text(yaml.safe_dump(play))
    variables = {
        "ANSIBLE_CALLBACK_PLUGINS": str(CALLBACKS),
        "ANSIBLE_STDOUT_CALLBACK": "fitsom_ledger",
        "ANSIBLE_LOCAL_TEMP": str(folder / "tmp"),
        "FITSOM_RECORD": str(folder / recorder.SOCKET),
    }
    words = ["--diff", "-i", "srv1,", "-c", "local", "-e", f"ansible_python_interpreter={sys.executable}"]
    greeting = {
        "secrets": [],
        "bounds": Bounds(hosts={"srv1": ("srv1",)}).as_json(),
        "closed": False,
        "applied": None,
        "approved": None,
    }
    with recorder.recording(folder / "ledger.jsonl", folder, greeting):
        process = subprocess.run(
            ["ansible-playbook", "play.yml", *words, *(["--check"] if request.param else [])],
            cwd=folder,
            env=environment(folder, variables),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    assert process.returncode == 0, process.stdout + process.stderr
    events = [json.loads(line) for line in (folder / "ledger.jsonl").read_text().splitlines()]
    names = {e["i"]: e["n"] for e in events if e["e"] == "task"}
    return {names[e["i"]]: e["x"]["changes"] for e in events if e["e"] == "res"}


def test_no_content_of_a_private_file_is_in_the_ledger(changes: dict[str, list[dict[str, Any]]]) -> None:
    shown = {name: [change.get("diff", "") for change in rows] for name, rows in changes.items()}
    for name in ("copy 0600", "copy again", "template", "lineinfile", "blockinfile", "key"):
        (text,) = shown[name]
        assert "the content is not shown: only root may read this file" in text, name
        assert SECRET[:8] not in text, name
        assert "+++ after: /" in text or "+++ after" in text, name
    closed, also, open_file = shown["loop"]
    assert "not shown" in closed
    assert "not shown" in also
    assert SECRET[:8] not in closed + also
    assert SECRET[:8] in open_file
    assert "+everybody may read this" in shown["shown"][0]


def test_other_content_is_another_digest(changes: dict[str, list[dict[str, Any]]]) -> None:
    digests = [change["k"] for rows in changes.values() for change in rows]
    assert len(set(digests)) == len(digests)
    for name, rows in changes.items():
        hidden = [change for change in rows if "not shown" in change["diff"]]
        for change in hidden:
            if "(file attributes)" not in change["diff"]:  # where all that differs is not shown
                assert f"({change['k']})" in change["diff"], name


def test_the_digests_of_plan_and_run_are_those_of_the_content(tmp_path: Path) -> None:
    """What the record compares does not depend on what it shows."""
    from fitsom_runner.ansible import result_detail

    text = "--- before\n+++ after: /etc/x\n@@ -0,0 +1 @@\n+a\n"
    assert result_detail.for_the_record(text, "") == text
    hidden = result_detail.for_the_record(text, "root")
    assert hidden == (
        "--- before\n+++ after: /etc/x\nthe content is not shown: only root may read this file "
        f"({result_detail.digest(text)})\n\n"
    )
    assert result_detail.for_the_record("", "root") == ""
