"""A local apt repository in a host of the lab, made of our own small packages.

Two archives, so that what is security and what is not can be told apart as in Debian's:
`lab-security` says Label: Debian-Security, `lab` does not.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import TYPE_CHECKING

from .debs import CATALOGUE, ORDINARY, SECURITY, Deb, build, package_name
from .errors import LabError

if TYPE_CHECKING:
    from .labs import Lab

ROOT = "srv/fitsom-fixture"
APT_CACHE = "var/cache/apt/archives"
SOURCES = "etc/apt/sources.list.d/fitsom-fixture.sources"
ARCHITECTURES = ("amd64", "arm64")
ARCHIVES = {
    SECURITY: {"Origin": "Debian", "Label": "Debian-Security"},
    ORDINARY: {"Origin": "fitsom lab", "Label": "fitsom lab"},
}

Wanted = Mapping[str, str | Iterable[str]]


def publish(lab: Lab, host: str, versions: Wanted, *, released: datetime | None = None) -> None:
    """Make the host's fixture archives offer exactly these versions, and refresh apt's lists of them.

    What was offered before is gone, as Debian's security archive forgets a version that another replaced.
    """
    tar = repository(versions, released or datetime.now(UTC))
    ours = {
        "Dir::Etc::sourcelist": f"/{SOURCES}",
        "Dir::Etc::sourceparts": "-",
        "APT::Get::List-Cleanup": "0",
    }
    only_ours = " ".join(f"-o {name}={value}" for name, value in ours.items())
    lab.engine.shell(
        lab.container(host),
        f"rm -rf /{ROOT}; tar -x -C / -f -; apt-get -q {only_ours} update; apt-cache gencaches",
        stdin=tar,
    )


def install(lab: Lab, host: str, versions: Wanted) -> None:
    """Install these versions whatever is published, and leave their files where apt keeps what it fetched."""
    debs = _debs(versions)
    if not debs:
        return
    tar = _tar({f"{APT_CACHE}/{deb.filename}": deb.content for deb in debs})
    paths = " ".join(f"/{APT_CACHE}/{deb.filename}" for deb in debs)
    lab.engine.shell(
        lab.container(host),
        "tar -x -C / -f -; export DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1;"
        f" dpkg --install {paths}",
        stdin=tar,
    )


def parse_pairs(pairs: Iterable[str]) -> dict[str, list[str]]:
    """plain=1.1 service=1.1, also twice for two versions of one package."""
    wanted: dict[str, list[str]] = {}
    for pair in pairs:
        name, equals, version = pair.partition("=")
        if not equals:
            raise LabError(f"expected NAME=VERSION, not {pair!r}", f"names: {', '.join(CATALOGUE)}")
        wanted.setdefault(name.removeprefix(package_name("")), []).append(version)
    return wanted


def repository(versions: Wanted, released: datetime) -> bytes:
    """A tar of both archives and of apt's source entry for them."""
    debs = _debs(versions)
    files = {f"{ROOT}/pool/{deb.filename}": deb.content for deb in debs}
    for archive in ARCHIVES:
        ours = [deb for deb in debs if CATALOGUE[deb.name.removeprefix(package_name(""))].archive == archive]
        indexes = index(archive, ours, released)
        files |= {f"{ROOT}/dists/{archive}/{name}": content for name, content in indexes.items()}
    files[SOURCES] = sources().encode()
    return _tar(files)


def sources() -> str:
    return f"Types: deb\nURIs: file:/{ROOT}\nSuites: {' '.join(ARCHIVES)}\nComponents: main\nTrusted: yes\n"


def index(archive: str, debs: Iterable[Deb], released: datetime) -> dict[str, bytes]:
    """An archive's Packages files and the Release file that describes them."""
    packages = "\n".join(deb.index_entry for deb in debs).encode()
    files: dict[str, bytes] = {}
    for architecture in ARCHITECTURES:
        folder = f"main/binary-{architecture}"
        files |= {f"{folder}/Packages": packages, f"{folder}/Packages.gz": gzip.compress(packages, mtime=0)}
    return {**files, "Release": release_file(archive, files, released).encode()}


def release_file(archive: str, files: Mapping[str, bytes], released: datetime) -> str:
    fields = {
        **ARCHIVES[archive],
        "Suite": archive,
        "Codename": archive,
        "Date": format_datetime(released.astimezone(UTC), usegmt=True).replace("GMT", "UTC"),
        "Architectures": " ".join(("all", *ARCHITECTURES)),
        "Components": "main",
        "Description": f"the lab's {archive} archive",
    }
    head = "".join(f"{name}: {value}\n" for name, value in fields.items())
    sums = "".join(
        f" {hashlib.sha256(content).hexdigest()} {len(content)} {name}\n" for name, content in files.items()
    )
    return f"{head}SHA256:\n{sums}"


def _debs(versions: Wanted) -> list[Deb]:
    pairs = [(name, [each] if isinstance(each, str) else list(each)) for name, each in versions.items()]
    return [build(name, version) for name, wanted in pairs for version in wanted]


def _tar(files: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode, entry.mtime = len(content), 0o644, int(datetime.now(UTC).timestamp())
            tar.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()
