"""Our own small Debian packages, made without any tool: deterministic, and in milliseconds.

Each behaves in one way that a patch run must cope with. See CATALOGUE.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass

from .errors import LabError

MADE_AT = 1_767_225_600  # 2026-01-01, so that the same version is the same file everywhere
SECURITY, ORDINARY = "lab-security", "lab"

SERVICE_UNIT = """[Unit]
Description=A service of the lab, version {version}
[Service]
ExecStart=/usr/lib/fitsom-fixture/service
Restart=no
[Install]
WantedBy=multi-user.target
"""
SERVICE_GOOD = "#!/bin/sh\nexec sleep infinity\n"
SERVICE_BAD = "#!/bin/sh\necho 'fitsom-fixture: this version cannot start' >&2\nexit 1\n"
SERVICE_POSTINST = """#!/bin/sh
set -e
[ "$1" = configure ] || exit 0
[ -d /run/systemd/system ] || exit 0
systemctl daemon-reload
systemctl enable --quiet fitsom-fixture.service
systemctl restart fitsom-fixture.service || true
"""
REBOOT_POSTINST = """#!/bin/sh
set -e
[ "$1" = configure ] && [ -n "$2" ] || exit 0
echo '*** System restart required ***' > /run/reboot-required
asking=/run/reboot-required.pkgs
grep -qsx fitsom-fixture-reboot "$asking" || echo fitsom-fixture-reboot >> "$asking"
"""
BROKEN_POSTINST = """#!/bin/sh
[ "$1" = configure ] || exit 0
echo 'fitsom-fixture-broken: this version cannot be configured' >&2
exit 1
"""


QUESTION_CONFIG = """#!/bin/sh
set -e
. /usr/share/debconf/confmodule
db_input high fitsom-fixture-question/colour || true
db_input low fitsom-fixture-question/shade || true
db_go || true
"""
QUESTION_POSTINST = """#!/bin/sh
set -e
. /usr/share/debconf/confmodule
"""
QUESTION_TEMPLATES = """Template: fitsom-fixture-question/colour
Type: string
Default: green
Description: Colour:

Template: fitsom-fixture-question/shade
Type: string
Default: light
Description: Shade:
"""


@dataclass(frozen=True, kw_only=True)
class Product:
    """One package of ours: its versions, and the archive it is published in."""

    versions: tuple[str, ...]
    about: str
    archive: str = SECURITY


CATALOGUE: Mapping[str, Product] = {
    "plain": Product(versions=("1.0", "1.1", "1.2"), about="a file and a configuration file"),
    "feature": Product(versions=("1.0", "1.1"), about="not a security update", archive=ORDINARY),
    "service": Product(versions=("1.0", "1.1", "1.2"), about="restarts its service; 1.2 cannot start"),
    "reboot": Product(versions=("1.0", "1.1"), about="asks for a reboot when upgraded"),
    "broken": Product(versions=("1.0", "2.0"), about="version 2.0 cannot be configured"),
    "rival": Product(versions=("1.0", "1.1"), about="version 1.1 drives feature out"),
    "question": Product(versions=("1.0", "1.1"), about="version 1.1 asks a question"),
}


RIVAL = ("fitsom-fixture-rival", "1.1")


def package_name(name: str) -> str:
    return f"fitsom-fixture-{name}"


@dataclass(frozen=True, kw_only=True)
class Deb:
    """A built package."""

    name: str
    version: str
    control: str
    content: bytes

    @property
    def filename(self) -> str:
        return f"{self.name}_{self.version}_all.deb"

    @property
    def index_entry(self) -> str:
        """Its paragraph in an archive's Packages file."""
        digest = hashlib.sha256(self.content).hexdigest()
        return f"{self.control}Filename: pool/{self.filename}\nSize: {len(self.content)}\nSHA256: {digest}\n"


def build(name: str, version: str) -> Deb:
    product = CATALOGUE.get(name)
    if not product or version not in product.versions:
        known = ", ".join(f"{each}={one}" for each, found in CATALOGUE.items() for one in found.versions)
        raise LabError(f"no fixture package {name}={version}", f"there are: {known}")
    package = package_name(name)
    control = _control(package, version, product)
    scripts = {"control": (control, 0o644)}
    configuration = [f"/{path}\n" for path in _files(name, version) if path.startswith("etc/")]
    if configuration:
        scripts["conffiles"] = ("".join(configuration), 0o644)
    script = _postinst(name, version)
    if script:
        scripts["postinst"] = (script, 0o755)
    if script == QUESTION_POSTINST:
        scripts.update(config=(QUESTION_CONFIG, 0o755), templates=(QUESTION_TEMPLATES, 0o644))
    content = _ar(
        {
            "debian-binary": b"2.0\n",
            "control.tar.gz": _tar_gz(scripts),
            "data.tar.gz": _tar_gz(_files(name, version)),
        }
    )
    return Deb(name=package, version=version, control=control, content=content)


def _control(package: str, version: str, product: Product) -> str:
    conflicts = f"Conflicts: {package_name('feature')}\n" if (package, version) == RIVAL else ""
    return (
        f"Package: {package}\nVersion: {version}\nArchitecture: all\nSection: misc\nPriority: optional\n"
        f"Maintainer: fitsom lab <lab@school.test>\nInstalled-Size: 8\n{conflicts}"
        f"Description: lab fixture: {product.about}\n"
    )


def _postinst(name: str, version: str) -> str:
    if name == "broken":
        return BROKEN_POSTINST if version == "2.0" else ""
    if name == "question":
        return QUESTION_POSTINST if version == "1.1" else ""
    return {"service": SERVICE_POSTINST, "reboot": REBOOT_POSTINST}.get(name, "")


def _files(name: str, version: str) -> dict[str, tuple[str | bytes, int]]:
    package = package_name(name)
    history = gzip.compress(changelog(name, version).encode(), mtime=0)
    files: dict[str, tuple[str | bytes, int]] = {
        f"usr/share/{package}/version": (f"{version}\n", 0o644),
        f"usr/share/doc/{package}/changelog.gz": (history, 0o644),
    }
    if name == "plain":
        files[f"etc/{package}.conf"] = (f"version = {version}\n", 0o644)
    if name == "service":
        program = SERVICE_BAD if version == "1.2" else SERVICE_GOOD
        files["usr/lib/fitsom-fixture/service"] = (program, 0o755)
        files["usr/lib/systemd/system/fitsom-fixture.service"] = (SERVICE_UNIT.format(version=version), 0o644)
    return files


def advisory(name: str, version: str) -> str:
    """An invented CVE number, stable for each version of a security package after the first."""
    product = CATALOGUE[name]
    index = product.versions.index(version)
    if product.archive != SECURITY or not index:
        return ""
    return f"CVE-2026-{90000 + 10 * list(CATALOGUE).index(name) + index}"


def changelog(name: str, up_to: str) -> str:
    """Newest first, as Debian's are; security versions name the CVE they fix."""
    entries = []
    known = CATALOGUE[name].versions
    for version in reversed(known[: known.index(up_to) + 1]):
        cve = advisory(name, version)
        suite, line = (SECURITY, f"Fix {cve}.") if cve else (ORDINARY, f"Version {version}.")
        entries.append(
            f"{package_name(name)} ({version}) {suite}; urgency=medium\n\n  * {line}\n\n"
            f" -- fitsom lab <lab@school.test>  Thu, 01 Jan 2026 00:00:00 +0000\n"
        )
    return "\n".join(entries)


def _tar_gz(files: Mapping[str, tuple[str | bytes, int]]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as tar:
        folders = {str(parent) for name in files for parent in _parents(name)}
        for folder in sorted(folders):
            entry = _entry(f"./{folder}/", 0o755)
            entry.type = tarfile.DIRTYPE
            tar.addfile(entry)
        for name, (text, mode) in sorted(files.items()):
            content = text.encode() if isinstance(text, str) else text
            entry = _entry(f"./{name}", mode)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return gzip.compress(buffer.getvalue(), mtime=0)


def _parents(name: str) -> list[str]:
    parts = name.split("/")[:-1]
    return ["/".join(parts[: index + 1]) for index in range(len(parts))]


def _entry(name: str, mode: int) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.mode, entry.mtime, entry.uname, entry.gname = mode, MADE_AT, "root", "root"
    return entry


def _ar(members: Mapping[str, bytes]) -> bytes:
    """A .deb is an ar archive of three members."""
    parts = [b"!<arch>\n"]
    for name, content in members.items():
        parts.append(f"{name:<16}{MADE_AT:<12}{0:<6}{0:<6}{'100644':<8}{len(content):<10}`\n".encode())
        parts.append(content + (b"\n" if len(content) % 2 else b""))
    return b"".join(parts)
