# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the printing modules ask of CUPS and of printers on the host they run on."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import Dict, Iterable, List, Optional, Union

from .ipp import (
    CUPS_GET_DEFAULT,
    CUPS_GET_PRINTERS,
    GET_PRINTER,
    SOCKET,
    Group,
    IppError,
    ask,
    every,
)
from .model import ATTRIBUTES, Destination, existing_destinations, first

PRINTER = [
    "printer-make-and-model", "printer-state", "printer-state-reasons", "marker-levels", "marker-names", "marker-types",
    "document-format-supported", "sides-supported", "print-color-mode-supported",
]  # fmt: skip


def installed() -> bool:
    """Whether CUPS is there to be asked; a fresh host has none while its plan is taken."""
    return os.path.exists(SOCKET)


def queues() -> List[Group]:
    """Every queue and pool, as CUPS answers."""
    return every(CUPS_GET_PRINTERS, ATTRIBUTES)


def destinations() -> Dict[str, Destination]:
    """Every queue and pool by name."""
    return existing_destinations(queues())


def default() -> Optional[str]:
    """The name of the queue that is used where nobody names one."""
    answer = every(CUPS_GET_DEFAULT, ["printer-name"])
    return str(first(answer[0], "printer-name", "")) or None if answer else None


def printers(uris: Iterable[str]) -> Dict[str, Union[Group, IppError]]:
    """What each printer itself answers, asked side by side."""
    addresses = sorted(set(uris))
    with ThreadPoolExecutor(max_workers=16) as pool:
        return dict(zip(addresses, pool.map(printer, addresses)))  # noqa: B905 - Python 3.9 knows no `strict`


def printer(uri: str) -> Union[Group, IppError]:
    """One printer's own answer."""
    try:
        answer = ask(uri, GET_PRINTER, PRINTER)
    except IppError as error:
        return error
    return answer[0] if answer else IppError("it answers, but without any attributes")
