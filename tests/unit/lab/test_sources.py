"""Which mirrors this machine uses, read from apt's own files."""

from __future__ import annotations

from pathlib import Path

import pytest
from fitsom_lab.errors import LabError
from fitsom_lab.sources import Mirrors, machine_mirrors, parse_deb822, parse_one_line, pick_mirrors

OURS = Mirrors(release="http://mirror.school.test/debian", security="http://mirror.school.test/security")

CLASSIC = """
# deb http://commented.test/debian bookworm main
deb http://mirror.school.test/debian/ bookworm main contrib
deb-src http://sources.test/debian bookworm main
deb http://mirror.school.test/debian bookworm-updates main
deb [arch=amd64 signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://mirror.school.test/security bookworm-security main
"""  # noqa: E501

MODERN = """Types: deb deb-src
# a comment between the fields
URIs: http://mirror.school.test/debian
Suites: bookworm bookworm-updates
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: http://mirror.school.test/security
Suites: bookworm-security
Components: main
 contrib
"""


def test_the_classic_format_is_read() -> None:
    assert pick_mirrors(parse_one_line(CLASSIC)) == OURS


def test_the_deb822_format_is_read() -> None:
    assert pick_mirrors(parse_deb822(MODERN)) == OURS


def test_a_disabled_paragraph_is_passed_over() -> None:
    assert (
        list(parse_deb822("Types: deb\nEnabled: no\nURIs: http://x.test\nSuites: bookworm\nComponents: main"))
        == []
    )


@pytest.mark.parametrize(
    "third_party",
    [
        "deb http://vendor.test/linux/debian bookworm stable",
        "deb [signed-by=/usr/share/keyrings/vendor.gpg] http://vendor.test/debian bookworm main",
        "deb http://vendor.test/apt bookworm-vendor main",
    ],
)
def test_third_parties_are_never_taken_for_debian(third_party: str) -> None:
    assert pick_mirrors(parse_one_line(third_party + "\n" + CLASSIC)) == OURS


def test_a_mirror_list_of_a_cloud_image_is_followed(tmp_path: Path) -> None:
    listed = tmp_path / "debian.list"
    listed.write_text("# mirrors\nhttp://mirror.school.test/debian\nhttp://other.test/debian\n")
    (tmp_path / "sources.list").write_text(
        f"deb mirror+file:{listed} bookworm main\ndeb http://mirror.school.test/security bookworm-security main\n"
    )
    assert machine_mirrors(None, None, tmp_path) == OURS


def test_no_debian_sources_say_what_to_set(tmp_path: Path) -> None:
    with pytest.raises(LabError) as refused:
        machine_mirrors(None, None, tmp_path)
    assert "FITSOM_LAB_MIRROR" in refused.value.hint


def test_settings_win_over_the_machine(tmp_path: Path) -> None:
    assert machine_mirrors(OURS.release + "/", OURS.security, tmp_path) == OURS
