#!/usr/bin/python
# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Profiles of Debian's pam-auth-update, and which of them are in use."""

from __future__ import annotations

DOCUMENTATION = r"""
module: pam_profiles
short_description: Keep profiles of Debian's pam-auth-update
description:
  - Writes profiles into C(/usr/share/pam-configs), and has pam-auth-update switch profiles on and
    off. That merges what other packages (sssd, say) brought, and leaves lines outside its own
    blocks alone.
  - The outcome is found by running pam-auth-update on a copy, in check mode too. A host whose
    C(/etc/pam.d/common-*) were edited by hand within those blocks is refused, as pam-auth-update
    does.
options:
  profiles:
    description: Profiles of our own, name and text. An empty text removes one.
    type: dict
    default: {}
  enable:
    description: Profiles to be in use.
    type: list
    elements: str
    default: []
  disable:
    description: Profiles to be out of use.
    type: list
    elements: str
    default: []
  foreseen:
    description: In check mode, the text of profiles of packages that are not installed yet.
    type: dict
    default: {}
author: The fitsom authors (@fitsom)
attributes:
  check_mode:
    description: Reports what pam-auth-update would write.
    support: full
  diff_mode:
    description: The files before and after.
    support: full
"""

EXAMPLES = r"""
- name: Make a home folder at the first login
  fitsom.school.pam_profiles:
    enable: [mkhomedir]
"""

RETURN = r"""
in_use:
  description: The profiles that are in use afterwards.
  type: list
  elements: str
  returned: success
"""

import glob
import os
import shutil
from typing import Dict, Iterable, List

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.baseline.pam import DEBCONF, TYPES, arguments, changes, in_use, modules_of
from ..module_utils.linux import read_exactly, write_file

PROFILES = "/usr/share/pam-configs"
SAVED = "/var/lib/pam"
PROGRAM = "/usr/sbin/pam-auth-update"
MODULES = ("/usr/lib/*/security/", "/lib/*/security/")


def files(root: str = "") -> Dict[str, str]:
    """What pam-auth-update writes, by path."""
    paths = ["/etc/pam.d/common-" + kind for kind in TYPES]
    return {path: read_exactly(root + path) for path in paths}


def used(root: str) -> List[str]:
    return sorted(in_use(read_exactly("%s%s/%s" % (root, SAVED, kind)) for kind in TYPES))


def profiles(root: str) -> Dict[str, str]:
    return {name: read_exactly(os.path.join(root + PROFILES, name)) for name in os.listdir(root + PROFILES)}


def write_text(path: str, text: str) -> None:
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def copy_of(module: AnsibleModule) -> str:
    """A folder with everything that pam-auth-update reads; in check mode with what a package is
    about to bring.
    """
    root = os.path.join(module.tmpdir, "pam")
    shutil.rmtree(root, ignore_errors=True)
    os.makedirs(root + "/etc/pam.d")
    shutil.copytree(SAVED, root + SAVED)
    shutil.copytree(PROFILES, root + PROFILES)
    for path, text in files().items():
        write_text(root + path, text)
    write_text(root + "/debconf.conf", DEBCONF % {"folder": root})
    arriving = set(module.params["foreseen"]) - set(profiles(root)) if module.check_mode else set()
    for name in arriving:
        write_text(os.path.join(root + PROFILES, name), module.params["foreseen"][name])
    if arriving:
        update(module, root, ["--package"])
    return root


def update(module: AnsibleModule, root: str, words: List[str]) -> None:
    """Run it, on a copy with debconf's answers kept apart.

    It refuses by words, not by its exit code.
    """
    apart = {"DEBCONF_SYSTEMRC": root + "/debconf.conf"} if root else {}
    command = [PROGRAM, *(["--root", root] if root else []), *words]
    code, out, err = module.run_command(
        command, environ_update={"DEBIAN_FRONTEND": "noninteractive", **apart}
    )
    if code or "Local modifications" in out + err:
        module.fail_json(
            msg="Nothing was touched. pam-auth-update does not write /etc/pam.d/common-*, since somebody edited them"
            " by hand; put your lines before or after its blocks, and run it with --force: %s" % err.strip()
        )


def examine(module: AnsibleModule, root: str, words: List[str]) -> None:
    """Try it on the copy.

    Refuse what would leave logins with a module that is not there, or without what was asked.
    """
    params = module.params
    for name, text in params["profiles"].items():
        write_text(os.path.join(root + PROFILES, name), text)
    available = profiles(root)
    missing_profiles = [name for name in params["enable"] if not available.get(name)]
    if missing_profiles:
        module.fail_json(msg="Nothing was touched. PAM has no profile %s" % ", ".join(missing_profiles))
    missing_modules = {
        name
        for text in params["profiles"].values()
        for name in modules_of(text)
        if not any(glob.glob(folder + name) for folder in MODULES)
    }
    if missing_modules:
        module.fail_json(msg="Nothing was touched. PAM has no module %s" % ", ".join(sorted(missing_modules)))
    update(module, root, words)
    left_out = set(params["enable"]) - set(used(root))
    if left_out:
        module.fail_json(
            msg="Nothing was touched. pam-auth-update leaves out %s" % ", ".join(sorted(left_out))
        )


def state(root: str, names: Iterable[str]) -> Dict[str, str]:
    """The text of each file that may change, by path."""
    own_profiles = {"%s/%s" % (PROFILES, name): profiles(root).get(name, "") for name in names}
    return {**files(root), **own_profiles}


def apply(module: AnsibleModule, words: List[str]) -> None:
    """Our profiles, and then the real run; those that go leave only when they are out of use."""
    for name, text in module.params["profiles"].items():
        if text:
            write_file(os.path.join(PROFILES, name), text.encode(), 0o644, 0, 0)
    update(module, "", words)
    for name, text in module.params["profiles"].items():
        path = os.path.join(PROFILES, name)
        if not text and os.path.exists(path):
            os.unlink(path)


def main() -> None:
    spec = {
        "profiles": {"type": "dict", "default": {}},
        "enable": {"type": "list", "elements": "str", "default": []},
        "disable": {"type": "list", "elements": "str", "default": []},
        "foreseen": {"type": "dict", "default": {}},
    }
    module = AnsibleModule(argument_spec=spec, supports_check_mode=True)
    params = module.params
    if not os.path.exists(PROGRAM):
        module.fail_json(msg="Nothing was touched. There is no pam-auth-update here: this is for Debian")
    words, root = arguments(params["enable"], params["disable"]), copy_of(module)
    before = state(root, params["profiles"])
    examine(module, root, words)
    after = state(root, params["profiles"])
    changed_paths = changes(before, after)
    if changed_paths and not module.check_mode:
        apply(module, words)
    module.exit_json(
        changed=bool(changed_paths),
        diff=[
            {"before_header": path, "after_header": path, "before": before[path], "after": after[path]}
            for path in changed_paths
        ],
        in_use=used(root),
    )


if __name__ == "__main__":
    main()
