"""What the content reads outside of itself is refused before anything is planned."""

from __future__ import annotations

from pathlib import Path

import pytest

from fitsom_runner.ansible import outside
from fitsom_runner.errors import ConfigError
from tests.unit.ansible.repository import write

PLAYBOOK = "playbooks/a.yml"
ROLE = "roles/r/tasks/main.yml"


def running(folder: Path) -> tuple[str, ...]:
    return (PLAYBOOK,) if (folder / PLAYBOOK).exists() else ()


@pytest.mark.parametrize(
    ("name", "text", "line", "path"),
    [
        (PLAYBOOK, "- hosts: all\n  vars_files:\n    - ok.yml\n    - /etc/s/vault.yml\n", 4, "/etc/s/vault.yml"),
        (PLAYBOOK, "- hosts: all\n  vars_files: ~/vault.yml\n", 2, "~/vault.yml"),
        (PLAYBOOK, "- hosts: all\n  vars_files: [[a.yml, ../../vault.yml]]\n", 2, "../../vault.yml"),
        (ROLE, "- include_vars: /etc/vault.yml\n", 1, "/etc/vault.yml"),
        (ROLE, "- ansible.builtin.include_vars: file=/etc/vault.yml name=x\n", 1, "/etc/vault.yml"),
        (ROLE, "- include_vars:\n    name: x\n    file: '/etc/vault.yml'\n", 3, "/etc/vault.yml"),
        (ROLE, "- block:\n    - include_vars: {dir: ../../../../vars}\n", 2, "../../../../vars"),
        (ROLE, "- copy: {src: /etc/s/key, dest: /etc/key}\n", 1, "/etc/s/key"),
        (ROLE, "- copy: {src: /etc/s/key, dest: /etc/key, remote_src: false}\n", 1, "/etc/s/key"),
        (ROLE, "- ansible.builtin.template: src=/etc/s/t.j2 dest=/etc/t\n", 1, "/etc/s/t.j2"),
        (ROLE, "- script: /usr/local/bin/x --with words\n", 1, "/usr/local/bin/x"),
        (ROLE, "- debug: {msg: x}\n  with_file:\n    - /etc/s/key\n", 3, "/etc/s/key"),
        (PLAYBOOK, "- import_playbook: /srv/other.yml\n", 1, "/srv/other.yml"),
        (PLAYBOOK, "x: \"{{ lookup('file', '/etc/s/key') }}\"\n", 1, "/etc/s/key"),
        (PLAYBOOK, "a: 1\nx: '{{ query(\"ansible.builtin.unvault\", \"../../key\") | first }}'\n", 2, "../../key"),
        (PLAYBOOK, "x: \"{{ lookup('password', '/srv/passwords/a length=9') }}\"\n", 1, "/srv/passwords/a"),
        ("roles/r/templates/t.j2", "a\n{{ lookup('ansible.builtin.file', '/etc/s/key') }}\n", 2, "/etc/s/key"),
        ("inventories/s/group_vars/all", "x: 1\ny: \"{{ lookup('ini', 'a file=/etc/x.ini') }}\"\n", 2, "/etc/x.ini"),
    ],
)  # fmt: skip
def test_a_path_that_leads_out_is_named_by_file_and_line(
    tmp_path: Path, name: str, text: str, line: int, path: str
) -> None:
    write(tmp_path, name, text)
    with pytest.raises(ConfigError, match="reads files outside of the repository") as error:
        outside.require_inside(tmp_path, running(tmp_path))
    assert error.value.details == (f"{name}:{line}: {path}",)
    assert "--input NAME=/path" in error.value.hint


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (PLAYBOOK, "- hosts: all\n  vars_files: [a.yml, ../vars/b.yml, '{{ x }}/c.yml']\n"),
        (ROLE, "- include_vars: '{{ role_path }}/vars/x.yml'\n- include_vars: ../vars/x.yml\n"),
        (ROLE, "- copy: {src: /etc/a, dest: /etc/b, remote_src: true}\n- copy: {content: /etc/x, dest: /etc/y}\n"),
        (ROLE, "- copy: src=a dest=/etc/b\n- fetch: {src: /etc/a, dest: b}\n- file: {src: /etc/a, dest: /etc/b}\n"),
        (ROLE, "- template: {src: ../templates/a.j2, dest: /etc/b}\n- script: a.sh /etc/x\n- shell: cat /etc/x\n"),
        (ROLE, "# lookup('file', '/etc/s/key')\n- debug: {msg: /etc/x}\n"),
        (PLAYBOOK, "x: \"{{ lookup('password', '/dev/null length=20') }}\"\n"),
        (PLAYBOOK, "y: \"{{ lookup('file', fitsom_inputs.y) }}\"\n"),
        (PLAYBOOK, "x: \"{{ lookup('env', '/etc/x') }} {{ lookup('file', 'a') }}\"\n"),
        ("inputs/roster/a.yml", "- include_vars: /etc/vault.yml\n"),
        ("README.md", "    x: \"{{ lookup('file', '/etc/s/key') }}\"\n"),
        (ROLE, "no: {{ yaml }}\n- include_vars: /etc/x\n"),
    ],
)  # fmt: skip
def test_what_lies_inside_or_on_the_host_is_read(tmp_path: Path, name: str, text: str) -> None:
    write(tmp_path, name, text)
    outside.require_inside(tmp_path, running(tmp_path))


def test_every_path_is_named(tmp_path: Path) -> None:
    write(tmp_path, PLAYBOOK, "- hosts: all\n  vars_files: [/a, /b]\n- hosts: all\n  vars_files: [/c]\n")
    with pytest.raises(ConfigError) as error:
        outside.require_inside(tmp_path, running(tmp_path))
    assert error.value.details == (f"{PLAYBOOK}:2: /a", f"{PLAYBOOK}:2: /b", f"{PLAYBOOK}:4: /c")


def test_a_playbook_of_another_change_stops_none(tmp_path: Path) -> None:
    write(tmp_path, PLAYBOOK, "- hosts: all\n- import_playbook: b.yml\n")
    write(tmp_path, "playbooks/b.yml", "- import_playbook: c.yml\n")
    write(tmp_path, "playbooks/c.yml", "- hosts: all\n")
    write(tmp_path, "playbooks/other.yml", "- hosts: all\n  vars_files: [/a]\n")
    outside.require_inside(tmp_path, (PLAYBOOK,))
    write(tmp_path, "playbooks/c.yml", "- hosts: all\n  vars_files: [/c]\n")
    with pytest.raises(ConfigError) as error:
        outside.require_inside(tmp_path, (PLAYBOOK,))
    assert error.value.details == ("playbooks/c.yml:2: /c",)


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/etc/fitsom/ca.pem", True),
        ("/etc/fitsom/sub/x", True),
        ("/etc/fitsom2/x", False),
        ("/etc/fitsom/../x", False),
    ],
)
def test_what_fitsom_yml_shows_to_runs_may_be_named(tmp_path: Path, path: str, allowed: bool) -> None:
    write(tmp_path, ROLE, f"- include_vars: {path}\n")
    if allowed:
        outside.require_inside(tmp_path, (), [Path("/etc/fitsom")])
    else:
        with pytest.raises(ConfigError):
            outside.require_inside(tmp_path, (), [Path("/etc/fitsom")])
