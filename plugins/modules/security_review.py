#!/usr/bin/python
# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Look at logons, privilege, certificates, anti-malware and logging of a host; changes nothing."""

from __future__ import annotations

DOCUMENTATION = r"""
module: security_review
short_description: Look at logons, privilege, certificates, anti-malware and logging of a host
description:
  - Counts failed logons by service and address, names who has privileges on the host, reports
    certificates that end soon, the state of ClamAV, and whether logons, uses of privilege and
    changes of accounts are logged, success and failure.
  - Names of people are never reported. The system's own accounts and those of O(known) appear by
    name, others by their number, which only the host resolves. A name with which somebody tried in
    vain to log in never appears.
options:
  ci:
    description: What findings are about, the host's name.
    type: str
    required: true
  days:
    description: How far back the journal is read.
    type: int
    default: 7
  failures:
    description: So many failed logons of one account, or from one address, are a finding.
    type: int
    default: 10
  known:
    description: Accounts, groups (C(%admins)) and keys of root (C(SHA256:...)) that have power and
      should.
    type: list
    elements: str
    default: []
  certificate_days:
    description: A certificate that ends within so many days is a finding.
    type: int
    default: 30
  certificate_paths:
    description: Files and folders with certificates, in addition to the usual ones.
    type: list
    elements: path
    default: []
  tls_ports:
    description: Ports at which TLS begins with the first byte, in addition to the usual ones.
      Others are not asked.
    type: list
    elements: int
    default: []
  antimalware:
    description: What looks for malware by the school's policy.
    type: str
    choices: [none, clamav]
    default: none
  antimalware_days:
    description: For how many days signatures and a scan are good.
    type: int
    default: 7
  audit:
    description: What keeps the record by the school's policy.
    type: str
    choices: [journal, auditd, none]
    default: journal
author: The fitsom authors (@fitsom)
attributes:
  check_mode:
    description: Changes nothing in either mode.
    support: full
  diff_mode:
    description: There is no difference to show.
    support: none
"""

EXAMPLES = r"""
- name: Look at the security of this host
  fitsom.school.security_review:
    ci: srv1
    known: [ansible, "%admins"]
    certificate_paths: [/etc/lab-tls]
"""

RETURN = r"""
logons:
  description: "C({counts, sources, locked_out, locked}): how often, by area, outcome and service;
    failures by address."
  type: dict
  returned: success
privileged:
  description: Who has privileges, except root, C({who, ways, known}).
  type: list
  elements: dict
  returned: success
certificates:
  description: "C({place, service, subject, issuer, not_after, days, serial, self_signed}) of each."
  type: list
  elements: dict
  returned: success
antimalware:
  description: "C({installed, daemon, updater, signatures_days, scanned_days, infected})."
  type: dict
  returned: success
fitsom:
  description: Findings and checks.
  type: dict
  returned: success
"""

import time
from datetime import datetime, timezone
from typing import Any, Dict

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.linux import read_text, uid_of
from ..module_utils.security import antimalware, certificates, certificates_host, host, logging, privileges
from ..module_utils.security import logins_review as logins

SPEC = {
    "ci": {"type": "str", "required": True},
    "days": {"type": "int", "default": 7},
    "failures": {"type": "int", "default": 10},
    "known": {"type": "list", "elements": "str", "default": []},
    "certificate_days": {"type": "int", "default": 30},
    "certificate_paths": {"type": "list", "elements": "path", "default": []},
    "tls_ports": {"type": "list", "elements": "int", "default": []},
    "antimalware": {"type": "str", "choices": ["none", "clamav"], "default": "none"},
    "antimalware_days": {"type": "int", "default": 7},
    "audit": {"type": "str", "choices": ["journal", "auditd", "none"], "default": "journal"},
}
Result = Dict[str, Any]


def review_logons(params: Result, fitsom: Result) -> Result:
    """Counts from the journal; findings go into `fitsom`."""
    try:
        events = host.events(params["days"])
    except OSError as error:
        fitsom["checks"].append({"name": "the journal can be read", "ok": False, "detail": str(error)})
        return {}
    counts = logins.counts(events)
    fitsom["findings"] += logins.findings(params["ci"], events, uid_of, params["failures"], params["days"])
    fitsom["checks"].append(
        {"name": "the journal can be read", "ok": True, "detail": logins.sentence(counts, params["days"])}
    )
    kept_out = logins.locked_out(host.tallies(), read_text("/etc/security/faillock.conf"), time.time())
    accounts = privileges.accounts(read_text("/etc/passwd"))
    return {
        "counts": counts,
        "sources": dict(list(logins.sources(events).items())[:20]),
        "locked_out": kept_out,
        "locked": privileges.locked(read_text("/etc/shadow"), accounts),
    }


def review_privileges(module: AnsibleModule, fitsom: Result) -> Any:
    """Who has power; findings go into `fitsom`."""
    params, names = module.params, privileges.Names(uid_of, module.params["known"])
    passwd, shadow = read_text("/etc/passwd"), read_text("/etc/shadow")
    rules = host.sudo_rules(module)
    if rules is None:
        detail = "cvtsudoers does not read /etc/sudoers; see `visudo -c`"
        fitsom["checks"].append({"name": "the rules of sudo can be read", "ok": False, "detail": detail})
    held_privileges = privileges.privileges_of(passwd, read_text("/etc/group"), rules or {}, host.root_keys())
    fitsom["findings"] += privileges.account_findings(params["ci"], passwd, shadow, names)
    fitsom["findings"] += privileges.findings(params["ci"], held_privileges, names)
    return [
        {
            "who": names.label(privilege.holder),
            "ways": privilege.ways,
            "known": privilege.holder in names.known,
        }
        for privilege in held_privileges
    ]


def review_certificates(module: AnsibleModule, fitsom: Result) -> Any:
    """Certificates in files and of services; findings go into `fitsom`."""
    params, now = module.params, datetime.now(timezone.utc)
    if not module.get_bin_path("openssl"):
        detail = "openssl is not installed"
        fitsom["checks"].append({"name": "certificates can be read", "ok": False, "detail": detail})
        return []
    found_certificates = certificates_host.file_certificates(module, params["certificate_paths"])
    found_certificates += certificates_host.service_certificates(module, params["tls_ports"])
    fitsom["findings"] += certificates.findings(
        params["ci"], found_certificates, now, params["certificate_days"]
    )
    return [certificate.row(now) for certificate in found_certificates]


def review(module: AnsibleModule) -> Result:
    """Everything; each part adds its findings and checks."""
    params = module.params
    fitsom: Result = {"findings": [], "checks": []}
    parts: Result = {
        "logons": review_logons(params, fitsom),
        "privileged": review_privileges(module, fitsom),
        "certificates": review_certificates(module, fitsom),
    }
    guard, now = host.malware(module), time.time()
    required = params["antimalware"] != "none"
    fitsom["findings"] += antimalware.findings(params["ci"], guard, required, now, params["antimalware_days"])
    gaps = logging.gaps(host.logging(module, params["audit"]))
    fitsom["findings"] += logging.findings(params["ci"], gaps)
    fitsom["checks"] += logging.checks(gaps)
    return {**parts, "antimalware": antimalware.row(guard, now), "fitsom": fitsom}


def main() -> None:
    """Entry point."""
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    module.exit_json(changed=False, **review(module))


if __name__ == "__main__":
    main()
