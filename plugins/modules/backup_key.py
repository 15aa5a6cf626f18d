#!/usr/bin/python
# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The key of a host's backups, made once and kept as an encrypted print-out."""

from __future__ import annotations

DOCUMENTATION = r"""
module: backup_key
short_description: The key of a host's backups, made once and kept as an encrypted print-out
description:
  - Runs on the controller. Opens C(HOST.txt) in the folder with the passphrase, or makes a key of
    256 bits and writes it there, encrypted by ansible-vault under words that say what it is. Print
    it, and put it into the safe; the passphrase belongs elsewhere.
  - A print-out that does not open, or holds another key than the host has, is an error, and never
    replaced. One that was lost is made again from the key that the host has.
options:
  host:
    description: Whose key.
    type: str
    required: true
  folder:
    description: Where the print-outs are, on the controller and outside git.
    type: path
    required: true
  passphrase:
    description: Opens them.
    type: str
    required: true
  existing:
    description: The key that the host has already; empty where it has none.
    type: str
    default: ""
  make:
    description: Whether to make it where there is none. Otherwise that is an error, outside check
      mode.
    type: bool
    default: true
author: The fitsom authors (@fitsom)
attributes:
  check_mode:
    description: Predicts a key that is still to be made, and returns none.
    support: full
  diff_mode:
    description: Shows whether it is there, never the key.
    support: full
"""

EXAMPLES = r"""
- name: Open the key
  fitsom.school.backup_key:
    host: srv1
    folder: /srv/fitsom/backup-keys
    passphrase: "{{ vault_backups_escrow_passphrase }}"
  delegate_to: localhost
  no_log: true
"""

RETURN = r"""
content:
  description: The key in base64, since Ansible blots out what came as a secret; empty where it is
    still to be made.
  type: str
  returned: success
"""

import os
import secrets
import tempfile
from base64 import b64encode
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.vault import MARK, VaultError, decrypt, encrypt

PRINT = """\
The key of the backups of %s. Without it nobody can read them, and nobody can make it again.
To open it: save what follows from $ANSIBLE_VAULT on to a file, run "ansible-vault view FILE", and
type the passphrase, which is not on this paper. The result is the password of restic.

"""


def read_key(path: Path, passphrase: str) -> str:
    """The key in the print-out; VaultError says which file and what is wrong with it."""
    text = path.read_bytes()
    if MARK not in text:
        raise VaultError(
            "%s has no key in it: put back the file that was there, or type the print-out in" % path
        )
    try:
        return decrypt(text[text.index(MARK) :], passphrase).decode().strip()
    except VaultError as error:
        raise VaultError("%s does not open: %s. Nothing was touched" % (path, error)) from error


def make(path: Path, host: str, passphrase: str, existing: str) -> str:
    """A new key, on the disk before anything is encrypted with it; where another run was faster,
    the key of that.
    """
    key = existing or secrets.token_urlsafe(32)
    print_out = (PRINT % host).encode() + encrypt(key.encode() + b"\n", passphrase)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle, draft = tempfile.mkstemp(dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(print_out)
            file.flush()
            os.fsync(file.fileno())
        os.link(draft, path)
    except FileExistsError:
        return read_key(path, passphrase)
    finally:
        os.unlink(draft)
    return key


def main() -> None:
    spec = {
        "host": {"type": "str", "required": True},
        "folder": {"type": "path", "required": True},
        "passphrase": {"type": "str", "required": True, "no_log": True},
        "existing": {"type": "str", "default": "", "no_log": True},
        "make": {"type": "bool", "default": True},
    }
    module = AnsibleModule(argument_spec=spec, supports_check_mode=True)
    host, passphrase = module.params["host"], module.params["passphrase"]
    existing = module.params["existing"]
    path = Path(module.params["folder"]) / (host + ".txt")
    exists, key = path.exists(), ""
    try:
        if exists:
            key = read_key(path, passphrase)
            if existing and existing != key:
                raise VaultError(
                    "%s holds another key than %s has; one of them opens the backups. Nothing was touched: find out"
                    " which, and remove the other" % (path, host)
                )
        elif not module.check_mode and module.params["make"]:
            key = make(path, host, passphrase, existing)
        elif not module.check_mode:
            module.fail_json(msg="%s has no key yet: let playbooks/backup.yml run for %s too" % (host, host))
    except VaultError as error:
        module.fail_json(msg=str(error))
    except OSError as error:
        module.fail_json(msg="%s: %s" % (path, error.strerror))
    words = "key of %s: %s\n"
    diff = {"before": words % (host, "there" if exists else "none"), "after": words % (host, "there")}
    module.exit_json(
        changed=module.params["make"] and not exists, content=b64encode(key.encode()).decode(), diff=diff
    )


if __name__ == "__main__":
    main()
