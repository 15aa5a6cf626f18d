"""Read which Debian mirrors this machine uses, so that no mirror is ever named in this repository."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from .errors import LabError

CODENAMES = ("bullseye", "bookworm", "trixie", "forky", "sid", "stable", "oldstable", "testing", "unstable")
RELEASE_SUITE = re.compile(rf"^({'|'.join(CODENAMES)})(-updates)?$")
SECURITY_SUITE = re.compile(rf"^({'|'.join(CODENAMES)})-security$")


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One source of packages, as apt would read it."""

    uri: str
    suites: tuple[str, ...]
    components: tuple[str, ...]
    signed_by: str = ""

    @property
    def is_debian(self) -> bool:
        """Third parties use Debian's suite names too, but neither `main` nor Debian's own keyring."""
        debian_key = not self.signed_by or "debian-archive" in self.signed_by
        return "main" in self.components and debian_key


@dataclass(frozen=True, kw_only=True)
class Mirrors:
    release: str
    security: str


def parse_one_line(text: str) -> Iterator[Entry]:
    """The classic format: deb [options] uri suite component..."""
    for raw in text.splitlines():
        line = raw.split("#", 1)[0].strip()
        match = re.match(r"^deb\s+(?:\[([^\]]*)\]\s+)?(\S+)\s+(\S+)\s*(.*)$", line)
        if match:
            options, uri, suite, components = match.groups()
            signed = re.search(r"signed-by=(\S+)", options or "")
            yield Entry(
                uri=uri,
                suites=(suite,),
                components=tuple(components.split()),
                signed_by=signed.group(1) if signed else "",
            )


def parse_deb822(text: str) -> Iterator[Entry]:
    """The newer format: paragraphs of fields."""
    for paragraph in re.split(r"\n\s*\n", text):
        fields = _fields(paragraph)
        disabled = fields.get("enabled", "yes").lower() in ("no", "false")
        if disabled or "deb" not in fields.get("types", "").split():
            continue
        for uri in fields.get("uris", "").split():
            yield Entry(
                uri=uri,
                suites=tuple(fields.get("suites", "").split()),
                components=tuple(fields.get("components", "").split()),
                signed_by=fields.get("signed-by", ""),
            )


def _fields(paragraph: str) -> dict[str, str]:
    fields: dict[str, str] = {}
    name = ""
    for line in paragraph.splitlines():
        if line.startswith("#"):
            continue
        if line[:1] in (" ", "\t") and name:
            fields[name] += " " + line.strip()
        elif ":" in line:
            name, _, value = line.partition(":")
            name = name.strip().lower()
            fields[name] = value.strip()
    return fields


def pick_mirrors(entries: Iterable[Entry]) -> Mirrors | None:
    """The first mirror of Debian's releases and the first of its security updates."""
    release = security = ""
    for entry in entries:
        if not entry.is_debian:
            continue
        if any(RELEASE_SUITE.match(suite) for suite in entry.suites):
            release = release or entry.uri
        if any(SECURITY_SUITE.match(suite) for suite in entry.suites):
            security = security or entry.uri
    if not (release and security):
        return None
    return Mirrors(release=release.rstrip("/"), security=security.rstrip("/"))


def read_entries(etc_apt: Path = Path("/etc/apt")) -> Iterator[Entry]:
    parts = etc_apt / "sources.list.d"
    for path in [etc_apt / "sources.list", *sorted(parts.glob("*.list"))]:
        if path.is_file():
            yield from map(_resolve_mirror_list, parse_one_line(path.read_text(encoding="utf-8")))
    for path in sorted(parts.glob("*.sources")):
        yield from map(_resolve_mirror_list, parse_deb822(path.read_text(encoding="utf-8")))


def _resolve_mirror_list(entry: Entry) -> Entry:
    """Debian's cloud images say mirror+file:/etc/apt/mirrors/debian.list: take its first line."""
    match = re.match(r"^mirror\+file:/*(/.*)$", entry.uri)
    if not match or not Path(match.group(1)).is_file():
        return entry
    lines = Path(match.group(1)).read_text(encoding="utf-8").split("\n")
    first = next((line.split()[0] for line in lines if line.strip() and not line.startswith("#")), entry.uri)
    return Entry(uri=first, suites=entry.suites, components=entry.components, signed_by=entry.signed_by)


def machine_mirrors(release: str | None, security: str | None, etc_apt: Path = Path("/etc/apt")) -> Mirrors:
    """What the settings say, else what the machine itself uses."""
    if release and security:
        return Mirrors(release=release.rstrip("/"), security=security.rstrip("/"))
    found = pick_mirrors(read_entries(etc_apt))
    if not found:
        raise LabError(
            f"no Debian release and security sources found in {etc_apt}",
            "set FITSOM_LAB_MIRROR and FITSOM_LAB_SECURITY_MIRROR to the mirrors your Debian servers use",
        )
    return Mirrors(release=release or found.release, security=security or found.security)
