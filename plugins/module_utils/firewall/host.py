# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the firewall modules ask of a host: nft, files, and systemd."""

from __future__ import annotations

import json
import os
import re
import tempfile
from typing import Any, Mapping, Optional

from ansible.module_utils.basic import AnsibleModule

from ..linux import read_exactly
from .nft import FAMILY, TABLE, Block, parse, replacing, text_of
from .words import header

STATE = "/var/lib/fitsom/firewall"
RULES = "/etc/fitsom/firewall/rules.nft"
UNIT = "fitsom-firewall-revert"
# A namespace of its own: nft and the kernel say what our text comes out as, and the live rules are
# not touched.
TRIAL = 'nft -f "$1" && nft -s list table %s %s' % (FAMILY, TABLE)


class Host:
    """The host that a module runs on."""

    def __init__(self, module: AnsibleModule):
        self._module = module
        self.nft = module.get_bin_path("nft", opt_dirs=["/usr/sbin"])

    def run(self, *command: str, check: bool = True) -> tuple[int, str, str]:
        code, out, err = self._module.run_command(list(command))
        if code and check:
            self._module.fail_json(msg="%s failed: %s" % (" ".join(command[:4]), err.strip() or out.strip()))
        return code, out, err

    def live(self, counters: bool = False) -> Optional[list[Block]]:
        """Our table as it is now; None if there is none."""
        if not self.nft:
            return None
        terse = [] if counters else ["-s"]
        code, out, _err = self.run(self.nft, *terse, "list", "table", FAMILY, TABLE, check=False)
        return parse(out) if code == 0 else None

    def all_tables(self) -> dict[str, Any]:
        """Everything that nft knows, as JSON."""
        ruleset: dict[str, Any] = json.loads(self.run(self.nft, "-j", "list", "ruleset")[1])
        return ruleset

    def knows_last(self) -> bool:
        """Whether nft knows the statement `last` (1.1 and later)."""
        _code, out, _err = self.run(self.nft, "--version")
        numbers = out.split(" v")[1].split(" ")[0].split(".")
        return (int(numbers[0]), int(numbers[1])) >= (1, 1)

    def as_loaded(self, text: str) -> list[Block]:
        """What the text comes out as, tried in a network namespace of its own."""
        path = self._scratch(text)
        try:
            code, out, err = self.run("unshare", "--net", "sh", "-c", TRIAL, "sh", path, check=False)
        finally:
            os.unlink(path)
        if code:
            self._module.fail_json(msg="nft does not accept the rules; nothing was touched: %s" % err.strip())
        return parse(out)

    def interface_to(self, address: str) -> str:
        """The interface by which this host reaches an address; empty if that is not known."""
        _code, out, _err = self.run("ip", "-o", "route", "get", address, check=False)
        match = re.search(r" dev (\S+)", out)
        return match[1] if match else ""

    def load(self, path: str) -> None:
        self.run(self.nft, "-f", path)

    def armed(self) -> bool:
        """Whether the old rules are about to come back."""
        return self.run("systemctl", "is-active", "--quiet", UNIT + ".timer", check=False)[0] == 0

    def reverting(self) -> bool:
        _code, out, _err = self.run(
            "systemctl", "show", "--value", "-p", "ActiveState", UNIT + ".service", check=False
        )
        return out.strip() in ("active", "activating")

    def arm(self, path: str, seconds: int) -> None:
        """Have the old rules come back automatically, even if this run or its connection ends."""
        self.run(
            "systemd-run",
            "--quiet",
            "--collect",
            "--unit=" + UNIT,
            "--on-active=%ds" % seconds,
            "--timer-property=AccuracySec=100ms",
            "--description=Bring the old firewall rules back, since nobody confirmed the new ones",
            self.nft,
            "-f",
            path,
        )
        if not self.armed():
            self._module.fail_json(msg="the timer %s did not start; nothing was touched" % UNIT)

    def disarm(self) -> None:
        self.run("systemctl", "stop", UNIT + ".timer")

    def write(self, path: str, text: str) -> None:
        """In one step, and only for root."""
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        scratch = self._scratch(text)
        os.chmod(scratch, 0o600)
        self._module.atomic_move(scratch, path)

    def _scratch(self, text: str) -> str:
        handle, path = tempfile.mkstemp(dir=str(self._module.tmpdir))
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        return path


def stored(path: str) -> list[Block]:
    """The blocks in a file of ours, which begins by removing the table."""
    _removal, begin, body = read_exactly(path).partition("delete table %s %s\n" % (FAMILY, TABLE))
    return parse(body) if begin and body.strip() else []


def file_text(blocks: Optional[list[Block]], words: Mapping[str, str]) -> str:
    """The file that brings these blocks, with what its rules mean; None removes the table."""
    return header(words) + replacing(text_of(blocks) if blocks is not None else "")


def pending() -> dict[str, Any]:
    """What `nft_table` left for `nft_confirm`."""
    text = read_exactly(os.path.join(STATE, "pending.json"))
    record: dict[str, Any] = json.loads(text) if text else {}
    return record
