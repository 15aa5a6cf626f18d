"""Certificates, tested with a server that only does TLS handshakes."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from plugins.module_utils.directory import connection
from plugins.module_utils.directory.refusals import DirectoryError

START = datetime.now(UTC)


class Authority:
    """A certificate authority with a folder for its files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test authority")])
        folder.mkdir()
        usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
        own = self._builder(self.name, self.key).add_extension(x509.BasicConstraints(True, None), True)
        self.file = self._write("ca.pem", own.add_extension(usage, True).sign(self.key, hashes.SHA256()))

    def _builder(self, subject: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
        authority_key, subject_key = self.key.public_key(), key.public_key()
        return (
            x509.CertificateBuilder(self.name, subject, subject_key, x509.random_serial_number())
            .not_valid_before(START - timedelta(days=1))
            .not_valid_after(START + timedelta(days=1))
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(subject_key), False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key), False)
        )

    def _write(self, name: str, certificate: x509.Certificate) -> Path:
        path = self.folder / name
        path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        return path

    def context(self, host: str) -> ssl.SSLContext:
        """The TLS context of a server with a certificate for this host."""
        key = ec.generate_private_key(ec.SECP256R1())
        names = x509.SubjectAlternativeName([x509.DNSName(host)])
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, host)])
        path = self._write(
            "host.pem",
            self._builder(subject, key).add_extension(names, False).sign(self.key, hashes.SHA256()),
        )
        plain = serialization.NoEncryption()
        form = serialization.PrivateFormat.PKCS8
        (self.folder / "host.key").write_bytes(key.private_bytes(serialization.Encoding.PEM, form, plain))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path, self.folder / "host.key")
        return context


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "ca")


def serve(context: ssl.SSLContext, listener: socket.socket) -> None:
    """Try one TLS handshake."""
    raw, _ = listener.accept()
    raw.settimeout(5)
    try:
        context.wrap_socket(raw, server_side=True).close()
    except OSError:
        raw.close()


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server_socket:
        yield server_socket


def attempt(listener: socket.socket, context: ssl.SSLContext, ca_file: Path) -> DirectoryError:
    thread = threading.Thread(target=serve, args=(context, listener), daemon=True)
    thread.start()
    server = f"localhost:{listener.getsockname()[1]}"
    login = connection.Login(
        servers=(server,),
        bind_dn="CN=x",
        password="p4ss",
        ca_file=str(ca_file),
        connect_seconds=5,
        answer_seconds=5,
    )
    with pytest.raises(DirectoryError) as caught:
        connection.connect(login)
    thread.join(5)
    assert "p4ss" not in str(caught.value) + repr(login)
    return caught.value


def test_certificate_of_another_host_is_refused(authority: Authority, listener: socket.socket) -> None:
    error = attempt(listener, authority.context("other.test"), authority.file)
    assert isinstance(error, connection.WrongHostError)
    assert "another name" in str(error)


def test_certificate_of_another_authority_is_refused(
    authority: Authority, listener: socket.socket, tmp_path: Path
) -> None:
    other_authority = Authority(tmp_path / "other")
    error = attempt(listener, authority.context("localhost"), other_authority.file)
    assert isinstance(error, connection.UntrustedError)


def test_valid_certificate_gets_as_far_as_the_bind(authority: Authority, listener: socket.socket) -> None:
    assert isinstance(
        attempt(listener, authority.context("localhost"), authority.file), connection.UnreachableError
    )


def test_missing_authority_is_named(tmp_path: Path) -> None:
    login = connection.Login(
        servers=("localhost",), bind_dn="", password="", ca_file=str(tmp_path / "no.pem")
    )
    with pytest.raises(connection.UntrustedError, match=r"no\.pem, cannot be read: No such file"):
        connection.connect(login)


def test_every_server_that_does_not_answer_is_named(authority: Authority, listener: socket.socket) -> None:
    listener.close()
    servers = ("localhost:1", "127.0.0.1:1")
    login = connection.Login(servers=servers, bind_dn="", password="", ca_file=str(authority.file))
    with pytest.raises(connection.UnreachableError, match=r"localhost:1 .*; 127\.0\.0\.1:1 "):
        connection.connect(login)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("dc1.school.test", ("dc1.school.test", 636)),
        ("ldaps://dc1:3269/", ("dc1", 3269)),
        ("[fe80::1]:637", ("fe80::1", 637)),
        ("fe80::1", ("fe80::1", 636)),
    ],
)
def test_servers_are_named_in_the_usual_ways(text: str, address: tuple[str, int]) -> None:
    assert connection._address(text) == address
