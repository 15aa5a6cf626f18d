#!/usr/bin/env python3
"""Runs commands in turn and tells each that does not end as it must; ends with 1 if there is one.

A task of Ansible costs a second of processor whatever it does, so a story's commands are one task. Standard input: a
list as JSON, each with

  what    the sentence that is told if it is not so
  run     words, or a text for bash
  on      the one host that it is for; argument 1 is this host
  stdin   what the command reads; a line ends
  rc      how it ends: 0 if not given, "not 0", or "any"
  out     the whole of its standard output
  says    a regular expression that must be found in what it says on either output, or several
  silent  one that must not be found there, or several
  within  seconds in which it is tried again until it is so

Standard output: what each said, as JSON, by `what`.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from typing import Any

KNOWN = {"what", "run", "on", "stdin", "rc", "out", "says", "silent", "within"}


def several(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def run(command: str | list[str], stdin: str) -> tuple[int, str, str]:
    words = ["bash", "-c", command] if isinstance(command, str) else command
    lines = f"{stdin}\n" if stdin and not stdin.endswith("\n") else stdin
    done = subprocess.run(words, input=lines, capture_output=True, text=True, errors="replace", check=False)
    return done.returncode, done.stdout, done.stderr


def faults(one: dict[str, Any], code: int, out: str, err: str) -> list[str]:
    wanted, both = one.get("rc", 0), f"{out}\n{err}"
    found = []
    if (wanted == "not 0" and code == 0) or wanted not in (code, "any", "not 0"):
        found.append(f"ended with {code}, not with {wanted}")
    if "out" in one and out.strip("\n") != one["out"].strip("\n"):
        found.append(f"does not say {one['out']!r}")
    missing = [p for p in several(one.get("says", [])) if not re.search(p, both, re.MULTILINE)]
    unwanted = [p for p in several(one.get("silent", [])) if re.search(p, both, re.MULTILINE)]
    found += [f"nothing matches {p!r}" for p in missing] + [f"something matches {p!r}" for p in unwanted]
    return found


def attempt(one: dict[str, Any]) -> tuple[str, list[str]]:
    """What the command said, and what is wrong with it."""
    unknown = set(one) - KNOWN
    if unknown:
        sys.exit(f"{one.get('what')}: {sorted(unknown)} is not known here")
    until = time.monotonic() + one.get("within", 0)
    while True:
        code, out, err = run(one["run"], one.get("stdin", ""))
        wrong = faults(one, code, out, err)
        if not wrong or time.monotonic() >= until:
            told = f"{one['what']}: {'; '.join(wrong)}\n  it said: {out[-2000:]}\n  errors: {err[-2000:]}"
            return out, [told] if wrong else []
        time.sleep(0.5)


def main(host: str) -> int:
    said: dict[str, str] = {}
    wrong: list[str] = []
    for one in json.load(sys.stdin):
        if one.get("on", host) == host:
            said[one["what"]], told = attempt(one)
            wrong += told
    print(json.dumps(said))
    print("\n".join(wrong), file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
