# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Versions of Debian packages, ordered as dpkg orders them. Pure functions."""

from __future__ import annotations

import re
from typing import Tuple


def _order(character: str) -> int:
    if character == "~":
        return -1
    return ord(character) if character.isalpha() else ord(character) + 256


def _leading(pattern: str, text: str) -> str:
    match = re.match(pattern, text)
    return match.group() if match else ""


def _compare_part(first: str, second: str) -> int:
    """Debian policy 5.6.12: text and numbers by turns, ~ before the end, letters before the rest."""
    while first or second:
        text_first, text_second = _leading(r"\D*", first), _leading(r"\D*", second)
        for place in range(max(len(text_first), len(text_second))):
            order_first = _order(text_first[place]) if place < len(text_first) else 0
            order_second = _order(text_second[place]) if place < len(text_second) else 0
            if order_first != order_second:
                return -1 if order_first < order_second else 1
        first, second = first[len(text_first) :], second[len(text_second) :]
        digits_first, digits_second = _leading(r"\d*", first), _leading(r"\d*", second)
        if int(digits_first or 0) != int(digits_second or 0):
            return -1 if int(digits_first or 0) < int(digits_second or 0) else 1
        first, second = first[len(digits_first) :], second[len(digits_second) :]
    return 0


def _split(version: str) -> Tuple[int, str, str]:
    epoch, colon, remainder = version.partition(":")
    if not colon:
        epoch, remainder = "0", version
    upstream, _dash, revision = remainder.rpartition("-") if "-" in remainder else (remainder, "", "0")
    return int(epoch), upstream, revision


def compare_versions(first: str, second: str) -> int:
    """-1, 0 or 1, as dpkg orders the two versions."""
    parts_first, parts_second = _split(first), _split(second)
    if parts_first[0] != parts_second[0]:
        return -1 if parts_first[0] < parts_second[0] else 1
    return _compare_part(parts_first[1], parts_second[1]) or _compare_part(parts_first[2], parts_second[2])


def newer(version: str, reference: str) -> bool:
    return compare_versions(version, reference) > 0
