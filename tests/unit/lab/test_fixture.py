"""Our own small packages and the archive that offers them."""

from __future__ import annotations

import hashlib
import io
import shutil
import subprocess
import tarfile
from datetime import UTC, datetime
from pathlib import Path

import pytest
from fitsom_lab.debs import CATALOGUE, ORDINARY, SECURITY, advisory, build, changelog
from fitsom_lab.errors import LabError
from fitsom_lab.fixture import index, parse_pairs, repository

RELEASED = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
EVERY = [(name, version) for name, product in CATALOGUE.items() for version in product.versions]


@pytest.mark.parametrize(("name", "version"), EVERY)
def test_the_same_version_is_the_same_file_everywhere(name: str, version: str) -> None:
    assert build(name, version).content == build(name, version).content


@pytest.mark.skipif(not shutil.which("dpkg-deb"), reason="no dpkg on this machine")
@pytest.mark.parametrize(("name", "version"), EVERY)
def test_dpkg_reads_what_we_built(name: str, version: str, tmp_path: Path) -> None:
    file = tmp_path / "one.deb"
    file.write_bytes(build(name, version).content)
    show = ["dpkg-deb", "--show", "--showformat=${Package} ${Version}", str(file)]
    assert subprocess.check_output(show, text=True) == f"fitsom-fixture-{name} {version}"
    subprocess.run(["dpkg-deb", "--extract", str(file), str(tmp_path / "root")], check=True)
    assert (tmp_path / f"root/usr/share/fitsom-fixture-{name}/version").read_text() == f"{version}\n"


def test_the_index_describes_the_file() -> None:
    deb = build("plain", "1.1")
    packages = index(SECURITY, [deb], RELEASED)["main/binary-amd64/Packages"].decode()
    assert f"SHA256: {hashlib.sha256(deb.content).hexdigest()}\n" in packages
    assert "Package: fitsom-fixture-plain\nVersion: 1.1\n" in packages


def test_only_the_security_archive_says_security() -> None:
    security, ordinary = (index(name, [], RELEASED)["Release"].decode() for name in (SECURITY, ORDINARY))
    assert "Label: Debian-Security\n" in security
    assert "Security" not in ordinary
    assert "Date: Sun, 01 Mar 2026 12:00:00 UTC\n" in security


def test_the_release_file_sums_its_indexes() -> None:
    files = index(SECURITY, [build("plain", "1.1")], RELEASED)
    digest = hashlib.sha256(files["main/binary-amd64/Packages.gz"]).hexdigest()
    assert (
        f" {digest} {len(files['main/binary-amd64/Packages.gz'])} main/binary-amd64/Packages.gz\n"
        in files["Release"].decode()
    )


def test_publishing_replaces_what_was_offered() -> None:
    with tarfile.open(fileobj=io.BytesIO(repository({"plain": "1.2"}, RELEASED))) as tar:
        pool = [name for name in tar.getnames() if "/pool/" in name]
    assert pool == ["srv/fitsom-fixture/pool/fitsom-fixture-plain_1.2_all.deb"]


def test_a_changelog_names_the_cve_and_nothing_of_later_versions() -> None:
    assert advisory("plain", "1.1") in changelog("plain", "1.1")
    assert "1.2" not in changelog("plain", "1.1")


def test_pairs_are_read_with_and_without_the_prefix() -> None:
    assert parse_pairs(["plain=1.0", "fitsom-fixture-plain=1.1"]) == {"plain": ["1.0", "1.1"]}
    with pytest.raises(LabError):
        parse_pairs(["plain"])


def test_an_unknown_version_is_refused() -> None:
    with pytest.raises(LabError, match="plain=9"):
        build("plain", "9")
