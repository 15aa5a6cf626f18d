#!/usr/bin/python
# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Report stale accounts and members of privileged groups; changes nothing."""

from __future__ import annotations

DOCUMENTATION = r"""
module: directory_review
short_description: Report accounts that nobody uses, and who is in groups with power
description:
  - Reads only. Accounts that came from a roster appear as pseudonyms and counts; only other members of
    privileged groups, which are administrators, appear by the names of their accounts.
options:
  stale_days:
    description: An account that may log in and has not for so many days is stale. AD's record lags by up to 14 days.
    type: int
    default: 90
  privileged_groups:
    description: Names of groups with power. One that is not there is left out.
    type: list
    elements: str
    default: [Domain Admins, Enterprise Admins, Schema Admins, Administrators]
  pseudonym_key:
    description: The same secret as for M(fitsom.school.directory_sync), so that pseudonyms are the same.
    type: str
    required: true
  now:
    description: The moment to reckon from, as C(2026-09-01T08:00:00); the controller's clock if empty.
    type: str
    default: ""
extends_documentation_fragment:
  - fitsom.school.directory
attributes:
  check_mode:
    description: Reads only.
    support: full
author: The fitsom authors (@fitsom)
"""

EXAMPLES = r"""
- name: Look at stale and at privileged accounts
  fitsom.school.directory_review:
    servers: [dc1.school.test]
    base: OU=School,DC=school,DC=test
    bind_dn: CN=fitsom,CN=Users,DC=school,DC=test
    bind_password: "{{ directory_users_bind_password }}"
    ca_file: /etc/fitsom/directory-ca.pem
    pseudonym_key: "{{ directory_users_pseudonym_key }}"
  delegate_to: localhost
"""

RETURN = r"""
stale:
  description: Accounts that nobody uses, C({id, group, last}).
  type: list
  returned: success
privileged:
  description: Members of privileged groups, C({group, account, since, exact, direct}).
  type: list
  returned: success
fitsom:
  description: The same in sentences, for the report.
  type: dict
  returned: success
"""

from collections import Counter
from datetime import datetime, timezone
from typing import Any, Dict, List

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.directory.arguments import ARGUMENTS, login_of, nameless, need_ldap3
from ..module_utils.directory.model import Action, Step
from ..module_utils.directory.objects import circle, pseudonym

SPEC = dict(
    ARGUMENTS,
    stale_days={"type": "int", "default": 90},
    privileged_groups={
        "type": "list",
        "elements": "str",
        "default": ["Domain Admins", "Enterprise Admins", "Schema Admins", "Administrators"],
    },
    pseudonym_key={"type": "str", "required": True, "no_log": True},
    now={"type": "str", "default": ""},
)


def moment(module: AnsibleModule) -> datetime:
    """Until when the reckoning goes."""
    text = module.params["now"]
    try:
        given = datetime.fromisoformat(text) if text else datetime.now().astimezone()
    except ValueError:
        module.fail_json(msg="now is %r, not a moment such as 2026-09-01T08:00:00" % text)
        raise
    return given if given.tzinfo else given.replace(tzinfo=timezone.utc)


def review(module: AnsibleModule) -> Dict[str, Any]:
    """Both lists, and sentences for the report."""
    from ..module_utils.directory import connection, reader
    from ..module_utils.directory import review as look

    given, key = module.params, module.params["pseudonym_key"].encode()
    if not key:
        module.fail_json(msg="pseudonym_key is empty: without it names could be guessed from pseudonyms")
    link = connection.connect(login_of(given))
    mapping = reader.map_for(link, given["kind"], given["base"])
    found = reader.read(link, mapping)
    stale = [
        {"id": pseudonym(key, one.source_id), "group": _circle(found, one.source_id), "last": one.last}
        for one in look.stale(link, mapping, moment(module), given["stale_days"])
    ]
    privileged: List[Dict[str, Any]] = []
    for group in given["privileged_groups"]:
        for one in look.privileged(link, mapping, group) or []:
            account = pseudonym(key, one.source_id) if one.source_id else one.account
            told = {"since": one.since, "exact": one.exact, "direct": one.direct, "ours": bool(one.source_id)}
            privileged.append({"group": group, "account": account, **told})
    link.close()
    return {"stale": stale, "privileged": privileged, "fitsom": facts(stale, privileged, given["stale_days"])}


def _circle(found: Any, source_id: str) -> str:
    return circle(Step(action=Action.UPDATE_USER, key=source_id), found)


def facts(stale: List[Dict[str, Any]], privileged: List[Dict[str, Any]], days: int) -> Dict[str, Any]:
    """What the report says."""
    counts = Counter(row["group"] for row in stale)
    told = ", ".join("%s %d" % pair for pair in sorted(counts.items()))
    ours = sum(row["ours"] for row in privileged)
    checks = [
        {"name": "accounts unused for %d days" % days, "ok": not stale, "detail": told or "none"},
        {
            "name": "nobody of the roster has power",
            "ok": not ours,
            "detail": "%d accounts" % ours if ours else "",
        },
    ]
    return {"checks": checks, "notes": [_sentence(row) for row in privileged]}


def _sentence(row: Dict[str, Any]) -> str:
    word = "since" if row["exact"] else "at the latest since"
    day = ", %s %s" % (word, row["since"]) if row["since"] else ""
    way = "" if row["direct"] else ", by way of another group"
    return "%s: %s%s%s" % (row["group"], row["account"], day, way)


def main() -> None:
    """Entry point."""
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    need_ldap3(module)
    with nameless(module):
        module.exit_json(changed=False, **review(module))


if __name__ == "__main__":
    main()
