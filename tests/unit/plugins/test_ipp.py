"""IPP as printers speak it: what is asked, what is understood, and what is none."""

from __future__ import annotations

import http.server
import struct
import threading
from collections.abc import Iterator

import pytest

from plugins.module_utils.cups.ipp import GET_PRINTER, IppError, ask, parse

HEAD = struct.pack(">HHI", 0x0200, 0, 1)
CHARSET = b"\x47\x00\x12attributes-charset\x00\x05utf-8"


def value(tag: int, name: str, data: bytes) -> bytes:
    return struct.pack(">BH", tag, len(name)) + name.encode() + struct.pack(">H", len(data)) + data


STATE = value(0x23, "printer-state", struct.pack(">i", 5))
REASONS = value(0x44, "printer-state-reasons", b"media-jam") + value(0x44, "", b"toner-low")
COLLECTION = (
    value(0x34, "media-col-default", b"")
    + value(0x4A, "", b"media-size")
    + value(0x34, "", b"")
    + value(0x4A, "", b"x-dimension")
    + value(0x21, "", struct.pack(">i", 21000))
    + value(0x37, "", b"")
    + value(0x37, "", b"")
)
BODY = (
    HEAD
    + b"\x01"
    + CHARSET
    + b"\x04"
    + STATE
    + COLLECTION
    + REASONS
    + value(0x22, "shared", b"\1")
    + b"\x04"
    + STATE
    + b"\x03"
)


def test_groups_values_and_booleans_are_read_and_collections_left_out() -> None:
    status, groups = parse(BODY)
    assert status == 0
    assert [group["printer-state"] for group in groups] == [[5], [5]]
    assert groups[0]["printer-state-reasons"] == ["media-jam", "toner-low"]
    assert groups[0]["shared"] == [True]
    assert "x-dimension" not in groups[0]


@pytest.mark.parametrize("body", [b"", b"<html>", HEAD, BODY[:-1], BODY[:40]], ids=range(5))
def test_what_is_no_ipp_is_reported(body: bytes) -> None:
    with pytest.raises(IppError, match="not as a printer"):
        parse(body)


class Printer(http.server.BaseHTTPRequestHandler):
    asked: bytes = b""
    answers: tuple[int, bytes] = (200, BODY)

    def do_POST(self) -> None:
        type(self).asked = self.rfile.read(int(self.headers["Content-Length"]))
        code, body = self.answers
        self.send_response(code)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def printer() -> Iterator[str]:
    server = http.server.HTTPServer(("127.0.0.1", 0), Printer)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"ipp://127.0.0.1:{server.server_port}/ipp/print"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_printer_is_asked_for_what_is_wanted(printer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Printer, "answers", (200, BODY))
    assert ask(printer, GET_PRINTER, ["printer-state", "marker-levels"])[0]["printer-state"] == [5]
    assert Printer.asked[:4] == b"\x02\x00\x00\x0b"
    _status, groups = parse(Printer.asked[:8] + b"\x01\x04" + Printer.asked[9:])
    assert groups[0]["requested-attributes"] == ["printer-state", "marker-levels"]
    assert groups[0]["printer-uri"] == [printer]


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ((404, b""), "HTTP 404"),
        ((200, b"hello"), "no IPP"),
        ((200, struct.pack(">HHI", 0x0200, 0x0406, 1) + b"\x01" + CHARSET + b"\x03"), "0x0406"),
    ],
)
def test_a_refusal_is_reported(
    printer: str, monkeypatch: pytest.MonkeyPatch, answers: tuple[int, bytes], expected: str
) -> None:
    monkeypatch.setattr(Printer, "answers", answers)
    with pytest.raises(IppError, match=expected):
        ask(printer, GET_PRINTER, ["printer-state"])


def test_nobody_there_is_reported() -> None:
    with pytest.raises(IppError, match="does not answer"):
        ask("ipp://127.0.0.1:9/ipp/print", GET_PRINTER, ["printer-state"])
