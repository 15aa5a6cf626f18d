"""The file of audit rules: looked at before it is written, and put back where the kernel does not accept it.

The kernel's audit is not ours here, so `augenrules` is a double; the scenario shows the true one being refused.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import jinja2
import pytest

from plugins.module_utils.security.audit_rules import faults, keys

ROOT = Path(__file__).parents[3]
OLD, NEW = "-w /etc/group -p wa -k before\n", "-w /etc/passwd -p wa -k fitsom-accounts\n"


class Kernel:
    """A folder of rules, and an augenrules that says what it was told to and keeps what it loaded."""

    def __init__(self, folder: Path):
        self.rules, self.loaded, self.bin = folder / "50-fitsom.rules", folder / "loaded", folder / "bin"
        self.bin.mkdir()

    def answers(self, code: int) -> None:
        program = self.bin / "augenrules"
        program.write_text(
            f"""#!/bin/sh
if [ "$1" = --check ]; then
    cmp -s {self.rules} {self.bin}/rules && echo "$0: No change" || echo "$0: Rules have changed and should be updated"
    exit 0
fi
echo "$@:$(cat {self.rules})" >> {self.loaded}
echo no >&2
[ {code} = 0 ] && cp {self.rules} {self.bin}/rules
exit {code}
"""
        )
        program.chmod(0o755)

    def run(self, check: bool = False, **options: Any) -> dict[str, Any]:
        arguments = {"path": str(self.rules), "_ansible_check_mode": check, "_ansible_diff": True, **options}
        process = subprocess.run(
            [sys.executable, "-c", RUN],
            input=json.dumps(arguments),
            env={**os.environ, "PATH": f"{self.bin}:/usr/bin:/bin"},
            capture_output=True,
            text=True,
            check=False,
            cwd=ROOT,
        )
        result: dict[str, Any] = json.loads(process.stdout or json.dumps({"stderr": process.stderr}))
        return result


RUN = """
import json, sys
import ansible.module_utils.basic as basic
sys.path.insert(0, "")
from ansible.module_utils.testing import patch_module_args
with patch_module_args(json.load(sys.stdin)):
    from plugins.modules import audit_rules
    audit_rules.main()
"""


@pytest.fixture
def kernel(tmp_path: Path) -> Kernel:
    result = Kernel(tmp_path)
    result.answers(0)
    return result


def test_rules_are_written_loaded_and_then_left_alone(kernel: Kernel) -> None:
    predicted = kernel.run(check=True, content=NEW)
    assert (predicted["changed"], kernel.rules.exists(), kernel.loaded.exists()) == (True, False, False)
    process = kernel.run(content=NEW)
    assert (process["changed"], process["event_keys"], kernel.rules.read_text()) == (
        True,
        ["fitsom-accounts"],
        NEW,
    )
    assert process["diff"] == predicted["diff"]
    assert kernel.loaded.read_text() == f"--load:{NEW}"
    assert kernel.rules.stat().st_mode & 0o777 == 0o640
    assert kernel.run(content=NEW)["changed"] is False
    assert kernel.loaded.read_text().count("--load") == 1


def test_a_load_that_is_owed_after_a_run_that_was_killed_is_made(kernel: Kernel) -> None:
    kernel.rules.write_text(NEW)
    predicted = kernel.run(check=True, content=NEW)
    assert predicted["changed"]
    assert "newer than the rules that were loaded" in predicted["diff"]["before"]
    assert not kernel.loaded.exists()
    made = kernel.run(content=NEW)
    assert made["diff"] == predicted["diff"]
    assert kernel.loaded.read_text() == f"--load:{NEW}"
    assert kernel.run(content=NEW)["changed"] is False


def test_rules_that_are_not_sound_are_reported_before_anything_is_written(kernel: Kernel) -> None:
    kernel.rules.write_text(OLD)
    refused = kernel.run(content="-w etc/passwd -p wa -k x\n")
    assert refused["failed"]
    assert "line 1: a watch is" in refused["msg"]
    assert (kernel.rules.read_text(), kernel.loaded.exists()) == (OLD, False)


@pytest.mark.parametrize("old", [OLD, None])
def test_where_the_kernel_refuses_the_old_rules_are_back(kernel: Kernel, old: str | None) -> None:
    if old:
        kernel.rules.write_text(old)
    kernel.answers(4)
    refused = kernel.run(content=NEW)
    assert "did not accept" in refused["msg"]
    assert (kernel.rules.read_text() if kernel.rules.exists() else None) == old
    assert kernel.loaded.read_text().count("--load") == 2
    assert sorted(path.name for path in kernel.rules.parent.iterdir()) == sorted(
        ["bin", "loaded", *(["50-fitsom.rules"] if old else [])]
    )


def test_without_auditd_rules_cannot_be_wanted_but_removed(kernel: Kernel) -> None:
    (kernel.bin / "augenrules").unlink()
    assert "comes with the package auditd" in kernel.run(content=NEW)["msg"]
    kernel.rules.write_text(OLD)
    assert kernel.run(state="absent", check=True)["changed"]
    assert kernel.rules.exists()
    assert kernel.run(state="absent")["changed"]
    assert not kernel.rules.exists()
    assert kernel.run(state="absent")["changed"] is False


def test_our_own_rules_are_sound_and_cover_what_is_to_be_logged() -> None:
    text = jinja2.Template(
        (ROOT / "roles/firewall_rules/templates/50-fitsom.rules.j2").read_text(),
        undefined=jinja2.StrictUndefined,
    ).render()
    assert faults(text) == []
    desired = ("fitsom-accounts", "fitsom-logons", "fitsom-power", "fitsom-time", "fitsom-audit")
    assert keys(text) == desired
    for path in (
        "/etc/passwd",
        "/etc/shadow",
        "/etc/group",
        "/etc/sudoers",
        "/run/faillock",
        "/usr/bin/sudo",
        "/usr/bin/su",
    ):
        assert path in text
