# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The certificates of the host that a module runs on: in files, and those that its services show.

Reads only.
"""

from __future__ import annotations

import glob
import os
import socket
import ssl
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Dict, Iterable, Iterator, List, Set, Tuple

from ..linux import read_text
from .certificates import (
    OPENSSL,
    TLS_PORTS,
    Certificate,
    blocks,
    configured_paths,
    parse,
    service_name,
)

#: Files and folders where certificates of a server usually are.
PLACES = (
    "/etc/ssl", "/etc/pki/tls/certs", "/usr/local/share/ca-certificates", "/etc/letsencrypt/live", "/etc/cups/ssl",
    "/etc/ldap", "/etc/openldap/certs", "/var/lib/samba/private/tls", "/var/lib/postgresql",
)  # fmt: skip
CONFIGURATIONS = (
    "/etc/apache2/sites-enabled/*", "/etc/nginx/nginx.conf", "/etc/nginx/conf.d/*", "/etc/nginx/sites-enabled/*",
    "/etc/postfix/main.cf", "/etc/dovecot/dovecot.conf", "/etc/dovecot/conf.d/*", "/etc/samba/smb.conf",
    "/etc/ldap/slapd.conf", "/etc/ldap/slapd.d/cn=config.ldif", "/etc/postgresql/*/*/postgresql.conf",
)  # fmt: skip
#: Authorities that come with the system, and go with its updates.
SYSTEM = ("/usr/share/ca-certificates/", "/usr/share/pki/", "/etc/pki/ca-trust/extracted/")
SYSTEM_BUNDLES = ("/etc/ssl/certs/ca-certificates.crt", "/etc/ssl/certs/ca-bundle.crt")
ENDINGS = (".pem", ".crt", ".cer", ".cert")
LARGEST, DEEPEST, LISTEN = 262144, 4, "0A"
SECONDS = 3.0


def file_certificates(module: Any, extra_paths: Iterable[str] = ()) -> List[Certificate]:
    """Certificates in files; `extra_paths` adds files or folders.

    `module` is the AnsibleModule that runs openssl.
    """
    certificates = []
    for path in sorted(candidates([*PLACES, *extra_paths, *configured()])):
        for block in blocks(read(path)):
            certificates += openssl(module, block, path)
    return certificates


def service_certificates(module: Any, extra_ports: Iterable[int] = ()) -> List[Certificate]:
    """Certificates that services of this host show; `extra_ports` adds ports at which TLS begins
    with the first byte.
    """
    ports = {*TLS_PORTS, *extra_ports}
    listeners = sorted({port: address for address, port in listening() if port in ports}.items())
    with ThreadPoolExecutor(max_workers=8) as pool:
        answers = list(pool.map(lambda pair: presented(pair[1], pair[0]), listeners))
    certificates = []
    for (port, _address), text in zip(listeners, answers):  # noqa: B905 - Python 3.9 knows no strict
        certificates += openssl(module, text, service_name(port), service=True) if text else []
    return certificates


def openssl(module: Any, text: str, place: str, service: bool = False) -> List[Certificate]:
    """One certificate, or none where openssl does not read it."""
    code, out, _error = module.run_command(OPENSSL, data=text, environ_update={"LC_ALL": "C.UTF-8"})
    certificate = parse(out, place, service) if code == 0 else None
    return [certificate] if certificate else []


def candidates(places: Iterable[str]) -> Set[str]:
    """Files that may hold certificates, by their real path; those of the system's own authorities
    left out.
    """
    paths = set()
    for path in places:
        for file in walk(path) if os.path.isdir(path) else [path]:
            real = os.path.realpath(file)
            if os.path.isfile(real) and real not in SYSTEM_BUNDLES and not real.startswith(SYSTEM):
                paths.add(os.path.normpath(file) if "/letsencrypt/live/" in file else real)
    return paths


def walk(folder: str) -> Iterator[str]:
    """Files with an ending of certificates, not too deep."""
    depth = folder.rstrip("/").count("/")
    for place, folders, files in os.walk(folder):
        if place.count("/") - depth >= DEEPEST:
            folders.clear()
        yield from (os.path.join(place, name) for name in files if name.lower().endswith(ENDINGS))


def configured() -> List[str]:
    """Files that services' configurations name."""
    texts = [read(path) for pattern in CONFIGURATIONS for path in glob.glob(pattern)]
    return [path for text in texts for path in configured_paths(text)]


def read(path: str) -> str:
    """The text of a file of ordinary size; empty where it cannot be read."""
    try:
        if os.path.getsize(path) > LARGEST:
            return ""
    except OSError:
        return ""
    return read_text(path)


def listening() -> List[Tuple[str, int]]:
    """Address and port of each TCP socket that waits for connections."""
    addresses: Dict[int, str] = {}
    for path, family in (("/proc/net/tcp6", socket.AF_INET6), ("/proc/net/tcp", socket.AF_INET)):
        for line in read(path).splitlines()[1:]:
            fields = line.split()
            if len(fields) > 3 and fields[3] == LISTEN:
                address, port = fields[1].split(":")
                addresses[int(port, 16)] = reachable(address, family)
    return [(address, port) for port, address in sorted(addresses.items())]


def reachable(text: str, family: int) -> str:
    """The address of /proc/net/tcp, by which this host reaches itself where it means all
    addresses.
    """
    words = [bytes.fromhex(text[at : at + 8])[::-1] for at in range(0, len(text), 8)]
    address = socket.inet_ntop(family, b"".join(words))
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(address, address)  # noqa: S104 - nothing is bound here


def presented(address: str, port: int) -> str:
    """The certificate that a service shows, as PEM; empty where it speaks no TLS.

    A bad one is read as well.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        context.set_ciphers("ALL:@SECLEVEL=0")  # short keys are read, too
        context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
        plain = socket.create_connection((address, port), timeout=SECONDS)
        with plain, context.wrap_socket(plain) as link:
            shown_by = link.getpeercert(binary_form=True)
    except (OSError, ValueError):
        return ""
    return ssl.DER_cert_to_PEM_cert(shown_by) if shown_by else ""
