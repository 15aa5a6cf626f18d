"""Which packages dpkg calls installed."""

from __future__ import annotations

from plugins.modules.apt_missing import installed


def test_only_what_is_wholly_installed_counts() -> None:
    listing = (
        "installed chrony\n"
        "config-files rsyslog\n"
        "half-configured cups\n"
        "not-installed tzdata\n"
        "unpacked git\n"
        "installed libpam-pwquality\n"
    )
    assert installed(listing) == ["chrony", "libpam-pwquality"]


def test_no_answer_is_nothing() -> None:
    assert installed("") == []
    assert installed("installed\n\n") == []
