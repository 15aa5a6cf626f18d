#!/usr/bin/python
# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Keep the kernel's settings, live and in a file; report which of them a container cannot make."""

from __future__ import annotations

DOCUMENTATION = r"""
module: kernel_settings
short_description: Keep the kernel's settings, now and at every start
description:
  - Writes the settings into one file of C(/etc/sysctl.d) and into the running kernel, each only
    where it differs.
  - A container shares its machine's kernel and may not change most settings. There it reports which
    ones as a finding.
  - On a real host a setting that cannot be made, or that the kernel does not have, is an error, in
    check mode too.
options:
  path:
    description: The file.
    type: path
    required: true
  settings:
    description: Names and values, as sysctl has them.
    type: dict
    required: true
  ci:
    description: What findings call this host.
    type: str
    required: true
author: The fitsom authors (@fitsom)
attributes:
  check_mode:
    description: Reports what it would write, and which settings cannot be made.
    support: full
  diff_mode:
    description: The file, and the settings of the running kernel.
    support: full
"""

EXAMPLES = r"""
- name: Keep kernel messages from users
  fitsom.school.kernel_settings:
    path: /etc/sysctl.d/60-fitsom.conf
    settings: {kernel.dmesg_restrict: "1"}
    ci: "{{ inventory_hostname }}"
"""

RETURN = r"""
written:
  description: Settings of the running kernel that were made, or in check mode would be.
  type: list
  elements: str
  returned: success
fitsom:
  description: A finding for settings that cannot be made in a container.
  type: dict
  returned: success
"""

import os
from typing import Any, Dict, Iterable, List

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.baseline.sysctl import Verdict, judge, listing, ordered, problems, text
from ..module_utils.findings import Finding, finding
from ..module_utils.linux import text_or_none

PROC = "/proc/sys"


def place(key: str) -> str:
    """The file of a setting; a name of an interface may hold a dot, which sysctl writes as a
    slash.
    """
    return os.path.join(PROC, *(part.replace("/", ".") for part in key.split(".")))


def write(key: str, value: str) -> str:
    """Make a setting; what went wrong, else nothing."""
    try:
        with open(place(key), "w", encoding="utf-8") as handle:
            handle.write(value + "\n")
    except OSError as error:
        return "%s = %s: %s" % (key, value, error.strerror)
    return ""


def in_container(module: AnsibleModule) -> bool:
    code, _out, _err = module.run_command(["systemd-detect-virt", "--quiet", "--container"])
    return bool(code == 0)


def impossible(verdict: Verdict) -> List[str]:
    return ["%s is not in this kernel" % key for key in verdict.missing] + [
        "%s cannot be written" % key for key in verdict.refused
    ]


def container_findings(ci: str, keys: Iterable[str]) -> List[Finding]:
    names = sorted(keys)
    if not names:
        return []
    what = "%d settings of the kernel cannot be made in this container; its machine decides." % len(names)
    return [finding("kernel-not-settable", "informational", ci, what, ", ".join(names))]


def difference(where: str, before: str, after: str) -> Dict[str, str]:
    return {"before_header": where, "after_header": where, "before": before, "after": after}


def apply(module: AnsibleModule, verdict: Verdict, content: str) -> None:
    """The running kernel first: what it refuses must not wait in a file for the next start."""
    values = verdict.all if verdict.write else {}
    failed = [message for message in (write(key, values[key]) for key in ordered(values)) if message]
    if failed:
        module.fail_json(msg="The kernel refuses: %s. Correct them in the variables." % "; ".join(failed))
    path = module.params["path"]
    part = path + ".part"
    with open(part, "w", encoding="utf-8") as handle:
        handle.write(content)
    os.chmod(part, 0o644)
    module.atomic_move(part, path)


def main() -> None:
    spec = {
        "path": {"type": "path", "required": True},
        "settings": {"type": "dict", "required": True},
        "ci": {"type": "str", "required": True},
    }
    module = AnsibleModule(argument_spec=spec, supports_check_mode=True)
    settings: Dict[str, Any] = module.params["settings"]
    faults = problems(settings)
    if faults:
        module.fail_json(msg="Nothing was touched: %s." % "; ".join(faults))
    live = {key: text_or_none(place(key)) for key in settings}
    writable = {key: os.access(place(key), os.W_OK) for key in settings}
    verdict = judge(settings, live, writable)
    hopeless = verdict.missing + verdict.refused
    if hopeless and not in_container(module):
        module.fail_json(
            msg="Nothing was touched: %s. Take them out of the variables." % "; ".join(impossible(verdict))
        )
    before, desired = text_or_none(module.params["path"]) or "", text(settings)
    changed = before != desired or bool(verdict.write)
    if changed and not module.check_mode:
        apply(module, verdict, desired)
    old = {key: live[key] for key in verdict.write}
    diff = [
        difference(module.params["path"], before, desired),
        difference("running kernel", listing(old), listing(verdict.write)),
    ]
    facts = {"findings": container_findings(module.params["ci"], hopeless)}
    module.exit_json(changed=changed, written=sorted(verdict.write), diff=diff, fitsom=facts)


if __name__ == "__main__":
    main()
