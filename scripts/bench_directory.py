"""Users created per second in the lab: our engine, bare ldap3, and a loop over ldap_entry.

Usage: scripts/bench_directory.py [PEOPLE] [ROUNDS]   (default: 1000 2). Prints figures as JSON.

Bare ldap3 is one connection over LDAPS that adds the same entries as our engine, one after another,
and reads nothing. Its rounds alternate with ours on the same server, and the directory is emptied in
between. The loop over community.general.ldap_entry creates 30 accounts without passwords, then 30
groups with those accounts that belong in them, and is extrapolated to all accounts and groups; it is
skipped if the system's Python does not have python-ldap (Debian: python3-ldap). `again` is a second
run without steps.
"""

from __future__ import annotations

import json
import math
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "molecule/shared")]

from scripts.bench_tools import say  # noqa: E402
from tests.integration.directory_lab import PASSWORD, Directory, lab_directories, run, start, stop  # noqa: E402

# isort: split
from plugins.module_utils.directory import reader  # noqa: E402
from plugins.module_utils.directory.maps import DirectoryMap, Values  # noqa: E402
from plugins.module_utils.directory.model import Action, Group, Roster, Step, User  # noqa: E402
from tests import rosters  # noqa: E402

SAMPLE = 30
PYTHON = "/usr/bin/python3"
LOOP = """\
- hosts: localhost
  gather_facts: false
  vars_files: [{secrets}]
  vars:
    ansible_python_interpreter: {python}
  tasks:
    - community.general.ldap_entry:
        server_uri: "ldaps://{server}"
        ca_path: "{ca}"
        bind_dn: "{{{{ bind_dn }}}}"
        bind_pw: "{{{{ bind_pw }}}}"
        dn: "{{{{ item.dn }}}}"
        objectClass: "{{{{ item.classes }}}}"
        attributes: "{{{{ item.attributes }}}}"
      loop: "{{{{ entries }}}}"
      no_log: true
"""


def entries(mapping: DirectoryMap, steps: list[Step]) -> list[tuple[str, Values]]:
    """The entries that the steps add, as DN and attributes, in order."""
    names = {step.key: mapping.user_dn(step.after) for step in steps if isinstance(step.after, User)}
    added: list[tuple[str, Values]] = []
    for step in steps:
        after = step.after
        if step.action is Action.CREATE_UNIT:
            unit = tuple(step.key.split("/"))
            added.append((mapping.unit_dn(unit), mapping.unit_entry(unit)))
        elif isinstance(after, User):
            added.append((names[step.key], mapping.user_entry(after, PASSWORD, 0)))
        elif isinstance(after, Group):
            members = [names[key] for key in sorted(step.add)]
            added.append((mapping.group_dn(after), mapping.group_entry(after, members)))
    return added


def time_bare_ldap3(directory: Directory, roster: Roster) -> float:
    """Seconds for plain adds on one connection."""
    _, _, steps = directory.plan(roster)
    link = directory.link()
    mapping = reader.map_for(link, directory.kind, directory.base)
    entries_to_add = entries(mapping, steps)
    raw: Any = link._connection  # ldap3's stubs leave its methods without types
    began = time.monotonic()
    for name, values in entries_to_add:
        if not raw.add(name, attributes=values):
            sys.exit(f"a bare add failed: {raw.result['description']}")
    return time.monotonic() - began


def time_engine(directory: Directory, roster: Roster) -> tuple[float, float]:
    """Seconds of the engine, with planning and connecting, and of a second run without steps."""
    began = time.monotonic()
    directory.follow(roster)
    finished = time.monotonic()
    if directory.follow(roster):
        sys.exit("a second run still had steps")
    return finished - began, time.monotonic() - finished


def time_ldap_entry_loop(directory: Directory, roster: Roster, folder: Path) -> float:
    """Seconds for all accounts and groups by a loop over ldap_entry, extrapolated from a sample."""
    _, _, steps = directory.plan(roster)
    link = directory.link()
    mapping = reader.map_for(link, directory.kind, directory.base)
    units = [step for step in steps if step.action is Action.CREATE_UNIT]
    for name, values in entries(mapping, units):
        link.add(name, values)
    sorts = [[s for s in steps if s.action is a] for a in (Action.CREATE_USER, Action.CREATE_GROUP)]
    people, groups = sorts[0][:SAMPLE], sorts[1][:SAMPLE]
    accounts = frozenset(step.key for step in people)
    sample = [*people, *(replace(step, add=step.add & accounts) for step in groups)]
    login = directory.login
    secrets = folder / "secrets.yml"
    secrets.touch(mode=0o600)
    variables = {"bind_dn": login.bind_dn, "bind_pw": login.password, "entries": rows(mapping, sample)}
    secrets.write_text(json.dumps(variables))
    book = folder / "loop.yml"
    book.write_text(LOOP.format(python=PYTHON, secrets=secrets, server=login.servers[0], ca=login.ca_file))
    empty = folder / "none.yml"
    empty.write_text(book.read_text().replace('"{{ entries }}"', "[]"))
    seconds = [timed("ansible-playbook", str(path)) for path in (empty, book)]
    return math.fsum((seconds[1] - seconds[0]) * len(sort) / len(sample) for sort in sorts)


def rows(mapping: DirectoryMap, steps: list[Step]) -> list[dict[str, Any]]:
    """Options of ldap_entry: without bytes, so without passwords, so the accounts are disabled."""
    items = []
    for name, values in entries(mapping, steps):
        texts = {
            key: [str(value) for value in attribute_values]
            for key, attribute_values in values.items()
            if key != "unicodePwd"
        }
        if "userAccountControl" in texts:
            texts["userAccountControl"] = ["514"]
        items.append({"dn": name, "classes": texts.pop("objectClass"), "attributes": texts})
    return items


def timed(*words: str) -> float:
    began = time.monotonic()
    process = run(*words)
    if process.returncode:
        sys.exit(f"{words[0]} failed:\n{process.stdout[-2000:]}{process.stderr[-2000:]}")
    return time.monotonic() - began


def has_python_ldap() -> bool:
    """Whether the system has python-ldap, which the module needs and fitsom does not install."""
    return subprocess.run([PYTHON, "-c", "import ldap"], capture_output=True, check=False).returncode == 0


def measure(directory: Directory, people: int, rounds: int, folder: Path) -> dict[str, Any]:
    """All figures of one directory."""
    roster = rosters.make_school(people)
    times: dict[str, list[float]] = {"bare": [], "fitsom": [], "again": []}
    for number in range(rounds):
        directory.wipe()
        times["bare"].append(time_bare_ldap3(directory, roster))
        directory.wipe()
        first_run, second_run = time_engine(directory, roster)
        times["fitsom"].append(first_run)
        times["again"].append(second_run)
        times_so_far = ", ".join(f"{name} {values[-1]:.1f} s" for name, values in times.items())
        say(f"{directory.kind}, {people} people, round {number + 1}: {times_so_far}")
    ratio = statistics.median(b / f for b, f in zip(times["bare"], times["fitsom"], strict=True))
    figures: dict[str, Any] = {
        "directory": directory.kind,
        "people": people,
        "seconds": {name: round(statistics.median(values), 2) for name, values in times.items()},
        "users a second": round(people / statistics.median(times["fitsom"]), 1),
        "fitsom's speed / bare ldap3's": round(ratio, 2),
    }
    if directory.kind == "samba" and has_python_ldap():
        directory.wipe()
        loop_seconds = time_ldap_entry_loop(directory, roster, folder)
        figures["ldap_entry, seconds"] = round(loop_seconds)
        figures["fitsom's speed / ldap_entry's"] = round(loop_seconds / statistics.median(times["fitsom"]), 1)
    directory.wipe()
    return figures


def main() -> None:
    people, rounds = ([int(word) for word in sys.argv[1:]] + [1000, 2][len(sys.argv) - 1 :])[:2]
    folder = Path(tempfile.mkdtemp(prefix="fitsom-bench-"))
    say("starting a Samba domain and an OpenLDAP server")
    try:
        directories = lab_directories(start(folder))
        figures = [measure(directory, people, rounds, folder) for directory in directories.values()]
    finally:
        stop(folder)
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
