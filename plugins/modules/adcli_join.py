#!/usr/bin/python
# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Join a Linux host to an Active Directory domain by adcli, predicted in check mode."""

from __future__ import annotations

DOCUMENTATION = r"""
module: adcli_join
short_description: Join a Linux host to an Active Directory domain
description:
  - Runs C(adcli join) unless C(adcli testjoin) reports that the host is already a member.
  - The password is passed to adcli on its standard input and is not in any argument list.
options:
  domain:
    description: The domain's DNS name.
    type: str
    required: true
  user:
    description: An account with permission to join computers.
    type: str
    required: true
  password:
    description: Its password.
    type: str
    required: true
  unit:
    description: DN of the unit for a new computer account; the domain's default if empty.
    type: str
    default: ""
  keytab:
    description: Path of the host's keytab.
    type: path
    default: /etc/krb5.keytab
attributes:
  check_mode:
    description: Predicts whether the host would join.
    support: full
author: The fitsom authors (@fitsom)
"""

EXAMPLES = r"""
- name: Join the domain
  fitsom.school.adcli_join:
    domain: school.test
    user: joiner
    password: "{{ directory_users_client_join_password }}"
"""

RETURN = r"""
joined_before:
  description: Whether the host was already a member.
  type: bool
  returned: success
"""

from typing import List

from ansible.module_utils.basic import AnsibleModule


def join_command(adcli: str, domain: str, user: str, unit: str, keytab: str) -> List[str]:
    """The command line, without the password."""
    place = ["--domain-ou=%s" % unit] if unit else []
    options = ["--domain=%s" % domain, "--login-user=%s" % user, "--host-keytab=%s" % keytab]
    return [adcli, "join", "--stdin-password", *options, *place]


def main() -> None:
    """Entry point."""
    module = AnsibleModule(
        argument_spec={
            "domain": {"type": "str", "required": True},
            "user": {"type": "str", "required": True},
            "password": {"type": "str", "required": True, "no_log": True},
            "unit": {"type": "str", "default": ""},
            "keytab": {"type": "path", "default": "/etc/krb5.keytab"},
        },
        supports_check_mode=True,
    )
    params = module.params
    adcli = module.get_bin_path("adcli", required=not module.check_mode)
    is_member = False
    if adcli:  # in check mode adcli may not be installed yet
        test = [adcli, "testjoin", "--domain=%s" % params["domain"], "--host-keytab=%s" % params["keytab"]]
        is_member = module.run_command(test)[0] == 0
    diff = {
        "before": "a member of %s\n" % params["domain"] if is_member else "not a member\n",
        "after": "a member of %s\n" % params["domain"],
    }
    if not is_member and not module.check_mode:
        command = join_command(adcli, params["domain"], params["user"], params["unit"], params["keytab"])
        code, _out, stderr = module.run_command(command, data=params["password"])
        if code != 0:
            module.fail_json(msg="the host could not join %s: %s" % (params["domain"], stderr.strip()))
    module.exit_json(changed=not is_member, joined_before=is_member, diff=diff)


if __name__ == "__main__":
    main()
