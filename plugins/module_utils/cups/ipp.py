# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Ask printers and CUPS over IPP (RFC 8010 and 8011); reads only.

The plan must report a printer that does not answer before anything is installed on the server, so
this needs nothing but Python: Debian's library, pycups, comes with the packages that the plan is
about, and asks no printer but CUPS.
"""

from __future__ import annotations

import http.client
import socket
import ssl
import struct
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

GET_JOBS, GET_PRINTER, CUPS_GET_DEFAULT, CUPS_GET_PRINTERS = 0x000A, 0x000B, 0x4001, 0x4002
SOCKET = "/run/cups/cups.sock"
CUPS = "ipp://localhost/"
NOT_FOUND = 0x0406

_END, _INTEGER, _BOOLEAN, _ENUM, _COLLECTION, _COLLECTION_END = 0x03, 0x21, 0x22, 0x23, 0x34, 0x37
_TAGS = {"charset": 0x47, "language": 0x48, "uri": 0x45, "keyword": 0x44, "name": 0x42, "integer": _INTEGER}

#: A group of attributes: name to list of values; numbers and booleans as such, everything else as
#: text.
Group = dict[str, list[Any]]


class IppError(Exception):
    """The other side does not answer, or answers with an error; `status` is IPP's, 0 where there
    was none.
    """

    def __init__(self, message: str, status: int = 0):
        super().__init__(message)
        self.status = status


class _Unix(http.client.HTTPConnection):
    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(SOCKET)


def ask(uri: str, operation: int, names: list[str], seconds: float = 5, **attributes: Any) -> list[Group]:
    """The groups of attributes that `uri` answers with: one printer, or one group for each queue or
    job.

    uri: `ipp://` or `ipps://`; CUPS of this machine where the host is localhost.
    attributes: further attributes of the request, with _ for -.
    Raises IppError.
    """
    place = urlsplit(uri)
    link, path = (
        _connection(place.scheme, place.hostname or "", place.port or 631, seconds),
        place.path or "/",
    )
    headers = {"Content-Type": "application/ipp", "Host": place.hostname or ""}
    try:
        link.request("POST", path, _request(uri, operation, names, attributes), headers)
        answer = link.getresponse()
        body = answer.read()
    except (OSError, http.client.HTTPException) as error:
        raise IppError(f"it does not answer: {error or type(error).__name__}") from error
    finally:
        link.close()
    if answer.status != 200:
        raise IppError(f"it answers, but not as a printer: HTTP {answer.status}")
    status, groups = parse(body)
    if status >= 0x0400:
        raise IppError(f"it refuses: IPP status {status:#06x}", status)
    return groups


def every(operation: int, names: list[str], seconds: float = 30, **attributes: Any) -> list[Group]:
    """What CUPS of this machine has, queues or jobs; none where it says that there are none.

    Raises IppError.
    """
    try:
        return [group for group in ask(CUPS, operation, names, seconds, **attributes) if group]
    except IppError as error:
        if error.status == NOT_FOUND:
            return []
        raise


def _connection(scheme: str, host: str, port: int, seconds: float) -> http.client.HTTPConnection:
    if host == "localhost":
        return _Unix(host, timeout=seconds)
    if scheme == "ipps":
        # Printers sign their own certificates; CUPS itself trusts what it saw first. Nothing secret
        # is sent.
        trusting = ssl._create_unverified_context()  # noqa: S323
        return http.client.HTTPSConnection(host, port, timeout=seconds, context=trusting)
    return http.client.HTTPConnection(host, port, timeout=seconds)


def _request(uri: str, operation: int, names: list[str], attributes: dict[str, Any]) -> bytes:
    target_attribute = "job-uri" if "/jobs/" in uri else "printer-uri"
    text = struct.pack(">HHIB", 0x0200, operation, 1, 0x01)
    text += _attribute("charset", "attributes-charset", "utf-8")
    text += _attribute("language", "attributes-natural-language", "en")
    text += (
        _attribute("uri", target_attribute, uri)
        if operation not in (CUPS_GET_DEFAULT, CUPS_GET_PRINTERS)
        else b""
    )
    text += _attribute("name", "requesting-user-name", "root")
    for name, value in attributes.items():
        kind = "integer" if isinstance(value, int) else "keyword"
        text += _attribute(kind, name.replace("_", "-"), value)
    for position, name in enumerate(names):
        text += _attribute("keyword", "" if position else "requested-attributes", name)
    return text + bytes([_END])


def _attribute(kind: str, name: str, value: Any) -> bytes:
    data = struct.pack(">i", value) if isinstance(value, int) else value.encode()
    return struct.pack(">BH", _TAGS[kind], len(name)) + name.encode() + struct.pack(">H", len(data)) + data


def parse(body: bytes) -> tuple[int, list[Group]]:
    """IPP's status and the groups of attributes after the operation's own.

    Raises IppError for what is no IPP.
    """
    try:
        status = struct.unpack_from(">H", body, 2)[0]
        return status, list(_groups(body))[1:]
    except struct.error as error:
        raise IppError("it answers, but not as a printer: what it said is no IPP") from error


def _groups(body: bytes) -> Iterator[Group]:
    """Collections are left out: nothing that is asked for is one."""
    at, depth, name = 8, 0, ""
    group: Group | None = None
    while True:
        (tag,) = struct.unpack_from(">B", body, at)
        at += 1
        if tag < 0x10:
            if group is not None:
                yield group
            if tag == _END:
                return
            group = {}
            continue
        attribute, at = _text(body, at)
        data, at = _text(body, at)
        if tag == _COLLECTION_END:
            depth -= 1
        elif not depth and group is not None:
            name = attribute.decode() or name
            group.setdefault(name, [])
            if tag != _COLLECTION:
                group[name].append(_value(tag, data))
        depth += tag == _COLLECTION


def _text(body: bytes, at: int) -> tuple[bytes, int]:
    (length,) = struct.unpack_from(">H", body, at)
    if at + 2 + length > len(body):
        raise struct.error("cut off")
    return body[at + 2 : at + 2 + length], at + 2 + length


def _value(tag: int, data: bytes) -> Any:
    if tag in (_INTEGER, _ENUM):
        return struct.unpack(">i", data)[0]
    if tag == _BOOLEAN:
        return data != b"\0"
    return data.decode("utf-8", "replace")
