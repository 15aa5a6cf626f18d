# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""restic on this host, run with a repository's settings, which are never on a command line."""

from __future__ import annotations

import json
import os
from typing import Any, Dict, List, Optional, Tuple

from ansible.module_utils.basic import AnsibleModule

FOLDER = "/etc/fitsom/backups"
SETS = FOLDER + "/sets.json"


def settings(name: str, folder: str = FOLDER) -> Dict[str, str]:
    """The environment of one repository, from its file (NAME=value lines, as systemd reads
    them).
    """
    environment = {}
    with open(os.path.join(folder, name + ".env"), encoding="utf-8") as handle:
        for line in handle:
            key, equals, value = line.rstrip("\n").partition("=")
            if equals and not key.startswith("#"):
                environment[key] = value
    return environment


def configured(folder: str = FOLDER) -> Optional[Dict[str, Any]]:
    """Data sets and repositories of this host, as the role wrote them; None where it never came."""
    try:
        with open(os.path.join(folder, "sets.json"), encoding="utf-8") as handle:
            return dict(json.load(handle))
    except FileNotFoundError:
        return None


class Restic:
    """One repository."""

    def __init__(self, module: AnsibleModule, name: str, folder: str = FOLDER) -> None:
        self.module, self.name = module, name
        self.program = module.get_bin_path("restic")
        self.environment = settings(name, folder)

    def run(self, *words: str) -> Tuple[int, str, str]:
        authority = self.environment.get("FITSOM_CACERT")
        command: List[str] = [
            self.program or "restic",
            *(["--cacert", authority] if authority else []),
            *words,
        ]
        code, out, err = self.module.run_command(command, environ_update=self.environment)
        return code, out, self.clean(err)

    def clean(self, text: str) -> str:
        """restic hides the password of a URL, not a password that is elsewhere in its output."""
        for name in ("RESTIC_PASSWORD", "AWS_SECRET_ACCESS_KEY"):
            if self.environment.get(name):
                text = text.replace(self.environment[name], "***")
        return text

    def exists(self) -> bool:
        """Whether the repository is there; fails the module where nobody answers or the key does
        not fit.
        """
        code, _out, err = self.run("cat", "config")
        if code == 0:
            return True
        if "Is there a repository at the following location" in err or "does not exist" in err:
            return False
        self.module.fail_json(msg="the repository %s cannot be opened: %s" % (self.name, last_error(err)))
        return False

    def snapshots(self) -> Tuple[Optional[List[Dict[str, Any]]], str]:
        """All snapshots, or None and why they could not be read."""
        code, out, err = self.run("snapshots", "--json", "--no-lock")
        return (None, last_error(err)) if code else (json.loads(out) or [], "")


def last_error(text: str) -> str:
    lines = [line for line in text.strip().splitlines() if line.strip()]
    fatal = [line for line in lines if line.startswith("Fatal:")]
    return (fatal or lines or ["restic said nothing"])[0][:500]
