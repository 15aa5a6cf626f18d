#!/usr/bin/python
# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Join a Linux host to an Active Directory domain by adcli, predicted in check mode."""

from __future__ import annotations

DOCUMENTATION = r"""
module: adcli_join
short_description: Join a Linux host to an Active Directory domain
description:
  - Joins by C(adcli join) unless C(adcli testjoin) says that the host is a member of that domain already.
  - The password is given to adcli on its standard input and stands in no argument list.
options:
  domain:
    description: The domain's DNS name.
    type: str
    required: true
  user:
    description: An account that may join computers.
    type: str
    required: true
  password:
    description: Its password.
    type: str
    required: true
  unit:
    description: DN of the organisational unit for a new computer account; the domain's own default if empty.
    type: str
    default: ""
  keytab:
    description: Where the host keeps its keys.
    type: path
    default: /etc/krb5.keytab
attributes:
  check_mode:
    description: Tells whether it would join.
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
  description: Whether the host was a member already.
  type: bool
  returned: success
"""

from typing import List

from ansible.module_utils.basic import AnsibleModule


def join_command(adcli: str, domain: str, user: str, unit: str, keytab: str) -> List[str]:
    """The call, without the password."""
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
    if adcli:  # in check mode it may be about to be installed
        test = [adcli, "testjoin", "--domain=%s" % params["domain"], "--host-keytab=%s" % params["keytab"]]
        is_member = module.run_command(test)[0] == 0
    diff = {
        "before": "a member of %s\n" % params["domain"] if is_member else "no member\n",
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
