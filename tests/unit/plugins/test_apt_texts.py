"""What the modules read out of change notes, error texts, needrestart and times of day."""

from __future__ import annotations

import pytest

from plugins.module_utils.apt.debconf import seen
from plugins.module_utils.apt.rules import (
    apt_errors,
    deb_name,
    diff_of,
    package_rows,
    parse_changelog,
    parse_needrestart,
    parse_simulation,
    reboot_decision,
    reboot_reasons,
    seconds_until,
)
from plugins.module_utils.apt.undecided import kept_configuration, undecided

CHANGELOG = """\
openssl (3.0.17-1~deb12u2) bookworm-security; urgency=medium

  * CVE-2026-1234, CVE-2026-5678
  * See DSA-5999-1

 -- Some One <one@example.org>  Mon, 02 Nov 2026 10:00:00 +0000

openssl (3.0.17-1~deb12u1) bookworm; urgency=medium

  * CVE-2026-1111

 -- Some One <one@example.org>  Thu, 01 Oct 2026 10:00:00 +0000

openssl (3.0.16-1~deb12u1) bookworm; urgency=medium

  * CVE-2025-9999

 -- Some One <one@example.org>  Thu, 01 Jan 2026 10:00:00 +0000
"""


def test_advisories_are_those_since_the_installed_version() -> None:
    result, day = parse_changelog(CHANGELOG, "3.0.16-1~deb12u1")
    assert result == ["CVE-2026-1111", "CVE-2026-1234", "CVE-2026-5678", "DSA-5999-1"]
    assert day == "2026-11-02"


def test_a_new_package_brings_only_what_its_newest_entry_names() -> None:
    assert parse_changelog(CHANGELOG, None)[0] == ["CVE-2026-1234", "CVE-2026-5678", "DSA-5999-1"]


def test_nothing_is_invented_where_the_notes_name_nothing() -> None:
    assert parse_changelog("", "1.0") == ([], None)


def test_rows_carry_what_is_known_of_their_new_version_and_nothing_of_another() -> None:
    changes = parse_simulation("Inst a [1] (2 x [all])\nInst b [1] (2 x [all])")
    listed = [
        {"name": "a", "to": "2", "security": True, "origin": "Debian-Security", "advisories": ["CVE-2026-1"]}
    ]
    first, second = package_rows(changes, [*listed, {"name": "b", "to": "3", "security": True}])
    assert (first["security"], first["origin"], first["advisories"]) == (
        True,
        "Debian-Security",
        ["CVE-2026-1"],
    )
    assert (second["security"], second["origin"], second["released"]) == (False, None, None)


def test_the_diff_has_a_line_for_each_package_that_changes() -> None:
    changes = parse_simulation("Inst b (2 x [all])\nInst a [1] (2 x [all])\nRemv c [3]")
    assert diff_of(changes)["before"] == "a 1\nc 3\n"
    assert diff_of(changes)["after"] == "a 2\nb 2\n"


FAILED = """\
Unpacking fine (2.0) over (1.0) ...
Setting up broken (2.0) ...
broken: this version cannot be configured
dpkg: error processing package broken (--configure):
 installed broken package post-installation script subprocess returned error exit status 1
Errors were encountered while processing:
 broken
E: Sub-process /usr/bin/dpkg returned an error code (1)
"""


def test_a_failure_is_reported_in_the_packages_own_words() -> None:
    text = apt_errors(FAILED)
    assert "broken: this version cannot be configured" in text
    assert "post-installation script" in text
    assert "E: Sub-process" in text
    assert "Unpacking fine" not in text


def test_without_known_words_the_last_lines_are_reported() -> None:
    assert apt_errors("one\ntwo") == "one\ntwo"


def test_file_names_are_those_of_apts_cache() -> None:
    assert deb_name("libc6:i386", "1:2.36-9", "i386") == "libc6_1%3a2.36-9_i386.deb"


def test_needrestart_is_read() -> None:
    text = "NEEDRESTART-VER: 3.6\nNEEDRESTART-KSTA: 3\nNEEDRESTART-SVC: cron.service\nNEEDRESTART-SVC: ssh.service\n"
    assert parse_needrestart(text) == (["cron.service", "ssh.service"], True)


def test_a_reboot_is_asked_for_by_name_or_by_the_package_itself() -> None:
    changes = parse_simulation(
        "Inst linux-image-amd64 [1] (2 x [all])\nInst own [1] (2 x [all])\nInst other [1] (2 x [a])"
    )
    assert reboot_reasons(changes, ["linux-image-*"], ["own"]) == ["linux-image-amd64", "own"]


@pytest.mark.parametrize(
    ("policy", "reasons", "changed", "expected"),
    [
        ("never", ["x"], True, (True, False)),
        ("if_required", ["x"], False, (True, True)),
        ("if_required", [], True, (False, False)),
        ("always", [], True, (False, True)),
        ("always", [], False, (False, False)),
    ],
)
def test_the_policy_decides_on_the_reboot(
    policy: str, reasons: list[str], changed: bool, expected: tuple[bool, bool]
) -> None:
    assert reboot_decision(policy, reasons, changed) == expected


@pytest.mark.parametrize(
    ("at", "now", "seconds"),
    [("22:30", (22, 0), 1800), ("01:00", (23, 0), 7200), ("18:00", (18, 30), 0), ("7:05", (7, 5), 0)],
)
def test_a_time_of_day_is_waited_for_or_has_passed(at: str, now: tuple[int, int], seconds: int) -> None:
    assert seconds_until(at, now) == seconds


def test_what_is_no_time_of_day_is_refused() -> None:
    with pytest.raises(ValueError, match="not a time of day"):
        seconds_until("half past ten", (0, 0))


KEPT = """\
Setting up ops-conf (1.1) ...

Configuration file '/etc/ops-conf.conf'
 ==> Modified (by you or by a script) since installation.
 ==> Package distributor has shipped an updated version.
 ==> Using current old file as you requested.
Installing new version of config file /etc/other.conf ...

Configuration file '/etc/default.conf'
 ==> Deleted (by you or by a script) since installation.
 ==> Package distributor has shipped an updated version.
 ==> Keeping old config file as default.

Configuration file '/etc/taken.conf'
 ==> File on system created by you or by a script.
 ==> File also in package provided by package maintainer.
 ==> Using new file as you requested.
"""


TEMPLATES_DAT = """\
Name: postfix/main_mailer_type
Description: General type of mail configuration:
Type: select
Owners: postfix/main_mailer_type

Name: postfix/password
Type: password

Name: postfix/note
Type: note
"""
CONFIG_DAT = """\
Name: postfix/main_mailer_type
Template: postfix/main_mailer_type
Value: canary
Owners: postfix
Flags: seen

Name: postfix/note
Template: postfix/note
Flags: seen

Name: postfix/not_asked
Template: postfix/main_mailer_type
Owners: postfix
"""
PASSWORDS_DAT = """\
Name: postfix/relay/password
Template: postfix/password
Value: canary
Flags: other, seen
Variables:
 flags = seen
"""


def test_questions_that_were_answered_are_read_without_their_answers() -> None:
    found = seen(TEMPLATES_DAT, [CONFIG_DAT, PASSWORDS_DAT])
    assert found == {"postfix/main_mailer_type", "postfix/relay/password"}
    assert seen("", [""]) == set()


def test_what_nobody_was_asked_about_is_found() -> None:
    assert undecided("Setting up vim (9) ...", [], "srv1") == {}
    kept, answered = undecided(KEPT, sorted(f"p/{number:02}" for number in range(21)), "srv1")["findings"]
    assert kept["evidence"] == "/etc/ops-conf.conf, /etc/default.conf"
    assert answered["what"].startswith("21 questions of packages")
    assert answered["evidence"].endswith("p/19 and more")


def test_configuration_that_was_kept_is_read() -> None:
    assert kept_configuration(KEPT) == ["/etc/ops-conf.conf", "/etc/default.conf"]
    assert kept_configuration("Setting up vim (9) ...") == []
