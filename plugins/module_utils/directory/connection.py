# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Connect to a directory over LDAPS with a verified certificate; errors have no names of people."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .entry import Entry
from .ldap import LDAPException, LDAPExceptionError, Tls, ldap3
from .refusals import (
    NO_SUCH_OBJECT,
    SUCCESS,
    WRONG_PASSWORD,
    DirectoryError,
    explain,
)

PORT = 636
PAGE = 1000
# Adding an existing value, or removing a missing one, is not an error: a run can be repeated.
PERMISSIVE = "1.2.840.113556.1.4.1413"

Values = Mapping[str, Sequence[bytes | str]]
Change = tuple[str, list[Any]]  # an operation of ldap3 and its values


class UnreachableError(DirectoryError):
    """No server could be reached."""


class WrongPasswordError(DirectoryError):
    """The server refuses the bind DN with this password."""


class UntrustedError(DirectoryError):
    """The server's certificate is not signed by the given certificate authority."""


class WrongHostError(DirectoryError):
    """The server's certificate does not have the name by which the server was reached."""


@dataclass(frozen=True, kw_only=True)
class Login:
    """Servers and credentials. `servers` are "name" or "name:port"; the first to answer is used."""

    servers: tuple[str, ...]
    bind_dn: str
    password: str = field(repr=False)
    ca_file: str
    connect_seconds: int = 10
    answer_seconds: int = 120


class _StrictTls(Tls):
    """Verifies host names as Python does, which is stricter than ldap3 and states the reason."""

    failure: Exception | None = None

    def wrap_socket(self, connection: Any, do_handshake: bool = False) -> None:
        try:
            context = ssl.create_default_context(cafile=self.ca_certs_file)
            connection.socket = context.wrap_socket(
                connection.socket,
                server_hostname=connection.server.host,
                do_handshake_on_connect=do_handshake,
            )
        except Exception as error:
            self.failure = error
            raise


class Link:
    """One open connection; not safe for use by two threads at once."""

    def __init__(self, connection: ldap3.Connection, server: str) -> None:
        self._connection = connection
        self.server = server

    def search(
        self, base: str, filter_text: str, attributes: Sequence[str], *, scope: str = "SUBTREE"
    ) -> Iterator[Entry]:
        """All matching entries, read in pages."""
        cookie: bytes | None = None
        while True:
            options = {"paged_size": PAGE, "paged_cookie": cookie} if scope != ldap3.BASE else {}
            result = self._call(
                self._connection.search, base, filter_text, scope, attributes=list(attributes), **options
            )
            yield from map(_entry, filter(_is_entry, self._connection.response or ()))
            cookie = _cookie(result)
            if not cookie:
                return

    def base(self, dn: str, attributes: Sequence[str]) -> Entry | None:
        """One entry by its DN; None if it does not exist."""
        try:
            return next(self.search(dn, "(objectClass=*)", attributes, scope=ldap3.BASE), None)
        except DirectoryError as error:
            if error.code == NO_SUCH_OBJECT:
                return None
            raise

    def add(self, dn: str, values: Values) -> None:
        self._call(self._connection.add, dn, attributes=dict(values))

    def replace(self, dn: str, values: Values) -> None:
        """Set attributes; an empty list removes one."""
        self.modify(
            dn, {name: [(ldap3.MODIFY_REPLACE, list(new_values))] for name, new_values in values.items()}
        )

    def modify(self, dn: str, changes: Mapping[str, list[Change]], *, permissive: bool = False) -> None:
        controls = [(PERMISSIVE, False, None)] if permissive else None
        self._call(self._connection.modify, dn, dict(changes), controls=controls)

    def rename(self, dn: str, relative_dn: str, parent: str) -> None:
        self._call(self._connection.modify_dn, dn, relative_dn, new_superior=parent)

    def delete(self, dn: str) -> None:
        self._call(self._connection.delete, dn)

    def close(self) -> None:
        try:
            self._connection.unbind()
        except LDAPException:
            return

    def _call(self, operation: Callable[..., Any], *arguments: Any, **options: Any) -> Mapping[str, Any]:
        try:
            operation(*arguments, **options)
        except LDAPExceptionError as error:
            # The text of ldap3's errors may quote a DN or a value.
            raise UnreachableError(
                f"the connection to {self.server} was lost ({type(error).__name__})"
            ) from None
        result: Mapping[str, Any] = self._connection.result
        if result["result"] != SUCCESS:
            raise explain(result)
        return result


def _is_entry(message: Mapping[str, Any]) -> bool:
    return bool(message.get("type") == "searchResEntry")


def _entry(message: Mapping[str, Any]) -> Entry:
    return Entry(
        dn=message["dn"], values={name.lower(): values for name, values in message["raw_attributes"].items()}
    )


def _cookie(result: Mapping[str, Any]) -> bytes | None:
    control = (result.get("controls") or {}).get("1.2.840.113556.1.4.319")
    return control["value"]["cookie"] if control else None


def connect(login: Login) -> Link:
    """Open and bind a connection to the first server that answers."""
    reasons = []
    for server in login.servers:
        try:
            return _connect(login, server)
        except UnreachableError as error:
            reasons.append(str(error))
    raise UnreachableError("; ".join(reasons) or "no server is configured")


def _connect(login: Login, server: str) -> Link:
    host, port = _address(server)
    tls = _tls(login.ca_file)
    target = ldap3.Server(
        host, port=port, use_ssl=True, tls=tls, get_info=ldap3.NONE, connect_timeout=login.connect_seconds
    )
    connection = ldap3.Connection(
        target,
        user=login.bind_dn,
        password=login.password,
        receive_timeout=login.answer_seconds,
        check_names=False,
        auto_referrals=False,
    )
    try:
        bound = connection.bind()
    except LDAPException as error:
        raise _connection_error(server, login.ca_file, tls.failure or error) from None
    if not bound:
        if connection.result["result"] == WRONG_PASSWORD:
            raise WrongPasswordError(f"{server} refuses the bind DN with this password", WRONG_PASSWORD)
        raise explain(connection.result)
    return Link(connection, server)


def _address(server: str) -> tuple[str, int]:
    plain = server.removeprefix("ldaps://").rstrip("/")
    host, colon, port = plain.rpartition(":")
    if colon and port.isdigit() and (":" not in host or host.endswith("]")):
        return host.strip("[]"), int(port)
    return plain.strip("[]"), PORT


def _tls(ca_file: str) -> _StrictTls:
    try:
        ssl.create_default_context(cafile=ca_file)
    except (OSError, ssl.SSLError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "it has no certificate"
        raise UntrustedError(
            f"the file of the certificate authority, {ca_file}, cannot be read: {reason}"
        ) from None
    return _StrictTls(validate=ssl.CERT_REQUIRED, ca_certs_file=ca_file)


def _connection_error(server: str, ca_file: str, error: Exception) -> DirectoryError:
    """The error for a failed connection or TLS handshake."""
    if isinstance(error, ssl.SSLCertVerificationError):
        reason = error.verify_message
        if "mismatch" in reason or "not valid for" in reason:
            return WrongHostError(
                f"the certificate of {server} is for another name; it must have the name used here"
            )
        return UntrustedError(f"the certificate of {server} cannot be verified with {ca_file}: {reason}")
    if isinstance(error, ssl.SSLError):
        return UntrustedError(f"the TLS handshake with {server} failed: {error.reason or 'no reason given'}")
    return UnreachableError(f"{server} does not answer over LDAPS ({type(error).__name__})")
