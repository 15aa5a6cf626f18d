#!/usr/bin/python
# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A drop-in of the OpenSSH server, tried as part of the whole configuration before it is in
force.
"""

from __future__ import annotations

DOCUMENTATION = r"""
module: sshd_dropin
short_description: Keep a drop-in of the OpenSSH server
description:
  - Writes settings into a file of C(/etc/ssh/sshd_config.d) and has sshd read them again.
    Connections stay.
  - Before that sshd is asked, with a copy of its whole configuration, whether it accepts them, and
    what they come out as. Refused are settings that sshd does not accept, settings that a file
    before ours overrides, and settings that would shut out the login that this run uses.
options:
  path:
    description: The drop-in. The first value wins, so its name should sort before others.
    type: path
    required: true
  settings:
    description: Keywords and values, in this order. None removes the file.
    type: dict
    default: {}
  guard:
    description: Whether settings are refused that would shut out the login that this run uses.
    type: bool
    default: true
  login_by:
    description: How that login was made, where the journal does not say.
    type: str
    choices: [publickey, password]
    default: publickey
author: The fitsom authors (@fitsom)
attributes:
  check_mode:
    description: Asks sshd as well, and reports what would be written.
    support: full
  diff_mode:
    description: The file before and after.
    support: full
"""

EXAMPLES = r"""
- name: Let nobody log in as root
  fitsom.school.sshd_dropin:
    path: /etc/ssh/sshd_config.d/00-fitsom.conf
    settings:
      PermitRootLogin: false
"""

RETURN = r"""
fitsom:
  description: That sshd was asked, and what it said.
  type: dict
  returned: success
"""

import grp
import os
import re
import shutil
from typing import List, Optional

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.baseline.sshd import (
    Effective,
    Login,
    effective,
    faults,
    overridden,
    render,
    shut_out,
)
from ..module_utils.linux import read_exactly, ssh_ends, ssh_user, write_file

CONFIG = "/etc/ssh/sshd_config"
FOLDER = "/etc/ssh/sshd_config.d"
HEAD = "Written by fitsom (role baseline): what is changed here is lost at the next change."


def refuse(module: AnsibleModule, why: str) -> None:
    module.fail_json(msg="Nothing was touched. %s" % why)


def trial(module: AnsibleModule, path: str, text: str) -> str:
    """The whole configuration once more, with our file as it shall be; the path of its
    sshd_config.
    """
    folder = os.path.join(module.tmpdir, "sshd")
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(os.path.join(folder, "d"), mode=0o700)
    for name in os.listdir(FOLDER) if os.path.isdir(FOLDER) else []:
        shutil.copyfile(os.path.join(FOLDER, name), os.path.join(folder, "d", name))
    drop_in = os.path.join(folder, "d", os.path.basename(path))
    if text:
        with open(drop_in, "w", encoding="utf-8") as file:
            file.write(text)
    elif os.path.exists(drop_in):
        os.unlink(drop_in)
    config = os.path.join(folder, "sshd_config")
    with open(config, "w", encoding="utf-8") as file:
        file.write(read_exactly(CONFIG).replace(FOLDER, os.path.join(folder, "d")))
    return config


def login_of(module: AnsibleModule) -> Optional[Login]:
    """The ssh login that this run uses; None if it does not use ssh."""
    ends, account = ssh_ends(), ssh_user()
    if not ends or not account:
        return None
    groups = [grp.getgrgid(gid).gr_name for gid in os.getgrouplist(account.pw_name, account.pw_gid)]
    return Login(account.pw_name, groups, ends[0], accepted_by(module, account.pw_name, ends))


def accepted_by(module: AnsibleModule, user: str, ends: List[str]) -> str:
    """How sshd logged that it accepted this login; else the option login_by."""
    line = "Accepted (\\S+) for %s from %s port %s " % tuple(re.escape(w) for w in (user, ends[0], ends[1]))
    command = ["journalctl", "-q", "--no-pager", "-o", "cat", "-t", "sshd", "-t", "sshd-session", "-g", line]
    _code, out, _err = module.run_command(command)
    methods = re.findall(line, out)
    return str(methods[-1]) if methods else str(module.params["login_by"])


def ask_sshd(module: AnsibleModule, config: str, login: Optional[Login]) -> Effective:
    """What sshd makes of it, for this login."""
    program = module.get_bin_path("sshd", opt_dirs=["/usr/sbin"])
    if not program:
        refuse(module, "There is no OpenSSH server here; set baseline_ssh and baseline_banner to false.")
    code, _out, err = module.run_command([program, "-t", "-f", config])
    if code:
        words = err.strip().replace(os.path.dirname(config), "/etc/ssh").replace("/etc/ssh/d/", FOLDER + "/")
        refuse(module, "sshd does not accept these settings: %s" % words)
    assumed_login = login or Login("nobody", [], "127.0.0.1", "")
    connection = "user=%s,host=%s,addr=%s" % (assumed_login.user, assumed_login.client, assumed_login.client)
    code, out, err = module.run_command([program, "-T", "-f", config, "-C", connection])
    if code:
        refuse(module, "sshd does not say what it makes of these settings: %s" % err.strip())
    return effective(out)


def examine(module: AnsibleModule, text: str) -> None:
    """Refuse what must not come into force."""
    params = module.params
    login = login_of(module)
    in_effect = ask_sshd(module, trial(module, params["path"], text), login)
    if overridden(params["settings"], in_effect):
        refuse(
            module,
            "Another file overrides %s, or %s does not include that folder first: %s."
            % (params["path"], CONFIG, "; ".join(overridden(params["settings"], in_effect))),
        )
    why = shut_out(in_effect, login) if login and params["guard"] else ""
    if why:
        refuse(
            module,
            "These settings of ssh would shut out the login that this run uses: %s." % why,
        )


def write_settings(path: str, text: str) -> None:
    if text:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        write_file(path, text.encode(), 0o644, 0, 0)
    elif os.path.exists(path):
        os.unlink(path)


def main() -> None:
    spec = {
        "path": {"type": "path", "required": True},
        "settings": {"type": "dict", "default": {}},
        "guard": {"type": "bool", "default": True},
        "login_by": {"type": "str", "choices": ["publickey", "password"], "default": "publickey"},
    }
    module = AnsibleModule(argument_spec=spec, supports_check_mode=True)
    path, settings = module.params["path"], module.params["settings"]
    if faults(settings):
        refuse(module, "; ".join(faults(settings)) + ".")
    text = render(settings, HEAD) if settings else ""
    before = read_exactly(path)
    examine(module, text)
    if text != before and not module.check_mode:
        write_settings(path, text)
        if module.run_command(["systemctl", "is-active", "--quiet", "ssh.service"])[0] == 0:
            code, _out, err = module.run_command(["systemctl", "reload", "ssh.service"])
            if code:
                write_settings(path, before)
                module.fail_json(
                    msg="ssh.service did not accept the settings, and has its old ones: %s" % err.strip()
                )
    module.exit_json(
        changed=text != before,
        diff={"before_header": path, "after_header": path, "before": before, "after": text},
        fitsom={"checks": [{"name": "sshd takes the settings", "ok": True, "detail": path}]},
    )


if __name__ == "__main__":
    main()
