"""Planted secrets are nowhere: not in the ledger, the records, the reports, the logs or what a command says."""

from __future__ import annotations

import base64
import gzip
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest
import yaml

from tests.school import PROGRAMS, School

# With characters that look different in JSON, in a URL and in a shell.
CANARIES = {
    "inline": "canary-inline/4f+7 ü&x=1",
    "file": 'canary-file/9a+2 "q" %41',
    "extra": "canary-extra/1c+5 <b>&z",
    "environment": "canary-env/77+e ?a=b",
    "unlogged": "canary-unlogged-30d1",
}
CONTROL = "no-secret-but-a-control-string"
PASSWORD = "the password of the vault"


def forms(secret: str) -> set[bytes]:
    """Every form in which a secret must not be found. Not made by fitsom's own code."""
    raw = secret.encode()
    encodings = {secret, quote(secret), quote(secret, safe=""), quote_plus(secret)}
    encodings |= {secret.replace('"', '\\"'), secret.encode("unicode_escape").decode()}
    encodings |= {
        secret.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&#34;")
    }
    encodings |= {base64.b64encode(raw).decode(), base64.urlsafe_b64encode(raw).decode()}
    # Inside a longer text, base64 has three faces; the characters at both ends depend on the neighbours.
    for before in ("", "x", "xx"):
        base64_text = base64.b64encode(before.encode() + raw).decode().rstrip("=")
        encodings.add(base64_text[(len(before) * 8 + 5) // 6 : (len(before) + len(raw)) * 8 // 6])
    # The most telling part alone: nothing of it may be left over.
    encodings.add(secret[:12])
    return {form.encode() for form in encodings}


def texts(school: School) -> Iterator[tuple[str, bytes]]:
    """Every file of the site, packed ones unpacked; the database raw and as a dump."""
    for path in sorted(school.site.rglob("*")):
        if not path.is_file():
            continue
        name = str(path.relative_to(school.site))
        yield name, path.read_bytes()
        if path.suffix == ".gz":
            yield f"{name}, unpacked", gzip.decompress(path.read_bytes())
    with sqlite3.connect(school.state / "fitsom.sqlite3") as connection:
        yield "dump of the database", "\n".join(connection.iterdump()).encode()


def places(searched_forms: set[bytes], outputs: list[tuple[str, bytes]]) -> list[str]:
    """Where any of the wanted bytes stand."""
    return [f"{name}: {form!r}" for name, data in outputs for form in searched_forms if form in data]


def encrypted(school: School, text: str, *, name: str = "") -> str:
    """ansible-vault's ciphertext of a value, or of a file."""
    words = ["encrypt_string", "--stdin-name", name] if name else ["encrypt", "--output=-"]
    words += ["--vault-password-file", str(school.folder / "vault-password")]
    process = subprocess.run(
        [str(PROGRAMS / "ansible-vault"), *words],
        input=text,
        capture_output=True,
        text=True,
        check=True,
        env=school.env(),
    )
    return process.stdout


def everything_said(school: School, number: str, *, plan_as_json: bool) -> list[tuple[str, bytes]]:
    """Take a draft to its failing end; (command, all that it printed) of each step and of each way to read it."""
    outputs = []
    school.fitsom("change", "submit", number)
    for words, acting_as, as_json in (
        (["change", "plan", number], "", plan_as_json),
        (["change", "approve", number], "head", True),
        (["run", "start", number], "", False),
        (["change", "show", number], "", True),
        (["change", "show", number], "", False),
        (["report", "show", number], "", True),
        (["audit", "show"], "", True),
    ):
        answer = school.fitsom(*words, acting_as=acting_as, code=None, json_answer=as_json)
        assert answer.code == (4 if words[0] == "run" else 0), answer
        outputs.append((f"fitsom {' '.join(words)}", (answer.out + answer.err).encode()))
    return outputs


@pytest.fixture(scope="module", params=["ansible", "mitogen"])
def said(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[School, list[tuple[str, bytes]]]:
    """A school that planned and ran a failing change full of secrets; and everything in which one may stand."""
    folder = tmp_path_factory.mktemp("secrets") / "school"
    school = School(folder=folder, vault='["../vault-password"]', engine=request.param)
    school.extra_env = {"API_TOKEN": CANARIES["environment"]}
    (folder / "home").mkdir(parents=True)
    (folder / "tmp").mkdir()
    (folder / "vault-password").write_text(PASSWORD + "\n")
    vault_text = yaml.safe_dump(
        {"file_secret": CANARIES["file"], "nested": {"unlogged": CANARIES["unlogged"]}}
    )
    inline = encrypted(school, CANARIES["inline"], name="inline_secret")
    school.build(
        {
            "inventories/rooms/group_vars/servers/plain.yml": f"{inline}\ncontrol: {CONTROL}\n"
            "unlogged: '{{ nested.unlogged }}'\n",
            "inventories/rooms/group_vars/servers/vault.yml": encrypted(school, vault_text),
        }
    )
    extra = folder / "extra.yml"
    extra.write_text(encrypted(school, CANARIES["extra"], name="extra_secret"))
    number = school.new("playbooks/secrets.yml", limit="servers", extra_var=f"@{extra}")
    outputs = everything_said(school, number, plan_as_json=True)
    return school, [*texts(school), *outputs]


@pytest.mark.parametrize("canary", sorted(CANARIES))
def test_a_planted_secret_is_nowhere(said: tuple[School, list[tuple[str, bytes]]], canary: str) -> None:
    _school, outputs = said
    assert places(forms(CANARIES[canary]), outputs) == []


def test_the_search_would_find_what_is_there(said: tuple[School, list[tuple[str, bytes]]]) -> None:
    school, outputs = said
    locations = " ".join(places({CONTROL.encode()}, outputs))
    for place in (
        "plan.jsonl.gz, unpacked",
        "ledger.jsonl.gz, unpacked",
        "fitsom.sqlite3",
        "dump of the database",
    ):
        assert place in locations, (place, locations)
    for place in ("report.html", "report.md", "report.json", "fitsom change show", "fitsom report show"):
        assert place in locations, (place, locations)
    # The secrets did reach the machines: they were used, and only hidden from the record.
    text = (school.truth / "srv1.d" / "settings").read_text()
    for canary in ("inline", "file", "extra", "environment"):
        assert CANARIES[canary] in text
    assert places({b"********"}, outputs), "nothing was masked: the secrets were never in the way"


def test_the_password_of_the_vault_is_nowhere(said: tuple[School, list[tuple[str, bytes]]]) -> None:
    assert places(forms(PASSWORD), said[1]) == []


@pytest.mark.record_only
def test_a_secret_in_plain_text_is_refused_as_extra_variable(empty: School) -> None:
    for word in ("admin_password=hunter22", '{"a": {"api_key": "hunter22"}}'):
        answer = empty.fitsom(
            "change", "new", "--title", "Odd one", "--playbook", "playbooks/steps.yml", "-e", word, code=2
        )
        assert "looks like a secret" in answer.error
        assert "hunter22" not in answer.out + answer.err


def test_without_the_password_nothing_is_planned(tmp_path: Path) -> None:
    school = School(folder=tmp_path / "school")
    (school.folder / "home").mkdir(parents=True)
    (school.folder / "tmp").mkdir()
    (school.folder / "vault-password").write_text(PASSWORD + "\n")
    hidden = encrypted(school, CANARIES["inline"], name="inline_secret")
    school.build({"inventories/rooms/group_vars/servers/plain.yml": hidden})
    number = school.new("playbooks/notice.yml", limit="servers")
    school.fitsom("change", "submit", number)
    assert "vault password" in school.fitsom("change", "plan", number, code=2).error
