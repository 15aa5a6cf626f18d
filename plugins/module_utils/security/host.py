# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the security review reads on the host that it runs on; changes nothing."""

from __future__ import annotations

import glob
import json
import os
import subprocess
from typing import Any, Dict, Iterator, List, Mapping, Optional, Tuple

from ..linux import assignments, read_text
from . import antimalware
from .audit_rules import keys
from .logging import Logging
from .logins import Event, Reader

AUTH = ("SYSLOG_FACILITY=4", "+", "SYSLOG_FACILITY=10")  # auth and authpriv
FIELDS = "MESSAGE,SYSLOG_IDENTIFIER,_PID"
FAILLOCK = "/run/faillock"
DATABASES = ("cvd", "cld", "cud", "ndb", "ndu", "hdb", "hsb", "ldb")
CLAMAV = "/var/lib/clamav"
AUDIT_RULES = "/etc/audit/rules.d/50-fitsom.rules"


def output_of(module: Any, *words: str) -> str:
    """What a program writes; empty where it is not there or fails."""
    program = module.get_bin_path(words[0], opt_dirs=["/usr/sbin", "/sbin"])
    if not program:
        return ""
    code, out, _error = module.run_command([program, *words[1:]], environ_update={"LC_ALL": "C.UTF-8"})
    return str(out) if code == 0 else ""


def events(days: int) -> List[Event]:
    """Logons, uses of privilege and changes of accounts from the journal; read line by line, since
    it may be long.
    """
    command = ["journalctl", "--quiet", "--no-pager", "--output=json", "--output-fields=%s" % FIELDS]
    reader = Reader()
    with subprocess.Popen([*command, "--since=%d days ago" % days, *AUTH], stdout=subprocess.PIPE) as journal:
        for entry in entries(journal.stdout or []):
            reader.line(*entry)
    if journal.returncode:
        raise OSError("journalctl ended with %d" % journal.returncode)
    return reader.events


def entries(lines: Any) -> Iterator[Tuple[str, str, str, float]]:
    """Program, process, message and moment of each line of `journalctl --output=json`."""
    for line in lines:
        record: Dict[str, Any] = json.loads(line)
        message = record.get("MESSAGE") or ""
        if isinstance(message, list):  # what is no UTF-8 comes as numbers
            message = bytes(message).decode(errors="replace")
        moment = int(record.get("__REALTIME_TIMESTAMP", 0)) / 1000000
        yield str(record.get("SYSLOG_IDENTIFIER", "")), str(record.get("_PID", "")), str(message), moment


def tallies() -> List[bytes]:
    """What pam_faillock has written down, a file for each account."""
    contents = []
    for path in glob.glob("%s/*" % FAILLOCK):
        try:
            with open(path, "rb") as handle:
                contents.append(handle.read())
        except OSError:
            continue
    return contents


def sudo_rules(module: Any) -> Optional[Mapping[str, Any]]:
    """Who may do what by sudo; None where it cannot be read, nothing where there is no sudo."""
    if not os.path.exists("/etc/sudoers"):
        return {}
    try:
        rules: Mapping[str, Any] = json.loads(
            output_of(module, "cvtsudoers", "-e", "-f", "json", "/etc/sudoers")
        )
    except ValueError:
        return None
    return rules


def root_keys() -> str:
    """The keys that log in as root."""
    return "\n".join(read_text("/root/.ssh/%s" % name) for name in ("authorized_keys", "authorized_keys2"))


def logging(module: Any, policy: str) -> Logging:
    """Where and what this host logs."""
    machine = read_text("/etc/machine-id").strip()
    return Logging(
        persistent=bool(machine and glob.glob("/var/log/journal/%s/*.journal" % machine)),
        journal=output_of(module, "systemd-analyze", "cat-config", "systemd/journald.conf"),
        sshd=output_of(module, "sshd", "-T"),
        sudo=output_of(module, "sudo", "-V"),
        pam="\n".join(read_text(path) for path in sorted(glob.glob("/etc/pam.d/*"))),
        policy=policy,
        auditd=output_of(module, "auditctl", "-s") if policy == "auditd" else "",
        loaded=output_of(module, "auditctl", "-l") if policy == "auditd" else "",
        keys=keys(read_text(AUDIT_RULES)),
    )


def malware(module: Any) -> antimalware.State:
    """What there is of ClamAV."""
    if not module.get_bin_path("clamscan"):
        return antimalware.State(installed=False)
    log = read_text(antimalware.LOG)
    return antimalware.State(
        installed=True,
        daemon=unit(module, "clamav-daemon.service"),
        updater=unit(module, "clamav-freshclam.service"),
        signatures=max(signatures(), default=None),
        timer=unit(module, "fitsom-clamscan.timer") == "active",
        scanned=os.stat(antimalware.LOG).st_mtime if log else None,
        scanning=unit(module, "fitsom-clamscan.service") == "activating",
        infected=antimalware.infected(log),
    )


def signatures() -> List[float]:
    """When each database was made; one that does not say so, when it came here."""
    times = []
    for path in glob.glob("%s/*" % CLAMAV):
        if path.rsplit(".", 1)[-1] in DATABASES:
            with open(path, "rb") as handle:
                header = handle.read(512).decode("ascii", errors="replace")
            times.append(antimalware.signatures_built(header) or os.stat(path).st_mtime)
    return times


def unit(module: Any, name: str) -> str:
    """systemd's word for a unit, `active`; empty where there is none."""
    out = output_of(module, "systemctl", "show", "--property=LoadState,ActiveState", "--", name)
    properties = assignments(out)
    return properties.get("ActiveState", "") if properties.get("LoadState") == "loaded" else ""
