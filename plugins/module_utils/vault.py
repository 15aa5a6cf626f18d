# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""ansible-vault on the controller; neither text nor passphrase touches a disk or an argument
list.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

MARK = b"$ANSIBLE_VAULT;"


class VaultError(Exception):
    """Encryption or decryption failed; the text has nothing of the content."""


def encrypt(content: bytes, passphrase: str) -> bytes:
    """`content` in ansible-vault's own format."""
    encrypted = _vault("encrypt", content, passphrase)
    if not encrypted.startswith(MARK):
        raise VaultError("ansible-vault did not encrypt")
    return encrypted


def decrypt(encrypted: bytes, passphrase: str) -> bytes:
    """What was encrypted; VaultError where the passphrase is another, or the text was altered."""
    return _vault("decrypt", encrypted, passphrase)


def _vault(action: str, content: bytes, passphrase: str) -> bytes:
    """By ansible-vault of this Python's environment."""
    reading, writing = os.pipe()
    try:
        os.write(writing, passphrase.encode() + b"\n")
        os.close(writing)
        program = str(Path(sys.executable).with_name("ansible-vault"))
        secret = ["--vault-password-file", f"/dev/fd/{reading}"]
        command = [program, action, *secret, "--output", "-", "-"]
        process = subprocess.run(
            command, input=content, capture_output=True, pass_fds=(reading,), check=False
        )
    except OSError as error:
        raise VaultError(f"ansible-vault cannot be started: {error.strerror}") from error
    finally:
        os.close(reading)
    if process.returncode:
        raise VaultError(f"ansible-vault could not {action} with this passphrase")
    return process.stdout
