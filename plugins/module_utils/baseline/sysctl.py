# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The kernel's settings: desired values, live values, and which can be set. Pure."""

from __future__ import annotations

import re
from typing import Dict, List, Mapping, NamedTuple, Optional

#: Live value of each setting; None where this kernel has no such setting.
Live = Mapping[str, Optional[str]]

KEY = re.compile(r"[a-z0-9_]+(\.[A-Za-z0-9_/-]+)+")
HEAD = "# Written by fitsom.\n"


class Verdict(NamedTuple):
    """What is done with the settings: `write` live, `refused` by the container, `missing` in this
    kernel.

    `all` are those that can be written. They are, all of them, once one is: forwarding puts others
    back.
    """

    write: Dict[str, str]
    all: Dict[str, str]
    refused: List[str]
    missing: List[str]


def normal(value: object) -> str:
    """A value as one compares it: the kernel parts several numbers by tabs."""
    return " ".join(str(value).split())


def problems(settings: Mapping[str, object]) -> List[str]:
    """Names and values that are none, each with what is wrong."""
    faults = ["%s is not the name of a setting" % key for key in sorted(settings) if not KEY.fullmatch(key)]
    faults += ["%s has no value" % key for key in sorted(settings) if not normal(settings[key])]
    return faults


def ordered(settings: Mapping[str, object]) -> List[str]:
    """Forwarding comes first: to switch it puts others, such as accept_redirects, back to the
    kernel's own values.
    """
    return sorted(settings, key=lambda key: (not key.endswith(("forward", "forwarding")), key))


def text(settings: Mapping[str, object]) -> str:
    """The file that sets them at every start."""
    return HEAD + "".join("%s = %s\n" % (key, normal(settings[key])) for key in ordered(settings))


def judge(settings: Mapping[str, object], live: Live, writable: Mapping[str, bool]) -> Verdict:
    """Which settings differ and can be made, which cannot here, and which this kernel does not
    have.

    With IPv6 switched off its settings are gone, and nothing is missing.
    """
    without_ipv6 = all(live.get(key) is None for key in settings if key.startswith("net.ipv6."))
    missing = sorted(
        key
        for key in settings
        if live.get(key) is None and not (without_ipv6 and key.startswith("net.ipv6."))
    )
    differs = sorted(
        key for key in settings if live.get(key) is not None and normal(live[key]) != normal(settings[key])
    )
    return Verdict(
        write={key: normal(settings[key]) for key in differs if writable.get(key)},
        all={key: normal(settings[key]) for key in settings if writable.get(key)},
        refused=[key for key in differs if not writable.get(key)],
        missing=missing,
    )


def listing(values: Mapping[str, object]) -> str:
    """Lines for a difference."""
    return "".join("%s = %s\n" % (key, normal(values[key])) for key in sorted(values))
