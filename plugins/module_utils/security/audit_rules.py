# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Rules of auditd: whether they are sound, and by which keys their events are looked up. Pure."""

from __future__ import annotations

import re
from typing import List, Tuple

ARCHES, ACTIONS = ("b32", "b64"), ("always", "never")
LISTS = ("exit", "task", "user", "exclude", "filesystem")
FIELD = re.compile(r"^(?P<name>[a-z_0-9]+)(?P<sign>!=|>=|<=|=|>|<|&=|&)(?P<value>[^=<>&\s]\S*)$")
FIELDS = {
    "arch", "path", "dir", "perm", "key", "auid", "uid", "euid", "suid", "fsuid", "gid", "egid", "exe", "exit",
    "success", "msgtype", "subj_type", "obj_type", "ppid", "pid", "a0", "a1", "a2", "a3",
}  # fmt: skip
CONTROL = re.compile(
    r"^(?:-D|-c|-i|-b \d+|-f [012]|-e [012]|-r \d+|--backlog_wait_time \d+|--loginuid-immutable)$"
)


def faults(rules: str) -> List[str]:
    """What is wrong with a file of audit rules, by line.

    auditctl reads rules only where it may load them immediately.
    """
    problems = []
    for number, line in enumerate(rules.splitlines(), 1):
        text = line.strip()
        if text and not text.startswith("#"):
            problems += ["line %d: %s" % (number, fault) for fault in _fault(text)]
    return problems


def keys(rules: str) -> Tuple[str, ...]:
    """The keys by which events of these rules are looked up, in their order."""
    return tuple(dict.fromkeys(re.findall(r"(?m)^-.*(?:-k |-F key=)(\S+)\s*$", rules)))


def _fault(text: str) -> List[str]:
    if CONTROL.match(text):
        return []
    words = text.split()
    if words[0] == "-w":
        sound = re.match(r"^-w /\S+ -p [rwxa]+ -k \S{1,31}$", text)
        return [] if sound else ["a watch is `-w /path -p rwxa -k key`, not %s" % text]
    if words[0] != "-a" or len(words) % 2:
        return ["%s is not an audit rule" % text]
    return _syscall_rule(list(zip(words[::2], words[1::2])))  # noqa: B905 - Python 3.9 knows no strict


def _syscall_rule(pairs: List[Tuple[str, str]]) -> List[str]:
    problems, last = [], dict(pairs)
    parts = set(last["-a"].split(","))
    if len(parts) != 2 or not parts & set(ACTIONS) or not parts & set(LISTS):
        problems.append("-a takes an action and a list, not %s" % last["-a"])
    for option, value in pairs[1:]:
        if option == "-F":
            field = FIELD.match(value)
            if not field or field["name"] not in FIELDS:
                problems.append("%s is not a condition" % value)
            elif field["name"] == "arch" and field["value"] not in ARCHES:
                problems.append("arch is b32 or b64, not %s" % field["value"])
        elif option not in ("-S", "-k"):
            problems.append("%s is not an option of a rule" % option)
    if "-S" in last and not pairs[1][1].startswith("arch="):
        problems.append("a system call needs its arch before it, since its number depends on that")
    if "-k" not in last:
        problems.append("a rule needs a key, to look its events up by")
    return problems
