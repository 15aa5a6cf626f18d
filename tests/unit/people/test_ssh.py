"""Public keys that are accepted, and signatures by the real ssh-keygen."""

from __future__ import annotations

import base64
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from fitsom_runner.errors import FitsomError, IncompleteError, RefusedError
from fitsom_runner.people import ssh
from tests.ssh_keys import fingerprint_of, make_key, signed

TEXT = '{"comment":"Über"}'.encode()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two keys, and one with a pass phrase."""
    folder = tmp_path_factory.mktemp("keys")
    for name in ("head", "other"):
        make_key(folder / name)
    make_key(folder / "locked", passphrase="secret")
    return folder


@pytest.fixture(autouse=True)
def _no_agent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    monkeypatch.setenv("SSH_ASKPASS", "/bin/false")


def public(path: Path) -> str:
    return ssh.read_public_key(path.with_suffix(".pub")).text


@pytest.mark.parametrize(
    "options",
    [
        ("-t", "ed25519"),
        ("-t", "rsa", "-b", "2048"),
        ("-t", "ecdsa", "-b", "256"),
        ("-t", "ecdsa", "-b", "521"),
    ],
    ids=lambda options: "-".join(options[1::2]),
)
def test_each_type_of_key_is_read_signs_and_verifies(tmp_path: Path, options: tuple[str, ...]) -> None:
    key = make_key(tmp_path / "key", *options)
    read = ssh.read_public_key(tmp_path / "key.pub")
    assert read.fingerprint == fingerprint_of(key) == ssh.fingerprint_of(key)
    assert "somebody" not in read.text, "a comment is anybody's word"
    assert ssh.fault_of(ssh.sign(key, TEXT), read.text, TEXT) == ""


@pytest.mark.parametrize("form", ["{}\r\n", "\ufeff{}\n", "\n  {}  \n\n"], ids=["CRLF", "mark", "blanks"])
def test_a_key_that_went_through_another_system_is_read(folder: Path, tmp_path: Path, form: str) -> None:
    line = folder.joinpath("head.pub").read_text().strip()
    (tmp_path / "key.pub").write_bytes(form.format(line).encode())
    assert ssh.read_public_key(tmp_path / "key.pub").fingerprint == fingerprint_of(folder / "head")


#: Made once with security keys; they cannot be made here.
SECURITY_KEYS = (
    "sk-ssh-ed25519@openssh.com AAAAGnNrLXNzaC1lZDI1NTE5QG9wZW5zc2guY29tAAAAIEFCQ0RFRkdISUpLTE1OT1BRUlNUVVZXWFla"
    "YWJjZGVmAAAABHNzaDo= me",
)


@pytest.mark.parametrize("line", SECURITY_KEYS)
def test_keys_on_tokens_are_read(tmp_path: Path, line: str) -> None:
    path = tmp_path / "key.pub"
    path.write_text(line)
    assert ssh.read_public_key(path).fingerprint == ssh.fingerprint_of(path)


BODY = base64.b64encode(b"\0\0\0\x0bssh-ed25519\0\0\0\x20" + bytes(32)).decode()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is not one public key"),
        ("ssh-ed25519", "is not one public key"),
        ("hello world", "is not one public key"),
        (f'from="*" ssh-ed25519 {BODY}', "is not one public key"),
        (f"ssh-ed25519-cert-v01@openssh.com {BODY}", "is not one public key"),
        (f"ssh-dss {BODY}", "is not one public key"),
        (f"ssh-ed25519 {BODY}\nssh-ed25519 {BODY}", "is not one public key"),
        ("ssh-ed25519 AAAA!", "the key is damaged"),
        (f"ssh-ed25519 {BODY[:40]}", "the key is damaged"),
        (f"ssh-rsa {BODY}", "not of the type ssh-rsa that it names"),
        ("-----BEGIN OPENSSH PRIVATE KEY-----", "is a private key: show it to nobody"),
    ],
)
def test_what_is_no_public_key_is_refused(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "key.pub"
    path.write_text(text)
    with pytest.raises(IncompleteError, match=words):
        ssh.read_public_key(path)


def test_a_key_that_is_too_short_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match="at least 2048 bits"):
        ssh.read_public_key(make_key(tmp_path / "weak", "-t", "rsa", "-b", "1024").with_suffix(".pub"))


def test_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "binary.pub").write_bytes(b"\xff\xfe")
    for path in (tmp_path / "missing.pub", tmp_path, tmp_path / "binary.pub"):
        with pytest.raises(IncompleteError, match="cannot be read"):
            ssh.read_public_key(path)


def test_another_text_key_or_purpose_does_not_verify(folder: Path) -> None:
    head, other = folder / "head", folder / "other"
    signature = ssh.sign(head, TEXT)
    assert ssh.fault_of(signature, public(head), TEXT + b" ") == "it is not by this key over this text"
    assert ssh.fault_of(signature, public(other), TEXT) == "it is not by this key over this text"
    as_file = signed(head, TEXT, namespace="file")
    assert ssh.fault_of(as_file, public(head), TEXT) == "it was made for another purpose than approving"


@pytest.mark.parametrize("signature", ["", "x", "-----BEGIN SSH SIGNATURE-----\n", "\x00\ud800", "\n" * 1000])
def test_what_is_no_signature_does_not_verify(folder: Path, signature: str) -> None:
    assert ssh.fault_of(signature, public(folder / "head"), TEXT) == "it is not a signature of OpenSSH"


def test_an_endless_signature_is_not_read(folder: Path) -> None:
    assert ssh.fault_of("x" * 10**6, public(folder / "head"), TEXT) == "it is too long for a signature"


@pytest.mark.parametrize(
    "key", ["", "ssh-ed25519", "* ssh-ed25519 AAAA", "ssh-ed25519 AAAA\n* ssh-ed25519 AAAA", "é é"]
)
def test_no_key_adds_a_line_to_the_allowed_signers(folder: Path, key: str) -> None:
    assert ssh.fault_of(ssh.sign(folder / "head", TEXT), key, TEXT) == "its key is damaged"


def alone(*words: str) -> list[str]:
    """A command without a terminal, as the timer's."""
    return ["setsid", "--wait", *words]


def test_a_pass_phrase_that_nobody_can_type_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = subprocess.run
    monkeypatch.setattr(subprocess, "run", lambda line, **options: run(alone(*line), **options))
    with pytest.raises(RefusedError, match=r"locked did not sign: .*incorrect passphrase") as refused:
        ssh.sign(folder / "locked", TEXT)
    assert "ssh-add" in refused.value.hint


def test_a_public_key_whose_private_half_is_nowhere_is_named(folder: Path, tmp_path: Path) -> None:
    lonely = tmp_path / "lonely.pub"
    lonely.write_text(folder.joinpath("head.pub").read_text())
    with pytest.raises(RefusedError, match="did not sign: No private key found") as refused:
        ssh.sign(lonely, TEXT)
    assert "ssh-add" in refused.value.hint


def test_a_key_that_others_can_read_is_refused_by_openssh(folder: Path, tmp_path: Path) -> None:
    key = make_key(tmp_path / "open")
    key.chmod(0o644)
    with pytest.raises(RefusedError) as refused:
        ssh.sign(key, TEXT)
    assert "chmod 600" in refused.value.hint
    assert stat.S_IMODE(key.stat().st_mode) == 0o644


@pytest.mark.parametrize("name", ["missing", "-"])
def test_a_key_that_is_not_there_is_named(folder: Path, name: str) -> None:
    with pytest.raises(IncompleteError, match="no such key"):
        ssh.fingerprint_of(folder / name if name != "-" else Path("-"))


def test_what_is_no_key_has_no_fingerprint(tmp_path: Path, folder: Path) -> None:
    for name, text in (("words", "hello"), ("two", folder.joinpath("head.pub").read_text() * 2)):
        (tmp_path / name).write_text(text)
        with pytest.raises(IncompleteError, match="is not one key of OpenSSH"):
            ssh.fingerprint_of(tmp_path / name)
    with pytest.raises(IncompleteError, match="is not one key of OpenSSH"):
        ssh.fingerprint_of(tmp_path)


def test_a_missing_ssh_keygen_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(FitsomError, match="ssh-keygen is not installed") as fault:
        ssh.sign(folder / "head", TEXT)
    assert fault.value.hint == "Install openssh-client."


@pytest.fixture
def agent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An ssh-agent of our own."""
    socket = tmp_path / "agent"
    process = subprocess.Popen(["ssh-agent", "-D", "-a", str(socket)], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert "SSH_AUTH_SOCK" in process.stdout.readline()
        monkeypatch.setenv("SSH_AUTH_SOCK", str(socket))
        yield socket
    finally:
        process.terminate()
        process.communicate()


def test_a_key_in_the_agent_signs_by_its_public_half(agent: Path, folder: Path, tmp_path: Path) -> None:
    key = make_key(tmp_path / "held")
    subprocess.run(["ssh-add", "-q", str(key)], check=True)
    key.unlink()
    signature = ssh.sign(tmp_path / "held.pub", TEXT)
    assert ssh.fault_of(signature, public(key), TEXT) == ""
    subprocess.run(["ssh-add", "-q", "-D"], check=True)
    with pytest.raises(RefusedError, match="No private key found"):
        ssh.sign(tmp_path / "held.pub", TEXT)


def test_an_agent_that_refuses_is_named(agent: Path, tmp_path: Path) -> None:
    key = make_key(tmp_path / "held")
    subprocess.run(["ssh-add", "-q", "-c", str(key)], check=True)  # it asks by a program that always says no
    key.unlink()
    with pytest.raises(RefusedError) as refused:
        ssh.sign(tmp_path / "held.pub", TEXT)
    assert "ssh-agent refused" in refused.value.hint
