"""Signatures made and verified by OpenSSH's ssh-keygen: with a key file, a key in ssh-agent, or a security key."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

from fitsom_runner import caller
from fitsom_runner.errors import IncompleteError, RefusedError
from fitsom_runner.reading import visible

NAMESPACE = "approve@fitsom"
#: Accepted types of key, and how many fields the blob of one has.
_FIELDS_OF_TYPE = {
    "ssh-ed25519": 2,
    "ssh-rsa": 3,
    "ecdsa-sha2-nistp256": 3,
    "ecdsa-sha2-nistp384": 3,
    "ecdsa-sha2-nistp521": 3,
    "sk-ssh-ed25519@openssh.com": 3,
    "sk-ecdsa-sha2-nistp256@openssh.com": 4,
}
_MINIMUM_RSA_BITS = 2048
_SIGNATURE_LIMIT = 20_000
_KEY_LINE = re.compile(r"[a-z0-9@.-]+ [A-Za-z0-9+/=]+")
#: Whose name is in a file of allowed signers, which is written for one key and removed: it decides nothing.
_SIGNER = "approver"
_CAUSES = (
    (r"bad permissions|UNPROTECTED", "Others can read it: chmod 600"),
    (r"passphrase", "Type its pass phrase on a terminal, or load it first (ssh-add) and name the .pub file."),
    (r"agent refused|agent.*fail", "ssh-agent refused: confirm its question, or touch the security key."),
    (r"No private key found|find key in agent", "Its private half is neither beside it nor in ssh-agent: ssh-add"),
    (r"device not found|No FIDO|requires? .*FIDO", "Plug in the security key of this key file."),
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class PublicKey:
    """`text`: type and base64, one line, without options or comment; `fingerprint` as OpenSSH prints it."""

    text: str
    fingerprint: str


def read_public_key(path: Path) -> PublicKey:
    """The one key of a .pub file. Raises IncompleteError for anything else, RefusedError for a weak key."""
    try:
        text = (
            caller.current().read(path).decode("utf-8-sig").strip()
        )  # editors on Windows write a mark first
    except (OSError, UnicodeDecodeError) as fault:
        raise IncompleteError(
            f"{path}: cannot be read: {fault}", hint="Name the .pub file of your key."
        ) from fault
    if "PRIVATE KEY" in text:
        raise IncompleteError(f"{path} is a private key: show it to nobody", hint=f"Name {path}.pub")
    words = text.split(None, 2)
    if len(text.splitlines()) != 1 or len(words) < 2 or words[0] not in _FIELDS_OF_TYPE:
        raise IncompleteError(
            f"{path} is not one public key of OpenSSH without options",
            hint=f"One line that begins with {', '.join(_FIELDS_OF_TYPE)}. Make a key with: ssh-keygen -t ed25519",
        )
    try:
        blob = base64.b64decode(words[1], validate=True)
        fields = _fields(blob)
    except (binascii.Error, ValueError) as fault:
        raise IncompleteError(
            f"{path}: the key is damaged", hint="Copy the whole line of the .pub file."
        ) from fault
    if len(fields) != _FIELDS_OF_TYPE[words[0]] or fields[0] != words[0].encode():
        raise IncompleteError(f"{path}: the key is not of the type {words[0]} that it names")
    if words[0] == "ssh-rsa" and int.from_bytes(fields[2]).bit_length() < _MINIMUM_RSA_BITS:
        raise RefusedError(
            f"{path}: an RSA key has at least {_MINIMUM_RSA_BITS} bits",
            hint="Make another: ssh-keygen -t ed25519",
        )
    digest = base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")
    return PublicKey(text=f"{words[0]} {words[1]}", fingerprint=f"SHA256:{digest}")


def fingerprint_of(key: Path) -> str:
    """The fingerprint of a private or public key file. Raises IncompleteError where it is none."""
    result = caller.current().keygen("fingerprint", key)
    if b"No such file" in result.stderr:
        raise IncompleteError(f"{key}: no such key", hint="Name your key: --key ~/.ssh/id_ed25519")
    words = result.stdout.decode(errors="replace").split()
    if result.returncode or result.stdout.count(b"\n") != 1 or not words[1].startswith("SHA256:"):
        raise IncompleteError(
            f"{key} is not one key of OpenSSH", hint="Name your key: --key ~/.ssh/id_ed25519"
        )
    return words[1]


def sign(key: Path, data: bytes) -> str:
    """An armoured signature over `data`. `key`: a private key, or the public half of one in ssh-agent.

    ssh-keygen asks for a pass phrase on the terminal itself; fitsom never sees one. Raises RefusedError.
    """
    result = caller.current().keygen("sign", key, data)
    if result.returncode:
        words = visible(result.stderr.decode(errors="replace").replace("\r", "")).strip()
        hint = next(
            (hint for cause, hint in _CAUSES if re.search(cause, words, re.I)), f"Try: ssh-keygen -y -f {key}"
        )
        raise RefusedError(
            f"{key} did not sign: {words.splitlines()[-1] if words else 'no reason given'}", hint=hint
        )
    return result.stdout.decode("ascii")


def fault_of(signature: str, public_key: str, data: bytes) -> str:
    """Why a signature by this key over `data` does not hold, in words; empty where it does."""
    if len(signature) > _SIGNATURE_LIMIT:
        return "it is too long for a signature"
    if not _KEY_LINE.fullmatch(public_key):  # it is about to become a line of a file
        return "its key is damaged"
    with tempfile.TemporaryDirectory(prefix="fitsom-verify-") as name:
        folder = Path(name)
        allowed, signed = folder / "allowed_signers", folder / "signature"
        allowed.write_text(f'{_SIGNER} namespaces="{NAMESPACE}" {public_key}\n', encoding="ascii")
        signed.write_text(signature, encoding="utf-8", errors="replace")
        files = ["-f", str(allowed), "-s", str(signed)]
        result = caller.ssh_keygen(["-Y", "verify", "-n", NAMESPACE, "-I", _SIGNER, *files], data)
    if result.returncode == 0:
        return ""
    if b"namespace" in result.stderr:
        return "it was made for another purpose than approving"
    if b"parse" in result.stderr or b"armor" in result.stderr:
        return "it is not a signature of OpenSSH"
    return "it is not by this key over this text"


def _fields(blob: bytes) -> list[bytes]:
    """The length-prefixed fields of a key. Raises ValueError where one is cut short."""
    fields = []
    while blob:
        size = int.from_bytes(blob[:4])
        if len(blob) < 4 + size:
            raise ValueError("cut short")
        fields.append(blob[4 : 4 + size])
        blob = blob[4 + size :]
    return fields
