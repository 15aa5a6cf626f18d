# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Reading .deb files without unpacking them to disk."""

from __future__ import annotations

import gzip
import re
import subprocess
import tarfile
from typing import List, Optional, Tuple

CHANGELOG = re.compile(r"^(?:\./)?usr/share/doc/[^/]+/(?P<file>changelog(?:\.Debian)?(?:\.[a-z0-9]+)?\.gz)$")


def _stream(deb: str, what: str) -> Tuple[subprocess.Popen[bytes], tarfile.TarFile]:
    process = subprocess.Popen(
        ["/usr/bin/dpkg-deb", what, deb], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    return process, tarfile.open(fileobj=process.stdout, mode="r|")


def changelog(deb: str) -> Optional[str]:
    """Debian's change notes inside a package; None where it keeps them in another package."""
    notes: Optional[str] = None
    process, archive = _stream(deb, "--fsys-tarfile")
    try:
        for entry in archive:
            match = CHANGELOG.match(entry.name)
            if match is None or not entry.isfile():
                continue
            handle = archive.extractfile(entry)
            text = gzip.decompress(handle.read()).decode("utf-8", "replace") if handle else ""
            if match["file"] == "changelog.Debian.gz":
                return text
            if match["file"] == "changelog.gz" and re.match(r"\S+ \([^)]+\) .+; urgency=", text):
                notes = text
    except (tarfile.TarError, OSError, EOFError):
        return notes
    finally:
        archive.close()
        process.kill()
        process.communicate()
    return notes


def scripts(deb: str) -> str:
    """The text of a package's preinst and postinst."""
    texts: List[str] = []
    process, archive = _stream(deb, "--ctrl-tarfile")
    try:
        for entry in archive:
            if entry.name.rsplit("/", 1)[-1] in ("postinst", "preinst") and entry.isfile():
                handle = archive.extractfile(entry)
                texts.append(handle.read().decode("utf-8", "replace") if handle else "")
    except (tarfile.TarError, OSError, EOFError):
        return "\n".join(texts)
    finally:
        archive.close()
        process.kill()
        process.communicate()
    return "\n".join(texts)


def asks_for_reboot(text: str) -> bool:
    return "reboot-required" in text


def restarts(text: str) -> List[str]:
    """The services that a package's own script restarts when it is upgraded."""
    if not re.search(r"restart", text):
        return []
    services = []
    for line in text.splitlines():
        if re.search(r"\b(restart|deb-systemd-invoke|invoke-rc\.d)\b", line) and not line.lstrip().startswith(
            "#"
        ):
            services += re.findall(r"([A-Za-z0-9@_.\\-]+\.service)\b", line)
    return sorted(set(services))
