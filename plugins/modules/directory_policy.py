#!/usr/bin/python
# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Set the password and lockout policy of an Active Directory domain."""

from __future__ import annotations

DOCUMENTATION = r"""
module: directory_policy
short_description: Set a domain's password and lockout policy
description:
  - The defaults are twelve characters, a lockout after ten wrong passwords, and no expiry.
  - Writes the attributes of the domain itself, which needs write permission; reading needs none.
  - Microsoft's domain controllers restore the settings of the Default Domain Policy. If it differs,
    change it there.
options:
  minimum_length:
    description: Minimum length of a password.
    type: int
    default: 12
  lockout_threshold:
    description: Number of wrong passwords after which an account is locked; 0 is never.
    type: int
    default: 10
  lockout_minutes:
    description: Minutes for which an account stays locked and a wrong password counts.
    type: int
    default: 30
  maximum_age_days:
    description: Days after which a password must be changed; 0 is never.
    type: int
    default: 0
extends_documentation_fragment:
  - fitsom.school.directory
attributes:
  check_mode:
    description: Predicts the settings.
    support: full
  diff_mode:
    description: Each setting before and after.
    support: full
author: The fitsom authors (@fitsom)
"""

EXAMPLES = r"""
- name: Require twelve characters, lock after ten wrong passwords, no expiry
  fitsom.school.directory_policy:
    servers: [dc1.school.test]
    kind: samba
    base: OU=School,DC=school,DC=test
    bind_dn: CN=fitsom,CN=Users,DC=school,DC=test
    bind_password: "{{ directory_users_bind_password }}"
    ca_file: /etc/fitsom/directory-ca.pem
  delegate_to: localhost
"""

RETURN = r"""
before:
  description: The settings before.
  type: dict
  returned: success
after:
  description: The settings after the run, in check mode as predicted.
  type: dict
  returned: success
fitsom:
  description: A check for each setting.
  type: dict
  returned: success
"""

from typing import Any, Dict, Mapping

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.directory.arguments import ARGUMENTS, fail_without_names, login_from, require_ldap3

NEVER = -(2**63)
MINUTE = -600_000_000  # the domain stores tenths of microseconds, negative
DAY = 1440 * MINUTE
ATTRIBUTES = {
    "minimum_length": ("minPwdLength", 1),
    "lockout_threshold": ("lockoutThreshold", 1),
    "lockout_minutes": ("lockoutDuration", MINUTE),
    "counting_minutes": ("lockOutObservationWindow", MINUTE),
    "maximum_age_days": ("maxPwdAge", DAY),
}

SPEC = dict(
    ARGUMENTS,
    minimum_length={"type": "int", "default": 12},
    lockout_threshold={"type": "int", "default": 10},
    lockout_minutes={"type": "int", "default": 30},
    maximum_age_days={"type": "int", "default": 0},
)


def read_settings(entry: Any) -> Dict[str, int]:
    """The domain's settings in characters, minutes and days; never is 0."""
    settings = {}
    for name, (attribute, unit) in ATTRIBUTES.items():
        count = entry.number(attribute)
        settings[name] = 0 if count == NEVER else count // unit
    return settings


def desired_settings(params: Mapping[str, Any]) -> Dict[str, int]:
    settings = {name: params[name] for name in SPEC if name in ATTRIBUTES}
    return dict(settings, counting_minutes=params["lockout_minutes"])


def attribute_values(desired: Mapping[str, int], names: Any) -> Dict[str, Any]:
    """The attributes to write for these settings."""
    values = {}
    for name in names:
        attribute, unit = ATTRIBUTES[name]
        never = name == "maximum_age_days" and not desired[name]
        values[attribute] = [str(NEVER if never else desired[name] * unit)]
    return values


def find_mistake(desired: Mapping[str, int]) -> str:
    """The first setting that the domain would refuse or that would lock everybody out, or empty."""
    if not 0 <= desired["minimum_length"] <= 255:
        return "minimum_length is from 0 to 255"
    if desired["lockout_threshold"] < 0 or desired["lockout_minutes"] < 1 or desired["maximum_age_days"] < 0:
        return "lockout_threshold and maximum_age_days are 0 or more, lockout_minutes is 1 or more"
    return ""


def module_result(before: Mapping[str, int], after: Mapping[str, int], *, is_applied: bool) -> Dict[str, Any]:
    """The module's result; a setting that differs is a failed check unless it `is_applied`."""
    changed = [name for name in after if before[name] != after[name]]
    checks = [
        {
            "name": "domain: %s" % name.replace("_", " "),
            "ok": is_applied or name not in changed,
            "detail": "%d -> %d" % (before[name], after[name]) if name in changed else str(after[name]),
        }
        for name in after
    ]
    lines = {
        which: "".join("%s: %d\n" % pair for pair in settings.items())
        for which, settings in (("before", before), ("after", after))
    }
    return {
        "changed": bool(changed),
        "before": dict(before),
        "after": dict(after),
        "diff": lines,
        "fitsom": {"checks": checks},
    }


def run(module: AnsibleModule) -> Dict[str, Any]:
    from ..module_utils.directory import connection, reader
    from ..module_utils.directory.entry import Entry

    desired = desired_settings(module.params)
    mistake = find_mistake(desired)
    if mistake:
        module.fail_json(msg=mistake)
    link = connection.connect(login_from(module.params))
    mapping = reader.map_for(link, module.params["kind"], module.params["base"])
    entry = link.base(mapping.root, [attribute for attribute, _kind in ATTRIBUTES.values()]) or Entry(
        dn="", values={}
    )
    before = read_settings(entry)
    result = module_result(before, desired, is_applied=not module.check_mode)
    if result["changed"] and not module.check_mode:
        link.replace(
            mapping.root,
            attribute_values(desired, [name for name in desired if before[name] != desired[name]]),
        )
    link.close()
    return result


def main() -> None:
    """Entry point."""
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    require_ldap3(module)
    if module.params["kind"] == "openldap":
        note = (
            "OpenLDAP's password policy is part of the server's configuration (overlay ppolicy): set it there"
        )
        module.exit_json(changed=False, fitsom={"notes": [note]})
    with fail_without_names(module):
        module.exit_json(**run(module))


if __name__ == "__main__":
    main()
