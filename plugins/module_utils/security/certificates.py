# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Certificates: as `openssl x509` reads them, which of them end soon, and where configurations
name some. Pure.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, Dict, Iterable, List, Optional

from ..findings import Finding, finding
from ..linux import assignments

BLOCK = re.compile(r"-----BEGIN CERTIFICATE-----\s.+?-----END CERTIFICATE-----", re.DOTALL)
#: More certificates in one file than any chain has: a bundle of authorities, which is the system's
#: matter.
BUNDLE = 8
#: What openssl is asked of a certificate on its standard input.
OPENSSL = ["openssl", "x509", "-noout", "-subject", "-issuer", "-enddate", "-serial"]
OPENSSL += ["-nameopt", "RFC2253,utf8,-esc_msb"]
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
#: Settings by which Apache, nginx, Postfix, Dovecot, OpenLDAP, Samba, PostgreSQL and CUPS name a
#: certificate.
SETTING = re.compile(
    r"^\s*(?:SSLCertificateFile|ssl_certificate|ssl_cert|ssl_cert_file|smtpd_tls_cert_file|smtpd_tls_chain_files"
    r"|olcTLSCertificateFile|TLSCertificateFile|tls\s+certfile)\b\s*[:=]?\s*<?\s*[\"']?(/[^\s\"';,]+)",
    re.MULTILINE | re.IGNORECASE,
)
#: Ports at which TLS begins with the first byte; the only ones that are asked without being named.
TLS_PORTS = {
    443: "https", 465: "mail submission", 563: "news", 631: "printing", 636: "ldaps", 853: "dns over TLS",
    990: "ftps", 992: "telnets", 993: "imaps", 995: "pop3s", 3269: "global catalogue", 5061: "sips",
    5986: "winrm", 6514: "syslog over TLS", 8006: "https", 8443: "https", 8883: "mqtts", 9090: "https", 9443: "https",
}  # fmt: skip


@dataclass(frozen=True)
class Certificate:
    """One certificate, and the place that it was found at: a path, or `https on port 443`."""

    place: str
    service: bool
    subject: str
    issuer: str
    not_after: datetime
    serial: str

    @property
    def self_signed(self) -> bool:
        """Whether it is not signed by another authority."""
        return self.subject == self.issuer

    def days(self, now: datetime) -> int:
        """Whole days that are left; below zero it has expired."""
        return (self.not_after - now).days

    def row(self, now: datetime) -> Dict[str, Any]:
        """As plain data for a module's result."""
        return {
            "place": self.place,
            "service": self.service,
            "subject": common_name(self.subject),
            "issuer": common_name(self.issuer),
            "not_after": self.not_after.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "days": self.days(now),
            "serial": self.serial,
            "self_signed": self.self_signed,
        }


def blocks(text: str) -> List[str]:
    """The certificates of a PEM file, keys left out; none where it is a bundle of authorities."""
    certificates = BLOCK.findall(text)
    return certificates if len(certificates) <= BUNDLE else []


def parse(answer: str, place: str, service: bool = False) -> Optional[Certificate]:
    """What openssl answered to OPENSSL; None where it is not a certificate."""
    fields = assignments(answer)
    try:
        end = moment(fields["notAfter"])
    except (KeyError, ValueError):
        return None
    subject, issuer = fields.get("subject", "").strip(), fields.get("issuer", "").strip()
    return Certificate(place, service, subject, issuer, end, fields.get("serial", "").strip())


def moment(text: str) -> datetime:
    """`Nov  5 12:00:00 2026 GMT`, by whatever language this computer speaks."""
    month, day, clock, year = text.split()[:4]
    hour, minute, second = clock.split(":")
    if month not in MONTHS:
        raise ValueError("%s is not a month" % month)
    number = MONTHS.index(month) + 1
    return datetime(int(year), number, int(day), int(hour), int(minute), int(second), tzinfo=timezone.utc)


def common_name(name: str) -> str:
    """`www.school.test` of `CN=www.school.test,O=School`; the whole name where it has none."""
    match = re.search(r"(?:^|[,+]) ?CN ?= ?((?:\\.|[^,+\\])+)", name)
    return re.sub(r"\\(.)", r"\1", match.group(1)).strip() if match else name


def configured_paths(configuration: str) -> List[str]:
    """Paths of certificates that a service's configuration names."""
    return sorted(set(SETTING.findall(configuration)))


def service_name(port: int) -> str:
    """`https on port 443`."""
    return "%s on port %d" % (TLS_PORTS.get(port, "TLS"), port)


def worst(certificates: Iterable[Certificate]) -> List[Certificate]:
    """Of each place the certificate that ends first: a chain is as good as that one."""
    first: Dict[str, Certificate] = {}
    for certificate in certificates:
        if certificate.place not in first or certificate.not_after < first[certificate.place].not_after:
            first[certificate.place] = certificate
    return [first[place] for place in sorted(first)]


def findings(ci: str, certificates: Iterable[Certificate], now: datetime, within: int) -> List[Finding]:
    """A warning for each place whose certificate ends within so many days, an exception if it has
    ended.
    """
    rows = []
    for certificate in worst(certificates):
        days_left = certificate.days(now)
        if days_left > within:
            continue
        expired = certificate.not_after <= now
        subject = (
            "The service %s shows a certificate" % certificate.place
            if certificate.service
            else "The file %s holds a certificate" % certificate.place
        )
        ends = "expired" if expired else "expires"
        signed = "self-signed" if certificate.self_signed else "from %s" % common_name(certificate.issuer)
        rows.append(
            finding(
                "certificate-expired" if expired else "certificate-expires",
                "exception" if expired else "warning",
                "%s: %s" % (ci, certificate.place),
                "%s that %s on %s." % (subject, ends, certificate.not_after.strftime("%Y-%m-%d")),
                "%s, %s, serial %s" % (common_name(certificate.subject), signed, certificate.serial),
                "Renew it, and have its service load it again.",
            )
        )
    return rows
