# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Debian's PAM profiles: what is in use, and the arguments of pam-auth-update. Pure functions."""

from __future__ import annotations

import re
from typing import Iterable, List, Mapping, Set

#: The parts of /etc/pam.d/common-* that pam-auth-update writes.
TYPES = ("auth", "account", "password", "session", "session-noninteractive")

DEBCONF = """\
Config: answers
Templates: questions

Name: answers
Driver: File
Filename: %(folder)s/answers.dat

Name: questions
Driver: File
Filename: %(folder)s/questions.dat
"""


def in_use(saved: Iterable[str]) -> Set[str]:
    """The profiles that /var/lib/pam/* say are in use."""
    return {name for text in saved for name in re.findall(r"^Module: (\S+)$", text, re.MULTILINE)} - {"null"}


def arguments(enable: Iterable[str], disable: Iterable[str]) -> List[str]:
    words = ["--package"]
    for option, names in (("--enable", list(enable)), ("--disable", list(disable))):
        if names:
            words += [option, *names]
    return words


def modules_of(profile: str) -> List[str]:
    """The files of PAM's modules that a profile names."""
    return sorted(set(re.findall(r"\bpam_[a-z0-9_]+\.so\b", profile)))


def changes(before: Mapping[str, str], after: Mapping[str, str]) -> List[str]:
    """The paths whose text becomes another."""
    return sorted(path for path in {*before, *after} if before.get(path, "") != after.get(path, ""))
