"""Every secret that a run may see is known before the run."""

import base64
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from ansible.parsing.vault import VaultLib, VaultSecret

from fitsom_runner.ansible import secrets, vaults
from fitsom_runner.ansible.masking import Masker
from fitsom_runner.config import Config
from fitsom_runner.errors import ConfigError
from fitsom_runner.yamlfile import VAULTED
from tests.unit.ansible.repository import inline, vaulted, write
from tests.unit.people.cast import config


@pytest.fixture
def school(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    """A school with a vault password, and no secret in its environment."""
    for name in list(os.environ):
        monkeypatch.delenv(name)
    password = write(tmp_path, "vault.txt", "open sesame\n")
    return config(tmp_path, vault_password_files=(password,))


PASSWORD = "open sesame"


def found(school: Config, tmp_path: Path, **extra_vars: object) -> set[str]:
    """What is known of the folder vars, without the password itself."""
    folder = tmp_path / "vars"
    folder.mkdir(exist_ok=True)
    return set(secrets.known_secrets(school, [folder], extra_vars)) - {PASSWORD}


def test_a_vaulted_value_in_a_file_is_found(school: Config, tmp_path: Path) -> None:
    text = "plain: yes\n" + inline("db_password", "hunter2-db") + "other: 1\n" + inline("pin", "4711-4711")
    write(tmp_path, "vars/all.yml", text)
    assert found(school, tmp_path) == {"4711-4711", "hunter2-db"}


def test_a_nested_vaulted_value_is_found(school: Config, tmp_path: Path) -> None:
    body = inline("password", "hunter2-deep").replace("\n", "\n    ").rstrip()
    write(tmp_path, "vars/all.yml", f"users:\n  - name: ann\n    {body}\n")
    assert found(school, tmp_path) == {"hunter2-deep"}


def test_the_values_of_a_wholly_vaulted_file_are_found_and_its_keys_are_not(
    school: Config, tmp_path: Path
) -> None:
    plain = "db_password: hunter2-file\nusers:\n  - {token: t0ken-t0ken, active: true, uid: 10042}\n"
    write(tmp_path, "vars/vault.yml", vaulted(plain))
    result = secrets.known_secrets(school, [tmp_path / "vars"], {})
    assert {"hunter2-file", "t0ken-t0ken", "10042"} <= set(result)
    assert not {"db_password", "token", "users", "True"} & set(result)


def test_a_vaulted_extra_variable_is_found(school: Config) -> None:
    values = {"shop": [{"password": {VAULTED: vaulted("hunter2-extra").strip()}}], "n": 1}
    assert set(secrets.known_secrets(school, [], values)) == {"hunter2-extra", PASSWORD}


@pytest.mark.parametrize(
    "name", ["DB_PASSWORD", "api_key", "APIKEY", "GH_TOKEN", "MY_SECRET", "SSH_PRIVATE_KEY"]
)
def test_a_secret_in_the_environment_is_found(
    school: Config, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "hunter2-env")
    monkeypatch.setenv("EDITOR", "vi")
    assert set(secrets.known_secrets(school, [], {})) == {"hunter2-env", PASSWORD}


def test_content_without_vaults_needs_no_password(school: Config, tmp_path: Path) -> None:
    write(tmp_path, "vars/all.yml", "plain: yes\n")
    open_school = school.model_copy(update={"vault_password_files": ()})
    assert secrets.known_secrets(open_school, [tmp_path / "vars"], {}) == []


def test_vaulted_content_without_a_password_is_refused(school: Config, tmp_path: Path) -> None:
    write(tmp_path, "vars/all.yml", inline("a", "hunter2-db"))
    with pytest.raises(ConfigError, match="no vault password is configured") as error:
        secrets.known_secrets(school.model_copy(update={"vault_password_files": ()}), [tmp_path / "vars"], {})
    assert "vault_password_files" in error.value.hint


def test_a_wrong_password_is_refused_with_the_file(school: Config, tmp_path: Path) -> None:
    write(tmp_path, "vars/deep/all.yml", inline("a", "hunter2-db", password="other"))
    with pytest.raises(ConfigError, match=r"deep/all\.yml:1: a vaulted value does not open") as error:
        secrets.known_secrets(school, [tmp_path / "vars"], {})
    assert "hunter2" not in str(error.value)


def test_a_password_file_that_is_missing_is_refused(school: Config, tmp_path: Path) -> None:
    write(tmp_path, "vars/all.yml", inline("a", "hunter2-db"))
    without_password = school.model_copy(update={"vault_password_files": (tmp_path / "lost.txt",)})
    with pytest.raises(ConfigError, match=r"lost\.txt: the vault password cannot be read"):
        secrets.known_secrets(without_password, [tmp_path / "vars"], {})


def test_the_second_of_two_passwords_opens_too(school: Config, tmp_path: Path) -> None:
    second = write(tmp_path, "second.txt", "other\n")
    write(tmp_path, "vars/a.yml", inline("a", "hunter2-one"))
    write(tmp_path, "vars/b.yml", inline("b", "hunter2-two", password="other"))
    both = school.model_copy(update={"vault_password_files": (*school.vault_password_files, second)})
    assert found(both, tmp_path) == {"hunter2-one", "hunter2-two", "other"}


NAME = "v"
SECRET = "hunter2-in-a-vault"


def digits(**keywords: str) -> str:
    return vaulted(SECRET, **keywords).strip()


def escaped() -> str:
    return digits().replace("\n", "\\n")


PLACES: dict[str, tuple[str, Callable[[], str]]] = {
    "block": ("a.yml", lambda: inline(NAME, SECRET)),
    "kept block": ("a.yaml", lambda: inline(NAME, SECRET).replace("|", "|+", 1) + "\n"),
    "block indented by two": ("a", lambda: inline(NAME, SECRET).replace("    ", "  ")),
    "Windows' line ends": ("a.yml", lambda: inline(NAME, SECRET).replace("\n", "\r\n")),
    "folded": ("a.yml", lambda: inline(NAME, SECRET).replace("|", ">", 1)),
    "folded with empty lines": (
        "a.yml", lambda: "v: !vault >\n" + "".join(f"  {line}\n\n" for line in digits().split()),
    ),
    "double quotes": ("a.yml", lambda: f'v: !vault "{escaped()}"\n'),
    "double quotes with an escape": ("a.yml", lambda: f'v: !vault "\\x24{escaped()[1:]}"\n'),
    "double quotes over lines": ("a.yml", lambda: 'v: !vault "' + digits().replace("\n", "\\n\\\n  ") + '"\n'),
    "flow": ("a.yml", lambda: f'v: {{w: [1, !vault "{escaped()}"]}}\n'),
    "single quotes": ("a.yml", lambda: "v: !vault '" + digits().replace("\n", "\n\n  ") + "'\n"),
    "the older tag": ("a.yml", lambda: inline(NAME, SECRET).replace("!vault", "!vault-encrypted")),
    "a tag with an escape": ("a.yml", lambda: f'v: !%76ault "\\x24{escaped()[1:]}"\n'),
    "a tag of another handle": ("a.yml", lambda: f'%TAG !e! !va\n---\nv: !e!ult "\\x24{escaped()[1:]}"\n'),
    "second document": ("a.yml", lambda: "---\nx: 1\n---\n" + inline(NAME, SECRET)),
    "a list in a list": ("a.yml", lambda: "- - a\n  - - !vault |\n        " + digits().replace("\n", "\n        ")),
    "after what is no YAML": ("a.yml", lambda: "x: {{ y }}\n" + inline(NAME, SECRET)),
    "a template": ("a.j2", lambda: "x={{ '" + escaped() + "' | unvault(pw) }}\n"),
    "content of a task": ("a.yml", lambda: "- copy:\n    content: |-\n      " + digits().replace("\n", "\n      ")),
    "JSON inventory": ("hosts.json", lambda: json.dumps({"all": {"vars": {"v": {VAULTED: digits()}}}}, indent="\t")),
    "JSON with an escape": ("a.json", lambda: json.dumps({VAULTED: digits()}).replace("$", "\\u0024")),
    "JSON of Windows": ("a.json", lambda: json.dumps({"v": {VAULTED: digits().replace("\n", "\r\n")}})),
    "INI inventory": ("hosts.ini", lambda: f"[all:vars]\nv={escaped()}\n"),
    "a label": ("a.yml", lambda: inline(NAME, SECRET).replace("1.1;AES256", "1.2;AES256;of the school")),
    "a vaulted file": ("a.txt", lambda: vaulted(SECRET)),
    "a vaulted file of Windows": ("a.txt", lambda: vaulted(SECRET).replace("\n", "\r\n")),
    "a vaulted file with a mark of UTF-8": ("a.txt", lambda: "\ufeff" + vaulted(SECRET)),
    "a vaulted file with a label": ("a.txt", lambda: vaulted(SECRET).replace("1.1;AES256", "1.2;AES256;prod")),
    "a vaulted file without its last line end": ("files/id", lambda: vaulted(SECRET).strip()),
    "a file behind two megabytes": ("a.yml", lambda: "# x\n" * 500_000 + inline(NAME, SECRET)),
    "a vault in a vault": ("a.yml", lambda: vaulted("x: 1\n" + inline(NAME, SECRET))),
}  # fmt: skip


@pytest.mark.parametrize("place", PLACES)
def test_wherever_ansible_would_decrypt_it_a_value_is_found(
    school: Config, tmp_path: Path, place: str
) -> None:
    name, text = PLACES[place]
    path = tmp_path / "vars" / name
    path.parent.mkdir(parents=True)
    path.write_bytes(text().encode())
    assert SECRET in found(school, tmp_path)


@pytest.mark.parametrize("place", sorted(PLACES))
def test_a_value_that_does_not_open_is_named_by_file_and_line(
    school: Config, tmp_path: Path, place: str
) -> None:
    name, text = PLACES[place]
    path = tmp_path / "vars" / name
    path.parent.mkdir(parents=True)
    path.write_bytes(text().encode())
    (tmp_path / "vault.txt").write_text("another\n")
    with pytest.raises(ConfigError, match=rf"^{name}:\d+: a vaulted value does not open") as error:
        found(school, tmp_path)
    assert SECRET not in repr(error.value)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a: 1\nv: !vault |\n  $ANSIBLE_VAULT;1.1;AES256\n  61626\n", 2),
        ("a: 1\nv: !vault hunter2\n", 2),
        ("v: !vault\n", 1),
        ('{"a": 1,\n"b": {"__ansible_vault": "hunter2"}}', 2),
        ("$ANSIBLE_VAULT;1.1;AES256\n", 1),
        ("$ANSIBLE_VAULT;1.0;AES\n6162636465666768696a\n", 1),
        (
            "<<<<<<< HEAD\n$ANSIBLE_VAULT;1.1;AES256\n61626364656667686970\n=======\n",
            2,
        ),  # ansible/ansible#82500
        ("x = $ANSIBLE_VAULT;1.1;AES256\n" + "61626364656667686970\n" * 3, 1),
    ],
)
def test_what_looks_like_a_vault_and_is_none_is_refused(
    school: Config, tmp_path: Path, text: str, line: int
) -> None:
    write(tmp_path, "vars/a.yml", text)
    with pytest.raises(ConfigError, match=rf"^a\.yml:{line}: a vaulted value is damaged") as error:
        found(school, tmp_path)
    assert "Encrypt it again" in error.value.hint


@pytest.mark.parametrize(
    "after", ["control: x", "cafe: 1", "decade : 7", "- c", "# abc", "a.b: c", "fee: {}"]
)
@pytest.mark.parametrize("yaml", [True, False])
def test_what_follows_a_value_is_no_part_of_it(
    school: Config, tmp_path: Path, after: str, yaml: bool
) -> None:
    write(tmp_path, "vars/a.yml", inline(NAME, SECRET) + after + ("\n" if yaml else "\n}} {{\n"))
    assert found(school, tmp_path) == {SECRET}


def test_a_merge_conflict_in_a_vaulted_file_is_refused(school: Config, tmp_path: Path) -> None:
    ours, theirs = vaulted(SECRET).splitlines(), vaulted("hunter2-theirs").splitlines()
    text = [ours[0], "<<<<<<< HEAD", *ours[1:], "=======", *theirs[1:], ">>>>>>> theirs"]
    write(tmp_path, "vars/a.yml", "\n".join(text))
    with pytest.raises(ConfigError, match=r"^a\.yml:1: a vaulted value is damaged"):
        found(school, tmp_path)


def test_words_about_vaults_are_no_vault(school: Config, tmp_path: Path) -> None:
    text = "MARK = '$ANSIBLE_VAULT;'  # a file begins with $ANSIBLE_VAULT;1.1;AES256\nTAG = '!vault'\n"
    write(tmp_path, "vars/a.py", text)
    write(tmp_path, "vars/a.md", text)
    write(tmp_path, "vars/a.yml", "regexp: '^\\$ANSIBLE_VAULT;'\nkey: __ansible_vault\n")
    assert found(school, tmp_path) == set()


NUMBERS = """\
pin: 481516
octal: 01234567
hexadecimal: 0x75BCD
separated: 1_000_005
float: 1.5e+10
exponent: 15e10
sexagesimal: 12:30:45
born: 2001-12-14
at: 2001-12-14t21:59:43.10-05:00
quoted: "00481517"
nested: {list: [2.50, {deep: 77777}], true: 88888}
"""


@pytest.mark.parametrize("whole", [True, False])
def test_a_number_is_known_as_it_is_written_and_as_it_is_printed(
    school: Config, tmp_path: Path, whole: bool
) -> None:
    if whole:
        write(tmp_path, "vars/a.yml", vaulted(NUMBERS))
    else:
        values = [line.partition(": ")[2].strip('"') for line in NUMBERS.splitlines()[:-1]]
        write(tmp_path, "vars/a.yml", "".join(inline(f"v{n}", value) for n, value in enumerate(values)))
    known = found(school, tmp_path)
    for value in (
        "481516", "01234567", "342391", "0x75BCD", "482253", "1_000_005", "1000005", "1.5e+10", "15000000000.0",
        "15e10", "150000000000.0", "12:30:45", "45045", "2001-12-14", "2001-12-14t21:59:43.10-05:00",
        "2001-12-14 21:59:43.100000-05:00", "2001-12-14T21:59:43.100000-05:00", "00481517", "481517",
    ):  # fmt: skip
        assert value in known, value
    if whole:
        assert {"2.50", "77777", "88888"} <= known


def test_json_in_a_vault_is_known_by_its_values(school: Config, tmp_path: Path) -> None:
    text = json.dumps({"a": [481516, {"b": "k\u00f6nig\n\ud83d\ude00"}], "c": True, "d": None}, indent="\t")
    write(tmp_path, "vars/a.json", vaulted(text))
    assert found(school, tmp_path) == {text, "481516", "k\u00f6nig\n\U0001f600"}


def test_tags_in_a_vaulted_file_hide_nothing(school: Config, tmp_path: Path) -> None:
    write(
        tmp_path,
        "vars/a.yml",
        vaulted("a: !unsafe hunter2-unsafe\nb: &x hunter2-b\nc: *x\nd: !odd [hunter2-d]\n"),
    )
    assert {"hunter2-unsafe", "hunter2-b", "hunter2-d"} <= found(school, tmp_path)


def test_of_other_vaulted_files_the_settings_are_known(school: Config, tmp_path: Path) -> None:
    text = "[db]\nPASSWORD=hunter2-env\nexport TOKEN='hunter2-token'\n  secret = \"hunter2-ini\"\n# {{ x }}\n"
    write(tmp_path, "vars/files/env", vaulted(text))
    assert {"hunter2-env", "hunter2-token", "hunter2-ini", text} <= found(school, tmp_path)


def test_bytes_in_a_vault_are_known_as_bytes(school: Config, tmp_path: Path) -> None:
    body = b"\x05\x02\xff\xfe keytab \n\x00 of a host\xdd"
    lib = VaultLib(secrets=[("default", VaultSecret(PASSWORD.encode()))])
    (tmp_path / "vars").mkdir()
    (tmp_path / "vars/host.keytab").write_bytes(lib.encrypt(body))
    masked = Masker(found(school, tmp_path)).text(f"content: {base64.b64encode(body).decode()}")
    assert masked == "content: ********"


def test_ordinary_words_in_a_vault_are_no_secrets(school: Config, tmp_path: Path) -> None:
    write(
        tmp_path,
        "vars/a.yml",
        "".join(inline(f"v{n}", w) for n, w in enumerate(["true", "root", "yes", "42"])),
    )
    assert found(school, tmp_path) == set()


def test_a_link_that_leads_out_is_refused(school: Config, tmp_path: Path) -> None:
    write(tmp_path, "outside.yml", inline("a", SECRET))
    (tmp_path / "vars").mkdir()
    (tmp_path / "vars/a.yml").symlink_to("../outside.yml")
    with pytest.raises(ConfigError, match=r"a\.yml is a link that leads out of the content"):
        found(school, tmp_path)


def test_a_password_in_an_address_of_the_environment_is_found(
    school: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("https_proxy", "http://ann:hunter2%2Fproxy@proxy:3128")  # ansible/awx#10352
    monkeypatch.setenv("no_proxy", "mail@x http://[")
    assert {"hunter2%2Fproxy", "hunter2/proxy"} <= set(secrets.known_secrets(school, [], {}))


def program(tmp_path: Path, text: str, name: str = "bin/password") -> Path:
    path = write(tmp_path, name, f"#!/bin/sh\n{text}\n")
    path.chmod(0o700)
    return path


@pytest.fixture
def content(tmp_path: Path) -> Path:
    write(tmp_path, "vars/a.yml", inline(NAME, SECRET))
    return tmp_path / "vars"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("password", "echo 'open sesame'"),
        ("password.sh", "[ $# = 0 ] && printf 'open sesame'"),
        ("school-client", '[ "$*" = "--vault-id default" ] && echo open sesame'),
        ("school-client.sh", '[ "$*" = "--vault-id default" ] && echo open sesame'),
        ("environment", '[ -z "$LEAK" ] && [ "$KEPT" = yes ] && [ -n "$HOME" ] && echo open sesame'),
        ("folder", "[ -f a.yml ] && echo open sesame"),
    ],
)
def test_a_program_prints_the_password_as_it_does_for_ansible(
    school: Config, tmp_path: Path, content: Path, monkeypatch: pytest.MonkeyPatch, name: str, text: str
) -> None:
    for variable, value in (("LEAK", "x"), ("KEPT", "yes"), ("HOME", str(tmp_path))):
        monkeypatch.setenv(variable, value)
    path = program(tmp_path, text, f"bin/{name}")
    update = {"vault_password_files": (path,), "pass_environment": ("KEPT",), "repository": tmp_path / "repo"}
    assert SECRET in found(school.model_copy(update=update), tmp_path)


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("bin/fails", "echo hunter2-out; exit 3", "ended with code 3"),
        ("bin/silent", "true", "the vault password is empty"),
        ("repo/bin/password", "echo open sesame", "a program of the repository's working tree"),
    ],
)
def test_a_program_that_prints_no_password_is_refused(
    school: Config, tmp_path: Path, content: Path, name: str, text: str, words: str
) -> None:
    update = {"vault_password_files": (program(tmp_path, text, name),), "repository": tmp_path / "repo"}
    with pytest.raises(ConfigError, match=words) as error:
        found(school.model_copy(update=update), tmp_path)
    assert "hunter2" not in repr(error.value) + error.value.hint


def test_what_is_taken_for_a_program_or_for_a_password_by_mistake_is_refused(
    school: Config, tmp_path: Path, content: Path
) -> None:
    (tmp_path / "vault.txt").chmod(0o700)  # ansible/ansible#80070
    update = {"repository": tmp_path / "repo"}
    with pytest.raises(ConfigError, match="cannot be read: Exec format error") as error:
        found(school.model_copy(update=update), tmp_path)
    assert "chmod a-x" in error.value.hint
    (tmp_path / "vault.txt").write_text("#!/bin/sh\necho open sesame\n")  # ansible/ansible#76029
    (tmp_path / "vault.txt").chmod(0o600)
    with pytest.raises(ConfigError, match="a program that nobody may execute"):
        found(school, tmp_path)


def test_a_program_that_waits_is_ended(
    school: Config, tmp_path: Path, content: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vaults, "SECONDS_FOR_A_SCRIPT", 0.2)
    update = {"vault_password_files": (program(tmp_path, "exec sleep 20"),), "repository": tmp_path / "repo"}
    with pytest.raises(ConfigError, match="printed no vault password"):
        found(school.model_copy(update=update), tmp_path)


def test_the_password_of_the_vault_is_a_secret_too(school: Config, tmp_path: Path) -> None:
    assert PASSWORD in secrets.known_secrets(school, [], {})
