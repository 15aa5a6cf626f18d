"""Certificates as openssl really makes and reads them: which end soon, and where they were found."""

from __future__ import annotations

import contextlib
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from plugins.module_utils.security import certificates_host as host
from plugins.module_utils.security.certificates import (
    OPENSSL,
    Certificate,
    blocks,
    common_name,
    configured_paths,
    findings,
    moment,
    parse,
    service_name,
    worst,
)

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)


class Module:
    """What an AnsibleModule does with a command."""

    def run_command(self, words: list[str], data: str, **_options: Any) -> tuple[int, str, str]:
        process = subprocess.run(words, input=data, capture_output=True, text=True, check=False)
        return process.returncode, process.stdout, process.stderr


def make(folder: Path, name: str = "www.school.test", subject: str | None = None, days: int = 30) -> Path:
    """A real certificate with its key in one PEM file, as some services want it."""
    key, certificate, pair = folder / "k", folder / "c", folder / f"{name}.pem"
    command = ["openssl", "req", "-x509", "-utf8", "-nodes", "-newkey", "rsa:2048"]
    words = ["-keyout", str(key), "-out", str(certificate), "-days", str(days)]
    words += ["-subj", subject or f"/O=School/CN={name}"]
    subprocess.run([*command, *words], check=True, capture_output=True)
    pair.write_text(key.read_text() + certificate.read_text())
    key.unlink()
    certificate.unlink()
    return pair


def certificate(place: str = "/etc/ssl/a.pem", days: float = 100, service: bool = False) -> Certificate:
    return Certificate(place, service, "CN=a", "CN=b", NOW + timedelta(days=days), "0A")


def test_a_real_certificate_is_read_and_its_key_is_not_handed_on(tmp_path: Path) -> None:
    path = make(tmp_path)
    (block,) = blocks(path.read_text())
    assert "PRIVATE" not in block
    (item,) = (
        result for result in host.file_certificates(Module(), [str(tmp_path)]) if result.place == str(path)
    )
    assert (item.place, item.service, item.self_signed) == (str(path), False, True)
    assert common_name(item.subject) == "www.school.test"
    assert item.days(datetime.now(UTC)) == 29
    assert int(item.serial, 16) > 0


@pytest.mark.parametrize(
    ("subject", "expected"),
    [
        ("/CN=Schülerserver", "Schülerserver"),
        ("/CN=a, or b/O=x", "a, or b"),
        ("/O=School", "O=School"),
    ],
)
def test_names_are_reported_as_people_write_them(tmp_path: Path, subject: str, expected: str) -> None:
    path = make(tmp_path, "odd", subject)
    (item,) = host.openssl(Module(), blocks(path.read_text())[0], "x")
    assert common_name(item.subject) == expected


def test_what_is_no_certificate_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "bad.pem").write_text("-----BEGIN CERTIFICATE-----\nrubbish\n-----END CERTIFICATE-----\n")
    (tmp_path / "key.pem").write_text("-----BEGIN PRIVATE KEY-----\nx\n-----END PRIVATE KEY-----\n")
    assert [c for c in host.file_certificates(Module(), [str(tmp_path)]) if str(tmp_path) in c.place] == []
    assert parse("subject=CN = x\nnotAfter=whenever\n", "x") is None
    assert parse("", "x") is None


def test_a_bundle_of_authorities_is_not_this_servers_certificate(tmp_path: Path) -> None:
    item = blocks(make(tmp_path).read_text())[0]
    assert len(blocks(item * 3)) == 3
    assert blocks(item * 20) == []


def test_a_date_is_read_in_whatever_language_the_computer_speaks() -> None:
    assert moment("Nov  5 09:08:07 2026 GMT") == datetime(2026, 11, 5, 9, 8, 7, tzinfo=UTC)
    with pytest.raises(ValueError, match="Okt"):
        moment("Okt  5 09:08:07 2026 GMT")


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        (31.5, []),
        (30.5, [("certificate-expires", "warning")]),
        (0.01, [("certificate-expires", "warning")]),
        (0, [("certificate-expired", "exception")]),
        (-0.01, [("certificate-expired", "exception")]),
        (-400, [("certificate-expired", "exception")]),
    ],
)
def test_one_that_ends_soon_is_a_warning_and_one_that_has_an_exception(
    days: float, expected: list[tuple[str, str]]
) -> None:
    rows = findings("srv1", [certificate(days=days)], NOW, 30)
    assert [(row["kind"], row["severity"]) for row in rows] == expected


def test_files_and_services_are_reported_apart() -> None:
    rows = findings("srv1", [certificate(days=3), certificate(service_name(443), 3, True)], NOW, 30)
    assert [row["ci"] for row in rows] == ["srv1: /etc/ssl/a.pem", "srv1: https on port 443"]
    assert rows[0]["what"] == "The file /etc/ssl/a.pem holds a certificate that expires on 2026-11-28."
    assert rows[1]["what"] == "The service https on port 443 shows a certificate that expires on 2026-11-28."
    assert rows[1]["evidence"] == "a, from b, serial 0A"
    assert service_name(4443) == "TLS on port 4443"


def test_a_chain_is_as_good_as_the_link_that_ends_first() -> None:
    chain = [certificate(days=100), certificate(days=5), certificate(days=50)]
    assert worst(chain) == [chain[1]]
    assert len(findings("srv1", chain, NOW, 30)) == 1


@pytest.mark.parametrize(
    ("line", "path"),
    [
        ("\tSSLCertificateFile /etc/apache.pem", "/etc/apache.pem"),
        ("    ssl_certificate /etc/nginx.pem;", "/etc/nginx.pem"),
        ("ssl_cert = </etc/dovecot.pem", "/etc/dovecot.pem"),
        ("smtpd_tls_cert_file=/etc/postfix.pem", "/etc/postfix.pem"),
        ("olcTLSCertificateFile: /etc/slapd.pem", "/etc/slapd.pem"),
        ("\ttls certfile = /etc/samba.pem", "/etc/samba.pem"),
        ("ssl_cert_file = '/etc/postgres.pem'", "/etc/postgres.pem"),
        ("# ssl_certificate /etc/not.pem;", ""),
        ("ssl_certificate_key /etc/not.key;", ""),
        ("SSLCertificateKeyFile /etc/not.key", ""),
    ],
)
def test_configurations_name_certificates(line: str, path: str) -> None:
    assert configured_paths(f"first\n{line}\nlast") == ([path] if path else [])


def test_the_systems_own_authorities_are_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    system = tmp_path / "system"
    system.mkdir()
    (system / "root.crt").write_text("x")
    etc = tmp_path / "etc"
    etc.mkdir()
    (etc / "root.pem").symlink_to(system / "root.crt")
    (etc / "ours.pem").write_text("x")
    (etc / "again.pem").symlink_to(etc / "ours.pem")
    (etc / "notes.txt").write_text("x")
    monkeypatch.setattr(host, "SYSTEM", (f"{system}/",))
    assert host.candidates([str(etc), str(tmp_path / "missing")]) == {str(etc / "ours.pem")}


@contextlib.contextmanager
def server(pem: Path | None) -> Iterator[int]:
    """Something that listens: with TLS, or with a port that says nothing."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if pem:
        context.load_cert_chain(pem)
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            with contextlib.suppress(OSError):
                plain, _peer = listener.accept()
                with contextlib.suppress(OSError), plain:
                    if pem:
                        context.wrap_socket(plain, server_side=True).close()

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        yield listener.getsockname()[1]


def test_a_service_that_listens_shows_its_certificate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host, "TLS_PORTS", {})
    with server(make(tmp_path)) as port:
        assert ("127.0.0.1", port) in host.listening()
        (item,) = host.service_certificates(Module(), [port])
    assert (item.place, item.service) == (f"TLS on port {port}", True)
    assert common_name(item.subject) == "www.school.test"


def test_a_service_without_tls_shows_none() -> None:
    with server(None) as port:
        assert host.presented("127.0.0.1", port) == ""


def test_addresses_of_the_kernel_are_read() -> None:
    assert host.reachable("00000000", socket.AF_INET) == "127.0.0.1"
    assert host.reachable("0501A8C0", socket.AF_INET) == "192.168.1.5"
    assert host.reachable("0" * 32, socket.AF_INET6) == "::1"


def test_openssl_is_asked_for_nothing_that_holds_a_key() -> None:
    assert "-noout" in OPENSSL
