"""Secrets in every place that Ansible decrypts, printed in every form that programs have: none is in any record."""

from __future__ import annotations

import base64
import html
import json
import re
import shlex
from pathlib import Path

import pytest
import yaml

from tests.acceptance.test_canaries import encrypted, everything_said, forms, places, texts
from tests.school import School

#: With characters that each language writes in its own way.
CANARIES = {
    "quoted": "canary-quoted/4f+7 it's ü&x=1",
    "windows": 'canary-windows/9a "q" $HOME `id`',
    "json": "canary-json/1c+5 <b>&z\\n",
    "nested": "canary-nested/77+e ?a=b it's",
    "of_host": "canary-of-host/9d {a,b} [c]* (d)",
    "of_role": 'canary-of-role/0e it\'s "both" kinds',
    "extra": "canary-extra/5e <i>'\"</i>",
    "setting": "canary-setting/12+f",
    "comment": "canary-comment/0d11",
    "proxy": "canary-proxy-81aa",
    "password": "canary-password of the vault",
}
NUMBERS = {"pin": 48151623, "short": 7391, "separated": 1_618_033}
KEY = [f"canarykey{n}MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC{n}" for n in range(6)]
CONTROL = "no-secret-but-a-control-string"
PRIVATE = "only-root-may-read-this"

#: Whatever lies between a variable and a report, by Ansible's own filters and by programs.
FORMS = r"""
raw {{ s }}
list {{ [s, {'k': s}] }}
json {{ s | to_json }} {{ s | to_json | to_json }} {{ [s] | to_nice_json }}
yaml {{ {'k': s} | to_nice_yaml }} {{ {'k': s} | to_yaml(default_style='"') }}
html {{ s | forceescape }}
url {{ s | urlencode }} {{ s | urlencode | urlencode }}
shell {{ s | quote }}
regex {{ s | regex_escape }}
base64 {{ s | string | b64encode }} {{ ('x:' ~ s) | b64encode }} {{ s | string | b64encode | b64encode }}
powershell {{ ('iex ' ~ s) | b64encode(encoding='utf-16-le') }}
"""
PLAYBOOK = f"""\
- name: Use secrets
  hosts: srv1
  gather_facts: false
  roles: [r]
  vars:
    folder: "{{{{ truth }}}}/{{{{ inventory_hostname }}}}.d"
    proxy: "{{{{ lookup('ansible.builtin.env', 'http_proxy') }}}}"
    all_of_them: "{{{{ [quoted, windows, json_secret, nested.deep, of_host, of_role, extra, pin, short, separated] }}}}"
  tasks:
    - name: Have a folder
      ansible.builtin.file: {{path: "{{{{ folder }}}}", state: directory, mode: "0755"}}
    - name: Write all forms
      ansible.builtin.template: {{src: forms.j2, dest: "{{{{ folder }}}}/forms", mode: "0644"}}
    - name: Copy a key that is vaulted
      ansible.builtin.copy: {{src: vaulted.key, dest: "{{{{ folder }}}}/text", mode: "0644"}}
    - name: Copy settings that are vaulted
      ansible.builtin.copy: {{src: settings.env, dest: "{{{{ folder }}}}/env", mode: "0644"}}
    - name: Copy what only its owner may read
      ansible.builtin.copy: {{content: "{PRIVATE}\\n", dest: "{{{{ folder }}}}/private", mode: "0600"}}
    - name: Report them as facts
      answer: {{host: srv1, secrets: "{{{{ all_of_them }}}}"}}
    - name: Loop over them
      ansible.builtin.raw: 'true {{{{ item | quote }}}}'
      loop: "{{{{ all_of_them }}}}"
    - name: Call a module wrongly
      ansible.builtin.stat: {{path: "{{{{ quoted }}}}", nonsense: "{{{{ pin }}}} {{{{ nested }}}}"}}
      ignore_errors: true
    - name: Fail in Python
      ansible.builtin.assert: {{that: "{{{{ pin > 1 and quoted | int(base='x') }}}}"}}
      ignore_errors: true
    - name: Fail in each form of a shell
      ansible.builtin.script: print.sh {{{{ (all_of_them + [proxy]) | map('quote') | join(' ') }}}}
      ignore_errors: true
    - name: Print them and fail ({CONTROL})
      ansible.builtin.fail: {{msg: "{{{{ lookup('ansible.builtin.template', 'forms.j2') }}}}"}}
      when: not ansible_check_mode
      tags: [fitsom_host_done]
"""
PRINT = """\
#!/bin/bash
for s in "$@"; do
  printf '%q\\n' "$s"
  printf %s "$s" | od -An -v -tx1
  printf %s "$s" | od -An -v -tx1 | tr -d ' \\n' | tr a-f A-F; echo
  printf 'user=ann\\npassword=%s\\nshell=/bin/sh, and many more words behind it' "$s" | base64 -w 40
  (set -x; : "$s") 2>&1
  declare -p s
done >&2
exit 1
"""
#: A module's answer, in which numbers are numbers.
MODULE = """\
#!/usr/bin/python
from ansible.module_utils.basic import AnsibleModule

module = AnsibleModule({"host": {}, "secrets": {"type": "list", "elements": "raw"}}, supports_check_mode=True)
secrets = module.params["secrets"]
module.exit_json(
    changed=True,
    diff={"before": {}, "after": {"secrets": secrets}},
    fitsom={
        "notes": [str(secrets), *map(str, secrets)],
        "findings": [{"kind": "k", "severity": "warning", "ci": "x", "what": f"{s}", "do": repr([s])} for s in secrets],
        "facts": {"configuration_item": {"uptime": secrets[-3], "system": {"name": secrets[0]}}},
    },
)
"""


def content(school: School) -> dict[str, str]:
    """Each canary in another place."""

    def digits(text: str) -> str:
        return encrypted(school, text).strip()

    def quoted(text: str) -> str:
        return '!vault "' + digits(text).replace("\n", "\\n") + '"'

    numbers = "".join(f"{name}: {value}\n" for name, value in NUMBERS.items()).replace("1618033", "1_618_033")
    in_json = {"all": {"hosts": {"srv1": {"json_secret": {"__ansible_vault": digits(CANARIES["json"])}}}}}
    inner = f"nested:\n  deep: {quoted(CANARIES['nested'])}\n"
    windows = f"# {CANARIES['comment']}\n" + yaml.safe_dump(
        {"windows": CANARIES["windows"]}, allow_unicode=True
    )
    settings = f"[db]\nPASSWORD='{CANARIES['setting']}'\n"
    return {
        "playbooks/all.yml": PLAYBOOK,
        "playbooks/templates/forms.j2": f"control {CONTROL}\n{{% for s in all_of_them %}}{FORMS}{{% endfor %}}\n",
        "playbooks/files/vaulted.key": encrypted(school, "\n".join(KEY) + "\n"),
        "playbooks/files/settings.env": encrypted(school, settings),
        "playbooks/files/print.sh": PRINT,
        "playbooks/library/answer.py": MODULE,
        "playbooks/roles/r/vars/main.yml": f"of_role: {quoted(CANARIES['of_role'])}\n",
        "inventories/rooms/more.json": json.dumps(in_json, indent="\t"),
        "inventories/rooms/group_vars/servers/quoted.yml": f"quoted: {quoted(CANARIES['quoted'])}\n",
        "inventories/rooms/group_vars/servers/windows.yml": encrypted(school, windows).replace("\n", "\r\n"),
        "inventories/rooms/group_vars/servers/numbers": encrypted(school, numbers),
        "inventories/rooms/host_vars/srv1/nested.yaml": encrypted(school, inner),
        "inventories/rooms/host_vars/srv1/plain.json": json.dumps(
            {"of_host": {"__ansible_vault": digits(CANARIES["of_host"])}}
        ),
    }


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> tuple[School, list[tuple[str, bytes]]]:
    """A school that planned and ran a failing change full of secrets; and everything in which one may stand."""
    folder = tmp_path_factory.mktemp("canaries") / "school"
    school = School(folder=folder, vault='["../vault-program"]', passed=("API_TOKEN", "http_proxy"))
    school.extra_env = {"http_proxy": f"http://ann:{CANARIES['proxy']}@proxy:3128"}
    for part in ("home", "tmp"):
        (folder / part).mkdir(parents=True)
    (folder / "vault-password").write_text(CANARIES["password"] + "\n")
    (folder / "vault-program").write_text(f'#!/bin/sh\ncat "{folder}/vault-password"\n')
    (folder / "vault-program").chmod(0o700)
    school.build(content(school))
    extra = folder / "extra.yml"
    extra.write_text(encrypted(school, CANARIES["extra"], name="extra"))
    number = school.new("playbooks/all.yml", limit="srv1", extra_var=f"@{extra}")
    outputs = everything_said(school, number, plan_as_json=False)
    return school, [*texts(school), *outputs]


def all_forms(secret: str) -> set[bytes]:
    """Those of the canaries of every day, and what other languages make of a secret. Not made by fitsom's own code."""
    data = secret.encode()
    wide = secret.encode("utf-16-le")
    encodings = {
        html.escape(secret),
        html.escape(secret, quote=False),
        repr(secret)[1:-1],
        repr(data)[2:-1],
        shlex.quote(secret).strip("'"),
        re.escape(secret),
        secret.replace("'", "''"),
        secret.replace("'", "'\\''"),
        json.dumps(json.dumps(secret))[3:-3],
        data.hex(),
        data.hex().upper(),
        data.hex(" "),
    }
    for before in range(3):
        encoded = base64.b64encode(b" " * before + wide).decode()
        encodings.add(encoded[(before * 8 + 5) // 6 : (before + len(wide)) * 8 // 6])
        inner = base64.b64encode(base64.b64encode(data)).decode().rstrip("=")
        encodings.add(inner[:-3])
    return forms(secret) | {form.encode() for form in encodings}


@pytest.mark.parametrize("canary", sorted(CANARIES))
def test_a_planted_secret_is_nowhere(said: tuple[School, list[tuple[str, bytes]]], canary: str) -> None:
    assert places(all_forms(CANARIES[canary]), said[1]) == []


@pytest.mark.parametrize("name", sorted(NUMBERS))
def test_a_number_in_a_vault_is_nowhere(said: tuple[School, list[tuple[str, bytes]]], name: str) -> None:
    number = str(NUMBERS[name])
    # Not a part of a digest, nor a moment in milliseconds.
    alone = re.compile(rb'(?<![0-9a-f])(?<!"[tbd]":)%s(?![0-9a-f])' % number.encode())
    readable = [(where, data) for where, data in said[1] if not where.endswith((".sqlite3", ".gz", "-wal"))]
    assert [where for where, data in readable if alone.search(data)] == []
    if len(number) > 4:
        assert places(all_forms(number), said[1]) == []


@pytest.mark.parametrize("line", KEY)
def test_no_line_of_a_vaulted_file_is_anywhere(
    said: tuple[School, list[tuple[str, bytes]]], line: str
) -> None:
    assert places({line.encode(), line[:12].encode()}, said[1]) == []


def test_what_only_root_may_read_is_nowhere(said: tuple[School, list[tuple[str, bytes]]]) -> None:
    assert places({PRIVATE.encode()}, said[1]) == []
    assert places({b"the content is not shown: only root may read this file"}, said[1])


def test_broken_lines_of_base64_are_nowhere(said: tuple[School, list[tuple[str, bytes]]]) -> None:
    for secret in (CANARIES["quoted"], CANARIES["of_role"]):
        text = f"user=ann\npassword={secret}\nshell=/bin/sh, and many more words behind it"
        encoded = base64.b64encode(text.encode()).decode()
        lines = {encoded[start : start + 40].encode() for start in range(0, 80, 40)}
        assert places(lines, said[1]) == []


def test_the_search_would_find_what_is_there(said: tuple[School, list[tuple[str, bytes]]]) -> None:
    school, outputs = said
    locations = " ".join(places({CONTROL.encode()}, outputs))
    for place in ("plan.jsonl.gz, unpacked", "ledger.jsonl.gz, unpacked", "dump of the database", "report.html",
                  "report.md", "report.json", "fitsom change show"):  # fmt: skip
        assert place in locations, (place, locations)
    written = (school.truth / "srv1.d" / "forms").read_text()
    for name in ("quoted", "windows", "json", "nested", "of_host", "of_role", "extra"):
        assert CANARIES[name] in written, name
    for number in NUMBERS.values():
        assert str(number) in written
    assert (school.truth / "srv1.d" / "text").read_text().splitlines() == KEY
    printed = b"".join(data for name, data in outputs if name.endswith(".jsonl.gz, unpacked")).decode()
    for words in (
        "declare --",
        "base64 ",
        "powershell ",
        '\\"secrets\\":',
        "Unsupported parameters",
        "********",
    ):
        assert words in printed, words


def test_a_password_that_does_not_open_names_the_file(
    said: tuple[School, list[tuple[str, bytes]]], tmp_path: Path
) -> None:
    school = said[0].copy(tmp_path / "school")
    (school.folder / "vault-program").write_text("#!/bin/sh\necho another\n")
    number = school.new("playbooks/notice.yml", limit="srv1")
    school.fitsom("change", "submit", number)
    answer = school.fitsom("change", "plan", number, code=2)
    assert re.search(r"^[\w/.]+:1: a vaulted value does not open", answer.error)
    assert "canary" not in answer.out + answer.err


def test_a_vault_outside_of_the_repository_is_refused(
    said: tuple[School, list[tuple[str, bytes]]], tmp_path: Path
) -> None:
    school = said[0].copy(tmp_path / "school")
    outside = tmp_path / "outside.yml"
    outside.write_text(encrypted(school, "a: canary-outside-3c\n"))
    playbook = f"- hosts: srv1\n  vars_files:\n    - {outside}\n  tasks: [{{debug: {{var: a}}}}]\n"
    school.commit({"playbooks/outside.yml": playbook})
    number = school.new("playbooks/outside.yml", limit="srv1")
    school.fitsom("change", "submit", number)
    answer = school.fitsom("change", "plan", number, code=2)
    assert f"playbooks/outside.yml:3: {outside}" in answer.error
    assert "--input" in answer.error
